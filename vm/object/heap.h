/* The object space of one host thread's worth of guest processes: allocation, collection, interned strings, shapes.
 *
 * One RiHeap serves the processes that run on one host thread; two states on two threads have two heaps. What a process
 * has in it, and may have, is kept in its RiAccount; ri_heap_switch changes from one to another. Below lies libgc,
 * which only gcworld.h includes: objects come from own free lists per size class, refilled by GC_generic_malloc_many;
 * every object with a header is traced by one mark procedure that switches on its tag; strings, buffers and number
 * arrays lie in pointer-free memory. Automatic collection is off: the slow path of allocation collects when the debt is
 * due. Objects never move. The C stack of the caller is scanned conservatively, VM stacks precisely up to their
 * thread's `top`: whoever runs Lua keeps `thread->top` exact before anything that may collect. */
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
typedef struct RiCollector RiCollector; /* heap.c: roots, accounts, statistics */
typedef struct RiAccount RiAccount;     /* below: what one process has in the heap */
typedef struct RiNativeStack RiNativeStack;
typedef struct RiFeedback RiFeedback; /* func.h */

typedef enum RiMetamethod {
#define MM(id, text) RI_MM_##id,
#include "vm/object/metamethods.def"
#undef MM
    RI_MM_COUNT
} RiMetamethod;

typedef enum RiHookEvent {
    RI_HOOKED_CALL,
    RI_HOOKED_TAIL_CALL,
    RI_HOOKED_RETURN,
    RI_HOOKED_LINE,
    RI_HOOKED_COUNT,
    RI_HOOK_EVENT_COUNT
} RiHookEvent;

/* What the VM does besides running programs, for profilers and tracers: RiHeap.on_phase. */
typedef enum RiPhase {
    RI_PHASE_COLLECT,
    RI_PHASE_COMPILE,  /* to machine code */
    RI_PHASE_DROP_CODE /* machine code is given up: its addresses mean something else afterwards */
} RiPhase;

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

    /* Of the current process: ri_heap_switch exchanges these with its RiAccount. */
    int64_t credit_bytes; /* decremented by every allocation's block size */
    uint32_t serial;      /* next object serial, for hashing by identity */
    uint32_t owner;       /* id of the process among all heaps of the host process, 24 bits */
    bool stopped;         /* collectgarbage("stop") */
    bool attention;       /* finalizers pending or a collection is due: look at it at the next safe point */
    RiThread *running;    /* thread whose VM stack is in use now; a root */
    void *host;           /* the RiProcess (exec layer); a root */
    RiAccount *account;   /* never NULL */

    bool exact_budget; /* the budget is counted (fuel): nobody sets it to 0 but its owner; `attention` alone tells */
    int32_t budget; /* safe points until the slow path is taken; set to 0 to ask for attention */
    uint32_t epoch; /* of delegates: raised when a table that serves as (part of) a metatable or __index chain gains or
                       loses a key, changes its metatable or its `__…` entries. Inline caches of inherited fields compare
                       it. Starts at 1. */
    volatile int stop_collection; /* nonzero, set from anywhere (a signal handler, another thread): a collection under way
                                     is given up soon if it is a stoppable one. Whoever sets it clears it; while it is set
                                     none is begun. */
    bool stoppable; /* collections can be given up. For that libgc has to sweep all pages before it marks: with much live
                       data and much churn a collection takes up to a sixth longer */
    uint64_t seed;                /* of string hashing */
    RiString *mm_names[RI_MM_COUNT]; /* interned "__index" …, flagged RI_STR_METAMETHOD */
    RiString *hook_names[RI_HOOK_EVENT_COUNT]; /* interned "call" …: what a hook is called with */
    RiString **one_byte;             /* 256 preallocated strings of length 1 */
    RiString *empty;                 /* "" */
    RiStrings *strings;
    RiShapes *shapes;
    RiCollector *collector;
    int64_t elsewhere_bytes;    /* allocated since the last collection by the accounts that are not current */
    void (*on_no_memory)(RiHeap *heap);  /* must not return: throws "not enough memory" */
    void (*on_quota_dead)(RiHeap *heap); /* must not return: the current process is past its limit for good, and ends.
                                            NULL: as on_no_memory */
    uint32_t trims;             /* how often a large process has died, and memory been given back */
    void *jit;                  /* of jit/jit.h; NULL: none */
    const void *native_sp;      /* innermost stay in machine code: its stack pointer; for the JIT and unwinding */
    const void *native_limit;   /* how far down its stack may go */
    uint32_t native_parked;     /* tasks switched away from within machine code */
    const uint32_t *hot_code;   /* the one-word routine by which calls look for machine code; NULL: they do not */
    uint32_t hot_loops;         /* back-edges taken before machine code is looked for */
    void (*on_long_copy)(RiHeap *heap); /* called within copies of megabytes when the budget is used up: throws if the
                                           process is to be stopped, and does nothing else; NULL: no one wants to */
    const uint32_t *warm_code; /* what a new feedback's `code` points to (exec's one-word warm-up routine); NULL: a
                                  feedback is warm from the start */
    void *debugger;             /* exec/breakpoint.h; NULL: none */
    void (*on_warm)(RiHeap *heap, RiFeedback *feedback); /* a function is about to run for the first time in its process;
                                                            NULL: nobody wants to know */
    void (*on_phase)(RiHeap *heap, RiPhase phase, bool begins); /* it begins, or has ended; phases nest. Must not allocate in
                                                                   the heap. NULL: nobody wants to know */
    void (*on_alloc)(RiHeap *heap, const void *block, size_t size); /* see ri_heap_watch_allocations; NULL: nobody does */
    void *watcher;             /* theirs */
    struct RiLender *lender;   /* lender.c; NULL: none */
    const struct RiForeign *foreign; /* of exec/foreign.h; NULL: the ffi library is not loaded */
    struct RiForeignSite *foreign_sites; /* of machine code; the collector clears their boxes, …_clear does */
    void (*foreign_clear)(RiHeap *heap);
    uint64_t foreign_made, foreign_calls, foreign_by_libffi; /* cdata; calls of C that machine code did not do, and by libffi */
    void *process_template;    /* what new processes are made from: exec/template.c; a root */
    const RiHeap *commons;     /* what it has in common with all later heaps: below. NULL: nothing */
};

/* Create a heap (first use in the host process initializes libgc). NULL if memory is short. Destroy runs no
 * finalizers: ri_heap_take_finalizable before it. */
RiHeap *ri_heap_create(uint64_t seed);
void ri_heap_destroy(RiHeap *heap);

/* -- The commons -----------------------------------------------------------------------------------------------
 * Every state of a host has the same strings of one byte, names of library functions, and tables to begin with. They are
 * made once, in a heap of a special kind: its objects lie in memory of their own, which libgc knows nothing of. When they
 * are all there that memory becomes read-only, and every heap created from then on finds its strings there before it
 * makes its own, and takes over its process_template and its seed. */

/* Make the commons, if there are none: `fill` gets a heap to make them in and returns whether all went well. Its process,
 * if it makes one, is never run again. True: there are commons now. False: memory is short; heaps do without then. Any
 * thread may call this at any time. */
bool ri_commons_make(uint64_t seed, bool (*fill)(RiHeap *commons));

/* Does `p` point into the commons? Such an object never dies, and cannot be written to. */
bool ri_commons_hold(const void *p);

/* Run fn in a heap whose on_no_memory is not set yet (fn may do that). False if memory was too short for fn. */
bool ri_heap_try(RiHeap *heap, void (*fn)(RiHeap *heap, void *argument), void *argument);

static inline void ri_heap_tell_phase(RiHeap *heap, RiPhase phase, bool begins)
{
    if (RI_UNLIKELY(heap->on_phase != NULL))
        heap->on_phase(heap, phase, begins);
}

/* From now on on_alloc(heap, block, size) is called for every block that is allocated, before its header is written; `size` is that
 * of the block. Allocation is much slower then: none takes the fast path. */
void ri_heap_watch_allocations(RiHeap *heap, void (*on_alloc)(RiHeap *heap, const void *block, size_t size));

/* Right after a collection: was this block, an object's first address, in use then? */
bool ri_heap_has_survived(const void *block);

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

/* To be called after every MB or so of what cannot be interrupted by a safe point and can be thrown out of. */
static inline void ri_heap_pause_copy(RiHeap *heap)
{
    if (RI_UNLIKELY((heap->budget <= 0 || heap->exact_budget) && heap->on_long_copy != NULL))
        heap->on_long_copy(heap);
}

/* A safe point has been passed: is somebody to be let in? A build without polls (configure --disable-polls) exists only to
 * measure what they cost: nothing can be stopped there. */
#if !defined(RI_ENABLE_POLLS) || RI_ENABLE_POLLS
#define RI_BUDGET_IS_SPENT(heap) RI_UNLIKELY(--(heap)->budget < 0)
#else
#define RI_BUDGET_IS_SPENT(heap) ((void)(heap), false)
#endif

/* Ask for a look at what has become due, at the next safe point. */
static inline void ri_heap_attend(RiHeap *heap)
{
    heap->attention = true;
    if (!heap->exact_budget)
        heap->budget = 0;
}

/* Give a block back early (grown arrays, dead stacks). Only its sole owner may. NULL is ignored. */
void ri_heap_free(RiHeap *heap, void *block, size_t size);

/* A conservatively scanned, zeroed block for the state of a library routine (RI_TAG_BLOCK header first: the caller's
 * struct begins with an RiObject). Pointers in it count if they point to the start of an object. */
void *ri_heap_alloc_block(RiHeap *heap, size_t size);

/* Say that only the first `pointers_end` bytes of a block hold pointers, and that what comes after them is no reference, or
 * (has_values) an array of RiValue. Who clones the block then does not take data for pointers. */
enum { RI_BLOCK_DESCRIBED = 1, RI_BLOCK_VALUES = 2 };
static inline void ri_block_describe(void *block, size_t pointers_end, bool has_values)
{
    RiObject *object = block;
    object->flags = (uint8_t)(RI_BLOCK_DESCRIBED | (has_values ? RI_BLOCK_VALUES : 0));
    object->aux = (uint16_t)(pointers_end / sizeof(void *));
}

/* The live object that `p` points to or into, NULL if there is none. Only for words that are known to be pointers: what is
 * dead and not yet swept up is not told from what is alive. And the size of an object's block, at least what was asked
 * for. Collect: no. */
void *ri_heap_object_of(const void *p);
size_t ri_heap_size_of(const void *object);

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

/* -- Accounts --------------------------------------------------------------------------------------------------
 * Every object belongs to the account that was current when it was made. A heap is created with one of its own, for
 * programs (and tests) that need no more; it stays, is never closed, and is nobody's process. */

#define RI_NO_MEMORY_LIMIT INT64_MAX

typedef struct RiFinalizerList { /* heap.c */
    struct RiRegistered *items;
    size_t first, end, capacity;
} RiFinalizerList;

struct RiAccount {
    /* While another is current: RiHeap's fields of the same names. */
    int64_t credit_bytes;
    uint32_t serial;
    uint32_t owner; /* never changes */
    bool stopped;
    bool attention;
    RiThread *running;
    void *host;

    /* heap.c's and account.c's. */
    RiHeap *heap;               /* NULL: not open */
    int64_t live_bytes;         /* after the last collection */
    int64_t credit_base;        /* credit_bytes then */
    int64_t uncounted_bytes;    /* of these and those since, what collectgarbage"count" does not tell: prototypes … */
    int64_t extra_bytes;        /* outside the heap: ri_account_charge, and the heap's own lists for this account */
    int64_t limit_bytes;        /* RI_NO_MEMORY_LIMIT: none */
    int64_t reserve_bytes;      /* of those, kept for the handlers of the first refusal */
    int64_t footprint_bytes;    /* heap memory really in use: its share at the last collection, and what grew since */
    int64_t marked_bytes;       /* of the collection under way … */
    int64_t marked_uncounted_bytes; /* … and of those, uncounted */
    int64_t resident_base;      /* what the host process had resident besides the objects of others, without this account's */
    int64_t quota_used_bytes;   /* after the last collection that its limit asked for, … */
    uint64_t quota_collect_ns;  /* … when the last collection it ended, and … */
    uint64_t quota_cost_ns;     /* … what it took */
    bool is_given;              /* between ri_heap_begin_gift and ri_heap_end_gift */
    bool has_grown;             /* the footprint, since it was last looked at */
    bool in_reserve;            /* it has been refused memory: what is left is for handlers */
    bool unrelieved;            /* the last collection that its limit asked for freed too little */
    unsigned pause_percent;
    uint32_t index;             /* in the collector's array of accounts */
    RiFinalizerList registered; /* objects with a finalizer, in order of registration */
    RiFinalizerList pending;    /* to be finalized */
    uint64_t collections, collect_ns; /* that it caused */
};

/* Open an account for a new process; it does not become current. `account` is the caller's, zeroed or not, and stays where
 * it is until it is closed (a field of the RiProcess, say). `root`, NULL or a heap object, keeps what the process has
 * alive, and so does account->running. Serials start at 1; no limit. Traps: on_no_memory. */
void ri_account_open(RiHeap *heap, RiAccount *account, void *root);

/* The process is gone. Its objects die at the next collection, pending finalizers are dropped: run them before. It must
 * not be the current one, or the heap's own account becomes current. If it was large its memory is given back to the
 * host at once, by a collection that is charged to nobody. */
void ri_account_close(RiAccount *account);

/* Change to another process: exchanges the first fields of RiHeap, nothing else; no lock. If heap->attention is set then,
 * the next safe point is to look at it: set heap->budget accordingly. */
static inline void ri_heap_switch(RiHeap *heap, RiAccount *to)
{
    RiAccount *from = heap->account;
    from->credit_bytes = heap->credit_bytes;
    from->serial = heap->serial;
    from->stopped = heap->stopped;
    from->attention = heap->attention;
    from->running = heap->running;
    from->host = heap->host;
    heap->elsewhere_bytes += from->credit_base - from->credit_bytes - (to->credit_base - to->credit_bytes);
    heap->credit_bytes = to->credit_bytes;
    heap->serial = to->serial;
    heap->owner = to->owner;
    heap->stopped = to->stopped;
    heap->attention = to->attention;
    heap->running = to->running;
    to->running = NULL; /* not to be kept longer than it runs */
    heap->host = to->host;
    heap->account = to;
}

/* Let another account be charged for what is made from now on, though the current process goes on running: for messages to
 * its process. Errors come to the running process; its on_quota_dead is not called meanwhile. Returns what
 * ri_heap_end_gift is to be given, which must be called even if an error is thrown. */
RiAccount *ri_heap_begin_gift(RiHeap *heap, RiAccount *to);
void ri_heap_end_gift(RiHeap *heap, RiAccount *giver);

/* Limit the memory of a process: its objects with all that keeping them takes, and what is charged besides. The last
 * 1/32 of it, 64 KiB at least, is a reserve.
 *   An allocation that would pass limit - reserve: collect; if that does not help, on_no_memory, and the reserve is there
 *   for whoever handles the error. Only when the reserve is used up too: on_quota_dead. A request for so much at once that
 *   it is beyond the limit by itself is refused by on_no_memory, however often. A process whose last such collection freed
 *   less than 1/8 of its limit is refused without another, until some time has passed: no collection per allocation.
 * RI_NO_MEMORY_LIMIT takes the limit away. A limit below what is in use is felt at the next allocation. */
void ri_account_set_limit(RiAccount *account, int64_t limit_bytes);

/* Limit all processes of a heap together as well, once the first of them has got its own limit, alone: what the host process
 * has resident is compared with it. Only accounts with a limit of their own are refused memory then. 0: no such limit. */
void ri_heap_set_group_limit(RiHeap *heap, int64_t limit_bytes);
int64_t ri_heap_group_limit(const RiHeap *heap);

/* Count `delta` bytes that lie outside the heap, pages or buffers of a library: before they are obtained, or (negative)
 * after they are given back. False, with nothing changed, if the account has no room for them; a positive delta for the
 * current account may collect first. Traps: no. */
bool ri_account_charge(RiAccount *account, int64_t delta);

/* The same for what has been obtained already, from ri_heap_calloc, which has asked for room. Collects: no. Traps: no. */
void ri_account_note(RiAccount *account, int64_t delta);

typedef struct RiAccountStats {
    uint64_t count_bytes;   /* as collectgarbage("count") has it */
    uint64_t used_bytes;    /* as the limit sees it */
    uint64_t limit_bytes;   /* UINT64_MAX: none */
    uint64_t collections, collect_ns; /* that it caused */
    uint64_t registered, pending; /* objects with finalizers: reachable as far as is known; waiting */
} RiAccountStats;
void ri_account_stats(const RiAccount *account, RiAccountStats *out);

/* -- Memory on loan ---------------------------------------------------------------------------------------------
 * A function of the embedding program, of lua_Alloc's kind: a new block of new_size bytes if `block` is NULL, NULL if there
 * is none; for new_size 0 it takes one back. */
typedef void *RiLend(void *data, void *block, size_t old_size, size_t new_size);
typedef struct RiLender RiLender;

/* From now on blocks for all that the heap has in use are obtained from `lend`, from which earlier ones may come, too. An
 * allocation it refuses fails, after a collection. False: it refuses what there is already. Collects: yes. */
bool ri_heap_borrow(RiHeap *heap, RiLend *lend, void *data);
/* Give all blocks back: before the heap is destroyed. */
void ri_heap_repay(RiHeap *heap);

/* -- Native stacks ---------------------------------------------------------------------------------------------
 * A process that is suspended inside nested C calls keeps its C stack. The heap knows every stack that may hold such
 * calls from ri_heap_add_stack on; switching from one to another is then
 *
 *     from->sp = …;                      all registers that C calls preserve lie above sp
 *     ri_heap_set_stack(heap, to);
 *     to->sp = NULL;
 *
 * done by the switching code itself, in which nothing else may call into the heap. */

struct RiNativeStack {
    void *sp;           /* suspended here: everything from here to `high` is scanned, conservatively. NULL: it is running,
                           or there is nothing on it */
    void *low, *high;   /* lowest address, end. Both NULL: the host thread's own stack */
    RiAccount *account; /* whose calls lie on it: what they alone refer to is counted there. NULL: nobody's */
    uint32_t index;     /* heap.c's */
};

/* Until it is removed the stack's memory must be readable from `low` on. Collects: no. Traps: on_no_memory. */
void ri_heap_add_stack(RiHeap *heap, RiNativeStack *stack);
void ri_heap_remove_stack(RiHeap *heap, RiNativeStack *stack); /* not the running one */

/* The calling host thread is about to run on `stack` (NULL, or one with low NULL: its own again). No lock, a few ns. */
void ri_heap_set_stack(RiHeap *heap, RiNativeStack *stack);

/* -- Collection ------------------------------------------------------------------------------------------------ */

/* A full collection now, of all accounts; it is charged to the current one. Finalizers become pending, are not run.
 * Given up, as if it had not been asked for, when heap->stop_collection is set. Collects: yes. */
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

/* Collect, and give all free memory back to the host. */
void ri_heap_trim(RiHeap *heap);

/* Bytes in use by the current account, honest at any moment: live after the last collection + allocated since. */
uint64_t ri_heap_count_bytes(const RiHeap *heap);

/* Pace: a collection is due when the allocation of all accounts since the last exceeds max(2 MB, min(4 times live, 8 MB),
 * pause_percent - 100 % of live), with the pause of the current account. */
void ri_heap_set_pause(RiHeap *heap, unsigned pause_percent);

/* Register an object (table or userdata) whose metatable has `__gc` (manual §2.5.3) with the current account. Once per
 * marking by setmetatable. */
void ri_heap_register_finalizer(RiHeap *heap, RiValue object);
/* Take the next object of the current account whose finalizer must be called (reverse order of registration); nil if
 * none. */
RiValue ri_heap_take_finalizable(RiHeap *heap);
bool ri_heap_has_finalizable(const RiHeap *heap);
/* At the end of the current account's process: make all its registered objects finalizable, in 5.4's order. */
void ri_heap_finalize_all(RiHeap *heap);

/* The objects of an account with finalizers, in order of registration, those that wait to be finalized at the end, as if
 * registered last; false if there are not as many. A collection may re-order them. */
bool ri_account_registered_at(const RiAccount *account, size_t index, RiValue *object);

typedef struct RiHeapStats {
    uint64_t collections, collect_ns, allocated_bytes, live_bytes, heap_bytes;
    uint64_t strings_interned, shapes;
    uint64_t accounts; /* open, without the heap's own */
} RiHeapStats; /* live bytes are those of all accounts */
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
