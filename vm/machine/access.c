/* Accesses that walk the page table: scalars without a translation, ranges, pins. */
#include <errno.h>
#include <string.h>

#include "vm/machine/image.h"
#include "vm/machine/mmu.h"

#define PIN_BYTES_MAX ((uint64_t)1 << 30)
#define REGISTER_BYTES_MAX 8u /* a device is asked for no more at a time */

static inline uint32_t page_of(RiAddr address)
{
    return address >> RI_PAGE_SHIFT;
}

static bool trap_at(RiTrap *trap, RiAddr address, uint64_t size, RiAccess access)
{
    trap->address = address;
    trap->size = size;
    trap->access = (uint8_t)access;
    return false;
}

static bool refuse(RiTrap *trap, RiTrapCause cause, RiTrapReason reason, RiAddr address, uint64_t size, RiAccess access)
{
    trap->cause = (uint8_t)cause;
    trap->reason = (uint8_t)reason;
    return trap_at(trap, address, size, access);
}

/* An access: all of it, for the trap; then what is done page by page. */
typedef struct Access {
    RiSpace *space;
    RiAccess access;
    uint64_t size;
    RiTrap *trap;
} Access;

static bool fail(const Access *a, RiTrapCause cause, RiTrapReason reason, RiAddr address)
{
    return refuse(a->trap, cause, reason, address, a->size, a->access);
}

/* -- One page ---------------------------------------------------------------------------------------------------- */

/* A device has refused an access, or met a trap of its own, which is reported instead. */
static bool fail_window(const Access *a, RiWindow *window, RiAddr address)
{
    if (window->trap.cause == RI_TRAP_NONE)
        return fail(a, RI_TRAP_BUS, RI_REASON_DEVICE, address);
    *a->trap = window->trap;
    window->trap = (RiTrap){.cause = RI_TRAP_NONE};
    return false;
}

/* Registers, in parts that a device may know. */
static bool use_window(const Access *a, const RiRegion *region, RiAddr address, char *bytes, uint32_t count)
{
    RiWindow *window = (RiWindow *)(void *)region->object;
    uint32_t offset = address - (region->first << RI_PAGE_SHIFT) + (uint32_t)(region->object_page << RI_PAGE_SHIFT);
    while (count > 0) {
        uint32_t part = REGISTER_BYTES_MAX;
        while (part > count || offset % part != 0)
            part /= 2;
        bool ok = a->access == RI_ACCESS_WRITE ?
                      window->write != NULL && window->write(window, a->space, offset, bytes, part) :
                      window->read != NULL && window->read(window, a->space, offset, bytes, part);
        if (!ok)
            return fail_window(a, window, address);
        address += part;
        offset += part;
        bytes += part;
        count -= part;
    }
    return true;
}

/* A shared page of a file, by calls of the host: what is beyond its end now is noticed. */
static bool use_file(const Access *a, const RiRegion *region, RiAddr address, char *bytes, uint32_t count)
{
    const RiMapFile *file = (const RiMapFile *)(const void *)region->object;
    uint64_t offset = (region->object_page << RI_PAGE_SHIFT) + (address - (region->first << RI_PAGE_SHIFT));
    uint64_t page_start = offset & ~(uint64_t)(RI_PAGE_BYTES - 1);
    int64_t size = ri_pages_file_size(file->fd);
    if (size < 0)
        return fail(a, RI_TRAP_BUS, RI_REASON_FILE_ERROR, address);
    if (page_start >= (uint64_t)size)
        return fail(a, RI_TRAP_BUS, RI_REASON_BEYOND_FILE, address);
    uint64_t inside = offset < (uint64_t)size ? (uint64_t)size - offset : 0; /* the rest of the page is zeros */
    uint32_t part = count < inside ? count : (uint32_t)inside;
    int64_t done;
    if (a->access == RI_ACCESS_WRITE) {
        done = ri_pages_file_write(file->fd, bytes, part, offset);
    } else {
        memset(bytes, 0, count);
        done = ri_pages_file_read(file->fd, bytes, part, offset);
    }
    return done >= 0 || fail(a, RI_TRAP_BUS, RI_REASON_FILE_ERROR, address);
}

static bool resolve(const Access *a, RiAddr address, RiRegion **region)
{
    return ri_mmu_resolve(a->space, page_of(address), a->access, region, a->trap) ||
           trap_at(a->trap, address, a->size, a->access);
}

/* `count` bytes within one page, to or from `bytes`. */
static bool use_page(const Access *a, RiAddr address, char *bytes, uint32_t count)
{
    RiRegion *region;
    if (!resolve(a, address, &region))
        return false;
    if (region->kind == RI_REGION_DEVICE)
        return use_window(a, region, address, bytes, count);
    char *page = ri_mmu_bytes(a->space, page_of(address), a->access);
    if (page == NULL)
        return use_file(a, region, address, bytes, count);
    char *at = page + address % RI_PAGE_BYTES;
    if (a->access == RI_ACCESS_WRITE)
        memcpy(at, bytes, count);
    else
        memcpy(bytes, at, count);
    return true;
}

static uint32_t part_of_page(RiAddr address, uint64_t size)
{
    uint32_t part = RI_PAGE_BYTES - address % RI_PAGE_BYTES;
    return size < part ? (uint32_t)size : part;
}

/* -- Scalars ----------------------------------------------------------------------------------------------------- */

/* Across two pages: both are looked at before the first is touched. */
static bool use_two_pages(const Access *a, RiAddr address, char *bytes)
{
    RiRegion *region;
    uint32_t part = part_of_page(address, a->size);
    if ((uint64_t)address + a->size > RI_SPACE_BYTES)
        return fail(a, RI_TRAP_PAGE, RI_REASON_BEYOND_END, address);
    return resolve(a, address, &region) && resolve(a, address + part, &region) &&
           use_page(a, address, bytes, part) && use_page(a, address + part, bytes + part, (uint32_t)a->size - part);
}

static bool is_misaligned(RiSpace *space, RiAddr address, uint32_t size)
{
    const RiRegion *region = address % size != 0 ? ri_region_find(&space->regions, page_of(address)) : NULL;
    return region != NULL && region->flags & RI_REGION_ALIGNED;
}

static bool use_scalar(const Access *a, RiAddr address, char *bytes)
{
    if (is_misaligned(a->space, address, (uint32_t)a->size))
        return fail(a, RI_TRAP_ALIGNMENT, RI_REASON_MISALIGNED, address);
    if (part_of_page(address, a->size) < a->size)
        return use_two_pages(a, address, bytes);
    if (!use_page(a, address, bytes, (uint32_t)a->size))
        return false;
    ri_mmu_fill(a->space, page_of(address));
    return true;
}

bool ri_space_load_slow(RiSpace *space, RiAddr address, void *out, uint32_t size, RiTrap *trap)
{
    const Access a = {space, RI_ACCESS_READ, size, trap};
    return use_scalar(&a, address, out);
}

bool ri_space_store_slow(RiSpace *space, RiAddr address, const void *value, uint32_t size, RiTrap *trap)
{
    char bytes[8];
    const Access a = {space, RI_ACCESS_WRITE, size, trap};
    memcpy(bytes, value, size);
    return use_scalar(&a, address, bytes);
}

/* -- Ranges ------------------------------------------------------------------------------------------------------ */

/* The first address of a region's file that does not exist (now), or the region's end. */
static uint64_t end_of_object(const RiRegion *region)
{
    uint64_t end = region->end;
    if (region->kind == RI_REGION_FILE) {
        uint64_t pages = ri_mmu_file_pages(region);
        if (region->first + pages < end)
            end = region->first + pages;
    }
    return end << RI_PAGE_SHIFT;
}

static bool check(const Access *a, RiAddr address)
{
    uint64_t at = address, end = at + a->size;
    RiRegion *region;
    if (a->size > RI_SPACE_BYTES)
        return fail(a, RI_TRAP_PAGE, RI_REASON_BEYOND_END, address);
    ri_image_touch(a->space, at, end);
    while (at < end) {
        if (at >= RI_SPACE_BYTES)
            return fail(a, RI_TRAP_PAGE, RI_REASON_BEYOND_END, UINT32_MAX);
        region = ri_region_find(&a->space->regions, page_of((RiAddr)at));
        if (region == NULL || !(region->prot & (unsigned)a->access))
            return resolve(a, (RiAddr)at, &region); /* says why */
        uint64_t object_end = end_of_object(region);
        if (at >= object_end || (object_end < end && object_end < (uint64_t)region->end << RI_PAGE_SHIFT))
            return fail(a, RI_TRAP_BUS, RI_REASON_BEYOND_FILE, (RiAddr)(at > object_end ? at : object_end));
        at = object_end;
    }
    return true;
}

bool ri_space_check(RiSpace *space, RiAddr address, uint64_t size, RiAccess access, RiTrap *trap)
{
    const Access a = {space, access, size, trap};
    return check(&a, address);
}

static bool copy(const Access *a, RiAddr address, char *bytes)
{
    if (!check(a, address))
        return false;
    for (uint64_t left = a->size; left > 0;) {
        uint32_t part = part_of_page(address, left);
        if (!use_page(a, address, bytes, part))
            return false;
        address += part;
        bytes += part;
        left -= part;
    }
    return true;
}

bool ri_space_copyin(RiSpace *space, RiAddr from, void *to, uint64_t size, RiTrap *trap)
{
    const Access a = {space, RI_ACCESS_READ, size, trap};
    return copy(&a, from, to);
}

bool ri_space_copyout(RiSpace *space, RiAddr to, const void *from, uint64_t size, RiTrap *trap)
{
    const Access a = {space, RI_ACCESS_WRITE, size, trap};
    return copy(&a, to, (char *)from); /* only read from: the access says so */
}

int64_t ri_space_copyin_string(RiSpace *space, RiAddr from, char *to, uint64_t size, RiTrap *trap)
{
    uint64_t done = 0;
    while (done < size) {
        uint32_t part = part_of_page(from, size - done);
        const Access a = {space, RI_ACCESS_READ, part, trap};
        if (!use_page(&a, from, to + done, part))
            return -EFAULT;
        const char *end = memchr(to + done, 0, part);
        if (end != NULL)
            return end - to;
        done += part;
        if ((uint64_t)from + part >= RI_SPACE_BYTES)
            break;
        from += part;
    }
    return -ENAMETOOLONG;
}

bool ri_space_fill(RiSpace *space, RiAddr to, uint8_t byte, uint64_t size, RiTrap *trap)
{
    char bytes[RI_PAGE_BYTES];
    const Access a = {space, RI_ACCESS_WRITE, size, trap};
    if (!check(&a, to))
        return false;
    memset(bytes, byte, size < sizeof bytes ? (size_t)size : sizeof bytes);
    for (uint64_t left = size; left > 0;) {
        uint32_t part = part_of_page(to, left);
        if (!use_page(&a, to, bytes, part))
            return false;
        to += part;
        left -= part;
    }
    return true;
}

/* From the end backwards, when the target lies behind the source and overlaps. */
static bool move_backwards(const Access *in, const Access *out, RiAddr to, RiAddr from)
{
    char bytes[RI_PAGE_BYTES];
    for (uint64_t left = in->size; left > 0;) {
        uint64_t part = left < sizeof bytes ? left : sizeof bytes;
        const Access part_in = {in->space, RI_ACCESS_READ, part, in->trap};
        const Access part_out = {out->space, RI_ACCESS_WRITE, part, out->trap};
        left -= part;
        if (!copy(&part_in, (RiAddr)(from + left), bytes) || !copy(&part_out, (RiAddr)(to + left), bytes))
            return false;
    }
    return true;
}

static bool move_forwards(const Access *in, const Access *out, RiAddr to, RiAddr from)
{
    char bytes[RI_PAGE_BYTES];
    for (uint64_t left = in->size; left > 0;) {
        uint32_t part = part_of_page(from, left);
        uint32_t first = part_of_page(to, part);
        if (!use_page(in, from, bytes, part) || !use_page(out, to, bytes, first) ||
            (first < part && !use_page(out, to + first, bytes + first, part - first)))
            return false;
        from += part;
        to += part;
        left -= part;
    }
    return true;
}

bool ri_space_move(RiSpace *space, RiAddr to, RiAddr from, uint64_t size, RiTrap *trap)
{
    const Access in = {space, RI_ACCESS_READ, size, trap}, out = {space, RI_ACCESS_WRITE, size, trap};
    if (!check(&in, from) || !check(&out, to))
        return false;
    return to > from && to - from < size ? move_backwards(&in, &out, to, from) : move_forwards(&in, &out, to, from);
}

/* -- Pins -------------------------------------------------------------------------------------------------------- */

/* A frame joins the part before it where their bytes follow each other. */
static void add_part(RiPin *pin, char *bytes, size_t size, uint32_t frame)
{
    RiPinPart *last = pin->count > 0 ? &pin->parts[pin->count - 1] : NULL;
    if (last != NULL && last->frame != 0 && frame != 0 && last->bytes + last->size == bytes)
        last->size += size;
    else
        pin->parts[pin->count++] = (RiPinPart){bytes, size, frame};
}

static bool pin_file_page(const Access *a, RiPin *pin, RiAddr address, uint32_t size)
{
    char *bounce = malloc(size);
    if (bounce == NULL)
        return fail(a, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME, address);
    const Access read = {a->space, RI_ACCESS_READ, a->size, a->trap};
    if (!use_page(&read, address, bounce, size)) {
        free(bounce);
        return false;
    }
    add_part(pin, bounce, size, 0);
    return true;
}

static bool pin_page(const Access *a, RiPin *pin, RiAddr address, uint32_t size)
{
    RiRegion *region;
    RiFrames *frames = a->space->frames;
    if (!resolve(a, address, &region))
        return false;
    if (region->kind == RI_REGION_DEVICE)
        return fail(a, RI_TRAP_BUS, RI_REASON_DEVICE, address);
    uint32_t frame = ri_pte_number(ri_pagetable_get(&a->space->table, page_of(address)));
    if (frame == 0)
        return pin_file_page(a, pin, address, size);
    if (frames->pinned >= frames->limit / 2)
        return fail(a, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME, address);
    ri_frame_ref(frames, frame);
    frames->frames[frame].pins++;
    frames->pinned++;
    add_part(pin, ri_frame_bytes(frames, frame) + address % RI_PAGE_BYTES, size, frame);
    return true;
}

bool ri_space_pin(RiSpace *space, RiAddr address, uint64_t size, RiAccess access, RiPin *pin, RiTrap *trap)
{
    const Access a = {space, access, size, trap};
    *pin = (RiPin){.frames = space->frames, .space = space, .address = address, .access = access};
    ri_node_init(&pin->node);
    if (size > PIN_BYTES_MAX)
        return fail(&a, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME, address);
    if (!check(&a, address))
        return false;
    pin->parts = malloc((size_t)(size / RI_PAGE_BYTES + 2) * sizeof *pin->parts);
    if (pin->parts == NULL)
        return fail(&a, RI_TRAP_QUOTA_MEMORY, RI_REASON_NO_FRAME, address);
    ri_node_insert(&space->pins, &pin->node);
    while (pin->size < size) {
        RiAddr at = address + (RiAddr)pin->size;
        uint32_t part = part_of_page(at, size - pin->size);
        if (!pin_page(&a, pin, at, part)) {
            ri_space_unpin(pin, 0);
            return false;
        }
        pin->size += part;
    }
    return true;
}

/* Best effort: the mapping, or the file's page, may be gone. */
static void write_back(const RiPin *pin, const RiPinPart *part, RiAddr address, uint64_t written)
{
    RiTrap trap;
    if (pin->space == NULL || written == 0 || pin->access != RI_ACCESS_WRITE)
        return;
    (void)ri_space_copyout(pin->space, address, part->bytes, written < part->size ? written : part->size, &trap);
}

static void release_frames(RiFrames *frames, const RiPinPart *part)
{
    uint64_t offset = (uint64_t)(part->bytes - frames->view);
    uint32_t first = (uint32_t)(offset >> RI_PAGE_SHIFT), last = (uint32_t)((offset + part->size - 1) >> RI_PAGE_SHIFT);
    for (uint32_t frame = first; frame <= last; frame++) {
        frames->frames[frame].pins--;
        frames->pinned--;
        ri_frame_unref(frames, frame);
    }
    ri_frames_touched(frames, last - first + 1);
}

void ri_space_unpin(RiPin *pin, uint64_t written)
{
    RiAddr address = pin->address;
    ri_node_remove(&pin->node);
    for (uint32_t i = 0; i < pin->count; i++) {
        const RiPinPart *part = &pin->parts[i];
        if (part->frame != 0) {
            release_frames(pin->frames, part);
        } else {
            write_back(pin, part, address, written);
            free(part->bytes);
        }
        address += (RiAddr)part->size;
        written = written > part->size ? written - part->size : 0;
    }
    free(pin->parts);
    pin->parts = NULL;
    pin->count = 0;
}
