/* The prompt of lua5.4, to the letter: for input that is no terminal, and under the name `lua`.
 *
 * With a terminal, lines are edited with readline where there is one. Without, the prompt and the line read are written
 * to stdout, which is what lua5.4 does there: transcripts look alike. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_READLINE
#include <readline/history.h>
#include <readline/readline.h>
#endif

#include "tools/repl.h"

typedef struct Prompt {
    RiTool *tool;
    RiThread *T;
    bool is_terminal;
} Prompt;

/* -- Lines ------------------------------------------------------------------------------------------------------- */

/* Read one line without its newline into malloc'ed memory, NULL at the end of the input. */
static char *read_plain_line(const Prompt *p, const char *prompt)
{
    char *line = NULL;
    size_t capacity = 0;
    fputs(prompt, stdout);
    fflush(stdout);
    ssize_t size = getline(&line, &capacity, stdin);
    if (size < 0) {
        free(line);
        return NULL;
    }
    if (size > 0 && line[size - 1] == '\n')
        line[size - 1] = '\0';
    if (!p->is_terminal) {
        puts(line);
        fflush(stdout);
    }
    return line;
}

static char *read_line(const Prompt *p, const char *prompt)
{
#ifdef HAVE_READLINE
    if (p->is_terminal)
        return readline(prompt);
#endif
    return read_plain_line(p, prompt);
}

/* -- Input ------------------------------------------------------------------------------------------------------- */

static void keep_in_history(const Prompt *p, const char *text)
{
#ifdef HAVE_READLINE
    if (p->is_terminal && text[0] != '\0')
        add_history(text);
#else
    (void)p;
    (void)text;
#endif
}

static RiValue get_global(RiThread *T, const char *name)
{
    return ri_index(T, ri_table_get_int(T->process->registry, 2), ri_string_value(ri_str_from_cstr(T->heap, name)));
}

/* Read a line and push it as a string; false at the end of the input. */
static bool push_line(const Prompt *p, bool is_first)
{
    RiThread *T = p->T;
    RiValue prompt = get_global(T, is_first ? "_PROMPT" : "_PROMPT2");
    const char *text = is_first ? "> " : ">> ";
    if (!ri_is_nil(prompt)) {
        RiString *s = ri_tostring(T, prompt);
        ri_push(T, ri_string_value(s)); /* alive while the user thinks */
        text = ri_str_cstr(T->heap, s);
    } else {
        ri_push(T, ri_nil());
    }
    char *line = read_line(p, text);
    T->top--;
    if (line == NULL)
        return false;
    RiString *s = ri_str_from_cstr(T->heap, line);
    if (is_first && line[0] == '=') { /* as in the days of 5.2 */
        s = ri_str_concat2(T->heap, ri_str_from_cstr(T->heap, "return "), ri_str_from_cstr(T->heap, line + 1));
    }
    free(line);
    ri_push(T, ri_string_value(s));
    return true;
}

/* -- Statements -------------------------------------------------------------------------------------------------- */

static int load(RiThread *T, RiString *text)
{
    return (int)ri_load(T, ri_str_cstr(T->heap, text), text->size, "=stdin", NULL);
}

/* Does the message on top of the stack say that the statement goes on in the next line? */
static bool is_incomplete(RiThread *T, int status)
{
    static const char mark[] = "<eof>";
    size_t size = sizeof mark - 1;
    if (status != RI_ERRSYNTAX || !ri_is_string(T->top[-1]))
        return false;
    const RiString *message = T->top[-1].p;
    return message->size >= size && memcmp(ri_str_data(message) + message->size - size, mark, size) == 0;
}

/* The line on top of the stack as an expression: replaced by its function, or left alone. */
static bool load_expression(const Prompt *p)
{
    RiThread *T = p->T;
    RiString *line = T->top[-1].p;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add(&sb, "return ", 7);
    ri_sbuf_add_str(&sb, line);
    ri_sbuf_add_char(&sb, ';');
    RiString *expression = ri_sbuf_finish(&sb);
    ri_push(T, ri_string_value(expression));
    int status = load(T, expression);
    if (status != RI_OK) {
        T->top -= 2;
        return false;
    }
    ri_copy(T->top - 3, T->top - 1);
    T->top -= 2;
    keep_in_history(p, ri_str_cstr(T->heap, line));
    return true;
}

/* The line on top of the stack as a statement, with as many more lines as it needs: replaced by its function or by a
 * message. */
static int load_statement(const Prompt *p)
{
    RiThread *T = p->T;
    for (;;) {
        RiString *text = T->top[-1].p;
        int status = load(T, text);
        if (!is_incomplete(T, status) || !push_line(p, false)) {
            ri_copy(T->top - 2, T->top - 1);
            T->top--;
            keep_in_history(p, ri_str_cstr(T->heap, text));
            return status;
        }
        RiString *next = T->top[-1].p;
        RiString *joined = ri_str_concat2(T->heap, text, ri_str_from_cstr(T->heap, "\n"));
        joined = ri_str_concat2(T->heap, joined, next);
        T->top -= 2; /* the message and the line */
        ri_store(&T->top[-1], ri_string_value(joined));
    }
}

/* Print the `count` values on top of the stack with the program's own print. */
static void print_results(const Prompt *p, uint32_t count)
{
    RiThread *T = p->T;
    if (count == 0)
        return;
    if (!ri_stack_try_reserve(T, count + 4))
        ri_error(T, "stack overflow (too many results to print)");
    ri_push(T, get_global(T, "print"));
    ri_push_link(T);
    for (uint32_t i = 0; i < count; i++)
        ri_push(T, T->top[-2 - (int64_t)count]);
    if (ri_pcall(T, count, 0, ri_nil(), NULL) != RI_OK) {
        RiSbuf sb;
        RiString *why = ri_to_string_raw(T, T->top[-1]);
        ri_sbuf_init(&sb, T->heap);
        ri_sbuf_add(&sb, "error calling 'print' (", 23);
        if (why != NULL)
            ri_sbuf_add_str(&sb, why);
        else
            ri_sbuf_add(&sb, "(null)", 6);
        ri_sbuf_add_char(&sb, ')');
        ri_tool_message(p->tool, ri_str_cstr(T->heap, ri_sbuf_finish(&sb)));
    }
}

void ri_repl_plain(RiTool *tool, RiThread *T)
{
    const Prompt prompt = {tool, T, isatty(STDIN_FILENO)};
    const char *name = tool->name;
    size_t bottom = (size_t)(T->top - T->base);
    tool->name = NULL; /* no program name in front of messages here */
#ifdef HAVE_READLINE
    rl_readline_name = "lua";
#endif
    while (push_line(&prompt, true)) {
        uint32_t count = 0;
        int status = load_expression(&prompt) ? RI_OK : load_statement(&prompt);
        if (status == RI_OK) {
            ri_push_link(T);
            status = ri_tool_call(T, 0, -1, &count);
        }
        if (status == RI_OK)
            print_results(&prompt, count);
        else
            ri_tool_report(tool, T, status);
        T->top = T->base + bottom;
    }
    putchar('\n');
    fflush(stdout);
    tool->name = name;
}
