/* Address spaces: life, and the calls that map and unmap. */
#include "vm/machine/space.h"

#include <errno.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/image.h"
#include "vm/machine/mmu.h"
#include "vm/machine/shm.h"

#define PAGE_OF(address) ((uint32_t)((address) >> RI_PAGE_SHIFT))

static int charge(RiSpace *space, int64_t pages)
{
    int error = ri_frames_charge(space->frames, space->proc, pages);
    if (error == 0)
        space->private_pages = (uint32_t)((int64_t)space->private_pages + pages);
    return error;
}

/* -- The information page ---------------------------------------------------------------------------------------- */

static void make_info(RiSpace *space, RiInfoPage *info)
{
    (void)ri_image_map(space);
    const RiProc *proc = space->proc;
    *info = (RiInfoPage){
        .magic = RI_INFO_MAGIC, .version = RI_INFO_VERSION, .page_bytes = RI_PAGE_BYTES,
        .mmu = space->base != NULL || space->wants_host ? RI_MMU_HOST : RI_MMU_SOFT,
        .monotonic_ns = ri_host_monotonic_ns(), .realtime_s = (uint64_t)ri_host_time_s(),
        .memory_limit = RI_NO_LIMIT,
        .frames_total = space->frames->limit, .frames_used = space->frames->in_use,
        .break_address = space->break_address, .mapped_pages = ri_space_mapped(space),
        .image_bytes = ri_image_size(space),
    };
    if (proc == NULL)
        return;
    info->pid = proc->pid;
    info->parent_pid = proc->parent != NULL ? proc->parent->pid : 0;
    info->memory_bytes = proc->memory_bytes;
    info->memory_limit = proc->limits[RI_LIMIT_MEMORY];
}

static bool read_info(RiWindow *window, RiSpace *space, uint32_t offset, void *out, uint32_t size)
{
    (void)window;
    RiInfoPage info;
    make_info(space, &info);
    memset(out, 0, size);
    if (offset < sizeof info)
        memcpy(out, (const char *)&info + offset, size < sizeof info - offset ? size : sizeof info - offset);
    return true;
}

static void destroy_window(RiMapObject *object)
{
    free(object);
}

static bool map_info(RiSpace *space)
{
    RiWindow *window = calloc(1, sizeof *window);
    if (window == NULL)
        return false;
    window->object = (RiMapObject){1, destroy_window};
    window->read = read_info;
    const RiRegion region = {.first = PAGE_OF(RI_INFO_START), .end = PAGE_OF(RI_INFO_START) + 1, .kind = RI_REGION_DEVICE,
                             .prot = RI_PROT_READ, .prot_max = RI_PROT_READ, .flags = RI_REGION_SYSTEM | RI_REGION_SHARED,
                             .object = &window->object};
    if (ri_region_insert(&space->regions, &region))
        return true;
    free(window);
    return false;
}

/* -- Replacement ------------------------------------------------------------------------------------------------- */

static RiSpace *space_of_holder(RiHolder *holder)
{
    return (RiSpace *)(void *)((char *)holder - offsetof(RiSpace, holder));
}

/* The hand is at an extent in which something was accessed: a second chance for all of it. */
static void give_chance(RiSpace *space, RiLeaf *leaf, uint32_t start)
{
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
        leaf->entries[(start + i) % RI_LEAF_PAGES] &= ~(unsigned)RI_PTE_ACCESSED;
    ri_mmu_forget(space, start, RI_EXTENT_PAGES);
    space->frames->stats.second_chances++;
}

/* Give a page up that was not accessed. False: it stays. */
static bool evict(RiSpace *space, RiLeaf *leaf, uint32_t page)
{
    RiFrames *frames = space->frames;
    RiPte pte = leaf->entries[page % RI_LEAF_PAGES];
    uint32_t frame = ri_pte_number(pte), slot = 0;
    const RiRegion *region = ri_region_find(&space->regions, page);
    if (frames->frames[frame].pins > 0 || (region != NULL && region->flags & RI_REGION_LOCKED))
        return false;
    if (ri_pte_is_private(pte)) {
        slot = ri_frame_save(frames, frame);
        if (slot == 0)
            return false;
    }
    ri_leaf_set(leaf, page, ri_pte_make(slot, 0)); /* of a segment: 0, it knows its pages itself */
    ri_frame_unref(frames, frame);
    return true;
}

static void sweep_extent(RiSpace *space, RiLeaf *leaf, uint32_t start, uint32_t *freed)
{
    RiPte any = 0;
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
        any |= leaf->entries[(start + i) % RI_LEAF_PAGES];
    if (any & RI_PTE_ACCESSED) {
        give_chance(space, leaf, start);
        return;
    }
    uint32_t before = space->frames->in_use;
    ri_mmu_forget(space, start, RI_EXTENT_PAGES);
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++) {
        RiPte pte = leaf->entries[(start + i) % RI_LEAF_PAGES];
        if (pte & RI_PTE_PRESENT && ri_pte_number(pte) != 0)
            (void)evict(space, leaf, start + i);
    }
    *freed += before - space->frames->in_use;
}

static bool extent_has_frames(const RiLeaf *leaf, uint32_t start)
{
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++) {
        RiPte pte = leaf->entries[(start + i) % RI_LEAF_PAGES];
        if (pte & RI_PTE_PRESENT && ri_pte_number(pte) != 0)
            return true;
    }
    return false;
}

static bool sweep(RiHolder *holder, uint32_t *freed)
{
    RiSpace *space = space_of_holder(holder);
    while (space->hand < RI_SPACE_PAGES) {
        uint32_t start = space->hand;
        const RiLeaf *leaf = ri_pagetable_leaf(&space->table, start);
        if (leaf == NULL) {
            space->hand = (start / RI_LEAF_PAGES + 1) * RI_LEAF_PAGES;
            continue;
        }
        space->hand += RI_EXTENT_PAGES;
        if (!extent_has_frames(leaf, start))
            continue;
        RiLeaf *own = ri_pagetable_own(space->frames, &space->table, start);
        if (own != NULL)
            sweep_extent(space, own, start, freed);
        return true;
    }
    space->hand = 0;
    return false;
}

RiSpace *ri_space_of_holder(RiHolder *holder)
{
    return holder->sweep == sweep ? space_of_holder(holder) : NULL;
}

/* -- Life -------------------------------------------------------------------------------------------------------- */

static bool host_mmu_is_possible(const RiMachine *machine)
{
    return machine->config.mmu != RI_MMU_SOFT && ri_fault_is_installed() && ri_pages_host_size() == RI_PAGE_BYTES;
}

static RiSpace *new_space(RiMachine *machine, RiProc *proc)
{
    RiFrames *frames = ri_frames_of(machine);
    RiSpace *space = frames != NULL ? calloc(1, sizeof *space) : NULL;
    if (space == NULL)
        return NULL;
    space->tlb = ri_tlb_empty;
    space->machine = machine;
    space->frames = frames;
    space->proc = proc;
    space->wants_host = host_mmu_is_possible(machine);
    space->break_address = RI_HEAP_START;
    ri_node_init(&space->pins);
    space->holder.sweep = sweep;
    ri_holder_add(frames, &space->holder);
#if defined(RI_MEM_UNCHECKED)
    space->base = ri_pages_reserve(RI_SPACE_BYTES);
    (void)ri_pages_protect(space->base, RI_SPACE_BYTES, RI_PROT_READ | RI_PROT_WRITE);
#endif
    return space;
}

/* A process has ended. */
static void forget_proc(RiProc *proc)
{
    ri_space_destroy(proc->space);
    ri_shm_forget_proc(proc);
}

void ri_memory_watch(RiMachine *machine)
{
    ri_machine_on_death(machine, forget_proc);
}

RiSpace *ri_space_new(RiMachine *machine, RiProc *proc)
{
    ri_memory_watch(machine);
    RiSpace *space = new_space(machine, proc);
    if (space != NULL && !map_info(space)) {
        ri_space_destroy(space);
        errno = ENOMEM;
        return NULL;
    }
    return space;
}

RiSpace *ri_space_of(RiProc *proc)
{
    if (proc->space == NULL)
        proc->space = ri_space_new(proc->machine, proc);
    return proc->space;
}

static void unlock_pages(RiSpace *space, const RiRegion *region)
{
    if (region->flags & RI_REGION_LOCKED)
        space->frames->locked -= region->end - region->first;
}

/* Pins outlive the space: they hold their frames. */
static void leave_pins(RiSpace *space)
{
    while (ri_node_is_linked(&space->pins)) {
        RiPin *pin = (RiPin *)(void *)((char *)space->pins.next - offsetof(RiPin, node));
        ri_node_remove(&pin->node);
        pin->space = NULL;
    }
}

void ri_space_destroy(RiSpace *space)
{
    bool ok;
    if (space == NULL)
        return;
#if defined(RI_MEM_UNCHECKED)
    ri_pages_release(space->base, RI_SPACE_BYTES);
    space->base = NULL;
#endif
    leave_pins(space);
    ri_mmu_destroy(space);
    (void)ri_pagetable_clear(space->frames, &space->table, 0, RI_SPACE_PAGES, &ok); /* whole leaves: no memory needed */
    ri_assert(ok);
    (void)charge(space, -(int64_t)space->private_pages);
    for (uint32_t i = 0; i < space->regions.count; i++)
        unlock_pages(space, &space->regions.list[i]);
    ri_region_free(&space->regions);
    ri_holder_remove(space->frames, &space->holder);
    if (space->proc != NULL && space->proc->space == space)
        space->proc->space = NULL;
    free(space);
}

/* A host call is writing into pages of the parent: the child must not see it, and the parent must. */
static bool copy_pinned(const RiSpace *parent, RiSpace *child)
{
    RiTrap trap;
    RiRegion *region;
    for (const RiNode *node = parent->pins.next; node != &parent->pins; node = node->next) {
        const RiPin *pin = (const RiPin *)(const void *)((const char *)node - offsetof(RiPin, node));
        if (pin->access != RI_ACCESS_WRITE || pin->size == 0)
            continue;
        for (uint32_t page = PAGE_OF(pin->address); page <= PAGE_OF(pin->address + (pin->size - 1)); page++) {
            RiPte pte = ri_pagetable_get(&child->table, page);
            if (ri_pte_is_private(pte) && pte & RI_PTE_WRITE &&
                !ri_mmu_resolve(child, page, RI_ACCESS_WRITE, &region, &trap))
                return false;
        }
    }
    return true;
}

/* Locks are not inherited. */
static void drop_locks(RiRegions *regions)
{
    for (uint32_t i = 0; i < regions->count; i++)
        regions->list[i].flags &= (uint8_t)~RI_REGION_LOCKED;
    ri_region_join(regions, 0, RI_SPACE_PAGES);
}

RiSpace *ri_space_fork(RiSpace *parent, RiProc *child_proc)
{
    RiSpace *child = new_space(parent->machine, child_proc);
    if (child == NULL)
        return NULL;
    if (!ri_region_copy(&child->regions, &parent->regions) || charge(child, parent->private_pages) != 0) {
        ri_space_destroy(child);
        errno = ENOMEM;
        return NULL;
    }
    drop_locks(&child->regions);
    child->break_address = parent->break_address;
    child->has_image = parent->has_image;
    child->wants_host = parent->base != NULL || parent->wants_host;
    ri_mmu_forget_writable(parent);
    ri_pagetable_share(&child->table, &parent->table);
    parent->frames->stats.forks++;
    if (!copy_pinned(parent, child)) {
        ri_space_destroy(child);
        errno = ENOMEM;
        return NULL;
    }
    if (child_proc != NULL)
        child_proc->space = child;
    return child;
}

void ri_memory_destroy(RiMachine *machine)
{
    ri_shm_destroy(machine);
    if (machine->frames != NULL)
        ri_mmu_settle(machine->frames);
    ri_frames_destroy(machine->frames);
}

/* -- Ranges ------------------------------------------------------------------------------------------------------ */

typedef struct Range {
    uint32_t first, end; /* pages */
} Range;

/* A range of whole pages within what a guest may map. */
static bool user_range(const RiSpace *space, RiAddr address, uint64_t size, Range *range)
{
    if (address % RI_PAGE_BYTES != 0 || size == 0 || size > RI_SPACE_BYTES)
        return false;
    uint64_t end = (uint64_t)address + ((size + RI_PAGE_BYTES - 1) & ~(uint64_t)(RI_PAGE_BYTES - 1));
    if (address < RI_IMAGE_START || end > RI_USER_END)
        return false;
    ri_image_touch((RiSpace *)(uintptr_t)space, address, end);
    *range = (Range){PAGE_OF(address), PAGE_OF(end)};
    return true;
}

static bool is_free(const RiSpace *space, Range range)
{
    uint32_t index = ri_region_index(&space->regions, range.first);
    return index == space->regions.count || space->regions.list[index].first >= range.end;
}

static bool has_system(const RiSpace *space, Range range)
{
    for (uint32_t i = ri_region_index(&space->regions, range.first); i < space->regions.count; i++) {
        const RiRegion *region = &space->regions.list[i];
        if (region->first >= range.end)
            return false;
        if (region->flags & RI_REGION_SYSTEM)
            return true;
    }
    return false;
}

static bool split_at(RiSpace *space, Range range)
{
    return ri_region_split(&space->regions, range.first) && ri_region_split(&space->regions, range.end);
}

/* Unmap whatever is there. */
static int unmap(RiSpace *space, Range range)
{
    bool ok;
    if (is_free(space, range))
        return 0;
    if (!split_at(space, range))
        return -ENOMEM;
    ri_mmu_forget(space, range.first, range.end - range.first);
    uint32_t count = ri_pagetable_clear(space->frames, &space->table, range.first, range.end - range.first, &ok);
    (void)charge(space, -(int64_t)count);
    if (!ok)
        return -ENOMEM;
    for (uint32_t i = ri_region_index(&space->regions, range.first); i < space->regions.count; i++) {
        if (space->regions.list[i].first >= range.end)
            break;
        unlock_pages(space, &space->regions.list[i]);
    }
    ri_region_remove(&space->regions, range.first, range.end);
    return 0;
}

int ri_space_munmap(RiSpace *space, RiAddr address, uint64_t size)
{
    Range range;
    if (!user_range(space, address, size, &range))
        return -EINVAL;
    return has_system(space, range) ? -EPERM : unmap(space, range);
}

/* -- Mapping ----------------------------------------------------------------------------------------------------- */

/* Large objects begin with an extent, so that the host can map them by extents. */
static uint32_t find_place(const RiSpace *space, RiRegionKind kind, uint32_t count)
{
    uint32_t align = count >= RI_EXTENT_PAGES ? RI_EXTENT_PAGES : 1;
    if (kind == RI_REGION_SEGMENT) {
        uint32_t place = ri_region_gap(&space->regions, PAGE_OF(RI_SHM_START), PAGE_OF(RI_USER_END), count, align);
        if (place != 0)
            return place;
    }
    return ri_region_gap(&space->regions, PAGE_OF(RI_MMAP_START), PAGE_OF(RI_SHM_START), count, align);
}

/* Where the pages go, made free: or a negative errno. */
static int64_t take_place(RiSpace *space, RiAddr address, uint32_t count, unsigned flags, RiRegionKind kind)
{
    Range range;
    uint64_t size = (uint64_t)count << RI_PAGE_SHIFT;
    if (flags & (RI_MAP_FIXED | RI_MAP_AT)) {
        if (!user_range(space, address, size, &range))
            return -EINVAL;
        if (flags & RI_MAP_AT)
            return is_free(space, range) ? (int64_t)range.first : -EEXIST;
        if (has_system(space, range))
            return -EPERM;
        int error = unmap(space, range);
        return error != 0 ? error : (int64_t)range.first;
    }
    address &= ~(RI_PAGE_BYTES - 1);
    if (address != 0 && user_range(space, address, size, &range) && is_free(space, range))
        return range.first;
    uint32_t place = find_place(space, kind, count);
    return place != 0 ? (int64_t)place : -ENOMEM;
}

static unsigned normal_prot(unsigned prot)
{
    return prot & RI_PROT_WRITE ? prot | RI_PROT_READ : prot;
}

static uint8_t region_flags(unsigned flags)
{
    return (uint8_t)((flags & RI_MAP_SHARED ? RI_REGION_SHARED : 0) | (flags & RI_MAP_ALIGNED ? RI_REGION_ALIGNED : 0));
}

int64_t ri_space_map_object(RiSpace *space, RiAddr address, uint32_t page_count, unsigned prot, unsigned flags,
                            RiRegionKind kind, RiMapObject *object, uint64_t object_page)
{
    prot = normal_prot(prot);
    unsigned prot_max = RI_PROT_READ | RI_PROT_WRITE | RI_PROT_EXEC;
    if (kind == RI_REGION_FILE && flags & RI_MAP_SHARED && !(((RiMapFile *)(void *)object)->rights & RI_PROT_WRITE))
        prot_max &= ~(unsigned)RI_PROT_WRITE;
    if (kind == RI_REGION_SEGMENT && !(prot & RI_PROT_WRITE))
        prot_max &= ~(unsigned)RI_PROT_WRITE; /* attached for reading, it stays so */
    int64_t place = take_place(space, address, page_count, flags, kind);
    if (place < 0)
        return place;
    const RiRegion region = {.first = (uint32_t)place, .end = (uint32_t)place + page_count, .kind = (uint8_t)kind,
                             .prot = (uint8_t)prot, .prot_max = (uint8_t)prot_max, .flags = region_flags(flags),
                             .object_page = object_page, .object = object};
    if (!ri_region_insert(&space->regions, &region))
        return -ENOMEM;
    address = (RiAddr)place << RI_PAGE_SHIFT;
    if (flags & RI_MAP_LOCKED) {
        int error = ri_space_mlock(space, address, (uint64_t)page_count << RI_PAGE_SHIFT, true);
        if (error != 0) {
            ri_mapobject_ref(object); /* the caller's remains its own */
            (void)ri_space_munmap(space, address, (uint64_t)page_count << RI_PAGE_SHIFT);
            return error;
        }
    }
    return (int64_t)address;
}

static void destroy_file(RiMapObject *object)
{
    RiMapFile *file = (RiMapFile *)(void *)object;
    if (file->window != NULL)
        ri_pages_release(file->window, (size_t)file->page_count << RI_PAGE_SHIFT);
    ri_pages_file_close(file->fd);
    free(file);
}

/* A map object for a descriptor. 0 or a negative errno. */
static int open_file(const RiMapRequest *request, uint32_t page_count, RiMapFile **out)
{
    RiFileId id;
    unsigned rights = ri_pages_file_rights(request->fd);
    if (!ri_pages_file_identify(request->fd, &id))
        return errno == ENODEV ? -ENODEV : -EBADF;
    if (!(rights & RI_PROT_READ))
        return -EACCES;
    if (request->flags & RI_MAP_SHARED && request->prot & RI_PROT_WRITE && !(rights & RI_PROT_WRITE))
        return -EACCES;
    RiMapFile *file = calloc(1, sizeof *file);
    int fd = file != NULL ? ri_pages_file_dup(request->fd) : -1;
    if (fd < 0) {
        free(file);
        return file == NULL ? -ENOMEM : -EMFILE;
    }
    *file = (RiMapFile){.object = {1, destroy_file}, .fd = fd, .first_page = request->offset >> RI_PAGE_SHIFT,
                        .page_count = page_count, .rights = rights};
    *out = file;
    return 0;
}

static int64_t map_file(RiSpace *space, const RiMapRequest *request, uint32_t page_count)
{
    RiMapFile *file;
    if (request->offset % RI_PAGE_BYTES != 0 || request->offset > (uint64_t)1 << 62)
        return -EINVAL;
    int error = open_file(request, page_count, &file);
    if (error != 0)
        return error;
    int64_t address = ri_space_map_object(space, request->address, page_count, request->prot, request->flags, RI_REGION_FILE,
                                          &file->object, file->first_page);
    if (address < 0)
        ri_mapobject_unref(&file->object);
    return address;
}

static int64_t map_shared_memory(RiSpace *space, const RiMapRequest *request, uint32_t page_count)
{
    RiSegment *segment = ri_segment_new(space->frames, space->proc, page_count);
    if (segment == NULL)
        return -ENOMEM;
    int64_t address = ri_space_map_object(space, request->address, page_count, request->prot, request->flags,
                                          RI_REGION_SEGMENT, &segment->object, 0);
    if (address < 0)
        ri_mapobject_unref(&segment->object);
    return address;
}

int64_t ri_space_mmap(RiSpace *space, const RiMapRequest *request)
{
    if (request->size == 0)
        return -EINVAL;
    if (request->size > RI_USER_END - RI_IMAGE_START)
        return -ENOMEM;
    uint32_t page_count = (uint32_t)((request->size + RI_PAGE_BYTES - 1) >> RI_PAGE_SHIFT);
    if (request->fd >= 0)
        return map_file(space, request, page_count);
    if (request->flags & RI_MAP_SHARED)
        return map_shared_memory(space, request, page_count);
    return ri_space_map_object(space, request->address, page_count, request->prot, request->flags, RI_REGION_MEMORY, NULL, 0);
}

int64_t ri_space_map_window(RiSpace *space, RiAddr address, uint64_t size, unsigned prot, RiWindow *window)
{
    uint32_t count = (uint32_t)((size + RI_PAGE_BYTES - 1) >> RI_PAGE_SHIFT), first = PAGE_OF(address);
    if (size == 0 || size > RI_DEVICE_END - RI_DEVICE_START || address % RI_PAGE_BYTES != 0)
        return -EINVAL;
    if (address == 0) {
        first = ri_region_gap(&space->regions, PAGE_OF(RI_DEVICE_START), PAGE_OF(RI_DEVICE_END), count, 1);
        if (first == 0)
            return -ENOMEM;
    } else if (address < RI_DEVICE_START || address + size > RI_DEVICE_END) {
        return -EINVAL;
    } else if (!is_free(space, (Range){first, first + count})) {
        return -EEXIST;
    }
    const RiRegion region = {.first = first, .end = first + count, .kind = RI_REGION_DEVICE, .prot = (uint8_t)prot,
                             .prot_max = (uint8_t)prot, .flags = RI_REGION_SYSTEM | RI_REGION_SHARED,
                             .object = &window->object};
    return ri_region_insert(&space->regions, &region) ? (int64_t)first << RI_PAGE_SHIFT : -ENOMEM;
}

/* -- Rights ------------------------------------------------------------------------------------------------------ */

static int may_protect(const RiSpace *space, Range range, unsigned prot)
{
    if (!ri_region_covers(&space->regions, range.first, range.end))
        return -ENOMEM;
    for (uint32_t i = ri_region_index(&space->regions, range.first); i < space->regions.count; i++) {
        const RiRegion *region = &space->regions.list[i];
        if (region->first >= range.end)
            break;
        if (region->flags & RI_REGION_SYSTEM || prot & ~(unsigned)region->prot_max)
            return -EACCES;
    }
    return 0;
}

static void set_leaf_prot(RiLeaf *leaf, uint32_t page, uint32_t end, unsigned prot)
{
    for (; page < end; page++) {
        RiPte *pte = &leaf->entries[page % RI_LEAF_PAGES];
        if (*pte & RI_PTE_PRESENT)
            *pte = (*pte & ~(unsigned)RI_PTE_PROT) | prot << RI_PTE_PROT_SHIFT;
    }
}

static bool own_leaves(RiSpace *space, Range range)
{
    for (uint32_t page = range.first; page < range.end; page = (page / RI_LEAF_PAGES + 1) * RI_LEAF_PAGES) {
        if (ri_pagetable_leaf(&space->table, page) != NULL && ri_pagetable_own(space->frames, &space->table, page) == NULL)
            return false;
    }
    return true;
}

static void set_prot(RiSpace *space, Range range, unsigned prot)
{
    for (uint32_t page = range.first; page < range.end;) {
        uint32_t end = (page / RI_LEAF_PAGES + 1) * RI_LEAF_PAGES;
        if (end > range.end)
            end = range.end;
        RiLeaf *leaf = ri_pagetable_leaf(&space->table, page);
        if (leaf != NULL)
            set_leaf_prot(leaf, page, end, prot);
        page = end;
    }
    for (uint32_t i = ri_region_index(&space->regions, range.first); i < space->regions.count; i++) {
        if (space->regions.list[i].first >= range.end)
            break;
        space->regions.list[i].prot = (uint8_t)prot;
    }
}

int ri_space_mprotect(RiSpace *space, RiAddr address, uint64_t size, unsigned prot)
{
    Range range;
    prot = normal_prot(prot);
    if (!user_range(space, address, size, &range))
        return -EINVAL;
    int error = may_protect(space, range, prot);
    if (error != 0)
        return error;
    if (!split_at(space, range) || !own_leaves(space, range))
        return -ENOMEM;
    set_prot(space, range, prot);
    ri_mmu_forget(space, range.first, range.end - range.first);
    ri_region_join(&space->regions, range.first, range.end);
    return 0;
}

/* -- Asking and keeping ------------------------------------------------------------------------------------------ */

int ri_space_msync(RiSpace *space, RiAddr address, uint64_t size)
{
    Range range;
    if (!user_range(space, address, size, &range))
        return -EINVAL;
    if (!ri_region_covers(&space->regions, range.first, range.end))
        return -ENOMEM;
    for (uint32_t i = ri_region_index(&space->regions, range.first); i < space->regions.count; i++) {
        const RiRegion *region = &space->regions.list[i];
        if (region->first >= range.end)
            break;
        if (region->kind != RI_REGION_FILE || !(region->flags & RI_REGION_SHARED))
            continue;
        if (!ri_pages_file_sync(((const RiMapFile *)(const void *)region->object)->fd))
            return -errno;
    }
    return 0;
}

int ri_space_mincore(RiSpace *space, RiAddr address, uint64_t size, uint8_t *out)
{
    Range range;
    if (!user_range(space, address, size, &range))
        return -EINVAL;
    if (!ri_region_covers(&space->regions, range.first, range.end))
        return -ENOMEM;
    for (uint32_t page = range.first; page < range.end; page++)
        out[page - range.first] = ri_pagetable_get(&space->table, page) & RI_PTE_PRESENT;
    return 0;
}

static void set_locked(RiSpace *space, Range range, bool lock)
{
    for (uint32_t i = ri_region_index(&space->regions, range.first); i < space->regions.count; i++) {
        RiRegion *region = &space->regions.list[i];
        if (region->first >= range.end)
            break;
        bool was_locked = region->flags & RI_REGION_LOCKED;
        if (lock && !was_locked)
            space->frames->locked += region->end - region->first;
        if (!lock && was_locked)
            space->frames->locked -= region->end - region->first;
        region->flags = (uint8_t)(lock ? region->flags | RI_REGION_LOCKED : region->flags & ~RI_REGION_LOCKED);
    }
    ri_region_join(&space->regions, range.first, range.end);
}

static int make_present(RiSpace *space, Range range)
{
    RiTrap trap;
    for (uint32_t page = range.first; page < range.end; page++) {
        RiRegion *region = ri_region_find(&space->regions, page);
        if (region->prot == RI_PROT_NONE || region->kind == RI_REGION_DEVICE)
            continue;
        RiAccess access = region->prot & RI_PROT_WRITE ? RI_ACCESS_WRITE : RI_ACCESS_READ;
        if (!ri_mmu_resolve(space, page, access, &region, &trap))
            return trap.cause == RI_TRAP_QUOTA_MEMORY ? -EAGAIN : -ENOMEM;
    }
    return 0;
}

int ri_space_mlock(RiSpace *space, RiAddr address, uint64_t size, bool lock)
{
    Range range;
    if (!user_range(space, address, size, &range))
        return -EINVAL;
    if (!ri_region_covers(&space->regions, range.first, range.end))
        return -ENOMEM;
    if (lock && (uint64_t)space->frames->locked + (range.end - range.first) > space->frames->limit / 2)
        return -EAGAIN;
    if (!split_at(space, range))
        return -ENOMEM;
    set_locked(space, range, lock);
    int error = lock ? make_present(space, range) : 0;
    if (error != 0 && split_at(space, range))
        set_locked(space, range, false);
    return error;
}

uint32_t ri_space_resident(const RiSpace *space)
{
    uint32_t present;
    (void)ri_pagetable_count(&space->table, 0, RI_SPACE_PAGES, &present);
    return present;
}

uint32_t ri_space_mapped(const RiSpace *space)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < space->regions.count; i++) {
        if (!(space->regions.list[i].flags & RI_REGION_SYSTEM))
            count += space->regions.list[i].end - space->regions.list[i].first;
    }
    return count;
}

/* -- The break --------------------------------------------------------------------------------------------------- */

static uint32_t break_end(RiAddr address)
{
    return PAGE_OF((uint64_t)address + RI_PAGE_BYTES - 1);
}

int64_t ri_space_brk(RiSpace *space, RiAddr address)
{
    if (address == 0)
        return space->break_address;
    if (address < RI_HEAP_START || address > RI_MMAP_START)
        return -ENOMEM;
    uint32_t from = break_end(space->break_address), to = break_end(address);
    if (to > from) {
        const RiRegion heap = {.first = from, .end = to, .kind = RI_REGION_MEMORY, .prot = RI_PROT_READ | RI_PROT_WRITE,
                               .prot_max = RI_PROT_READ | RI_PROT_WRITE | RI_PROT_EXEC, .flags = RI_REGION_HEAP};
        if (!is_free(space, (Range){from, to}) || !ri_region_insert(&space->regions, &heap))
            return -ENOMEM;
    } else if (to < from) {
        int error = unmap(space, (Range){to, from});
        if (error != 0)
            return error;
    }
    space->break_address = address;
    return address;
}

int64_t ri_space_sbrk(RiSpace *space, int64_t increment)
{
    int64_t old = space->break_address;
    if (increment == 0)
        return old;
    if (increment > (int64_t)RI_MMAP_START - old || increment < (int64_t)RI_HEAP_START - old)
        return -ENOMEM;
    int64_t now = ri_space_brk(space, (RiAddr)(old + increment));
    return now < 0 ? now : old;
}
