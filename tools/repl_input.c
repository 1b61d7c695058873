/* Lines from a terminal: readline where there is one, plain lines where not.
 *
 * While somebody thinks, other processes and threads of the machine go on: whatever waits for a key waits in the
 * machine. Ctrl-C at the prompt drops what was typed. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#ifdef HAVE_READLINE
#include <readline/history.h>
#include <readline/readline.h>
#endif

#include "tools/repl_complete.h"
#include "tools/repl_history.h"
#include "vm/exec/call.h"
#include "vm/exec/engine.h"
#include "vm/host/files.h"
#include "vm/machine/gate.h"
#include "vm/machine/sched.h"

#define COLUMNS_DEFAULT 80u
#define WAIT_PART_MS 100 /* a signal that comes just before the wait begins is seen after it */

/* For readline's callbacks and the signal handler, which get no argument of ours. */
static RiRepl *reading;
static volatile sig_atomic_t was_interrupted;

uint32_t ri_repl_columns(void)
{
    uint16_t size[4];
    if (ri_host_fd_terminal_size(STDOUT_FILENO, size) < 0 || size[1] < 20)
        return COLUMNS_DEFAULT;
    return size[1];
}

/* -- Waiting for a key --------------------------------------------------------------------------------------------- */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    was_interrupted = 1;
    if (reading != NULL)
        ri_machine_wake(reading->T->process->proc->machine);
}

static void watch_interrupts(bool on)
{
    struct sigaction action = {.sa_handler = on ? on_interrupt : SIG_DFL};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    was_interrupted = 0;
}

static void serve_arrivals(RiRepl *repl, void *argument)
{
    (void)argument;
    ri_task_resumes(repl->T); /* handlers of signals; or the end */
}

/* The terminal as it was before the line was edited. */
static void restore_terminal(void)
{
#ifdef HAVE_READLINE
    if (RL_ISSTATE(RL_STATE_TERMPREPPED) && rl_deprep_term_function != NULL)
        rl_deprep_term_function();
#endif
}

/* Let the others run until there is a key, or Ctrl-C; or for a while. */
static void wait_for_key(RiRepl *repl)
{
    RiProc *proc = repl->T->process->proc;
    RiTask *task = proc->machine->current;
    while (!was_interrupted && ri_gate_is_busy(proc) && ri_host_fd_poll(STDIN_FILENO, RI_EVENT_IN, 0) == 0) {
        if (ri_task_wait(task, NULL, 0, STDIN_FILENO, RI_POLL_READ) != 0)
            return;
        ri_sched_switch(proc->machine);
        if (proc->doom != RI_DOOM_NONE)
            restore_terminal(); /* the next line leaves for good */
        if (proc->doom != RI_DOOM_NONE || task->interrupted)
            ri_repl_protect(repl, serve_arrivals, NULL);
    }
    (void)ri_host_fd_poll(STDIN_FILENO, RI_EVENT_IN, WAIT_PART_MS);
}

#ifdef HAVE_READLINE

/* -- readline ------------------------------------------------------------------------------------------------------ */

#define INTERRUPT_KEY 3
#define ABORT_KEY 7
#define WITHIN_A_KEY                                                                                                           \
    (RL_STATE_METANEXT | RL_STATE_MOREINPUT | RL_STATE_MULTIKEY | RL_STATE_NUMERICARG | RL_STATE_ISEARCH | RL_STATE_NSEARCH | \
     RL_STATE_COMPLETING)

static bool line_was_dropped;

static int get_key(FILE *file)
{
    (void)file;
    for (;;) {
        wait_for_key(reading);
        rl_check_signals();
        if (was_interrupted) {
            if (RL_ISSTATE(WITHIN_A_KEY))
                return ABORT_KEY; /* out of that first: the key would be the rest of another, or an answer */
            was_interrupted = 0;
            return INTERRUPT_KEY;
        }
        if (ri_host_fd_poll(STDIN_FILENO, RI_EVENT_IN, 0) <= 0)
            continue;
        unsigned char key;
        ssize_t got = read(STDIN_FILENO, &key, 1);
        if (got == 1)
            return key;
        if (got < 0 ? errno != EINTR : !was_interrupted && ri_host_fd_poll(STDIN_FILENO, RI_EVENT_IN, 0) > 0)
            return EOF; /* nothing, and yet there is something: its end */
    }
}

/* As readline does it, but a read that finds nothing does not wait: Ctrl-C may have emptied the terminal's queue after we
 * have asked whether there is a key. */
static void prepare_terminal(int meta)
{
    struct termios t;
    rl_prep_terminal(meta);
    if (tcgetattr(STDIN_FILENO, &t) != 0)
        return;
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

static int drop_line(int count, int key)
{
    (void)count;
    (void)key;
    line_was_dropped = true;
    rl_replace_line("", 0);
    rl_done = 1;
    return 0;
}

/* The matches for readline: [0] is what all have in common. */
static char **matches_of(const RiCompletions *c)
{
    char **matches = calloc(c->count + 2, sizeof(char *));
    if (matches == NULL || c->count == 0) {
        free(matches);
        return NULL;
    }
    size_t common = strlen(c->names[0]);
    for (size_t i = 0; i < c->count; i++) {
        size_t same = 0;
        while (same < common && c->names[i][same] == c->names[0][same])
            same++;
        common = same;
        matches[i + 1] = strdup(c->names[i]);
    }
    if (c->count == 1) {
        matches[0] = matches[1];
        matches[1] = NULL;
    } else {
        matches[0] = strndup(c->names[0], common);
    }
    return matches;
}

static char **complete_word(const char *text, int start, int end)
{
    RiCompletions c;
    char **matches = NULL;
    rl_attempted_completion_over = 1;
    rl_completion_append_character = '\0';
    rl_completion_suppress_append = 1;
    ri_complete(reading, rl_line_buffer, (size_t)end, &c);
    if (c.kind == RI_COMPLETE_FILES) {
        rl_filename_completion_desired = 1;
        matches = rl_completion_matches(text, rl_filename_completion_function);
    } else if (c.start == (size_t)start) {
        matches = matches_of(&c);
    }
    ri_completions_free(&c);
    return matches;
}

/* What ends the word to the left that is to be completed: the character before the place that ri_complete has found, as
 * words never hold what stands before them. */
static char *word_breaks(void)
{
    static char breaks[2];
    RiCompletions c;
    ri_complete(reading, rl_line_buffer, (size_t)rl_point, &c);
    breaks[0] = c.start > 0 ? rl_line_buffer[c.start - 1] : '\0';
    ri_completions_free(&c);
    return breaks;
}

static void remember(const char *entry)
{
    add_history(entry);
}

static void open_readline(void)
{
    rl_readline_name = "rille";
    rl_variable_bind("enable-bracketed-paste", "on"); /* ~/.inputrc has the last word */
    rl_initialize();
    rl_getc_function = get_key;
    rl_prep_term_function = prepare_terminal;
    rl_attempted_completion_function = complete_word;
    rl_completion_word_break_hook = word_breaks;
    rl_completer_quote_characters = "";
    rl_completion_query_items = -1; /* questions and pages would have to know of Ctrl-C, too */
    rl_variable_bind("page-completions", "off");
    rl_bind_key(INTERRUPT_KEY, drop_line);
    rl_bind_keyseq("\\M-\\C-c", drop_line); /* in the middle of a sequence of keys */
    rl_bind_keyseq("\\C-x\\C-c", drop_line);
    rl_bind_key('\t', rl_complete);
    using_history();
}

static bool is_new_entry(const char *text)
{
    HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    return text[strspn(text, " \t\n")] != '\0' && (last == NULL || strcmp(last->line, text) != 0);
}

void ri_repl_remember(RiRepl *repl, const char *text)
{
    if (!is_new_entry(text))
        return;
    add_history(text);
    stifle_history((int)repl->options.history);
    if (repl->history != NULL)
        ri_history_add(repl->history, text);
}

/* Colours in a prompt take no columns: say so to readline. */
static void mark_escapes(const char *prompt, char *out, size_t size)
{
    size_t at = 0;
    while (*prompt != '\0' && at + 4 < size) {
        if (*prompt == '\x1b')
            out[at++] = RL_PROMPT_START_IGNORE;
        bool is_escape = *prompt == '\x1b';
        do {
            out[at++] = *prompt;
        } while (is_escape && *prompt != '\0' && *prompt++ != 'm' && at + 4 < size);
        if (is_escape)
            out[at++] = RL_PROMPT_END_IGNORE;
        else
            prompt++;
    }
    out[at] = '\0';
}

RiInput ri_repl_read(RiRepl *repl, const char *prompt, char **text)
{
    char marked[400];
    reading = repl;
    line_was_dropped = false;
    mark_escapes(prompt, marked, sizeof marked);
    watch_interrupts(true);
    *text = readline(marked);
    watch_interrupts(false);
    if (line_was_dropped) { /* ^C has been echoed, no more */
        putchar('\n');
        fflush(stdout);
        free(*text);
        *text = NULL;
        return RI_INPUT_INTERRUPTED;
    }
    return *text != NULL ? RI_INPUT_LINE : RI_INPUT_END;
}

#else

static void remember(const char *entry)
{
    (void)entry;
}

static void open_readline(void)
{
}

void ri_repl_remember(RiRepl *repl, const char *text)
{
    if (repl->history != NULL && text[strspn(text, " \t\n")] != '\0')
        ri_history_add(repl->history, text);
}

RiInput ri_repl_read(RiRepl *repl, const char *prompt, char **text)
{
    size_t capacity = 0;
    reading = repl;
    *text = NULL;
    fputs(prompt, stdout);
    fflush(stdout);
    watch_interrupts(true);
    clearerr(stdin); /* an interrupted read of the program */
    while (!was_interrupted && ri_host_stream_readable(stdin) == 0 &&
           ri_host_fd_poll(STDIN_FILENO, RI_EVENT_IN, 0) <= 0)
        wait_for_key(repl);
    ssize_t size = was_interrupted ? -1 : getline(text, &capacity, stdin);
    bool interrupted = was_interrupted;
    watch_interrupts(false);
    if (size < 0) {
        free(*text);
        *text = NULL;
        clearerr(stdin);
        if (interrupted)
            putchar('\n');
        return interrupted ? RI_INPUT_INTERRUPTED : RI_INPUT_END;
    }
    if (size > 0 && (*text)[size - 1] == '\n')
        (*text)[size - 1] = '\0';
    return RI_INPUT_LINE;
}

#endif

/* -- Beginning and end --------------------------------------------------------------------------------------------- */

void ri_repl_input_open(RiRepl *repl)
{
    char path[RI_PATH_SIZE];
    const char *problem = NULL;
    open_readline();
    if (repl->tool->on_end == NULL)
        repl->tool->on_end = restore_terminal;
    atexit(restore_terminal); /* os.exit in another thread */
    if (!ri_history_path(path, sizeof path))
        return;
    repl->history = ri_history_open(path, repl->options.history, remember, &problem);
    if (repl->history == NULL)
        ri_repl_note(repl, RI_STYLE_NOTE, "note: no history is kept, %s: %s", path, problem);
}

void ri_repl_input_close(RiRepl *repl)
{
    ri_history_close(repl->history);
    repl->history = NULL;
    reading = NULL;
    if (repl->tool->on_end == restore_terminal)
        repl->tool->on_end = NULL;
}
