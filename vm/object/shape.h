/* Shapes: which string fields a table has, in which slots.
 *
 * A shape is a node of a tree: the empty shape at the root, one more field at every edge. Tables that gained the same
 * fields in the same order share a node, so that one compare of 32-bit ids vouches for the slots of all fields. Shapes
 * live as long as their heap.
 *
 * Ids are indices into one directory for the whole host process (see ri_shape_directory): a table names its shape by id
 * alone and has no way to its heap, and the lookup below must be a few loads.
 *
 * Keys are found through an index: the keys in field order, and a hash of field numbers. A chain of shapes, each one
 * field longer than the last, shares one index; a shorter shape ignores the fields beyond its own. Only where the tree
 * branches is an index copied. */
#ifndef RI_OBJECT_SHAPE_H
#define RI_OBJECT_SHAPE_H

#include "vm/object/table.h"

typedef struct RiShapeIndex {
    RiObject object;   /* RI_TAG_SHAPE */
    uint32_t mask;     /* hash cells - 1; cells are multiples of 8 */
    uint16_t count;    /* keys in use: fields of the longest shape that shares it */
    uint16_t capacity; /* half as many keys as cells */
    uint8_t cells[];   /* 1 + field number, 0: empty; then RiString *keys[capacity] */
} RiShapeIndex;

#define RI_SHAPE_CHILDREN_INLINE 3

struct RiShape {
    RiObject object; /* RI_TAG_SHAPE; word: id */
    RiShape *parent;
    RiString *key; /* of the last field */
    RiShapeIndex *index;
    uint32_t field_count;
    uint32_t child_count;
    RiShape *made_before; /* all shapes of a heap */
    RiShape *children[RI_SHAPE_CHILDREN_INLINE];
    struct RiShapeChildren *more; /* hash of all children once there are more than stand inline */
};

typedef struct RiShapeEntry {
    const RiShapeIndex *index;
    RiShape *shape; /* while the id is free: the next free id */
} RiShapeEntry;

#define RI_SHAPE_IDS 131072 /* when all are given away, tables with new shapes become dictionaries */

extern RiShapeEntry ri_shape_directory[RI_SHAPE_IDS];

static RI_ALWAYS_INLINE RiString *const *ri_shape_index_keys(const RiShapeIndex *index)
{
    return (RiString *const *)(const void *)(index->cells + index->mask + 1);
}

/* Field number of an interned `key` in an ordinary shape, or -1. */
static RI_ALWAYS_INLINE int32_t ri_shape_find(RiShapeId id, const RiString *key)
{
    const RiShapeEntry *entry = &ri_shape_directory[id];
    const RiShapeIndex *index = entry->index;
    uint32_t mask = index->mask;
    RiString *const *keys = ri_shape_index_keys(index);
    for (uint32_t i = key->object.word;; i++) {
        uint32_t field = index->cells[i & mask];
        if (field == 0)
            return -1;
        if (keys[field - 1] == key)
            return field <= entry->shape->field_count ? (int32_t)field - 1 : -1;
    }
}

/* The key of field `field` of an ordinary shape that has as many. */
static inline RiString *ri_shape_key(RiShapeId id, uint32_t field)
{
    return ri_shape_index_keys(ri_shape_directory[id].index)[field];
}

static inline uint32_t ri_shape_fields(RiShapeId id)
{
    return ri_shape_directory[id].shape->field_count;
}

/* What `shape` becomes when `key` (interned, not among its fields) is added by a store with a computed key: tables used
 * as dictionaries must not each leave shapes behind, so only small tables get new ones. 0: become a dictionary.
 * Collects. */
RiShapeId ri_shape_after_dynamic_add(RiHeap *heap, RiShapeId shape, RiString *key);

/* A shape of its own for a table that is made together with many like it: no other table comes to it by gaining fields,
 * and none grows out of it; one more field makes a dictionary. `count` different interned keys, at most
 * RI_SHAPE_CLOSED_MAX. 0 when ids have run out. Collects. */
#define RI_SHAPE_CLOSED_MAX 250
RiShapeId ri_shape_new_closed(RiHeap *heap, RiString *const *keys, uint32_t count);

/* A table that ri_table_sample remembers has outgrown its slots: its constructor site should give `slot_count` slots
 * from now on (0: none, the table has become a dictionary). */
void ri_shape_learn(RiHeap *heap, RiTable *t, uint32_t slot_count);

/* An id for one layout of one dictionary; 0 when there are no more. */
RiShapeId ri_shape_unique_id(RiHeap *heap);

#endif
