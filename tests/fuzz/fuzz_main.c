/* Drives a fuzz target where there is no libFuzzer:
 *
 *     fuzz_NAME [--seed N] [--runs N] [--seconds N] [--max N] [FILE | FOLDER] ...
 *
 * Every file is run once. Then inputs mutated from them (from nothing, if there are none) until --runs or --seconds are over.
 * An input that crashes, or takes a minute, is left in the file crash-TARGET. The last line says how many were run. */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 65536
#define SECONDS_MAX 60 /* for one input */

typedef struct Input {
    uint8_t *bytes;
    size_t size;
} Input;

typedef struct Corpus {
    Input *inputs;
    size_t count;
} Corpus;

typedef struct Options {
    uint64_t seed, runs;
    double seconds;
    size_t size_max;
} Options;

/* What the handler of a crash writes. */
static struct {
    const uint8_t *bytes;
    size_t size;
    char path[200];
} current;

static void keep_input(int number)
{
    FILE *f = fopen(current.path, "wb"); /* not safe in a handler, but nothing else is left to be done */
    if (f != NULL) {
        fwrite(current.bytes, 1, current.size, f);
        fclose(f);
    }
    fprintf(stderr, "signal %d; the input is in %s\n", number, current.path);
    signal(number, SIG_DFL);
    raise(number);
}

static void run_one(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + 1); /* of its exact size, for sanitizers */
    memcpy(copy, bytes, size);
    current.bytes = copy;
    current.size = size;
    alarm(SECONDS_MAX);
    LLVMFuzzerTestOneInput(copy, size);
    alarm(0);
    free(copy);
}

static void add_file(Corpus *corpus, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    uint8_t *bytes = malloc(INPUT_MAX);
    size_t size = fread(bytes, 1, INPUT_MAX, f);
    fclose(f);
    corpus->inputs = realloc(corpus->inputs, (corpus->count + 1) * sizeof(Input));
    corpus->inputs[corpus->count++] = (Input){bytes, size};
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_path(Corpus *corpus, const char *path)
{
    struct stat st;
    struct dirent **names;
    int count = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? scandir(path, &names, NULL, by_name) : -1;
    if (count < 0) {
        add_file(corpus, path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            add_file(corpus, file);
        free(names[i]);
    }
    free(names);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* One change of `bytes`; returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size, size_t size_max, const Corpus *corpus, uint64_t *random)
{
    size_t at = size > 0 ? next_random(random) % size : 0, count = next_random(random) % 16 + 1;
    switch (next_random(random) % 6) {
    case 0:
        if (size > 0)
            bytes[at] ^= (uint8_t)(1u << next_random(random) % 8);
        return size;
    case 1:
        if (size > 0)
            bytes[at] = (uint8_t)next_random(random);
        return size;
    case 2: /* take out */
        if (count > size - at)
            count = size - at;
        memmove(bytes + at, bytes + at + count, size - at - count);
        return size - count;
    case 3: /* put in */
        if (size + count > size_max)
            return size;
        memmove(bytes + at + count, bytes + at, size - at);
        for (size_t i = 0; i < count; i++)
            bytes[at + i] = (uint8_t)next_random(random);
        return size + count;
    case 4: /* a piece again elsewhere */
        if (size == 0)
            return size;
        for (size_t i = 0, from = next_random(random) % size; i < count && at + i < size && from + i < size; i++)
            bytes[at + i] = bytes[from + i];
        return size;
    default: { /* go on as another one does */
        if (corpus->count == 0)
            return size;
        const Input *other = &corpus->inputs[next_random(random) % corpus->count];
        size_t from = other->size > 0 ? next_random(random) % other->size : 0;
        count = other->size - from < size_max - at ? other->size - from : size_max - at;
        memcpy(bytes + at, other->bytes + from, count);
        return at + count;
    }
    }
}

static size_t make_input(uint8_t *bytes, const Options *options, const Corpus *corpus, uint64_t *random)
{
    size_t size = 0;
    if (corpus->count > 0 && next_random(random) % 8 > 0) {
        const Input *from = &corpus->inputs[next_random(random) % corpus->count];
        size = from->size < options->size_max ? from->size : options->size_max;
        memcpy(bytes, from->bytes, size);
    } else {
        size = next_random(random) % (next_random(random) % 4 ? 64 : 512);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)next_random(random);
    }
    for (size_t i = next_random(random) % 8 + 1; i > 0; i--)
        size = mutate(bytes, size, options->size_max, corpus, random);
    return size;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_arguments(int argc, char **argv, Options *options, Corpus *corpus)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (argv[i][0] != '-') {
            add_path(corpus, argv[i]);
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--seed") == 0) {
            options->seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--runs") == 0) {
            options->runs = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--seconds") == 0) {
            options->seconds = strtod(value, NULL);
        } else if (strcmp(argv[i - 1], "--max") == 0 && strtoull(value, NULL, 10) <= INPUT_MAX) {
            options->size_max = strtoull(value, NULL, 10);
        } else {
            fprintf(stderr, "usage: %s [--seed N] [--runs N] [--seconds N] [--max N] [FILE | FOLDER] ...\n", argv[0]);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    Options options = {.seed = 1, .size_max = 4096};
    Corpus corpus = {0};
    const char *name = strrchr(argv[0], '/');
    snprintf(current.path, sizeof current.path, "crash-%s", name ? name + 1 : argv[0]);
    read_arguments(argc, argv, &options, &corpus);
    signal(SIGABRT, keep_input);
    signal(SIGALRM, keep_input);
    uint64_t random = options.seed * 0x9e3779b97f4a7c15u + 88172645463325252u, runs = 0;
    for (size_t i = 0; i < corpus.count; i++)
        run_one(corpus.inputs[i].bytes, corpus.inputs[i].size);
    static uint8_t bytes[INPUT_MAX];
    double end = now() + options.seconds;
    while (runs < options.runs || (options.seconds > 0 && now() < end)) {
        run_one(bytes, make_input(bytes, &options, &corpus, &random));
        runs++;
    }
    printf("%s: %zu files, %" PRIu64 " inputs\n", current.path + strlen("crash-"), corpus.count, runs);
    return 0;
}
