/* What `rille bundle` copies: it runs the program that has been appended to its own file (vm/exec/bundle.h). All
 * arguments are the program's; it has no options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"
#include "vm/exec/bundle.h"
#include "vm/exec/call.h"
#include "vm/exec/semantics.h"
#include "vm/host/host.h"

/* -- Reading ---------------------------------------------------------------------------------------------------------
 */

static const char *read_entries(FILE *file, const RiBundleTrailer *trailer, RiBundle *bundle)
{
    int64_t end = ri_host_tell(file); /* behind the trailer */
    if (trailer->version != RI_BUNDLE_VERSION)
        return "the program in this file was made by another version";
    if (end < RI_BUNDLE_TRAILER_SIZE || trailer->size > (uint64_t)end - RI_BUNDLE_TRAILER_SIZE)
        return "the program in this file is damaged: a part of it is missing";
    char *bytes = malloc((size_t)trailer->size + 1);
    if (bytes == NULL)
        return "not enough memory";
    *bundle = (RiBundle){.bytes = bytes, .size = (size_t)trailer->size, .count = trailer->count};
    if (!ri_host_seek(file, end - RI_BUNDLE_TRAILER_SIZE - (int64_t)trailer->size, SEEK_SET) ||
        fread(bytes, 1, bundle->size, file) != bundle->size)
        return "the program in this file cannot be read";
    if (ri_bundle_hash(bytes, bundle->size) != trailer->hash || !ri_bundle_is_sound(bundle))
        return "the program in this file is damaged";
    return NULL;
}

/* NULL, or what is wrong. The bytes of the bundle are malloc'ed. */
static const char *read_bundle(RiBundle *bundle)
{
    char bytes[RI_BUNDLE_TRAILER_SIZE];
    RiBundleTrailer trailer;
    FILE *file = ri_host_open_self();
    if (file == NULL)
        return "this program cannot read its own file";
    const char *problem = "this file holds no program, or its end is missing";
    if (ri_host_seek(file, -RI_BUNDLE_TRAILER_SIZE, SEEK_END) && fread(bytes, 1, sizeof bytes, file) == sizeof bytes &&
        ri_bundle_read_trailer(bytes, &trailer))
        problem = read_entries(file, &trailer, bundle);
    fclose(file);
    return problem;
}

/* -- Running ---------------------------------------------------------------------------------------------------------
 */

static void attach(struct RiMachine *machine, void *bundle)
{
    machine->bundle = bundle;
}

/* The global `arg`; and the words of the command line are left on the stack. */
static uint32_t push_arguments(RiThread *T, const RiTool *tool)
{
    RiTable *t = ri_table_new(T->heap, (uint32_t)tool->argc, 0);
    ri_push(T, ri_table_value(t));
    ri_table_set_str(T->heap, T->process->globals, ri_str_from_cstr(T->heap, "arg"), ri_table_value(t));
    T->top--;
    ri_stack_reserve(T, (uint32_t)tool->argc + 3);
    for (int i = 0; i < tool->argc; i++) {
        RiValue word = ri_string_value(ri_str_from_cstr(T->heap, tool->argv[i]));
        if (i > 0)
            ri_push(T, word);
        ri_table_set_int(T->heap, t, i, word);
    }
    return tool->argc > 0 ? (uint32_t)tool->argc - 1 : 0;
}

static int32_t go_on(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return_bool(T->base, true);
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiTool *tool = ri_tool_of(args);
    const RiBundle *bundle = tool->on_machine_argument;
    RiBundleEntry entry = {0};
    size_t at = 0;
    (void)nargs;
    while (ri_bundle_next(bundle, &at, &entry) && entry.kind != RI_BUNDLE_PROGRAM) {
    }
    ri_open_libraries(T);
    ri_proc_set_name(T->process->proc, ri_str_cstr(T->heap, ri_str_new(T->heap, entry.name, entry.name_size)));
    if (ri_load(T, entry.data, entry.size, "=bundle", "b") != RI_OK)
        return ri_return2(T->base, ri_bool(false), T->top[-1]);
    ri_process_set_program(T->process, T->top[-1]);
    ri_push_link(T);
    uint32_t count = push_arguments(T, tool);
    ri_lib_catch(T);
    return ri_lib_call(T, count, 0);
}

int main(int argc, char **argv)
{
    static const RiLibFn body = {
        .name = "?", .call = run, .resume = go_on, .flags = RI_LIBFN_CATCHES | RI_LIBFN_HANDLER};
    RiTool tool = {.argc = argc, .argv = argv, .name = argc > 0 && argv[0][0] != '\0' ? argv[0] : "program"};
    RiBundle bundle = {0};
    const char *problem = read_bundle(&bundle);
    if (problem != NULL) {
        ri_tool_message(&tool, problem);
        return EXIT_FAILURE;
    }
    tool.on_machine = attach;
    tool.on_machine_argument = &bundle;
    return ri_tool_run(&tool, &body);
}
