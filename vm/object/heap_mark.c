/* The mark procedures, by the rows of objects.def, and marking on after libgc has done: what the settling phase finds
 * to be alive is marked with the same procedures and a mark stack of our own. */
#include "vm/object/gcworld.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm/object/shape.h"
#include "vm/object/thread.h"
#include "vm/object/udata.h"

#define LIST_KEPT_BYTES ((size_t)1 << 20) /* of a collection's lists, for the next one */

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

/* -- Marking ----------------------------------------------------------------------------------------------------- */

#define CHUNK_ITEMS 64 /* of a large object are pushed at a time, so that the mark stack stays small */

static RI_ALWAYS_INLINE MarkEntry *mark_edge(const void *p, MarkEntry *msp, MarkEntry *limit)
{
    return (MarkEntry *)GC_MARK_AND_PUSH((void *)(uintptr_t)p, (struct GC_ms_entry *)msp, (struct GC_ms_entry *)limit,
                                         NULL);
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

#define UNCOUNTED (1u << RI_TAG_PROTO | 1u << RI_TAG_FEEDBACK | 1u << RI_TAG_BLOCK) /* but charged for */

static void count_object(const void *object, RiTag tag, size_t size)
{
    if (UNCOUNTED & 1u << tag || (tag == RI_TAG_BUFFER && size == 0))
        count_uncounted(GC_size(object));
    else if (tag != RI_TAG_SHAPE)
        count_live(size);
}

static RI_ALWAYS_INLINE MarkEntry *mark_object(void *object, bool is_for_owner, MarkEntry *msp, MarkEntry *limit)
{
    uint8_t kind_byte = ((const RiObject *)object)->kind_byte;
    if (!(kind_byte & 1))
        return msp; /* free */
    if (kind_byte == RI_KIND_BYTE(RI_TAG_TABLE)) {
        RiTable *t = object;
        uint8_t mode;
        if (t->meta != NULL && !(t->meta->absent >> RI_MM_MODE & 1) && RI_UNLIKELY((mode = weak_mode(t)) != 0) &&
            add_weak_table(t, mode)) {
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
        count_object(o, RI_TAG_##tag, size);                                                       \
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

void ri_gc_define_kinds(void)
{
    GC_word object_proc = GC_new_proc(mark_proc);
    world.storage = GC_MAKE_PROC(object_proc, (GC_word)1);
    world.continue_values = GC_MAKE_PROC((GC_word)GC_new_proc(values_proc), (GC_word)0);
    world.continue_words = GC_MAKE_PROC((GC_word)GC_new_proc(words_proc), (GC_word)0);
    world.continue_entries = GC_MAKE_PROC((GC_word)GC_new_proc(entries_proc), (GC_word)0);
    for (int space = 0; space < RI_SPACE_COUNT; space++)
        world.kind[space] = (int)GC_new_kind(GC_new_free_list(), GC_MAKE_PROC(object_proc, (GC_word)0), 0,
                                             space == RI_SPACE_OBJECT);
    world.large_kind = (int)GC_new_kind(GC_new_free_list(), GC_MAKE_PROC(object_proc, (GC_word)0), 0, 0);
}

/* -- The settling phase: marking ----------------------------------------------------------------------------------
 * All that follows until the next ruler runs inside libgc, after it has marked everything from the roots and while the
 * world is stopped: it may neither allocate nor take locks. Marking goes on with the same mark procedures and a mark
 * stack of our own. */

bool ri_gc_reserve_stack(size_t used)
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
    if (!ri_gc_reserve_stack(used)) {
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

void ri_gc_mark_now(const void *object)
{
    MarkEntry *base = reserve_stack(0);
    drain((size_t)(mark_edge(object, base, stack_limit()) - base));
}

bool ri_gc_is_live(const void *object)
{
    return is_common(object) || (is_block(object) && GC_is_marked(object));
}

void ri_gc_mark_behind(void *object)
{
    if (!is_block(object))
        return;
    MarkEntry *base = reserve_stack(0);
    base[1] = (MarkEntry){object, world.storage};
    drain(1);
}

/* Lists that have become large are not kept. */
void *ri_gc_trim_lists(void *unused)
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
