/* What the files of the heap (heap*.c) share about libgc, and nobody else sees: this header is the only one that
 * includes gc.h.
 *
 *   heap.c         life of a heap, allocation, when and how a collection is asked for
 *   heap_world.c   libgc's start, the list of heaps, threads of the host
 *   heap_roots.c   what libgc calls at the start and in the middle of a collection: roots, stacks, marking by turns
 *   heap_mark.c    mark procedures, and marking on in the settling phase
 *   heap_settle.c  the settling phase: weak tables, finalizers, strings, whose bytes are whose
 *   heap_spare.c   spare blocks of middle size
 *   heap_pages.c   the pages libgc has, and giving them back
 *   heap_commons.c what all heaps have in common
 *
 * Who may read what while marking. libgc sweeps lazily, or not at all where a page is nearly full, so a stale word on a
 * C stack can lead to an object that was dead at the last collection and whose parts have been reused since. A mark
 * procedure therefore reads the object it is given and nothing else; whatever lies behind a pointer is either handed to
 * libgc, which checks it, or looked at after is_block has.
 *
 * Several heaps. A collection belongs to the heap that asked for it (world.current). The threads of the others are
 * stopped anywhere, so of them nothing is changed: their interned strings, weak tables and registered finalizers are
 * taken as live, their running VM stacks are scanned whole, and values are followed whatever their tags say. */
#ifndef RILLE_GCWORLD_H
#define RILLE_GCWORLD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mremap */
#endif
#include "vm/object/heap.h"

#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include <gc/gc.h>
#include <gc/gc_inline.h>
#include <gc/gc_mark.h>

#include "vm/object/collector.h"

#define NO_STACK ((void *)sizeof(void *)) /* an end of a stack below which there is nothing */

/* -- State ----------------------------------------------------------------------------------------------------- */

/* An entry of libgc's mark stack. gc_mark.h calls it opaque, but mark procedures that want to go on later with a part
 * of a large object have to push one; it has looked so since libgc 6. */
typedef struct MarkEntry {
    void *start;
    GC_word descr;
} MarkEntry;

/* Growable array in memory of its own: usable while the world is stopped, when malloc's lock may be held by a stopped
 * thread. Never scanned by the collector. */
typedef struct Vec {
    void *items;
    size_t count, capacity_bytes;
} Vec;

typedef struct WeakTable {
    RiTable *table;
    uint8_t mode;  /* RI_TABLE_WEAK_KEYS, RI_TABLE_WEAK_VALUES */
    bool settled;  /* ephemerons: no entry waits for its key any more */
} WeakTable;

enum { META_CACHE_SIZE = 256 };
typedef struct MetaMode { /* the weak mode that a metatable gives, looked up once a collection */
    const RiTable *meta;
    uint8_t mode;
} MetaMode;

/* libgc is one for the host process, and its callbacks have no argument to pass a heap in. */
typedef struct RiGcWorld {
    pthread_mutex_t mutex; /* initialization and the list of heaps */
    bool ready;
    bool is_ours; /* nobody else in the host process uses libgc */
    int kind[RI_SPACE_COUNT];
    int large_kind; /* as that of RI_SPACE_OBJECT, but libgc does not clear its blocks */
    GC_word continue_values, continue_words, continue_entries; /* descriptors, without count */
    GC_word storage;                                           /* descriptor */
    GC_push_other_roots_proc next_push_roots;
    GC_on_collection_event_proc next_on_event;
    pthread_key_t thread_key; /* set in threads that we registered: they are to be unregistered at their end */
    RiCollector *heaps;
    uint32_t heap_count;
    pthread_mutex_t commons_mutex; /* held while they are made */
    RiHeap *commons;               /* NULL: none yet. They lie from … */
    char *commons_start, *commons_end; /* … here to here: known before there are any */
    struct {
        RiCollector *c; /* NULL: not in use */
        uint32_t first_index;
    } owner_blocks[RI_OWNER_BLOCKS];
    uint32_t owner_block_next; /* where a free one is looked for after this */
    void *rest[RI_SPACE_COUNT][RI_SIZE_CLASS_COUNT]; /* free cells that small heaps share; under libgc's lock */
    uint64_t *regions; /* a bit for each 4 MB of address space that we have had blocks in */
    uint32_t region_first, region_end;

    /* Of the collection under way. */
    RiHeap *current; /* NULL: somebody else's */
    bool precise;    /* the current heap is the only one, and all its values are in order */
    void *stack_rest, *stack_end; /* if not NULL: the part of the C stack that is scanned besides the youngest frames */
    int32_t lock;    /* of the arrays: a host may have parallel marking on */
    bool by_turns;       /* there are several accounts: mark one after the other */
    volatile int *stop;  /* nonzero there: it is to be given up. NULL: it cannot be, or not any more */
    RiAccount *charged;  /* what is reached now is counted here, when live_bytes is next settled */
    RiAccount nobody;    /* for what no heap has asked for */
    int64_t live_bytes, uncounted_bytes; /* the latter: of those, what is not the guest's (prototypes, feedback) */
    Vec weak;         /* WeakTable: of the current heap, reached */
    size_t weak_visited;
    Vec dead_entries; /* RiDict *: with removed entries whose keys may be dead */
    Vec feedbacks;    /* RiFeedback *: with caches that know objects */
    Vec stack;        /* MarkEntry: of the settling phase */
    MetaMode meta_cache[META_CACHE_SIZE];
} RiGcWorld;

extern RiGcWorld ri_gc_world;

#define world ri_gc_world

typedef struct RiGcThread {
    bool is_known;  /* to libgc */
    void *handle;   /* libgc's */
    void *bottom;   /* of its stack */
} RiGcThread;

extern __thread RiGcThread ri_gc_thread;

/* Is p the start of an allocated block (it may be free, though, if its first word says so)? */
static inline bool is_block(const void *p)
{
    return p != NULL && GC_base((void *)(uintptr_t)p) == p;
}

/* ri_commons_hold, in line */
static inline bool is_common(const void *p)
{
    return (const char *)p >= world.commons_start && (const char *)p < world.commons_end;
}

static inline bool is_object(const void *p, RiTag tag)
{
    return (is_block(p) || is_common(p)) && ((const RiObject *)p)->kind_byte == RI_KIND_BYTE(tag);
}

static inline WeakTable *weak_table(size_t index)
{
    return (WeakTable *)world.weak.items + index;
}

static inline void count_live(size_t size)
{
    world.live_bytes += (int64_t)ri_heap_block_size(size);
}

static inline void count_uncounted(size_t size)
{
    count_live(size);
    world.uncounted_bytes += (int64_t)ri_heap_block_size(size);
}

static inline bool is_given_up(void)
{
    return world.stop != NULL && *world.stop;
}

/* -- heap_mark.c ------------------------------------------------------------------------------------------------- */

enum { STACK_SLACK = 16384 }; /* entries, more than one call of a mark procedure pushes */

/* Tell libgc about the mark procedures; world.kind and the descriptors are there after it. */
void ri_gc_define_kinds(void);
/* Mark an object and all behind it, in the settling phase or before libgc marks; NULL is nothing. */
void ri_gc_mark_now(const void *object);
/* Walk what lies behind a root that is marked already, so that nobody else walks it. */
void ri_gc_mark_behind(void *object);
bool ri_gc_is_live(const void *object); /* is it an object, and marked? */
/* Room on the mark stack of the settling phase for `used` entries and what a procedure pushes. False: no memory. */
bool ri_gc_reserve_stack(size_t used);
/* After a collection, libgc's lock held: lists that have become large are not kept. */
void *ri_gc_trim_lists(void *unused);

/* -- heap_settle.c ----------------------------------------------------------------------------------------------- */

/* What is marked from now on counts for this account. */
void ri_gc_charge_to(RiAccount *account);
/* The phase itself, at the end of libgc's marking. */
void ri_gc_settle(void);

/* -- heap_roots.c ------------------------------------------------------------------------------------------------ */

/* From now on libgc asks for roots and tells about its phases. */
void ri_gc_set_callbacks(void);

/* -- heap_world.c ------------------------------------------------------------------------------------------------ */

/* Once, before the first heap, with world.mutex held. */
void ri_gc_init_world(void);
/* This heap is one of those that take part in collections, until ri_gc_unlink_heap. */
void ri_gc_link_heap(RiCollector *c);
void ri_gc_unlink_heap(RiCollector *c);
/* For GC_call_with_alloc_lock. */
void *ri_gc_set_stack_bottom(void *base);

/* -- heap_pages.c ------------------------------------------------------------------------------------------------ */

void ri_gc_init_pages(void);
/* A block has been taken from libgc: its pages are known from now on. */
void ri_gc_note_block(const void *block, size_t size);

/* -- heap_spare.c ------------------------------------------------------------------------------------------------ */

#define RI_GC_SPARE_SIZE_MIN ((size_t)512) /* blocks up to this are many to a page */
#define RI_GC_SPARE_LIST_MAX ((size_t)1024) /* blocks up to this are taken from libgc by the list, in exact sizes */

/* The class for `size` bytes; RI_SPARE_CLASS_COUNT: none. Blocks of a class have ri_gc_spare_size. */
size_t ri_gc_spare_class(size_t size);
size_t ri_gc_spare_size(size_t class);
void *ri_gc_take_spare(RiCollector *c, size_t class); /* NULL: there is none */
void ri_gc_give_spare(RiCollector *c, size_t class, void *block);
/* A block taken from libgc just now. */
void ri_gc_know_spare(RiCollector *c, size_t class, void *block);
/* At the end of marking in a collection of this heap; and in one of another heap, or nobody's. */
void ri_gc_keep_own_spares(RiCollector *c);
void ri_gc_keep_all_spares(const RiCollector *c);
void ri_gc_free_spares(RiCollector *c);

/* The contents of a block of libgc's that is about to be freed go, and the memory behind it. Collects: no. */
void ri_gc_drop_pages(void *block, size_t size);

#endif
