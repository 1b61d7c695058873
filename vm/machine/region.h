/* Regions: which parts of an address space are mapped, and to what. A sorted list without overlaps; neighbours that
 * continue each other are one. Collects: no. Traps: no. */
#ifndef RI_MACHINE_REGION_H
#define RI_MACHINE_REGION_H

#include "vm/machine/machine.h"

#define RI_REGIONS_MAX 32768u /* of one space */

typedef enum RiRegionKind {
    RI_REGION_MEMORY,  /* zeros on demand */
    RI_REGION_FILE,    /* object: RiMapFile */
    RI_REGION_SEGMENT, /* object: RiSegment */
    RI_REGION_DEVICE   /* object: RiWindow */
} RiRegionKind;

enum {
    RI_REGION_SHARED = 1,  /* writes go to the object, not to a copy */
    RI_REGION_LOCKED = 2,  /* not swapped out */
    RI_REGION_ALIGNED = 4, /* scalars must be aligned: an alignment trap else */
    RI_REGION_SYSTEM = 8,  /* the guest cannot unmap or protect it */
    RI_REGION_HEAP = 16
};

/* What is behind a region; counts the regions that refer to it. */
typedef struct RiMapObject {
    uint32_t refs;
    void (*destroy)(struct RiMapObject *object);
} RiMapObject;

typedef struct RiRegion {
    uint32_t first, end;  /* pages first … end - 1 */
    uint8_t kind;         /* RiRegionKind */
    uint8_t prot;         /* RI_PROT_… */
    uint8_t prot_max;     /* what mprotect may give */
    uint8_t flags;        /* RI_REGION_… */
    uint64_t object_page; /* where in the object the first page lies */
    RiMapObject *object;  /* NULL for memory */
} RiRegion;

typedef struct RiRegions {
    RiRegion *list;
    uint32_t count, capacity;
    uint32_t last_hit; /* index, maybe out of date */
} RiRegions;

static inline void ri_mapobject_ref(RiMapObject *object)
{
    if (object != NULL)
        object->refs++;
}
static inline void ri_mapobject_unref(RiMapObject *object)
{
    if (object != NULL && --object->refs == 0)
        object->destroy(object);
}

/* The region that `page` lies in, or NULL. Valid until the list changes. */
RiRegion *ri_region_find(RiRegions *regions, uint32_t page);
/* Index of the first region that ends after `page`; regions->count if there is none. */
uint32_t ri_region_index(const RiRegions *regions, uint32_t page);
/* Is every page of first … end - 1 mapped? */
bool ri_region_covers(const RiRegions *regions, uint32_t first, uint32_t end);
/* Add a region where there is none; takes over one reference of its object. False: too many (errno ENOMEM), nothing is
 * changed and the reference stays the caller's. */
bool ri_region_insert(RiRegions *regions, const RiRegion *region);
/* Make `page` a boundary if it lies inside of a region. False: errno ENOMEM. */
bool ri_region_split(RiRegions *regions, uint32_t page);
/* Remove the regions within first … end - 1, which are boundaries. */
void ri_region_remove(RiRegions *regions, uint32_t first, uint32_t end);
/* Join neighbours around `page` … `end` that continue each other. */
void ri_region_join(RiRegions *regions, uint32_t first, uint32_t end);
/* The first of `count` free pages, a multiple of `align`, within first … end - 1; 0: there are not so many. */
uint32_t ri_region_gap(const RiRegions *regions, uint32_t first, uint32_t end, uint32_t count, uint32_t align);
/* A copy of all of them, with references. False: errno ENOMEM. */
bool ri_region_copy(RiRegions *to, const RiRegions *from);
void ri_region_free(RiRegions *regions);

#endif
