/* What the sub-commands of `rille` share: one process with its libraries, calls in protected mode, messages. */
#ifndef RI_TOOLS_TOOL_H
#define RI_TOOLS_TOOL_H

#include "jit/jit.h"
#include "tools/devices.h"
#include "tools/limits.h"
#include "vm/embed/open.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

/* What -v prints. */
#define RI_VERSION_TEXT "Rille " PACKAGE_VERSION ", Lua 5.4, the language of PUC-Rio"

/* One invocation of the command. */
typedef struct RiTool {
    int argc;
    char **argv;
    const char *name; /* stands in front of messages: argv[0]; NULL while a prompt is shown */
    bool is_lua;      /* called `lua…`: lua5.4 to the letter, no sub-commands, no long options */
    bool jit_off;          /* --jit=off */
    RiJitOptions jit;      /* jit.counts: --jit-stats; needs `stats` */
    RiLimits limits;       /* --mem and its like */
    RiDeviceOptions devices; /* --disk, --ramdisk */
    struct RiStats *stats; /* of --stats, or NULL */
    bool is_silent;        /* they are only kept, not shown */
    bool all_stats;        /* with a line for every instruction there is */
    int first;             /* for sub-commands: index of their first argument */
    int limit;             /* of `run`: where its options end; the script, if there is one, is there */
    void (*on_machine)(struct RiMachine *machine, void *argument); /* called when there is a machine; NULL: nothing to do */
    void *on_machine_argument;
    bool (*raise_wall)(struct RiTool *tool, struct RiProc *proc); /* called before any thread is started; NULL: no --os-sandbox */
    const char *control_path; /* of --control; NULL: none. Who runs the program need not know what it is about: */
    bool (*start_control)(struct RiTool *tool, struct RiMachine *machine);
    void (*stop_control)(struct RiTool *tool);
    struct RiMachine *controlled; /* while it is served */
    void (*on_return)(void); /* called when the program has returned, or failed, and nothing is closed yet; may be NULL */
    void (*on_close)(void *argument); /* called when the program is over and its process closed, while its heap is there, with
                                         on_machine_argument; may be NULL */
    void (*on_end)(void);   /* called before a host process ends without closing anything, maybe from another thread, twice maybe;
                               may be NULL */
} RiTool;

/* Sub-commands: argv[first] is the first argument after the name. They return the exit status. */
#define COMMAND(name, arguments, summary) int ri_cmd_##name(RiTool *tool, int first);
#include "tools/commands.def"
#undef COMMAND

void ri_tool_help(const RiTool *tool);    /* --help, to stdout */
void ri_tool_version(void);               /* -v, --version */
void ri_tool_usage(const RiTool *tool, const char *bad_option); /* to stderr */
void ri_tool_message(const RiTool *tool, const char *text);     /* "name: text" to stderr */

/* Open a process, run `body` in it as a library function, report its error, print statistics, close. Returns the exit status.
 * Its arguments are a message handler (which adds a traceback, and serves if `body` is RI_LIBFN_CATCHES), a light pointer to
 * `tool`, and 0. Its results: did it succeed, and, if not, a message to be shown or nil. */
int ri_tool_run(RiTool *tool, const RiLibFn *body);
static inline RiTool *ri_tool_of(const RiValue *args)
{
    return args[1].p;
}

/* If `status` is not RI_OK, print the message on top of the stack and pop it. Returns whether it was RI_OK. */
bool ri_tool_report(const RiTool *tool, RiThread *T, int status);

/* Call the function below a link and `nargs` arguments, with a traceback added to errors and Ctrl-C raising
 * "interrupted!". Results, or the message, replace all that. */
int ri_tool_call(RiThread *T, uint32_t nargs, int32_t wanted, uint32_t *result_count);

/* The same with a handler of one's own, for a prompt: Ctrl-C, as often as it takes, ends the call and never the host process. */
int ri_tool_call_patiently(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count);

/* The prompt: read, run, print until the end of the input. */
void ri_repl(RiTool *tool, RiThread *T);

/* Counters of --stats, to stderr; of the instructions that ran most, or of all there are, even those that never ran. */
void ri_print_stats(RiThread *T, const struct RiStats *stats, bool all);

#endif
