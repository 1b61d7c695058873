/* The prompt for people at a terminal: what its parts share. One concern a file:
 *
 *   repl.c           the loop; which prompt it is          repl_complete.c  what can follow what has been typed
 *   repl_plain.c     lua5.4's prompt                       repl_print.c     values as text
 *   repl_session.c   running what was typed                repl_error.c     what is said of an error
 *   repl_input.c     lines, keys, Ctrl-C                   repl_history.c   what was typed, kept in a file
 *   repl_commands.c  :commands (repl_commands.def)         repl_measure.c   :time :bench :mem :ps
 *   repl_reload.c    :reload */
#ifndef RI_TOOLS_REPL_H
#define RI_TOOLS_REPL_H

#include "compiler/compile.h"
#include "tools/repl_style.h"
#include "tools/tool.h"

#define RI_REPL_RESULTS_MAX 200 /* kept as _1, _2 …: older ones are forgotten */

/* What :set changes. */
typedef struct RiReplOptions {
    bool color, timing;
    uint32_t depth, items; /* of tables shown */
    uint32_t history;      /* entries kept */
} RiReplOptions;

struct RiHistory;

/* A prompt, from its beginning to its end. A collected block on T's stack. */
typedef struct RiRepl {
    RiObject object;
    RiTool *tool;
    RiThread *T;
    RiReplOptions options;
    RiSession session;
    RiTable *inputs; /* texts that were run, by number: "input 3" is the name of a chunk */
    RiTable *saved;  /* those of them that ended without an error, in order, for :save */
    uint32_t input_count, saved_count, result_count;
    struct RiHistory *history; /* malloc'ed; NULL: none is kept */
    RiHeapStats seen;          /* what :mem has shown last */
    bool is_ending;            /* :quit */
} RiRepl;

static inline const char *ri_repl_style(const RiRepl *repl, RiStyle style)
{
    return ri_style(repl->options.color, style);
}

/* -- repl_plain.c: as lua5.4 does it, for scripts and under its name ----------------------------------------------- */
void ri_repl_plain(RiTool *tool, RiThread *T);

/* -- repl_input.c -------------------------------------------------------------------------------------------------- */
typedef enum RiInput { RI_INPUT_LINE, RI_INPUT_INTERRUPTED, RI_INPUT_END } RiInput;
/* Prepare the terminal; undo it. */
void ri_repl_input_open(RiRepl *repl);
void ri_repl_input_close(RiRepl *repl);
/* Read a line, or several pasted ones, into malloc'ed *text (without the last newline). Others run meanwhile. */
RiInput ri_repl_read(RiRepl *repl, const char *prompt, char **text);
/* Keep an entry in the history. */
void ri_repl_remember(RiRepl *repl, const char *text);
/* How many columns there are. */
uint32_t ri_repl_columns(void);

/* -- repl_session.c ------------------------------------------------------------------------------------------------ */
typedef enum RiParsed { RI_PARSED, RI_PARSE_INCOMPLETE, RI_PARSE_ERROR } RiParsed;
/* Compile `text` as an expression or as statements that see the session's variables: pushes the function; else nothing,
 * and *error says what is wrong, of *source, which is what was compiled. The chunk's name is "=input N". */
RiParsed ri_repl_compile(RiRepl *repl, const char *text, RiCompileError *error, RiString **source);
/* As before, and tell of errors, other than that more lines are needed. */
RiParsed ri_repl_compile_or_tell(RiRepl *repl, const char *text);
/* Call the function on top of the stack: true and *count values on top, or the error has been shown. */
bool ri_repl_call(RiRepl *repl, uint32_t *count);
/* Run what was typed: compile, call, show. RI_PARSE_INCOMPLETE: nothing has happened. */
RiParsed ri_repl_run(RiRepl *repl, const char *text);
/* Show the `count` values on top of the stack, keep them as _ and _1, _2 …, pop them. */
void ri_repl_show_results(RiRepl *repl, uint32_t count);
/* Run fn in protected mode, with Ctrl-C; its error is shown. False: it failed. */
bool ri_repl_protect(RiRepl *repl, void (*fn)(RiRepl *repl, void *argument), void *argument);
/* The value of a name: of the session, or a global (raw); false if there is none. */
bool ri_repl_find_name(RiRepl *repl, const char *name, size_t size, RiValue *value);
/* A line of text, with a style, to standard output. */
void ri_repl_note(const RiRepl *repl, RiStyle style, const char *format, ...) RI_PRINTF(3, 4);

/* -- repl_error.c -------------------------------------------------------------------------------------------------- */
/* The message handler while something typed runs: makes the report that is shown instead of the error. Its upvalue is a
 * light pointer to the RiRepl. */
RiNative *ri_repl_make_handler(RiRepl *repl);
/* What is wrong with a text that does not compile: `source` is what was compiled, `typed` what was typed. */
void ri_repl_tell_syntax(RiRepl *repl, const RiCompileError *error, const RiString *source, const char *typed);

/* -- repl_commands.c ----------------------------------------------------------------------------------------------- */
/* ":name arguments": run it. RI_PARSE_INCOMPLETE: its argument goes on in the next line. */
RiParsed ri_repl_command(RiRepl *repl, const char *line);
/* The name of command number `i`; NULL: there are no more. And of a setting. */
const char *ri_repl_command_name(size_t i);
const char *ri_repl_setting_name(size_t i);

/* What arguments a command takes, for completion. */
typedef enum RiReplArgument {
    RI_ARGUMENT_NONE,
    RI_ARGUMENT_CODE,
    RI_ARGUMENT_FILE,
    RI_ARGUMENT_MODULE,
    RI_ARGUMENT_TOPIC,
    RI_ARGUMENT_SETTING
} RiReplArgument;
RiReplArgument ri_repl_command_argument(const char *line);

/* The commands themselves: `argument` is what follows the name, without blanks around. */
#define REPL_COMMAND(name, takes, text, summary) RiParsed ri_repl_do_##name(RiRepl *repl, const char *argument);
#include "tools/repl_commands.def"
#undef REPL_COMMAND

#endif
