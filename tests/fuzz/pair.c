/* Random programs in both engines of one process: the transcripts must be the same.
 *
 *   tests/fuzz/pair [--seed N] [--count N] [--seconds N] [--save FOLDER] [--mode N] [--show]
 *
 * hot.lua writes the programs, pair.lua runs them, each in a heap without a JIT and in one with it. Heaps are made anew every few
 * hundred programs; each time the JIT is set up differently (modes, below). Programs that differ are kept in FOLDER (fuzz-failures).
 * At the end: which instructions never ran as machine code, and for which reasons code was never left. `--show` with a
 * seed prints both transcripts of this one program. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jit/core.h"
#include "tests/support/engine.h"
#include "vm/host/host.h"

#define SESSION_PROGRAMS 400
#define PROGRAM_SECONDS_MAX 300 /* on a busy host */

static const RiJitOptions modes[] = {
    {.always = true},
    {.hot_calls = 2, .hot_loops = 3},
    {.always = true, .counts = true},
    {.hot_calls = 5, .hot_loops = 2, .counts = true},
    {.always = true, .code_bytes = 1 << 20},
    {.always = true, .traps = true},
    {.always = true, .views = RI_CODE_SWITCHED},
    {.hot_calls = 2, .hot_loops = 3, .traps = true},
};

typedef struct Options {
    uint64_t seed, count;
    double seconds;
    const char *save;
    int mode; /* -1: all in turn */
    bool show;
} Options;

static volatile uint64_t current_seed; /* for the handler: a program may crash, or never end */

static void tell_seed(int number)
{
    char text[80];
    int size = snprintf(text, sizeof text, "pair: signal %d, seed %" PRIu64 "\n", number, current_seed);
    if (write(2, text, (size_t)size) < 0)
        _exit(3);
    signal(number, SIG_DFL);
    raise(number);
}

/* -- What was reached ----------------------------------------------------------------------------------------- */

static void add_counts(RiJitCounts *total, const RiJit *j)
{
    const RiJitCounts *counts = j->counts;
    if (!counts)
        return;
    for (int op = 0; op < 256; op++) {
        total->native[op] += counts->native[op];
        for (int reason = 0; reason < RI_JIT_EXIT_COUNT; reason++)
            total->exits[reason][op] += counts->exits[reason][op];
    }
}

static void print_missing(const RiJitCounts *total)
{
    static const char *const reasons[] = {
#define EXIT(name, why) why,
#include "jit/exits.def"
#undef EXIT
    };
    int reached = 0, count = 0;
    printf("never machine code:");
    for (int op = 0; op < RI_OP_COUNT; op++) {
        bool is_internal = op == RI_OP_NATIVE || op == RI_OP_WARM || op == RI_OP_BREAK;
        count += !is_internal;
        reached += total->native[op] > 0;
        if (!total->native[op] && !is_internal)
            printf(" %s", ri_op_info[op].name);
    }
    printf("\nmachine code: %d of %d instructions\nnever a reason to leave:", reached, count);
    for (int reason = 0; reason < RI_JIT_EXIT_COUNT; reason++) {
        uint64_t sum = 0;
        for (int op = 0; op < 256; op++)
            sum += total->exits[reason][op];
        if (!sum)
            printf(" [%s]", reasons[reason]);
    }
    printf("\n");
}

/* -- Programs --------------------------------------------------------------------------------------------------- */

static void save(const Options *o, const char *suffix, const char *text)
{
    char path[4000];
    mkdir(o->save, 0777);
    snprintf(path, sizeof path, "%s/%" PRIu64 "%s", o->save, current_seed, suffix);
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    fputs(text, file);
    fclose(file);
}

static void report(const Options *o, const char *source, const char *a, const char *b)
{
    size_t same = 0, line = 0;
    while (a[same] && a[same] == b[same])
        same++;
    for (line = same; line > 0 && a[line - 1] != '\n'; line--)
        ;
    printf("seed %" PRIu64 " differs\n    interpreted: %.*s\n    compiled:    %.*s\n", current_seed, (int)strcspn(a + line, "\n"), a + line,
           (int)strcspn(b + line, "\n"), b + line);
    fflush(stdout);
    save(o, ".lua", source);
    save(o, ".interpreted", a);
    save(o, ".compiled", b);
}

/* Returns whether both engines agree. */
static bool try_program(const Options *o, Engine generator, Engine plain, Engine native)
{
    char *source = engine_ask(generator, ri_int((int64_t)current_seed), ri_nil());
    alarm(PROGRAM_SECONDS_MAX);
    char *a = engine_transcript(plain, source), *b = engine_transcript(native, source);
    alarm(0);
    bool same = strcmp(a, b) == 0;
    if (!same)
        report(o, source, a, b);
    if (o->show)
        printf("%s\n== interpreted\n%s\n== compiled\n%s\n", source, a, b);
    free(a);
    free(b);
    free(source);
    return same;
}

static Options parse(int argc, char **argv)
{
    Options o = {.seed = 1, .count = 1000, .seconds = 1e9, .save = "fuzz-failures", .mode = -1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--show") == 0) {
            o.show = true;
            o.count = 1;
            continue;
        }
        if (strcmp(argv[i], "--seed") == 0)
            o.seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--count") == 0)
            o.count = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            o.seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--save") == 0)
            o.save = value;
        else if (strcmp(argv[i], "--mode") == 0)
            o.mode = atoi(value);
        else
            engine_die("usage: pair [--seed N] [--count N] [--seconds N] [--save FOLDER] [--mode N] [--show]");
        i++;
    }
    return o;
}

static bool has_jit(void)
{
    RiThread *T = ri_open();
    bool has = T && ri_jit_open(T->heap, &modes[0]);
    if (T)
        ri_close(T);
    return has;
}

int main(int argc, char **argv)
{
    Options o = parse(argc, argv);
    if (!has_jit())
        return 0;
    signal(SIGSEGV, tell_seed);
    signal(SIGABRT, tell_seed);
    signal(SIGALRM, tell_seed);
    RiJitCounts *total = calloc(1, sizeof *total);
    uint64_t done = 0, differ = 0, began = ri_host_monotonic_ns();
    double seconds = 0;
    Engine generator = engine_open("hot.lua", &(RiJitOptions){.always = false});
    while (total && done < o.count && seconds < o.seconds) {
        uint64_t session = (o.seed + done) / SESSION_PROGRAMS;
        const RiJitOptions *options = &modes[o.mode >= 0 ? (size_t)o.mode : session % RI_COUNTOF(modes)];
        Engine plain = engine_open("pair.lua", NULL), native = engine_open("pair.lua", options);
        do {
            current_seed = o.seed + done;
            differ += !try_program(&o, generator, plain, native);
            done++;
        } while (done < o.count && (o.seed + done) / SESSION_PROGRAMS == session);
        add_counts(total, native.T->heap->jit);
        ri_close(plain.T);
        ri_close(native.T);
        seconds = (double)(ri_host_monotonic_ns() - began) / 1e9;
    }
    printf("%" PRIu64 " programs from seed %" PRIu64 ", %" PRIu64 " differ, %.0f s\n", done, o.seed, differ,
           (double)(ri_host_monotonic_ns() - began) / 1e9);
    if (total)
        print_missing(total);
    free(total);
    ri_close(generator.T);
    return differ != 0;
}
