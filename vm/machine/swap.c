/* Slots of the swap file: a growing vector with a list of the free ones. */
#include "vm/machine/swap.h"

#include <errno.h>
#include <stdlib.h>

#include "vm/host/pages.h"

#define FIRST_CAPACITY 1024u

RiSwap *ri_swap_open(const char *path)
{
    RiSwap *swap = calloc(1, sizeof *swap);
    if (swap == NULL)
        return NULL;
    swap->fd = ri_pages_file_open(path);
    swap->slots = calloc(FIRST_CAPACITY, sizeof *swap->slots);
    if (swap->fd < 0 || swap->slots == NULL) {
        if (swap->fd >= 0)
            ri_pages_file_close(swap->fd);
        free(swap->slots);
        free(swap);
        return NULL;
    }
    swap->capacity = FIRST_CAPACITY;
    swap->count = 1; /* slot 0 is none */
    return swap;
}

void ri_swap_close(RiSwap *swap)
{
    if (swap == NULL)
        return;
    (void)ri_pages_file_resize(swap->fd, 0); /* a tidy disk is all that is at stake */
    ri_pages_file_close(swap->fd);
    free(swap->slots);
    free(swap);
}

static bool grow(RiSwap *swap)
{
    uint32_t capacity = swap->capacity * 2;
    if (capacity > RI_SWAP_SLOTS_MAX) {
        errno = ENOSPC;
        return false;
    }
    RiSwapSlot *slots = realloc(swap->slots, capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    swap->slots = slots;
    swap->capacity = capacity;
    return true;
}

static uint32_t take_slot(RiSwap *swap)
{
    uint32_t slot = swap->first_free;
    if (slot != 0) {
        swap->first_free = swap->slots[slot].frame;
    } else {
        if (swap->count == swap->capacity && !grow(swap))
            return 0;
        slot = swap->count++;
    }
    swap->slots[slot] = (RiSwapSlot){.refs = 1};
    swap->used++;
    return slot;
}

uint32_t ri_swap_put(RiSwap *swap, const void *page)
{
    uint32_t slot = take_slot(swap);
    if (slot == 0)
        return 0;
    if (ri_pages_file_write(swap->fd, page, RI_PAGE_BYTES, (uint64_t)slot << RI_PAGE_SHIFT) != RI_PAGE_BYTES) {
        ri_swap_unref(swap, slot);
        return 0;
    }
    return slot;
}

bool ri_swap_get(RiSwap *swap, uint32_t slot, void *page)
{
    ri_assert(slot != 0 && slot < swap->count && swap->slots[slot].refs > 0);
    int64_t n = ri_pages_file_read(swap->fd, page, RI_PAGE_BYTES, (uint64_t)slot << RI_PAGE_SHIFT);
    if (n >= 0 && n < RI_PAGE_BYTES)
        errno = EIO; /* somebody has cut the file */
    return n == RI_PAGE_BYTES;
}

void ri_swap_ref(RiSwap *swap, uint32_t slot)
{
    ri_assert(slot != 0 && slot < swap->count && swap->slots[slot].refs > 0);
    swap->slots[slot].refs++;
}

void ri_swap_unref(RiSwap *swap, uint32_t slot)
{
    ri_assert(slot != 0 && slot < swap->count && swap->slots[slot].refs > 0);
    if (--swap->slots[slot].refs > 0)
        return;
    swap->slots[slot].frame = swap->first_free;
    swap->first_free = slot;
    swap->used--;
}
