/* Profiles: what was measured (time, or bytes allocated), by stack of calls, by function and by line.
 *
 * profile.c keeps it; profile_sample.c fills it from a running heap; profile_text.c and profile_svg.c show it. */
#ifndef RI_TOOLS_PROFILE_H
#define RI_TOOLS_PROFILE_H

#include <stdio.h>

#include "jit/jit.h"

typedef enum RiProfKind {
    RI_PROF_LUA,
    RI_PROF_LIBRARY,
    RI_PROF_C,
    RI_PROF_COROUTINE, /* no function: what is above runs in a coroutine */
    RI_PROF_PROCESS,   /* likewise */
    RI_PROF_VM,        /* the collector, the compiler */
    RI_PROF_KIND_COUNT
} RiProfKind;

typedef struct RiProfFn {
    RiProfKind kind;
    const void *key;   /* what it is known by: NULL once that may mean something else */
    char *name;
    char *source;      /* "prog.lua", or "" */
    int32_t line;      /* where it begins; 0: nowhere */
    uint32_t stamp;    /* of the stack that counted it last */
    uint8_t tries;     /* at finding its name */
    uint64_t self, total, native_self; /* of self, in machine code */
} RiProfFn;

typedef struct RiProfNode { /* nodes[0] is the root, of function 0 */
    uint32_t fn, parent, child, sibling; /* 0: none */
    bool is_native; /* machine code */
    uint64_t self, total; /* total: after ri_prof_sum */
} RiProfNode;

typedef struct RiProfLine {
    uint32_t fn, stamp;
    int32_t line;
    uint64_t self, total;
} RiProfLine;

typedef struct RiProfPlace { /* of a stack */
    uint32_t fn;
    int32_t line;
    bool is_native;
} RiProfPlace;

typedef struct RiProfIndex { /* open addressing; entries are numbers, plus 1 */
    uint32_t *entries;
    uint32_t count, capacity;
} RiProfIndex;

typedef struct RiProf {
    RiProfFn *fns;
    RiProfNode *nodes;
    RiProfLine *lines;
    uint32_t fn_count, node_count, line_count, fn_capacity, node_capacity, line_capacity;
    RiProfIndex fn_index, node_index, line_index;
    uint32_t stamp;
    uint64_t total, samples, cut, lost; /* lost: of total, what there was no room for */
    bool is_bytes;   /* of memory; else nanoseconds */
    const char *title;
} RiProf;

RiProf *ri_prof_new(bool is_bytes, const char *title); /* NULL: no memory. `title` stays the caller's */
void ri_prof_free(RiProf *p);
/* The function known by (kind, key); *is_new: its other fields are to be filled in. UINT32_MAX: no memory. */
uint32_t ri_prof_fn(RiProf *p, RiProfKind kind, const void *key, bool *is_new);
/* One stack, outermost first; `weight` ns or bytes. */
void ri_prof_add(RiProf *p, const RiProfPlace *stack, uint32_t count, uint64_t weight);
void ri_prof_sum(RiProf *p); /* nodes' totals, when all is in */
/* "fib prog.lua:3"; native: with " [J]". */
void ri_prof_label(const RiProfFn *fn, bool is_native, char *out, size_t size);
/* The node that is shown at the bottom: the root, or, with one process, that process. */
uint32_t ri_prof_bottom(const RiProf *p);

/* -- profile_sample.c ------------------------------------------------------------------------------------------------- */
typedef struct RiSampling RiSampling;
struct RiMachine;
/* Begin to fill `p`, by what the calling thread does with the machine's heap from now on: `hz` samples in a second, or, 0, every allocation.
 * NULL and errno: see ri_sampler_start. */
RiSampling *ri_sampling_start(RiProf *p, struct RiMachine *machine, unsigned hz);
/* All is in p, and the heap is as before. From another thread: whatever is in already. NULL is ignored. */
void ri_sampling_end(RiSampling *s);

/* -- profile_text.c --------------------------------------------------------------------------------------------------- */
void ri_prof_print_table(const RiProf *p, FILE *out, uint32_t rows); /* functions, and lines */
void ri_prof_print_collapsed(const RiProf *p, FILE *out); /* a;b;c weight */
void ri_prof_print_speedscope(const RiProf *p, FILE *out);
/* -- profile_svg.c ------------------------------------------------------------------------------------------------------ */
void ri_prof_print_svg(const RiProf *p, FILE *out);

#endif
