/* The heap: allocation from own free lists over libgc, the mark procedures, and the phase of a collection in which weak
 * tables, finalizers and interned strings are settled. doc/gc.md tells the story; this file is the only user of gc.h.
 *
 * Who may read what while marking. libgc sweeps lazily, or not at all where a page is nearly full, so a stale word on a
 * C stack can lead to an object that was dead at the last collection and whose parts have been reused since. A mark
 * procedure therefore reads the object it is given and nothing else; whatever lies behind a pointer is either handed to
 * libgc, which checks it, or looked at after is_block has.
 *
 * Several heaps. A collection belongs to the heap that asked for it (world.current). The threads of the others are
 * stopped anywhere, so of them nothing is changed: their interned strings, weak tables and registered finalizers are
 * taken as live, their running VM stacks are scanned whole, and values are followed whatever their tags say. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* mremap */
#endif
#include "vm/object/heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include <gc/gc.h>
#include <gc/gc_inline.h>
#include <gc/gc_mark.h>

#include "vm/object/collector.h"
#include "vm/object/shape.h"
#include "vm/object/thread.h"
#include "vm/object/udata.h"

#define FIRST_HEAP_BYTES ((size_t)8 << 20) /* what libgc reserves at the start; pages come when touched */
#define DEBT_MIN_BYTES ((int64_t)2 << 20)  /* no collection before so much has been allocated: it fits into a cache */
#define DEBT_MAX_RATIO 4                   /* times the live bytes, as long as that is less than … */
#define DEBT_EASY_BYTES ((int64_t)8 << 20) /* … this: a small heap is marked in no time, but not all the time */

#define UNLIMITED_BYTES ((size_t)16 << 10) /* memory of the heap's own that no limit asks for */
#define LIST_KEPT_BYTES ((size_t)1 << 20)  /* of a collection's lists, for the next one */
#define UNSTOPPED_BYTES ((int64_t)4 << 20) /* with so little a collection is over before anybody can wait for it */
#define NO_STACK ((void *)sizeof(void *))  /* an end of a stack below which there is nothing */
#define PAGE_BYTES ((size_t)4096) /* libgc's */
#define REGION_BITS 22
#define REGION_COUNT ((uintptr_t)1 << (47 - REGION_BITS))

#if defined(RI_STRESS) && RI_STRESS
#define CAN_FAIL_ALLOC 1
#else
#define CAN_FAIL_ALLOC 0
#endif

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
static struct {
    pthread_mutex_t mutex; /* initialization and the list of heaps */
    bool ready;
    bool is_ours; /* nobody else in the host process uses libgc */
    int kind[RI_SPACE_COUNT];
    GC_word continue_values, continue_words, continue_entries; /* descriptors, without count */
    GC_word storage;                                           /* descriptor */
    GC_push_other_roots_proc next_push_roots;
    GC_on_collection_event_proc next_on_event;
    pthread_key_t thread_key; /* set in threads that we registered: they are to be unregistered at their end */
    RiCollector *heaps;
    uint32_t heap_count;
    struct {
        RiCollector *c; /* NULL: not in use */
        uint32_t first_index;
    } owner_blocks[RI_OWNER_BLOCKS];
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
    int64_t live_bytes;
    Vec weak;         /* WeakTable: of the current heap, reached */
    size_t weak_visited;
    Vec dead_entries; /* RiDict *: with removed entries whose keys may be dead */
    Vec feedbacks;    /* RiFeedback *: with caches that know objects */
    Vec stack;        /* MarkEntry: of the settling phase */
    MetaMode meta_cache[META_CACHE_SIZE];
} ri_gc_world = {.mutex = PTHREAD_MUTEX_INITIALIZER};

#define world ri_gc_world

static __thread struct {
    bool is_known;  /* to libgc */
    void *handle;   /* libgc's */
    void *bottom;   /* of its stack */
} ri_gc_thread;

/* -- Memory that is not collected -------------------------------------------------------------------------------- */

static bool vec_move(Vec *vec, size_t capacity)
{
    void *items = vec->items == NULL ? mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                     : mremap(vec->items, vec->capacity_bytes, capacity, MREMAP_MAYMOVE);
    if (items == MAP_FAILED)
        return false;
    vec->items = items;
    vec->capacity_bytes = capacity;
    return true;
}

/* Room for one more item. False if memory is short. */
static bool vec_reserve(Vec *vec, size_t item_size)
{
    if (RI_LIKELY((vec->count + 1) * item_size <= vec->capacity_bytes))
        return true;
    return vec_move(vec, vec->capacity_bytes ? vec->capacity_bytes * 2 : 65536);
}

static void lock_vecs(void)
{
    while (__atomic_exchange_n(&world.lock, 1, __ATOMIC_ACQUIRE))
        ;
}

static void unlock_vecs(void)
{
    __atomic_store_n(&world.lock, 0, __ATOMIC_RELEASE);
}

static bool vec_push_pointer(Vec *vec, void *item)
{
    lock_vecs();
    void **items = vec->items;
    bool done = vec->count > 0 && items[vec->count - 1] == item;
    if (!done && vec_reserve(vec, sizeof(void *))) {
        ((void **)vec->items)[vec->count++] = item;
        done = true;
    }
    unlock_vecs();
    return done;
}

static bool add_weak_table(RiTable *t, uint8_t mode)
{
    lock_vecs();
    bool done = vec_reserve(&world.weak, sizeof(WeakTable));
    if (done)
        ((WeakTable *)world.weak.items)[world.weak.count++] = (WeakTable){t, mode, false};
    unlock_vecs();
    return done;
}

static WeakTable *weak_table(size_t index)
{
    return (WeakTable *)world.weak.items + index;
}

/* -- Marking ----------------------------------------------------------------------------------------------------- */

#define CHUNK_ITEMS 64 /* of a large object are pushed at a time, so that the mark stack stays small */

static RI_ALWAYS_INLINE MarkEntry *mark_edge(const void *p, MarkEntry *msp, MarkEntry *limit)
{
    return (MarkEntry *)GC_MARK_AND_PUSH((void *)(uintptr_t)p, (struct GC_ms_entry *)msp, (struct GC_ms_entry *)limit,
                                         NULL);
}

/* Is p the start of an allocated block (it may be free, though, if its first word says so)? */
static bool is_block(const void *p)
{
    return p != NULL && GC_base((void *)(uintptr_t)p) == p;
}

static bool is_object(const void *p, RiTag tag)
{
    return is_block(p) && ((const RiObject *)p)->kind_byte == RI_KIND_BYTE(tag);
}

static RI_ALWAYS_INLINE bool is_followed(uint64_t tag)
{
    return ri_tag_is_object(tag) || RI_UNLIKELY(!world.precise);
}

/* Go on with the last `count` items later. False: no room, all of them must be pushed now (libgc copes). */
static bool push_rest(void *start, GC_word descr, size_t count, MarkEntry **msp, MarkEntry *limit)
{
    if (*msp + 1 >= limit)
        return false;
    ++*msp;
    (*msp)->start = start;
    (*msp)->descr = descr + ((GC_word)count << (GC_DS_TAG_BITS + GC_LOG_MAX_MARK_PROCS));
    return true;
}

static MarkEntry *mark_values(const RiValue *values, size_t count, MarkEntry *msp, MarkEntry *limit)
{
    if (count > CHUNK_ITEMS &&
        push_rest((void *)(uintptr_t)(values + CHUNK_ITEMS), world.continue_values, count - CHUNK_ITEMS, &msp, limit))
        count = CHUNK_ITEMS;
    for (size_t i = 0; i < count; i++) {
        if (is_followed(values[i].tag))
            msp = mark_edge(values[i].cp, msp, limit);
    }
    return msp;
}

static MarkEntry *mark_words(void *const *words, size_t count, MarkEntry *msp, MarkEntry *limit)
{
    if (count > CHUNK_ITEMS &&
        push_rest((void *)(uintptr_t)(words + CHUNK_ITEMS), world.continue_words, count - CHUNK_ITEMS, &msp, limit))
        count = CHUNK_ITEMS;
    for (size_t i = 0; i < count; i++)
        msp = mark_edge(words[i], msp, limit);
    return msp;
}

static MarkEntry *mark_entries(const RiEntry *entries, size_t count, MarkEntry *msp, MarkEntry *limit)
{
    if (count > CHUNK_ITEMS && push_rest((void *)(uintptr_t)(entries + CHUNK_ITEMS), world.continue_entries,
                                         count - CHUNK_ITEMS, &msp, limit))
        count = CHUNK_ITEMS;
    for (size_t i = 0; i < count; i++) {
        const RiEntry *entry = &entries[i];
        if (is_followed(entry->key_tag)) {
            /* A removed entry does not keep its key. If the key dies, the entry must not be compared with any more. */
            bool is_removed = entry->value.tag == RI_TAG_NIL && world.precise;
            if (!is_removed || !vec_push_pointer(&world.dead_entries, GC_base((void *)(uintptr_t)entry)))
                msp = mark_edge(entry->key_object, msp, limit);
        }
        if (is_followed(entry->value.tag))
            msp = mark_edge(entry->value.cp, msp, limit);
    }
    return msp;
}

/* A block that only its owner may have walked. What it holds is pushed if `walk`, else it is kept as it is. */
static MarkEntry *mark_storage(void *block, bool walk, MarkEntry *msp, MarkEntry *limit)
{
    if (block == &ri_array_empty)
        return msp;
    MarkEntry *top = mark_edge(block, msp, limit);
    if (top == msp + 1) {
        if (!walk)
            return msp;
        top->descr = world.storage;
        return top;
    }
    /* Marked already, because something on a C stack points to it or because libgc begins anew after its mark stack
     * was full; or no block at all. */
    if (walk && top == msp && top + 1 < limit && is_block(block)) {
        top++;
        top->start = block;
        top->descr = world.storage;
    }
    return top;
}

static RiCollector *collector_of_owner(uint32_t owner)
{
    return world.owner_blocks[owner / RI_OWNERS_PER_BLOCK % RI_OWNER_BLOCKS].c;
}

static RiAccount *account_of_owner(uint32_t owner)
{
    uint32_t block = owner / RI_OWNERS_PER_BLOCK % RI_OWNER_BLOCKS;
    const RiCollector *c = world.owner_blocks[block].c;
    uint32_t index = world.owner_blocks[block].first_index + owner % RI_OWNERS_PER_BLOCK;
    return c != NULL && index < c->account_end ? ri_collector_account(c, index) : NULL;
}

static MarkEntry *mark_stack(RiThread *thread, MarkEntry *msp, MarkEntry *limit)
{
    if (thread->stack == NULL) /* it is being made */
        return msp;
    char *block = (char *)thread->stack - sizeof(RiValue);
    if (!is_object(block, RI_TAG_STACK))
        return msp;
    msp = mark_edge(block, msp, limit);
    size_t slots = GC_size(block) / sizeof(RiValue) - 1;
    size_t used = (size_t)(thread->top - thread->stack);
    if (thread->heap != world.current || used > slots)
        return mark_words((void *const *)thread->stack, slots * 2, msp, limit);
    return mark_values(thread->stack, used, msp, limit);
}

/* Inline caches do not keep metatables and prototypes of classes alive; they are emptied when those die. */
static MarkEntry *mark_caches(RiFeedback *feedback, MarkEntry *msp, MarkEntry *limit)
{
    RiBuffer *buffer = ri_feedback_cache_buffer(feedback);
    if (buffer == NULL || !is_object(buffer, RI_TAG_BUFFER))
        return msp;
    msp = mark_edge(buffer, msp, limit);
    size_t count = buffer->used / sizeof(RiCache);
    bool is_listed = !world.precise;
    for (size_t i = 0; i < count; i++) {
        const RiCache *cache = &feedback->caches[i]; /* its key is a constant of the prototype */
        if (cache->meta == NULL && cache->holder == NULL && cache->index == NULL)
            continue;
        if (!is_listed)
            is_listed = vec_push_pointer(&world.feedbacks, feedback);
        if (!world.precise || !is_listed) {
            msp = mark_edge(cache->meta, msp, limit);
            msp = mark_edge(cache->holder, msp, limit);
            msp = mark_edge(cache->index, msp, limit);
        }
    }
    return msp;
}

/* -- Weak tables: which are ------------------------------------------------------------------------------------- */

/* The field of `t` called `key`, where every block is checked before it is read: see the top of the file. */
static RiValue careful_field(const RiTable *t, const RiString *key)
{
    if (!ri_table_is_dict(t)) {
        int32_t slot = t->shape < RI_SHAPE_IDS && t->shape != 0 ? ri_shape_find(t->shape, key) : -1;
        if (slot < 0 || slot >= t->slot_capacity)
            return ri_nil();
        if (t->slots != t->inline_slots) {
            const RiSlots *block = (const RiSlots *)((char *)t->slots - offsetof(RiSlots, values));
            if (!is_object(block, RI_TAG_SLOTS) || block->object.word <= (uint32_t)slot)
                return ri_nil();
        }
        return t->slots[slot];
    }
    const RiDict *d = t->dict;
    if (!is_object(d, RI_TAG_DICT))
        return ri_nil();
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->entries[i].key_object == key && d->entries[i].key_tag == RI_TAG_STRING)
            return d->entries[i].value;
    }
    return ri_nil();
}

static uint8_t look_up_mode(const RiTable *meta)
{
    if (!is_object(meta, RI_TAG_TABLE) || (meta->absent >> RI_MM_MODE & 1))
        return 0;
    RiValue v = careful_field(meta, world.current->mm_names[RI_MM_MODE]);
    const RiString *s = v.cp;
    if (v.tag != RI_TAG_STRING || !is_object(s, RI_TAG_STRING))
        return 0;
    const char *text = ri_str_data(s);
    return (uint8_t)((memchr(text, 'k', s->size) ? RI_TABLE_WEAK_KEYS : 0) |
                     (memchr(text, 'v', s->size) ? RI_TABLE_WEAK_VALUES : 0));
}

/* `__mode` counts as it is now, which need not be as it was when the metatable was set. */
static uint8_t weak_mode(const RiTable *t)
{
    if (world.current == NULL)
        return 0;
    if (!world.precise) {
        RiCollector *owner = collector_of_owner(t->owner);
        if (owner == NULL || owner->heap != world.current)
            return 0;
    }
    MetaMode *cached = &world.meta_cache[((uintptr_t)t->meta >> 4) % META_CACHE_SIZE];
    if (cached->meta != t->meta) {
        cached->mode = look_up_mode(t->meta);
        cached->meta = t->meta;
    }
    return cached->mode;
}

/* -- Mark procedures --------------------------------------------------------------------------------------------- */

#define NOT_COUNTED (1u << RI_TAG_PROTO | 1u << RI_TAG_FEEDBACK | 1u << RI_TAG_SHAPE | 1u << RI_TAG_BLOCK)

static void count_live(size_t size)
{
    world.live_bytes += (int64_t)ri_heap_block_size(size);
}

static RI_ALWAYS_INLINE MarkEntry *mark_object(void *object, bool is_for_owner, MarkEntry *msp, MarkEntry *limit)
{
    uint8_t kind_byte = ((const RiObject *)object)->kind_byte;
    if (!(kind_byte & 1))
        return msp; /* free */
    if (kind_byte == RI_KIND_BYTE(RI_TAG_TABLE)) {
        RiTable *t = object;
        uint8_t mode;
        if (t->meta != NULL && RI_UNLIKELY((mode = weak_mode(t)) != 0) && add_weak_table(t, mode)) {
            /* Its storage is kept, what lies in it is settled when all else has been marked. */
            count_live(sizeof(RiTable) + (t->slots == t->inline_slots ? t->slot_capacity * sizeof(RiValue) : 0));
            msp = mark_edge(t->meta, msp, limit);
            msp = mark_storage(t->array, false, msp, limit);
            msp = mark_storage(t->dict, false, msp, limit);
            if (t->slots != t->inline_slots && t->slots != NULL && !ri_table_is_dict(t) &&
                !(t->flags & RI_TABLE_SHARED))
                msp = mark_storage((char *)t->slots - offsetof(RiSlots, values), false, msp, limit);
            return msp;
        }
    } else if (!is_for_owner && (kind_byte == RI_KIND_BYTE(RI_TAG_ARRAY) || kind_byte == RI_KIND_BYTE(RI_TAG_DICT) ||
                                 kind_byte == RI_KIND_BYTE(RI_TAG_SLOTS))) {
        return msp; /* something points to the parts of a table: the table, if it is alive, has them walked */
    }
    switch (kind_byte >> 1) {
#define EDGE(p) msp = mark_edge((p), msp, limit)
#define EDGES(first, count) msp = mark_words((void *const *)(first), (count), msp, limit)
#define STORAGE(p) msp = mark_storage((p), true, msp, limit)
#define VALUES(first, count) msp = mark_values((first), (count), msp, limit)
#define ENTRIES(first, count) msp = mark_entries((first), (count), msp, limit)
#define WORDS(first, bytes) msp = mark_words((void *const *)(void *)(first), (bytes) / sizeof(void *), msp, limit)
#define CACHES(p) msp = mark_caches((p), msp, limit)
#define STACK(p) msp = mark_stack((p), msp, limit)
#define BLOCK_SIZE(p) GC_size(p)
#define OBJECT(tag, type, size, edges)                                                             \
    case RI_TAG_##tag: {                                                                           \
        type *o = object;                                                                          \
        if (!(NOT_COUNTED & 1u << RI_TAG_##tag))                                                   \
            count_live(size);                                                                      \
        edges;                                                                                     \
        break;                                                                                     \
    }
#include "vm/object/objects.def"
#undef OBJECT
#undef BLOCK_SIZE
#undef STACK
#undef CACHES
#undef WORDS
#undef ENTRIES
#undef VALUES
#undef STORAGE
#undef EDGES
#undef EDGE
    default:
        break; /* nothing of ours: the word of a free cell of a host's kind, or memory not yet in use */
    }
    return msp;
}

#define MARK_PROC(name, walk)                                                                      \
    static struct GC_ms_entry *name(GC_word *start, struct GC_ms_entry *top, struct GC_ms_entry *end, GC_word env)    \
    {                                                                                              \
        MarkEntry *msp = (MarkEntry *)top, *limit = (MarkEntry *)end;                              \
        return (struct GC_ms_entry *)(walk);                                                       \
    }
MARK_PROC(mark_proc, mark_object(start, env, msp, limit))
MARK_PROC(values_proc, mark_values((const RiValue *)start, env, msp, limit))
MARK_PROC(words_proc, mark_words((void *const *)start, env, msp, limit))
MARK_PROC(entries_proc, mark_entries((const RiEntry *)start, env, msp, limit))

/* -- The settling phase: marking ----------------------------------------------------------------------------------
 * All that follows until the next ruler runs inside libgc, after it has marked everything from the roots and while the
 * world is stopped: it may neither allocate nor take locks. Marking goes on with the same mark procedures and a mark
 * stack of our own. */

static bool is_given_up(void)
{
    return world.stop != NULL && *world.stop;
}

enum { STACK_SLACK = 16384 }; /* entries, more than one call of a mark procedure pushes */

static bool try_reserve_stack(size_t used)
{
    size_t needed = (used + STACK_SLACK) * sizeof(MarkEntry);
    if (RI_LIKELY(needed <= world.stack.capacity_bytes))
        return true;
    return vec_move(&world.stack, used > 0 ? needed * 2 : needed);
}

/* The stack with room for what one call may push; entry 0 is never used, `used` is the index of the last in use. Large
 * objects being pushed in pieces, it hardly ever outgrows what ri_heap_create has reserved. */
static MarkEntry *reserve_stack(size_t used)
{
    if (!try_reserve_stack(used)) {
        static const char message[] = "rille: not enough memory to finish a collection\n";
        ssize_t written = write(STDERR_FILENO, message, sizeof message - 1); /* stdio's locks may be held */
        (void)written;
        _exit(EXIT_FAILURE);
    }
    return world.stack.items;
}

static MarkEntry *stack_limit(void)
{
    return (MarkEntry *)world.stack.items + world.stack.capacity_bytes / sizeof(MarkEntry);
}

enum { STEPS_UNSTOPPED = 1024 };

/* Process entries until the stack is empty, or the collection is given up. */
static void drain(size_t used)
{
    uint32_t steps = 0;
    const GC_word tag_mask = ((GC_word)1 << (GC_DS_TAG_BITS + GC_LOG_MAX_MARK_PROCS)) - 1;
    while (used > 0) {
        MarkEntry *base = reserve_stack(used), *limit = stack_limit();
        MarkEntry *msp = base + used;
        GC_word *start = msp->start, descr = msp->descr;
        GC_word env = descr >> (GC_DS_TAG_BITS + GC_LOG_MAX_MARK_PROCS), which = descr & tag_mask;
        msp--;
        if (which == (world.storage & tag_mask))
            msp = mark_object(start, env, msp, limit);
        else if (which == world.continue_values)
            msp = mark_values((const RiValue *)start, env, msp, limit);
        else if (which == world.continue_words)
            msp = mark_words((void *const *)start, env, msp, limit);
        else if (which == world.continue_entries)
            msp = mark_entries((const RiEntry *)start, env, msp, limit);
        else /* ri_heap_alloc_raw's, or the host's: as libgc itself would */
            msp = mark_words((void *const *)start, GC_size(start) / sizeof(void *), msp, limit);
        used = (size_t)(msp - base);
        if (RI_UNLIKELY(++steps % STEPS_UNSTOPPED == 0 && is_given_up()))
            return;
    }
}

static void mark_now(const void *object)
{
    MarkEntry *base = reserve_stack(0);
    drain((size_t)(mark_edge(object, base, stack_limit()) - base));
}

static bool is_live(const void *object)
{
    return is_block(object) && GC_is_marked(object);
}

/* May the collector take this value out of a weak table? Strings are values, not objects, in this respect. */
static bool is_dead(uint64_t tag, const void *object)
{
    return ri_tag_is_object(tag) && tag != RI_TAG_STRING && !is_live(object);
}

/* -- The settling phase: whose is what ------------------------------------------------------------------------------ */

/* What is marked from now on counts for this account. */
static void charge_to(RiAccount *account)
{
    if (world.charged != account) {
        world.charged->marked_bytes += world.live_bytes;
        world.live_bytes = 0;
        world.charged = account;
    }
}

static void charge_to_owner(uint32_t owner)
{
    RiAccount *account = world.by_turns ? account_of_owner(owner) : NULL;
    if (account != NULL)
        charge_to(account);
}

/* -- The settling phase: weak tables ----------------------------------------------------------------------------- */

/* The parts of a weak table, checked; all NULL and 0 where there is none. */
typedef struct WeakParts {
    RiArray *array; /* of kind ANY */
    RiValue *slots;
    uint32_t slot_count;
    RiDict *dict;
} WeakParts;

static WeakParts weak_parts(const RiTable *t)
{
    WeakParts parts = {0};
    if (is_object(t->array, RI_TAG_ARRAY) && t->array->kind == RI_ARRAY_ANY)
        parts.array = t->array;
    if (is_object(t->dict, RI_TAG_DICT))
        parts.dict = t->dict;
    if (t->slots == t->inline_slots) {
        parts.slots = t->slots;
        parts.slot_count = t->slot_capacity;
    } else if (t->slots != NULL && !ri_table_is_dict(t) && !(t->flags & RI_TABLE_SHARED)) { /* nothing shared dies */
        RiSlots *block = (RiSlots *)((char *)t->slots - offsetof(RiSlots, values));
        if (is_object(block, RI_TAG_SLOTS)) {
            parts.slots = block->values;
            parts.slot_count = block->object.word;
        }
    }
    return parts;
}

/* Mark what a weak table holds strongly: strings, and values under keys that cannot die. */
static void visit_weak_table(const WeakTable *weak)
{
    bool weak_keys = weak->mode & RI_TABLE_WEAK_KEYS, weak_values = weak->mode & RI_TABLE_WEAK_VALUES;
    WeakParts parts = weak_parts(weak->table);
    charge_to_owner(weak->table->owner);
    if (is_object(weak->table->array, RI_TAG_ARRAY)) {
        const RiArray *a = weak->table->array;
        count_live(RI_ARRAY_HEADER_SIZE + (size_t)a->capacity * (a->elem_tag ? sizeof(uint64_t) : sizeof(RiValue)));
    }
    for (uint32_t i = 0; parts.array != NULL && i < parts.array->count; i++) {
        RiValue v = parts.array->values[i];
        if (ri_tag_is_object(v.tag) && (!weak_values || v.tag == RI_TAG_STRING))
            mark_now(v.cp);
    }
    for (uint32_t i = 0; i < parts.slot_count; i++) {
        RiValue v = parts.slots[i];
        if (ri_tag_is_object(v.tag) && (!weak_values || v.tag == RI_TAG_STRING))
            mark_now(v.cp);
    }
    if (parts.slots != NULL && parts.slots != weak->table->inline_slots)
        count_live(sizeof(RiSlots) + parts.slot_count * sizeof(RiValue));
    if (parts.dict != NULL)
        count_live(sizeof(RiDict) + (size_t)parts.dict->capacity *
                                        (sizeof(RiEntry) + (parts.dict->bucket_mask ? sizeof(uint32_t) : 0)));
    for (uint32_t i = 0; parts.dict != NULL && i < parts.dict->count; i++) {
        const RiEntry *entry = &parts.dict->entries[i];
        if (entry->value.tag == RI_TAG_NIL)
            continue;
        bool key_can_die = ri_tag_is_object(entry->key_tag) && entry->key_tag != RI_TAG_STRING;
        if (weak_keys && weak_values)
            continue; /* strings of entries that stay: clear_weak_keys */
        if (ri_tag_is_object(entry->key_tag) && (!weak_keys || !key_can_die))
            mark_now(entry->key_object);
        if (ri_tag_is_object(entry->value.tag) && (weak_values ? entry->value.tag == RI_TAG_STRING : !key_can_die))
            mark_now(entry->value.cp);
    }
}

static bool visit_new_weak_tables(void)
{
    bool any = world.weak_visited < world.weak.count;
    while (world.weak_visited < world.weak.count) {
        WeakTable weak = *weak_table(world.weak_visited++); /* a copy: the array may move */
        visit_weak_table(&weak);
    }
    return any;
}

/* Mark the values of an ephemeron table whose keys are alive. True if there were any not marked before. */
static bool converge_table(size_t index, bool backwards)
{
    const RiTable *t = weak_table(index)->table;
    if (weak_table(index)->settled || weak_table(index)->mode != RI_TABLE_WEAK_KEYS)
        return false;
    RiDict *d = weak_parts(t).dict;
    bool any = false, waits = false;
    charge_to_owner(t->owner);
    uint32_t count = d ? d->count : 0;
    for (uint32_t n = 0; n < count; n++) {
        const RiEntry *entry = &d->entries[backwards ? count - 1 - n : n];
        if (!ri_tag_is_object(entry->value.tag) || !ri_tag_is_object(entry->key_tag) ||
            entry->key_tag == RI_TAG_STRING || is_live(entry->value.cp))
            continue;
        if (is_live(entry->key_object)) {
            mark_now(entry->value.cp);
            any = true;
        } else {
            waits = true;
        }
    }
    if (!waits)
        weak_table(index)->settled = true;
    return any;
}

/* Keep all entries of ephemeron tables, as if their keys were strong: each is looked at once. */
static void keep_ephemerons(void)
{
    for (size_t i = 0; visit_new_weak_tables() || i < world.weak.count; i++) {
        const WeakTable *weak = weak_table(i);
        RiDict *d = weak->mode == RI_TABLE_WEAK_KEYS && !weak->settled ? weak_parts(weak->table).dict : NULL;
        weak_table(i)->settled = true;
        charge_to_owner(weak->table->owner);
        for (uint32_t n = 0; d != NULL && n < d->count; n++) {
            const RiEntry *entry = &d->entries[n];
            if (entry->value.tag != RI_TAG_NIL && ri_tag_is_object(entry->key_tag))
                mark_now(entry->key_object);
            if (ri_tag_is_object(entry->value.tag))
                mark_now(entry->value.cp);
        }
    }
}

/* Values of ephemeron tables may lead to keys of others. Changing direction helps with long chains, though not with all,
 * and then this takes time. It is too late to give up the collection, but not to leave more alive: where `stop` says so. */
static void converge(const volatile int *stop)
{
    bool backwards = false, changed;
    do {
        changed = visit_new_weak_tables();
        size_t count = world.weak.count;
        for (size_t n = 0; n < count; n++) {
            changed |= converge_table(backwards ? count - 1 - n : n, backwards);
            if (RI_UNLIKELY(n % 256 == 0 && stop != NULL && *stop)) {
                keep_ephemerons();
                return;
            }
        }
        backwards = !backwards;
    } while (changed);
}

static void clear_value(RiValue *v)
{
    if (is_dead(v->tag, v->cp))
        ri_set_nil(v);
}

static void clear_weak_values(size_t first)
{
    for (size_t i = first; i < world.weak.count; i++) {
        const WeakTable *weak = weak_table(i);
        if (!(weak->mode & RI_TABLE_WEAK_VALUES))
            continue;
        WeakParts parts = weak_parts(weak->table);
        if (parts.array != NULL) {
            for (uint32_t k = 0; k < parts.array->count; k++)
                clear_value(&parts.array->values[k]);
            ri_array_trim(parts.array);
        }
        for (uint32_t k = 0; k < parts.slot_count; k++)
            clear_value(&parts.slots[k]);
        for (uint32_t k = 0; parts.dict != NULL && k < parts.dict->count; k++)
            clear_value(&parts.dict->entries[k].value);
    }
}

/* The keys of removed entries dangle from now on. A tag that no key has keeps lookups from them. */
static void forget_dead_keys(RiDict *d)
{
    for (uint32_t i = 0; i < d->count; i++) {
        RiEntry *entry = &d->entries[i];
        if (entry->value.tag == RI_TAG_NIL && ri_tag_is_object(entry->key_tag) && !is_live(entry->key_object))
            entry->key_tag = RI_TAG_LINK;
    }
}

static void clear_weak_keys(void)
{
    for (size_t i = 0; i < world.weak.count; i++) {
        const WeakTable *weak = weak_table(i);
        RiDict *d = weak_parts(weak->table).dict;
        if (d == NULL || !(weak->mode & RI_TABLE_WEAK_KEYS))
            continue;
        bool both = weak->mode & RI_TABLE_WEAK_VALUES;
        charge_to_owner(weak->table->owner);
        for (uint32_t k = 0; k < d->count; k++) {
            RiEntry *entry = &d->entries[k];
            if (is_dead(entry->key_tag, entry->key_object))
                ri_set_nil(&entry->value);
            if (!both || entry->value.tag == RI_TAG_NIL)
                continue;
            if (entry->key_tag == RI_TAG_STRING)
                mark_now(entry->key_object);
            if (entry->value.tag == RI_TAG_STRING)
                mark_now(entry->value.cp);
        }
    }
}

static void clear_caches(void)
{
    for (size_t i = 0; i < world.feedbacks.count; i++) {
        RiFeedback *feedback = ((RiFeedback **)world.feedbacks.items)[i];
        RiBuffer *buffer = ri_feedback_cache_buffer(feedback);
        for (size_t k = 0; k < buffer->used / sizeof(RiCache); k++) {
            RiCache *cache = &feedback->caches[k];
            if ((cache->meta != NULL && !is_live(cache->meta)) || (cache->holder != NULL && !is_live(cache->holder)) ||
                (cache->index != NULL && !is_live(cache->index))) {
                cache->shape = cache->next_shape = 0;
                cache->epoch = 0;
                cache->meta = cache->holder = cache->index = NULL;
                cache->target = NULL;
            }
        }
    }
}

/* -- The settling phase: finalizers, free lists ------------------------------------------------------------------- */

/* Move unmarked objects with finalizers to the pending ones, the last registered first, and resurrect them. */
static void resurrect(RiAccount *account)
{
    RiFinalizerList *registered = &account->registered, *pending = &account->pending;
    size_t kept = registered->end, end = pending->end;
    for (size_t i = registered->end; i-- > 0;) {
        if (is_live(registered->items[i].object))
            registered->items[--kept] = registered->items[i];
        else
            pending->items[end++] = registered->items[i];
    }
    registered->end -= kept;
    if (kept > 0 && registered->end > 0)
        memmove(registered->items, registered->items + kept, registered->end * sizeof *registered->items);
    if (end > pending->end && world.by_turns)
        charge_to(account);
    for (size_t i = pending->end; i < end; i++)
        mark_now(pending->items[i].object);
    pending->end = end;
    if (pending->first == end)
        return;
    if (account->heap->account == account)
        ri_heap_attend(account->heap);
    else
        account->attention = true;
}

static void resurrect_all(RiCollector *c)
{
    for (uint32_t i = 0; i < c->account_end; i++) {
        RiAccount *account = ri_collector_account(c, i);
        if (account != NULL)
            resurrect(account);
    }
}

/* The cells of free lists are not reachable for libgc, as links are not followed. The current heap gives its lists up
 * (on_event); the others may be stopped between reading a list's head and writing it. */
static void keep_free_lists(const RiHeap *heap)
{
    for (int space = 0; space < RI_SPACE_COUNT; space++) {
        for (int i = 0; i < RI_SIZE_CLASS_COUNT; i++) {
            for (void *cell = heap->free[space][i]; cell != NULL; cell = *(void **)cell)
                GC_set_mark_bit(cell);
        }
    }
}

/* -- Spare blocks ------------------------------------------------------------------------------------------------
 * libgc gives the pages of dead strings and buffers of some KB back to its page allocator and takes 100 ns and more to
 * get one out again. So each heap knows the pointer-free blocks of this size that it has taken since its last collection;
 * those that have died are kept, as many as were needed, in free lists that survive collections. */

#define SPARE_SIZE_MIN ((size_t)1024) /* smaller ones are many to a page */
#define SPARE_SIZE_MAX ((size_t)32768)
#define SPARE_BYTES_MAX ((size_t)4 << 20) /* of each class: more blocks are not known */

/* Sizes as libgc makes them: parts of a page, then whole pages. */
static const uint16_t spare_sizes[RI_SPARE_CLASS_COUNT] = {1344,  2048,  4096,  8192,  12288,
                                                        16384, 20480, 24576, 28672, 32768};

/* The class for `size` bytes; RI_SPARE_CLASS_COUNT: none. */
static size_t spare_class(size_t size)
{
    if (size <= SPARE_SIZE_MIN || size > SPARE_SIZE_MAX)
        return RI_SPARE_CLASS_COUNT;
    return size <= spare_sizes[0] ? 0 : size <= spare_sizes[1] ? 1 : 2 + (size - 1) / 4096;
}

static void *take_spare(RiCollector *c, size_t class)
{
    RiSpares *spares = &c->spares[class];
    void *block = spares->first;
    spares->taken++;
    if (block != NULL)
        spares->first = *(void **)block;
    return block;
}

static void give_spare(RiCollector *c, size_t class, void *block)
{
    *(void **)block = c->spares[class].first;
    __asm__ volatile("" : : : "memory"); /* a collection of another heap may look at the list at any time */
    c->spares[class].first = block;
}

/* A block taken from libgc just now. */
static void know_spare(RiCollector *c, size_t class, void *block)
{
    RiSpares *spares = &c->spares[class];
    size_t limit = SPARE_BYTES_MAX / spare_sizes[class];
    if (RI_UNLIKELY(GC_size(block) != spare_sizes[class])) /* another libgc: it may be freed by hand */
        return;
    if (spares->known == NULL)
        spares->known = ri_heap_calloc(c->heap, limit, sizeof *spares->known);
    if (spares->known == NULL || spares->known_count == limit)
        return;
    spares->known[spares->known_count] = block;
    __asm__ volatile("" : : : "memory");
    spares->known_count++;
}

/* At the end of marking in a collection of this heap: survivors are forgotten, as they are likely to live on. */
static void keep_own_spares(RiCollector *c)
{
    for (size_t class = 0; class < RI_SPARE_CLASS_COUNT; class++) {
        RiSpares *spares = &c->spares[class];
        uint32_t kept = 0;
        uint32_t limit = c->is_quota_collection ? 0 : spares->taken;
        for (uint32_t i = 0; i < spares->known_count && kept < limit; i++) {
            if (!GC_is_marked(spares->known[i]))
                spares->known[kept++] = spares->known[i];
        }
        spares->first = NULL;
        for (uint32_t i = kept; i-- > 0;) {
            GC_set_mark_bit(spares->known[i]);
            give_spare(c, class, spares->known[i]);
        }
        spares->known_count = kept;
        spares->taken = 0;
    }
}

/* In a collection of another heap or nobody's: this one's thread may be stopped between any two steps of the above. */
static void keep_all_spares(const RiCollector *c)
{
    for (size_t class = 0; class < RI_SPARE_CLASS_COUNT; class++) {
        const RiSpares *spares = &c->spares[class];
        for (uint32_t i = 0; i < spares->known_count; i++)
            GC_set_mark_bit(spares->known[i]);
        for (void *block = spares->first; block != NULL; block = *(void **)block)
            GC_set_mark_bit(block);
    }
}

static void free_spares(RiCollector *c)
{
    for (size_t class = 0; class < RI_SPARE_CLASS_COUNT; class++)
        ri_heap_cfree(c->spares[class].known);
}

/* -- The end of marking ------------------------------------------------------------------------------------------ */

static bool string_is_live(const void *string)
{
    return GC_is_marked(string);
}

static bool keep_string(const void *string)
{
    GC_set_mark_bit(string);
    return true;
}

/* All live bytes are known: open the books anew. */
static void settle_account(RiAccount *account)
{
    account->live_bytes = account->marked_bytes;
    account->credit_base -= ri_account_since(account);
    account->uncounted_bytes = 0;
}

static void settle_accounts(RiCollector *c)
{
    c->live_bytes = c->dead_bytes = 0;
    for (uint32_t i = 0; i < c->account_end; i++) {
        RiAccount *account = ri_collector_account(c, i);
        if (account != NULL) {
            settle_account(account);
            c->live_bytes += account->live_bytes;
        }
    }
    c->heap->elsewhere_bytes = 0;
    c->list_bytes = (int64_t)(world.weak.capacity_bytes + world.dead_entries.capacity_bytes +
                              world.feedbacks.capacity_bytes + world.stack.capacity_bytes);
    c->settled = true;
}

/* What the stacks alone refer to, and what nobody claims, is charged to whoever runs. */
static void settle_live_bytes(void)
{
    int64_t limit = ri_heap_footprint(); /* some was counted twice, if libgc's mark stack was full */
    if (world.live_bytes > limit)
        world.live_bytes = limit;
    charge_to(&world.nobody);
    for (RiCollector *c = world.heaps; c != NULL; c = c->next)
        settle_accounts(c);
}

/* As lgc.c orders it: a resurrected object stays a key of weak tables until it really dies, but it is taken out of
 * weak values before its finalizer sees it. */
static void settle(void)
{
    const volatile int *stop = world.stop;
    world.stop = NULL;
    converge(stop);
    clear_weak_values(0);
    size_t before = world.weak.count;
    if (world.current != NULL)
        resurrect_all(world.current->collector);
    converge(stop);
    clear_weak_keys();
    clear_weak_values(before);
    clear_caches();
    for (size_t i = 0; i < world.dead_entries.count; i++)
        forget_dead_keys(((RiDict **)world.dead_entries.items)[i]);
    for (size_t i = 0; i < world.weak.count; i++) {
        RiDict *d = weak_parts(weak_table(i)->table).dict;
        if (d != NULL)
            forget_dead_keys(d);
    }
    settle_live_bytes();
    if (world.current != NULL)
        memset(world.current->free, 0, sizeof world.current->free); /* the cells are swept up with the rest */
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        if (c->heap != world.current) {
            keep_free_lists(c->heap);
            keep_all_spares(c);
        } else {
            keep_own_spares(c);
        }
        ri_strings_sweep(c->heap, c->heap == world.current ? string_is_live : keep_string);
    }
}

/* -- Marking by turns ----------------------------------------------------------------------------------------------
 * Where a heap has several accounts, or there are several heaps, what each of them has is marked before libgc begins, one
 * account after the other: what is reached first from one is counted there. libgc then finds what is left, from the
 * stack of the running process mostly. Marking is the settling phase's; it runs while the world is stopped and all marks
 * are clear. */

static void *host_of(const RiAccount *account)
{
    const RiHeap *heap = account->heap;
    return heap->account == account ? heap->host : account->host;
}

static RiThread *running_of(const RiAccount *account)
{
    const RiHeap *heap = account->heap;
    return heap->account == account ? heap->running : account->running;
}

static bool has_roots(const RiAccount *account)
{
    return host_of(account) != NULL || running_of(account) != NULL || account->pending.first < account->pending.end;
}

/* Is there more than one account to count for? If not *only is the one, or the heap's own. */
static bool has_turns(RiAccount **only)
{
    uint32_t count = 0;
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->account_end && count < 2; i++) {
            RiAccount *account = ri_collector_account(c, i);
            if (account != NULL && has_roots(account)) {
                *only = account;
                count++;
            }
        }
    }
    return count > 1;
}

/* A range of words that may point anywhere into objects, as C compilers do it. */
__attribute__((no_sanitize_address)) static void mark_range(void *start, void *end)
{
    void **word = (void **)(((uintptr_t)start + sizeof(void *) - 1) & ~(sizeof(void *) - 1));
    for (; word + 1 <= (void **)end && !is_given_up(); word++) {
        void *base = GC_base(*word);
        if (base != NULL)
            mark_now(base);
    }
}

/* Walk what lies behind a root that is marked already, so that nobody else walks it. */
static void mark_behind(void *object)
{
    if (!is_block(object))
        return;
    MarkEntry *base = reserve_stack(0);
    base[1] = (MarkEntry){object, world.storage};
    drain(1);
}

/* The part of a stack that is to be scanned; false if there is none, or libgc does it. The threads of other heaps than
 * the current one are stopped anywhere, even while changing stacks, their registers saved below what they have in use. */
static bool stack_range(const RiCollector *c, const RiNativeStack *stack, char **start, char **end)
{
    enum { SIGNAL_FRAME_BYTES = 16384 };
    char *low = stack->low, *sp = stack->sp;
    *end = low != NULL ? stack->high : c->stack_bottom;
    bool is_foreign = c->heap != world.current, is_running = low != NULL && stack == c->stack;
    if (is_foreign && low != NULL)
        *start = low;
    else if (sp != NULL && is_foreign)
        *start = sp - SIGNAL_FRAME_BYTES;
    else
        *start = sp;
    return (sp != NULL || (is_foreign && is_running)) && *start < *end;
}

static void scan_stacks(const RiCollector *c, void (*scan)(void *start, void *end))
{
    for (uint32_t i = 0; i < c->stack_count; i++) {
        char *start, *end;
        if (!stack_range(c, c->stacks[i], &start, &end))
            continue;
        if (world.by_turns && c->stacks[i]->account != NULL)
            charge_to(c->stacks[i]->account);
        scan(start, end);
    }
}

static void mark_account(RiCollector *c, RiAccount *account)
{
    charge_to(account);
    if (host_of(account) != NULL)
        mark_behind(host_of(account));
    mark_now(running_of(account));
    mark_now(account->running); /* ri_heap_begin_gift */
    if (c->heap != world.current) /* it may be stopped in ri_heap_switch */
        mark_now(account->host);
    for (size_t i = account->pending.first; i < account->pending.end; i++)
        mark_now(account->pending.items[i].object);
    for (size_t i = 0; c->heap != world.current && i < account->registered.end; i++)
        mark_now(account->registered.items[i].object);
}

static void mark_heap(RiCollector *c)
{
    charge_to(&c->home);
    mark_range(&c->heap->seed, c->heap + 1); /* nothing of a process */
    for (uint32_t i = 0; i < c->account_end && !is_given_up(); i++) {
        RiAccount *account = ri_collector_account(c, (c->turn + i) % c->account_end);
        if (account != NULL)
            mark_account(c, account);
    }
    c->turn++;
}

/* So that no process is walked in the turn of another that knows it. */
static void mark_hosts(const RiCollector *c)
{
    for (uint32_t i = 0; i < c->account_end; i++) {
        RiAccount *account = ri_collector_account(c, i);
        if (account != NULL && host_of(account) != NULL && is_block(host_of(account)))
            GC_set_mark_bit(host_of(account));
    }
}

static void mark_by_turns(void)
{
    for (RiCollector *c = world.heaps; c != NULL; c = c->next)
        mark_hosts(c);
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        mark_heap(c);
        scan_stacks(c, mark_range);
    }
    charge_to(world.current != NULL ? world.current->account : &world.nobody);
}

/* -- Callbacks of libgc ------------------------------------------------------------------------------------------ */

static void clear_counts(void)
{
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->account_end; i++) {
            RiAccount *account = ri_collector_account(c, i);
            if (account != NULL)
                account->marked_bytes = 0;
        }
    }
    world.live_bytes = 0;
    RiAccount *only = world.heaps != NULL && world.heaps->next == NULL ? world.heaps->heap->account : &world.nobody;
    world.by_turns = has_turns(&only);
    world.charged = only;
}

static void begin_collection(void)
{
    world.current = NULL;
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        if (c->collecting && pthread_equal(c->thread, pthread_self()))
            world.current = c->heap;
    }
    world.precise = world.current != NULL && world.heap_count == 1;
    if (world.current == NULL || world.stop != &world.current->stop_collection)
        world.stop = NULL;
    clear_counts();
    world.weak.count = world.weak_visited = 0;
    world.dead_entries.count = 0;
    world.feedbacks.count = 0;
    memset(world.meta_cache, 0, sizeof world.meta_cache);
}

static void GC_CALLBACK on_event(GC_EventType event)
{
    if (world.next_on_event != NULL)
        world.next_on_event(event);
    if (event == GC_EVENT_START)
        begin_collection();
    else if (event == GC_EVENT_MARK_START && world.by_turns)
        mark_by_turns();
    else if (event == GC_EVENT_MARK_END)
        settle();
}

static void push_eagerly(void *start, void *end)
{
    GC_push_all_eager(start, end);
}

static void push_account(const RiAccount *account)
{
    bool is_foreign = account->heap != world.current; /* it may be stopped in ri_heap_switch */
    void *roots[] = {host_of(account), running_of(account), account->running, is_foreign ? account->host : NULL};
    GC_push_all_eager(roots, roots + RI_COUNTOF(roots));
    GC_push_all_eager(account->pending.items + account->pending.first, account->pending.items + account->pending.end);
    if (is_foreign)
        GC_push_all_eager(account->registered.items, account->registered.items + account->registered.end);
}

static void GC_CALLBACK push_roots(void)
{
    if (world.next_push_roots != NULL)
        world.next_push_roots(); /* the stacks of threads, among others */
    if (world.stack_rest != NULL)
        GC_push_all_eager(world.stack_rest, world.stack_end);
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        GC_push_all_eager(c->heap == world.current ? (void *)&c->heap->credit_bytes : c->heap, c->heap + 1);
        for (size_t i = 0; i < c->root_count; i++)
            GC_push_all_eager(c->roots[i].start, (char *)c->roots[i].start + c->roots[i].size);
        for (uint32_t i = 0; !world.by_turns && i < c->account_end; i++) {
            if (ri_collector_account(c, i) != NULL)
                push_account(c->accounts[i]);
        }
        if (!world.by_turns)
            scan_stacks(c, push_eagerly);
    }
}

/* -- Host process and threads ------------------------------------------------------------------------------------ */

static void forget_thread(void *unused)
{
    (void)unused;
    GC_unregister_my_thread();
}

static void *set_stack_bottom(void *base)
{
    GC_set_stackbottom(NULL, base);
    return NULL;
}

static RI_COLD void enter_thread(void)
{
    struct GC_stack_base base;
    if (!GC_thread_is_registered() && GC_get_stack_base(&base) == GC_SUCCESS &&
        GC_register_my_thread(&base) == GC_SUCCESS) {
        GC_call_with_alloc_lock(set_stack_bottom, &base); /* libgc may have known an earlier thread by this id */
        pthread_setspecific(world.thread_key, &world);
    }
    ri_gc_thread.handle = GC_get_my_stackbottom(&base);
    ri_gc_thread.bottom = base.mem_base;
    ri_gc_thread.is_known = true;
}

void ri_heap_enter_thread(void)
{
    if (RI_UNLIKELY(!ri_gc_thread.is_known))
        enter_thread();
}

void *ri_heap_locked(void *(*fn)(void *argument), void *argument)
{
    return GC_call_with_alloc_lock(fn, argument);
}

#ifdef __GLIBC__
extern void *__libc_stack_end; /* where the stack of the main thread was when the process began */
#endif

/* A host that uses libgc itself keeps the settings it has made. */
static void init_world(void)
{
    pthread_key_create(&world.thread_key, forget_thread);
    world.is_ours = !GC_is_init_called();
    if (world.is_ours) {
        GC_set_all_interior_pointers(0);
        GC_set_no_dls(1);
        GC_set_dont_precollect(1);
        GC_set_markers_count(1);
        GC_set_warn_proc(GC_ignore_warn_proc);
        /* Left to itself libgc takes this thread for the main one, and reads /proc to find its stack (60 us). */
        struct GC_stack_base base = {.mem_base = NULL};
        bool is_main = syscall(SYS_gettid) == getpid();
#ifdef __GLIBC__
        if (is_main)
            base.mem_base = __libc_stack_end;
#endif
        if (base.mem_base != NULL || GC_get_stack_base(&base) == GC_SUCCESS)
            GC_set_stackbottom(NULL, &base);
        GC_INIT();
        if (!is_main)
            pthread_setspecific(world.thread_key, &world);
        GC_set_disable_automatic_collection(1);
        GC_expand_hp(FIRST_HEAP_BYTES);
    }
    GC_allow_register_threads();

    GC_word object_proc = GC_new_proc(mark_proc);
    world.storage = GC_MAKE_PROC(object_proc, (GC_word)1);
    world.continue_values = GC_MAKE_PROC((GC_word)GC_new_proc(values_proc), (GC_word)0);
    world.continue_words = GC_MAKE_PROC((GC_word)GC_new_proc(words_proc), (GC_word)0);
    world.continue_entries = GC_MAKE_PROC((GC_word)GC_new_proc(entries_proc), (GC_word)0);
    for (int space = 0; space < RI_SPACE_COUNT; space++)
        world.kind[space] = (int)GC_new_kind(GC_new_free_list(), GC_MAKE_PROC(object_proc, (GC_word)0), 0,
                                             space == RI_SPACE_OBJECT);
    void *regions = mmap(NULL, REGION_COUNT / 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
    world.regions = regions != MAP_FAILED ? regions : NULL;
    world.next_push_roots = GC_get_push_other_roots();
    GC_set_push_other_roots(push_roots);
    world.next_on_event = GC_get_on_collection_event();
    GC_set_on_collection_event(on_event);
    world.ready = true;
}

/* -- Life of a heap ---------------------------------------------------------------------------------------------- */

uint8_t ri_owner_block_claim(RiCollector *c, uint32_t first_index)
{
    for (uint32_t i = 1; i < RI_OWNER_BLOCKS; i++) {
        if (world.owner_blocks[i].c == NULL) {
            world.owner_blocks[i].c = c;
            world.owner_blocks[i].first_index = first_index;
            return (uint8_t)i;
        }
    }
    return 0;
}

static void *link_heap(void *collector)
{
    RiCollector *c = collector;
    c->next = world.heaps;
    world.heaps = c;
    world.heap_count++;
    return NULL;
}

static void *unlink_heap(void *collector)
{
    RiCollector *c = collector, **link = &world.heaps;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    world.heap_count--;
    for (uint32_t i = 1; i < RI_OWNER_BLOCKS; i++) {
        if (world.owner_blocks[i].c == c)
            world.owner_blocks[i].c = NULL;
    }
    return NULL;
}

static void read_environment(RiCollector *c)
{
    const char *stress = getenv("RILLE_STRESS");
    const char *gc = stress != NULL ? strstr(stress, "gc") : NULL;
    if (gc != NULL) {
        unsigned long every = gc[2] == '=' ? strtoul(gc + 3, NULL, 10) : 1;
        c->stress_every = c->stress_left = every > 0 ? (uint32_t)every : 1;
    }
    const char *fail = CAN_FAIL_ALLOC ? getenv("RILLE_FAIL_ALLOC") : NULL;
    if (fail != NULL) {
        char *rest;
        c->fail_left = (uint32_t)strtoul(fail, &rest, 10);
        c->fails_on = *rest == '+';
    }
    c->is_testing = c->stress_every != 0 || c->fail_left != 0;
}

/* What every heap has from the start. */
static void fill_heap(RiHeap *heap, void *unused)
{
    (void)unused;
    ri_strings_init(heap);
    ri_shapes_init(heap);
}

RiHeap *ri_heap_create(uint64_t seed)
{
    RiHeap *heap = calloc(1, sizeof *heap);
    RiCollector *c = calloc(1, sizeof *c);
    if (heap == NULL || c == NULL) {
        free(heap);
        free(c);
        return NULL;
    }
    c->heap = heap;
    heap->collector = c;
    heap->account = &c->home;
    heap->seed = seed;
    heap->epoch = 1;
    heap->serial = 1;
    pthread_mutex_lock(&world.mutex);
    if (!world.ready)
        init_world();
    ri_heap_enter_thread();
    bool has_stack = try_reserve_stack(STACK_SLACK);
    GC_call_with_alloc_lock(link_heap, c);
    pthread_mutex_unlock(&world.mutex);
    c->footprint_base = c->footprint_seen = ri_heap_footprint();
    read_environment(c);
    bool has_home = ri_account_link(heap, &c->home);
    heap->owner = c->home.owner;
    if (!has_stack || !has_home || !ri_heap_try(heap, fill_heap, NULL)) {
        ri_heap_destroy(heap);
        return NULL;
    }
    return heap;
}

void ri_heap_destroy(RiHeap *heap)
{
    if (heap == NULL)
        return;
    RiCollector *c = heap->collector;
    ri_shapes_destroy(heap);
    ri_accounts_destroy(heap);
    GC_call_with_alloc_lock(unlink_heap, c);
    ri_strings_destroy(heap);
    free_spares(c);
    ri_heap_cfree(c->roots);
    ri_heap_cfree(c->stacks);
    free(c);
    free(heap);
}

/* -- Shortage of memory ------------------------------------------------------------------------------------------- */

void ri_heap_fail(RiHeap *heap)
{
    if (heap->on_no_memory != NULL)
        heap->on_no_memory(heap);
    ri_panic(__FILE__, __LINE__, "not enough memory");
}

static void leave_try(RiHeap *heap)
{
    longjmp(*heap->collector->rescue, 1);
}

bool ri_heap_try(RiHeap *heap, void (*fn)(RiHeap *heap, void *argument), void *argument)
{
    jmp_buf rescue;
    if (setjmp(rescue)) {
        heap->on_no_memory = NULL;
        return false;
    }
    heap->collector->rescue = &rescue;
    heap->on_no_memory = leave_try;
    fn(heap, argument);
    if (heap->on_no_memory == leave_try)
        heap->on_no_memory = NULL;
    return true;
}

/* Is this the allocation that is to fail, for a test? */
static bool must_fail(RiCollector *c)
{
    if (!CAN_FAIL_ALLOC || RI_LIKELY(c->fail_left == 0))
        return false;
    bool fails = --c->fail_left == 0;
    c->fail_left += fails && c->fails_on;
    return fails;
}

void *ri_heap_calloc(RiHeap *heap, size_t count, size_t size)
{
    if (must_fail(heap->collector))
        return NULL;
    if (heap->account->limit_bytes != RI_NO_MEMORY_LIMIT && size <= RI_ALLOC_SIZE_MAX / count &&
        count * size > UNLIMITED_BYTES && !ri_quota_admits(heap, count * size))
        return NULL;
    void *block = calloc(count, size);
    if (RI_LIKELY(block != NULL) || size > RI_ALLOC_SIZE_MAX / count)
        return block;
    /* What libgc once had it keeps. If that is all the memory there is, a part of it is to serve. */
    block = GC_malloc_atomic_uncollectable(count * size);
    return block != NULL ? memset(block, 0, count * size) : NULL;
}

void ri_heap_cfree(void *block)
{
    if (block != NULL && GC_base(block) != NULL)
        GC_free(block);
    else
        free(block);
}

/* -- Native stacks ----------------------------------------------------------------------------------------------- */

typedef struct StackChange {
    RiCollector *c;
    RiNativeStack *stack;
    RiNativeStack **larger; /* a larger array, or NULL; then the old one */
} StackChange;

static void *insert_stack(void *argument)
{
    StackChange *change = argument;
    RiCollector *c = change->c;
    if (change->larger != NULL) {
        RiNativeStack **old = c->stacks;
        if (c->stack_count > 0)
            memcpy(change->larger, old, c->stack_count * sizeof *old);
        c->stacks = change->larger;
        c->stack_capacity = c->stack_capacity * 2 + 8;
        change->larger = old;
    }
    change->stack->index = c->stack_count;
    c->stacks[c->stack_count++] = change->stack;
    return NULL;
}

static void *delete_stack(void *argument)
{
    StackChange *change = argument;
    RiCollector *c = change->c;
    RiNativeStack *last = c->stacks[--c->stack_count];
    last->index = change->stack->index;
    c->stacks[last->index] = last;
    return NULL;
}

void ri_heap_add_stack(RiHeap *heap, RiNativeStack *stack)
{
    RiCollector *c = heap->collector;
    StackChange change = {.c = c, .stack = stack};
    if (c->stack_count == c->stack_capacity) {
        change.larger = ri_heap_calloc(heap, c->stack_capacity * 2 + 8, sizeof(RiNativeStack *));
        if (change.larger == NULL)
            ri_heap_fail(heap);
    }
    ri_heap_enter_thread();
    c->stack_bottom = ri_gc_thread.bottom;
    GC_call_with_alloc_lock(insert_stack, &change);
    ri_heap_cfree(change.larger);
}

void ri_heap_remove_stack(RiHeap *heap, RiNativeStack *stack)
{
    StackChange change = {.c = heap->collector, .stack = stack};
    GC_call_with_alloc_lock(delete_stack, &change);
}

/* While a thread runs on a stack that is not its own libgc scans nothing of it in collections of other threads, which may
 * find it in the middle of a change; stack_range does. In its own the stack's end is set beforehand. */
void ri_heap_set_stack(RiHeap *heap, RiNativeStack *stack)
{
    RiCollector *c = heap->collector;
    bool was_own = c->stack == NULL, is_own = stack == NULL || stack->low == NULL;
    c->stack = is_own ? NULL : stack;
    if (was_own == is_own)
        return;
    ri_heap_enter_thread();
    struct GC_stack_base bottom = {.mem_base = is_own ? ri_gc_thread.bottom : NO_STACK};
    c->stack_bottom = ri_gc_thread.bottom;
    GC_set_stackbottom(ri_gc_thread.handle, &bottom); /* a plain store */
}

/* -- Pages ------------------------------------------------------------------------------------------------------- */

int64_t ri_heap_footprint(void)
{
    size_t all = GC_get_heap_size() + GC_get_unmapped_bytes();
    return (int64_t)(GC_get_heap_size() - GC_get_free_bytes() + (GC_get_obtained_from_os_bytes() - all));
}

bool ri_heap_is_alone(const RiCollector *c)
{
    return world.heap_count == 1 && world.heaps == c;
}

static void *note_region(void *argument)
{
    uint32_t region = (uint32_t)(uintptr_t)argument;
    world.regions[region / 64] |= (uint64_t)1 << region % 64;
    if (world.region_end == 0 || region < world.region_first)
        world.region_first = region;
    if (region >= world.region_end)
        world.region_end = region + 1;
    return NULL;
}

/* The block of libgc's that begins at `page`, or part of one: its size, and is it free? A page that libgc does not know
 * counts as a block in use. */
static size_t page_run(char *page, bool *is_free)
{
    char *base = GC_base(page);
    *is_free = base == NULL && GC_is_heap_ptr(page);
    if (*is_free)
        return GC_size(page);
    if (base == NULL || GC_size(base) < PAGE_BYTES)
        return PAGE_BYTES;
    return (size_t)(base + ((GC_size(base) + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)) - page);
}

static void *release_pages(void *unused)
{
    (void)unused;
    char *page = NULL;
    for (uintptr_t region = world.region_first; region < world.region_end; region++) {
        if (!(world.regions[region / 64] >> region % 64 & 1))
            continue;
        char *start = (char *)(region << REGION_BITS), *end = start + ((uintptr_t)1 << REGION_BITS);
        bool is_free;
        size_t size;
        for (page = page > start ? page : start; page < end; page += size) {
            size = page_run(page, &is_free);
            if (is_free)
                madvise(page, size, MADV_DONTNEED);
        }
    }
    return NULL;
}

void ri_heap_release_pages(RiHeap *heap)
{
    (void)heap;
    GC_call_with_alloc_lock(release_pages, NULL);
}

/* -- Allocation -------------------------------------------------------------------------------------------------- */

/* After how much allocation since the last collection is the next one due? */
static int64_t debt_bytes(const RiHeap *heap)
{
    int64_t live = heap->collector->live_bytes, more = (int64_t)heap->account->pause_percent - 100;
    int64_t share = more > 0 ? live / 100 * more : 0;
    int64_t easy = live < DEBT_EASY_BYTES / DEBT_MAX_RATIO ? live * DEBT_MAX_RATIO : DEBT_EASY_BYTES;
    int64_t debt = share > easy ? share : easy;
    return debt > DEBT_MIN_BYTES ? debt : DEBT_MIN_BYTES;
}

static bool is_due(const RiHeap *heap)
{
    return ri_heap_since(heap) + heap->collector->dead_bytes >= debt_bytes(heap) && !heap->stopped;
}

/* Before `size` bytes are taken from libgc: collect if it is time. True if the allocation is to fail, for a test. */
static bool before_alloc(RiHeap *heap, size_t size)
{
    RiCollector *c = heap->collector;
    ri_heap_enter_thread();
    if (must_fail(c))
        return true;
    if (RI_UNLIKELY(c->stress_every != 0)) {
        if (--c->stress_left == 0) {
            c->stress_left = c->stress_every;
            ri_heap_collect(heap);
        }
    } else if (RI_UNLIKELY(is_due(heap))) {
        if (ri_heap_since(heap) >= debt_bytes(heap) * 2) {
            ri_heap_collect(heap);
        } else {
            ri_heap_attend(heap);
        }
    }
    if (heap->account->limit_bytes != RI_NO_MEMORY_LIMIT)
        ri_quota_check(heap, size);
    return false;
}

/* A block has been taken from libgc. */
static void after_alloc(RiHeap *heap, const void *block, size_t size)
{
    uintptr_t first = (uintptr_t)block >> REGION_BITS, last = ((uintptr_t)block + size - 1) >> REGION_BITS;
    for (uintptr_t region = first; region <= last; region++) {
        bool is_known = world.regions == NULL || region >= REGION_COUNT ||
                        world.regions[region / 64] >> region % 64 & 1;
        if (RI_UNLIKELY(!is_known))
            GC_call_with_alloc_lock(note_region, (void *)region);
    }
    if (heap->collector->limited_count > 0)
        ri_quota_note_growth(heap);
}

/* One block, and, if `list` is not NULL, a list of more there. */
static void *take_from_libgc(size_t size, RiBlockSpace space, void **list)
{
    if (list == NULL)
        return GC_generic_malloc(size, world.kind[space]);
    /* libgc stores the list before it gives up its lock: a collection of another heap finds it where it belongs. */
    GC_generic_malloc_many(size, world.kind[space], list);
    void *first = *list;
    if (first != NULL)
        *list = *(void **)first;
    return first;
}

/* A pointer-free block of middle size. NULL: not one of those, or memory is short. */
static void *alloc_middle(RiHeap *heap, size_t size)
{
    RiCollector *c = heap->collector;
    size_t class = spare_class(size);
    if (class == RI_SPARE_CLASS_COUNT || c->is_testing)
        return NULL;
    void *block = take_spare(c, class);
    if (block == NULL) {
        block = take_from_libgc(spare_sizes[class], RI_SPACE_LEAF, NULL);
        if (block == NULL)
            return NULL;
        know_spare(c, class, block);
        after_alloc(heap, block, spare_sizes[class]);
    }
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    return block;
}

void *ri_heap_alloc_slow(RiHeap *heap, size_t size, RiBlockSpace space)
{
    if (size == 0)
        size = 1;
    if (RI_UNLIKELY(size > RI_ALLOC_SIZE_MAX || before_alloc(heap, size)))
        ri_heap_fail(heap);
    size_t granules = (size + 15) >> 4;
    if (size > SPARE_SIZE_MIN && space == RI_SPACE_LEAF) {
        void *middle = alloc_middle(heap, size);
        if (RI_LIKELY(middle != NULL))
            return middle;
    }
    bool is_small = granules < RI_SIZE_CLASS_COUNT && !heap->collector->is_testing;
    size_t block_size = is_small ? granules << 4 : ri_heap_block_size(size);
    void **list = is_small ? &heap->free[space][granules] : NULL;
    void *block = take_from_libgc(is_small ? block_size : size, space, list);
    if (RI_UNLIKELY(block == NULL)) {
        ri_heap_collect(heap);
        block = take_from_libgc(is_small ? block_size : size, space, list);
        if (block == NULL)
            ri_heap_fail(heap);
    }
    heap->credit_bytes -= (int64_t)block_size;
    after_alloc(heap, block, block_size);
    return block;
}

void *ri_heap_alloc_block(RiHeap *heap, size_t size)
{
    if (size < sizeof(RiObject))
        size = sizeof(RiObject);
    void *block = ri_heap_alloc(heap, size, RI_SPACE_OBJECT);
    ri_object_init(block, RI_TAG_BLOCK, 0, 0, 0);
    return block;
}

void *ri_heap_alloc_raw(RiHeap *heap, size_t size, bool has_pointers)
{
    if (size == 0)
        size = 1;
    if (RI_UNLIKELY(size > RI_ALLOC_SIZE_MAX || before_alloc(heap, size)))
        ri_heap_fail(heap);
    void *block = has_pointers ? GC_malloc(size) : GC_malloc_atomic(size);
    if (RI_UNLIKELY(block == NULL)) {
        ri_heap_collect(heap);
        block = has_pointers ? GC_malloc(size) : GC_malloc_atomic(size);
        if (block == NULL)
            ri_heap_fail(heap);
    }
    if (!has_pointers)
        memset(block, 0, size);
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    ri_heap_uncount(heap, size);
    after_alloc(heap, block, size);
    return block;
}

void *ri_heap_object_of(const void *p)
{
    RiObject *object = p != NULL ? GC_base((void *)(uintptr_t)p) : NULL;
    if (object == NULL)
        return NULL;
    size_t size;
    int kind = GC_get_kind_and_size(object, &size);
    bool is_ours = kind == world.kind[RI_SPACE_OBJECT] || kind == world.kind[RI_SPACE_LEAF];
    return is_ours && object->kind_byte & 1 ? object : NULL;
}

size_t ri_heap_size_of(const void *object)
{
    return GC_size(object);
}

void ri_heap_uncount(RiHeap *heap, size_t size)
{
    heap->account->uncounted_bytes += (int64_t)ri_heap_block_size(size);
}

void ri_heap_free(RiHeap *heap, void *block, size_t size)
{
    if (block == NULL)
        return;
    ri_debug_assert(((const RiObject *)block)->kind_byte & 1);
    heap->credit_bytes += (int64_t)ri_heap_block_size(size);
    size_t block_size;
    int kind = GC_get_kind_and_size(block, &block_size);
    RiBlockSpace space = kind == world.kind[RI_SPACE_OBJECT] ? RI_SPACE_OBJECT : RI_SPACE_LEAF;
    size_t granules = block_size >> 4, class = spare_class(block_size);
    bool is_testing = heap->collector->is_testing;
    if (kind == world.kind[RI_SPACE_LEAF] && class < RI_SPARE_CLASS_COUNT && block_size == spare_sizes[class] && !is_testing) {
        give_spare(heap->collector, class, block); /* it may be known */
        return;
    }
    if (kind != world.kind[space] || granules >= RI_SIZE_CLASS_COUNT || is_testing) {
        GC_free(block);
        return;
    }
    if (space == RI_SPACE_OBJECT)
        memset((char *)block + sizeof(void *), 0, block_size - sizeof(void *));
    *(void **)block = heap->free[space][granules];
    heap->free[space][granules] = block;
}

/* -- Collection -------------------------------------------------------------------------------------------------- */

uint64_t ri_heap_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Pieces of what memcpy copied last stay in vector registers, and the lazy binding of a call saves all of those on the
 * stack. */
static void clear_vector_registers(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        __asm__ volatile("vzeroall\n"
                         "vpxorq %%zmm16, %%zmm16, %%zmm16\nvpxorq %%zmm17, %%zmm17, %%zmm17\n"
                         "vpxorq %%zmm18, %%zmm18, %%zmm18\nvpxorq %%zmm19, %%zmm19, %%zmm19\n"
                         "vpxorq %%zmm20, %%zmm20, %%zmm20\nvpxorq %%zmm21, %%zmm21, %%zmm21\n"
                         "vpxorq %%zmm22, %%zmm22, %%zmm22\nvpxorq %%zmm23, %%zmm23, %%zmm23\n"
                         "vpxorq %%zmm24, %%zmm24, %%zmm24\nvpxorq %%zmm25, %%zmm25, %%zmm25\n"
                         "vpxorq %%zmm26, %%zmm26, %%zmm26\nvpxorq %%zmm27, %%zmm27, %%zmm27\n"
                         "vpxorq %%zmm28, %%zmm28, %%zmm28\nvpxorq %%zmm29, %%zmm29, %%zmm29\n"
                         "vpxorq %%zmm30, %%zmm30, %%zmm30\nvpxorq %%zmm31, %%zmm31, %%zmm31\n"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    else if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

/* For functions whose own frame is scanned, or cleared: a sanitizer's frames have parts that are neither. */
#define PLAIN_FRAME __attribute__((no_sanitize_address)) RI_NOINLINE

/* The frames of libgc's functions will lie where those of earlier calls left pointers behind. */
static PLAIN_FRAME void clear_stack_below(void)
{
    char frame[6000];
    memset(frame, 0, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static void clear_traces(void)
{
    clear_stack_below();
    clear_vector_registers();
}

static int is_stopped(void)
{
    return is_given_up();
}

static void collect_now(void)
{
    if (world.stop != NULL)
        GC_try_to_collect(is_stopped);
    else
        GC_gcollect();
}

/* Collect with the C stack scanned from `rest` up to `bottom`, and this function's callees. No other heap can begin a
 * collection meanwhile: there is none, and world.mutex is held. */
static PLAIN_FRAME void collect_with_rest(void *rest, void *bottom)
{
    struct GC_stack_base here = {.mem_base = __builtin_frame_address(0)};
    if ((char *)rest <= (char *)here.mem_base || (char *)rest > (char *)bottom) {
        collect_now();
        return;
    }
    world.stack_rest = rest;
    world.stack_end = bottom;
    GC_call_with_alloc_lock(set_stack_bottom, &here);
    clear_traces();
    collect_now();
    here.mem_base = bottom;
    GC_call_with_alloc_lock(set_stack_bottom, &here);
    world.stack_rest = NULL;
}

/* The registers that libgc takes for roots may hold what the caller has done with. */
static PLAIN_FRAME void forget_registers(void *rest, void *bottom)
{
    clear_stack_below(); /* the next frame has holes as well */
#ifdef __x86_64__
    __asm__ volatile("xorl %%ebx, %%ebx\nxorl %%r12d, %%r12d\nxorl %%r13d, %%r13d\n"
                     "xorl %%r14d, %%r14d\nxorl %%r15d, %%r15d"
                     :
                     :
                     : "rbx", "r12", "r13", "r14", "r15", "cc");
#endif
    collect_with_rest(rest, bottom);
    __asm__ volatile("" : : : "memory"); /* no tail call: the registers lie saved in this frame, which is not scanned */
}

/* Lists that have become large are not kept. */
static void *trim_lists(void *unused)
{
    (void)unused;
    Vec *lists[] = {&world.weak, &world.dead_entries, &world.feedbacks};
    for (size_t i = 0; i < RI_COUNTOF(lists); i++) {
        if (lists[i]->capacity_bytes > LIST_KEPT_BYTES) {
            munmap(lists[i]->items, lists[i]->capacity_bytes);
            *lists[i] = (Vec){0};
        }
    }
    if (world.stack.capacity_bytes > LIST_KEPT_BYTES)
        vec_move(&world.stack, STACK_SLACK * sizeof(MarkEntry));
    return NULL;
}

/* With the stack that is running, down from its end, or from `frame` if that is not NULL. */
static void collect_from(RiHeap *heap, void *frame)
{
    RiCollector *c = heap->collector;
    struct GC_stack_base bottom = {.mem_base = c->stack != NULL ? c->stack->high : ri_gc_thread.bottom};
    if (c->stack != NULL)
        GC_call_with_alloc_lock(set_stack_bottom, &bottom);
    bool is_above = frame != NULL && world.is_ours && pthread_mutex_trylock(&world.mutex) == 0;
    if (is_above && world.heap_count == 1) {
        forget_registers(frame, bottom.mem_base);
    } else {
        clear_traces();
        collect_now();
    }
    if (is_above)
        pthread_mutex_unlock(&world.mutex);
    bottom.mem_base = NO_STACK;
    if (c->stack != NULL)
        GC_call_with_alloc_lock(set_stack_bottom, &bottom);
}

void ri_heap_collect_above(RiHeap *heap, void *frame)
{
    RiCollector *c = heap->collector;
    if (heap->stop_collection)
        return;
    uint64_t start = ri_heap_now_ns();
    ri_heap_enter_thread();
    c->allocated_bytes += (uint64_t)ri_heap_since(heap);
    c->thread = pthread_self();
    c->collecting = true;
    if (heap->stoppable && world.heap_count == 1 && c->live_bytes + ri_heap_since(heap) > UNSTOPPED_BYTES)
        world.stop = &heap->stop_collection;
    c->settled = false;
    collect_from(heap, frame);
    world.stop = NULL;
    if (c->settled)
        ri_quota_after_collect(c);
    c->collecting = false;
    GC_call_with_alloc_lock(trim_lists, NULL);
    ri_shapes_on_collect(heap);
    uint64_t spent = ri_heap_now_ns() - start;
    c->collections++;
    c->collect_ns += spent;
    heap->account->collections++;
    heap->account->collect_ns += spent;
}

void ri_heap_collect(RiHeap *heap)
{
    ri_heap_collect_above(heap, NULL);
}

bool ri_heap_collect_if_due(RiHeap *heap, void *frame)
{
    bool due = is_due(heap);
    if (due)
        ri_heap_collect_above(heap, frame);
    return due;
}

uint64_t ri_heap_count_bytes(const RiHeap *heap)
{
    const RiAccount *account = heap->account;
    int64_t bytes = account->live_bytes + ri_account_since(account) - account->uncounted_bytes;
    return bytes > 0 ? (uint64_t)bytes : 0;
}

void ri_heap_trim(RiHeap *heap)
{
    heap->collector->is_quota_collection = true;
    ri_heap_collect(heap);
    heap->collector->is_quota_collection = false;
    ri_heap_release_pages(heap);
}

void ri_heap_set_pause(RiHeap *heap, unsigned pause_percent)
{
    heap->account->pause_percent = pause_percent;
}

void ri_heap_stats(const RiHeap *heap, RiHeapStats *out)
{
    const RiCollector *c = heap->collector;
    int64_t since = ri_heap_since(heap);
    *out = (RiHeapStats){
        .collections = c->collections,
        .collect_ns = c->collect_ns,
        .allocated_bytes = c->allocated_bytes + (uint64_t)since,
        .live_bytes = (uint64_t)c->live_bytes,
        .heap_bytes = GC_get_heap_size(),
        .strings_interned = ri_strings_count(heap),
        .accounts = c->account_count - 1,
    };
}

