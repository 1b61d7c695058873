/* bundle: files that a program has brought along (`rille bundle`). A program that is run from its source finds them
 * beside the script instead, so that it need not know the difference. */
#include <string.h>

#include "stdlib/libs.h"
#include "vm/exec/bundle.h"
#include "vm/machine/proc.h"

static const RiBundle *bundle_of(const RiThread *T)
{
    const RiProc *proc = T->process->proc;
    return proc != NULL ? proc->machine->bundle : NULL;
}

static RiValue text_value(RiThread *T, const char *text)
{
    return ri_string_value(ri_str_from_cstr(T->heap, text));
}

/* A field of a table of globals, or nil. */
static RiValue field(RiThread *T, RiValue t, const char *name)
{
    return ri_is_table(t) ? ri_table_get_str(t.p, ri_str_from_cstr(T->heap, name)) : ri_nil();
}

/* Push "FOLDER/name", FOLDER that of arg[0]. */
static void push_path_beside(RiThread *T, const RiString *name)
{
    RiValue arg = field(T, ri_table_get_int(T->process->registry, 2), "arg");
    RiValue script = ri_is_table(arg) ? ri_table_get_int(arg.p, 0) : ri_nil();
    const char *path = ri_is_string(script) ? ri_str_cstr(T->heap, script.p) : "";
    const char *slash = strrchr(path, '/');
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    if (slash != NULL && ri_str_data(name)[0] != '/')
        ri_sbuf_add(&sb, path, (size_t)(slash + 1 - path));
    ri_sbuf_add(&sb, ri_str_data(name), name->size);
    ri_push(T, ri_string_value(ri_sbuf_finish(&sb)));
}

/* Call method `name` of the value at `at` with what is above it on the stack; its results replace these. */
static uint32_t call_method(RiThread *T, RiValue object, const char *name, const char *argument)
{
    ri_push(T, ri_index(T, object, text_value(T, name)));
    ri_push_link(T);
    ri_push(T, object);
    if (argument != NULL)
        ri_push(T, text_value(T, argument));
    return ri_call(T, argument != NULL ? 2 : 1, 1);
}

/* io.open(path, "rb"):read("a") */
static int32_t read_beside(RiThread *T, const RiString *name)
{
    RiValue loaded = ri_table_get_str(T->process->registry, ri_str_from_cstr(T->heap, "_LOADED"));
    ri_push(T, ri_index(T, field(T, loaded, "io"), text_value(T, "open")));
    ri_push_link(T);
    push_path_beside(T, name);
    ri_push(T, text_value(T, "rb"));
    ri_call(T, 2, 3);
    if (ri_is_nil(T->top[-3]))
        return ri_return_top(T, 3);
    RiValue file = T->top[-3];
    call_method(T, file, "read", "a");
    call_method(T, T->top[-4], "close", NULL);
    T->top--;
    return ri_return_top(T, 1);
}

static int32_t bundle_read(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiString *name = ri_arg_str(T, args, nargs, 0);
    const RiBundle *bundle = bundle_of(T);
    RiBundleEntry entry;
    if (bundle == NULL)
        return read_beside(T, name);
    if (ri_bundle_find(bundle, RI_BUNDLE_FILE, ri_str_data(name), name->size, &entry))
        return ri_return_string(T->base, ri_str_new(T->heap, entry.data, entry.size));
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add(&sb, ri_str_data(name), name->size);
    ri_sbuf_add(&sb, ": not in the bundle", 19);
    RiString *message = ri_sbuf_finish(&sb);
    return ri_return2(T->base, ri_nil(), ri_string_value(message));
}

static int32_t bundle_list(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiBundle *bundle = bundle_of(T);
    RiBundleEntry entry;
    size_t at = 0;
    (void)args;
    (void)nargs;
    RiTable *t = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(t));
    while (bundle != NULL && ri_bundle_next(bundle, &at, &entry)) {
        if (entry.kind == RI_BUNDLE_FILE)
            ri_table_append(T->heap, t, ri_string_value(ri_str_new(T->heap, entry.name, entry.name_size)));
    }
    return ri_return1(T->base, ri_table_value(t));
}

static int32_t bundle_is_bundled(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return_bool(T->base, bundle_of(T) != NULL);
}

static const RiLibFn functions[] = {
    RI_FN(bundle_read, "bundle.read", "bundle.read(name)",
          "The contents of a file that came with the program, or that lies beside its script; or nil and a message."),
    RI_FN(bundle_list, "bundle.list", "bundle.list()", "Names of the files that came with the program: a list."),
    RI_FN(bundle_is_bundled, "bundle.is_bundled", "bundle.is_bundled()", "Was the program made by rille bundle?"),
};

const RiLibrary ri_lib_bundle = {"bundle", functions, RI_COUNTOF(functions), NULL};
