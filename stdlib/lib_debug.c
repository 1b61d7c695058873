/* debug: looking into running functions, and changing what they see. Nothing here can break the virtual machine: stack
 * slots that the machine itself relies on (loop states, arguments of library functions) are shown but not changed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/inspect.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/opcode.h"
#include "vm/exec/traceback.h"
#include "stdlib/libs.h"
#include "stdlib/stream.h"

/* -- Arguments ------------------------------------------------------------------------------------------------- */

/* Many functions take a thread before their other arguments: *skip says how many arguments it takes up. */
static RiThread *thread_arg(RiThread *T, const RiValue *args, uint32_t nargs, uint32_t *skip)
{
    *skip = nargs > 0 && args[0].tag == RI_TAG_THREAD;
    return *skip ? args[0].p : T;
}

static int int_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return (int)ri_arg_int(T, args, nargs, i);
}

static RiValue function_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    ri_arg_check_function(T, args, nargs, i);
    return args[i];
}

static RiTable *nil_or_table_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    if (i >= nargs || !(ri_is_table(args[i]) || ri_is_nil(args[i])))
        ri_arg_type_error(T, args, nargs, i, "nil or table");
    return ri_is_nil(args[i]) ? NULL : args[i].p;
}

/* -- Metatables, user values, registry ------------------------------------------------------------------------- */

static int32_t debug_getregistry(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return ri_return1(args, ri_table_value(T->process->registry));
}

static int32_t debug_getmetatable(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    RiTable *meta = ri_value_meta(T->process, args[0]);
    return ri_return1(args, meta != NULL ? ri_table_value(meta) : ri_nil());
}

static int32_t debug_setmetatable(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *meta = nil_or_table_arg(T, args, nargs, 1);
    ri_value_set_meta(T, args[0], meta);
    return ri_return1(args, args[0]);
}

static int32_t debug_getuservalue(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t n = ri_arg_opt_int(T, args, nargs, 1, 1);
    if (nargs == 0 || !ri_is_userdata(args[0]))
        return ri_return_nil(args);
    const RiUserdata *u = args[0].p;
    if (n < 1 || n > u->object.aux)
        return ri_return_nil(args);
    return ri_return2(args, u->uservalues[n - 1], ri_bool(true));
}

static int32_t debug_setuservalue(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t n = ri_arg_opt_int(T, args, nargs, 2, 1);
    if (nargs == 0 || !ri_is_userdata(args[0]))
        ri_arg_type_error(T, args, nargs, 0, "userdata");
    ri_arg_check_any(T, args, nargs, 1);
    RiUserdata *u = args[0].p;
    if (n < 1 || n > u->object.aux)
        return ri_return_nil(args);
    ri_copy(&u->uservalues[n - 1], &args[1]);
    return ri_return1(args, args[0]);
}

/* -- getinfo --------------------------------------------------------------------------------------------------- */

static void set_field(RiThread *T, RiTable *t, const char *name, RiValue v)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, name), v);
}

static void set_text(RiThread *T, RiTable *t, const char *name, const char *text)
{
    set_field(T, t, name, ri_string_value(ri_str_from_cstr(T->heap, text)));
}

static void set_source_info(RiThread *T, RiTable *t, RiValue function)
{
    const RiProto *proto = ri_function_proto(function);
    char short_source[RI_ID_SIZE];
    size_t size;
    const char *source = ri_function_source(T, function, &size);
    ri_chunk_id(short_source, source, size);
    set_field(T, t, "source", ri_string_value(ri_str_new(T->heap, source, size)));
    set_text(T, t, "short_src", short_source);
    set_field(T, t, "linedefined", ri_int(proto != NULL ? (int64_t)proto->line_defined : -1));
    set_field(T, t, "lastlinedefined", ri_int(proto != NULL ? (int64_t)proto->last_line_defined : -1));
    set_text(T, t, "what", proto == NULL ? "C" : proto->line_defined == 0 ? "main" : "Lua");
}

static void set_parameter_info(RiThread *T, RiTable *t, RiValue function)
{
    const RiProto *proto = ri_function_proto(function);
    set_field(T, t, "nups", ri_int(ri_upvalue_count(function)));
    set_field(T, t, "nparams", ri_int(proto != NULL ? proto->param_count : 0));
    set_field(T, t, "isvararg", ri_bool(proto == NULL || proto->is_vararg));
}

/* Is every letter of `options` one that getinfo knows? */
static bool options_are_valid(const char *options)
{
    return options[strspn(options, "SlnrutLf")] == '\0';
}

static int32_t debug_getinfo(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t skip;
    RiThread *of = thread_arg(T, args, nargs, &skip);
    RiFrame frame;
    RiValue function = ri_arg(args, nargs, skip);
    bool is_active = !ri_is_function(function);
    const char *options = "flnSrtu";
    if (!ri_arg_is_none_or_nil(args, nargs, skip + 1))
        options = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, skip + 1));
    RI_ARG_CHECK(T, options[0] != '>', skip + 1, "invalid option '>'");
    if (is_active) {
        if (!ri_frame_at(of, int_arg(T, args, nargs, skip), &frame))
            return ri_return_nil(args);
        function = ri_frame_function(of, &frame);
    }
    RI_ARG_CHECK(T, options_are_valid(options), skip + 1, "invalid option");

    RiTable *t = ri_table_new(T->heap, 0, 16);
    if (strchr(options, 'S') != NULL)
        set_source_info(T, t, function);
    if (strchr(options, 'l') != NULL)
        set_field(T, t, "currentline", ri_int(is_active ? ri_frame_line(of, &frame) : -1));
    if (strchr(options, 'u') != NULL)
        set_parameter_info(T, t, function);
    if (strchr(options, 'n') != NULL) {
        const char *name = NULL;
        const char *kind = is_active ? ri_frame_name(of, &frame, &name) : NULL;
        if (name != NULL)
            set_text(T, t, "name", name);
        set_text(T, t, "namewhat", kind != NULL ? kind : "");
    }
    if (strchr(options, 'r') != NULL) {
        bool is_hooked = is_active && ri_is_hooked_frame(of, int_arg(T, args, nargs, skip));
        set_field(T, t, "ftransfer", ri_int(is_hooked ? of->transfer_first : 0));
        set_field(T, t, "ntransfer", ri_int(is_hooked ? of->transfer_count : 0));
    }
    if (strchr(options, 't') != NULL)
        set_field(T, t, "istailcall", ri_bool(is_active && frame.is_tail));
    if (strchr(options, 'L') != NULL)
        set_field(T, t, "activelines", ri_active_lines(T, function));
    if (strchr(options, 'f') != NULL)
        set_field(T, t, "func", function);
    return ri_return1(T->base, ri_table_value(t));
}

/* -- Local variables ------------------------------------------------------------------------------------------- */

static int32_t debug_getlocal(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t skip;
    RiThread *of = thread_arg(T, args, nargs, &skip);
    int n = int_arg(T, args, nargs, skip + 1);
    if (ri_is_function(args[skip])) {
        const char *name = ri_parameter_name(args[skip], n);
        if (name == NULL)
            return ri_return_nil(args);
        return ri_return_string(args, ri_str_from_cstr(T->heap, name));
    }
    RiFrame frame;
    int level = int_arg(T, args, nargs, skip);
    RI_ARG_CHECK(T, ri_frame_at(of, level, &frame), skip, "level out of range");
    RiLocal local = ri_find_local(of, level, &frame, n, false);
    if (local.name == NULL)
        return ri_return_nil(args);
    RiValue value = local.slot != NULL ? ri_visible_value(*local.slot) : ri_nil();
    return ri_return2(args, ri_string_value(ri_str_from_cstr(T->heap, local.name)), value);
}

static int32_t debug_setlocal(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t skip;
    RiThread *of = thread_arg(T, args, nargs, &skip);
    RiFrame frame;
    int level = int_arg(T, args, nargs, skip);
    int n = int_arg(T, args, nargs, skip + 1);
    RI_ARG_CHECK(T, ri_frame_at(of, level, &frame), skip, "level out of range");
    ri_arg_check_any(T, args, nargs, skip + 2);
    RiLocal local = ri_find_local(of, level, &frame, n, true);
    if (local.name == NULL)
        return ri_return_nil(args);
    ri_set_local(of, &local, args[skip + 2]);
    return ri_return_string(args, ri_str_from_cstr(T->heap, local.name));
}

/* -- Upvalues -------------------------------------------------------------------------------------------------- */

static int32_t debug_getupvalue(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name;
    RiValue *value;
    int n = int_arg(T, args, nargs, 1);
    if (!ri_find_upvalue(T, function_arg(T, args, nargs, 0), n, &name, &value))
        return 0;
    RiString *s = ri_str_from_cstr(T->heap, name);
    return ri_return2(args, ri_string_value(s), ri_visible_value(*value));
}

static int32_t debug_setupvalue(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name;
    RiValue *value;
    ri_arg_check_any(T, args, nargs, 2);
    int n = int_arg(T, args, nargs, 1);
    RiValue function = function_arg(T, args, nargs, 0);
    if (!ri_find_upvalue(T, function, n, &name, &value))
        return 0;
    if (ri_may_set_upvalue(function))
        ri_copy(value, &args[2]);
    return ri_return_string(args, ri_str_from_cstr(T->heap, name));
}

/* The identity of an upvalue, NULL if there is none. */
static void *upvalue_id(RiThread *T, RiValue *args, uint32_t nargs, uint32_t function_index, int *n)
{
    *n = int_arg(T, args, nargs, function_index + 1);
    return ri_upvalue_id(function_arg(T, args, nargs, function_index), *n);
}

static int32_t debug_upvalueid(RiThread *T, RiValue *args, uint32_t nargs)
{
    int n;
    void *id = upvalue_id(T, args, nargs, 0, &n);
    return ri_return1(args, id != NULL ? ri_object(id, RI_TAG_LIGHT) : ri_nil());
}

static int32_t debug_upvaluejoin(RiThread *T, RiValue *args, uint32_t nargs)
{
    int n1, n2;
    RI_ARG_CHECK(T, upvalue_id(T, args, nargs, 0, &n1) != NULL, 1, "invalid upvalue index");
    RI_ARG_CHECK(T, upvalue_id(T, args, nargs, 2, &n2) != NULL, 3, "invalid upvalue index");
    RI_ARG_CHECK(T, args[0].tag == RI_TAG_CLOSURE, 0, "Lua function expected");
    RI_ARG_CHECK(T, args[2].tag == RI_TAG_CLOSURE, 2, "Lua function expected");
    ((RiClosure *)args[0].p)->upvals[n1 - 1] = ((RiClosure *)args[2].p)->upvals[n2 - 1];
    return 0;
}

/* -- Hooks ----------------------------------------------------------------------------------------------------- */

/* registry._HOOKKEY[thread] = hook, in a table with weak keys: nothing here needs it, but programs that look there see
 * what they expect. */
static void note_hook(RiThread *T, RiThread *of, RiValue hook)
{
    RiHeap *heap = T->heap;
    RiString *key = ri_str_from_cstr(heap, "_HOOKKEY");
    RiValue hooks = ri_table_get_str(T->process->registry, key);
    if (!ri_is_table(hooks)) {
        RiTable *t = ri_table_new(heap, 0, 1);
        hooks = ri_table_value(t);
        ri_table_set_str(heap, T->process->registry, key, hooks);
        ri_table_set_str(heap, t, heap->mm_names[RI_MM_MODE], ri_string_value(ri_str_from_cstr(heap, "k")));
        ri_table_set_meta(heap, t, t);
    }
    ri_set_index(T, hooks, ri_object(of, RI_TAG_THREAD), hook);
}

static int32_t debug_sethook(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t skip, mask = 0;
    RiThread *of = thread_arg(T, args, nargs, &skip);
    if (ri_arg_is_none_or_nil(args, nargs, skip)) {
        note_hook(T, of, ri_nil());
        ri_set_hook(of, ri_nil(), 0, 0);
        return 0;
    }
    const char *letters = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, skip + 1));
    RiValue hook = function_arg(T, args, nargs, skip);
    int64_t count = ri_arg_opt_int(T, args, nargs, skip + 2, 0);
    mask |= strchr(letters, 'c') != NULL ? RI_HOOK_CALL : 0;
    mask |= strchr(letters, 'r') != NULL ? RI_HOOK_RETURN : 0;
    mask |= strchr(letters, 'l') != NULL ? RI_HOOK_LINE : 0;
    mask |= (int)count > 0 ? RI_HOOK_COUNT : 0;
    note_hook(T, of, hook);
    ri_set_hook(of, hook, mask, (int32_t)count);
    return 0;
}

static int32_t debug_gethook(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t skip;
    RiThread *of = thread_arg(T, args, nargs, &skip);
    char letters[4];
    size_t size = 0;
    if ((of->hook_mask & RI_HOOK_EVENTS) == 0)
        return ri_return_nil(args);
    if (of->hook_mask & RI_HOOK_CALL)
        letters[size++] = 'c';
    if (of->hook_mask & RI_HOOK_RETURN)
        letters[size++] = 'r';
    if (of->hook_mask & RI_HOOK_LINE)
        letters[size++] = 'l';
    RiString *mask = ri_str_new(T->heap, letters, size);
    RiValue hook = of->hook;
    if (ri_is_nil(hook)) /* set by a C program */
        hook = ri_string_value(ri_str_from_cstr(T->heap, "external hook"));
    return ri_return3(args, hook, ri_string_value(mask), ri_int(of->hook_count));
}

/* -- Traceback and the rest ------------------------------------------------------------------------------------ */

static int32_t debug_traceback(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t skip;
    RiThread *of = thread_arg(T, args, nargs, &skip);
    RiValue message = ri_arg(args, nargs, skip);
    const char *text = NULL;
    if (!ri_is_nil(message)) {
        if (!ri_is_string(message) && !ri_is_number(message))
            return ri_return1(args, message); /* an error object of another kind: untouched */
        text = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, skip));
    }
    int level = (int)ri_arg_opt_int(T, args, nargs, skip + 1, of == T ? 1 : 0);
    RiString *s = ri_traceback(T, of, text, level);
    return ri_return_string(T->base, s);
}

static int32_t debug_debug(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    for (;;) {
        char line[250];
        fputs("lua_debug> ", ri_stream_standard(T, 2));
        fflush(ri_stream_standard(T, 2));
        if (fgets(line, sizeof line, ri_stream_standard(T, 0)) == NULL || strcmp(line, "cont\n") == 0)
            return 0;
        RiCallStatus status = ri_load(T, line, strlen(line), "=(debug command)", "bt");
        if (status == RI_OK) {
            uint32_t count;
            ri_push_link(T);
            status = ri_pcall(T, 0, 0, ri_nil(), &count);
        }
        if (status != RI_OK) {
            RiString *message = ri_tostring(T, T->top[-1]);
            fprintf(ri_stream_standard(T, 2), "%s\n", ri_str_cstr(T->heap, message));
            fflush(ri_stream_standard(T, 2));
        }
        T->top = T->base + nargs;
    }
}

/* Kept for programs of early 5.4; the limit cannot be changed. */
static int32_t debug_setcstacklimit(RiThread *T, RiValue *args, uint32_t nargs)
{
    int_arg(T, args, nargs, 0);
    return ri_return_int(args, RI_C_DEPTH_MAX);
}

/* -- Table of functions ---------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN(debug_debug, "debug.debug", "debug.debug()", "Read and run lines from standard input until one says \"cont\"."),
    RI_FN(debug_gethook, "debug.gethook", "debug.gethook([thread])", "The hook function of a thread, its mask and count."),
    RI_FN(debug_getinfo, "debug.getinfo", "debug.getinfo([thread,] f [, what])",
          "A table about a function or a level of the stack; `what` selects by letters out of \"SlnrutLf\"."),
    RI_FN(debug_getlocal, "debug.getlocal", "debug.getlocal([thread,] f, n)",
          "Name and value of local variable n at a level of the stack; of a function: the name of parameter n."),
    RI_FN(debug_getmetatable, "debug.getmetatable", "debug.getmetatable(v)", "The metatable of any value, or nil."),
    RI_FN(debug_getregistry, "debug.getregistry", "debug.getregistry()", "The registry table."),
    RI_FN(debug_getupvalue, "debug.getupvalue", "debug.getupvalue(f, n)", "Name and value of upvalue n of a function."),
    RI_FN(debug_getuservalue, "debug.getuservalue", "debug.getuservalue(u [, n])",
          "User value n of a userdata and true, or nil."),
    RI_FN(debug_setcstacklimit, "debug.setcstacklimit", "debug.setcstacklimit(limit)",
          "Does nothing; returns the limit of nested C calls."),
    RI_FN(debug_sethook, "debug.sethook", "debug.sethook([thread,] hook, mask [, count])",
          "Call `hook` on calls (\"c\"), returns (\"r\"), lines (\"l\"), every `count` instructions; no arguments: never."),
    RI_FN(debug_setlocal, "debug.setlocal", "debug.setlocal([thread,] level, n, value)",
          "Set local variable n at a level of the stack; returns its name."),
    RI_FN(debug_setmetatable, "debug.setmetatable", "debug.setmetatable(v, metatable)",
          "Set the metatable of any value (of its type, unless a table or userdata); returns the value."),
    RI_FN(debug_setupvalue, "debug.setupvalue", "debug.setupvalue(f, n, value)",
          "Set upvalue n of a function; returns its name."),
    RI_FN(debug_setuservalue, "debug.setuservalue", "debug.setuservalue(u, value [, n])",
          "Set user value n of a userdata; returns it, or nil if it has no such value."),
    RI_FN(debug_traceback, "debug.traceback", "debug.traceback([thread,] [message [, level]])",
          "The stack as text, after a message; from `level` on."),
    RI_FN(debug_upvalueid, "debug.upvalueid", "debug.upvalueid(f, n)",
          "Something that identifies a variable: equal for two upvalues that share it."),
    RI_FN(debug_upvaluejoin, "debug.upvaluejoin", "debug.upvaluejoin(f1, n1, f2, n2)",
          "Let upvalue n1 of f1 be the same variable as upvalue n2 of f2."),
};

const RiLibrary ri_lib_debug = {"debug", functions, RI_COUNTOF(functions), NULL};
