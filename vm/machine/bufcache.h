/* The buffer cache: blocks of disks in memory, least recently used ones given up first.
 *
 *      hash of (disk, block) --> ring of buffers
 *      lru: ring of all buffers, the one used last in front
 *
 * A block is 4 KiB (8 sectors; the last one of a disk may be shorter). Writes change the buffer only and make it dirty; it
 * goes to the disk when its room is needed, when more than half of all buffers are dirty, or when somebody asks (sync),
 * then in the order of blocks. A buffer that could not be written stays, and the error is reported to whoever wanted the
 * room or asked. Not thread-safe; nothing waits. Collects: no. */
#ifndef RI_MACHINE_BUFCACHE_H
#define RI_MACHINE_BUFCACHE_H

#include "vm/machine/machine.h"

#define RI_SECTOR_BYTES 512u
#define RI_BLOCK_BYTES 4096u
#define RI_BUFFERS_USUAL 128u /* 512 KiB */

typedef struct RiBlockDevice RiBlockDevice;

typedef struct RiBlockRequest {
    bool is_write;
    uint64_t sector; /* the first */
    uint32_t count;  /* of sectors, 1 … 8, within the disk */
    void *bytes;
} RiBlockRequest;

/* Carry a request out: 0 or -errno. */
typedef int (*RiStrategy)(RiBlockDevice *device, const RiBlockRequest *request);

typedef struct RiBufStats {
    uint64_t hits, misses;       /* looked for, found and not found */
    uint64_t reads, writes;      /* blocks moved from and to the disk */
    uint64_t evictions, dirty;   /* buffers given up; dirty now */
} RiBufStats;

struct RiBlockDevice {
    RiStrategy strategy;
    void *data;
    uint64_t sector_count;
    bool is_read_only;
    RiBufStats stats;
};

typedef struct RiBufCache RiBufCache;

/* At most `buffers` of them (>= 1), each made when first needed. NULL: no memory. */
RiBufCache *ri_bufcache_new(uint32_t buffers);
/* Dirty buffers are lost: sync first. NULL is ignored. */
void ri_bufcache_destroy(RiBufCache *cache);
/* Bytes of a disk; the range lies within it. 0, -EIO and other errors of the disk, -ENOMEM. Parts that were moved before an
 * error stay moved. */
RI_MUST_CHECK int ri_bufcache_read(RiBufCache *cache, RiBlockDevice *device, uint64_t offset, void *to, size_t size);
RI_MUST_CHECK int ri_bufcache_write(RiBufCache *cache, RiBlockDevice *device, uint64_t offset, const void *from, size_t size);
/* Write what is dirty of a disk (NULL: of all). 0, or the first error; the rest is written nevertheless. */
int ri_bufcache_sync(RiBufCache *cache, RiBlockDevice *device);
/* A disk goes: its buffers, dirty or not, are given up. */
void ri_bufcache_forget(RiBufCache *cache, RiBlockDevice *device);

#endif
