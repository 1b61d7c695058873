/* The compiler's arena and vectors. */
#include "compiler/mem.h"

#include <string.h>

#define BLOCK_SIZE_FIRST ((size_t)8 << 10)
#define BLOCK_SIZE_MAX ((size_t)64 << 10)

void ri_arena_init(RiArena *arena, RiHeap *heap)
{
    arena->heap = heap;
    arena->block = NULL;
    arena->spare = NULL;
    arena->at = arena->first;
    arena->end = arena->first + sizeof arena->first;
    arena->below_bytes = 0;
}

static char *block_start(const RiArena *arena, RiArenaBlock *block)
{
    return block ? block->data : (char *)arena->first;
}

void *ri_arena_alloc_slow(RiArena *arena, size_t size)
{
    RiArenaBlock *block = arena->spare;
    if (block != NULL && block->size >= size) {
        arena->spare = NULL;
    } else {
        size_t data_size = arena->block ? arena->block->size * 2 : BLOCK_SIZE_FIRST;
        if (data_size > BLOCK_SIZE_MAX)
            data_size = BLOCK_SIZE_MAX;
        if (data_size < size)
            data_size = size;
        block = ri_heap_alloc_block(arena->heap, sizeof(RiArenaBlock) + data_size);
        block->size = data_size;
    }
    arena->below_bytes += (size_t)(arena->at - block_start(arena, arena->block));
    block->below = arena->block;
    arena->block = block;
    arena->at = block->data + size;
    arena->end = block->data + block->size;
    return block->data;
}

size_t ri_arena_used_bytes(const RiArena *arena)
{
    return arena->below_bytes + (size_t)(arena->at - block_start(arena, arena->block));
}

RiArenaMark ri_arena_mark(const RiArena *arena)
{
    return (RiArenaMark){arena->block, arena->at, ri_arena_used_bytes(arena)};
}

void ri_arena_release(RiArena *arena, RiArenaMark mark)
{
    while (arena->block != mark.block) {
        RiArenaBlock *block = arena->block;
        arena->block = block->below;
        if (arena->spare == NULL || arena->spare->size < block->size) {
            RiArenaBlock *smaller = arena->spare;
            arena->spare = block;
            block = smaller;
        }
        if (block != NULL)
            ri_heap_free(arena->heap, block, sizeof(RiArenaBlock) + block->size);
    }
    arena->at = mark.at;
    arena->end = mark.block ? mark.block->data + mark.block->size : arena->first + sizeof arena->first;
    arena->below_bytes = mark.bytes - (size_t)(mark.at - block_start(arena, mark.block));
}

void *ri_vec_grow(RiHeap *heap, void *items, void **block, uint32_t *capacity, uint32_t count, uint32_t need,
                  size_t item_size, int leaf)
{
    size_t wanted = *capacity < 16 ? 16 : (size_t)*capacity * 2;
    if (wanted < need)
        wanted = need;
    ri_assert(wanted < UINT32_MAX);
    size_t bytes = sizeof(RiObject) + 8 + wanted * item_size; /* items stay aligned to 16 */
    void *grown;
    if (leaf == RI_VEC_LEAF) {
        grown = ri_heap_alloc(heap, bytes, RI_SPACE_LEAF);
        ri_object_init(grown, RI_TAG_BUFFER, 0, 0, 0);
    } else {
        grown = ri_heap_alloc_block(heap, bytes);
    }
    void *data = (char *)grown + sizeof(RiObject) + 8;
    if (count > 0)
        memcpy(data, items, count * item_size);
    if (*block != NULL)
        ri_heap_free(heap, *block, sizeof(RiObject) + 8 + (size_t)*capacity * item_size);
    *block = grown;
    *capacity = (uint32_t)wanted;
    return data;
}
