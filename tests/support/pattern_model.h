/* A plain recursive matcher for Lua patterns, written from the manual (§6.4.1): one function per rule, recursion for every
 * choice. What the real one is compared with. */
#ifndef TESTS_SUPPORT_PATTERN_MODEL_H
#define TESTS_SUPPORT_PATTERN_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_MODEL_CAPTURES 32

typedef struct PatternModel {
    const char *subject, *end, *pattern_end;
    const char *error; /* NULL, or what is wrong with the pattern, as a format for error_index */
    int error_index;
    int level; /* captures */
    struct {
        const char *start;
        long size; /* -1: open, -2: position */
    } captures[PATTERN_MODEL_CAPTURES];
    long steps; /* that are left; set it before: at 0 the search is given up, with an error */
} PatternModel;

/* The first match: true, and its ends. False: none, or m->error. `m->steps` is the caller's. */
bool pattern_model_search(PatternModel *m, const char *subject, size_t size, const char *pattern, size_t pattern_size,
                          const char **start, const char **end);

#endif
