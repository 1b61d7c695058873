/* Memory on loan from a program that embeds the heap: it wants to decide how much there is, and to know.
 *
 * Objects lie in pages of libgc. For what they take, blocks are obtained from the program's allocation function, which may
 * refuse, and given back as objects die: the sum of the blocks follows what the heap has in use, in steps of an eighth. The
 * heap itself does not use them; they are never written to. */
#include "vm/object/collector.h"

#include <stdlib.h>

#define BLOCK_BYTES_MIN ((int64_t)1 << 10)
#define BLOCK_BYTES_MAX ((int64_t)1 << 20)
#define STEP_SHARE 8 /* of what is in use: what is asked for at once */

typedef struct Block {
    void *start;
    size_t size;
} Block;

struct RiLender {
    RiLend *lend;
    void *data;
    Block *blocks;
    size_t count, capacity;
    int64_t held_bytes;
    bool is_busy; /* a collection that a refusal asked for is under way */
};

static int64_t used_bytes(const RiHeap *heap)
{
    return heap->collector->live_bytes + ri_heap_since(heap) - heap->account->uncounted_bytes;
}

static bool obtain(RiLender *l, int64_t need)
{
    int64_t size = l->held_bytes / STEP_SHARE;
    size = size < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : size > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX : size;
    if (size < need)
        size = need;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : 16;
        Block *blocks = realloc(l->blocks, capacity * sizeof *blocks);
        if (blocks == NULL)
            return false;
        l->blocks = blocks;
        l->capacity = capacity;
    }
    void *start = l->lend(l->data, NULL, 0, (size_t)size);
    if (start == NULL && size > need && need > 0) {
        size = need;
        start = l->lend(l->data, NULL, 0, (size_t)size);
    }
    if (start == NULL)
        return false;
    l->blocks[l->count++] = (Block){start, (size_t)size};
    l->held_bytes += size;
    return true;
}

/* Give back what is more than `bytes`, but for a part of a block. */
static void give_back(RiLender *l, int64_t bytes)
{
    while (l->count > 0 && l->held_bytes - (int64_t)l->blocks[l->count - 1].size >= bytes) {
        Block last = l->blocks[--l->count];
        l->held_bytes -= (int64_t)last.size;
        l->lend(l->data, last.start, last.size, 0);
    }
}

bool ri_lender_admits(RiHeap *heap, size_t size)
{
    RiLender *l = heap->lender;
    int64_t used = used_bytes(heap) + (int64_t)size;
    if (used <= l->held_bytes) {
        if (RI_UNLIKELY(used + used / 2 + BLOCK_BYTES_MIN < l->held_bytes))
            give_back(l, used + used / STEP_SHARE);
        return true;
    }
    if (obtain(l, used - l->held_bytes))
        return true;
    if (l->is_busy || heap->on_no_memory == NULL)
        return false;
    l->is_busy = true;
    ri_heap_collect(heap);
    l->is_busy = false;
    used = used_bytes(heap) + (int64_t)size;
    return used <= l->held_bytes || obtain(l, used - l->held_bytes);
}

void ri_lender_after_collect(RiHeap *heap)
{
    int64_t used = used_bytes(heap);
    give_back(heap->lender, used + used / STEP_SHARE);
}

bool ri_heap_borrow(RiHeap *heap, RiLend *lend, void *data)
{
    if (heap->lender == NULL) {
        heap->lender = calloc(1, sizeof *heap->lender);
        if (heap->lender == NULL)
            return false;
    }
    heap->lender->lend = lend;
    heap->lender->data = data;
    return ri_lender_admits(heap, 0);
}

void ri_heap_repay(RiHeap *heap)
{
    RiLender *l = heap->lender;
    if (l == NULL)
        return;
    heap->lender = NULL;
    give_back(l, 0);
    free(l->blocks);
    free(l);
}
