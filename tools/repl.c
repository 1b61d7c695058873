/* The prompt: which one it is, and the loop of the one for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/repl.h"
#include "vm/exec/call.h"

#define PROMPT_SHOWN_MAX 200

/* _PROMPT or _PROMPT2 of the program, if it is a string; else the usual one, with its colour. */
static const char *prompt_text(RiRepl *repl, bool is_first, char out[PROMPT_SHOWN_MAX])
{
    RiString *name = ri_str_from_cstr(repl->T->heap, is_first ? "_PROMPT" : "_PROMPT2");
    RiValue own = ri_table_get_str(repl->T->process->globals, name);
    if (ri_is_string(own))
        snprintf(out, PROMPT_SHOWN_MAX, "%s", ri_str_cstr(repl->T->heap, own.p));
    else
        snprintf(out, PROMPT_SHOWN_MAX, "%s%s%s ", ri_repl_style(repl, is_first ? RI_STYLE_STRONG : RI_STYLE_NOTE),
                 is_first ? ">" : ">>", ri_repl_style(repl, RI_STYLE_PLAIN));
    return out;
}

/* What people try first, unless the program has something of that name. */
static bool is_plea(RiRepl *repl, const char *text, const char *word)
{
    RiValue value;
    size_t size = strlen(word);
    const char *rest = text + size;
    return strncmp(text, word, size) == 0 && rest[strspn(rest, " \t\n()")] == '\0' &&
           !ri_repl_find_name(repl, word, size, &value);
}

static RiParsed run_text(RiRepl *repl, const char *text)
{
    const char *start = text + strspn(text, " \t\n");
    if (start[0] == '\0')
        return RI_PARSED;
    if (is_plea(repl, start, "help"))
        return ri_repl_command(repl, ":help");
    if (is_plea(repl, start, "exit") || is_plea(repl, start, "quit")) {
        ri_repl_note(repl, RI_STYLE_NOTE, ":quit or Ctrl-D leaves");
        return RI_PARSED;
    }
    if (start[0] == ':' && start[1] != ':')
        return ri_repl_command(repl, start);
    return ri_repl_run(repl, text);
}

/* text + newline + line, in malloc'ed memory; both are freed. */
static char *joined(char *text, char *line)
{
    size_t size = strlen(text), more = strlen(line);
    char *both = realloc(text, size + more + 2);
    if (both == NULL) {
        free(line);
        return text;
    }
    both[size] = '\n';
    memcpy(both + size + 1, line, more + 1);
    free(line);
    return both;
}

/* Read an input with as many lines as it needs, and run it. False: there is no more. */
static bool read_and_run(RiRepl *repl)
{
    char prompt[PROMPT_SHOWN_MAX], *text, *line;
    RiInput input = ri_repl_read(repl, prompt_text(repl, true, prompt), &text);
    if (input != RI_INPUT_LINE)
        return input == RI_INPUT_INTERRUPTED;
    while (run_text(repl, text) == RI_PARSE_INCOMPLETE) {
        input = ri_repl_read(repl, prompt_text(repl, false, prompt), &line);
        if (input == RI_INPUT_INTERRUPTED) {
            free(text);
            return true;
        }
        if (input == RI_INPUT_END) {
            ri_repl_note(repl, RI_STYLE_NOTE, "\n(dropped: the statement was not complete)");
            free(text);
            return true;
        }
        text = joined(text, line);
    }
    ri_repl_remember(repl, text);
    free(text);
    return !repl->is_ending;
}

static RiRepl *start(RiTool *tool, RiThread *T)
{
    RiRepl *repl = ri_heap_alloc_block(T->heap, sizeof *repl);
    ri_push(T, ri_object(repl, RI_TAG_BLOCK));
    repl->tool = tool;
    repl->T = T;
    repl->options =
        (RiReplOptions){.color = ri_style_is_wanted(STDOUT_FILENO), .depth = 4, .items = 50, .history = 10000};
    repl->inputs = ri_table_new(T->heap, 0, 0);
    repl->saved = ri_table_new(T->heap, 0, 0);
    ri_heap_stats(T->heap, &repl->seen);
    return repl;
}

static void run_prompt(RiTool *tool, RiThread *T)
{
    const char *name = tool->name;
    ptrdiff_t bottom = T->top - T->base;
    RiRepl *repl = start(tool, T);
    ptrdiff_t top = T->top - T->base;
    tool->name = NULL; /* no program name in front of messages here */
    ri_repl_note(repl, RI_STYLE_NOTE, "Tab completes, :help lists the commands, Ctrl-D leaves.");
    ri_repl_input_open(repl);
    while (read_and_run(repl))
        T->top = T->base + top;
    ri_repl_input_close(repl);
    if (!repl->is_ending)
        putchar('\n');
    fflush(stdout);
    tool->name = name;
    T->top = T->base + bottom;
}

void ri_repl(RiTool *tool, RiThread *T)
{
    if (tool->is_lua || !isatty(STDIN_FILENO))
        ri_repl_plain(tool, T);
    else
        run_prompt(tool, T);
}
