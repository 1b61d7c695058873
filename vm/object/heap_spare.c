/* Spare blocks of middle size: the garbage of one collection serves the next allocations. */
#include "vm/object/gcworld.h"

#include <string.h>

/* libgc gives the pages of dead strings and buffers of half a KB to some KB back to its page allocator and takes 100 ns
 * and more to get one out again. So each heap knows the pointer-free blocks of this size that it has taken since its
 * last collection; those that have died are kept, as many as were needed, in free lists that survive collections. */

#define SPARE_SIZE_MAX ((size_t)32768)
#define PAGE_PARTS 6 /* classes of which a page holds several */
#define PAGE_PART_MAX ((size_t)2048)
#define SPARE_BYTES_MAX ((size_t)4 << 20) /* of each class: more blocks are not known */

/* Sizes as libgc makes them: parts of a page, then whole pages. */
static const uint16_t spare_sizes[RI_SPARE_CLASS_COUNT] = {576,   672,   816,   1024,  1344,  2048,  4096,
                                                            8192,  12288, 16384, 20480, 24576, 28672, 32768};

size_t ri_gc_spare_size(size_t class)
{
    return spare_sizes[class];
}

size_t ri_gc_spare_class(size_t size)
{
    if (size <= RI_GC_SPARE_SIZE_MIN || size > SPARE_SIZE_MAX)
        return RI_SPARE_CLASS_COUNT;
    if (size > PAGE_PART_MAX)
        return PAGE_PARTS + (size - 1) / 4096;
    size_t class = 0;
    while (size > spare_sizes[class])
        class++;
    return class;
}

void *ri_gc_take_spare(RiCollector *c, size_t class)
{
    RiSpares *spares = &c->spares[class];
    void *block = spares->first;
    spares->taken++;
    if (block != NULL)
        spares->first = *(void **)block;
    return block;
}

void ri_gc_give_spare(RiCollector *c, size_t class, void *block)
{
    *(void **)block = c->spares[class].first;
    __asm__ volatile("" : : : "memory"); /* a collection of another heap may look at the list at any time */
    c->spares[class].first = block;
}

/* Room for one more known block. False: there are enough, or there is no memory. */
static bool make_room(RiCollector *c, RiSpares *spares, uint32_t limit)
{
    if (spares->known_count < spares->known_capacity)
        return true;
    uint32_t capacity = spares->known_capacity == 0 ? 64 : 2 * spares->known_capacity;
    capacity = capacity < limit ? capacity : limit;
    void **old = spares->known;
    void **known = capacity > spares->known_count ? ri_heap_calloc(c->heap, capacity, sizeof *known) : NULL;
    if (known == NULL)
        return false;
    if (old != NULL)
        memcpy(known, old, spares->known_count * sizeof *known);
    __asm__ volatile("" : : : "memory"); /* a collection of another heap may look at the old or the new ones */
    spares->known = known;
    spares->known_capacity = capacity;
    __asm__ volatile("" : : : "memory");
    ri_heap_cfree(old);
    return true;
}

/* A block taken from libgc just now. */
void ri_gc_know_spare(RiCollector *c, size_t class, void *block)
{
    RiSpares *spares = &c->spares[class];
    if (RI_UNLIKELY(GC_size(block) != spare_sizes[class])) /* another libgc: it may be freed by hand */
        return;
    if (!make_room(c, spares, (uint32_t)(SPARE_BYTES_MAX / spare_sizes[class])))
        return;
    spares->known[spares->known_count] = block;
    __asm__ volatile("" : : : "memory");
    spares->known_count++;
}

/* At the end of marking in a collection of this heap: survivors are forgotten, as they are likely to live on. */
void ri_gc_keep_own_spares(RiCollector *c)
{
    for (size_t class = 0; class < RI_SPARE_CLASS_COUNT; class++) {
        RiSpares *spares = &c->spares[class];
        uint32_t kept = 0;
        uint32_t limit = c->is_quota_collection ? 0 : spares->taken;
        for (uint32_t i = 0; i < spares->known_count && kept < limit; i++) {
            if (!GC_is_marked(spares->known[i]))
                spares->known[kept++] = spares->known[i];
        }
        spares->first = NULL;
        for (uint32_t i = kept; i-- > 0;) {
            GC_set_mark_bit(spares->known[i]);
            ri_gc_give_spare(c, class, spares->known[i]);
        }
        spares->known_count = kept;
        spares->taken = 0;
    }
}

/* In a collection of another heap or nobody's: this one's thread may be stopped between any two steps of the above. */
void ri_gc_keep_all_spares(const RiCollector *c)
{
    for (size_t class = 0; class < RI_SPARE_CLASS_COUNT; class++) {
        const RiSpares *spares = &c->spares[class];
        for (uint32_t i = 0; i < spares->known_count; i++)
            GC_set_mark_bit(spares->known[i]);
        for (void *block = spares->first; block != NULL; block = *(void **)block)
            GC_set_mark_bit(block);
    }
}

void ri_gc_free_spares(RiCollector *c)
{
    for (size_t class = 0; class < RI_SPARE_CLASS_COUNT; class++)
        ri_heap_cfree(c->spares[class].known);
}
