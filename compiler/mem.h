/* Working memory of the compiler. All of it is collected memory or part of ri_compile's C frame, so that an error may
 * leave from anywhere.
 *
 * The arena is a stack of blocks: syntax trees are built bottom-up within a function and dropped together. Vectors are
 * stacks as well: an inner function's entries lie above its parent's and go with it. */
#ifndef RI_COMPILER_MEM_H
#define RI_COMPILER_MEM_H

#include "vm/object/heap.h"

typedef struct RiArenaBlock {
    RiObject object;
    struct RiArenaBlock *below;
    size_t size; /* of data[] */
    char data[];
} RiArenaBlock;

#define RI_ARENA_FIRST_SIZE 4096 /* bytes inside the RiArena: small chunks need no other block */

typedef struct RiArena {
    RiHeap *heap;
    RiArenaBlock *block; /* NULL: still in first[] */
    RiArenaBlock *spare; /* one released block, kept for the next need */
    char *at, *end;
    size_t below_bytes; /* in the blocks below the current one */
    char first[RI_ARENA_FIRST_SIZE] __attribute__((aligned(16)));
} RiArena;

typedef struct RiArenaMark {
    RiArenaBlock *block;
    char *at;
    size_t bytes; /* in use at the time */
} RiArenaMark;

void ri_arena_init(RiArena *arena, RiHeap *heap);
void *ri_arena_alloc_slow(RiArena *arena, size_t size);

/* `size` bytes, not zeroed, scanned conservatively. Collects: yes. */
static inline void *ri_arena_alloc(RiArena *arena, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (RI_UNLIKELY(size > (size_t)(arena->end - arena->at)))
        return ri_arena_alloc_slow(arena, size);
    void *p = arena->at;
    arena->at += size;
    return p;
}

size_t ri_arena_used_bytes(const RiArena *arena);
RiArenaMark ri_arena_mark(const RiArena *arena);
/* Drop everything allocated since the mark. */
void ri_arena_release(RiArena *arena, RiArenaMark mark);

/* A growable stack of one type: RI_VEC(RiVar) vars. Zeroed memory is an empty one. */
#define RI_VEC(type)                                                                               \
    struct {                                                                                       \
        type *items;                                                                               \
        void *block; /* the heap block that holds them, or NULL */                                 \
        uint32_t count, capacity;                                                                  \
    }

enum { RI_VEC_POINTERS, RI_VEC_LEAF }; /* scanned conservatively, or free of pointers */

/* New storage of at least twice the capacity and of `need` items; `*block` and `*capacity` follow. Collects: yes. */
void *ri_vec_grow(RiHeap *heap, void *items, void **block, uint32_t *capacity, uint32_t count, uint32_t need,
                  size_t item_size, int leaf);

/* Make room for `extra` more items. */
#define ri_vec_reserve(heap, vec, extra, leaf)                                                     \
    do {                                                                                           \
        if (RI_UNLIKELY((vec)->capacity - (vec)->count < (uint32_t)(extra)))                       \
            (vec)->items = ri_vec_grow(heap, (vec)->items, &(vec)->block, &(vec)->capacity,        \
                                       (vec)->count, (vec)->count + (uint32_t)(extra),             \
                                       sizeof *(vec)->items, leaf);                                \
    } while (0)

/* The address of one more item. */
#define ri_vec_push(heap, vec, leaf) __extension__({                                               \
        ri_vec_reserve(heap, vec, 1, leaf);                                                        \
        &(vec)->items[(vec)->count++];                                                             \
    })

/* Use `array` (of the C frame) until it is full. */
#define ri_vec_start(vec, array) ((vec)->items = (array), (vec)->capacity = RI_COUNTOF(array))

#endif
