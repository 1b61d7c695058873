/* Inside of the address space: making pages present, filling and dropping translations. For space.c, access.c, shm.c. */
#ifndef RI_MACHINE_MMU_H
#define RI_MACHINE_MMU_H

#include "vm/machine/space.h"

/* A host file behind pages. One for each call of mmap. */
typedef struct RiMapFile {
    RiMapObject object;
    int fd;
    uint64_t first_page, page_count; /* of the file: what was mapped */
    char *window;                    /* all of it mapped by the host, for the software TLB; NULL: not yet */
    unsigned rights;                 /* of the descriptor */
} RiMapFile;

/* Make `page` present for `access`. True: *region is its region (of a device nothing is made present). False: *trap has
 * cause and reason; address, size and access are the caller's to fill in. */
bool ri_mmu_resolve(RiSpace *space, uint32_t page, RiAccess access, RiRegion **region, RiTrap *trap);
/* Make the translation of a resolved page, and of neighbours where that is cheap. */
void ri_mmu_fill(RiSpace *space, uint32_t page);
/* Host address of a resolved page, good until the next page is resolved. NULL: it lies in a file. */
char *ri_mmu_bytes(RiSpace *space, uint32_t page, RiAccess access);

/* Drop translations: of pages; of all; of the writable ones (they become readable, or go). */
void ri_mmu_forget(RiSpace *space, uint32_t first, uint32_t count);
void ri_mmu_forget_all(RiSpace *space);
void ri_mmu_forget_writable(RiSpace *space);
/* The space has no translations any more and needs none. */
void ri_mmu_destroy(RiSpace *space);
/* Give back what is left of the reservations of spaces that have forked: all of it. */
void ri_mmu_settle(RiFrames *frames);

/* The space of a holder in frames->holders; NULL: it is a segment. */
RiSpace *ri_space_of_holder(RiHolder *holder);

/* Pages of a file that `region` maps and that exist now: from the region's first page on. */
uint64_t ri_mmu_file_pages(const RiRegion *region);
/* Frames nobody but this reference and the pins holds? */
static inline bool ri_frame_is_sole(const RiFrames *frames, uint32_t frame)
{
    return frames->frames[frame].refs - frames->frames[frame].pins == 1;
}

#endif
