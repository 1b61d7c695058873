/* What a copy of an object graph remembers: which object became which, in the order in which they were met.
 *
 * The pairs are at once the to-do list of a breadth-first walk, so nothing recurses. Both halves of every pair are
 * kept alive: the first few pairs lie in the struct itself, which stands on the C stack, the rest in memory of its
 * own that is a root. It counts as the current process's, and must be given back by ri_forward_free on every way out. */
#ifndef RI_EXEC_FORWARD_H
#define RI_EXEC_FORWARD_H

#include "vm/object/heap.h"

typedef struct RiForwardPair {
    const void *source;
    void *copy;
} RiForwardPair;

#define RI_FORWARD_FEW 12 /* pairs that are searched one by one */

typedef struct RiForward {
    RiHeap *heap;
    RiAccount *payer; /* of the arrays */
    RiForwardPair *pairs;
    uint64_t *cells; /* hash: 1 + index into pairs, and part of the address; NULL as long as they are few */
    uint32_t count, capacity;
    uint32_t mask; /* cells - 1 */
    RiForwardPair few[RI_FORWARD_FEW];
} RiForward;

static inline void ri_forward_init(RiForward *f, RiHeap *heap)
{
    f->heap = heap;
    f->pairs = f->few;
    f->cells = NULL;
    f->count = 0;
    f->capacity = RI_FORWARD_FEW;
    f->mask = 0;
}

/* Collects: no. */
void ri_forward_free_large(RiForward *f);
static inline void ri_forward_free(RiForward *f)
{
    if (RI_UNLIKELY(f->pairs != f->few))
        ri_forward_free_large(f);
}

/* The copy of `source`, NULL if it has none yet. */
void *ri_forward_find_large(const RiForward *f, const void *source);
static RI_ALWAYS_INLINE void *ri_forward_find(const RiForward *f, const void *source)
{
    if (RI_UNLIKELY(f->cells != NULL))
        return ri_forward_find_large(f, source);
    for (uint32_t i = f->count; i-- > 0;) {
        if (f->few[i].source == source)
            return f->few[i].copy;
    }
    return NULL;
}

/* Note that `copy` is the copy of `source`, which has none. Collects: no. Traps: no memory. */
void ri_forward_add_large(RiForward *f, const void *source, void *copy);
static RI_ALWAYS_INLINE void ri_forward_add(RiForward *f, const void *source, void *copy)
{
    if (RI_LIKELY(f->count < RI_FORWARD_FEW)) {
        f->few[f->count].source = source;
        f->few[f->count++].copy = copy;
    } else {
        ri_forward_add_large(f, source, copy);
    }
}

#endif
