/* `rille [run] [options] [script [args]]`: the stand-alone interpreter. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stdlib/stream.h"
#include "tools/control.h"
#include "tools/options_jit.h"
#include "tools/options_policy.h"
#include "tools/os_sandbox.h"
#include "tools/tool.h"
#include "vm/exec/call.h"
#include "vm/exec/semantics.h"
#include "vm/exec/warn.h"
#include "vm/exec/witness.h"

/* What the options before the script ask for. */
typedef struct Options {
    bool is_bad, interactive, version, executes, no_environment, help, stats, all_stats, os_sandbox;
    int script; /* index of the script, 0: none; of the bad option if is_bad; -1: no program name */
    int limit;  /* the options end before this index */
} Options;

/* -- Options ----------------------------------------------------------------------------------------------------- */

/* A long option, at argv[*i]: true if it is one of Rille's. */
static bool take_long_option(RiTool *tool, Options *o, int *i)
{
    const char *option = tool->argv[*i];
    if (tool->is_lua)
        return false;
    int taken = ri_limits_take_option(&tool->limits, tool->argv, i);
    if (taken == 0)
        taken = ri_policy_take_option(tool->argv, i);
    if (taken == 0)
        taken = ri_device_options_take(&tool->devices, tool->argv, i);
    if (taken == 0)
        taken = ri_jit_options_take(tool, tool->argv, i);
    if (taken == 0)
        taken = ri_control_take_option(tool, tool->argv, i);
    if (taken != 0)
        return taken > 0;
    if (strcmp(option, "--help") == 0)
        o->help = true;
    else if (strcmp(option, "--version") == 0)
        o->version = o->executes = true; /* and no prompt after it */
    else if (strcmp(option, "--os-sandbox") == 0)
        o->os_sandbox = true;
    else if (strcmp(option, "--stats") == 0)
        o->stats = true;
    else if (strcmp(option, "--stats=all") == 0)
        o->stats = o->all_stats = true;
    else
        return false;
    return true;
}

/* One option at argv[*i], which begins with '-' and is neither "-" nor "--". false if it is none. */
static bool take_option(RiTool *tool, Options *o, int *i)
{
    const char *option = tool->argv[*i];
    bool alone = option[2] == '\0';
    switch (option[1]) {
    case '-':
        return take_long_option(tool, o, i);
    case 'E':
        o->no_environment = true;
        return alone;
    case 'W':
        return alone;
    case 'i':
        o->interactive = o->version = true;
        return alone;
    case 'v':
        o->version = true;
        return alone;
    case 'e':
    case 'l':
        o->executes |= option[1] == 'e';
        if (alone) { /* the argument is the next word */
            const char *next = tool->argv[++*i];
            return next != NULL && next[0] != '-';
        }
        return true;
    default:
        return false;
    }
}

static Options parse_options(RiTool *tool, int first)
{
    Options o = {.limit = tool->argc};
    if (tool->argc == 0) {
        o.script = -1;
        return o;
    }
    for (int i = first; tool->argv[i] != NULL; i++) {
        const char *word = tool->argv[i];
        int at = i;
        if (word[0] != '-' || word[1] == '\0') {
            o.script = o.limit = i;
            return o;
        }
        if (strcmp(word, "--") == 0) {
            o.limit = i;
            o.script = i + 1 < tool->argc ? i + 1 : 0;
            return o;
        }
        if (!take_option(tool, &o, &i)) {
            o.is_bad = true;
            o.script = at;
            return o;
        }
    }
    return o;
}

/* -- Loading and running ----------------------------------------------------------------------------------------- */

static RiValue globals_of(const RiThread *T)
{
    return ri_table_get_int(T->process->registry, 2);
}

static RiValue string_of(RiThread *T, const char *text)
{
    return ri_string_value(ri_str_from_cstr(T->heap, text));
}

/* For ri_cmd_run's body: call the function below a link and `count` arguments on top of the stack, as the outermost function
 * of the program, so that nothing of the C stack is needed to go on (process.fork). */
static int32_t call_outermost(RiThread *T, uint32_t count)
{
    ri_lib_catch(T);
    return ri_lib_call(T, count, 0);
}

/* The message on top of the stack is what the body returns. */
static int32_t fail(RiThread *T)
{
    RiValue message = T->top[-1];
    return ri_return2(T->base, ri_bool(false), message);
}

/* Run the function on top of the stack, if `status` says that there is one. */
static int32_t start_loaded(RiThread *T, int status)
{
    if (status != RI_OK)
        return fail(T);
    ri_process_set_program(T->process, T->top[-1]);
    ri_push_link(T);
    return call_outermost(T, 0);
}

static bool run_file_now(const RiTool *tool, RiThread *T, const char *path)
{
    int status = ri_load_file(T, path, NULL);
    if (status == RI_OK) {
        ri_process_set_program(T->process, T->top[-1]);
        ri_push_link(T);
        status = ri_tool_call(T, 0, 0, NULL);
    }
    return ri_tool_report(tool, T, status);
}

/* -l name, -l global=name: global = require(name). A suffix "-v2" of the name is no part of the global's. */
static bool run_require(const RiTool *tool, RiThread *T, const char *what)
{
    const char *equals = strchr(what, '=');
    const char *module = equals != NULL ? equals + 1 : what;
    size_t global_size = equals != NULL ? (size_t)(equals - what) : strcspn(what, "-");
    ri_push(T, ri_index(T, globals_of(T), string_of(T, "require")));
    ri_push_link(T);
    ri_push(T, string_of(T, module));
    int status = ri_tool_call(T, 1, 1, NULL);
    if (status == RI_OK) {
        RiValue global = ri_string_value(ri_str_new(T->heap, what, global_size));
        ri_set_index(T, globals_of(T), global, T->top[-1]);
        T->top--;
    }
    return ri_tool_report(tool, T, status);
}

/* LUA_INIT: true if there is something to call, which *signal stands for. */
static bool start_init(RiThread *T, int32_t *signal)
{
    const char *name = "=LUA_INIT_5_4", *init = getenv(name + 1);
    if (init == NULL) {
        name = "=LUA_INIT";
        init = getenv(name + 1);
    }
    if (init == NULL)
        return false;
    int status = init[0] == '@' ? ri_load_file(T, init + 1, NULL) : (int)ri_load(T, init, strlen(init), name, NULL);
    *signal = start_loaded(T, status);
    return true;
}

/* What the option at *i (-e, -l, -W; all have been checked) asks for; *i moves on. True: *signal says what the body does. */
static bool start_option(const RiTool *tool, RiThread *T, int *i, int32_t *signal)
{
    const char *option = tool->argv[*i];
    if (option[1] == '-') {
        ri_limits_skip_option(tool->argv, i);
        (void)ri_policy_take_option(tool->argv, i);
        ri_device_options_skip(tool->argv, i);
        ri_jit_options_skip(tool->argv, i);
        ri_control_skip_option(tool->argv, i);
    } else if (option[1] == 'W') {
        ri_warn(T->process, "@on", false);
    } else if (option[1] == 'e' || option[1] == 'l') {
        const char *argument = option[2] != '\0' ? option + 2 : tool->argv[++*i];
        if (option[1] == 'e') {
            ++*i;
            ri_proc_set_name(T->process->proc, "(command line)");
            *signal = start_loaded(T, (int)ri_load(T, argument, strlen(argument), "=(command line)", NULL));
            return true;
        }
        if (!run_require(tool, T, argument)) {
            *signal = ri_return_bool(T->base, false);
            return true;
        }
    }
    ++*i;
    return false;
}

/* -- The script -------------------------------------------------------------------------------------------------- */

/* The global `arg`: the script's name at 0, its arguments above, all that came before below. */
static void make_arg_table(const RiTool *tool, RiThread *T, int script)
{
    int above = tool->argc - (script + 1);
    RiTable *t = ri_table_new(T->heap, above > 0 ? (uint32_t)above : 0, 0);
    ri_push(T, ri_table_value(t));
    for (int i = 0; i < tool->argc; i++)
        ri_table_set_int(T->heap, t, i - script, string_of(T, tool->argv[i]));
    ri_set_index(T, globals_of(T), string_of(T, "arg"), ri_table_value(t));
    T->top--;
}

/* Push arg[1] … arg[#arg]; the program may have changed them. */
static uint32_t push_arguments(RiThread *T)
{
    RiValue arg = ri_index(T, globals_of(T), string_of(T, "arg"));
    if (!ri_is_table(arg))
        ri_error(T, "'arg' is not a table");
    ri_push(T, arg); /* stays alive below its elements while #arg may run a metamethod */
    int64_t count = ri_length(T, arg);
    T->top--;
    if (count > INT32_MAX - 3 || (count > 0 && !ri_stack_try_reserve(T, (uint32_t)count + 3)))
        ri_error(T, "stack overflow (too many arguments to script)");
    for (int64_t i = 1; i <= count; i++)
        ri_push(T, ri_table_get_int(arg.p, i));
    return count > 0 ? (uint32_t)count : 0;
}

static int32_t start_script(const RiTool *tool, RiThread *T, int script)
{
    const char *path = tool->argv[script];
    if (strcmp(path, "-") == 0 && strcmp(tool->argv[script - 1], "--") != 0)
        path = NULL; /* standard input */
    ri_proc_set_name(T->process->proc, path != NULL ? path : "stdin");
    int status = ri_load_file(T, path, NULL);
    if (status != RI_OK)
        return fail(T);
    ri_process_set_program(T->process, T->top[-1]);
    ri_push_link(T);
    uint32_t count = push_arguments(T);
    return call_outermost(T, count);
}

/* -- The whole --------------------------------------------------------------------------------------------------- */

/* What comes after options and script. */
static void finish(RiTool *tool, RiThread *T, const Options *o)
{
    if (o->interactive) {
        ri_repl(tool, T);
    } else if (o->script < 1 && !o->executes && !o->version) {
        if (!isatty(STDIN_FILENO)) {
            ri_proc_set_name(T->process->proc, "stdin");
            run_file_now(tool, T, NULL); /* its failure does not show in the exit status, as in lua5.4 */
        } else {
            ri_tool_version();
            ri_repl(tool, T);
        }
    }
}

/* The body is a library function that is entered again after each part of the program, args[2] telling what comes next: an
 * option's index, or one of these. A part that fails ends it (RI_LIBFN_CATCHES): its results are false and the message. */
enum { NEXT_INIT = 0, NEXT_END = 1 << 24 };

static int32_t go_on(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTool *tool = ri_tool_of(args);
    const Options o = parse_options(tool, tool->first);
    int next = (int)args[2].i;
    int32_t signal;
    T->top = args + 3;
    ri_lib_set_step(T, 0);
    if (next == NEXT_INIT) {
        T->base[2].i = next = tool->first;
        if (!o.no_environment && start_init(T, &signal))
            return signal;
    }
    while (next < o.limit) {
        bool starts = start_option(tool, T, &next, &signal);
        T->base[2].i = next;
        if (starts)
            return signal;
    }
    if (next != NEXT_END) {
        T->base[2].i = NEXT_END;
        if (o.script > 0)
            return start_script(tool, T, o.script);
    }
    finish(tool, T, &o);
    return ri_return_bool(T->base, true);
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTool *tool = ri_tool_of(args);
    Options o = parse_options(tool, tool->first);
    if (o.version)
        ri_tool_version();
    if (o.no_environment)
        ri_table_set_str(T->heap, T->process->registry, ri_str_from_cstr(T->heap, "LUA_NOENV"), ri_bool(true));
    ri_open_libraries(T);
    make_arg_table(tool, T, o.script);
    const char *bad, *error;
    if (!ri_policy_apply_options(T->process->proc, tool->argv, tool->first, o.limit, &bad, &error))
        ri_error_no_position(T, "%s: %s", bad, error);
    char problem[RI_DEVICE_PROBLEM_BYTES];
    if (!ri_device_options_apply(&tool->devices, T->process->proc, problem))
        ri_error_no_position(T, "%s", problem);
    return go_on(T, T->base, nargs);
}

int ri_cmd_run(RiTool *tool, int first)
{
    static const RiLibFn body = {
        .name = "?", .call = run, .resume = go_on, .flags = RI_LIBFN_CATCHES | RI_LIBFN_HANDLER};
    Options o = parse_options(tool, first);
    if (o.is_bad) {
        ri_tool_usage(tool, tool->argv[o.script]);
        return EXIT_FAILURE;
    }
    if (o.help) {
        ri_tool_help(tool);
        return EXIT_SUCCESS;
    }
    tool->first = first;
    tool->limit = o.limit;
    tool->raise_wall = o.os_sandbox ? ri_os_sandbox_raise : NULL;
    RiStats *stats = o.stats || tool->jit.counts || tool->jit.witness ? calloc(1, sizeof *stats) : NULL;
    if (stats != NULL) {
        stats->with_native = !o.stats;
        stats->witness = tool->jit.witness;
    }
    tool->stats = stats;
    tool->is_silent = !o.stats && !tool->jit.counts;
    tool->all_stats = o.all_stats;
    int status = ri_tool_run(tool, &body);
    ri_witness_close(tool->jit.witness);
    free(stats);
    return status;
}
