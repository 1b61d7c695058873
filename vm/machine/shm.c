/* Segments and the table of those that have ids. */
#include "vm/machine/shm.h"

#include <errno.h>
#include <string.h>

#include "vm/machine/policy.h"

#define SWEEP_PAGES 64u
#define INDEX_BITS 12

typedef struct RiShmTable {
    RiSegment *list[RI_SHM_SEGMENTS_MAX]; /* by the low bits of the id */
    uint32_t count, generation;
} RiShmTable;

_Static_assert(RI_SHM_SEGMENTS_MAX == 1u << INDEX_BITS, "an id is a generation and an index");

static RiSegment *segment_of_holder(RiHolder *holder)
{
    return (RiSegment *)(void *)((char *)holder - offsetof(RiSegment, holder));
}

/* -- Segments ---------------------------------------------------------------------------------------------------- */

static void uncharge(RiSegment *segment)
{
    if (segment->owner != NULL)
        (void)ri_frames_charge(segment->frames, segment->owner, -(int64_t)segment->charged);
    segment->owner = NULL;
    segment->charged = 0;
}

static void destroy_segment(RiMapObject *object)
{
    RiSegment *segment = (RiSegment *)(void *)object;
    ri_holder_remove(segment->frames, &segment->holder);
    segment->frames->segment_count--;
    for (uint32_t i = 0; i < segment->page_count; i++)
        ri_pte_release(segment->frames, segment->pages[i]);
    uncharge(segment);
    ri_policy_release(segment->policy);
    free(segment->pages);
    free(segment);
}

RiSegment *ri_segment_new(RiFrames *frames, RiProc *owner, uint32_t page_count)
{
    RiSegment *segment = calloc(1, sizeof *segment);
    RiPte *pages = calloc(page_count, sizeof *pages);
    if (segment == NULL || pages == NULL) {
        free(segment);
        free(pages);
        errno = ENOMEM;
        return NULL;
    }
    segment->object = (RiMapObject){1, destroy_segment};
    segment->holder.sweep = ri_segment_sweep;
    segment->frames = frames;
    segment->owner = owner;
    segment->page_count = page_count;
    segment->creator = owner != NULL ? owner->pid : 0;
    segment->id = -1;
    segment->pages = pages;
    segment->size = (uint64_t)page_count << RI_PAGE_SHIFT;
    ri_holder_add(frames, &segment->holder);
    frames->segment_count++;
    return segment;
}

static uint32_t refuse(RiTrap *trap, RiTrapCause cause, RiTrapReason reason)
{
    trap->cause = (uint8_t)cause;
    trap->reason = (uint8_t)reason;
    return 0;
}

static uint32_t make_page(RiSegment *segment, uint32_t index, RiTrap *trap)
{
    if (ri_frames_charge(segment->frames, segment->owner, 1) != 0)
        return refuse(trap, RI_TRAP_QUOTA_MEMORY, RI_REASON_LIMIT);
    uint32_t frame = ri_frame_new(segment->frames, true);
    if (frame == 0) {
        (void)ri_frames_charge(segment->frames, segment->owner, -1);
        return refuse(trap, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME);
    }
    segment->charged += segment->owner != NULL;
    segment->frames->stats.zero_fills++;
    segment->pages[index] = ri_pte_make(frame, RI_PTE_PRESENT);
    return frame;
}

static uint32_t bring_back(RiSegment *segment, uint32_t index, RiTrap *trap)
{
    bool failed;
    uint32_t slot = ri_pte_number(segment->pages[index]);
    uint32_t frame = ri_frame_restore(segment->frames, slot, &failed);
    if (frame == 0 && failed)
        return refuse(trap, RI_TRAP_BUS, RI_REASON_SWAP_ERROR);
    if (frame == 0)
        return refuse(trap, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME);
    segment->frames->stats.major_faults++;
    segment->pages[index] = ri_pte_make(frame, RI_PTE_PRESENT);
    ri_swap_unref(segment->frames->swap, slot);
    return frame;
}

uint32_t ri_segment_page(RiSegment *segment, uint32_t index, RiTrap *trap)
{
    if (index >= segment->page_count)
        return refuse(trap, RI_TRAP_BUS, RI_REASON_BEYOND_FILE);
    RiPte pte = segment->pages[index];
    uint32_t frame = ri_pte_number(pte);
    if (pte == 0)
        frame = make_page(segment, index, trap);
    else if (ri_pte_is_swapped(pte))
        frame = bring_back(segment, index, trap);
    if (frame != 0)
        ri_frame_ref(segment->frames, frame);
    return frame;
}

uint32_t ri_segment_present(RiSegment *segment, uint32_t index)
{
    if (index >= segment->page_count || !(segment->pages[index] & RI_PTE_PRESENT))
        return 0;
    uint32_t frame = ri_pte_number(segment->pages[index]);
    ri_frame_ref(segment->frames, frame);
    return frame;
}

bool ri_segment_write(RiSegment *segment, uint64_t offset, const void *bytes, size_t size)
{
    RiTrap trap;
    const char *from = bytes;
    while (size > 0) {
        uint32_t frame = ri_segment_page(segment, (uint32_t)(offset >> RI_PAGE_SHIFT), &trap);
        if (frame == 0)
            return false;
        size_t at = offset & (RI_PAGE_BYTES - 1), part = RI_PAGE_BYTES - at;
        if (part > size)
            part = size;
        ri_frame_drop_slot(segment->frames, frame);
        memcpy(ri_frame_bytes(segment->frames, frame) + at, from, part);
        ri_frames_touched(segment->frames, 1);
        ri_frame_unref(segment->frames, frame);
        from += part;
        offset += part;
        size -= part;
    }
    return true;
}

/* Pages that no space has in its table any more have had their second chance there. */
bool ri_segment_sweep(RiHolder *holder, uint32_t *freed)
{
    RiSegment *segment = segment_of_holder(holder);
    RiFrames *frames = segment->frames;
    for (uint32_t n = 0; n < SWEEP_PAGES; n++, segment->hand++) {
        if (segment->hand >= segment->page_count) {
            segment->hand = 0;
            return false;
        }
        RiPte pte = segment->pages[segment->hand];
        uint32_t frame = ri_pte_number(pte);
        if (!(pte & RI_PTE_PRESENT) || frames->frames[frame].refs > 1)
            continue;
        uint32_t slot = ri_frame_save(frames, frame);
        if (slot == 0)
            continue;
        segment->pages[segment->hand] = ri_pte_make(slot, 0);
        ri_frame_unref(frames, frame);
        ++*freed;
    }
    return true;
}

/* -- The table --------------------------------------------------------------------------------------------------- */

static RiShmTable *table_of(RiMachine *machine)
{
    if (machine->shm == NULL)
        machine->shm = calloc(1, sizeof *machine->shm);
    return machine->shm;
}

static RiSegment *find_id(const RiMachine *machine, int32_t id)
{
    if (machine->shm == NULL || id < 0)
        return NULL;
    RiSegment *segment = machine->shm->list[(uint32_t)id & (RI_SHM_SEGMENTS_MAX - 1)];
    return segment != NULL && segment->id == id ? segment : NULL;
}

/* May a process of that policy use it? */
static bool may_use(const RiSegment *segment, const RiPolicy *policy)
{
    return segment->is_public || ri_policy_is_within(segment->policy, policy);
}

/* The one that a process of that policy means: one of its own before a public one. */
static RiSegment *find_key(const RiShmTable *table, int32_t key, const RiPolicy *policy)
{
    RiSegment *found = NULL;
    for (uint32_t i = 0; i < RI_SHM_SEGMENTS_MAX; i++) {
        RiSegment *segment = table->list[i];
        if (segment == NULL || segment->key != key)
            continue;
        if (segment->policy == policy)
            return segment;
        if (segment->is_public && ri_policy_is_within(policy, segment->policy))
            found = segment;
    }
    return found;
}

static int64_t make_segment(RiProc *proc, RiShmTable *table, int32_t key, uint64_t size, bool is_public)
{
    uint64_t pages = (size + RI_PAGE_BYTES - 1) >> RI_PAGE_SHIFT;
    if (size == 0 || size > RI_USER_END - RI_SHM_START)
        return -EINVAL;
    if (table->count == RI_SHM_SEGMENTS_MAX)
        return -ENOSPC;
    ri_memory_watch(proc->machine);
    RiFrames *frames = ri_frames_of(proc->machine);
    RiSegment *segment = frames != NULL ? ri_segment_new(frames, proc, (uint32_t)pages) : NULL;
    if (segment == NULL)
        return -ENOMEM;
    uint32_t index = 0;
    while (table->list[index] != NULL)
        index++;
    segment->id = (int32_t)((table->generation++ & 0x3ffff) << INDEX_BITS | index);
    segment->key = key;
    segment->size = size;
    segment->is_public = is_public;
    segment->policy = ri_policy_retain(proc->policy);
    table->list[index] = segment;
    table->count++;
    return segment->id;
}

int64_t ri_shm_get(RiProc *proc, int32_t key, uint64_t size, unsigned flags)
{
    RiShmTable *table = table_of(proc->machine);
    if (table == NULL)
        return -ENOMEM;
    RiSegment *segment = key != RI_SHM_PRIVATE ? find_key(table, key, proc->policy) : NULL;
    if (segment == NULL)
        return key == RI_SHM_PRIVATE || flags & RI_SHM_CREATE
                   ? make_segment(proc, table, key, size, flags & RI_SHM_PUBLIC) : -ENOENT;
    if (flags & RI_SHM_CREATE && flags & RI_SHM_EXCLUSIVE)
        return -EEXIST;
    return size <= segment->size ? segment->id : -EINVAL;
}

/* No new ones can be attached; it goes with the last region. */
static void drop_id(RiMachine *machine, RiSegment *segment)
{
    RiShmTable *table = machine->shm;
    table->list[(uint32_t)segment->id & (RI_SHM_SEGMENTS_MAX - 1)] = NULL;
    table->count--;
    segment->id = -1;
    ri_mapobject_unref(&segment->object);
}

int64_t ri_shm_attach(RiSpace *space, int32_t id, RiAddr address, bool read_only)
{
    RiSegment *segment = find_id(space->machine, id);
    if (segment == NULL)
        return -EINVAL;
    if (space->proc != NULL && !may_use(segment, space->proc->policy))
        return -EACCES;
    unsigned prot = read_only ? RI_PROT_READ : RI_PROT_READ | RI_PROT_WRITE;
    unsigned flags = RI_MAP_SHARED | (address != 0 ? RI_MAP_AT : 0u);
    ri_mapobject_ref(&segment->object);
    int64_t at = ri_space_map_object(space, address, segment->page_count, prot, flags, RI_REGION_SEGMENT, &segment->object, 0);
    if (at < 0)
        ri_mapobject_unref(&segment->object);
    return at;
}

int ri_shm_detach(RiSpace *space, RiAddr address)
{
    RiRegion *region = address % RI_PAGE_BYTES == 0 ? ri_region_find(&space->regions, address >> RI_PAGE_SHIFT) : NULL;
    if (region == NULL || region->kind != RI_REGION_SEGMENT || region->first != address >> RI_PAGE_SHIFT ||
        region->object_page != 0 || region->flags & RI_REGION_SYSTEM)
        return -EINVAL;
    const RiSegment *segment = (const RiSegment *)(const void *)region->object;
    uint32_t first = region->first, end = first + segment->page_count;
    /* Parts may be gone, and others have taken their place. */
    for (uint32_t page = first; page < end;) {
        uint32_t index = ri_region_index(&space->regions, page);
        if (index == space->regions.count || space->regions.list[index].first >= end)
            break;
        const RiRegion part = space->regions.list[index];
        page = part.end;
        if (part.object != &segment->object || part.first < first || part.object_page != part.first - first)
            continue;
        int error = ri_space_munmap(space, part.first << RI_PAGE_SHIFT, (uint64_t)(part.end - part.first) << RI_PAGE_SHIFT);
        if (error != 0)
            return error;
    }
    return 0;
}

static uint32_t count_resident(const RiSegment *segment)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < segment->page_count; i++)
        count += segment->pages[i] & RI_PTE_PRESENT;
    return count;
}

int ri_shm_control(RiProc *proc, int32_t id, int command, RiShmStatus *status)
{
    RiSegment *segment = find_id(proc->machine, id);
    if (segment == NULL || (command != RI_SHM_REMOVE && command != RI_SHM_STATUS))
        return -EINVAL;
    if (command == RI_SHM_STATUS && !may_use(segment, proc->policy))
        return -EACCES;
    if (command == RI_SHM_STATUS) {
        *status = (RiShmStatus){.size = segment->size, .key = segment->key, .creator = segment->creator,
                                .attached = segment->object.refs - 1, .resident = count_resident(segment)};
        return 0;
    }
    if (segment->creator != proc->pid)
        return -EPERM;
    drop_id(proc->machine, segment);
    return 0;
}

void ri_shm_forget_proc(RiProc *proc)
{
    RiMachine *machine = proc->machine;
    if (machine->frames == NULL || machine->frames->segment_count == 0)
        return;
    RiNode *head = &machine->frames->holders;
    for (RiNode *node = head->next, *next; node != head; node = next) {
        RiHolder *holder = (RiHolder *)(void *)((char *)node - offsetof(RiHolder, node));
        next = node->next;
        if (holder->sweep != ri_segment_sweep || segment_of_holder(holder)->owner != proc)
            continue;
        RiSegment *segment = segment_of_holder(holder);
        uncharge(segment);
        if (segment->id >= 0)
            drop_id(machine, segment);
    }
}

void ri_shm_destroy(RiMachine *machine)
{
    if (machine->shm == NULL)
        return;
    for (uint32_t i = 0; i < RI_SHM_SEGMENTS_MAX; i++) {
        if (machine->shm->list[i] != NULL)
            drop_id(machine, machine->shm->list[i]);
    }
    free(machine->shm);
    machine->shm = NULL;
}
