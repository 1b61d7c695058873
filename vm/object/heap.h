/* The object space of one host thread's worth of guest processes: allocation, collection, interned strings, shapes.
 *
 * One RiHeap serves the processes that run on one host thread; two states on two threads have two heaps. Below lies
 * libgc, which only heap.c includes: objects come from own free lists per size class, refilled by
 * GC_generic_malloc_many; every object with a header is traced by one mark procedure that switches on its tag; strings,
 * buffers and number arrays lie in pointer-free memory. Automatic collection is off: the slow path of allocation
 * collects when the debt is due. Objects never move. The C stack of the caller is scanned conservatively, VM stacks
 * precisely up to their thread's `top`: whoever runs Lua keeps `thread->top` exact before anything that may collect. */
#ifndef RI_OBJECT_HEAP_H
#define RI_OBJECT_HEAP_H

#include "vm/object/value.h"

typedef struct RiHeap RiHeap;
typedef struct RiString RiString;
typedef struct RiTable RiTable;
typedef struct RiThread RiThread;
typedef struct RiShape RiShape;
typedef struct RiShapes RiShapes;   /* shape.c */
typedef struct RiStrings RiStrings; /* str.c: the intern table */
typedef struct RiCollector RiCollector; /* heap.c: weak lists, finalizer lists, statistics */

typedef enum RiMetamethod {
#define MM(id, text) RI_MM_##id,
#include "vm/object/metamethods.def"
#undef MM
    RI_MM_COUNT
} RiMetamethod;

/* Where a block lives, which decides how it is traced. */
typedef enum RiBlockSpace {
    RI_SPACE_OBJECT, /* begins with an RiObject header, zeroed, traced by the mark procedure */
    RI_SPACE_LEAF,   /* pointer-free, NOT zeroed; begins with a header as well (strings, buffers, number arrays) */
    RI_SPACE_COUNT
} RiBlockSpace;

#define RI_SIZE_CLASS_COUNT 65 /* classes of 16 bytes: 16 … 1024 */
#define RI_ALLOC_SIZE_MAX ((size_t)1 << 46) /* larger requests fail at once */

struct RiHeap {
    void *free[RI_SPACE_COUNT][RI_SIZE_CLASS_COUNT]; /* own free lists; link in word 0, whose bit 0 is clear */
    int64_t credit_bytes; /* of the current process: decremented by every allocation's block size */
    int32_t budget;       /* safe points until the slow path is taken; set to 0 to ask for attention */
    uint32_t serial;      /* next object serial, for hashing by identity (per process) */
    uint32_t owner;       /* id of the current process, 24 bits; it starts at the heap's number << 16 */
    uint32_t epoch;       /* of delegates: raised when a table that serves as (part of) a metatable or __index chain
                             gains or loses a key, changes its metatable or its `__…` entries. Inline caches of
                             inherited fields compare it. Starts at 1. */
    bool stopped;         /* collectgarbage("stop") */
    bool attention;       /* finalizers pending or a collection is due: look at it at the next safe point */
    uint64_t seed;        /* of string hashing */
    RiString *mm_names[RI_MM_COUNT]; /* interned "__index" …, flagged RI_STR_METAMETHOD */
    RiString *one_byte[256];         /* preallocated strings of length 1 */
    RiString *empty;                 /* "" */
    RiStrings *strings;
    RiShapes *shapes;
    RiCollector *collector;
    RiThread *running;   /* thread whose VM stack is in use now; a root */
    void *host;          /* the RiMachine (exec layer) this heap belongs to; a root */
    void (*on_no_memory)(RiHeap *heap); /* must not return: throws "not enough memory" */
    void *jit;                  /* of jit/jit.h; NULL: none */
    const void *native_sp;      /* innermost stay in machine code: its stack pointer; for the JIT and unwinding */
    const uint32_t *hot_code;   /* the one-word routine by which calls look for machine code; NULL: they do not */
    uint32_t hot_loops;         /* back-edges taken before machine code is looked for */
    void (*on_long_copy)(RiHeap *heap); /* called within copies of megabytes when the budget is used up: throws if the
                                           process is to be stopped, and does nothing else; NULL: no one wants to */
    const uint32_t *warm_code; /* what a new feedback's `code` points to (exec's one-word warm-up routine); NULL: a
                                  feedback is warm from the start */
    void *process_template;    /* what new processes are made from: exec/template.c; a root */
    uint32_t processes_made;   /* see `owner` */
};

/* Create a heap (first use in the host process initializes libgc). NULL if memory is short. Destroy runs no
 * finalizers: ri_heap_take_finalizable before it. */
RiHeap *ri_heap_create(uint64_t seed);
void ri_heap_destroy(RiHeap *heap);

/* Run fn in a heap whose on_no_memory is not set yet (fn may do that). False if memory was too short for fn. */
bool ri_heap_try(RiHeap *heap, void (*fn)(RiHeap *heap, void *argument), void *argument);

/* Register or forget an extra root: `size` bytes scanned conservatively. */
void ri_heap_add_root(RiHeap *heap, void *start, size_t size);
void ri_heap_remove_root(RiHeap *heap, void *start, size_t size);

void *ri_heap_alloc_slow(RiHeap *heap, size_t size, RiBlockSpace space);

/* Allocate `size` bytes. The caller fills in the header at once, before the next allocation. Blocks above the largest
 * class come from libgc directly. Collects: yes. Traps: on_no_memory. */
static RI_ALWAYS_INLINE void *ri_heap_alloc(RiHeap *heap, size_t size, RiBlockSpace space)
{
    size_t granules = (size + 15) >> 4;
    if (RI_LIKELY(granules < RI_SIZE_CLASS_COUNT)) {
        void *block = heap->free[space][granules];
        if (RI_LIKELY(block != NULL)) {
            heap->free[space][granules] = *(void **)block;
            heap->credit_bytes -= (int64_t)(granules << 4);
            return block;
        }
    }
    return ri_heap_alloc_slow(heap, size, space);
}

static RI_ALWAYS_INLINE void ri_object_init(void *object, RiTag tag, uint8_t flags, uint16_t aux, uint32_t word)
{
    *(uint64_t *)object = (uint64_t)RI_KIND_BYTE(tag) | (uint64_t)flags << 8 | (uint64_t)aux << 16 | (uint64_t)word << 32;
}

/* Give a block back early (grown arrays, dead stacks). Only its sole owner may. NULL is ignored. */
void ri_heap_free(RiHeap *heap, void *block, size_t size);

/* A conservatively scanned, zeroed block for the state of a library routine (RI_TAG_BLOCK header first: the caller's
 * struct begins with an RiObject). Pointers in it count if they point to the start of an object. */
void *ri_heap_alloc_block(RiHeap *heap, size_t size);

/* Zeroed memory without a header, scanned conservatively like the above or not at all: for what belongs to the code of
 * a program rather than to its data. It is not counted by ri_heap_count_bytes. Collects: yes. Traps: on_no_memory. */
void *ri_heap_alloc_raw(RiHeap *heap, size_t size, bool has_pointers);

/* Zeroed memory that is neither collected nor scanned. NULL if memory is short. Collects: no. */
void *ri_heap_calloc(RiHeap *heap, size_t count, size_t size);
void ri_heap_cfree(void *block); /* NULL is ignored */

/* Take the last allocation of `size` bytes out of ri_heap_count_bytes: it is the machine's, not the guest's. */
void ri_heap_uncount(RiHeap *heap, size_t size);

/* Call fn(argument) while no other host thread can collect: for changes to what a collection reads outside the heap. */
void *ri_heap_locked(void *(*fn)(void *argument), void *argument);

/* Let the collector know the calling host thread's stack. Creating a heap, collecting and slow allocation do it by
 * themselves; who calls into a heap from a thread that did not create it calls this first. */
void ri_heap_enter_thread(void);

/* Growable bytes in pointer-free memory, not freed by hand: a longjmp past them leaks nothing. `data` is a heap block
 * with a 16-byte header before the bytes; see ri_sbuf in str.h for the usual way to build strings. */

/* -- Collection ------------------------------------------------------------------------------------------------ */

/* A full collection now. Finalizers become pending, are not run. Collects: yes. */
void ri_heap_collect(RiHeap *heap);

/* The same, but C frames younger than `frame` (a __builtin_frame_address(0) taken by the innermost dispatch loop, say) are
 * not scanned: for collectgarbage(), after which a program may expect everything unreachable to be gone, whatever stale
 * words lie in those frames. They must hold no object that is not reachable otherwise. */
void ri_heap_collect_above(RiHeap *heap, void *frame);

/* Allocation that finds a collection due only asks for one (attention, budget), as at a safe point of the dispatch loop
 * nothing is held by the C stack alone. Do it now if it is still due: `frame` as above. Where no safe point comes along
 * for too long, allocation collects in place, with the whole stack scanned. True if there was a collection. */
bool ri_heap_collect_if_due(RiHeap *heap, void *frame);

/* The same in bounded steps is not offered by libgc: a step of collectgarbage is a full collection when due. */

/* Bytes in use by the heap's guests, honest at any moment: live after the last collection + allocated since. */
uint64_t ri_heap_count_bytes(const RiHeap *heap);

/* Pace: a collection is due when allocation since the last exceeds max(2 MB, min(4 times live, 8 MB),
 * pause_percent - 100 % of live). */
void ri_heap_set_pause(RiHeap *heap, unsigned pause_percent);

/* Register an object (table or userdata) whose metatable has `__gc` (manual §2.5.3). Once per marking by setmetatable. */
void ri_heap_register_finalizer(RiHeap *heap, RiValue object);
/* Take the next object whose finalizer must be called (reverse order of registration); nil if none. */
RiValue ri_heap_take_finalizable(RiHeap *heap);
bool ri_heap_has_finalizable(const RiHeap *heap);
/* At state close: make all registered objects finalizable, in 5.4's order. */
void ri_heap_finalize_all(RiHeap *heap);

typedef struct RiHeapStats {
    uint64_t collections, collect_ns, allocated_bytes, live_bytes, heap_bytes;
    uint64_t strings_interned, shapes;
} RiHeapStats;
void ri_heap_stats(const RiHeap *heap, RiHeapStats *out);

/* Bytes that an allocation of `size` is accounted for. */
static inline size_t ri_heap_block_size(size_t size)
{
    return size <= 2048 ? (size + 15) & ~(size_t)15 : (size + 4095) & ~(size_t)4095;
}

/* Stress (environment): RILLE_STRESS=gc collects at every allocation, RILLE_STRESS=gc=N at every N-th; then no allocation
 * takes the fast path. In a build with RI_STRESS, RILLE_FAIL_ALLOC=N lets the N-th allocation fail, of whatever kind, and
 * N+ lets all from the N-th on. */

#endif
