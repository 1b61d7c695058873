/* Shared segments: pages that belong to no process. They are attached at addresses of several spaces (shmat), lie behind
 * shared memory without a file (mmap), and hold the image of a program. Frames come at the first touch; the process that
 * made the segment is charged for them while it lives.
 *
 * A segment made by shmget has an id, and a key under which others find it. It goes when it was removed, or when the
 * process that made it has ended, and nobody has it attached any more: nothing is left behind by dead processes.
 * Collects: no. Traps: no. */
#ifndef RI_MACHINE_SHM_H
#define RI_MACHINE_SHM_H

#include "vm/machine/space.h"

typedef struct RiSegment {
    RiMapObject object;  /* refs: regions, and the table while it has an id */
    RiHolder holder;
    RiFrames *frames;
    RiProc *owner;       /* charged; NULL: nobody, or it has ended */
    uint32_t charged;    /* pages */
    uint32_t page_count;
    uint32_t hand;       /* page: replacement */
    uint32_t creator;    /* pid */
    int32_t id, key;     /* id -1: none */
    bool is_public;      /* for everybody in the machine */
    struct RiPolicy *policy; /* of its maker, a reference */
    uint64_t size;       /* bytes, as asked for */
    RiPte *pages;        /* present or swapped, or 0 */
} RiSegment;

/* `page_count` pages of zeros, with one reference for the caller. NULL: errno ENOMEM. */
RiSegment *ri_segment_new(RiFrames *frames, RiProc *owner, uint32_t page_count);
/* The frame of a page, made if needed, with a reference for the caller. 0: *trap has cause and reason. */
uint32_t ri_segment_page(RiSegment *segment, uint32_t index, RiTrap *trap);
/* The same if it is in memory; 0 if not. */
uint32_t ri_segment_present(RiSegment *segment, uint32_t index);
/* Copy into a segment, before guests see it: a program's image. False: no memory. */
bool ri_segment_write(RiSegment *segment, uint64_t offset, const void *bytes, size_t size);
/* The segment of a holder in frames->holders; NULL: it is a space. */
bool ri_segment_sweep(RiHolder *holder, uint32_t *freed);

/* -- System calls ---------------------------------------------------------------------------------------------- */
enum { RI_SHM_PRIVATE = 0 }; /* key: a new one, found by id only */
enum { RI_SHM_CREATE = 1, RI_SHM_EXCLUSIVE = 2, RI_SHM_PUBLIC = 4 /* what is made is for everybody */ };
enum { RI_SHM_REMOVE = 0, RI_SHM_STATUS = 2 };
#define RI_SHM_SEGMENTS_MAX 4096u

typedef struct RiShmStatus {
    uint64_t size;
    int32_t key;
    uint32_t creator, attached; /* pid; how many regions */
    uint32_t resident;          /* pages in memory */
} RiShmStatus;

/* Who may use a segment goes by policies, as these bound what processes trust each other with. By its id: processes of its
 * maker's policy and of those above it (who made the policy), and everybody if it is public. By its key it is found by
 * processes of the same policy, and, if it is public, of those under it: nobody gets a segment of a less trusted process by
 * asking for a key. Each sandbox has keys of its own, then.
 *
 * The id of the segment with that key. -ENOENT, -EEXIST, -EINVAL (size), -ENOSPC, -ENOMEM. */
int64_t ri_shm_get(RiProc *proc, int32_t key, uint64_t size, unsigned flags);
/* Attach at `address` (0: somewhere); the address. -EINVAL, -EACCES, -EEXIST, -ENOMEM. */
int64_t ri_shm_attach(RiSpace *space, int32_t id, RiAddr address, bool read_only);
/* Detach the segment attached at `address`. */
int ri_shm_detach(RiSpace *space, RiAddr address);
/* RI_SHM_STATUS fills *status (-EACCES); RI_SHM_REMOVE: only for the process that made it (-EPERM). */
int ri_shm_control(RiProc *proc, int32_t id, int command, RiShmStatus *status);
/* The process has ended (its space, too). */
void ri_shm_forget_proc(RiProc *proc);
void ri_shm_destroy(RiMachine *machine);

#endif
