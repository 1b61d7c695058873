/* Tables: fields by shape, an array part by kind, a dictionary for the rest.
 *
 *   RiTable 48 bytes              slots: RiValue per field of the shape. They stand inline behind the header when the
 *   +-----------------------+     constructor site predicted them, else in an RiSlots block. A nil slot means absent.
 *   | tag flags absent shape|     array: never NULL (an empty constant); keys 1..count; the last element is never nil.
 *   | serial owner slot_cap |     dict: NULL, or insertion-ordered entries with stable indices and a hash index: every
 *   | slots                 |     key that is in neither of the others; and the string keys too once the table has
 *   | array                 |     left shapes behind (shape == RI_SHAPE_DICT or an id >= RI_SHAPE_UNIQUE).
 *   | dict                  |
 *   | meta                  |     Iteration order: array, slots in shape order, dict in insertion order.
 *   +-----------------------+
 *
 * Inline caches compare `shape` alone and then use `(char *)slots + offset`: when a table is in dictionary mode, `slots`
 * points to its dict's entries and `shape` is either RI_SHAPE_DICT (never cached) or an id unique to this layout of this
 * table, given by ri_table_cacheable_shape; any re-allocation of the entries gives the id up. */
#ifndef RI_OBJECT_TABLE_H
#define RI_OBJECT_TABLE_H

#include "vm/object/str.h"

typedef uint32_t RiShapeId;
#define RI_SHAPE_EMPTY 1u            /* no fields */
#define RI_SHAPE_DICT 2u             /* dictionary mode, not cacheable as it is */
#define RI_SHAPE_FIRST 3u            /* first real shape */
#define RI_SHAPE_UNIQUE 0x80000000u  /* ids of one dictionary's layout, from here up */
#define RI_SHAPE_FIELDS_MAX 64       /* a table with more string fields becomes a dictionary */

typedef enum RiArrayKind {
    RI_ARRAY_INT,    /* payloads only, all integers, leaf space */
    RI_ARRAY_FLOAT,  /* payloads only, all floats, leaf space */
    RI_ARRAY_BOOL,   /* tags only, a byte each, all booleans, leaf space */
    RI_ARRAY_NUMBER, /* RiValue elements, integers and floats, leaf space: no nil inside */
    RI_ARRAY_ANY     /* RiValue elements, may have nil holes (never at the end) */
} RiArrayKind;

typedef struct RiArray {
    uint8_t kind_byte; /* RI_TAG_ARRAY */
    uint8_t flags;
    uint8_t kind;      /* RiArrayKind */
    uint8_t elem_tag;  /* RI_TAG_INT, RI_TAG_FLOAT or RI_ELEM_BOOL for the compact kinds, else 0 */
    uint32_t count;    /* elements in use: keys 1..count */
    uint32_t capacity;
    uint32_t reserved;
    union {
        RiValue values[1]; /* NUMBER, ANY */
        uint64_t words[1]; /* INT, FLOAT */
        uint8_t tags[1];   /* BOOL */
    };
} RiArray;

#define RI_ARRAY_HEADER_SIZE 16
#define RI_ELEM_BOOL 0x80 /* RiArray.elem_tag of booleans; no value's tag */

/* Bytes that an element of an array with this elem_tag takes. */
static inline size_t ri_array_elem_size(uint8_t elem_tag)
{
    return elem_tag == 0 ? sizeof(RiValue) : elem_tag == RI_ELEM_BOOL ? sizeof(uint8_t) : sizeof(uint64_t);
}

/* Flag: its capacity was asked for, so keys up to it come here, whatever holes are left. */
enum { RI_ARRAY_RESERVED = 1 };

typedef struct RiEntry { /* 32 bytes: `value` first, so that a cached offset leads straight to it */
    RiValue value;
    union {
        uint64_t key_word; /* payload of the key */
        void *key_object;
    };
    uint32_t key_tag;
    uint32_t next; /* 1 + index of the next entry with the same bucket; 0 ends */
} RiEntry;

/* A removed entry keeps its key, which may dangle (the collector marks string keys only): it is compared by address
 * and dropped when the entries are laid out anew, which only the insertion of a new key into a full dictionary does.
 * The key of an entry that has moved to the array is nil. */
typedef struct RiDict {
    RiObject object;      /* RI_TAG_DICT */
    uint32_t count;       /* entries in use, removed ones (value nil) included */
    uint32_t capacity;    /* of entries[]; a power of two */
    uint32_t bucket_mask; /* buckets - 1; the bucket array (uint32_t, 1 + index) follows the entries. 0: no buckets,
                             the few entries are searched one by one */
    uint32_t int_keys;    /* entries whose key is an integer >= 1, removed ones too: may they move to the array? */
    RiEntry entries[];
} RiDict;

typedef struct RiSlots { /* fields that do not fit behind the table's header */
    RiObject object;     /* RI_TAG_SLOTS; aux, word: capacity */
    uint64_t reserved;
    RiValue values[];
} RiSlots;

enum {
    RI_TABLE_DELEGATE = 1, /* some inline cache went through it: layout changes raise heap->epoch */
    RI_TABLE_WEAK_KEYS = 2,
    RI_TABLE_WEAK_VALUES = 4,
    RI_TABLE_SAMPLED = 8, /* its constructor site wants to learn how many slots it gets */
    RI_TABLE_SHARED = 16, /* its slots are another table's, which is never changed: they are copied at the first store
                             of a field. Its shape is closed and no other's: caches know it from loads only */
    RI_TABLE_FINALIZER = 32, /* registered with ri_heap_register_finalizer */
    RI_TABLE_LIBRARY = 64    /* a library was opened into it, or it is package.loaded: another process has its own */
};

struct RiTable {
    uint8_t kind_byte;
    uint8_t flags;
    uint16_t absent; /* bit e set: this table, used as a metatable, certainly has no event e (the first 16) */
    RiShapeId shape;
    uint32_t serial;        /* identity for hashing */
    uint32_t owner : 24;    /* process id */
    uint32_t slot_capacity : 8;
    RiValue *slots;
    RiArray *array;
    RiDict *dict;
    RiTable *meta;
    RiValue inline_slots[];
};
_Static_assert(sizeof(RiTable) == 48, "a table header is six words");

extern const RiArray ri_array_empty; /* count and capacity 0, kind RI_ARRAY_INT; every empty table points here */

/* -- Life ------------------------------------------------------------------------------------------------------ */
static inline bool ri_table_is_dict(const RiTable *t) /* string fields in the dictionary, too? */
{
    return t->shape == RI_SHAPE_DICT || t->shape >= RI_SHAPE_UNIQUE;
}

/* New table with room for `array_capacity` elements and `slot_count` inline slots (rounded; at most 32). Collects. */
RiTable *ri_table_new(RiHeap *heap, uint32_t array_capacity, uint32_t slot_count);
/* A record {k1 = v1, …}: shape known, `count` values copied in field order. Collects. */
RiTable *ri_table_new_record(RiHeap *heap, RiShapeId shape, const RiValue *values, uint32_t count);
/* An array {v1, …, vn} of the narrowest fitting kind; trailing nils dropped. Collects. */
RiTable *ri_table_new_array(RiHeap *heap, const RiValue *values, uint32_t count);

/* -- Tables of which there are many ------------------------------------------------------------------------------
 * What the library tables of processes are made from: a model has an array part, fields in a closed shape and no
 * dictionary; it is not changed any more once the first table has been made like it. */
/* A model with the content of t; NULL if t has keys that are neither interned strings nor in its array or too
 * many fields. Metatables are the caller's business, here and below. Collects. */
RiTable *ri_table_new_model(RiHeap *heap, const RiTable *t);
/* A table with a copy of the model's array and fields. Collects. */
RiTable *ri_table_new_like(RiHeap *heap, const RiTable *model);
/* Give t, which has neither fields nor a dictionary and at most an array, the fields of the model, and a copy of its array
 * instead of its own. Nothing is changed where that throws. Collects. */
void ri_table_become_like(RiHeap *heap, RiTable *t, const RiTable *model);
/* The same, but the fields stay the model's until one is stored to. The model has no array. It is kept alive by the
 * caller, as long as there are such tables. Collects. */
RiTable *ri_table_new_shared(RiHeap *heap, const RiTable *model);

/* -- Raw access ------------------------------------------------------------------------------------------------ */
RiValue ri_table_get(const RiTable *t, RiValue key); /* any key; float keys with integer value are normalized */
RiValue ri_table_get_int_slow(const RiTable *t, int64_t key);
RiValue ri_table_get_str(const RiTable *t, const RiString *interned_key);

static RI_ALWAYS_INLINE RiValue ri_array_load(const RiArray *a, uint32_t index /* from 0 */)
{
    if (a->elem_tag) {
        if (RI_UNLIKELY(a->elem_tag == RI_ELEM_BOOL))
            return (RiValue){.u = 0, .tag = a->tags[index]};
        return (RiValue){.u = a->words[index], .tag = a->elem_tag};
    }
    return (RiValue){.u = a->values[index].u, .tag = a->values[index].tag};
}
static RI_ALWAYS_INLINE RiValue ri_table_get_int(const RiTable *t, int64_t key)
{
    const RiArray *a = t->array;
    if (RI_LIKELY((uint64_t)key - 1 < a->count))
        return ri_array_load(a, (uint32_t)(key - 1));
    return ri_table_get_int_slow(t, key);
}

typedef enum RiKeyStatus { RI_KEY_OK, RI_KEY_NIL, RI_KEY_NAN } RiKeyStatus;
/* t[key] = value, raw; nil removes. Errors: nil and NaN keys are refused, nothing changes. Collects. Traps: no memory. */
RI_MUST_CHECK RiKeyStatus ri_table_set(RiHeap *heap, RiTable *t, RiValue key, RiValue value);
void ri_table_set_int(RiHeap *heap, RiTable *t, int64_t key, RiValue value);
void ri_table_set_str(RiHeap *heap, RiTable *t, RiString *interned_key, RiValue value);

/* Try to store where no re-layout is needed; true if done: an existing element of a matching kind, a value that
 * is not nil. */
static RI_ALWAYS_INLINE bool ri_table_try_set_int(RiTable *t, int64_t key, RiValue value)
{
    RiArray *a = t->array;
    uint64_t index = (uint64_t)key - 1;
    if (RI_LIKELY(index < a->count)) {
        if (a->elem_tag) { /* compact: only the same type */
            if (RI_LIKELY(a->elem_tag == value.tag)) {
                a->words[index] = value.u;
                return true;
            }
            if (a->elem_tag == RI_ELEM_BOOL && ri_is_bool(value)) {
                a->tags[index] = (uint8_t)value.tag;
                return true;
            }
        } else if (a->kind == RI_ARRAY_ANY ? value.tag != RI_TAG_NIL : ri_is_number(value)) {
            ri_store(&a->values[index], value);
            return true;
        }
    }
    return false;
}

/* #t without metamethods: a border (manual §3.4.7). */
int64_t ri_table_length(const RiTable *t);

/* -- Iteration ------------------------------------------------------------------------------------------------- */
/* Walk by position: *pos starts at 0; false at the end. Removing during the walk is allowed. */
bool ri_table_next_at(const RiTable *t, uint64_t *pos, RiValue *key, RiValue *value);
/* The position after `key` (nil: the start); false if the key is not in the table ("invalid key to 'next'"). */
bool ri_table_position_after(const RiTable *t, RiValue key, uint64_t *pos);

/* -- For inline caches ----------------------------------------------------------------------------------------- */
/* Byte offset from t->slots of the value of `key` (interned), or -1 if the table has no such entry (a slot with nil
 * counts). */
int32_t ri_table_find_offset(const RiTable *t, const RiString *key);
/* The shape to compare with: t's own, or a unique one given to a dictionary now. 0 if it cannot be cached. An ordinary
 * shape also tells which keys are absent; a unique one vouches only for the offsets of keys that are there. */
RiShapeId ri_table_cacheable_shape(RiHeap *heap, RiTable *t);
/* The shape that `shape` becomes when `key` is added, if it is (or may be) an ordinary shape: 0 otherwise. */
RiShapeId ri_shape_after_add(RiHeap *heap, RiShapeId shape, RiString *key);
uint32_t ri_shape_field_count(const RiHeap *heap, RiShapeId shape);
/* The shape of a record with these keys in this order; 0 if there is none (duplicate keys, too many). */
RiShapeId ri_shape_for_keys(RiHeap *heap, RiString *const *keys, uint32_t count);
/* Make room for one more slot in an ordinary-shape table. Collects. */
void ri_table_grow_slots(RiHeap *heap, RiTable *t);
/* Mark t (and nothing else) as a delegate: from now on its layout changes raise heap->epoch. */
static inline void ri_table_mark_delegate(RiTable *t)
{
    t->flags |= RI_TABLE_DELEGATE;
}
/* Learn inline slot counts: remember t (just made at a site whose hint lies at *hint) for a while. When its slots
 * outgrow the inline ones, *hint is raised. */
void ri_table_sample(RiHeap *heap, RiTable *t, uint32_t *hint);

/* Let go of all that is in a table of a process that has ended. Nobody uses it any more, but a stale word may keep it alive. */
void ri_table_abandon(RiTable *t);

/* Set or clear the metatable; handles weak modes, delegates' epoch. Finalizers are the caller's business. Collects. */
void ri_table_set_meta(RiHeap *heap, RiTable *t, RiTable *meta);

/* The metamethod for event e in metatable `meta` (may be NULL): nil if absent. Remembers absence. */
RiValue ri_meta_get_slow(RiHeap *heap, RiTable *meta, RiMetamethod event);
static RI_ALWAYS_INLINE RiValue ri_meta_get(RiHeap *heap, RiTable *meta, RiMetamethod event)
{
    if (meta == NULL || (event < 16 && (meta->absent >> event & 1)))
        return ri_nil();
    return ri_meta_get_slow(heap, meta, event);
}

/* Array work for the library (table.move, insert, remove, sort, unpack, concat use these fast paths when there is no
 * metatable): direct access is allowed through t->array. */
void ri_table_reserve_array(RiHeap *heap, RiTable *t, uint32_t capacity);
/* Append at count + 1 (the fast case of t[#t+1] = v); value not nil. Collects. */
void ri_table_append(RiHeap *heap, RiTable *t, RiValue value);

/* Store the items first … first + count - 1 of a constructor; where #t is in doubt because of nils, the end of the list
 * is the border, as in PUC's. Collects. */
void ri_table_set_list(RiHeap *heap, RiTable *t, int64_t first, const RiValue *values, uint32_t count);
/* Append `count` values to an empty table's array part, as ri_table_new_array does. Collects. */
void ri_table_fill_array(RiHeap *heap, RiTable *t, const RiValue *values, uint32_t count);

/* A table with what t holds, in the same order, but neither metatable nor flags; as small as it can be, or, if `exact`, laid
 * out as t is, removed entries included, so that traversals of t go on in it. Who copies a graph then replaces values and
 * keys in place (t->array if it is of kind ANY, t->slots unless it is a dictionary's, t->dict->entries) and, where a key
 * in the dictionary that hashes by its serial was replaced by one with another serial, calls ri_table_relink. Collects. */
RiTable *ri_table_duplicate(RiHeap *heap, const RiTable *t, bool exact);
void ri_table_relink(RiTable *t);

/* Drop nils at the end of an array part: for the collector, after it cleared weak values. */
static inline void ri_array_trim(RiArray *a)
{
    if (a->kind == RI_ARRAY_ANY) {
        while (a->count > 0 && a->values[a->count - 1].tag == RI_TAG_NIL)
            a->count--;
    }
}

/* Shape table life and marking, for heap.c. heap->shapes is an object; all else hangs on it. */
void ri_shapes_init(RiHeap *heap);
void ri_shapes_destroy(RiHeap *heap);    /* give the ids back; before the heap's memory goes */
void ri_shapes_on_collect(RiHeap *heap); /* forget sampled tables; optional, they are checked before use as well */

#endif
