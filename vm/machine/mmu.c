/* Page faults and translations.
 *
 * resolve: is the access allowed by the region? Then walk the page table; what is missing is made: a frame of zeros, a
 * page of the swap device, of a segment, of a file, a copy of one that is shared. fill: tell the host MMU or the TLB. */
#include "vm/machine/mmu.h"

#include <errno.h>
#include <string.h>

#include "vm/base/planted.h"
#include "vm/machine/image.h"
#include "vm/machine/shm.h"

#define GUARD_BYTES ((size_t)64 << 10)     /* behind the reservation: the last bytes of an access at its end */
#define SPACE_MAPPINGS_MAX 16384u          /* of the host, before a space drops all of its */
#define ENTER_MAPPINGS 64u                 /* must be left for a space to begin with the host MMU */
#define PROTECTED_EXTENTS_MAX 8u           /* more writable ones are not protected one by one at fork */
#define RETIRED_STEPS 2                    /* extents given back at a fill */
#define COPIED_ALONE_MAX 2u                /* pages of an extent copied one by one before all of it is */

static const RiTlbEntry empty_entries[RI_TLB_COUNT] = {[0 ... RI_TLB_COUNT - 1] = {RI_TLB_NONE, RI_TLB_NONE, 0}};
RiTlbEntry *const ri_tlb_empty = (RiTlbEntry *)empty_entries;

static inline uint32_t extent_start(uint32_t page)
{
    return page & ~(RI_EXTENT_PAGES - 1);
}

static bool refuse(RiTrap *trap, RiTrapCause cause, RiTrapReason reason)
{
    trap->cause = (uint8_t)cause;
    trap->reason = (uint8_t)reason;
    return false;
}

/* -- Making pages present ---------------------------------------------------------------------------------------- */

/* What a fault works on. */
typedef struct Fault {
    RiSpace *space;
    RiFrames *frames;
    RiRegion *region;
    RiLeaf *leaf; /* the space's own */
    uint32_t page;
    RiTrap *trap;
} Fault;

static RiPte entry_of(const Fault *f, uint32_t page)
{
    return f->leaf->entries[page % RI_LEAF_PAGES];
}

static unsigned prot_flags(const RiRegion *region)
{
    return (unsigned)region->prot << RI_PTE_PROT_SHIFT;
}

static bool no_frame(const Fault *f)
{
    return refuse(f->trap, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME);
}

static bool charge(const Fault *f, uint32_t pages)
{
    if (ri_frames_charge(f->frames, f->space->proc, pages) != 0)
        return refuse(f->trap, RI_TRAP_QUOTA_MEMORY, RI_REASON_LIMIT);
    f->space->private_pages += pages;
    return true;
}

static void uncharge(const Fault *f, uint32_t pages)
{
    f->space->private_pages -= pages;
    (void)ri_frames_charge(f->frames, f->space->proc, -(int64_t)pages);
}

static uint64_t object_page_of(const RiRegion *region, uint32_t page)
{
    return region->object_page + (page - region->first);
}

/* Is there so much room that a whole extent may be taken for one page? */
static bool may_take_extent(const Fault *f)
{
    const RiProc *proc = f->space->proc;
    if (f->space->base == NULL && !f->space->wants_host)
        return false;
    if (proc == NULL || proc->limits[RI_LIMIT_MEMORY] == RI_NO_LIMIT)
        return true;
    return proc->memory_bytes + 2 * RI_EXTENT_BYTES < proc->limits[RI_LIMIT_MEMORY] / 2;
}

static bool region_has_extent(const RiRegion *region, uint32_t page)
{
    uint32_t start = extent_start(page);
    return region->first <= start && start + RI_EXTENT_PAGES <= region->end;
}

static bool extent_is_empty(const Fault *f)
{
    const RiPte *entries = &f->leaf->entries[extent_start(f->page) % RI_LEAF_PAGES];
    RiPte any = 0;
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
        any |= entries[i];
    return any == 0;
}

/* Zeros for the whole extent. False: one page will do. */
static bool make_zero_extent(const Fault *f)
{
    if (!may_take_extent(f) || !region_has_extent(f->region, f->page) || !extent_is_empty(f))
        return false;
    uint32_t start = extent_start(f->page), frame = ri_frame_new_extent(f->frames);
    if (frame == 0)
        return false;
    if (!charge(f, RI_EXTENT_PAGES)) {
        for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
            ri_frame_unref(f->frames, frame + i);
        return false;
    }
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
        ri_leaf_set(f->leaf, start + i, ri_pte_make(frame + i, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_DIRTY));
    f->frames->stats.zero_fills += RI_EXTENT_PAGES;
    return true;
}

/* A new private frame, charged. 0: the trap says why. */
static uint32_t new_private_frame(const Fault *f, bool zeroed)
{
    if (!charge(f, 1))
        return 0;
    uint32_t frame = ri_frame_new(f->frames, zeroed);
    if (frame == 0) {
        uncharge(f, 1);
        no_frame(f);
    }
    return frame;
}

static bool make_zero_page(const Fault *f)
{
    f->frames->stats.minor_faults++;
    if (make_zero_extent(f))
        return true;
    uint32_t frame = new_private_frame(f, true);
    if (frame == 0)
        return false;
    f->frames->stats.zero_fills++;
    ri_leaf_set(f->leaf, f->page, ri_pte_make(frame, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_DIRTY));
    return true;
}

uint64_t ri_mmu_file_pages(const RiRegion *region)
{
    const RiMapFile *file = (const RiMapFile *)(const void *)region->object;
    int64_t size = ri_pages_file_size(file->fd);
    uint64_t pages = size <= 0 ? 0 : ((uint64_t)size + RI_PAGE_BYTES - 1) >> RI_PAGE_SHIFT;
    return pages > region->object_page ? pages - region->object_page : 0;
}

/* A frame with a page of a file. 0: the trap says why. */
static uint32_t read_file_page(const Fault *f)
{
    const RiMapFile *file = (const RiMapFile *)(const void *)f->region->object;
    uint32_t frame = new_private_frame(f, true);
    if (frame == 0)
        return 0;
    f->frames->stats.major_faults++;
    uint64_t offset = object_page_of(f->region, f->page) << RI_PAGE_SHIFT;
    int64_t n = ri_pages_file_read(file->fd, ri_frame_bytes(f->frames, frame), RI_PAGE_BYTES, offset);
    ri_frames_touched(f->frames, 1);
    if (n > 0)
        return frame;
    ri_frame_unref(f->frames, frame);
    uncharge(f, 1);
    refuse(f->trap, RI_TRAP_BUS, n == 0 ? RI_REASON_BEYOND_FILE : RI_REASON_FILE_ERROR);
    return 0;
}

/* Pages of a file are not read into frames: the host maps them. Where a fault in them could not be caught, private ones
 * are copied at once, and shared ones are read and written by calls (ri_mmu_fill leaves them out). */
static bool make_file_page(const Fault *f)
{
    uint64_t pages = ri_mmu_file_pages(f->region);
    if (f->page - f->region->first >= pages)
        return refuse(f->trap, RI_TRAP_BUS, RI_REASON_BEYOND_FILE);
    bool shared = f->region->flags & RI_REGION_SHARED;
    if (!shared && !ri_fault_is_installed()) {
        uint32_t frame = read_file_page(f);
        if (frame != 0)
            ri_leaf_set(f->leaf, f->page, ri_pte_make(frame, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_DIRTY));
        return frame != 0;
    }
    f->frames->stats.minor_faults++;
    uint32_t first = extent_start(f->page), end = first + RI_EXTENT_PAGES;
    uint64_t file_end = f->region->first + pages;
    if (first < f->region->first)
        first = f->region->first;
    if (end > f->region->end)
        end = f->region->end;
    RiPte pte = ri_pte_make(0, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_FILE | (shared ? 0 : RI_PTE_COW));
    for (uint32_t page = first; page < end && page < file_end; page++) {
        if (entry_of(f, page) == 0)
            ri_leaf_set(f->leaf, page, pte);
    }
    return true;
}

static void set_segment_entry(const Fault *f, uint32_t page, uint32_t frame)
{
    unsigned flags = prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_FILE;
    if (!(f->region->flags & RI_REGION_SHARED))
        flags |= RI_PTE_COW;
    else if (f->frames->swap == NULL)
        flags |= RI_PTE_DIRTY; /* nobody will ask */
    ri_leaf_set(f->leaf, page, ri_pte_make(frame, flags));
}

static bool make_segment_page(const Fault *f)
{
    RiSegment *segment = (RiSegment *)(void *)f->region->object;
    f->frames->stats.minor_faults++;
    uint32_t frame = ri_segment_page(segment, (uint32_t)object_page_of(f->region, f->page), f->trap);
    if (frame == 0)
        return false;
    set_segment_entry(f, f->page, frame);
    uint32_t start = extent_start(f->page);
    for (uint32_t page = start; page < start + RI_EXTENT_PAGES; page++) {
        if (page < f->region->first || page >= f->region->end || entry_of(f, page) != 0)
            continue;
        frame = ri_segment_present(segment, (uint32_t)object_page_of(f->region, page));
        if (frame != 0)
            set_segment_entry(f, page, frame);
    }
    return true;
}

static bool make_page(const Fault *f)
{
    switch ((RiRegionKind)f->region->kind) {
    case RI_REGION_MEMORY:
        return make_zero_page(f);
    case RI_REGION_FILE:
        return make_file_page(f);
    case RI_REGION_SEGMENT:
        return make_segment_page(f);
    case RI_REGION_DEVICE:
        break;
    }
    ri_unreachable();
}

/* From the swap device. Others may share the slot or the frame: a write looks. */
static bool bring_back(const Fault *f)
{
    bool failed;
    uint32_t slot = ri_pte_number(entry_of(f, f->page));
    bool is_cached = f->frames->swap->slots[slot].frame != 0;
    uint32_t frame = ri_frame_restore(f->frames, slot, &failed);
    if (frame == 0)
        return failed ? refuse(f->trap, RI_TRAP_BUS, RI_REASON_SWAP_ERROR) : no_frame(f);
    if (is_cached)
        f->frames->stats.minor_faults++;
    else
        f->frames->stats.major_faults++;
    ri_leaf_set(f->leaf, f->page, ri_pte_make(frame, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_COW));
    ri_swap_unref(f->frames->swap, slot);
    return true;
}

/* -- Making pages writable --------------------------------------------------------------------------------------- */

/* A private page that can be copied together with its neighbours. */
static bool is_plain(const Fault *f, RiPte pte)
{
    return (pte & (RI_PTE_PRESENT | RI_PTE_FILE)) == RI_PTE_PRESENT && f->frames->frames[ri_pte_number(pte)].pins == 0;
}

/* Should the whole extent be copied? When some of its pages have been copied alone, and all the others still wait. */
static bool wants_extent_copy(const Fault *f)
{
    if (!may_take_extent(f) || !region_has_extent(f->region, f->page))
        return false;
    uint32_t start = extent_start(f->page), copied = 0;
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++) {
        RiPte pte = entry_of(f, start + i);
        if (!is_plain(f, pte))
            return false;
        copied += ri_frame_is_sole(f->frames, ri_pte_number(pte));
    }
    return copied >= COPIED_ALONE_MAX;
}

static bool copy_extent(const Fault *f)
{
    uint32_t first = ri_frame_new_extent(f->frames), start = extent_start(f->page);
    if (first == 0)
        return false;
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++) {
        RiPte old = entry_of(f, start + i);
        memcpy(ri_frame_bytes(f->frames, first + i), ri_frame_bytes(f->frames, ri_pte_number(old)), RI_PAGE_BYTES);
        ri_leaf_set(f->leaf, start + i,
                    ri_pte_make(first + i, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_DIRTY | (old & RI_PTE_ACCESSED)));
        ri_pte_release(f->frames, old);
    }
    ri_frames_touched(f->frames, 2 * RI_EXTENT_PAGES);
    ri_mmu_forget(f->space, start, RI_EXTENT_PAGES);
    f->frames->stats.copies += RI_EXTENT_PAGES;
    return true;
}

static uint32_t copy_of_frame(const Fault *f, uint32_t from)
{
    f->frames->frames[from].pins++; /* making room must not take it away */
    uint32_t frame = ri_frame_new(f->frames, false);
    f->frames->frames[from].pins--;
    if (frame == 0) {
        no_frame(f);
        return 0;
    }
    memcpy(ri_frame_bytes(f->frames, frame), ri_frame_bytes(f->frames, from), RI_PAGE_BYTES);
    ri_frames_touched(f->frames, 2);
    return frame;
}

/* Replace what the entry refers to by a private copy. */
static bool copy_page(const Fault *f, RiPte pte)
{
    uint32_t from = ri_pte_number(pte), frame;
    bool is_new = !ri_pte_is_private(pte); /* the process has one page more */
    if (!is_new && wants_extent_copy(f) && copy_extent(f))
        return true;
    if (from == 0) {
        frame = read_file_page(f);
    } else {
        if (is_new && !charge(f, 1))
            return false;
        frame = copy_of_frame(f, from);
        if (frame == 0 && is_new)
            uncharge(f, 1);
    }
    if (frame == 0)
        return false;
    f->frames->stats.copies++;
    ri_leaf_set(f->leaf, f->page, ri_pte_make(frame, prot_flags(f->region) | RI_PTE_PRESENT | RI_PTE_DIRTY));
    ri_pte_release(f->frames, pte);
    ri_mmu_forget(f->space, f->page, 1);
    return true;
}

/* The page is the process's alone, or shared on purpose: from now on it may differ from what the swap device has. */
static void mark_dirty(const Fault *f, uint32_t page)
{
    RiPte pte = entry_of(f, page);
    if (ri_pte_number(pte) != 0)
        ri_frame_drop_slot(f->frames, ri_pte_number(pte));
    ri_leaf_set(f->leaf, page, (pte & ~(unsigned)RI_PTE_COW) | RI_PTE_DIRTY);
}

static bool can_be_dirty(const Fault *f, RiPte pte)
{
    if (!(pte & RI_PTE_PRESENT) || !(pte & RI_PTE_WRITE))
        return false;
    if (pte & RI_PTE_FILE)
        return !(pte & RI_PTE_COW);
    return !(pte & RI_PTE_COW) || ri_frame_is_sole(f->frames, ri_pte_number(pte));
}

/* Without a swap device only the host's mapping depends on the mark: one fault for the whole extent. */
static void mark_extent_dirty(const Fault *f)
{
    uint32_t start = extent_start(f->page);
    for (uint32_t page = start; page < start + RI_EXTENT_PAGES; page++) {
        if (page >= f->region->first && page < f->region->end && can_be_dirty(f, entry_of(f, page)))
            mark_dirty(f, page);
    }
}

static bool make_writable(const Fault *f)
{
    RiPte pte = entry_of(f, f->page);
    if (!can_be_dirty(f, pte))
        return copy_page(f, pte);
    if (f->space->base != NULL && f->frames->swap == NULL)
        mark_extent_dirty(f);
    else
        mark_dirty(f, f->page);
    return true;
}

/* -- Resolving --------------------------------------------------------------------------------------------------- */

static bool refuse_access(const RiRegion *region, uint32_t page, RiAccess access, RiTrap *trap)
{
    if (region == NULL)
        return refuse(trap, RI_TRAP_PAGE, page < RI_NULL_END >> RI_PAGE_SHIFT ? RI_REASON_NULL_PAGE : RI_REASON_NOT_MAPPED);
    if (region->prot == RI_PROT_NONE || access == RI_ACCESS_READ)
        return refuse(trap, RI_TRAP_PAGE, RI_REASON_NO_ACCESS);
    return refuse(trap, RI_TRAP_PAGE, access == RI_ACCESS_WRITE ? RI_REASON_READ_ONLY : RI_REASON_NOT_EXECUTABLE);
}

static void mark_accessed(RiSpace *space, uint32_t page)
{
    ri_pagetable_leaf(&space->table, page)->entries[page % RI_LEAF_PAGES] |= RI_PTE_ACCESSED;
}

static bool fault(RiSpace *space, RiRegion *region, uint32_t page, RiAccess access, RiTrap *trap)
{
    Fault f = {.space = space, .frames = space->frames, .region = region, .page = page, .trap = trap};
    f.leaf = ri_pagetable_own(space->frames, &space->table, page);
    if (f.leaf == NULL)
        return no_frame(&f);
    if (space->proc != NULL)
        space->proc->usage.faults++;
    RiPte pte = entry_of(&f, page);
    if (pte == 0 && !make_page(&f))
        return false;
    if (ri_pte_is_swapped(pte) && !bring_back(&f))
        return false;
    if (access == RI_ACCESS_WRITE && !ri_pagetable_is_writable(&space->table, page) && !make_writable(&f))
        return false;
    mark_accessed(space, page);
    return true;
}

bool ri_mmu_resolve(RiSpace *space, uint32_t page, RiAccess access, RiRegion **region_out, RiTrap *trap)
{
    ri_image_touch(space, (uint64_t)page << RI_PAGE_SHIFT, (uint64_t)(page + 1) << RI_PAGE_SHIFT);
    RiRegion *region = ri_region_find(&space->regions, page);
    if (region == NULL || !(region->prot & (unsigned)access))
        return refuse_access(region, page, access, trap);
    *region_out = region;
    if (region->kind == RI_REGION_DEVICE)
        return true;
    bool is_ready = access == RI_ACCESS_WRITE ? ri_pagetable_is_writable(&space->table, page) :
                                                (ri_pagetable_get(&space->table, page) & RI_PTE_PRESENT) != 0;
    if (!is_ready)
        return fault(space, region, page, access, trap);
    mark_accessed(space, page);
    return true;
}

/* -- Reservations ------------------------------------------------------------------------------------------------ */

/* The reservation of a space that went on with a fresh one: what it maps is given back bit by bit. */
typedef struct RiRetired {
    struct RiRetired *next;
    char *base;
    RiHostLeaf **host;
    uint32_t leaf;     /* the next one to look at */
    uint32_t mappings;
} RiRetired;

static void free_reservation(RiFrames *frames, char *base, RiHostLeaf **host, uint32_t mappings)
{
    ri_pages_release(base, RI_SPACE_BYTES + GUARD_BYTES);
    for (uint32_t i = 0; i < RI_LEAF_COUNT; i++)
        free(host[i]);
    free(host);
    frames->mappings -= mappings;
}

/* Give one extent back; false: there was none left. */
static bool settle_extent(RiRetired *retired)
{
    for (; retired->leaf < RI_LEAF_COUNT; retired->leaf++) {
        RiHostLeaf *leaf = retired->host[retired->leaf];
        for (uint32_t i = 0; leaf != NULL && i < RI_COUNTOF(leaf->mapped); i++) {
            if (leaf->mapped[i] == 0)
                continue;
            leaf->mapped[i] = 0;
            size_t page = (size_t)retired->leaf * RI_LEAF_PAGES + (size_t)i * RI_EXTENT_PAGES;
            ri_pages_unmap(retired->base + (page << RI_PAGE_SHIFT), RI_EXTENT_BYTES);
            return true;
        }
    }
    return false;
}

static void settle(RiFrames *frames, int steps)
{
    while (frames->retired != NULL && steps-- > 0) {
        RiRetired *retired = frames->retired;
        if (settle_extent(retired))
            continue;
        frames->retired = retired->next;
        free_reservation(frames, retired->base, retired->host, retired->mappings);
        free(retired);
    }
}

void ri_mmu_settle(RiFrames *frames)
{
    while (frames->retired != NULL) {
        frames->retired->leaf = RI_LEAF_COUNT; /* all at once is quicker */
        settle(frames, 1);
    }
}

static bool enter_host(RiSpace *space)
{
    RiFrames *frames = space->frames;
    if (frames->mappings + ENTER_MAPPINGS > frames->mappings_max)
        return false;
    RiHostLeaf **host = calloc(RI_LEAF_COUNT, sizeof *host);
    char *base = host != NULL ? ri_pages_reserve(RI_SPACE_BYTES + GUARD_BYTES) : NULL;
    if (base == NULL) {
        free(host);
        return false;
    }
    space->base = base;
    space->host_end = RI_DEVICE_START;
    space->host = host;
    space->mappings = 1;
    frames->mappings++;
    space->writable_extents = 0;
    frames->has_mapped = true;
    return true;
}

static void leave_host(RiSpace *space)
{
    if (space->base == NULL)
        return;
    free_reservation(space->frames, space->base, space->host, space->mappings);
    space->base = NULL;
    space->host_end = 0;
    space->host = NULL;
    space->mappings = space->writable_extents = 0;
}

/* Go on with a fresh reservation, made at the next access: forgetting all is cheaper than changing much. */
static void retire(RiSpace *space)
{
    RiFrames *frames = space->frames;
    RiRetired *retired = malloc(sizeof *retired);
    if (retired == NULL) {
        leave_host(space);
        return;
    }
    *retired = (RiRetired){frames->retired, space->base, space->host, 0, space->mappings};
    frames->retired = retired;
    space->base = NULL;
    space->host_end = 0;
    space->host = NULL;
    space->mappings = space->writable_extents = 0;
}

static void clear_tlb(RiTlbEntry *tlb)
{
    for (uint32_t i = 0; i < RI_TLB_COUNT; i++)
        tlb[i] = (RiTlbEntry){RI_TLB_NONE, RI_TLB_NONE, 0};
}

/* Choose the MMU at the first access. */
static void enter(RiSpace *space)
{
    if (space->wants_host) {
        if (enter_host(space))
            return;
        space->wants_host = false;
    }
    if (space->tlb != ri_tlb_empty)
        return;
    RiTlbEntry *tlb = malloc(RI_TLB_COUNT * sizeof *tlb);
    if (tlb == NULL)
        return; /* every access walks the page table */
    clear_tlb(tlb);
    space->tlb = tlb;
}

void ri_mmu_destroy(RiSpace *space)
{
    leave_host(space);
    if (space->tlb != ri_tlb_empty)
        free(space->tlb);
    space->tlb = ri_tlb_empty;
}

/* -- Forgetting -------------------------------------------------------------------------------------------------- */

static void forget_soft(RiSpace *space, uint32_t first, uint32_t count)
{
    if (space->tlb == ri_tlb_empty)
        return;
    if (count >= RI_TLB_COUNT) {
        clear_tlb(space->tlb);
        return;
    }
    for (uint32_t page = first; page < first + count - RI_PLANTED(pages); page++) {
        RiTlbEntry *entry = &space->tlb[page & (RI_TLB_COUNT - 1)];
        RiAddr address = page << RI_PAGE_SHIFT;
        if (entry->read_page == address || entry->write_page == address)
            *entry = (RiTlbEntry){RI_TLB_NONE, RI_TLB_NONE, 0};
    }
}

/* Bits of the extent at `start` that lie in first … end - 1. */
static uint64_t mask_between(uint32_t start, uint32_t first, uint32_t end)
{
    uint64_t mask = UINT64_MAX;
    if (first > start)
        mask &= UINT64_MAX << (first - start);
    if (end < start + RI_EXTENT_PAGES)
        mask &= ~(UINT64_MAX << (end - start));
    return mask;
}

/* Clear the bits of a range. Were any of them set? */
static bool clear_bits(RiSpace *space, uint32_t first, uint32_t end)
{
    bool any = false;
    for (uint32_t start = extent_start(first); start < end;) {
        RiHostLeaf *leaf = space->host[start / RI_LEAF_PAGES];
        if (leaf == NULL) {
            start = (start / RI_LEAF_PAGES + 1) * RI_LEAF_PAGES;
            continue;
        }
        uint32_t i = start % RI_LEAF_PAGES / RI_EXTENT_PAGES;
        uint64_t mask = mask_between(start, first, end);
        any |= (leaf->mapped[i] & mask) != 0;
        bool was_writable = leaf->writable[i] != 0;
        leaf->mapped[i] &= ~mask;
        leaf->writable[i] &= ~mask;
        space->writable_extents -= was_writable && leaf->writable[i] == 0;
        start += RI_EXTENT_PAGES;
    }
    return any;
}

void ri_mmu_forget(RiSpace *space, uint32_t first, uint32_t count)
{
    if (space->base == NULL) {
        forget_soft(space, first, count);
        return;
    }
    if (!clear_bits(space, first, first + count))
        return;
    /* Where the host has no mapping left to split one, all go. */
    if (!ri_pages_unmap(space->base + ((size_t)first << RI_PAGE_SHIFT), (size_t)count << RI_PAGE_SHIFT))
        ri_mmu_forget_all(space);
}

void ri_mmu_forget_all(RiSpace *space)
{
    space->frames->stats.tlb_flushes++;
    if (space->base == NULL) {
        forget_soft(space, 0, RI_SPACE_PAGES);
        return;
    }
    clear_bits(space, 0, RI_SPACE_PAGES);
    if (!ri_pages_unmap(space->base, RI_SPACE_BYTES)) {
        leave_host(space);
        return;
    }
    space->frames->mappings -= space->mappings - 1;
    space->mappings = 1;
}

/* Make what is writable in an extent read-only, run by run. */
static bool protect_extent(RiSpace *space, RiHostLeaf *leaf, uint32_t i, uint32_t start)
{
    for (uint64_t mask = leaf->writable[i]; mask != 0;) {
        uint32_t first = (uint32_t)__builtin_ctzll(mask);
        uint64_t rest = ~(mask >> first);
        uint32_t count = rest != 0 ? (uint32_t)__builtin_ctzll(rest) : RI_EXTENT_PAGES;
        if (count > RI_EXTENT_PAGES - first)
            count = RI_EXTENT_PAGES - first;
        if (!ri_pages_protect(space->base + ((size_t)(start + first) << RI_PAGE_SHIFT), (size_t)count << RI_PAGE_SHIFT,
                              RI_PROT_READ))
            return false;
        mask &= ~mask_between(0, first, first + count);
    }
    leaf->writable[i] = 0;
    return true;
}

static bool protect_all(RiSpace *space)
{
    for (uint32_t n = 0; n < RI_LEAF_COUNT; n++) {
        RiHostLeaf *leaf = space->host[n];
        for (uint32_t i = 0; leaf != NULL && i < RI_COUNTOF(leaf->writable); i++) {
            if (leaf->writable[i] != 0 && !protect_extent(space, leaf, i, n * RI_LEAF_PAGES + i * RI_EXTENT_PAGES))
                return false;
        }
    }
    space->writable_extents = 0;
    return true;
}

void ri_mmu_forget_writable(RiSpace *space)
{
    if (space->base != NULL) {
        if (space->writable_extents > PROTECTED_EXTENTS_MAX || !protect_all(space))
            retire(space);
    } else if (space->tlb != ri_tlb_empty) {
        for (uint32_t i = 0; i < RI_TLB_COUNT; i++)
            space->tlb[i].write_page = RI_TLB_NONE;
    }
}

/* -- Filling ----------------------------------------------------------------------------------------------------- */

/* A run of pages that one host mapping can serve. */
typedef struct Run {
    uint32_t first, end;
    int fd;
    uint64_t offset; /* of the first page */
    unsigned prot;
} Run;

/* What the host would map for one page alone. False: nothing. */
static bool describe_page(RiSpace *space, const RiRegion *region, uint32_t page, Run *run)
{
    RiPte pte = ri_pagetable_get(&space->table, page);
    if (!(pte & RI_PTE_PRESENT) || !(pte & RI_PTE_READ))
        return false;
    run->first = page;
    run->end = page + 1;
    run->prot = RI_PROT_READ | (ri_pagetable_is_writable(&space->table, page) ? RI_PROT_WRITE : 0u);
    if (ri_pte_number(pte) != 0) {
        run->fd = space->frames->fd;
        run->offset = ri_frame_offset(ri_pte_number(pte));
    } else {
        run->fd = ((const RiMapFile *)(const void *)region->object)->fd;
        run->offset = object_page_of(region, page) << RI_PAGE_SHIFT;
    }
    return true;
}

static bool goes_with(const Run *run, const Run *other)
{
    int64_t distance = (int64_t)other->first - (int64_t)run->first;
    return run->fd == other->fd && run->prot == other->prot &&
           (int64_t)other->offset - (int64_t)run->offset == distance * (int64_t)RI_PAGE_BYTES;
}

/* The longest run around `page` within its extent and region. */
static bool find_run(RiSpace *space, const RiRegion *region, uint32_t page, Run *run)
{
    Run other;
    uint32_t low = extent_start(page), high = low + RI_EXTENT_PAGES;
    if (!describe_page(space, region, page, run))
        return false;
    const Run one = *run;
    if (low < region->first)
        low = region->first;
    if (high > region->end)
        high = region->end;
    while (run->first > low && describe_page(space, region, run->first - 1, &other) && goes_with(&one, &other)) {
        run->first--;
        run->offset -= RI_PAGE_BYTES;
    }
    while (run->end < high && describe_page(space, region, run->end, &other) && goes_with(&one, &other))
        run->end++;
    return true;
}

static bool map_run(RiSpace *space, const Run *run)
{
    return ri_pages_map(space->base + ((size_t)run->first << RI_PAGE_SHIFT), (size_t)(run->end - run->first) << RI_PAGE_SHIFT,
                        run->fd, run->offset, run->prot);
}

static void forget_everywhere(RiFrames *frames)
{
    ri_mmu_settle(frames);
    for (RiNode *node = frames->holders.next; node != &frames->holders; node = node->next) {
        RiHolder *holder = (RiHolder *)(void *)((char *)node - offsetof(RiHolder, node));
        RiSpace *space = ri_space_of_holder(holder);
        if (space != NULL && space->base != NULL)
            ri_mmu_forget_all(space);
    }
}

/* Keep to the limits of the host. */
static void make_room(RiSpace *space)
{
    RiFrames *frames = space->frames;
    if (space->mappings + 2 > SPACE_MAPPINGS_MAX)
        ri_mmu_forget_all(space);
    if (frames->mappings + 2 > frames->mappings_max)
        ri_mmu_forget_all(space);
    if (frames->mappings + 2 > frames->mappings_max)
        forget_everywhere(frames);
}

static bool note_run(RiSpace *space, const Run *run)
{
    RiHostLeaf **place = &space->host[run->first / RI_LEAF_PAGES];
    if (*place == NULL)
        *place = calloc(1, sizeof **place);
    if (*place == NULL)
        return false;
    uint32_t i = run->first % RI_LEAF_PAGES / RI_EXTENT_PAGES, start = extent_start(run->first);
    uint64_t mask = mask_between(start, run->first, run->end);
    bool was_writable = (*place)->writable[i] != 0;
    (*place)->mapped[i] |= mask;
    (*place)->writable[i] &= ~mask;
    if (run->prot & RI_PROT_WRITE)
        (*place)->writable[i] |= mask;
    space->writable_extents += (uint32_t)((*place)->writable[i] != 0) - (uint32_t)was_writable;
    space->mappings += 2;
    space->frames->mappings += 2;
    for (uint32_t page = run->first; page < run->end; page++)
        mark_accessed(space, page);
    return true;
}

/* False: the host refuses even when it has nothing else of ours. */
static bool fill_host(RiSpace *space, const RiRegion *region, uint32_t page)
{
    Run run;
    if (!find_run(space, region, page, &run))
        return true;
    settle(space->frames, RETIRED_STEPS);
    make_room(space);
    if (space->base == NULL || !note_run(space, &run))
        return false;
    if (map_run(space, &run))
        return true;
    forget_everywhere(space->frames);
    return space->base != NULL && note_run(space, &run) && map_run(space, &run);
}

/* All of a file's mapped part, so that the TLB has something to point to. */
static char *file_window(RiMapFile *file)
{
    if (file->window != NULL)
        return file->window;
    size_t size = (size_t)file->page_count << RI_PAGE_SHIFT;
    char *window = ri_pages_reserve(size);
    if (window == NULL)
        return NULL;
    if (!ri_pages_map(window, size, file->fd, file->first_page << RI_PAGE_SHIFT, file->rights)) {
        ri_pages_release(window, size);
        return NULL;
    }
    file->window = window;
    return window;
}

static void fill_soft(RiSpace *space, const RiRegion *region, uint32_t page)
{
    RiPte pte = ri_pagetable_get(&space->table, page);
    const char *bytes;
    if (space->tlb == ri_tlb_empty || !(pte & RI_PTE_PRESENT))
        return;
    if (ri_pte_number(pte) != 0) {
        bytes = ri_frame_bytes(space->frames, ri_pte_number(pte));
        ri_frames_touched(space->frames, 1);
    } else {
        RiMapFile *file = (RiMapFile *)(void *)region->object;
        const char *window = file_window(file);
        if (window == NULL)
            return;
        bytes = window + ((object_page_of(region, page) - file->first_page) << RI_PAGE_SHIFT);
    }
    RiAddr address = page << RI_PAGE_SHIFT;
    RiTlbEntry *entry = &space->tlb[page & (RI_TLB_COUNT - 1)];
    entry->addend = (uintptr_t)bytes - address;
    entry->read_page = pte & RI_PTE_READ ? address : RI_TLB_NONE;
    entry->write_page = ri_pagetable_is_writable(&space->table, page) ? address : RI_TLB_NONE;
}

static bool is_host_mapped(const RiSpace *space, uint32_t page, RiAccess access)
{
    const RiHostLeaf *leaf = space->host[page / RI_LEAF_PAGES];
    if (leaf == NULL)
        return false;
    uint32_t i = page % RI_LEAF_PAGES / RI_EXTENT_PAGES;
    uint64_t bit = (uint64_t)1 << (page % RI_EXTENT_PAGES);
    return ((access == RI_ACCESS_WRITE ? leaf->writable[i] : leaf->mapped[i]) & bit) != 0;
}

/* Whoever comes here by a slow way may find the translation there. */
static bool is_filled(const RiSpace *space, uint32_t page)
{
    bool writable = ri_pagetable_is_writable(&space->table, page);
    if (space->base != NULL)
        return is_host_mapped(space, page, writable ? RI_ACCESS_WRITE : RI_ACCESS_READ);
    const RiTlbEntry *entry = &space->tlb[page & (RI_TLB_COUNT - 1)];
    return (writable ? entry->write_page : entry->read_page) == page << RI_PAGE_SHIFT;
}

void ri_mmu_fill(RiSpace *space, uint32_t page)
{
    if (is_filled(space, page))
        return;
    const RiRegion *region = ri_region_find(&space->regions, page);
    RiPte pte = ri_pagetable_get(&space->table, page);
    if (region == NULL || region->kind == RI_REGION_DEVICE || region->flags & RI_REGION_ALIGNED)
        return; /* each access is looked at */
    if (pte & RI_PTE_FILE && ri_pte_number(pte) == 0 && !ri_fault_is_installed())
        return;
    if (space->base == NULL)
        enter(space);
    space->frames->stats.tlb_fills++;
    if (space->base != NULL && !fill_host(space, region, page)) {
        leave_host(space); /* this space does without */
        space->wants_host = false;
        enter(space);
    }
    if (space->base == NULL)
        fill_soft(space, region, page);
}

/* What the host MMU maps anyway is used as it is: through the view the host would count the page twice. */
char *ri_mmu_bytes(RiSpace *space, uint32_t page, RiAccess access)
{
    uint32_t frame = ri_pte_number(ri_pagetable_get(&space->table, page));
    if (frame == 0)
        return NULL;
    if (space->base == NULL && space->wants_host)
        enter(space);
    if (space->base != NULL) {
        if (!is_host_mapped(space, page, access))
            ri_mmu_fill(space, page);
        if (space->base != NULL && is_host_mapped(space, page, access))
            return space->base + ((size_t)page << RI_PAGE_SHIFT);
    }
    ri_frames_touched(space->frames, 1);
    return ri_frame_bytes(space->frames, frame);
}
