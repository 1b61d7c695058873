/* The forwarding map, once the pairs are more than a few: an array that is a root, and a hash of indices into it. */
#include "vm/exec/forward.h"

#include <string.h>

#define LARGE_CAPACITY_FIRST 128

/* Objects that lie close to each other are mostly met soon after each other: those of one KB share some cache lines of
 * cells. */
static inline uint32_t hash_of(const void *source)
{
    uint64_t granule = (uintptr_t)source >> 4;
    return (uint32_t)((granule >> 6) * 0x9e3779b97f4a7c15u >> 32) << 6 | (granule & 63);
}

/* What a cell of this address has in its upper half, so that a wrong pair is hardly ever looked at. */
static inline uint64_t tag_of(const void *source)
{
    return (uint64_t)((uintptr_t)source >> 4) << 32;
}

static int64_t array_bytes(const RiForward *f)
{
    return (int64_t)f->capacity * (int64_t)(sizeof *f->pairs + 2 * sizeof *f->cells);
}

static void free_arrays(const RiForward *f)
{
    if (f->payer->heap != NULL) /* else it has been closed meanwhile */
        ri_account_note(f->payer, -array_bytes(f));
    ri_heap_remove_root(f->heap, f->pairs, f->capacity * sizeof *f->pairs);
    ri_heap_cfree(f->pairs);
    ri_heap_cfree(f->cells);
}

void ri_forward_free_large(RiForward *f)
{
    free_arrays(f);
    ri_forward_init(f, f->heap);
}

void *ri_forward_find_large(const RiForward *f, const void *source)
{
    uint64_t tag = tag_of(source);
    for (uint32_t i = hash_of(source);; i++) {
        uint64_t cell = f->cells[i & f->mask];
        if (cell == 0)
            return NULL;
        uint32_t index = (uint32_t)cell - 1;
        if ((cell & ~(uint64_t)UINT32_MAX) == tag && f->pairs[index].source == source)
            return f->pairs[index].copy;
    }
}

static void add_cell(const RiForward *f, uint32_t index)
{
    const void *source = f->pairs[index].source;
    uint32_t i = hash_of(source);
    while (f->cells[i & f->mask] != 0)
        i++;
    f->cells[i & f->mask] = tag_of(source) | (index + 1);
}

RI_NORETURN static void fail(RiHeap *heap)
{
    heap->on_no_memory(heap);
    ri_unreachable();
}

/* Twice the room, with cells to be filled at most to a half. */
static RI_NOINLINE void grow(RiForward *f)
{
    RiHeap *heap = f->heap;
    const RiForward old = *f;
    uint32_t capacity = f->capacity < LARGE_CAPACITY_FIRST ? LARGE_CAPACITY_FIRST : f->capacity * 2;
    if (capacity > 1u << 30)
        fail(heap);
    RiForwardPair *pairs = ri_heap_calloc(heap, capacity, sizeof *pairs);
    uint64_t *cells = pairs != NULL ? ri_heap_calloc(heap, (size_t)capacity * 2, sizeof *cells) : NULL;
    if (cells == NULL) {
        ri_heap_cfree(pairs);
        fail(heap);
    }
    memcpy(pairs, f->pairs, f->count * sizeof *pairs);
    f->pairs = pairs;
    f->cells = cells;
    f->capacity = capacity;
    f->mask = capacity * 2 - 1;
    f->payer = heap->account;
    ri_account_note(f->payer, array_bytes(f));
    for (uint32_t i = 0; i < f->count; i++)
        add_cell(f, i);
    if (old.cells != NULL)
        free_arrays(&old); /* leaves a place among the roots, so that this cannot fail: */
    ri_heap_add_root(heap, pairs, capacity * sizeof *pairs);
}

void ri_forward_add_large(RiForward *f, const void *source, void *copy)
{
    if (f->count == f->capacity)
        grow(f);
    f->pairs[f->count] = (RiForwardPair){source, copy};
    add_cell(f, f->count++);
}
