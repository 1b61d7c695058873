/* `rille trace`: run a program and tell what it asks the machine for, as strace does for programs of a host.
 *
 * As lines, as a table of counts, as JSON (an object a line), or as a timeline for Chrome's and Perfetto's viewers. There a process
 * of the machine is a process, and what the VM does by itself, collections and compilations, are threads of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/options_policy.h"
#include "tools/tool.h"
#include "vm/host/host.h"
#include "vm/machine/signal.h"
#include "vm/machine/trace.h"
#include "vm/machine/trap.h"

#define RULES_MAX 64

#define NAMES_MAX 200

typedef struct Count {
    const char *name; /* of a row, or a literal: lives as long as the program */
    uint64_t calls, errors, ns;
} Count;

typedef enum Domain { CALLS, SIGNALS, TRAPS, DOMAIN_COUNT } Domain;
typedef struct Rule { /* -e */
    const char *word; /* a group or name; "all" */
    Domain domain;
    bool excludes;
} Rule;

typedef enum Format { LINES, COUNTS, JSON, CHROME } Format;

typedef struct Tracer {
    FILE *out;
    Rule rules[RULES_MAX];
    uint32_t rule_count;
    bool has_selected[DOMAIN_COUNT]; /* only what a rule names is shown */
    Format format;
    bool has_events;          /* one has been written, as JSON */
    uint64_t start_ns;
    uint64_t phase_ns[2];     /* when the collection, the compilation under way began */
    uint32_t phase_depth[2], phase_pid[2];
    uint8_t named[1 << 13];   /* processes that have their name in the timeline, as bits, by the low part of the pid */
    bool shows_times;         /* -T */
    uint32_t first_pid;
    bool has_many;            /* a second process has been seen: lines tell the pid */
    Count rows[NAMES_MAX];
    uint32_t row_count;
} Tracer;

/* For the end of the host process, which os.exit may bring about anywhere: atexit passes no argument. */
static Tracer *running;

/* -- Events ---------------------------------------------------------------------------------------------------------- */

static Domain domain_of(const RiTraceEvent *event)
{
    if (event->arguments != NULL)
        return CALLS;
    return strcmp(event->group, "signal") == 0 ? SIGNALS : strcmp(event->group, "trap") == 0 ? TRAPS : CALLS;
}

/* The name of a signal in "--- SIGUSR1 ---", of a trap in "--- TRAP page_fault: … ---". */
static bool names(const char *note, const char *word)
{
    const char *at = strncmp(note, "--- ", 4) == 0 ? note + 4 : note;
    at += strncmp(at, "TRAP ", 5) == 0 ? 5 : strncmp(at, "SIG", 3) == 0 && strncmp(word, "SIG", 3) != 0 ? 3 : 0;
    size_t size = strlen(word);
    return strncmp(at, word, size) == 0 && (at[size] == ' ' || at[size] == ':');
}

static bool matches(const Rule *rule, const RiTraceEvent *event, Domain domain)
{
    if (rule->domain != domain)
        return false;
    if (strcmp(rule->word, "all") == 0 || strcmp(rule->word, event->group) == 0)
        return true;
    return event->arguments != NULL ? strcmp(rule->word, event->name) == 0 : names(event->note, rule->word);
}

static bool is_wanted(const Tracer *t, const RiTraceEvent *event)
{
    Domain domain = domain_of(event);
    bool wanted = !t->has_selected[domain] && (domain == CALLS || !t->has_selected[CALLS]);
    for (uint32_t i = 0; i < t->rule_count; i++) {
        if (matches(&t->rules[i], event, domain))
            wanted = !t->rules[i].excludes;
    }
    return wanted;
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

/* -- JSON --------------------------------------------------------------------------------------------------------------- */

/* How many bytes the character there takes, if it is none of ASCII and well-formed; else 0. */
static size_t wide_character(const unsigned char *c)
{
    size_t size = *c >= 0xf1 && *c <= 0xf3 ? 4 : *c >= 0xe1 && *c <= 0xec ? 3 : *c >= 0xc2 && *c <= 0xdf ? 2 : 0;
    for (size_t i = 1; i < size; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

/* As a string. Bytes that are no characters are shown as those of Latin-1: what is traced need not be UTF-8. */
static void print_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        size_t wide = wide_character(c);
        if (wide > 0) {
            fwrite(c, 1, wide, out);
            c += wide - 1;
        } else if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 32 || *c >= 127)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static void print_member(FILE *out, const char *key, const char *text)
{
    fprintf(out, ",\"%s\":", key);
    print_string(out, text);
}

static const char *error_of(const RiTraceEvent *event)
{
    return event->result < 0 && event->result > -4096 ? ri_errno_name((int)-event->result) : NULL;
}

static void print_json(Tracer *t, const RiTraceEvent *event)
{
    static const char *const kinds[] = {"process", "signal", "trap"};
    bool is_call = event->arguments != NULL;
    fprintf(t->out, "{\"type\":\"%s\",\"pid\":%u,\"time_us\":%.3f", is_call ? "call" : kinds[domain_of(event)], event->pid,
            (double)(event->start_ns - t->start_ns) / 1e3);
    if (!is_call) {
        print_member(t->out, "text", event->note);
    } else {
        print_member(t->out, "name", event->name);
        print_member(t->out, "group", event->group);
        print_member(t->out, "arguments", event->arguments);
        fprintf(t->out, ",\"result\":%lld,\"duration_us\":%.3f", (long long)event->result, (double)event->duration_ns / 1e3);
        if (error_of(event) != NULL)
            print_member(t->out, "error", error_of(event));
    }
    fputs("}\n", t->out);
}

/* -- The timeline --------------------------------------------------------------------------------------------------------- */

enum { TRACK_CALLS, TRACK_COLLECTOR, TRACK_COMPILER }; /* threads of a process, there */

static void begin_chrome(Tracer *t)
{
    fputs(t->has_events ? ",\n" : "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", t->out);
    t->has_events = true;
}

static void name_track(Tracer *t, uint32_t pid, uint32_t track, const char *kind, const char *name)
{
    begin_chrome(t);
    fprintf(t->out, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":", kind, pid, track);
    print_string(t->out, name);
    fputs("}}", t->out);
}

static void name_process(Tracer *t, RiMachine *machine, uint32_t pid)
{
    uint8_t *byte = &t->named[pid / 8 % sizeof t->named], bit = (uint8_t)(1u << pid % 8);
    if (*byte & bit)
        return;
    *byte |= bit;
    char text[200];
    const RiProc *proc = ri_proc_find(machine, pid);
    snprintf(text, sizeof text, "process %u %.150s", pid, proc != NULL ? proc->name : "");
    name_track(t, pid, TRACK_CALLS, "process_name", text);
    name_track(t, pid, TRACK_CALLS, "thread_name", "calls");
    name_track(t, pid, TRACK_COLLECTOR, "thread_name", "collector");
    name_track(t, pid, TRACK_COMPILER, "thread_name", "compiler");
}

static void print_chrome(Tracer *t, RiMachine *machine, const RiTraceEvent *event)
{
    name_process(t, machine, event->pid);
    begin_chrome(t);
    bool is_call = event->arguments != NULL;
    fprintf(t->out, "{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u,\"ts\":%.3f,\"cat\":\"%s\",\"name\":", is_call ? "X" : "i", event->pid,
            TRACK_CALLS, (double)(event->start_ns - t->start_ns) / 1e3, event->group);
    print_string(t->out, is_call ? event->name : event->note);
    if (!is_call) {
        fputs(",\"s\":\"p\"}", t->out);
        return;
    }
    fprintf(t->out, ",\"dur\":%.3f,\"args\":{\"result\":%lld", (double)event->duration_ns / 1e3, (long long)event->result);
    print_member(t->out, "arguments", event->arguments);
    if (error_of(event) != NULL)
        print_member(t->out, "error", error_of(event));
    fputs("}}", t->out);
}

static void on_phase(RiHeap *heap, RiPhase phase, bool begins)
{
    Tracer *t = heap->watcher;
    const RiProcess *process = heap->host;
    if (phase > RI_PHASE_COMPILE || t->out == NULL)
        return;
    if (begins) {
        if (t->phase_depth[phase]++ == 0) {
            t->phase_ns[phase] = ri_host_monotonic_ns();
            t->phase_pid[phase] = process != NULL && process->proc != NULL ? process->proc->pid : 1;
        }
        return;
    }
    if (--t->phase_depth[phase] > 0)
        return;
    uint64_t now = ri_host_monotonic_ns();
    begin_chrome(t);
    fprintf(t->out, "{\"ph\":\"X\",\"pid\":%u,\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,\"cat\":\"vm\",\"name\":\"%s\"}", t->phase_pid[phase],
            phase == RI_PHASE_COLLECT ? TRACK_COLLECTOR : TRACK_COMPILER, (double)(t->phase_ns[phase] - t->start_ns) / 1e3,
            (double)(now - t->phase_ns[phase]) / 1e3, phase == RI_PHASE_COLLECT ? "collection" : "compilation");
}

static void on_event(RiMachine *machine, const RiTraceEvent *event)
{
    Tracer *t = machine->trace_data;
    if (t->out == NULL || !is_wanted(t, event))
        return;
    if (t->format == CHROME)
        print_chrome(t, machine, event);
    else if (t->format == JSON)
        print_json(t, event);
    else if (t->format == LINES)
        print_event(t, event);
    else if (event->arguments != NULL)
        count_event(t, event);
}

/* -- The end ---------------------------------------------------------------------------------------------------------------- */

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
    if (t->format == COUNTS)
        print_counts(t);
    if (t->format == CHROME)
        fputs(t->has_events ? "\n]}\n" : "{\"traceEvents\":[]}\n", t->out);
    fflush(t->out);
    if (t->out != stderr && t->out != stdout)
        fclose(t->out);
    t->out = NULL; /* who still tells something is not heard: the heap, and the host process, are about to go */
}

/* -- The command ------------------------------------------------------------------------------------------------------- */

static int complain(const RiTool *tool, const char *what, const char *word)
{
    char text[400];
    snprintf(text, sizeof text, "trace: %s '%.200s'", what, word);
    ri_tool_message(tool, text);
    return -1;
}

/* Is it a group or name of a system call, or of what only the libraries do? */
static bool is_call(const char *word)
{
    static const char *const others[] = {"message", "receive", "spawn", "getenv", "popen", "execute", "process", "all"};
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

static bool is_trap(const char *word)
{
    for (int i = 0; i < RI_TRAP_COUNT; i++) {
        if (strcmp(word, ri_trap_info[i].name) == 0)
            return true;
    }
    return strcmp(word, "all") == 0;
}

static bool is_signal(const char *word)
{
    return strcmp(word, "all") == 0 || ri_signal_number(strncmp(word, "SIG", 3) == 0 ? word + 3 : word) != 0;
}

/* One word of a list. "signal" and "trap" among calls are those of all kinds. */
static bool add_rule(Tracer *t, const char *word, Domain domain, bool excludes)
{
    static bool (*const known[DOMAIN_COUNT])(const char *) = {is_call, is_signal, is_trap};
    if (domain == CALLS && strcmp(word, "signal") == 0 && !add_rule(t, "all", SIGNALS, excludes))
        return false;
    if (domain == CALLS && strcmp(word, "trap") == 0)
        return add_rule(t, "all", TRAPS, excludes) && (excludes || (t->has_selected[CALLS] = true));
    if (domain != CALLS && strcmp(word, "none") == 0)
        return add_rule(t, "all", domain, true);
    if (!known[domain](word) || t->rule_count == RULES_MAX)
        return false;
    t->rules[t->rule_count++] = (Rule){word, domain, excludes};
    t->has_selected[domain] |= !excludes;
    return true;
}

/* "file,!close", "!memory", "trace=…", "signal=USR1", "trap=page_fault". A '!' in front of the list holds for all of it. */
static int add_rules(const RiTool *tool, Tracer *t, char *list)
{
    static const char *const domains[DOMAIN_COUNT] = {"trace=", "signal=", "trap="};
    static const char *const problems[DOMAIN_COUNT] = {"there is no call and no group", "there is no signal", "there is no trap"};
    Domain domain = CALLS;
    for (int i = 0; i < DOMAIN_COUNT; i++) {
        if (strncmp(list, domains[i], strlen(domains[i])) == 0) {
            domain = (Domain)i;
            list += strlen(domains[i]);
            break;
        }
    }
    bool excludes = list[0] == '!';
    list += excludes;
    uint32_t count = 0;
    for (char *word = strtok(list, ","); word != NULL; word = strtok(NULL, ","), count++) {
        bool alone = word[0] == '!';
        if (!add_rule(t, word + alone, domain, excludes || alone))
            return complain(tool, problems[domain], word + alone);
    }
    return count > 0 ? 0 : complain(tool, "nothing is named by", "-e");
}

static int open_output(const RiTool *tool, Tracer *t, const char *path)
{
    char text[300];
    t->out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (t->out != NULL)
        return 0;
    snprintf(text, sizeof text, "trace: cannot open %.200s: %s", path, strerror(errno));
    ri_tool_message(tool, text);
    return -1;
}

/* Options up to the first that is not the tracer's; its index, or -1. */
static int parse_options(const RiTool *tool, int i, Tracer *t)
{
    static const struct {
        const char *word;
        Format format;
    } formats[] = {{"-c", COUNTS}, {"--json", JSON}, {"--chrome", CHROME}};
    for (; i < tool->argc && tool->argv[i][0] == '-'; i++) {
        const char *word = tool->argv[i];
        char *value = i + 1 < tool->argc ? tool->argv[i + 1] : NULL;
        bool is_format = false;
        for (uint32_t k = 0; k < RI_COUNTOF(formats); k++) {
            if (strcmp(word, formats[k].word) == 0) {
                is_format = true;
                t->format = formats[k].format;
            }
        }
        if (strcmp(word, "-T") == 0) {
            t->shows_times = true;
        } else if (strcmp(word, "-e") == 0 || strcmp(word, "-o") == 0) {
            if (value == NULL)
                return complain(tool, "no value for", word);
            if ((word[1] == 'e' ? add_rules(tool, t, value) : open_output(tool, t, value)) != 0)
                return -1;
            i++;
        } else if (!is_format) {
            break; /* the options of run, and the script */
        }
    }
    return i;
}

static void attach(struct RiMachine *machine, void *argument)
{
    Tracer *t = argument;
    RiHeap *heap = machine->engine_data;
    machine->trace = on_event;
    machine->trace_data = t;
    t->start_ns = ri_host_monotonic_ns();
    if (t->format == CHROME) {
        name_process(t, machine, 1);
        heap->watcher = t;
        heap->on_phase = on_phase;
    }
}

int ri_cmd_trace(RiTool *tool, int first)
{
    Tracer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return EXIT_FAILURE;
    t->out = stderr;
    int next = parse_options(tool, first, t);
    if (next >= tool->argc)
        (void)complain(tool, "which program? See", "rille help trace");
    if (next < 0 || next >= tool->argc) {
        free(t);
        return EXIT_FAILURE;
    }
    tool->on_machine = attach;
    tool->on_machine_argument = t;
    tool->on_end = finish;
    running = t;
    atexit(finish);
    return ri_cmd_run(tool, next); /* what is still closed at the end of the machine is told, too */
}
