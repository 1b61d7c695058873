/* The settling phase of a collection: everything reachable has been marked, and nothing swept yet. Ephemerons converge,
 * weak values and keys are cleared, objects with finalizers are resurrected, dead strings leave the intern table, and
 * all live bytes are counted to their accounts. It runs inside libgc while the world is stopped: nothing here may
 * allocate or take a lock. */
#include "vm/object/gcworld.h"

#include <string.h>

#include "vm/base/planted.h"
#include "vm/object/func.h"

/* May the collector take this value out of a weak table? Strings are values, not objects, in this respect. */
static bool is_dead(uint64_t tag, const void *object)
{
    return ri_tag_is_object(tag) && tag != RI_TAG_STRING && !ri_gc_is_live(object);
}

/* -- The settling phase: whose is what ----------------------------------------------------------------------------- */

static RiAccount *account_of_owner(uint32_t owner)
{
    uint32_t block = owner / RI_OWNERS_PER_BLOCK % RI_OWNER_BLOCKS;
    const RiCollector *c = world.owner_blocks[block].c;
    uint32_t index = world.owner_blocks[block].first_index + owner % RI_OWNERS_PER_BLOCK;
    return c != NULL && index < c->account_end ? ri_collector_account(c, index) : NULL;
}

void ri_gc_charge_to(RiAccount *account)
{
    if (world.charged != account) {
        world.charged->marked_bytes += world.live_bytes;
        world.charged->marked_uncounted_bytes += world.uncounted_bytes;
        world.live_bytes = world.uncounted_bytes = 0;
        world.charged = account;
    }
}

static void charge_to_owner(uint32_t owner)
{
    RiAccount *account = world.by_turns ? account_of_owner(owner) : NULL;
    if (account != NULL)
        ri_gc_charge_to(account);
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
        count_live(RI_ARRAY_HEADER_SIZE + a->capacity * ri_array_elem_size(a->elem_tag));
    }
    for (uint32_t i = 0; parts.array != NULL && i < parts.array->count; i++) {
        RiValue v = parts.array->values[i];
        if (ri_tag_is_object(v.tag) && (!weak_values || v.tag == RI_TAG_STRING))
            ri_gc_mark_now(v.cp);
    }
    for (uint32_t i = 0; i < parts.slot_count; i++) {
        RiValue v = parts.slots[i];
        if (ri_tag_is_object(v.tag) && (!weak_values || v.tag == RI_TAG_STRING))
            ri_gc_mark_now(v.cp);
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
            ri_gc_mark_now(entry->key_object);
        if (ri_tag_is_object(entry->value.tag) && (weak_values ? entry->value.tag == RI_TAG_STRING : !key_can_die))
            ri_gc_mark_now(entry->value.cp);
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
            entry->key_tag == RI_TAG_STRING || ri_gc_is_live(entry->value.cp))
            continue;
        if (ri_gc_is_live(entry->key_object)) {
            ri_gc_mark_now(entry->value.cp);
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
                ri_gc_mark_now(entry->key_object);
            if (ri_tag_is_object(entry->value.tag))
                ri_gc_mark_now(entry->value.cp);
        }
    }
}

/* Values of ephemeron tables may lead to keys of others. Changing direction helps with long chains, though not with
 * all, and then this takes time. It is too late to give up the collection, but not to leave more alive: where `stop`
 * says so. */
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
    } while (changed && !RI_PLANTED(collector));
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
        if (entry->value.tag == RI_TAG_NIL && ri_tag_is_object(entry->key_tag) && !ri_gc_is_live(entry->key_object))
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
                ri_gc_mark_now(entry->key_object);
            if (entry->value.tag == RI_TAG_STRING)
                ri_gc_mark_now(entry->value.cp);
        }
    }
}

static bool has_died(const void *object)
{
    return object != NULL && !ri_gc_is_live(object);
}

static void clear_caches(void)
{
    for (size_t i = 0; i < world.feedbacks.count; i++) {
        RiFeedback *feedback = ((RiFeedback **)world.feedbacks.items)[i];
        RiBuffer *buffer = ri_feedback_cache_buffer(feedback);
        for (size_t k = 0; k < buffer->used / sizeof(RiCache); k++) {
            RiCache *cache = &feedback->caches[k];
            if (has_died(cache->meta) || has_died(cache->holder) || has_died(cache->index)) {
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
        if (ri_gc_is_live(registered->items[i].object))
            registered->items[--kept] = registered->items[i];
        else
            pending->items[end++] = registered->items[i];
    }
    registered->end -= kept;
    if (kept > 0)
        ri_registered_copy(registered->items, registered->items + kept, registered->end);
    if (end > pending->end && world.by_turns)
        ri_gc_charge_to(account);
    for (size_t i = pending->end; i < end; i++)
        ri_gc_mark_now(pending->items[i].object);
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

/* -- The end of marking ------------------------------------------------------------------------------------------ */

static bool string_is_live(const void *string)
{
    return is_common(string) || GC_is_marked(string);
}

static bool keep_string(const void *string)
{
    if (!is_common(string))
        GC_set_mark_bit(string);
    return true;
}

/* All live bytes are known: open the books anew. */
static void settle_account(RiAccount *account)
{
    account->live_bytes = account->marked_bytes;
    account->credit_base -= ri_account_since(account);
    account->uncounted_bytes = account->marked_uncounted_bytes;
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
    if (world.uncounted_bytes > world.live_bytes)
        world.uncounted_bytes = world.live_bytes;
    ri_gc_charge_to(&world.nobody);
    for (RiCollector *c = world.heaps; c != NULL; c = c->next)
        settle_accounts(c);
}

/* As lgc.c orders it: a resurrected object stays a key of weak tables until it really dies, but it is taken out of
 * weak values before its finalizer sees it. */
void ri_gc_settle(void)
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
    memset(world.rest, 0, sizeof world.rest);
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        if (c->heap != world.current) {
            keep_free_lists(c->heap);
            ri_gc_keep_all_spares(c);
        } else {
            ri_gc_keep_own_spares(c);
        }
        ri_strings_sweep(c->heap, c->heap == world.current ? string_is_live : keep_string);
    }
}
