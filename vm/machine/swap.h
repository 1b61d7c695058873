/* The swap device: a file of page-sized slots. A slot is referred to by the page table entries whose page it holds, and by
 * the frame that has the same contents (a clean page: it can be given up without writing it again). Collects: no.
 * Traps: no. */
#ifndef RI_MACHINE_SWAP_H
#define RI_MACHINE_SWAP_H

#include "vm/machine/machine.h"

#define RI_SWAP_SLOTS_MAX (1u << 24) /* a slot number has 24 bits in a page table entry; 0 is none */

typedef struct RiSwapSlot {
    uint32_t refs;  /* 0: free */
    uint32_t frame; /* with the same contents; 0: none. Of a free slot: the next free one */
} RiSwapSlot;

typedef struct RiSwap {
    int fd;
    RiSwapSlot *slots;
    uint32_t count, capacity; /* slots ever used + 1; room in slots[] */
    uint32_t first_free;      /* 0: none */
    uint32_t used;
} RiSwap;

/* Use the file at `path` (made if missing; its contents are lost). NULL, errno. */
RiSwap *ri_swap_open(const char *path);
void ri_swap_close(RiSwap *swap); /* the file stays, empty */

/* Write a page to a free slot: its number, with one reference, or 0 (errno ENOSPC, EIO, ENOMEM). */
uint32_t ri_swap_put(RiSwap *swap, const void *page);
/* Read a slot. False: the device failed (errno). */
bool ri_swap_get(RiSwap *swap, uint32_t slot, void *page);
void ri_swap_ref(RiSwap *swap, uint32_t slot);
void ri_swap_unref(RiSwap *swap, uint32_t slot);

#endif
