/* Which pages libgc has, how many bytes they are, and giving those of free blocks back to the host. */
#include "vm/object/gcworld.h"

#include <sys/mman.h>

#define PAGE_BYTES ((size_t)4096) /* libgc's */
#define REGION_BITS 22
#define REGION_COUNT ((uintptr_t)1 << (47 - REGION_BITS))

void ri_gc_init_pages(void)
{
    void *regions = mmap(NULL, REGION_COUNT / 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
    world.regions = regions != MAP_FAILED ? regions : NULL;
}

int64_t ri_heap_footprint(void)
{
    size_t all = GC_get_heap_size() + GC_get_unmapped_bytes();
    return (int64_t)(GC_get_heap_size() - GC_get_free_bytes() + (GC_get_obtained_from_os_bytes() - all));
}

bool ri_heap_is_alone(const RiCollector *c)
{
    return world.heap_count == 1 && world.heaps == c;
}

static void *note_region(void *argument)
{
    uint32_t region = (uint32_t)(uintptr_t)argument;
    world.regions[region / 64] |= (uint64_t)1 << region % 64;
    if (world.region_end == 0 || region < world.region_first)
        world.region_first = region;
    if (region >= world.region_end)
        world.region_end = region + 1;
    return NULL;
}

void ri_gc_note_block(const void *block, size_t size)
{
    uintptr_t first = (uintptr_t)block >> REGION_BITS, last = ((uintptr_t)block + size - 1) >> REGION_BITS;
    for (uintptr_t region = first; region <= last; region++) {
        bool is_known = world.regions == NULL || region >= REGION_COUNT ||
                        world.regions[region / 64] >> region % 64 & 1;
        if (RI_UNLIKELY(!is_known))
            GC_call_with_alloc_lock(note_region, (void *)region);
    }
}

/* The block of libgc's that begins at `page`, or part of one: its size, and is it free? A page that libgc does not know
 * counts as a block in use. */
static size_t page_run(char *page, bool *is_free)
{
    char *base = GC_base(page);
    *is_free = base == NULL && GC_is_heap_ptr(page);
    if (*is_free)
        return GC_size(page);
    if (base == NULL || GC_size(base) < PAGE_BYTES)
        return PAGE_BYTES;
    return (size_t)(base + ((GC_size(base) + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)) - page);
}

void ri_gc_drop_pages(void *block, size_t size)
{
    char *first = (char *)(((uintptr_t)block + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1));
    char *end = (char *)(((uintptr_t)block + size) & ~(PAGE_BYTES - 1));
    madvise(first, (size_t)(end - first), MADV_DONTNEED);
}

static void *release_pages(void *unused)
{
    (void)unused;
    char *page = NULL;
    for (uintptr_t region = world.region_first; region < world.region_end; region++) {
        if (!(world.regions[region / 64] >> region % 64 & 1))
            continue;
        char *start = (char *)(region << REGION_BITS), *end = start + ((uintptr_t)1 << REGION_BITS);
        bool is_free;
        size_t size;
        for (page = page > start ? page : start; page < end; page += size) {
            size = page_run(page, &is_free);
            if (is_free)
                madvise(page, size, MADV_DONTNEED);
        }
    }
    return NULL;
}

void ri_heap_release_pages(RiHeap *heap)
{
    (void)heap;
    GC_call_with_alloc_lock(release_pages, NULL);
}
