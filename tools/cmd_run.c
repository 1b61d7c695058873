/* `rille [run] [options] [script [args]]`: the stand-alone interpreter. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stdlib/stream.h"
#include "tools/tool.h"
#include "vm/exec/semantics.h"
#include "vm/exec/warn.h"

/* What the options before the script ask for. */
typedef struct Options {
    bool is_bad, interactive, version, executes, no_environment, help, stats, all_stats;
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
    if (taken != 0)
        return taken > 0;
    if (strcmp(option, "--help") == 0)
        o->help = true;
    else if (strcmp(option, "--version") == 0)
        o->version = o->executes = true; /* and no prompt after it */
    else if (strcmp(option, "--stats") == 0)
        o->stats = true;
    else if (strcmp(option, "--stats=all") == 0)
        o->stats = o->all_stats = true;
    else if (strcmp(option, "--jit=on") == 0)
        tool->jit = RI_JIT_ON;
    else if (strcmp(option, "--jit=off") == 0)
        tool->jit = RI_JIT_OFF;
    else if (strcmp(option, "--jit=always") == 0)
        tool->jit = RI_JIT_ALWAYS;
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

/* Run the function on top of the stack, if `status` says that there is one. */
static bool run_loaded(const RiTool *tool, RiThread *T, int status)
{
    if (status == RI_OK) {
        ri_push_link(T);
        status = ri_tool_call(T, 0, 0, NULL);
    }
    return ri_tool_report(tool, T, status);
}

static bool run_file(const RiTool *tool, RiThread *T, const char *path)
{
    return run_loaded(tool, T, ri_load_file(T, path, NULL));
}

static bool run_text(const RiTool *tool, RiThread *T, const char *text, const char *name)
{
    return run_loaded(tool, T, (int)ri_load(T, text, strlen(text), name, NULL));
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

static bool run_init(const RiTool *tool, RiThread *T)
{
    const char *name = "=LUA_INIT_5_4", *init = getenv(name + 1);
    if (init == NULL) {
        name = "=LUA_INIT";
        init = getenv(name + 1);
    }
    if (init == NULL)
        return true;
    return init[0] == '@' ? run_file(tool, T, init + 1) : run_text(tool, T, init, name);
}

/* What the options -e, -l and -W ask for, in their order; the options have been checked. */
static bool run_options(const RiTool *tool, RiThread *T, const Options *o, int first)
{
    for (int i = first; i < o->limit; i++) {
        const char *option = tool->argv[i];
        if (option[1] == '-') {
            ri_limits_skip_option(tool->argv, &i);
        } else if (option[1] == 'W') {
            ri_warn(T->process, "@on", false);
        } else if (option[1] == 'e' || option[1] == 'l') {
            const char *argument = option[2] != '\0' ? option + 2 : tool->argv[++i];
            bool ok = option[1] == 'e' ? run_text(tool, T, argument, "=(command line)") : run_require(tool, T, argument);
            if (!ok)
                return false;
        }
    }
    return true;
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

static bool run_script(const RiTool *tool, RiThread *T, int script)
{
    const char *path = tool->argv[script];
    ri_proc_set_name(T->process->proc, path);
    if (strcmp(path, "-") == 0 && strcmp(tool->argv[script - 1], "--") != 0)
        path = NULL; /* standard input */
    int status = ri_load_file(T, path, NULL);
    if (status == RI_OK) {
        ri_push_link(T);
        uint32_t count = push_arguments(T);
        uint32_t result_count = 0;
        status = ri_tool_call(T, count, -1, &result_count);
        if (status == RI_OK)
            T->top -= result_count;
    }
    return ri_tool_report(tool, T, status);
}

/* -- The whole --------------------------------------------------------------------------------------------------- */

static bool run_all(RiTool *tool, RiThread *T, const Options *o)
{
    make_arg_table(tool, T, o->script);
    if (!o->no_environment && !run_init(tool, T))
        return false;
    if (!run_options(tool, T, o, tool->first))
        return false;
    if (o->script > 0 && !run_script(tool, T, o->script))
        return false;
    if (o->interactive) {
        ri_repl(tool, T);
    } else if (o->script < 1 && !o->executes && !o->version) {
        if (!isatty(STDIN_FILENO)) {
            run_file(tool, T, NULL); /* its failure does not show in the exit status, as in lua5.4 */
        } else {
            ri_tool_version();
            ri_repl(tool, T);
        }
    }
    return true;
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTool *tool = ri_tool_of(args);
    Options o = parse_options(tool, tool->first);
    if (o.version)
        ri_tool_version();
    if (o.no_environment)
        ri_table_set_str(T->heap, T->process->registry, ri_str_from_cstr(T->heap, "LUA_NOENV"), ri_bool(true));
    ri_open_libraries(T);
    bool ok = run_all(tool, T, &o);
    return ri_return_bool(T->base, ok);
}

int ri_cmd_run(RiTool *tool, int first)
{
    static const RiLibFn body = {.name = "?", .call = run};
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
    RiStats *stats = o.stats ? calloc(1, sizeof *stats) : NULL;
    tool->stats = stats;
    tool->all_stats = o.all_stats;
    int status = ri_tool_run(tool, &body);
    free(stats);
    return status;
}
