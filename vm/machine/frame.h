/* Page frames: the machine's main memory, shared by its processes. A frame is a page of a memory file; it has a number
 * (never 0) and counts its references: page table entries, pages of shared segments, pins. The file is mapped once as a
 * whole, the view, through which the machine itself and the software TLB reach every frame; the host MMU maps it page by
 * page where guests want it.
 *
 * Frames come in extents of 64 with a mask of the free ones each. When the limit is reached and there is a swap device,
 * frames are taken from the holders (address spaces and segments) by second chance: see ri_frames_reclaim.
 * Collects: no. Traps: no. */
#ifndef RI_MACHINE_FRAME_H
#define RI_MACHINE_FRAME_H

#include "vm/machine/layout.h"
#include "vm/machine/proc.h"
#include "vm/machine/swap.h"

#define RI_FRAMES_MAX (1u << 24) /* 64 GiB: a frame number has 24 bits in a page table entry */

typedef struct RiPageFrame {
    uint32_t refs; /* 0: free */
    uint32_t slot; /* of the swap device, with the same contents; 0: none */
    uint32_t pins; /* the host uses it now: it keeps its place. Each is a reference, too */
} RiPageFrame;

typedef struct RiFrameExtent {
    uint64_t free;       /* bit n: frame n of the extent is free */
    uint64_t dirty;      /* of the free ones: not zero */
    uint32_t next, prev; /* in the list of those with free frames; 0: none */
} RiFrameExtent;

/* Who holds evictable frames. */
typedef struct RiHolder {
    RiNode node;
    /* Look at the next pages from the holder's own hand on, and give frames back. Adds to *freed. False: the end has
     * been reached, the next holder is due. */
    bool (*sweep)(struct RiHolder *holder, uint32_t *freed);
} RiHolder;

typedef struct RiFrameStats {
    uint64_t minor_faults, major_faults; /* pages found in memory, pages read from a device */
    uint64_t zero_fills, copies;         /* pages made on demand; copied at the first write */
    uint64_t swap_in, swap_out;          /* pages */
    uint64_t tlb_fills, tlb_flushes;     /* mappings or TLB entries made; times all of a space were dropped */
    uint64_t evictions, second_chances;
    uint64_t forks;
    uint32_t in_use_max;
} RiFrameStats;

typedef struct RiFrames {
    RiMachine *machine;
    int fd;             /* the memory file */
    char *view;         /* all of it */
    uint32_t capacity;  /* frames there is a number for, the first extent included, which is not used */
    uint32_t limit;     /* frames that may be in use */
    uint32_t in_use;
    uint32_t dirty_free; /* free frames whose memory has not been given back to the host */
    uint32_t fresh;     /* first extent never used */
    uint32_t whole, part; /* extents all or some of whose frames are free: heads of lists */
    RiPageFrame *frames;
    RiFrameExtent *extents;
    RiSwap *swap;       /* NULL: none */
    RiNode holders;     /* RiHolder.node */
    uint32_t segment_count; /* among them */
    uint32_t pinned;    /* frames with pins, each pin counted */
    uint32_t locked;    /* pages of locked regions */
    RiHolder *hand;     /* whose turn it is to be swept; NULL: the first */
    bool in_reclaim;
    bool has_mapped;    /* some space uses the host MMU: what the view maps counts twice, see ri_frames_touched */
    uint32_t touched;   /* pages mapped by the view since it was last forgotten, about */
    uint32_t mappings, mappings_max; /* separate host mappings made by all spaces; allowed */
    struct RiRetired *retired; /* host mappings of spaces that have forked, given back bit by bit: mmu.c */
    RiFrameStats stats;
} RiFrames;

/* The pool of a machine, made at first use. NULL, errno: the host has no memory for it, or (config.swap_path) no swap. */
RiFrames *ri_frames_of(RiMachine *machine);
void ri_frames_destroy(RiFrames *frames); /* all spaces and segments are gone; NULL is ignored */

/* A frame of zeros (with `zeroed`; else of anything), with one reference. 0: none is free and none can be taken. */
uint32_t ri_frame_new(RiFrames *frames, bool zeroed);
/* 64 frames of zeros whose numbers follow each other, or 0: not so many are left, or they should be kept for others. */
uint32_t ri_frame_new_extent(RiFrames *frames);
void ri_frame_ref(RiFrames *frames, uint32_t frame);
void ri_frame_unref(RiFrames *frames, uint32_t frame); /* the last one frees it */
/* The frame is written to: what the swap device has of it is out of date. */
void ri_frame_drop_slot(RiFrames *frames, uint32_t frame);

static inline char *ri_frame_bytes(const RiFrames *frames, uint32_t frame)
{
    return frames->view + ((size_t)frame << RI_PAGE_SHIFT);
}
static inline uint64_t ri_frame_offset(uint32_t frame) /* in the memory file */
{
    return (uint64_t)frame << RI_PAGE_SHIFT;
}

/* The machine has looked at `pages` frames through the view. From time to time the view's translations are dropped, as
 * the host counts a page mapped twice as two pages. Pointers from ri_frame_bytes stay valid. */
void ri_frames_touched(RiFrames *frames, uint32_t pages);

/* Free at least one frame, some if it is cheap. False: there is no swap device, it is full or broken, or all frames are
 * pinned or locked. */
bool ri_frames_reclaim(RiFrames *frames);
/* The contents of `frame` go to the swap device, if they are not there yet: the slot, with a reference for the caller. 0:
 * the device failed. */
uint32_t ri_frame_save(RiFrames *frames, uint32_t frame);
/* A frame with the contents of `slot`, with a reference for the caller: the one that has them already, or a new one. 0: the
 * device failed (*failed), or there is no frame. */
uint32_t ri_frame_restore(RiFrames *frames, uint32_t slot, bool *failed);

void ri_holder_add(RiFrames *frames, RiHolder *holder);
void ri_holder_remove(RiFrames *frames, RiHolder *holder);

/* Charge pages to a process (NULL: nobody): 0 or -ENOMEM. A negative count gives back and cannot fail. */
int ri_frames_charge(RiFrames *frames, RiProc *proc, int64_t pages);

#endif
