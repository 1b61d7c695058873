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
#include "vm/object/heap.h"

#include <pthread.h>
#include <setjmp.h>
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

#include "vm/object/shape.h"
#include "vm/object/thread.h"
#include "vm/object/udata.h"

#define FIRST_HEAP_BYTES ((size_t)8 << 20) /* what libgc reserves at the start; pages come when touched */
#define DEBT_MIN_BYTES ((int64_t)2 << 20)  /* no collection before so much has been allocated: it fits into a cache */
#define DEBT_MAX_RATIO 4                   /* times the live bytes, as long as that is less than … */
#define DEBT_EASY_BYTES ((int64_t)8 << 20) /* … this: a small heap is marked in no time, but not all the time */
#define PAUSE_PERCENT 200

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

typedef struct Root {
    void *start;
    size_t size;
} Root;

typedef struct Registered { /* an object with a finalizer */
    void *object;
    uint64_t tag;
} Registered;

/* Pointer-free blocks of one middle size: see "Spare blocks". */
enum { SPARE_CLASS_COUNT = 10 };
typedef struct Spares {
    void *first;          /* free blocks; link in word 0 */
    void **known;         /* blocks taken from libgc since the last collection, and those kept by it */
    uint32_t known_count; /* at most SPARE_BYTES_MAX / size */
    uint32_t taken;       /* allocations since the last collection */
} Spares;

struct RiCollector {
    RiHeap *heap;
    RiCollector *next; /* all heaps of the host process; guarded by libgc's lock */
    uint32_t number;   /* 1 … 255, 0 when there are more: of tables' owners */
    bool collecting;   /* by `thread`; see on_event */
    pthread_t thread;
    Root *roots;
    size_t root_count, root_capacity;
    Spares spares[SPARE_CLASS_COUNT];
    Registered *registered; /* in order of registration */
    size_t registered_count;
    Registered *pending; /* to be finalized: [pending_first, pending_end) */
    size_t pending_first, pending_end;
    size_t finalizer_capacity; /* of both: every registered object has room among the pending */
    int64_t live_bytes;        /* after the last collection */
    int64_t credit_base;       /* heap->credit_bytes then */
    int64_t uncounted_bytes;   /* allocated since, but not the guest's */
    int64_t debt_bytes;        /* allocation after which the next collection is due */
    unsigned pause_percent;
    uint32_t stress_every, stress_left; /* RILLE_STRESS=gc; 0: off */
    uint32_t fail_left;                 /* RILLE_FAIL_ALLOC; 0: off */
    bool fails_on;                      /* so do all after it */
    bool is_testing;                    /* one of these: every block is taken by itself, none by the fast path */
    jmp_buf *rescue;                    /* of ri_heap_try */
    uint64_t collections, collect_ns, allocated_bytes;
};

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
    uint8_t numbers[256 / 8]; /* of heaps, those in use */

    /* Of the collection under way. */
    RiHeap *current; /* NULL: somebody else's */
    bool precise;    /* the current heap is the only one, and all its values are in order */
    void *stack_rest, *stack_end; /* if not NULL: the part of the C stack that is scanned besides the youngest frames */
    int32_t lock;    /* of the arrays: a host may have parallel marking on */
    int64_t live_bytes;
    int64_t owned_bytes[256]; /* of those, by number of the heap they are known to belong to; 0: unknown */
    Vec weak;         /* WeakTable: of the current heap, reached */
    size_t weak_visited;
    Vec dead_entries; /* RiDict *: with removed entries whose keys may be dead */
    Vec feedbacks;    /* RiFeedback *: with caches that know objects */
    Vec stack;        /* MarkEntry: of the settling phase */
    MetaMode meta_cache[META_CACHE_SIZE];
} ri_gc_world = {.mutex = PTHREAD_MUTEX_INITIALIZER};

#define world ri_gc_world

static __thread bool ri_gc_thread_is_known;

/* -- Memory that is not collected -------------------------------------------------------------------------------- */

static bool vec_move(Vec *vec, size_t item_size, size_t capacity)
{
    void *items = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (items == MAP_FAILED)
        return false;
    if (vec->items != NULL) {
        memcpy(items, vec->items, vec->count * item_size);
        munmap(vec->items, vec->capacity_bytes);
    }
    vec->items = items;
    vec->capacity_bytes = capacity;
    return true;
}

/* Room for one more item. False if memory is short. */
static bool vec_reserve(Vec *vec, size_t item_size)
{
    if (RI_LIKELY((vec->count + 1) * item_size <= vec->capacity_bytes))
        return true;
    return vec_move(vec, item_size, vec->capacity_bytes ? vec->capacity_bytes * 2 : 65536);
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
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        if (c->number == owner >> 16)
            return c->number ? c : NULL;
    }
    return NULL;
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
#define OWNED(number, size) world.owned_bytes[number] += (int64_t)(size)
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
#undef OWNED
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

enum { STACK_SLACK = 16384 }; /* entries, more than one call of a mark procedure pushes */

static bool try_reserve_stack(size_t used)
{
    size_t needed = (used + STACK_SLACK) * sizeof(MarkEntry);
    if (RI_LIKELY(needed <= world.stack.capacity_bytes))
        return true;
    world.stack.count = used > 0 ? used + 1 : 0; /* what is to be kept */
    return vec_move(&world.stack, sizeof(MarkEntry), used > 0 ? needed * 2 : needed);
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

/* Process entries until the stack is empty. */
static void drain(size_t used)
{
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

/* Values of ephemeron tables may lead to keys of others. Changing direction helps with long chains. */
static void converge(void)
{
    bool backwards = false, changed;
    do {
        changed = visit_new_weak_tables();
        size_t count = world.weak.count;
        for (size_t n = 0; n < count; n++)
            changed |= converge_table(backwards ? count - 1 - n : n, backwards);
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
static void resurrect(RiCollector *c)
{
    size_t kept = c->registered_count, end = c->pending_end;
    for (size_t i = c->registered_count; i-- > 0;) {
        if (is_live(c->registered[i].object))
            c->registered[--kept] = c->registered[i];
        else
            c->pending[end++] = c->registered[i];
    }
    c->registered_count -= kept;
    if (kept > 0)
        memmove(c->registered, c->registered + kept, c->registered_count * sizeof *c->registered);
    for (size_t i = c->pending_end; i < end; i++)
        mark_now(c->pending[i].object);
    c->pending_end = end;
    if (c->pending_first < end) {
        c->heap->attention = true;
        c->heap->budget = 0;
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
static const uint16_t spare_sizes[SPARE_CLASS_COUNT] = {1360,  2048,  4096,  8192,  12288,
                                                        16384, 20480, 24576, 28672, 32768};

/* The class for `size` bytes; SPARE_CLASS_COUNT: none. */
static size_t spare_class(size_t size)
{
    if (size <= SPARE_SIZE_MIN || size > SPARE_SIZE_MAX)
        return SPARE_CLASS_COUNT;
    return size <= spare_sizes[0] ? 0 : size <= spare_sizes[1] ? 1 : 2 + (size - 1) / 4096;
}

static void *take_spare(RiCollector *c, size_t class)
{
    Spares *spares = &c->spares[class];
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
    Spares *spares = &c->spares[class];
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
    for (size_t class = 0; class < SPARE_CLASS_COUNT; class++) {
        Spares *spares = &c->spares[class];
        uint32_t kept = 0;
        for (uint32_t i = 0; i < spares->known_count && kept < spares->taken; i++) {
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
    for (size_t class = 0; class < SPARE_CLASS_COUNT; class++) {
        const Spares *spares = &c->spares[class];
        for (uint32_t i = 0; i < spares->known_count; i++)
            GC_set_mark_bit(spares->known[i]);
        for (void *block = spares->first; block != NULL; block = *(void **)block)
            GC_set_mark_bit(block);
    }
}

static void free_spares(RiCollector *c)
{
    for (size_t class = 0; class < SPARE_CLASS_COUNT; class++)
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

/* What a heap has, as far as is known, besides what is its own beyond doubt. */
static int64_t shared_bytes(const RiCollector *c)
{
    int64_t bytes = (int64_t)ri_heap_count_bytes(c->heap) - (c->number ? world.owned_bytes[c->number] : 0);
    return bytes > 0 ? bytes + 1 : 1;
}

/* The bytes of all heaps are counted together, as strings do not know their heap: share them out. VM stacks do know, and
 * are large at times and then given back at once. */
static void share_live_bytes(void)
{
    int64_t total = 0, limit = (int64_t)GC_get_heap_size(); /* without unmapped memory */
    if (world.live_bytes > limit) /* some was counted twice, after the mark stack was full */
        world.live_bytes = limit;
    int64_t rest = world.live_bytes;
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        total += shared_bytes(c);
        rest -= c->number ? world.owned_bytes[c->number] : 0;
    }
    if (rest < 0)
        rest = 0;
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        int64_t share = (int64_t)((double)rest * ((double)shared_bytes(c) / (double)total));
        c->live_bytes = world.heap_count == 1 ? world.live_bytes
                                              : share + (c->number ? world.owned_bytes[c->number] : 0);
        c->credit_base = c->heap->credit_bytes;
        c->uncounted_bytes = 0;
    }
}

/* As lgc.c orders it: a resurrected object stays a key of weak tables until it really dies, but it is taken out of
 * weak values before its finalizer sees it. */
static void settle(void)
{
    converge();
    clear_weak_values(0);
    size_t before = world.weak.count;
    if (world.current != NULL)
        resurrect(world.current->collector);
    converge();
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
    share_live_bytes();
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

/* -- Callbacks of libgc ------------------------------------------------------------------------------------------ */

static void begin_collection(void)
{
    world.current = NULL;
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        if (c->collecting && pthread_equal(c->thread, pthread_self()))
            world.current = c->heap;
    }
    world.precise = world.current != NULL && world.heap_count == 1;
    world.live_bytes = 0;
    memset(world.owned_bytes, 0, sizeof world.owned_bytes);
    world.weak.count = world.weak_visited = 0;
    world.dead_entries.count = 0;
    world.feedbacks.count = 0;
    memset(world.meta_cache, 0, sizeof world.meta_cache);
    if (world.current != NULL)
        memset(world.current->free, 0, sizeof world.current->free); /* the cells are swept up with the rest */
}

static void GC_CALLBACK on_event(GC_EventType event)
{
    if (world.next_on_event != NULL)
        world.next_on_event(event);
    if (event == GC_EVENT_START)
        begin_collection();
    else if (event == GC_EVENT_MARK_END)
        settle();
}

static void GC_CALLBACK push_roots(void)
{
    if (world.next_push_roots != NULL)
        world.next_push_roots(); /* the stacks of threads, among others */
    if (world.stack_rest != NULL)
        GC_push_all_eager(world.stack_rest, world.stack_end);
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        GC_push_all_eager(c->heap, c->heap + 1);
        for (size_t i = 0; i < c->root_count; i++)
            GC_push_all_eager(c->roots[i].start, (char *)c->roots[i].start + c->roots[i].size);
        GC_push_all_eager(c->pending + c->pending_first, c->pending + c->pending_end);
        if (c->heap != world.current)
            GC_push_all_eager(c->registered, c->registered + c->registered_count);
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
    ri_gc_thread_is_known = true;
}

void ri_heap_enter_thread(void)
{
    if (RI_UNLIKELY(!ri_gc_thread_is_known))
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
    world.next_push_roots = GC_get_push_other_roots();
    GC_set_push_other_roots(push_roots);
    world.next_on_event = GC_get_on_collection_event();
    GC_set_on_collection_event(on_event);
    world.ready = true;
}

/* -- Life of a heap ---------------------------------------------------------------------------------------------- */

static void *link_heap(void *collector)
{
    RiCollector *c = collector;
    for (uint32_t i = 1; i < 256 && c->number == 0; i++) {
        if (!(world.numbers[i / 8] >> i % 8 & 1)) {
            world.numbers[i / 8] |= (uint8_t)(1u << i % 8);
            c->number = i;
        }
    }
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
    if (c->number != 0)
        world.numbers[c->number / 8] &= (uint8_t) ~(1u << c->number % 8);
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
    c->pause_percent = PAUSE_PERCENT;
    c->debt_bytes = DEBT_MIN_BYTES;
    heap->collector = c;
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
    heap->owner = c->number << 16;
    read_environment(c);
    if (!has_stack || !ri_heap_try(heap, fill_heap, NULL)) {
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
    GC_call_with_alloc_lock(unlink_heap, c);
    ri_strings_destroy(heap);
    free_spares(c);
    ri_heap_cfree(c->roots);
    ri_heap_cfree(c->registered);
    ri_heap_cfree(c->pending);
    free(c);
    free(heap);
}

/* -- Shortage of memory ------------------------------------------------------------------------------------------- */

static RI_NORETURN void fail_alloc(RiHeap *heap)
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

/* -- Roots ------------------------------------------------------------------------------------------------------- */

typedef struct RootChange {
    RiCollector *c;
    Root *roots; /* a larger array, or NULL */
    Root root;
} RootChange;

static void *insert_root(void *argument)
{
    RootChange *change = argument;
    RiCollector *c = change->c;
    Root *old = NULL;
    if (change->roots != NULL) {
        if (c->root_count > 0)
            memcpy(change->roots, c->roots, c->root_count * sizeof(Root));
        old = c->roots;
        c->roots = change->roots;
        c->root_capacity = c->root_capacity * 2 + 8;
    }
    c->roots[c->root_count++] = change->root;
    return old;
}

static void *delete_root(void *argument)
{
    RootChange *change = argument;
    RiCollector *c = change->c;
    for (size_t i = c->root_count; i-- > 0;) {
        if (c->roots[i].start == change->root.start && c->roots[i].size == change->root.size) {
            c->roots[i] = c->roots[--c->root_count];
            break;
        }
    }
    return NULL;
}

void ri_heap_add_root(RiHeap *heap, void *start, size_t size)
{
    RiCollector *c = heap->collector;
    RootChange change = {.c = c, .root = {start, size}};
    if (c->root_count == c->root_capacity) {
        change.roots = ri_heap_calloc(heap, c->root_capacity * 2 + 8, sizeof(Root));
        if (change.roots == NULL)
            fail_alloc(heap);
    }
    if (c->roots == NULL && change.roots == NULL)
        return;
    ri_heap_cfree(GC_call_with_alloc_lock(insert_root, &change));
}

void ri_heap_remove_root(RiHeap *heap, void *start, size_t size)
{
    RootChange change = {.c = heap->collector, .root = {start, size}};
    GC_call_with_alloc_lock(delete_root, &change);
}

/* -- Allocation -------------------------------------------------------------------------------------------------- */

static bool is_due(const RiHeap *heap)
{
    const RiCollector *c = heap->collector;
    return c->credit_base - heap->credit_bytes >= c->debt_bytes && !heap->stopped;
}

/* Before memory is taken from libgc: collect if it is time. True if the allocation is to fail, for a test. */
static bool before_alloc(RiHeap *heap)
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
        if (c->credit_base - heap->credit_bytes >= c->debt_bytes * 2) {
            ri_heap_collect(heap);
        } else {
            heap->attention = true;
            heap->budget = 0;
        }
    }
    return false;
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
    if (class == SPARE_CLASS_COUNT || c->is_testing)
        return NULL;
    void *block = take_spare(c, class);
    if (block == NULL) {
        block = take_from_libgc(spare_sizes[class], RI_SPACE_LEAF, NULL);
        if (block == NULL)
            return NULL;
        know_spare(c, class, block);
    }
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    return block;
}

void *ri_heap_alloc_slow(RiHeap *heap, size_t size, RiBlockSpace space)
{
    if (size == 0)
        size = 1;
    if (RI_UNLIKELY(size > RI_ALLOC_SIZE_MAX || before_alloc(heap)))
        fail_alloc(heap);
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
            fail_alloc(heap);
    }
    heap->credit_bytes -= (int64_t)block_size;
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
    if (RI_UNLIKELY(size > RI_ALLOC_SIZE_MAX || before_alloc(heap)))
        fail_alloc(heap);
    void *block = has_pointers ? GC_malloc(size) : GC_malloc_atomic(size);
    if (RI_UNLIKELY(block == NULL)) {
        ri_heap_collect(heap);
        block = has_pointers ? GC_malloc(size) : GC_malloc_atomic(size);
        if (block == NULL)
            fail_alloc(heap);
    }
    if (!has_pointers)
        memset(block, 0, size);
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    ri_heap_uncount(heap, size);
    return block;
}

void ri_heap_uncount(RiHeap *heap, size_t size)
{
    heap->collector->uncounted_bytes += (int64_t)ri_heap_block_size(size);
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
    if (kind == world.kind[RI_SPACE_LEAF] && class < SPARE_CLASS_COUNT && block_size == spare_sizes[class] && !is_testing) {
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

static uint64_t now_ns(void)
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

/* Collect with the C stack scanned from `rest` on, and this function's callees. No other heap can begin a collection
 * meanwhile: there is none, and world.mutex is held. */
static PLAIN_FRAME void collect_with_rest(void *rest)
{
    struct GC_stack_base bottom, here = {.mem_base = __builtin_frame_address(0)};
    GC_get_my_stackbottom(&bottom);
    if ((char *)rest <= (char *)here.mem_base || (char *)rest > (char *)bottom.mem_base) {
        GC_gcollect();
        return;
    }
    world.stack_rest = rest;
    world.stack_end = bottom.mem_base;
    GC_call_with_alloc_lock(set_stack_bottom, &here);
    clear_traces();
    GC_gcollect();
    GC_call_with_alloc_lock(set_stack_bottom, &bottom);
    world.stack_rest = NULL;
}

/* The registers that libgc takes for roots may hold what the caller has done with. */
static PLAIN_FRAME void forget_registers(void *rest)
{
    clear_stack_below(); /* the next frame has holes as well */
#ifdef __x86_64__
    __asm__ volatile("xorl %%ebx, %%ebx\nxorl %%r12d, %%r12d\nxorl %%r13d, %%r13d\n"
                     "xorl %%r14d, %%r14d\nxorl %%r15d, %%r15d"
                     :
                     :
                     : "rbx", "r12", "r13", "r14", "r15", "cc");
#endif
    collect_with_rest(rest);
    __asm__ volatile("" : : : "memory"); /* no tail call: the registers lie saved in this frame, which is not scanned */
}

static void set_debt(RiCollector *c)
{
    int64_t share = c->pause_percent > 100 ? c->live_bytes / 100 * (int64_t)(c->pause_percent - 100) : 0;
    int64_t easy = c->live_bytes < DEBT_EASY_BYTES / DEBT_MAX_RATIO ? c->live_bytes * DEBT_MAX_RATIO : DEBT_EASY_BYTES;
    int64_t debt = share > easy ? share : easy;
    c->debt_bytes = debt > DEBT_MIN_BYTES ? debt : DEBT_MIN_BYTES;
}

void ri_heap_collect_above(RiHeap *heap, void *frame)
{
    RiCollector *c = heap->collector;
    uint64_t start = now_ns();
    ri_heap_enter_thread();
    c->allocated_bytes += (uint64_t)(c->credit_base - heap->credit_bytes);
    c->thread = pthread_self();
    c->collecting = true;
    bool is_above = frame != NULL && world.is_ours && pthread_mutex_trylock(&world.mutex) == 0;
    if (is_above && world.heap_count == 1) {
        forget_registers(frame);
    } else {
        clear_traces();
        GC_gcollect();
    }
    if (is_above)
        pthread_mutex_unlock(&world.mutex);
    c->collecting = false;
    ri_shapes_on_collect(heap);
    set_debt(c);
    c->collections++;
    c->collect_ns += now_ns() - start;
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
    const RiCollector *c = heap->collector;
    int64_t bytes = c->live_bytes + (c->credit_base - heap->credit_bytes) - c->uncounted_bytes;
    return bytes > 0 ? (uint64_t)bytes : 0;
}

void ri_heap_set_pause(RiHeap *heap, unsigned pause_percent)
{
    heap->collector->pause_percent = pause_percent;
    set_debt(heap->collector);
}

void ri_heap_stats(const RiHeap *heap, RiHeapStats *out)
{
    const RiCollector *c = heap->collector;
    int64_t since = c->credit_base - heap->credit_bytes;
    *out = (RiHeapStats){
        .collections = c->collections,
        .collect_ns = c->collect_ns,
        .allocated_bytes = c->allocated_bytes + (uint64_t)since,
        .live_bytes = (uint64_t)c->live_bytes,
        .heap_bytes = GC_get_heap_size(),
        .strings_interned = ri_strings_count(heap),
    };
}

/* -- Finalizers -------------------------------------------------------------------------------------------------- */

typedef struct FinalizerRoom {
    RiCollector *c;
    Registered *registered, *pending;
    size_t capacity;
} FinalizerRoom;

static void *move_finalizers(void *argument)
{
    FinalizerRoom *room = argument;
    RiCollector *c = room->c;
    FinalizerRoom old = {.registered = c->registered, .pending = c->pending};
    size_t pending_count = c->pending_end - c->pending_first;
    if (c->registered_count > 0)
        memcpy(room->registered, c->registered, c->registered_count * sizeof *c->registered);
    if (pending_count > 0)
        memcpy(room->pending, c->pending + c->pending_first, pending_count * sizeof *c->pending);
    c->registered = room->registered;
    c->pending = room->pending;
    c->pending_first = 0;
    c->pending_end = pending_count;
    c->finalizer_capacity = room->capacity;
    *room = old;
    return NULL;
}

/* There is room among the pending objects for everything that is registered. */
static void reserve_finalizers(RiHeap *heap)
{
    RiCollector *c = heap->collector;
    if (c->registered_count + c->pending_end < c->finalizer_capacity)
        return;
    size_t needed = c->registered_count + (c->pending_end - c->pending_first) + 1;
    FinalizerRoom room = {.c = c, .capacity = needed * 2 + 16};
    room.registered = ri_heap_calloc(heap, room.capacity, sizeof(Registered));
    room.pending = ri_heap_calloc(heap, room.capacity, sizeof(Registered));
    if (room.registered == NULL || room.pending == NULL) {
        ri_heap_cfree(room.registered);
        ri_heap_cfree(room.pending);
        fail_alloc(heap);
    }
    GC_call_with_alloc_lock(move_finalizers, &room);
    ri_heap_cfree(room.registered);
    ri_heap_cfree(room.pending);
}

static uint8_t *finalizer_flags(const Registered *r, uint8_t *flag)
{
    bool is_table = r->tag == RI_TAG_TABLE;
    *flag = is_table ? (uint8_t)RI_TABLE_FINALIZER : (uint8_t)RI_UDATA_FINALIZER;
    return is_table ? &((RiTable *)r->object)->flags : &((RiUserdata *)r->object)->object.flags;
}

void ri_heap_register_finalizer(RiHeap *heap, RiValue object)
{
    RiCollector *c = heap->collector;
    Registered r = {object.p, object.tag};
    uint8_t flag, *flags = finalizer_flags(&r, &flag);
    if (*flags & flag)
        return;
    reserve_finalizers(heap);
    c->registered[c->registered_count] = r;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a collection on another thread sees the object before the count */
    c->registered_count++;
    *flags |= flag;
}

RiValue ri_heap_take_finalizable(RiHeap *heap)
{
    RiCollector *c = heap->collector;
    if (c->pending_first == c->pending_end)
        return ri_nil();
    Registered r = c->pending[c->pending_first++];
    if (c->pending_first == c->pending_end)
        c->pending_first = c->pending_end = 0;
    uint8_t flag, *flags = finalizer_flags(&r, &flag);
    *flags &= (uint8_t)~flag; /* its finalizer may register it again */
    return ri_object(r.object, (RiTag)r.tag);
}

bool ri_heap_has_finalizable(const RiHeap *heap)
{
    return heap->collector->pending_first < heap->collector->pending_end;
}

void ri_heap_finalize_all(RiHeap *heap)
{
    RiCollector *c = heap->collector;
    while (c->registered_count > 0) {
        c->pending[c->pending_end++] = c->registered[c->registered_count - 1];
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        c->registered_count--;
    }
}
