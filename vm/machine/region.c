/* The sorted list of regions. */
#include "vm/machine/region.h"

#include <errno.h>
#include <string.h>

uint32_t ri_region_index(const RiRegions *regions, uint32_t page)
{
    uint32_t low = 0, high = regions->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (regions->list[middle].end <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool contains(const RiRegion *region, uint32_t page)
{
    return region->first <= page && page < region->end;
}

RiRegion *ri_region_find(RiRegions *regions, uint32_t page)
{
    if (regions->last_hit < regions->count && contains(&regions->list[regions->last_hit], page))
        return &regions->list[regions->last_hit];
    uint32_t index = ri_region_index(regions, page);
    if (index == regions->count || !contains(&regions->list[index], page))
        return NULL;
    regions->last_hit = index;
    return &regions->list[index];
}

bool ri_region_covers(const RiRegions *regions, uint32_t first, uint32_t end)
{
    for (uint32_t i = ri_region_index(regions, first); first < end; i++) {
        if (i == regions->count || regions->list[i].first > first)
            return false;
        first = regions->list[i].end;
    }
    return true;
}

/* Room for one more at `index`. */
static bool open_place(RiRegions *regions, uint32_t index)
{
    if (regions->count == regions->capacity) {
        uint32_t capacity = regions->capacity != 0 ? regions->capacity * 2 : 8;
        RiRegion *list = regions->count < RI_REGIONS_MAX ? realloc(regions->list, capacity * sizeof *list) : NULL;
        if (list == NULL) {
            errno = ENOMEM;
            return false;
        }
        regions->list = list;
        regions->capacity = capacity;
    }
    memmove(&regions->list[index + 1], &regions->list[index], (regions->count - index) * sizeof(RiRegion));
    regions->count++;
    return true;
}

static void close_place(RiRegions *regions, uint32_t index)
{
    regions->count--;
    memmove(&regions->list[index], &regions->list[index + 1], (regions->count - index) * sizeof(RiRegion));
}

static bool continues(const RiRegion *a, const RiRegion *b)
{
    return a->end == b->first && a->kind == b->kind && a->prot == b->prot && a->prot_max == b->prot_max &&
           a->flags == b->flags && a->object == b->object &&
           (a->object == NULL || a->object_page + (a->end - a->first) == b->object_page);
}

/* Make one of the regions index and index + 1, if they continue each other. */
static bool join(RiRegions *regions, uint32_t index)
{
    if (index + 1 >= regions->count || !continues(&regions->list[index], &regions->list[index + 1]))
        return false;
    regions->list[index].end = regions->list[index + 1].end;
    ri_mapobject_unref(regions->list[index + 1].object); /* the other one still refers to it */
    close_place(regions, index + 1);
    return true;
}

void ri_region_join(RiRegions *regions, uint32_t first, uint32_t end)
{
    uint32_t i = ri_region_index(regions, first);
    if (i > 0)
        i--;
    while (i < regions->count && regions->list[i].first <= end) {
        if (!join(regions, i))
            i++;
    }
}

bool ri_region_insert(RiRegions *regions, const RiRegion *region)
{
    ri_assert(region->first < region->end);
    uint32_t index = ri_region_index(regions, region->first);
    ri_assert(index == regions->count || regions->list[index].first >= region->end);
    if (!open_place(regions, index))
        return false;
    regions->list[index] = *region;
    join(regions, index);
    if (index > 0)
        join(regions, index - 1);
    return true;
}

bool ri_region_split(RiRegions *regions, uint32_t page)
{
    uint32_t index = ri_region_index(regions, page);
    if (index == regions->count || regions->list[index].first >= page)
        return true;
    if (!open_place(regions, index))
        return false;
    RiRegion *low = &regions->list[index], *high = low + 1;
    *low = *high;
    low->end = page;
    if (high->object != NULL)
        high->object_page += page - high->first;
    high->first = page;
    ri_mapobject_ref(high->object);
    return true;
}

void ri_region_remove(RiRegions *regions, uint32_t first, uint32_t end)
{
    uint32_t from = ri_region_index(regions, first), to = from;
    for (; to < regions->count && regions->list[to].first < end; to++) {
        ri_assert(regions->list[to].first >= first && regions->list[to].end <= end);
        ri_mapobject_unref(regions->list[to].object);
    }
    memmove(&regions->list[from], &regions->list[to], (regions->count - to) * sizeof(RiRegion));
    regions->count -= to - from;
}

uint32_t ri_region_gap(const RiRegions *regions, uint32_t first, uint32_t end, uint32_t count, uint32_t align)
{
    for (uint32_t i = ri_region_index(regions, first);; i++) {
        first = (first + align - 1) / align * align;
        uint32_t limit = i < regions->count && regions->list[i].first < end ? regions->list[i].first : end;
        if (limit >= first && limit - first >= count)
            return first;
        if (limit == end)
            return 0;
        first = regions->list[i].end;
    }
}

bool ri_region_copy(RiRegions *to, const RiRegions *from)
{
    *to = (RiRegions){.count = from->count, .capacity = from->count};
    if (from->count == 0)
        return true;
    to->list = malloc(from->count * sizeof(RiRegion));
    if (to->list == NULL) {
        *to = (RiRegions){.count = 0};
        return false;
    }
    memcpy(to->list, from->list, from->count * sizeof(RiRegion));
    for (uint32_t i = 0; i < to->count; i++)
        ri_mapobject_ref(to->list[i].object);
    return true;
}

void ri_region_free(RiRegions *regions)
{
    for (uint32_t i = 0; i < regions->count; i++)
        ri_mapobject_unref(regions->list[i].object);
    free(regions->list);
    *regions = (RiRegions){.count = 0};
}
