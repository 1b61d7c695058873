/* Shapes: the tree of transitions, the indices of keys, the directory of ids, and the ring of sampled tables. */
#include "vm/object/shape.h"

#include <string.h>

#define DYNAMIC_FIELDS_MAX 8    /* stores with computed keys make new shapes up to here … */
#define IS_OUTGROWN 1 /* aux of a shape: a table has become a dictionary here */
#define IS_CLOSED 2   /* aux of a shape: it has no children */
#define DYNAMIC_CHILDREN_MAX 32 /* … and below shapes with fewer children than this … */
#define DYNAMIC_ROOTS_MAX 256   /* … which all first fields of a program share */
#define UNIQUE_ID_LAST 0xfffffff0u /* the few ids above are the inline caches' */
#define SAMPLE_RING 64

/* A shape's children once there are several, hashed by the key added. */
typedef struct RiShapeChildren {
    RiObject object; /* RI_TAG_BLOCK */
    uint32_t mask;
    uint32_t reserved;
    RiShape *cells[];
} RiShapeChildren;

typedef struct Sample {
    uintptr_t table; /* complement of the address: the ring keeps nothing alive */
    uintptr_t hint;
} Sample;

struct RiShapes {
    RiObject object; /* RI_TAG_BLOCK */
    RiShape *root;
    RiShape *last_made;
    uint32_t count;
    RiShapeId next_unique;
    uint64_t samples_valid_for; /* number of collections when the ring was filled */
    uint32_t sample_next;
    uint32_t sample_count;
    Sample *samples; /* SAMPLE_RING; NULL: none yet */
};

/* -- The directory of ids ---------------------------------------------------------------------------------------
 * Shared by the heaps of a host process. An entry is written by its heap's thread before any table carries the id, and
 * read by that thread alone; the lock guards only the giving out of ids. */

static const RiShapeIndex empty_index = {.mask = 0, .cells = {0}};
static const RiShape empty_shape = {.object = {.kind_byte = RI_KIND_BYTE(RI_TAG_SHAPE), .word = RI_SHAPE_EMPTY},
                                    .index = (RiShapeIndex *)&empty_index};

RiShapeEntry ri_shape_directory[RI_SHAPE_IDS] = {
    [0] = {&empty_index, (RiShape *)&empty_shape},
    [RI_SHAPE_EMPTY] = {&empty_index, (RiShape *)&empty_shape},
    [RI_SHAPE_DICT] = {&empty_index, (RiShape *)&empty_shape},
};

static struct {
    int32_t lock;
    uint32_t used;  /* ids ever given out, the fixed ones included; 0: none yet */
    uint32_t freed; /* first free id, linked through the entries; 0: none */
} ri_shape_ids;

static void lock_ids(void)
{
    while (__atomic_exchange_n(&ri_shape_ids.lock, 1, __ATOMIC_ACQUIRE))
        ;
}

static void unlock_ids(void)
{
    __atomic_store_n(&ri_shape_ids.lock, 0, __ATOMIC_RELEASE);
}

static RiShapeId take_id(void)
{
    lock_ids();
    RiShapeId id = ri_shape_ids.freed;
    if (id) {
        ri_shape_ids.freed = (uint32_t)(uintptr_t)ri_shape_directory[id].shape;
    } else {
        if (ri_shape_ids.used < RI_SHAPE_FIRST)
            ri_shape_ids.used = RI_SHAPE_FIRST;
        if (ri_shape_ids.used < RI_SHAPE_IDS)
            id = ri_shape_ids.used++;
    }
    unlock_ids();
    return id;
}

void ri_shapes_destroy(RiHeap *heap)
{
    if (!heap->shapes)
        return;
    lock_ids();
    for (RiShape *shape = heap->shapes->last_made; shape; shape = shape->made_before) {
        RiShapeId id = shape->object.word;
        ri_shape_directory[id] = (RiShapeEntry){&empty_index, (RiShape *)(uintptr_t)ri_shape_ids.freed};
        ri_shape_ids.freed = id;
    }
    unlock_ids();
    ri_heap_cfree(heap->shapes->samples);
    heap->shapes = NULL;
}

/* -- Indices of keys ------------------------------------------------------------------------------------------- */

static RiShapeIndex *new_index(RiHeap *heap, uint32_t capacity /* power of two, at least 4 */)
{
    uint32_t cells = capacity * 2;
    RiShapeIndex *index =
        ri_heap_alloc(heap, sizeof(RiShapeIndex) + cells + capacity * sizeof(RiString *), RI_SPACE_OBJECT);
    ri_object_init(index, RI_TAG_SHAPE, 0, 0, 0);
    index->mask = cells - 1;
    index->capacity = (uint16_t)capacity;
    return index;
}

static void index_add(RiShapeIndex *index, RiString *key)
{
    uint32_t i = key->object.word & index->mask;
    while (index->cells[i])
        i = (i + 1) & index->mask;
    RiString **keys = (RiString **)(void *)(index->cells + index->mask + 1);
    keys[index->count] = key;
    index->cells[i] = (uint8_t)++index->count;
}

static uint32_t index_capacity_for(uint32_t count)
{
    uint32_t capacity = 4;
    while (capacity < count)
        capacity *= 2;
    return capacity;
}

/* The index for `parent` and `key`: the parent's own, where this is the first child to lengthen it. */
static RiShapeIndex *index_for_child(RiHeap *heap, const RiShape *parent, RiString *key)
{
    RiShapeIndex *index = parent->index;
    uint32_t count = parent->field_count;
    if (index->count != count || count == index->capacity) {
        index = new_index(heap, index_capacity_for(count + 1));
        for (uint32_t i = 0; i < count; i++)
            index_add(index, ri_shape_index_keys(parent->index)[i]);
    }
    index_add(index, key);
    return index;
}

/* -- Transitions ----------------------------------------------------------------------------------------------- */

static bool is_ordinary(RiShapeId id)
{
    return id < RI_SHAPE_UNIQUE && id != RI_SHAPE_DICT && id != 0;
}

static RiShape *shape_of(const RiHeap *heap, RiShapeId id)
{
    return id == RI_SHAPE_EMPTY ? heap->shapes->root : ri_shape_directory[id].shape;
}

static RiShape *find_child(const RiShape *shape, const RiString *key)
{
    const RiShapeChildren *more = shape->more;
    if (!more) {
        for (uint32_t i = 0; i < RI_SHAPE_CHILDREN_INLINE; i++) {
            RiShape *child = shape->children[i];
            if (child && child->key == key)
                return child;
        }
        return NULL;
    }
    for (uint32_t i = key->object.word;; i++) {
        RiShape *child = more->cells[i & more->mask];
        if (!child || child->key == key)
            return child;
    }
}

static void children_add(RiShapeChildren *children, RiShape *child)
{
    uint32_t i = child->key->object.word & children->mask;
    while (children->cells[i])
        i = (i + 1) & children->mask;
    children->cells[i] = child;
}

/* Make room for one more child of `shape`. Collects. */
static void reserve_child(RiHeap *heap, RiShape *shape)
{
    RiShapeChildren *old = shape->more;
    uint32_t count = shape->child_count;
    if (old ? (count + 1) * 3 <= (old->mask + 1) * 2 : count < RI_SHAPE_CHILDREN_INLINE)
        return;
    uint32_t cells = old ? (old->mask + 1) * 2 : 8;
    size_t size = sizeof(RiShapeChildren) + cells * sizeof(RiShape *);
    RiShapeChildren *more = ri_heap_alloc_block(heap, size);
    more->mask = cells - 1;
    if (old) {
        for (uint32_t i = 0; i <= old->mask; i++) {
            if (old->cells[i])
                children_add(more, old->cells[i]);
        }
    } else {
        for (uint32_t i = 0; i < count; i++)
            children_add(more, shape->children[i]);
    }
    shape->more = more;
    if (old)
        ri_heap_free(heap, old, sizeof(RiShapeChildren) + (old->mask + 1) * sizeof(RiShape *));
}

/* Give a shape that is complete its id. False: there are no more. */
static bool enter_shape(RiHeap *heap, RiShape *shape)
{
    RiShapes *shapes = heap->shapes;
    RiShapeId id = take_id();
    if (!id)
        return false;
    shape->object.word = id;
    ri_shape_directory[id] = (RiShapeEntry){shape->index, shape};
    shape->made_before = shapes->last_made;
    shapes->last_made = shape;
    shapes->count++;
    return true;
}

static RiShape *new_child(RiHeap *heap, RiShape *parent, RiString *key)
{
    RiShape *child = ri_heap_alloc(heap, sizeof(RiShape), RI_SPACE_OBJECT);
    ri_object_init(child, RI_TAG_SHAPE, 0, 0, 0);
    reserve_child(heap, parent);
    child->parent = parent;
    child->key = key;
    child->field_count = parent->field_count + 1;
    child->index = index_for_child(heap, parent, key);
    if (!enter_shape(heap, child)) /* last, as what stands before may throw */
        return NULL; /* an index lengthened in vain does no harm: it is only not shared any more */
    if (parent->more)
        children_add(parent->more, child);
    else
        parent->children[parent->child_count] = child;
    parent->child_count++;
    return child;
}

RiShapeId ri_shape_after_add(RiHeap *heap, RiShapeId id, RiString *key)
{
    if (!is_ordinary(id) || !ri_str_is_interned(key))
        return 0;
    RiShape *shape = shape_of(heap, id);
    RiShape *child = find_child(shape, key);
    if (!child) {
        if (shape->field_count >= RI_SHAPE_FIELDS_MAX || shape->object.aux == IS_CLOSED || ri_shape_find(id, key) >= 0)
            return 0;
        child = new_child(heap, shape, key);
    }
    return child ? child->object.word : 0;
}

RiShapeId ri_shape_after_dynamic_add(RiHeap *heap, RiShapeId id, RiString *key)
{
    RiShape *shape = shape_of(heap, id);
    RiShape *child = find_child(shape, key);
    if (!child) {
        uint32_t children_max = shape->parent ? DYNAMIC_CHILDREN_MAX : DYNAMIC_ROOTS_MAX;
        if (shape->field_count >= RI_SHAPE_FIELDS_MAX || shape->object.aux == IS_CLOSED ||
            shape->child_count >= children_max)
            return 0;
        /* The first table to outgrow the limit becomes a dictionary; a second one with the same fields shows that they
         * are copied in a loop (classes, records), and gets shapes to the end. */
        if (shape->field_count == DYNAMIC_FIELDS_MAX || shape->object.aux == IS_OUTGROWN) {
            bool is_first = shape->object.aux != IS_OUTGROWN;
            shape->object.aux = IS_OUTGROWN;
            if (is_first)
                return 0;
        }
        child = new_child(heap, shape, key);
    }
    return child ? child->object.word : 0;
}

uint32_t ri_shape_field_count(const RiHeap *heap, RiShapeId id)
{
    (void)heap;
    return is_ordinary(id) ? ri_shape_fields(id) : 0;
}

RiShapeId ri_shape_for_keys(RiHeap *heap, RiString *const *keys, uint32_t count)
{
    RiShapeId id = RI_SHAPE_EMPTY;
    for (uint32_t i = 0; i < count && id; i++)
        id = ri_shape_after_add(heap, id, keys[i]);
    return id;
}

RiShapeId ri_shape_new_closed(RiHeap *heap, RiString *const *keys, uint32_t count)
{
    ri_assert(count <= RI_SHAPE_CLOSED_MAX);
    RiShape *shape = ri_heap_alloc(heap, sizeof(RiShape), RI_SPACE_OBJECT);
    ri_object_init(shape, RI_TAG_SHAPE, 0, IS_CLOSED, 0);
    shape->field_count = count;
    shape->index = new_index(heap, index_capacity_for(count));
    for (uint32_t i = 0; i < count; i++)
        index_add(shape->index, keys[i]);
    return enter_shape(heap, shape) ? shape->object.word : 0;
}

RiShapeId ri_shape_unique_id(RiHeap *heap)
{
    RiShapes *shapes = heap->shapes;
    return shapes->next_unique < UNIQUE_ID_LAST ? shapes->next_unique++ : 0;
}

/* -- Sampled tables -------------------------------------------------------------------------------------------- */

void ri_shapes_on_collect(RiHeap *heap)
{
    if (heap->shapes)
        heap->shapes->sample_count = 0;
}

/* Forget what may have died since: what is gone cannot be told from something else at the same address. */
static void drop_stale_samples(RiHeap *heap)
{
    RiHeapStats stats;
    ri_heap_stats(heap, &stats);
    RiShapes *shapes = heap->shapes;
    if (shapes->samples_valid_for != stats.collections) {
        shapes->samples_valid_for = stats.collections;
        shapes->sample_count = 0;
    }
}

void ri_table_sample(RiHeap *heap, RiTable *t, uint32_t *hint)
{
    RiShapes *shapes = heap->shapes;
    drop_stale_samples(heap);
    if (shapes->samples == NULL)
        shapes->samples = ri_heap_calloc(heap, SAMPLE_RING, sizeof(Sample));
    if (shapes->samples == NULL)
        return; /* memory is short: nothing is learnt */
    shapes->samples[shapes->sample_next % SAMPLE_RING] = (Sample){~(uintptr_t)t, ~(uintptr_t)hint};
    shapes->sample_next++;
    if (shapes->sample_count < SAMPLE_RING)
        shapes->sample_count++;
    t->flags |= RI_TABLE_SAMPLED;
}

void ri_shape_learn(RiHeap *heap, RiTable *t, uint32_t slot_count)
{
    RiShapes *shapes = heap->shapes;
    drop_stale_samples(heap);
    for (uint32_t i = 1; i <= shapes->sample_count; i++) {
        const Sample *sample = &shapes->samples[(shapes->sample_next - i) % SAMPLE_RING];
        if (sample->table == ~(uintptr_t)t) {
            uint32_t *hint = (uint32_t *)~sample->hint;
            if (slot_count == 0 || slot_count > *hint)
                *hint = slot_count;
            return;
        }
    }
    t->flags &= (uint8_t)~RI_TABLE_SAMPLED;
}

/* -- Life ------------------------------------------------------------------------------------------------------ */

void ri_shapes_init(RiHeap *heap)
{
    heap->shapes = ri_heap_alloc_block(heap, sizeof(RiShapes));
    heap->shapes->next_unique = RI_SHAPE_UNIQUE;
    RiShape *root = ri_heap_alloc(heap, sizeof(RiShape), RI_SPACE_OBJECT);
    ri_object_init(root, RI_TAG_SHAPE, 0, 0, RI_SHAPE_EMPTY);
    root->index = (RiShapeIndex *)&empty_index;
    heap->shapes->root = root;
}
