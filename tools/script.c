/* Running the parts of the command that are written in Lua. */
#include "tools/script.h"

#include <stdio.h>
#include <string.h>

#include "tools/help.h"
#include "tools/options_jit.h"
#include "vm/exec/bundle.h"
#include "vm/exec/semantics.h"
#include "vm/host/files.h"

static const char test_source[] = {
#include "tools/lua/test.inc"
};
static const char describe_source[] = {
#include "tools/lua/describe.inc"
};
static const char bench_source[] = {
#include "tools/lua/bench.inc"
};
static const char bundle_source[] = {
#include "tools/lua/bundle.inc"
};

typedef struct Script {
    const char *name, *source;
    size_t size;
} Script;

static const Script scripts[] = {
#define SCRIPT(name) {#name, name##_source, sizeof name##_source - 1},
#include "tools/scripts.def"
#undef SCRIPT
};

static const Script *find(const char *name)
{
    for (size_t i = 0; i < RI_COUNTOF(scripts); i++) {
        if (strcmp(scripts[i].name, name) == 0)
            return &scripts[i];
    }
    return NULL;
}

/* -- What scripts can ask for ------------------------------------------------------------------------------------ */

static int32_t tool_columns(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint16_t size[4];
    int fd = (int)ri_arg_opt_int(T, args, nargs, 0, 1);
    if (ri_host_fd_terminal_size(fd, size) < 0)
        return ri_return_nil(T->base);
    return ri_return_int(T->base, size[1] > 0 ? size[1] : 80);
}

static int32_t tool_executable(RiThread *T, RiValue *args, uint32_t nargs)
{
    char path[RI_PATH_SIZE];
    (void)args;
    (void)nargs;
    if (ri_host_real_path("/proc/self/exe", path) < 0)
        return ri_return_nil(T->base);
    return ri_return_string(T->base, ri_str_from_cstr(T->heap, path));
}

static int32_t tool_source(RiThread *T, RiValue *args, uint32_t nargs)
{
    const Script *script = find(ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0)));
    RI_ARG_CHECK(T, script != NULL, 0, "no such script");
    return ri_return_string(T->base, ri_str_new(T->heap, script->source, script->size));
}

static int32_t tool_make_executable(RiThread *T, RiValue *args, uint32_t nargs)
{
    int status = ri_host_make_executable(ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0)));
    if (status == 0)
        return ri_return_bool(T->base, true);
    return ri_return2(T->base, ri_nil(), ri_string_value(ri_str_from_cstr(T->heap, strerror(-status))));
}

static int32_t tool_hash(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiString *bytes = ri_arg_str(T, args, nargs, 0);
    return ri_return_int(T->base, (int64_t)ri_bundle_hash(ri_str_data(bytes), bytes->size));
}

/* The command keeps it in the registry, where these functions find it. */
static const RiTool *tool_of(RiThread *T)
{
    return ri_table_get_str(T->process->registry, ri_str_from_cstr(T->heap, "rille.tool")).p;
}

static int32_t tool_complain(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiTool *tool = tool_of(T);
    const char *what = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0));
    const char *word = nargs > 1 ? ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 1)) : NULL;
    return ri_return_int(T->base, ri_help_complain(tool, tool->argv[tool->first - 1], what, word));
}

static const RiLibFn functions[] = {
    RI_FN(tool_columns, "tool.columns", "tool.columns([fd])", "Columns of the terminal at a descriptor, or nil."),
    RI_FN(tool_executable, "tool.executable", "tool.executable()", "The path of the program that runs."),
    RI_FN(tool_source, "tool.source", "tool.source(name)", "The text of a script."),
    RI_FN(tool_make_executable, "tool.make_executable", "tool.make_executable(path)", "Lets it be run as a program."),
    RI_FN(tool_hash, "tool.hash", "tool.hash(bytes)", "The hash that the trailer of a bundle has."),
    RI_FN(tool_complain, "tool.complain", "tool.complain(what [, word])", "Says that the command line is wrong: 2."),
};

/* -- Running ----------------------------------------------------------------------------------------------------- */

static int32_t go_on(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return_bool(T->base, true);
}

static void set_field(RiThread *T, RiTable *t, const char *name, RiValue value)
{
    ri_push(T, value);
    RiString *key = ri_str_from_cstr(T->heap, name);
    ri_table_set_str(T->heap, t, key, T->top[-1]);
    T->top--;
}

/* Push `tool` and the words for the script. */
static uint32_t push_arguments(RiTool *tool, RiThread *T)
{
    RiTable *t = ri_table_new(T->heap, 0, 8);
    ri_push(T, ri_table_value(t));
    ri_library_fill(T, t, functions, RI_COUNTOF(functions));
    set_field(T, t, "name", ri_string_value(ri_str_from_cstr(T->heap, tool->name)));
    set_field(T, T->process->registry, "rille.tool", (RiValue){.p = tool, .tag = RI_TAG_LIGHT});
    ri_stack_reserve(T, (uint32_t)tool->argc + 3);
    uint32_t count = 1;
    for (int i = tool->first; i < tool->argc; i++) {
        if (tool->argv[i] != NULL) {
            ri_push(T, ri_string_value(ri_str_from_cstr(T->heap, tool->argv[i])));
            count++;
        }
    }
    return count;
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTool *tool = ri_tool_of(args);
    const Script *script = find(tool->argv[tool->first - 1]);
    char name[40];
    (void)nargs;
    ri_open_libraries(T);
    snprintf(name, sizeof name, "=rille %s", script->name);
    ri_proc_set_name(T->process->proc, name + 1);
    if (ri_load(T, script->source, script->size, name, NULL) != RI_OK)
        return ri_return2(T->base, ri_bool(false), T->top[-1]);
    ri_push_link(T);
    uint32_t count = push_arguments(tool, T);
    ri_lib_catch(T);
    return ri_lib_call(T, count, 0);
}

/* Options of the JIT become NULL among the words. False: *bad is one that is wrong. */
static bool take_options(RiTool *tool, int first, const char **bad)
{
    for (int i = first; i < tool->argc && tool->argv[i][0] == '-'; i++) {
        int at = i, taken = ri_jit_options_take(tool, tool->argv, &i);
        *bad = tool->argv[at];
        if (taken < 0)
            return false;
        for (; taken > 0 && at <= i; at++)
            tool->argv[at] = NULL;
    }
    return true;
}

int ri_script_run(RiTool *tool, const char *name, int first)
{
    static const RiLibFn body = {
        .name = "?", .call = run, .resume = go_on, .flags = RI_LIBFN_CATCHES | RI_LIBFN_HANDLER};
    const char *bad;
    if (!take_options(tool, first, &bad))
        return ri_help_complain(tool, name, "wrong value of option", bad);
    tool->first = first;
    return ri_tool_run(tool, &body);
}
