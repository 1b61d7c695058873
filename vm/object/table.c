/* Tables: arrays by kind, fields by shape, dictionaries. table.h draws the layout.
 *
 * Two rules hold between calls and carry most of the reasoning below:
 *   - the last element of an array part is not nil, and no entry of the dictionary, removed or not, has one of the keys
 *     1 … count + 1 (so that count is a border, and a key has one place);
 *   - entries of a dictionary keep their index until it is laid out anew, so that traversals and inline caches survive
 *     everything but the insertion of a new key. */
#include "vm/object/table.h"

#include <string.h>

#include "vm/base/num.h"
#include "vm/base/planted.h"
#include "vm/object/shape.h"

#define ARRAY_CAPACITY_FIRST 4
#define BOOL_CAPACITY_FIRST 16 /* the same, of bytes */
#define ARRAY_CAPACITY_MAX 0x7fffffffu
#define ARRAY_BITS_MAX 30 /* integer keys up to 2^30 are considered for the array part */
#define ARRAY_SPARSE_MIN 32 /* arrays below this size are not checked for holes when they grow */
#define DICT_CAPACITY_FIRST 4
#define DICT_LINEAR_MAX 8 /* dictionaries up to this capacity have no buckets */
#define DICT_CACHEABLE_MAX (1u << 25) /* larger ones: offsets would not fit in an int32_t */
#define INLINE_SLOTS_MAX 32
#define WATCH_ITEMS 16384u /* between two looks whether the process is to be stopped */
#define HINT_MAX 16

/* Positions of a traversal: index in the array, then these plus a slot or an entry number. */
#define POSITION_SLOTS ((uint64_t)1 << 40)
#define POSITION_DICT ((uint64_t)1 << 41)

const RiArray ri_array_empty = {
    .kind_byte = RI_KIND_BYTE(RI_TAG_ARRAY), .kind = RI_ARRAY_INT, .elem_tag = RI_TAG_INT};

static RI_NOINLINE void insert_entry(RiHeap *heap, RiTable *t, RiValue key, uint32_t hash, RiValue value);

/* -- Slots ----------------------------------------------------------------------------------------------------- */

static bool slots_are_inline(const RiTable *t)
{
    return t->slots == t->inline_slots;
}

static size_t slots_size(uint32_t capacity)
{
    return sizeof(RiSlots) + (size_t)capacity * sizeof(RiValue);
}

/* A collection of another heap may stop this thread between any two instructions, and finds what lies in the parts of a table
 * through the table alone: it has the new part before the old one goes. */
#define PUBLISH() __asm__ volatile("" ::: "memory")

typedef struct OldSlots {
    RiValue *slots;
    uint32_t capacity;
    bool is_shared;
} OldSlots;

/* The table is about to get other slots, with the same content. */
static OldSlots leave_slots(RiTable *t)
{
    OldSlots old = {t->slots, t->slot_capacity, t->flags & RI_TABLE_SHARED};
    t->flags &= (uint8_t)~RI_TABLE_SHARED;
    PUBLISH();
    return old;
}

/* It has got them. */
static void release_slots(RiHeap *heap, RiTable *t, OldSlots old)
{
    PUBLISH();
    if (old.is_shared || old.slots == NULL)
        return;
    if (old.slots == t->inline_slots)
        memset(t->inline_slots, 0, old.capacity * sizeof(RiValue));
    else
        ri_heap_free(heap, (char *)old.slots - offsetof(RiSlots, values), slots_size(old.capacity));
}

static uint32_t next_slot_capacity(const RiTable *t)
{
    uint32_t old = t->slot_capacity;
    uint32_t capacity = old < 2 ? 4 : old * 2;
    if (t->flags & RI_TABLE_SAMPLED && old < HINT_MAX)
        capacity = old + 2; /* finds out more closely how many it takes */
    return capacity < RI_SHAPE_FIELDS_MAX ? capacity : RI_SHAPE_FIELDS_MAX;
}

static RiSlots *new_slots(RiHeap *heap, uint32_t capacity)
{
    RiSlots *block = ri_heap_alloc(heap, slots_size(capacity), RI_SPACE_OBJECT);
    ri_object_init(block, RI_TAG_SLOTS, 0, (uint16_t)capacity, capacity);
    return block;
}

void ri_table_grow_slots(RiHeap *heap, RiTable *t)
{
    uint32_t old = t->slot_capacity, capacity = next_slot_capacity(t);
    ri_debug_assert(capacity > old && !(t->flags & RI_TABLE_SHARED));
    RiSlots *block = new_slots(heap, capacity);
    for (uint32_t i = 0; i < old; i++)
        ri_copy(&block->values[i], &t->slots[i]);
    OldSlots left = leave_slots(t);
    t->slots = block->values;
    t->slot_capacity = (uint8_t)capacity;
    release_slots(heap, t, left);
    if (t->flags & RI_TABLE_DELEGATE)
        heap->epoch++;
    if (t->flags & RI_TABLE_SAMPLED)
        ri_shape_learn(heap, t, capacity < HINT_MAX ? capacity : HINT_MAX);
}

/* -- Arrays ---------------------------------------------------------------------------------------------------- */

static bool kind_is_compact(uint8_t kind)
{
    return kind <= RI_ARRAY_BOOL;
}

static uint8_t elem_tag_of(uint8_t kind)
{
    static const uint8_t tags[] = {
        [RI_ARRAY_INT] = RI_TAG_INT, [RI_ARRAY_FLOAT] = RI_TAG_FLOAT, [RI_ARRAY_BOOL] = RI_ELEM_BOOL, [RI_ARRAY_ANY] = 0};
    return tags[kind];
}

static uint8_t kind_of_value(RiValue v)
{
    static const uint8_t kinds[] = {[RI_TAG_NIL] = RI_ARRAY_ANY,   [RI_TAG_FALSE] = RI_ARRAY_BOOL, [RI_TAG_TRUE] = RI_ARRAY_BOOL,
                                    [RI_TAG_INT] = RI_ARRAY_INT,   [RI_TAG_FLOAT] = RI_ARRAY_FLOAT};
    return v.tag <= RI_TAG_FLOAT ? kinds[v.tag] : RI_ARRAY_ANY;
}

static uint8_t kind_join(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    bool are_numbers = a != RI_ARRAY_ANY && b != RI_ARRAY_ANY && a != RI_ARRAY_BOOL && b != RI_ARRAY_BOOL;
    return are_numbers ? RI_ARRAY_NUMBER : RI_ARRAY_ANY;
}

/* The kind of `a` once it holds `v` as well. */
static uint8_t kind_with(const RiArray *a, RiValue v)
{
    uint8_t kind = kind_of_value(v);
    return a->count == 0 && kind_is_compact(a->kind) ? kind : kind_join(a->kind, kind);
}

static size_t array_size(uint8_t kind, uint32_t capacity)
{
    return RI_ARRAY_HEADER_SIZE + capacity * ri_array_elem_size(elem_tag_of(kind));
}

/* Elements of an ANY array beyond its count are nil. */
static RiArray *new_array(RiHeap *heap, uint8_t kind, uint32_t capacity)
{
    RiArray *a = ri_heap_alloc(heap, array_size(kind, capacity),
                               kind == RI_ARRAY_ANY ? RI_SPACE_OBJECT : RI_SPACE_LEAF);
    ri_object_init(a, RI_TAG_ARRAY, 0, 0, 0);
    a->kind = kind;
    a->elem_tag = elem_tag_of(kind);
    a->capacity = capacity;
    a->reserved = 0;
    return a;
}

static void free_array(RiHeap *heap, RiArray *a)
{
    if (a->capacity > 0) /* else it is the constant */
        ri_heap_free(heap, a, array_size(a->kind, a->capacity));
}

/* Copy `count` elements between arrays of one compact kind, whose elem_tag is given. Throws likewise. */
static void copy_compact(RiHeap *heap, RiArray *to, const RiArray *from, uint32_t count)
{
    ri_copy_bytes(heap, (char *)to->words, (const char *)from->words, count * ri_array_elem_size(from->elem_tag));
}

/* Copy `count` values. Throws, like an allocation, if the process is to be stopped in the middle of many. */
static void copy_values(RiHeap *heap, RiValue *to, const RiValue *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ri_copy(&to[i], &from[i]);
        if (RI_UNLIKELY(i % WATCH_ITEMS == WATCH_ITEMS - 1))
            ri_heap_pause_copy(heap);
    }
}

/* The same, from words that have a tag in common. */
static void copy_tagged(RiHeap *heap, RiValue *to, const uint64_t *words, uint32_t tag, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i].u = words[i];
        to[i].tag = tag;
        if (RI_UNLIKELY(i % WATCH_ITEMS == WATCH_ITEMS - 1))
            ri_heap_pause_copy(heap);
    }
}

/* The same, from an array of booleans. */
static void copy_bools(RiHeap *heap, RiValue *to, const RiArray *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ri_store(&to[i], ri_array_load(from, i));
        if (RI_UNLIKELY(i % WATCH_ITEMS == WATCH_ITEMS - 1))
            ri_heap_pause_copy(heap);
    }
}

/* Give t's array another kind or capacity (at least its count). */
static RI_NOINLINE RiArray *resize_array(RiHeap *heap, RiTable *t, uint8_t kind, uint32_t capacity)
{
    RiArray *a = new_array(heap, kind, capacity);
    RiArray *old = t->array;
    uint32_t count = old->count;
    if (capacity == old->capacity)
        a->flags = old->flags;
    if (kind_is_compact(kind))
        copy_compact(heap, a, old, count);
    else if (old->kind == RI_ARRAY_BOOL)
        copy_bools(heap, a->values, old, count);
    else if (kind_is_compact(old->kind))
        copy_tagged(heap, a->values, old->words, old->elem_tag, count);
    else
        copy_values(heap, a->values, old->values, count);
    a->count = count;
    PUBLISH();
    t->array = a;
    PUBLISH();
    free_array(heap, old);
    return a;
}

static uint32_t grown_capacity(RiHeap *heap, uint32_t capacity)
{
    if (capacity < ARRAY_CAPACITY_FIRST)
        return ARRAY_CAPACITY_FIRST;
    uint64_t grown = capacity < 65536 ? (uint64_t)capacity * 2 : (uint64_t)capacity + capacity / 2;
    if (grown > ARRAY_CAPACITY_MAX) {
        if (capacity == ARRAY_CAPACITY_MAX)
            heap->on_no_memory(heap);
        grown = ARRAY_CAPACITY_MAX;
    }
    return (uint32_t)grown;
}

static inline void put_element(RiArray *a, uint32_t index, RiValue v)
{
    if (a->kind == RI_ARRAY_BOOL)
        a->tags[index] = (uint8_t)v.tag;
    else if (kind_is_compact(a->kind))
        a->words[index] = v.u;
    else
        ri_store(&a->values[index], v);
}

/* Room and kind for one more element `v`. */
static RI_NOINLINE RiArray *prepare_append(RiHeap *heap, RiTable *t, RiValue v)
{
    RiArray *a = t->array;
    uint8_t kind = kind_with(a, v);
    uint32_t capacity = a->capacity;
    if (a->count == capacity)
        capacity = grown_capacity(heap, capacity);
    if (kind == RI_ARRAY_BOOL && capacity < BOOL_CAPACITY_FIRST)
        capacity = BOOL_CAPACITY_FIRST;
    if (capacity == a->capacity && kind <= RI_ARRAY_FLOAT && a->kind <= RI_ARRAY_FLOAT) {
        a->kind = kind; /* empty: reserved as integers, now to hold floats */
        a->elem_tag = elem_tag_of(kind);
        return a;
    }
    return kind != a->kind || capacity != a->capacity ? resize_array(heap, t, kind, capacity) : a;
}

static inline void append_element(RiHeap *heap, RiTable *t, RiValue v)
{
    RiArray *a = t->array;
    uint32_t count = a->count;
    bool fits = a->elem_tag == v.tag || a->kind == RI_ARRAY_ANY || (a->kind == RI_ARRAY_NUMBER && ri_is_number(v)) ||
                (a->kind == RI_ARRAY_BOOL && ri_is_bool(v));
    if (RI_UNLIKELY(count == a->capacity || !fits))
        a = prepare_append(heap, t, v);
    put_element(a, count, v);
    a->count = count + 1;
}

static void pop_element(RiArray *a)
{
    a->count--;
    if (a->kind == RI_ARRAY_ANY) {
        ri_set_nil(&a->values[a->count]); /* beyond the count all is nil */
        ri_array_trim(a);
    }
}

/* Replace element `index` (below the count) by `v`, which may be nil. */
static RI_NOINLINE void replace_element(RiHeap *heap, RiTable *t, uint32_t index, RiValue v)
{
    RiArray *a = t->array;
    if (ri_is_nil(v) && index + 1 == a->count) {
        pop_element(a);
        return;
    }
    uint8_t kind = kind_join(a->kind, kind_of_value(v));
    if (kind != a->kind)
        a = resize_array(heap, t, kind, a->capacity);
    put_element(a, index, v);
}

/* -- Dictionary: lookup ---------------------------------------------------------------------------------------- */

static inline uint32_t *dict_buckets(const RiDict *d)
{
    return (uint32_t *)(void *)((char *)(uintptr_t)d->entries + (size_t)d->capacity * sizeof(RiEntry));
}

static inline uint32_t hash_word(uint64_t word)
{
    word *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(word >> 32) ^ (uint32_t)(word >> 58);
}

/* Every kind of object a guest can use as a key has its serial here. */
static inline uint32_t object_serial(const void *object)
{
    return *(const uint32_t *)((const char *)object + sizeof(RiObject));
}

static inline uint32_t hash_key(RiValue key)
{
    return hash_word(ri_tag_is_object(key.tag) ? object_serial(key.p) : key.u ^ key.tag);
}

static inline uint32_t hash_int(int64_t key)
{
    return hash_word((uint64_t)key ^ RI_TAG_INT);
}

/* Bools carry no payload worth comparing. */
static inline RiValue canonical_key(RiValue key)
{
    if (key.tag <= RI_TAG_TRUE)
        key.u = 0;
    return key;
}

static inline RiEntry *dict_scan(const RiDict *d, uint64_t word, uint32_t tag)
{
    RiEntry *entry = (RiEntry *)(uintptr_t)d->entries;
    for (uint32_t i = d->count; i > 0; i--, entry++) {
        if (entry->key_word == word && entry->key_tag == tag)
            return entry;
    }
    return NULL;
}

/* The entry of this very key, removed or not. `hash` is an expression that small dictionaries need not evaluate. */
#define DICT_FIND(d, word, tag, hash)                                                              \
    ((d)->bucket_mask ? dict_chain((d), (word), (tag), (hash)) : dict_scan((d), (word), (tag)))

static inline RiEntry *dict_chain(const RiDict *d, uint64_t word, uint32_t tag, uint32_t hash)
{
    RiEntry *entries = (RiEntry *)(uintptr_t)d->entries;
    uint32_t i = dict_buckets(d)[hash & d->bucket_mask];
    while (i) {
        RiEntry *entry = &entries[i - 1];
        if (entry->key_word == word && entry->key_tag == tag)
            return entry;
        i = entry->next;
    }
    return NULL;
}

static inline RiEntry *dict_find_int(const RiDict *d, int64_t key)
{
    return DICT_FIND(d, (uint64_t)key, RI_TAG_INT, hash_int(key));
}

static inline RiEntry *dict_find_str(const RiDict *d, const RiString *interned_key)
{
    return DICT_FIND(d, (uint64_t)(uintptr_t)interned_key, RI_TAG_STRING, interned_key->object.word);
}

/* Hash of a string that is not interned. ri_str_hash is seeded by the heap, which a table does not know; so long keys
 * have a hash of their own, of up to 64 words of the text. */
static uint32_t hash_long(const RiString *s)
{
    const char *bytes = ri_str_data(s);
    size_t last = s->size - sizeof(uint64_t), step = s->size <= 512 ? sizeof(uint64_t) : s->size / 64;
    uint64_t hash = s->size, word;
    for (size_t i = 0; i < last; i += step) {
        memcpy(&word, bytes + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    memcpy(&word, bytes + last, sizeof word);
    return hash_word(hash ^ word);
}

static RI_NOINLINE RiEntry *dict_find_long(const RiDict *d, const RiString *key)
{
    RiEntry *entries = (RiEntry *)(uintptr_t)d->entries;
    if (!d->bucket_mask) {
        for (uint32_t i = 0; i < d->count; i++) {
            if (entries[i].key_tag == RI_TAG_STRING && ri_str_equal(entries[i].key_object, key))
                return &entries[i];
        }
        return NULL;
    }
    for (uint32_t i = dict_buckets(d)[hash_long(key) & d->bucket_mask]; i; i = entries[i - 1].next) {
        if (entries[i - 1].key_tag == RI_TAG_STRING && ri_str_equal(entries[i - 1].key_object, key))
            return &entries[i - 1];
    }
    return NULL;
}

static bool is_long(RiValue key)
{
    return ri_is_string(key) && !ri_str_is_interned(key.p);
}

/* The entry of a canonical key other than an interned string, an integer in the array, nil or NaN. */
static RiEntry *dict_find(const RiDict *d, RiValue key)
{
    if (is_long(key))
        return dict_find_long(d, key.p);
    return DICT_FIND(d, key.u, (uint32_t)key.tag, hash_key(key));
}

static uint32_t entry_hash(const RiEntry *entry)
{
    if (entry->key_tag == RI_TAG_STRING) {
        const RiString *s = entry->key_object;
        return ri_str_is_interned(s) ? s->object.word : hash_long(s);
    }
    return hash_key((RiValue){.u = entry->key_word, .tag = entry->key_tag});
}

/* -- Dictionary: layout ---------------------------------------------------------------------------------------- */

static size_t dict_size(uint32_t capacity)
{
    size_t bucket = capacity > DICT_LINEAR_MAX ? sizeof(uint32_t) : 0;
    return sizeof(RiDict) + capacity * (sizeof(RiEntry) + bucket);
}

static RiDict *new_dict(RiHeap *heap, uint32_t capacity)
{
    RiDict *d = ri_heap_alloc(heap, dict_size(capacity), RI_SPACE_OBJECT);
    ri_object_init(d, RI_TAG_DICT, 0, 0, 0);
    d->capacity = capacity;
    d->bucket_mask = capacity > DICT_LINEAR_MAX ? capacity - 1 : 0;
    return d;
}

static void free_dict(RiHeap *heap, RiDict *d)
{
    if (d)
        ri_heap_free(heap, d, dict_size(d->capacity));
}

/* Capacity for `count` entries with some room, lest a dictionary that keeps its size is laid out anew all the time. */
static uint32_t dict_capacity_for(RiHeap *heap, uint64_t count)
{
    if (count <= DICT_CAPACITY_FIRST)
        return DICT_CAPACITY_FIRST;
    uint64_t capacity = DICT_LINEAR_MAX;
    while (capacity < count + count / 4)
        capacity *= 2;
    if (capacity > 1u << 31)
        heap->on_no_memory(heap);
    return (uint32_t)capacity;
}

/* Add an entry that is not there yet; there is room. */
static RiEntry *dict_add(RiDict *d, uint64_t word, uint32_t tag, uint32_t hash, RiValue value)
{
    RiEntry *entry = &d->entries[d->count++];
    ri_store(&entry->value, value);
    entry->key_word = word;
    entry->key_tag = tag;
    if (d->bucket_mask) {
        uint32_t *bucket = &dict_buckets(d)[hash & d->bucket_mask];
        entry->next = *bucket;
        *bucket = d->count;
    }
    if (tag == RI_TAG_INT && (int64_t)word > 0)
        d->int_keys++;
    return entry;
}

/* Into one that no table has yet: throws, like an allocation, if the process is to be stopped. */
static void dict_copy_live(RiHeap *heap, RiDict *to, const RiDict *from)
{
    uint32_t count = from->count - (RI_PLANTED(tables) && from->count > 8);
    for (uint32_t i = 0; i < count; i++) {
        const RiEntry *entry = &from->entries[i];
        if (!ri_is_nil(entry->value))
            dict_add(to, entry->key_word, entry->key_tag, to->bucket_mask ? entry_hash(entry) : 0, entry->value);
        if (RI_UNLIKELY(i % WATCH_ITEMS == WATCH_ITEMS - 1))
            ri_heap_pause_copy(heap);
    }
}

static uint32_t dict_count_live(const RiDict *d)
{
    uint32_t live = 0;
    for (uint32_t i = 0; d && i < d->count; i++)
        live += !ri_is_nil(d->entries[i].value);
    return live;
}

/* Take an entry with an integer key away for good: its key is (now) in the array. */
static void dict_erase_int(RiDict *d, RiEntry *entry)
{
    ri_set_nil(&entry->value);
    entry->key_word = 0;
    entry->key_tag = RI_TAG_NIL;
    d->int_keys--;
}

/* The entries of t are about to move, or have: cached offsets and addresses are void. */
static void note_layout(RiHeap *heap, RiTable *t)
{
    if (t->flags & RI_TABLE_DELEGATE)
        heap->epoch++;
}

static void set_dict(RiHeap *heap, RiTable *t, RiDict *d)
{
    RiDict *old = t->dict;
    PUBLISH();
    t->dict = d;
    PUBLISH();
    if (ri_table_is_dict(t)) {
        t->slots = &d->entries[0].value;
        t->shape = RI_SHAPE_DICT;
        note_layout(heap, t);
    }
    free_dict(heap, old);
}

/* Leave shapes: the fields become entries, before the others. `extra` entries will be added. */
static RI_NOINLINE void become_dict(RiHeap *heap, RiTable *t, uint32_t extra)
{
    uint32_t fields = ri_shape_fields(t->shape);
    RiDict *d = new_dict(heap, dict_capacity_for(heap, (uint64_t)dict_count_live(t->dict) + fields + extra));
    for (uint32_t i = 0; i < fields; i++) {
        if (!ri_is_nil(t->slots[i])) {
            RiString *key = ri_shape_key(t->shape, i);
            dict_add(d, (uint64_t)(uintptr_t)key, RI_TAG_STRING, key->object.word, t->slots[i]);
        }
    }
    if (t->dict)
        dict_copy_live(heap, d, t->dict);
    if (t->flags & RI_TABLE_SAMPLED)
        ri_shape_learn(heap, t, 0);
    OldSlots left = leave_slots(t);
    t->shape = RI_SHAPE_DICT;
    set_dict(heap, t, d);
    t->slot_capacity = 0;
    release_slots(heap, t, left);
}

/* -- Integer keys between array and dictionary ------------------------------------------------------------------ */

/* Integer keys by size: of_size[b] have 2^(b-1) < key <= 2^b. */
typedef struct Census {
    uint64_t of_size[ARRAY_BITS_MAX + 1];
    uint64_t total;
} Census;

static void census_add(Census *census, int64_t key)
{
    if ((uint64_t)key - 1 < (uint64_t)1 << ARRAY_BITS_MAX) {
        census->of_size[key == 1 ? 0 : 64 - __builtin_clzll((uint64_t)key - 1)]++;
        census->total++;
    }
}

static void census_add_range(Census *census, uint32_t count /* keys 1 … count */)
{
    uint64_t below = 0;
    for (int bits = 0; bits <= ARRAY_BITS_MAX && below < count; bits++) {
        uint64_t end = (uint64_t)1 << bits;
        if (end > count)
            end = count;
        census->of_size[bits] += end - below;
        census->total += end - below;
        below = end;
    }
}

/* The array's elements; only arrays of any values have holes, which do not count: else they would beget more. */
static void census_add_array(RiHeap *heap, Census *census, const RiArray *a)
{
    if (a->kind != RI_ARRAY_ANY) {
        census_add_range(census, a->count);
        return;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!ri_is_nil(a->values[i]))
            census_add(census, (int64_t)i + 1);
        if (RI_UNLIKELY(i % WATCH_ITEMS == WATCH_ITEMS - 1))
            ri_heap_pause_copy(heap);
    }
}

static void census_add_dict(RiHeap *heap, Census *census, const RiDict *d)
{
    for (uint32_t i = 0; d && i < d->count; i++) {
        if (d->entries[i].key_tag == RI_TAG_INT && !ri_is_nil(d->entries[i].value))
            census_add(census, (int64_t)d->entries[i].key_word);
        if (RI_UNLIKELY(i % WATCH_ITEMS == WATCH_ITEMS - 1))
            ri_heap_pause_copy(heap);
    }
}

/* The largest power of two of which more than half the keys are in use, *used of them; 0 if none. */
static uint32_t census_best(const Census *census, uint64_t *used)
{
    uint64_t seen = 0;
    uint32_t best = 0;
    *used = 0;
    for (int bits = 0; bits <= ARRAY_BITS_MAX && census->total > ((uint64_t)1 << bits) / 2; bits++) {
        seen += census->of_size[bits];
        if (seen > ((uint64_t)1 << bits) / 2) {
            best = (uint32_t)1 << bits;
            *used = seen;
        }
    }
    return best;
}

/* The array's count has just grown: entries with the keys that follow move in. */
static RI_NOINLINE void migrate(RiHeap *heap, RiTable *t)
{
    uint32_t moved = 0;
    for (;;) {
        RiDict *d = t->dict;
        RiEntry *entry = d->int_keys ? dict_find_int(d, (int64_t)t->array->count + 1) : NULL;
        if (!entry)
            break;
        bool is_there = !ri_is_nil(entry->value);
        if (is_there)
            append_element(heap, t, entry->value); /* this may fail, and it is still in the dictionary then */
        dict_erase_int(d, entry);
        if (!is_there)
            break;
        moved++;
    }
    if (moved * 4 >= t->dict->count && !ri_table_is_dict(t) && dict_count_live(t->dict) == 0)
        set_dict(heap, t, NULL);
}

static inline void migrate_if_any(RiHeap *heap, RiTable *t)
{
    if (RI_UNLIKELY(t->dict != NULL) && t->dict->int_keys > 0)
        migrate(heap, t);
}

/* Store into the array at any index up to its capacity or one beyond; what is skipped becomes holes, unless the
 * dictionary has it. */
static void put_in_array(RiHeap *heap, RiTable *t, uint32_t index, RiValue value)
{
    RiArray *a = t->array;
    if (index < a->count) {
        replace_element(heap, t, index, value);
    } else if (index == a->count) {
        append_element(heap, t, value);
        migrate_if_any(heap, t);
    } else {
        if (a->kind != RI_ARRAY_ANY)
            a = resize_array(heap, t, RI_ARRAY_ANY, a->capacity);
        for (uint32_t i = a->count; i <= index && t->dict && t->dict->int_keys > 0; i++) {
            RiEntry *entry = dict_find_int(t->dict, (int64_t)i + 1);
            if (entry) {
                ri_copy(&a->values[i], &entry->value);
                dict_erase_int(t->dict, entry);
            }
        }
        ri_store(&a->values[index], value);
        a->count = index + 1;
        migrate_if_any(heap, t);
    }
}

/* Move the entries with keys up to `size` to the array, which gets that capacity. */
static void move_to_array(RiHeap *heap, RiTable *t, uint32_t size)
{
    if (t->array->capacity < size || t->array->kind != RI_ARRAY_ANY) /* at least the key count + 1 is a hole */
        resize_array(heap, t, RI_ARRAY_ANY, t->array->capacity > size ? t->array->capacity : size);
    RiDict *d = t->dict;
    RiArray *a = t->array;
    for (uint32_t i = 0; i < d->count; i++) {
        RiEntry *entry = &d->entries[i];
        if (entry->key_tag != RI_TAG_INT || entry->key_word - 1 >= size)
            continue;
        if (!ri_is_nil(entry->value)) {
            uint32_t index = (uint32_t)entry->key_word - 1;
            ri_copy(&a->values[index], &entry->value);
            if (index >= a->count)
                a->count = index + 1;
        }
        dict_erase_int(d, entry);
    }
}

/* The dictionary is full and `key` is to be added: drop removed entries, move integers to the array if it would be more
 * than half full (manual §2.1 leaves it to us; programs that fill arrays backwards rely on it), and make room.
 * Returns the size of the array part the keys deserve, 0 if it stays as it is. */
static RI_NOINLINE uint32_t lay_out_anew(RiHeap *heap, RiTable *t, RiValue key)
{
    RiDict *d = t->dict;
    uint32_t size = 0;
    bool key_is_index = ri_is_int(key) && key.i > 0;
    if (d && (d->int_keys > 0 || key_is_index)) {
        Census census = {.total = 0};
        census_add_dict(heap, &census, d);
        if (key_is_index)
            census_add(&census, key.i);
        if (census.total > 0) {
            uint64_t outside = census.total, used;
            census_add_array(heap, &census, t->array);
            size = census_best(&census, &used);
            if (size <= t->array->count || used == census.total - outside) /* nothing would move */
                size = 0;
        }
        if (size > 0) {
            move_to_array(heap, t, size);
            migrate_if_any(heap, t);
        }
    }
    uint32_t live = dict_count_live(t->dict);
    RiDict *fresh = new_dict(heap, dict_capacity_for(heap, (uint64_t)live + 1));
    if (t->dict)
        dict_copy_live(heap, fresh, t->dict);
    set_dict(heap, t, fresh);
    return size;
}

/* An array that is about to grow holds mostly nils (a queue whose head moves on, say): keep of it what is dense, and
 * let the dictionary have the rest. False: it is dense enough. */
static RI_NOINLINE bool spill_sparse_array(RiHeap *heap, RiTable *t)
{
    RiArray *a = t->array;
    uint32_t used = 0;
    for (uint32_t i = 0; i < a->count; i++)
        used += !ri_is_nil(a->values[i]);
    if (used >= a->count / 2)
        return false;
    Census census = {.total = 0};
    for (uint32_t i = 0; i < a->count; i++) {
        if (!ri_is_nil(a->values[i]))
            census_add(&census, (int64_t)i + 1);
    }
    uint64_t kept;
    uint32_t keep = census_best(&census, &kept);
    while (keep < a->count && !ri_is_nil(a->values[keep]))
        keep++; /* the key after the array's end must be absent */
    if (keep >= a->count)
        return false;
    uint32_t live = dict_count_live(t->dict);
    RiDict *d = new_dict(heap, dict_capacity_for(heap, (uint64_t)live + used + 1));
    if (t->dict)
        dict_copy_live(heap, d, t->dict);
    for (uint32_t i = keep; i < a->count; i++) {
        if (!ri_is_nil(a->values[i]))
            dict_add(d, (uint64_t)i + 1, RI_TAG_INT, hash_int((int64_t)i + 1), a->values[i]);
    }
    set_dict(heap, t, d);
    memset(&a->values[keep], 0, (a->count - keep) * sizeof(RiValue));
    a->count = keep;
    ri_array_trim(a);
    if (a->count == 0) {
        t->array = (RiArray *)&ri_array_empty;
        free_array(heap, a);
    } else {
        resize_array(heap, t, RI_ARRAY_ANY, a->count);
    }
    return true;
}

/* Lists of a few values, some of them nil, are often built one by one, by programs that then ask for their length. So that
 * the last one counts, as it does with PUC's tables, their layout is looked at whenever the number of entries outside
 * the array is a power of two, long before the dictionary is full. */
static bool is_short_list(const RiTable *t, RiValue key)
{
    enum { SHORT = 16 };
    const RiDict *d = t->dict;
    return ri_is_int(key) && key.i > 0 && d->count <= SHORT && (d->count & (d->count - 1)) == 0 &&
           t->array->count <= SHORT && key.i <= 2 * ((int64_t)t->array->count + d->int_keys + 1);
}

/* Add a key that is nowhere in t; value not nil. */
static RI_NOINLINE void insert_entry(RiHeap *heap, RiTable *t, RiValue key, uint32_t hash, RiValue value)
{
    RiDict *d = t->dict;
    if (!d || d->count == d->capacity || is_short_list(t, key)) {
        uint32_t size = lay_out_anew(heap, t, key);
        if (ri_is_int(key) && ((uint64_t)key.i - 1 <= t->array->count || (uint64_t)key.i - 1 < size)) {
            put_in_array(heap, t, (uint32_t)(key.i - 1), value);
            return;
        }
        d = t->dict;
    }
    dict_add(d, key.u, (uint32_t)key.tag, hash, value);
}

/* -- Life ------------------------------------------------------------------------------------------------------ */

static RI_ALWAYS_INLINE RiTable *new_table(RiHeap *heap, uint32_t slot_count, RiShapeId shape)
{
    RiTable *t = ri_heap_alloc(heap, sizeof(RiTable) + slot_count * sizeof(RiValue), RI_SPACE_OBJECT);
    ri_object_init(t, RI_TAG_TABLE, 0, 0, shape);
    t->serial = heap->serial++;
    t->owner = heap->owner & 0xffffff;
    t->slot_capacity = (uint8_t)slot_count;
    t->slots = slot_count > 0 ? t->inline_slots : NULL;
    t->array = (RiArray *)&ri_array_empty;
    t->dict = NULL;
    t->meta = NULL;
    return t;
}

RiTable *ri_table_new(RiHeap *heap, uint32_t array_capacity, uint32_t slot_count)
{
    if (RI_UNLIKELY(slot_count > INLINE_SLOTS_MAX))
        slot_count = INLINE_SLOTS_MAX;
    RiTable *t = new_table(heap, slot_count, RI_SHAPE_EMPTY);
    if (array_capacity > 0)
        ri_table_reserve_array(heap, t, array_capacity);
    return t;
}

RiTable *ri_table_new_record(RiHeap *heap, RiShapeId shape, const RiValue *values, uint32_t count)
{
    RiTable *t = new_table(heap, count <= INLINE_SLOTS_MAX ? count : 0, RI_SHAPE_EMPTY);
    if (RI_UNLIKELY(count > INLINE_SLOTS_MAX)) {
        t->slots = new_slots(heap, count)->values;
        t->slot_capacity = (uint8_t)count;
    }
    t->shape = shape;
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&t->slots[i], &values[i]);
    return t;
}

void ri_table_fill_array(RiHeap *heap, RiTable *t, const RiValue *values, uint32_t count)
{
    ri_debug_assert(t->array->count == 0 && (!t->dict || t->dict->int_keys == 0));
    while (count > 0 && ri_is_nil(values[count - 1]))
        count--;
    if (count == 0)
        return;
    uint8_t kind = kind_of_value(values[0]);
    for (uint32_t i = 1; i < count && kind != RI_ARRAY_ANY; i++)
        kind = kind_join(kind, kind_of_value(values[i]));
    RiArray *a = t->array;
    if (a->kind != kind || a->capacity < count)
        a = resize_array(heap, t, kind, a->capacity > count ? a->capacity : count);
    for (uint32_t i = 0; i < count; i++)
        put_element(a, i, values[i]);
    a->count = count;
}

RiTable *ri_table_new_array(RiHeap *heap, const RiValue *values, uint32_t count)
{
    RiTable *t = new_table(heap, 0, RI_SHAPE_EMPTY);
    ri_table_fill_array(heap, t, values, count);
    return t;
}

void ri_table_reserve_array(RiHeap *heap, RiTable *t, uint32_t capacity)
{
    if (capacity > ARRAY_CAPACITY_MAX)
        capacity = ARRAY_CAPACITY_MAX;
    if (capacity > t->array->capacity)
        resize_array(heap, t, t->array->kind, capacity)->flags |= RI_ARRAY_RESERVED;
}

void ri_table_set_list(RiHeap *heap, RiTable *t, int64_t first, const RiValue *values, uint32_t count)
{
    if (first == 1 && t->array->count == 0 && (!t->dict || t->dict->int_keys == 0)) {
        ri_table_fill_array(heap, t, values, count);
        return;
    }
    if (count > 0 && first + count <= ARRAY_CAPACITY_MAX && !ri_is_nil(values[count - 1]))
        ri_table_reserve_array(heap, t, (uint32_t)(first + count - 1));
    for (uint32_t i = 0; i < count; i++)
        ri_table_set_int(heap, t, first + i, values[i]);
}

/* -- Tables of which there are many ---------------------------------------------------------------------------- */

#define LIKE_INLINE_MAX 16 /* fields; with more, they can be given back when the table becomes a dictionary */

static RiArray *copy_array(RiHeap *heap, const RiArray *from)
{
    if (from->count == 0)
        return (RiArray *)&ri_array_empty;
    RiArray *a = new_array(heap, from->kind, from->count);
    memcpy(a->values, from->values, array_size(from->kind, from->count) - RI_ARRAY_HEADER_SIZE);
    a->count = from->count;
    return a;
}

RiTable *ri_table_new_model(RiHeap *heap, const RiTable *t)
{
    RiString *keys[RI_SHAPE_CLOSED_MAX];
    RiValue values[RI_SHAPE_CLOSED_MAX], key, value;
    uint32_t count = 0;
    uint64_t pos = t->array->count;
    while (ri_table_next_at(t, &pos, &key, &value)) {
        if (!ri_is_string(key) || !ri_str_is_interned(key.p) || count == RI_SHAPE_CLOSED_MAX)
            return NULL;
        keys[count] = key.p;
        values[count++] = value;
    }
    RiShapeId shape = ri_shape_new_closed(heap, keys, count);
    if (!shape)
        return NULL;
    RiTable *model = ri_table_new_record(heap, shape, values, count);
    model->array = copy_array(heap, t->array);
    return model;
}

RiTable *ri_table_new_like(RiHeap *heap, const RiTable *model)
{
    uint32_t count = ri_shape_fields(model->shape);
    RiTable *t = new_table(heap, count <= LIKE_INLINE_MAX ? count : 0, RI_SHAPE_EMPTY);
    if (count > LIKE_INLINE_MAX) {
        t->slots = new_slots(heap, count)->values;
        t->slot_capacity = (uint8_t)count;
    }
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&t->slots[i], &model->slots[i]);
    t->shape = model->shape;
    t->array = copy_array(heap, model->array);
    return t;
}

void ri_table_become_like(RiHeap *heap, RiTable *t, const RiTable *model)
{
    uint32_t count = ri_shape_fields(model->shape), old_count = t->slot_capacity;
    RiValue *old_slots = t->slots, *slots = new_slots(heap, count)->values;
    RiArray *old = t->array, *array = copy_array(heap, model->array);
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&slots[i], &model->slots[i]);
    t->slots = slots;
    t->slot_capacity = (uint8_t)count;
    t->array = array;
    PUBLISH();
    t->shape = model->shape;
    free_array(heap, old);
    release_slots(heap, t, (OldSlots){old_slots, old_count, false});
}

RiTable *ri_table_new_shared(RiHeap *heap, const RiTable *model)
{
    RiTable *t = new_table(heap, 0, model->shape);
    t->flags = RI_TABLE_SHARED;
    t->slot_capacity = model->slot_capacity;
    t->slots = model->slots;
    return t;
}

/* -- Copies ----------------------------------------------------------------------------------------------------- */

/* The collector may take values out of a weak table's parts while room is made for the copy: what counts is what is there
 * afterwards. */
static void duplicate_array(RiHeap *heap, RiTable *copy, const RiArray *from, bool exact)
{
    uint32_t capacity = exact ? from->capacity : from->count;
    if (capacity == 0)
        return;
    RiArray *a = new_array(heap, from->kind, capacity);
    uint32_t count = from->count;
    if (exact)
        a->flags = from->flags;
    if (kind_is_compact(from->kind))
        copy_compact(heap, a, from, count);
    else
        copy_values(heap, a->values, from->values, count);
    a->count = count;
    if (count > 0 || exact)
        copy->array = a;
}

static void duplicate_dict(RiHeap *heap, RiTable *copy, const RiDict *from, bool exact)
{
    uint32_t live = exact ? from->count : dict_count_live(from);
    if (live == 0 && !exact && !ri_table_is_dict(copy))
        return;
    bool is_whole = live == from->count;
    RiDict *d = new_dict(heap, is_whole ? from->capacity : dict_capacity_for(heap, live));
    if (is_whole) {
        d->count = from->count;
        d->int_keys = from->int_keys;
        ri_copy_bytes(heap, (char *)d->entries, (const char *)from->entries, from->count * sizeof(RiEntry));
        if (d->bucket_mask)
            ri_copy_bytes(heap, (char *)dict_buckets(d), (const char *)dict_buckets(from),
                          ((size_t)d->bucket_mask + 1) * sizeof(uint32_t));
    } else {
        dict_copy_live(heap, d, from);
    }
    copy->dict = d;
    if (ri_table_is_dict(copy))
        copy->slots = &d->entries[0].value;
}

/* A table with the fields of t, as far as they are not in its dictionary. */
static RiTable *duplicate_fields(RiHeap *heap, const RiTable *t, bool exact)
{
    bool is_dict = ri_table_is_dict(t);
    uint32_t fields = is_dict ? 0 : ri_shape_fields(t->shape), slot_count = exact ? t->slot_capacity : fields;
    bool is_inline = exact ? slots_are_inline(t) : slot_count <= INLINE_SLOTS_MAX;
    RiTable *copy = new_table(heap, is_inline ? slot_count : 0, RI_SHAPE_EMPTY);
    if (!is_inline && slot_count > 0) {
        copy->slots = new_slots(heap, slot_count)->values;
        copy->slot_capacity = (uint8_t)slot_count;
    }
    copy->shape = is_dict ? RI_SHAPE_DICT : t->shape;
    for (uint32_t i = 0; i < fields; i++)
        ri_copy(&copy->slots[i], &t->slots[i]);
    return copy;
}

RiTable *ri_table_duplicate(RiHeap *heap, const RiTable *t, bool exact)
{
    RiTable *copy = t->flags & RI_TABLE_SHARED ? ri_table_new_shared(heap, t) : duplicate_fields(heap, t, exact);
    copy->absent = t->absent;
    if (t->array->capacity > 0)
        duplicate_array(heap, copy, t->array, exact);
    if (t->dict != NULL)
        duplicate_dict(heap, copy, t->dict, exact);
    if (copy->flags & RI_TABLE_SHARED && !exact)
        become_dict(heap, copy, 0);
    return copy;
}

void ri_table_relink(RiTable *t)
{
    RiDict *d = t->dict;
    if (d == NULL || d->bucket_mask == 0)
        return;
    uint32_t *buckets = dict_buckets(d);
    memset(buckets, 0, ((size_t)d->bucket_mask + 1) * sizeof *buckets);
    for (uint32_t i = 0; i < d->count; i++) {
        RiEntry *entry = &d->entries[i];
        uint32_t *bucket = &buckets[entry_hash(entry) & d->bucket_mask];
        entry->next = *bucket;
        *bucket = i + 1;
    }
}

/* -- Reading --------------------------------------------------------------------------------------------------- */

static inline RiValue entry_value(const RiEntry *entry)
{
    return entry ? (RiValue){.u = entry->value.u, .tag = entry->value.tag} : ri_nil();
}

RiValue ri_table_get_int_slow(const RiTable *t, int64_t key)
{
    const RiDict *d = t->dict;
    return d ? entry_value(dict_find_int(d, key)) : ri_nil();
}

RiValue ri_table_get_str(const RiTable *t, const RiString *key)
{
    RiShapeId shape = t->shape;
    if (RI_LIKELY(shape - RI_SHAPE_FIRST < RI_SHAPE_UNIQUE - RI_SHAPE_FIRST)) {
        int32_t slot = ri_shape_find(shape, key);
        return slot >= 0 ? (RiValue){.u = t->slots[slot].u, .tag = t->slots[slot].tag} : ri_nil();
    }
    return shape == RI_SHAPE_EMPTY ? ri_nil() : entry_value(dict_find_str(t->dict, key));
}

RiValue ri_table_get(const RiTable *t, RiValue key)
{
    int64_t index;
    switch (key.tag) {
    case RI_TAG_INT:
        return ri_table_get_int(t, key.i);
    case RI_TAG_STRING:
        if (RI_LIKELY(ri_str_is_interned(key.p)))
            return ri_table_get_str(t, key.p);
        break;
    case RI_TAG_FLOAT:
        if (ri_num_float_to_int(key.n, &index))
            return ri_table_get_int(t, index);
        break;
    case RI_TAG_NIL:
        return ri_nil();
    default:
        break;
    }
    return t->dict ? entry_value(dict_find(t->dict, canonical_key(key))) : ri_nil();
}

int64_t ri_table_length(const RiTable *t)
{
    const RiArray *a = t->array;
    uint32_t count = a->count;
    if (a->kind == RI_ARRAY_ANY) {
        while (count > 0 && ri_is_nil(a->values[count - 1])) /* a weak table's, cleared by the collector */
            count--;
    }
    return count; /* a border: no entry has the key count + 1 */
}

/* -- Writing --------------------------------------------------------------------------------------------------- */

void ri_table_append(RiHeap *heap, RiTable *t, RiValue value)
{
    RiArray *a = t->array;
    if (RI_UNLIKELY(a->count == a->capacity) && a->kind == RI_ARRAY_ANY && a->count >= ARRAY_SPARSE_MIN) {
        int64_t key = (int64_t)a->count + 1;
        if (spill_sparse_array(heap, t)) {
            ri_table_set_int(heap, t, key, value);
            return;
        }
    }
    append_element(heap, t, value);
    migrate_if_any(heap, t);
}

void ri_table_set_int(RiHeap *heap, RiTable *t, int64_t key, RiValue value)
{
    if (ri_table_try_set_int(t, key, value))
        return;
    uint64_t index = (uint64_t)key - 1;
    uint32_t count = t->array->count;
    if (index < count) {
        replace_element(heap, t, (uint32_t)index, value);
        return;
    }
    if (index == count) {
        if (!ri_is_nil(value))
            ri_table_append(heap, t, value);
        return;
    }
    RiEntry *entry = t->dict ? dict_find_int(t->dict, key) : NULL;
    if (entry)
        ri_store(&entry->value, value);
    else if (index < t->array->capacity && t->array->flags & RI_ARRAY_RESERVED && !ri_is_nil(value))
        put_in_array(heap, t, (uint32_t)index, value);
    else if (!ri_is_nil(value))
        insert_entry(heap, t, ri_int(key), hash_int(key), value);
}

/* The field `key` of t, now `old` (nil: absent), is about to become `value`: what others remember may be void. */
static RI_NOINLINE void note_field(RiHeap *heap, RiTable *t, const RiString *key, RiValue old, RiValue value)
{
    bool is_event = key->object.flags & RI_STR_METAMETHOD;
    if (is_event)
        t->absent = 0;
    if (t->flags & RI_TABLE_DELEGATE && (is_event || ri_is_nil(old) != ri_is_nil(value)))
        heap->epoch++;
}

static inline void store_field(RiHeap *heap, RiTable *t, const RiString *key, RiValue *field, RiValue value)
{
    if (RI_UNLIKELY(t->flags & RI_TABLE_DELEGATE || key->object.flags & RI_STR_METAMETHOD))
        note_field(heap, t, key, *field, value);
    ri_store(field, value);
}

/* Add a field that t does not have. */
static RI_NOINLINE void add_field(RiHeap *heap, RiTable *t, RiString *key, RiValue value)
{
    note_field(heap, t, key, ri_nil(), value);
    if (!ri_table_is_dict(t)) {
        uint32_t count = ri_shape_fields(t->shape);
        RiShapeId shape = ri_shape_after_dynamic_add(heap, t->shape, key);
        if (shape) {
            if (count == t->slot_capacity)
                ri_table_grow_slots(heap, t);
            ri_store(&t->slots[count], value);
            t->shape = shape;
            return;
        }
        become_dict(heap, t, 1);
    }
    insert_entry(heap, t, ri_string_value(key), key->object.word, value);
}

static RI_NOINLINE void set_other(RiHeap *heap, RiTable *t, RiValue key, RiValue value)
{
    key = canonical_key(key);
    RiEntry *entry = t->dict ? dict_find(t->dict, key) : NULL;
    if (entry)
        ri_store(&entry->value, value);
    else if (!ri_is_nil(value))
        insert_entry(heap, t, key, is_long(key) ? hash_long(key.p) : hash_key(key), value);
}

/* A field of a table whose fields are shared is about to be stored to: where it is, now that they are its own. */
static RI_NOINLINE RiValue *own_field(RiHeap *heap, RiTable *t, const RiString *key)
{
    become_dict(heap, t, 0);
    return &dict_find_str(t->dict, key)->value;
}

void ri_table_set_str(RiHeap *heap, RiTable *t, RiString *key, RiValue value)
{
    if (RI_UNLIKELY(!ri_str_is_interned(key))) {
        set_other(heap, t, ri_string_value(key), value);
        return;
    }
    RiValue *field = NULL;
    if (RI_LIKELY(!ri_table_is_dict(t))) {
        int32_t slot = ri_shape_find(t->shape, key);
        if (slot >= 0)
            field = RI_LIKELY(!(t->flags & RI_TABLE_SHARED)) ? &t->slots[slot] : own_field(heap, t, key);
    } else {
        RiEntry *entry = dict_find_str(t->dict, key);
        if (entry)
            field = &entry->value;
    }
    if (field)
        store_field(heap, t, key, field, value);
    else if (!ri_is_nil(value))
        add_field(heap, t, key, value);
}

RiKeyStatus ri_table_set(RiHeap *heap, RiTable *t, RiValue key, RiValue value)
{
    int64_t index;
    switch (key.tag) {
    case RI_TAG_INT:
        ri_table_set_int(heap, t, key.i, value);
        return RI_KEY_OK;
    case RI_TAG_STRING:
        ri_table_set_str(heap, t, key.p, value);
        return RI_KEY_OK;
    case RI_TAG_FLOAT:
        if (ri_num_float_to_int(key.n, &index)) {
            ri_table_set_int(heap, t, index, value);
            return RI_KEY_OK;
        }
        if (key.n != key.n)
            return RI_KEY_NAN;
        break;
    case RI_TAG_NIL:
        return RI_KEY_NIL;
    default:
        break;
    }
    set_other(heap, t, key, value);
    return RI_KEY_OK;
}

/* -- Traversal ------------------------------------------------------------------------------------------------- */

static bool next_in_dict(const RiDict *d, uint64_t *pos, RiValue *key, RiValue *value)
{
    for (uint64_t i = *pos - POSITION_DICT; d && i < d->count; i++) {
        const RiEntry *entry = &d->entries[i];
        if (!ri_is_nil(entry->value)) {
            key->u = entry->key_word;
            key->tag = entry->key_tag;
            ri_copy(value, &entry->value);
            *pos = POSITION_DICT + i + 1;
            return true;
        }
    }
    return false;
}

bool ri_table_next_at(const RiTable *t, uint64_t *pos, RiValue *key, RiValue *value)
{
    uint64_t p = *pos;
    if (p < POSITION_SLOTS) {
        const RiArray *a = t->array;
        for (; p < a->count; p++) {
            RiValue v = ri_array_load(a, (uint32_t)p);
            if (!ri_is_nil(v)) {
                ri_set_int(key, (int64_t)p + 1);
                ri_store(value, v);
                *pos = p + 1;
                return true;
            }
        }
        p = POSITION_SLOTS;
    }
    if (p < POSITION_DICT && ri_table_is_dict(t)) {
        p += POSITION_DICT - POSITION_SLOTS; /* fields became entries in the same order, maybe since the last step */
    } else if (p < POSITION_DICT) {
        uint32_t fields = ri_shape_fields(t->shape);
        for (uint64_t slot = p - POSITION_SLOTS; slot < fields; slot++) {
            if (!ri_is_nil(t->slots[slot])) {
                ri_set_string(key, ri_shape_key(t->shape, (uint32_t)slot));
                ri_copy(value, &t->slots[slot]);
                *pos = POSITION_SLOTS + slot + 1;
                return true;
            }
        }
        p = POSITION_DICT;
    }
    *pos = p;
    return next_in_dict(t->dict, pos, key, value);
}

bool ri_table_position_after(const RiTable *t, RiValue key, uint64_t *pos)
{
    int64_t index;
    if (ri_is_nil(key)) {
        *pos = 0;
        return true;
    }
    if (ri_is_float(key) && ri_num_float_to_int(key.n, &index))
        key = ri_int(index);
    if (ri_is_int(key) && (uint64_t)key.i - 1 < t->array->count) {
        *pos = (uint64_t)key.i;
        return true;
    }
    if (ri_is_string(key) && ri_str_is_interned(key.p) && !ri_table_is_dict(t)) {
        int32_t slot = ri_shape_find(t->shape, key.p);
        *pos = POSITION_SLOTS + (uint32_t)(slot + 1);
        return slot >= 0;
    }
    if (t->dict) {
        const RiEntry *entry = ri_is_string(key) && ri_str_is_interned(key.p) ? dict_find_str(t->dict, key.p)
                                                                              : dict_find(t->dict, canonical_key(key));
        if (entry) {
            *pos = POSITION_DICT + (uint64_t)(entry - t->dict->entries) + 1;
            return true;
        }
    }
    if (ri_is_int(key) && (uint64_t)key.i - 1 < t->array->capacity) {
        *pos = (uint64_t)key.i; /* popped during the traversal */
        return true;
    }
    return false;
}

/* -- For inline caches ------------------------------------------------------------------------------------------ */

int32_t ri_table_find_offset(const RiTable *t, const RiString *key)
{
    if (RI_UNLIKELY(!ri_str_is_interned(key)))
        return -1;
    if (!ri_table_is_dict(t)) {
        int32_t slot = ri_shape_find(t->shape, key);
        return slot >= 0 ? slot * (int32_t)sizeof(RiValue) : -1;
    }
    const RiEntry *entry = dict_find_str(t->dict, key);
    return entry && t->dict->capacity <= DICT_CACHEABLE_MAX
               ? (int32_t)((const char *)&entry->value - (const char *)t->slots)
               : -1;
}

RiShapeId ri_table_cacheable_shape(RiHeap *heap, RiTable *t)
{
    if (t->shape == RI_SHAPE_DICT) {
        RiShapeId id = ri_shape_unique_id(heap);
        if (id)
            t->shape = id;
        return id;
    }
    return t->shape;
}

/* -- Metatables ------------------------------------------------------------------------------------------------ */

void ri_table_abandon(RiTable *t)
{
    t->array = (RiArray *)&ri_array_empty;
    t->dict = NULL;
    t->meta = NULL;
    t->shape = RI_SHAPE_EMPTY;
    t->slots = NULL;
    t->slot_capacity = 0;
}

void ri_table_set_meta(RiHeap *heap, RiTable *t, RiTable *meta)
{
    t->flags &= (uint8_t) ~(RI_TABLE_WEAK_KEYS | RI_TABLE_WEAK_VALUES);
    RiValue mode = ri_meta_get(heap, meta, RI_MM_MODE);
    if (ri_is_string(mode)) {
        const RiString *s = mode.p;
        if (memchr(ri_str_data(s), 'k', s->size))
            t->flags |= RI_TABLE_WEAK_KEYS;
        if (memchr(ri_str_data(s), 'v', s->size))
            t->flags |= RI_TABLE_WEAK_VALUES;
    }
    if (t->meta != meta && t->flags & RI_TABLE_DELEGATE)
        heap->epoch++;
    t->meta = meta;
}

RiValue ri_meta_get_slow(RiHeap *heap, RiTable *meta, RiMetamethod event)
{
    RiValue v = ri_table_get_str(meta, heap->mm_names[event]);
    if (ri_is_nil(v) && event < 16)
        meta->absent |= (uint16_t)(1u << event);
    return v;
}
