/* The address space of a process: regions, page table, translations.
 *
 * An access goes through a translation: with the host MMU that is the host's own mapping of a 4 GiB reservation (`base`),
 * with the software MMU an entry of `tlb`. Where there is none the access fails, and ri_space_load_slow and its like walk
 * the page table: they make the page present (zeros, copy, swap device, file), fill the translation and carry the access
 * out, or give a trap. Translations may be dropped at any time; the page table decides.
 *
 * The host MMU is filled by runs of pages within an extent of 64, where frames and rights agree. Accessed and dirty marks
 * are then those of the extent (with a swap device, dirty is exact); the software MMU is exact to the page.
 *
 * All calls return a value >= 0, or a negative errno. They are made from the host thread of the machine. Collects: no. */
#ifndef RI_MACHINE_SPACE_H
#define RI_MACHINE_SPACE_H

#include "vm/host/fault.h"
#include "vm/machine/pagetable.h"
#include "vm/machine/region.h"
#include "vm/machine/trap.h"

typedef enum RiMmuMode {
    RI_MMU_AUTO, /* host where the machine may take SIGSEGV and the host has mappings left */
    RI_MMU_HOST, /* the same: what cannot be had cannot be had */
    RI_MMU_SOFT
} RiMmuMode;

/* -- Translations ---------------------------------------------------------------------------------------------- */

#define RI_TLB_COUNT 256u
#define RI_TLB_NONE 1u /* no page begins there */

typedef struct RiTlbEntry {
    uint32_t read_page, write_page; /* address of the page that may be accessed, or RI_TLB_NONE */
    uintptr_t addend;               /* plus the guest address: the host address */
} RiTlbEntry;

/* What the host has mapped, of the 1024 pages of a leaf: a word for each extent. */
typedef struct RiHostLeaf {
    uint64_t mapped[RI_LEAF_PAGES / RI_EXTENT_PAGES];
    uint64_t writable[RI_LEAF_PAGES / RI_EXTENT_PAGES];
} RiHostLeaf;

typedef struct RiSpace {
    char *base;        /* host address of guest address 0; NULL: software MMU */
    uint32_t host_end; /* addresses below it are the host's to translate: 0 without `base`; else where devices begin, whose
                        * registers must not cost a fault of the host each */
    RiTlbEntry *tlb;   /* RI_TLB_COUNT entries; with the host MMU, and before the first access, all of them are empty */
    RiMachine *machine;
    RiFrames *frames;
    RiProc *proc;      /* who is charged; NULL: nobody (tests) */
    RiHostLeaf **host; /* RI_LEAF_COUNT, while there is a base */
    uint32_t mappings; /* separate host mappings made since they were last dropped, about */
    uint32_t writable_extents; /* mapped writable by the host, at most */
    bool wants_host;   /* a reservation is made at the first access */
    bool has_image;    /* the program's image has been mapped: image.h */
    bool has_missed;   /* a fast path of an engine has failed: the slow one need not try again. For exec/memory.c */
    uint32_t private_pages; /* charged */
    uint32_t break_page_end; /* pages below are mapped by the break */
    RiAddr break_address;
    uint32_t hand;     /* page: replacement */
    RiNode pins;       /* RiPin.node */
    RiHolder holder;
    RiRegions regions;
    RiPageTable table;
} RiSpace;

extern RiTlbEntry *const ri_tlb_empty; /* shared by spaces without a TLB of their own; never written */

/* -- Life ------------------------------------------------------------------------------------------------------ */
/* A new space with nothing but the information page. `proc` may be NULL. NULL, errno. */
RiSpace *ri_space_new(RiMachine *machine, RiProc *proc);
/* proc->space, made if needed. NULL, errno. */
RiSpace *ri_space_of(RiProc *proc);
/* The process is charged for nothing any more; pins must be gone, or belong to host calls that will never touch them. */
void ri_space_destroy(RiSpace *space); /* NULL is ignored */
/* The same pages for a child, copy-on-write; shared mappings stay shared. What is pinned for writing is copied at once.
 * It becomes child->space. NULL, errno. */
RiSpace *ri_space_fork(RiSpace *parent, RiProc *child);

/* From now on a process that ends leaves neither its space nor its segments behind. Whatever makes the first of these calls
 * it. Idempotent. */
void ri_memory_watch(RiMachine *machine);
/* The last of a machine's memory: shared segments and the frame pool. All spaces are gone. */
void ri_memory_destroy(RiMachine *machine);

/* -- Mapping --------------------------------------------------------------------------------------------------- */
enum {
    RI_MAP_SHARED = 1,
    RI_MAP_FIXED = 2,   /* at `address` exactly, instead of what is there */
    RI_MAP_AT = 4,      /* at `address` exactly, or -EEXIST */
    RI_MAP_ALIGNED = 8, /* scalar accesses must be aligned */
    RI_MAP_LOCKED = 16
};
typedef struct RiMapRequest {
    RiAddr address;  /* a wish, unless RI_MAP_FIXED or RI_MAP_AT; 0: none */
    uint64_t size;   /* bytes, rounded up to pages */
    unsigned prot;   /* RI_PROT_…; writable implies readable */
    unsigned flags;  /* RI_MAP_… */
    int fd;          /* host descriptor of a regular file (it is duplicated); -1: memory */
    uint64_t offset; /* in the file: a multiple of the page size */
} RiMapRequest;

/* Map memory or a file; the address. -EINVAL, -ENOMEM, -EEXIST, -EACCES (the file is not open for that), -ENODEV. */
int64_t ri_space_mmap(RiSpace *space, const RiMapRequest *request);
/* Map an object (a segment, a window). Takes over one reference if it succeeds. `align`: pages. */
int64_t ri_space_map_object(RiSpace *space, RiAddr address, uint32_t page_count, unsigned prot, unsigned flags,
                            RiRegionKind kind, RiMapObject *object, uint64_t object_page);
int ri_space_munmap(RiSpace *space, RiAddr address, uint64_t size);
int ri_space_mprotect(RiSpace *space, RiAddr address, uint64_t size, unsigned prot);
/* Shared file pages are on the medium when it returns. */
int ri_space_msync(RiSpace *space, RiAddr address, uint64_t size);
/* One byte for each page: 1 if it is in memory. -ENOMEM: not all is mapped. */
int ri_space_mincore(RiSpace *space, RiAddr address, uint64_t size, uint8_t *out);
/* Make present and keep from being swapped out, or no longer. -ENOMEM: not mapped; -EAGAIN: more than half of all frames
 * would be locked. */
int ri_space_mlock(RiSpace *space, RiAddr address, uint64_t size, bool lock);
/* The break: set it (0: only ask), or move it. brk returns the new, sbrk the old one. -ENOMEM. */
int64_t ri_space_brk(RiSpace *space, RiAddr address);
int64_t ri_space_sbrk(RiSpace *space, int64_t increment);
/* Pages in memory, pages mapped. */
uint32_t ri_space_resident(const RiSpace *space);
uint32_t ri_space_mapped(const RiSpace *space);

/* -- Access ---------------------------------------------------------------------------------------------------- */
/* A scalar of 1, 2, 4 or 8 bytes. False: *trap says why, and nothing was stored. */
bool ri_space_load_slow(RiSpace *space, RiAddr address, void *out, uint32_t size, RiTrap *trap);
bool ri_space_store_slow(RiSpace *space, RiAddr address, const void *value, uint32_t size, RiTrap *trap);

/* ri_space_load_u8 … _u64(space, address, &out, &trap), ri_space_store_u8 …: true, or false with the trap filled in.
 * ri_space_try_load_u8 … use a translation that is there; false: nothing has happened, and the slow way may help. */
#if defined(RI_MEM_UNCHECKED)
/* For measuring what checks cost: a flat array without a page table, without traps. */
#define RI_TRY_LOAD(bits) (__builtin_memcpy(out, space->base + address, bits / 8), true)
#define RI_TRY_STORE(bits) (__builtin_memcpy(space->base + address, &value, bits / 8), true)
#elif RI_HAVE_FIXUPS
#define RI_TRY_LOAD(bits) (RI_LIKELY(address < space->host_end) ? ri_fault_load_##bits(space->base, address, out) : \
                           ri_tlb_load_##bits(space, address, out))
#define RI_TRY_STORE(bits) (RI_LIKELY(address < space->host_end) ? ri_fault_store_##bits(space->base, address, value) : \
                            ri_tlb_store_##bits(space, address, value))
#else
#define RI_TRY_LOAD(bits) ri_tlb_load_##bits(space, address, out)
#define RI_TRY_STORE(bits) ri_tlb_store_##bits(space, address, value)
#endif

/* The software TLB. The page of the last byte is compared, with the entry for the page of the first one: an access across
 * two pages never matches. A file page that is cut off under us is caught by its fix-up. */
#if RI_HAVE_FIXUPS
#define RI_TLB_READ(bits) ri_fault_load_##bits((const char *)entry->addend + address, 0, out)
#define RI_TLB_WRITE(bits) ri_fault_store_##bits((char *)entry->addend + address, 0, value)
#else
#define RI_TLB_READ(bits) (__builtin_memcpy(out, (const char *)entry->addend + address, bits / 8), true)
#define RI_TLB_WRITE(bits) (__builtin_memcpy((char *)entry->addend + address, &value, bits / 8), true)
#endif
#define RI_DEFINE_ACCESS(bits)                                                                     \
    static RI_ALWAYS_INLINE bool ri_tlb_load_##bits(const RiSpace *space, RiAddr address, uint##bits##_t *out) \
    {                                                                                              \
        const RiTlbEntry *entry = &space->tlb[address >> RI_PAGE_SHIFT & (RI_TLB_COUNT - 1)];      \
        if (RI_LIKELY(entry->read_page == ((address + (bits / 8 - 1)) & ~(RI_PAGE_BYTES - 1))))    \
            return RI_TLB_READ(bits);                                                              \
        return false;                                                                              \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool ri_tlb_store_##bits(const RiSpace *space, RiAddr address, uint##bits##_t value) \
    {                                                                                              \
        const RiTlbEntry *entry = &space->tlb[address >> RI_PAGE_SHIFT & (RI_TLB_COUNT - 1)];      \
        if (RI_LIKELY(entry->write_page == ((address + (bits / 8 - 1)) & ~(RI_PAGE_BYTES - 1))))   \
            return RI_TLB_WRITE(bits);                                                             \
        return false;                                                                              \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool ri_space_try_load_u##bits(const RiSpace *space, RiAddr address, uint##bits##_t *out) \
    {                                                                                              \
        return RI_TRY_LOAD(bits);                                                                  \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool ri_space_try_store_u##bits(const RiSpace *space, RiAddr address, uint##bits##_t value) \
    {                                                                                              \
        return RI_TRY_STORE(bits);                                                                 \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool ri_space_load_u##bits(RiSpace *space, RiAddr address, uint##bits##_t *out, RiTrap *trap) \
    {                                                                                              \
        return RI_LIKELY(ri_space_try_load_u##bits(space, address, out)) ||                        \
               ri_space_load_slow(space, address, out, bits / 8, trap);                            \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool ri_space_store_u##bits(RiSpace *space, RiAddr address, uint##bits##_t value, RiTrap *trap) \
    {                                                                                              \
        return RI_LIKELY(ri_space_try_store_u##bits(space, address, value)) ||                     \
               ri_space_store_slow(space, address, &value, bits / 8, trap);                        \
    }

RI_DEFINE_ACCESS(8)
RI_DEFINE_ACCESS(16)
RI_DEFINE_ACCESS(32)
RI_DEFINE_ACCESS(64)

/* May all of the range be accessed so? Looks at regions, rights and the sizes of files; makes nothing present. */
bool ri_space_check(RiSpace *space, RiAddr address, uint64_t size, RiAccess access, RiTrap *trap);
/* Copy between guest and host memory. Checked as a whole first: a false return by a missing right has copied nothing. */
bool ri_space_copyin(RiSpace *space, RiAddr from, void *to, uint64_t size, RiTrap *trap);
bool ri_space_copyout(RiSpace *space, RiAddr to, const void *from, uint64_t size, RiTrap *trap);
/* Bytes up to a 0, which is copied, too: their count without it. -EFAULT and the trap, or -ENAMETOOLONG. */
int64_t ri_space_copyin_string(RiSpace *space, RiAddr from, char *to, uint64_t size, RiTrap *trap);
bool ri_space_fill(RiSpace *space, RiAddr to, uint8_t byte, uint64_t size, RiTrap *trap);
/* Within the space; ranges may overlap. */
bool ri_space_move(RiSpace *space, RiAddr to, RiAddr from, uint64_t size, RiTrap *trap);

/* Host pointers of a range for the time of a host call: whatever happens to the mapping meanwhile, they stay valid, and the
 * contents arrive in the page. Pages of files go through a bounce buffer, which unpin writes back. */
typedef struct RiPinPart {
    char *bytes;
    size_t size;
    uint32_t frame; /* 0: a bounce buffer */
} RiPinPart;
typedef struct RiPin {
    RiNode node;     /* of the space */
    RiFrames *frames;
    RiSpace *space;  /* NULL when it is gone */
    RiAddr address;
    uint64_t size;
    RiAccess access;
    uint32_t count;
    RiPinPart *parts; /* in the order of addresses; neighbouring frames are joined */
} RiPin;
/* False: the trap. Size at most 1 GiB; more than half of all frames cannot be pinned (RI_REASON_NO_FRAME). */
bool ri_space_pin(RiSpace *space, RiAddr address, uint64_t size, RiAccess access, RiPin *pin, RiTrap *trap);
/* `written`: bytes that the host has put there, from the start. */
void ri_space_unpin(RiPin *pin, uint64_t written);

/* -- Device windows -------------------------------------------------------------------------------------------- */
/* Registers: each access calls the device. `size` is 1, 2, 4 or 8, the offset any within the window. False: there is no such
 * register (bus trap), or the trap that the device has put into `trap`, whose cause is RI_TRAP_NONE otherwise. */
typedef struct RiWindow {
    RiMapObject object;
    RiTrap trap;
    bool (*read)(struct RiWindow *window, RiSpace *space, uint32_t offset, void *out, uint32_t size);
    bool (*write)(struct RiWindow *window, RiSpace *space, uint32_t offset, const void *value, uint32_t size); /* or NULL */
    void *data;
} RiWindow;
/* Map a window into the device area (address 0: anywhere in it). The guest cannot unmap or protect it. */
int64_t ri_space_map_window(RiSpace *space, RiAddr address, uint64_t size, unsigned prot, RiWindow *window);

#endif
