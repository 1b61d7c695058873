/* `rille trace`: run a program and tell what it asks the machine for, as strace does for programs of a host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/options_policy.h"
#include "tools/tool.h"
#include "vm/host/host.h"
#include "vm/machine/trace.h"

#define GROUPS_MAX 12

static const char usage[] =
    "usage: %s trace [-e file,process,…] [-c] [-T] [-o file] [options] script [args]\n"
    "  -e list     only these groups: process signal memory file desc net time message; or calls by name\n"
    "  -c          only count the calls\n"
    "  -T          with the time each took\n"
    "  -o file     write to 'file'\n"
    "  options     of the run, such as --sandbox\n";
#define NAMES_MAX 200

typedef struct Count {
    const char *name; /* of a row, or a literal: lives as long as the program */
    uint64_t calls, errors, ns;
} Count;

typedef struct Tracer {
    FILE *out;
    char *groups[GROUPS_MAX]; /* -e: only these groups or names; none: all */
    uint32_t group_count;
    bool counts;              /* -c: a table at the end, no lines */
    bool shows_times;         /* -T */
    uint32_t first_pid;
    bool has_many;            /* a second process has been seen: lines tell the pid */
    Count rows[NAMES_MAX];
    uint32_t row_count;
} Tracer;

/* For the end of the host process, which os.exit may bring about anywhere: atexit passes no argument. */
static Tracer *running;

/* -- Events ---------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const Tracer *t, const RiTraceEvent *event)
{
    for (uint32_t i = 0; i < t->group_count; i++) {
        if (strcmp(t->groups[i], event->group) == 0 || strcmp(t->groups[i], event->name) == 0)
            return true;
    }
    return t->group_count == 0;
}

static void count_event(Tracer *t, const RiTraceEvent *event)
{
    uint32_t i = 0;
    while (i < t->row_count && strcmp(t->rows[i].name, event->name) != 0)
        i++;
    if (i == NAMES_MAX)
        return;
    if (i == t->row_count)
        t->rows[t->row_count++] = (Count){.name = event->name};
    t->rows[i].calls++;
    t->rows[i].errors += event->result < 0;
    t->rows[i].ns += event->duration_ns;
}

static void print_event(Tracer *t, const RiTraceEvent *event)
{
    uint32_t pid = event->pid;
    if (t->first_pid == 0)
        t->first_pid = pid;
    t->has_many |= pid != t->first_pid;
    if (t->has_many)
        fprintf(t->out, "[pid %u] ", pid);
    if (event->arguments == NULL) {
        fprintf(t->out, "%s\n", event->note);
        return;
    }
    fprintf(t->out, "%s(%s) = ", event->name, event->arguments);
    const char *error = event->result < 0 && event->result > -4096 ? ri_errno_name((int)-event->result) : NULL;
    if (error != NULL)
        fprintf(t->out, "-1 %s (%s)", error, event->note != NULL ? event->note : "");
    else
        fprintf(t->out, "%lld", (long long)event->result);
    if (t->shows_times)
        fprintf(t->out, " <%.6f>", (double)event->duration_ns / 1e9);
    fputc('\n', t->out);
}

static void on_event(RiMachine *machine, const RiTraceEvent *event)
{
    Tracer *t = machine->trace_data;
    if (!is_wanted(t, event))
        return;
    if (t->counts && event->arguments != NULL)
        count_event(t, event);
    else if (!t->counts)
        print_event(t, event);
}

/* Most time first. */
static int compare_counts(const void *a, const void *b)
{
    const Count *x = a, *y = b;
    return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : strcmp(x->name, y->name);
}

static void print_counts(Tracer *t)
{
    Count total = {.name = "total"};
    qsort(t->rows, t->row_count, sizeof *t->rows, compare_counts);
    for (uint32_t i = 0; i < t->row_count; i++) {
        total.calls += t->rows[i].calls;
        total.errors += t->rows[i].errors;
        total.ns += t->rows[i].ns;
    }
    fprintf(t->out, "%% time     seconds  usecs/call     calls    errors call\n"
                    "------ ----------- ----------- --------- --------- ----------------\n");
    for (uint32_t i = 0; i <= t->row_count; i++) {
        const Count *row = i < t->row_count ? &t->rows[i] : &total;
        if (i == t->row_count)
            fprintf(t->out, "------ ----------- ----------- --------- --------- ----------------\n");
        double share = total.ns > 0 ? 100.0 * (double)row->ns / (double)total.ns : 0;
        fprintf(t->out, "%6.2f %11.6f %11llu %9llu %9llu %s\n", share, (double)row->ns / 1e9,
                (unsigned long long)(row->calls > 0 ? row->ns / row->calls / 1000 : 0), (unsigned long long)row->calls,
                (unsigned long long)row->errors, row->name);
    }
}

static void finish(void)
{
    Tracer *t = running;
    if (t == NULL)
        return;
    running = NULL;
    if (t->counts)
        print_counts(t);
    if (t->out != stderr)
        fclose(t->out);
    free(t);
}

/* -- The command ------------------------------------------------------------------------------------------------------- */

/* Is it a group or name of a system call, or of what only the libraries do? */
static bool is_traced(const char *word)
{
    static const char *const others[] = {"message", "receive", "spawn", "getenv", "popen", "execute"};
    for (uint32_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(word, others[i]) == 0)
            return true;
    }
    for (uint32_t number = 0; number < RI_SYSCALL_MAX; number++) {
        const RiSyscall *row = ri_syscall_by_number(number);
        if (row != NULL && (strcmp(word, row->group) == 0 || strcmp(word, row->name) == 0))
            return true;
    }
    return false;
}

static bool add_groups(const RiTool *tool, Tracer *t, char *list)
{
    for (char *word = strtok(list, ","); word != NULL; word = strtok(NULL, ",")) {
        if (!is_traced(word)) {
            char text[300];
            snprintf(text, sizeof text, "trace: there is no call and no group '%.200s'", word);
            ri_tool_message(tool, text);
            return false;
        }
        if (t->group_count == GROUPS_MAX)
            return false;
        t->groups[t->group_count++] = word;
    }
    return t->group_count > 0;
}

/* Options up to the first that is not the tracer's; its index, or -1 - the index of a bad one. */
static int parse_options(RiTool *tool, int i, Tracer *t)
{
    for (; i < tool->argc && tool->argv[i][0] == '-'; i++) {
        const char *word = tool->argv[i];
        char *value = i + 1 < tool->argc ? tool->argv[i + 1] : NULL;
        if (strcmp(word, "-c") == 0) {
            t->counts = true;
        } else if (strcmp(word, "-T") == 0) {
            t->shows_times = true;
        } else if (strcmp(word, "-e") == 0) {
            if (value == NULL || !add_groups(tool, t, value))
                return -1 - i;
            i++;
        } else if (strcmp(word, "-o") == 0) {
            if (value == NULL)
                return -1 - i;
            t->out = fopen(value, "we");
            if (t->out == NULL) {
                char text[300];
                snprintf(text, sizeof text, "cannot open %.200s: %s", value, strerror(errno));
                ri_tool_message(tool, text);
                exit(EXIT_FAILURE);
            }
            i++;
        } else {
            break; /* the options of run, and the script */
        }
    }
    return i;
}

static void attach(struct RiMachine *machine, void *argument)
{
    machine->trace = on_event;
    machine->trace_data = argument;
}

int ri_cmd_trace(RiTool *tool, int first)
{
    Tracer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return EXIT_FAILURE;
    t->out = stderr;
    int next = parse_options(tool, first, t);
    if (next < 0 || next >= tool->argc) {
        fprintf(stderr, usage, tool->name);
        return EXIT_FAILURE;
    }
    tool->on_machine = attach;
    tool->on_machine_argument = t;
    tool->on_end = finish;
    running = t;
    atexit(finish);
    return ri_cmd_run(tool, next); /* what is still closed at the end of the machine is told, too */
}
