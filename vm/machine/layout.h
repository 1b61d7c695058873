/* The address map of a process: 32 bits, pages of 4 KiB.
 *
 *     00000000  +--------------------------------+
 *               | null pages: never mapped       |  64 KiB: an index into a null array traps, too
 *     00010000  +--------------------------------+
 *               | program image                  |  the saved chunk: read-only, one copy for all its processes
 *     10000000  +--------------------------------+
 *               | heap, up to the break          |  sbrk; grows upwards
 *     40000000  +--------------------------------+
 *               | mmap area                      |  memory, files; first free place
 *     c0000000  +--------------------------------+
 *               | shared segments                |  shmat without an address
 *     e0000000  +--------------------------------+
 *               | never mapped                   |
 *     f0000000  +--------------------------------+
 *               | device window                  |  registers; every access is an action, nothing is cached
 *     fff00000  +--------------------------------+
 *               | information page               |  RiInfoPage, read-only
 *     fff01000  | never mapped                   |
 *     ffffffff  +--------------------------------+
 *
 * A page may be mapped at a given address anywhere between the null pages and e0000000. */
#ifndef RI_MACHINE_LAYOUT_H
#define RI_MACHINE_LAYOUT_H

#include <stdint.h>

#include "vm/host/pages.h"

#define RI_NULL_END 0x00010000u
#define RI_IMAGE_START 0x00010000u
#define RI_HEAP_START 0x10000000u
#define RI_MMAP_START 0x40000000u
#define RI_SHM_START 0xc0000000u
#define RI_USER_END 0xe0000000u
#define RI_DEVICE_START 0xf0000000u
#define RI_DEVICE_END 0xfff00000u
#define RI_INFO_START 0xfff00000u

#define RI_SPACE_BYTES ((uint64_t)1 << 32)
#define RI_SPACE_PAGES (1u << 20)

/* An extent: the unit in which the host's mapping is filled. */
#define RI_EXTENT_PAGES 64u
#define RI_EXTENT_BYTES (RI_EXTENT_PAGES * RI_PAGE_BYTES)

#define RI_INFO_MAGIC 0x454c4952u /* "RILE" */
#define RI_INFO_VERSION 1u

/* What a process reads at RI_INFO_START; made anew at each read. */
typedef struct RiInfoPage {
    uint32_t magic, version;
    uint32_t page_bytes;
    uint32_t pid, parent_pid;  /* 0: none */
    uint32_t mmu;              /* RiMmuMode in use */
    uint64_t monotonic_ns;     /* of the host */
    uint64_t realtime_s;       /* since 1970 */
    uint64_t memory_bytes;     /* of pages charged to the process */
    uint64_t memory_limit;     /* UINT64_MAX: none */
    uint32_t frames_total, frames_used; /* of the machine */
    uint32_t break_address, mapped_pages;
    uint64_t image_bytes;      /* of the saved chunk at RI_IMAGE_START; 0: none */
} RiInfoPage;

#endif
