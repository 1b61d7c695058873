/* Program images: the saved chunk (doc/bytecode.md) of the program that a process runs, read-only at RI_IMAGE_START. It is
 * made when somebody first looks, by the engine, and there is one for all processes that run the same program: its pages
 * are those of a segment, charged to who looked first. Collects: yes. Traps: no. */
#ifndef RI_MACHINE_IMAGE_H
#define RI_MACHINE_IMAGE_H

#include "vm/machine/space.h"

/* Map the image if that has not been done. 0; -ENOENT: the process runs no program that could be saved; -ENOMEM. */
int ri_image_map(RiSpace *space);
/* The same for whoever is about to use first … end - 1, if the image may lie there. */
static inline void ri_image_touch(RiSpace *space, uint64_t first, uint64_t end)
{
    if (RI_UNLIKELY(first < RI_HEAP_START && end > RI_IMAGE_START && !space->has_image))
        (void)ri_image_map(space);
}
/* Bytes of the image; 0: there is none, or nobody has looked yet. */
uint64_t ri_image_size(RiSpace *space);

#endif
