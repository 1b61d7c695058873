/* The frame pool: allocation by extents, zeroing, replacement. */
#include "vm/machine/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine/engine.h"

#define CAPACITY_MIN 256u      /* frames; with less there is no pool */
#define DIRTY_FREE_MAX 4096u   /* free frames whose memory is kept for re-use */
#define TOUCHED_MAX 256u       /* pages the view may map besides the host MMU */
#define RECLAIM_COUNT 8u       /* frames to free at a time */
#define RECLAIM_ROUNDS 3       /* of the hand over all holders, before giving up: clear, look, once more */
#define ALL_FREE UINT64_MAX

static inline uint32_t extent_of(uint32_t frame)
{
    return frame / RI_EXTENT_PAGES;
}

static inline uint64_t bit_of(uint32_t frame)
{
    return (uint64_t)1 << (frame % RI_EXTENT_PAGES);
}

/* -- The pool ---------------------------------------------------------------------------------------------------- */

static bool reserve(RiFrames *frames, uint32_t capacity)
{
    uint64_t size = (uint64_t)capacity << RI_PAGE_SHIFT;
    frames->fd = ri_pages_open_memory(size);
    if (frames->fd < 0)
        return false;
    frames->view = ri_pages_view(frames->fd, size);
    frames->frames = calloc(capacity, sizeof *frames->frames);
    frames->extents = calloc(capacity / RI_EXTENT_PAGES, sizeof *frames->extents);
    frames->capacity = capacity;
    if (frames->view != NULL && frames->frames != NULL && frames->extents != NULL)
        return true;
    if (frames->view != NULL)
        ri_pages_release(frames->view, size);
    free(frames->frames);
    free(frames->extents);
    ri_pages_file_close(frames->fd);
    return false;
}

/* Frames that may be in use: what was asked for, or three quarters of the host's memory. */
static uint32_t limit_of(const RiMachineConfig *config)
{
    uint64_t limit = config->frames_max;
    if (limit == 0)
        limit = ri_pages_installed() / 4 * 3;
    if (limit < 1)
        limit = 1;
    const uint32_t most = RI_FRAMES_MAX - 2 * RI_EXTENT_PAGES;
    return limit < most ? (uint32_t)limit : most;
}

/* Numbers for more frames than may be in use: extents are not always full. */
static uint32_t capacity_for(uint32_t limit)
{
    uint64_t capacity = (uint64_t)limit + limit / 4 + 16 * RI_EXTENT_PAGES;
    capacity -= capacity % RI_EXTENT_PAGES;
    return capacity < RI_FRAMES_MAX ? (uint32_t)capacity : RI_FRAMES_MAX;
}

static RiFrames *make_frames(RiMachine *machine)
{
    RiFrames *frames = calloc(1, sizeof *frames);
    if (frames == NULL)
        return NULL;
    frames->machine = machine;
    frames->limit = limit_of(&machine->config);
    frames->fresh = 1;
    frames->mappings_max = ri_pages_mappings_max() / 2;
    ri_node_init(&frames->holders);
    uint32_t capacity = capacity_for(frames->limit);
    while (!reserve(frames, capacity)) {
        capacity = capacity / 2 - capacity / 2 % RI_EXTENT_PAGES; /* a host that limits address space */
        if (capacity < CAPACITY_MIN) {
            free(frames);
            errno = ENOMEM;
            return NULL;
        }
    }
    if (frames->limit > capacity - RI_EXTENT_PAGES)
        frames->limit = capacity - RI_EXTENT_PAGES;
    return frames;
}

RiFrames *ri_frames_of(RiMachine *machine)
{
    if (machine->frames != NULL)
        return machine->frames;
    RiFrames *frames = make_frames(machine);
    if (frames != NULL && machine->config.swap_path != NULL) {
        frames->swap = ri_swap_open(machine->config.swap_path);
        if (frames->swap == NULL) {
            ri_frames_destroy(frames);
            return NULL;
        }
    }
    machine->frames = frames;
    return frames;
}

void ri_frames_destroy(RiFrames *frames)
{
    if (frames == NULL)
        return;
    ri_assert(!ri_node_is_linked(&frames->holders) && frames->retired == NULL);
    if (frames->machine->frames == frames)
        frames->machine->frames = NULL;
    ri_pages_release(frames->view, (size_t)frames->capacity << RI_PAGE_SHIFT);
    ri_pages_file_close(frames->fd);
    ri_swap_close(frames->swap);
    free(frames->frames);
    free(frames->extents);
    free(frames);
}

void ri_frames_touched(RiFrames *frames, uint32_t pages)
{
    if (!frames->has_mapped)
        return;
    frames->touched += pages;
    if (frames->touched > TOUCHED_MAX) {
        frames->touched = 0;
        ri_pages_forget(frames->view, (size_t)frames->fresh * RI_EXTENT_BYTES);
    }
}

/* -- Lists of extents -------------------------------------------------------------------------------------------- */

static uint32_t *list_for(RiFrames *frames, uint64_t free_mask)
{
    return free_mask == ALL_FREE ? &frames->whole : free_mask != 0 ? &frames->part : NULL;
}

static void unlink_extent(RiFrames *frames, uint32_t index, uint32_t *list)
{
    RiFrameExtent *extent = &frames->extents[index];
    if (extent->prev != 0)
        frames->extents[extent->prev].next = extent->next;
    else
        *list = extent->next;
    if (extent->next != 0)
        frames->extents[extent->next].prev = extent->prev;
}

static void link_extent(RiFrames *frames, uint32_t index, uint32_t *list)
{
    RiFrameExtent *extent = &frames->extents[index];
    extent->prev = 0;
    extent->next = *list;
    if (*list != 0)
        frames->extents[*list].prev = index;
    *list = index;
}

static void set_free_mask(RiFrames *frames, uint32_t index, uint64_t free_mask)
{
    RiFrameExtent *extent = &frames->extents[index];
    uint32_t *from = list_for(frames, extent->free), *to = list_for(frames, free_mask);
    extent->free = free_mask;
    if (from == to)
        return;
    if (from != NULL)
        unlink_extent(frames, index, from);
    if (to != NULL)
        link_extent(frames, index, to);
}

/* An extent with free frames, a partly used one if possible; 0: there is none. */
static uint32_t find_extent(RiFrames *frames)
{
    if (frames->part != 0)
        return frames->part;
    if (frames->whole == 0 && frames->fresh < frames->capacity / RI_EXTENT_PAGES)
        set_free_mask(frames, frames->fresh++, ALL_FREE);
    return frames->whole;
}

/* -- Allocation -------------------------------------------------------------------------------------------------- */

static void count_used(RiFrames *frames, uint32_t count)
{
    frames->in_use += count;
    if (frames->in_use > frames->stats.in_use_max)
        frames->stats.in_use_max = frames->in_use;
}

uint32_t ri_frame_new(RiFrames *frames, bool zeroed)
{
    if (frames->in_use >= frames->limit && !ri_frames_reclaim(frames))
        return 0;
    uint32_t index = find_extent(frames);
    if (index == 0)
        return 0;
    RiFrameExtent *extent = &frames->extents[index];
    uint32_t frame = index * RI_EXTENT_PAGES + (uint32_t)__builtin_ctzll(extent->free);
    uint64_t bit = bit_of(frame);
    set_free_mask(frames, index, extent->free & ~bit);
    frames->frames[frame] = (RiPageFrame){.refs = 1};
    count_used(frames, 1);
    if (extent->dirty & bit) {
        extent->dirty &= ~bit;
        frames->dirty_free--;
        if (zeroed) {
            memset(ri_frame_bytes(frames, frame), 0, RI_PAGE_BYTES);
            ri_frames_touched(frames, 1);
        }
    }
    return frame;
}

static void zero_extent(RiFrames *frames, uint32_t index)
{
    RiFrameExtent *extent = &frames->extents[index];
    for (uint64_t dirty = extent->dirty; dirty != 0; dirty &= dirty - 1) {
        uint32_t frame = index * RI_EXTENT_PAGES + (uint32_t)__builtin_ctzll(dirty);
        memset(ri_frame_bytes(frames, frame), 0, RI_PAGE_BYTES);
    }
    uint32_t count = (uint32_t)__builtin_popcountll(extent->dirty);
    frames->dirty_free -= count;
    extent->dirty = 0;
    ri_frames_touched(frames, count);
}

uint32_t ri_frame_new_extent(RiFrames *frames)
{
    if (frames->in_use + 4 * RI_EXTENT_PAGES > frames->limit / 4 * 3)
        return 0;
    if (frames->whole == 0) {
        if (frames->fresh >= frames->capacity / RI_EXTENT_PAGES)
            return 0;
        set_free_mask(frames, frames->fresh++, ALL_FREE);
    }
    uint32_t index = frames->whole, first = index * RI_EXTENT_PAGES;
    zero_extent(frames, index);
    set_free_mask(frames, index, 0);
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
        frames->frames[first + i] = (RiPageFrame){.refs = 1};
    count_used(frames, RI_EXTENT_PAGES);
    return first;
}

void ri_frame_ref(RiFrames *frames, uint32_t frame)
{
    ri_assert(frame != 0 && frames->frames[frame].refs > 0);
    frames->frames[frame].refs++;
}

/* All of an extent is free: give its memory back, unless little is kept. */
static void extent_is_free(RiFrames *frames, uint32_t index)
{
    RiFrameExtent *extent = &frames->extents[index];
    if (frames->dirty_free <= DIRTY_FREE_MAX)
        return;
    if (ri_pages_punch(frames->fd, (uint64_t)index * RI_EXTENT_BYTES, RI_EXTENT_BYTES)) {
        frames->dirty_free -= (uint32_t)__builtin_popcountll(extent->dirty);
        extent->dirty = 0;
    }
}

static void free_frame(RiFrames *frames, uint32_t frame)
{
    uint32_t index = extent_of(frame);
    RiFrameExtent *extent = &frames->extents[index];
    ri_assert(!(extent->free & bit_of(frame)) && frames->frames[frame].pins == 0);
    ri_frame_drop_slot(frames, frame);
    extent->dirty |= bit_of(frame);
    frames->dirty_free++;
    frames->in_use--;
    set_free_mask(frames, index, extent->free | bit_of(frame));
    if (extent->free == ALL_FREE)
        extent_is_free(frames, index);
}

void ri_frame_unref(RiFrames *frames, uint32_t frame)
{
    ri_assert(frame != 0 && frames->frames[frame].refs > 0);
    if (--frames->frames[frame].refs == 0)
        free_frame(frames, frame);
}

/* -- Swapping ---------------------------------------------------------------------------------------------------- */

void ri_frame_drop_slot(RiFrames *frames, uint32_t frame)
{
    uint32_t slot = frames->frames[frame].slot;
    if (slot == 0)
        return;
    frames->frames[frame].slot = 0;
    frames->swap->slots[slot].frame = 0;
    ri_swap_unref(frames->swap, slot);
}

uint32_t ri_frame_save(RiFrames *frames, uint32_t frame)
{
    RiPageFrame *f = &frames->frames[frame];
    if (f->slot == 0) {
        uint32_t slot = ri_swap_put(frames->swap, ri_frame_bytes(frames, frame));
        ri_frames_touched(frames, 1);
        if (slot == 0)
            return 0;
        frames->stats.swap_out++;
        f->slot = slot; /* takes the first reference */
        frames->swap->slots[slot].frame = frame;
    }
    ri_swap_ref(frames->swap, f->slot);
    return f->slot;
}

uint32_t ri_frame_restore(RiFrames *frames, uint32_t slot, bool *failed)
{
    *failed = false;
    uint32_t frame = frames->swap->slots[slot].frame;
    if (frame != 0) {
        ri_frame_ref(frames, frame);
        return frame;
    }
    frame = ri_frame_new(frames, false);
    if (frame == 0)
        return 0;
    if (!ri_swap_get(frames->swap, slot, ri_frame_bytes(frames, frame))) {
        *failed = true;
        ri_frame_unref(frames, frame);
        return 0;
    }
    ri_frames_touched(frames, 1);
    frames->stats.swap_in++;
    frames->frames[frame].slot = slot;
    frames->swap->slots[slot].frame = frame;
    ri_swap_ref(frames->swap, slot);
    return frame;
}

/* -- Replacement ------------------------------------------------------------------------------------------------- */

void ri_holder_add(RiFrames *frames, RiHolder *holder)
{
    ri_node_insert(&frames->holders, &holder->node); /* behind all others */
}

static RiHolder *holder_of_node(const RiFrames *frames, RiNode *node)
{
    return node == &frames->holders ? NULL : (RiHolder *)(void *)((char *)node - offsetof(RiHolder, node));
}

void ri_holder_remove(RiFrames *frames, RiHolder *holder)
{
    if (frames->hand == holder)
        frames->hand = holder_of_node(frames, holder->node.next);
    ri_node_remove(&holder->node);
}

/* Second chance: the hand goes over the pages of all holders in turn. A page that was accessed since it last came by loses
 * its accessed mark and its translation, and stays; one that was not is given up. */
bool ri_frames_reclaim(RiFrames *frames)
{
    uint32_t freed = 0, wanted = frames->limit / 64 + 1;
    if (frames->swap == NULL || frames->in_reclaim || !ri_node_is_linked(&frames->holders))
        return false;
    if (wanted > RECLAIM_COUNT)
        wanted = RECLAIM_COUNT;
    frames->in_reclaim = true;
    for (int rounds = 0; freed < wanted && rounds <= RECLAIM_ROUNDS;) {
        if (frames->hand == NULL) {
            frames->hand = holder_of_node(frames, frames->holders.next);
            rounds++;
        }
        RiHolder *holder = frames->hand;
        if (!holder->sweep(holder, &freed))
            frames->hand = holder_of_node(frames, holder->node.next);
    }
    frames->in_reclaim = false;
    frames->stats.evictions += freed;
    return freed > 0;
}

/* -- Accounts ---------------------------------------------------------------------------------------------------- */

int ri_frames_charge(RiFrames *frames, RiProc *proc, int64_t pages)
{
    (void)frames;
    if (proc == NULL || pages == 0)
        return 0;
    return ri_proc_charge(proc, pages * (int64_t)RI_PAGE_BYTES);
}
