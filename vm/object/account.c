/* Accounts: what one process has in a heap. Here is their list, which every collection walks, and what belongs to them
 * besides objects: roots, and the lists of objects with finalizers. heap.c does the counting, quota.c the limits.
 *
 * An account is known by its index in the heap's list. Its objects carry its owner id, unique among all heaps of the host
 * process: the number of a block of 1,024 ids, and a number in that block. */
#include <stdlib.h>
#include <string.h>

#include "vm/object/collector.h"
#include "vm/object/table.h"
#include "vm/object/udata.h"

/* What a large account leaves behind is given back to the host at once. It has this much, and this part of all. */
#define LARGE_BYTES ((int64_t)4 << 20)
#define LARGE_SHARE 4
#define RELEASES 2 /* so many further collections give free pages back as well */

/* -- The list ------------------------------------------------------------------------------------------------------ */

typedef struct AccountChange {
    RiCollector *c;
    RiAccount *account;
    RiAccount **larger; /* a larger array, or NULL; then the old one */
    uint32_t capacity;
} AccountChange;

/* Bytes of an array of accounts, and the numbers of their owners' blocks. */
static size_t accounts_size(uint32_t capacity)
{
    return capacity * sizeof(RiAccount *) + (capacity / RI_OWNERS_PER_BLOCK + 1) * sizeof(uint16_t);
}

static void *insert_account(void *argument)
{
    AccountChange *change = argument;
    RiCollector *c = change->c;
    RiAccount *account = change->account;
    if (change->larger != NULL) {
        RiAccount **old = c->accounts;
        uint16_t *blocks = (uint16_t *)(void *)(change->larger + change->capacity);
        if (c->account_end > 0) {
            memcpy(change->larger, old, c->account_end * sizeof *old);
            memcpy(blocks, c->owner_blocks, (c->account_capacity / RI_OWNERS_PER_BLOCK + 1) * sizeof *blocks);
        }
        c->accounts = change->larger;
        c->owner_blocks = blocks;
        c->account_capacity = change->capacity;
        change->larger = old;
    }
    account->index = c->account_free;
    if (account->index == c->account_end)
        c->account_free = ++c->account_end;
    else
        c->account_free = (uint32_t)((uintptr_t)c->accounts[account->index] >> 1);
    c->accounts[account->index] = account;
    c->account_count++;
    uint16_t *block = &c->owner_blocks[account->index / RI_OWNERS_PER_BLOCK];
    if (*block == 0)
        *block = ri_owner_block_claim(c, account->index / RI_OWNERS_PER_BLOCK * RI_OWNERS_PER_BLOCK);
    account->owner = *block ? (uint32_t)*block * RI_OWNERS_PER_BLOCK + account->index % RI_OWNERS_PER_BLOCK : 0;
    return NULL;
}

static void *remove_account(void *argument)
{
    RiAccount *account = argument;
    RiCollector *c = account->heap->collector;
    for (uint32_t i = 0; i < c->stack_count; i++) {
        if (c->stacks[i]->account == account)
            c->stacks[i]->account = NULL;
    }
    c->accounts[account->index] = (RiAccount *)((uintptr_t)c->account_free << 1 | 1);
    c->account_free = account->index;
    c->account_count--;
    return NULL;
}

bool ri_account_link(RiHeap *heap, RiAccount *account)
{
    RiCollector *c = heap->collector;
    AccountChange change = {.c = c, .account = account};
    if (c->account_free == c->account_capacity) {
        change.capacity = c->account_capacity ? c->account_capacity * 2 : 4;
        change.larger = ri_heap_calloc(heap, 1, accounts_size(change.capacity));
        if (change.larger == NULL)
            return false;
    }
    account->heap = heap;
    account->serial = 1;
    account->limit_bytes = RI_NO_MEMORY_LIMIT;
    account->pause_percent = RI_PAUSE_PERCENT;
    ri_heap_locked(insert_account, &change);
    ri_heap_cfree(change.larger);
    return true;
}

void ri_account_open(RiHeap *heap, RiAccount *account, void *root)
{
    memset(account, 0, sizeof *account);
    account->host = root;
    if (!ri_account_link(heap, account))
        ri_heap_fail(heap);
}

typedef struct AccountLists {
    RiAccount *account;
    void *registered, *pending;
} AccountLists;

static void *take_lists(void *argument)
{
    AccountLists *lists = argument;
    lists->registered = lists->account->registered.items;
    lists->pending = lists->account->pending.items;
    lists->account->registered = lists->account->pending = (RiFinalizerList){0};
    return NULL;
}

static void free_lists(RiAccount *account)
{
    AccountLists lists = {.account = account};
    ri_heap_locked(take_lists, &lists);
    ri_heap_cfree(lists.registered);
    ri_heap_cfree(lists.pending);
}

void ri_account_close(RiAccount *account)
{
    RiHeap *heap = account->heap;
    if (heap == NULL)
        return;
    RiCollector *c = heap->collector;
    int64_t bytes = account->live_bytes + ri_account_since(account) + account->extra_bytes;
    bool is_large = bytes > LARGE_BYTES && bytes > c->live_bytes / LARGE_SHARE;
    if (heap->account == account)
        ri_heap_switch(heap, &c->home);
    c->dead_bytes += account->live_bytes;
    ri_account_set_limit(account, RI_NO_MEMORY_LIMIT);
    ri_heap_locked(remove_account, account);
    free_lists(account);
    account->heap = NULL;
    account->host = NULL;
    account->running = NULL;
    if (is_large) {
        ri_heap_trim(heap);
        c->releases_due = RELEASES; /* a stale word may have kept some of it alive, until now */
    }
}

static void *take_accounts(void *argument)
{
    RiCollector *c = argument;
    RiAccount **accounts = c->accounts;
    c->heap->account = &c->home;
    ri_owner_blocks_release(c);
    c->accounts = NULL;
    c->account_end = c->account_count = c->account_capacity = 0;
    return accounts;
}

void ri_accounts_destroy(RiHeap *heap)
{
    RiCollector *c = heap->collector;
    for (uint32_t i = 0; i < c->account_end; i++) {
        RiAccount *account = ri_collector_account(c, i);
        if (account != NULL) {
            free_lists(account);
            account->heap = NULL;
        }
    }
    ri_heap_cfree(ri_heap_locked(take_accounts, c));
}

RiAccount *ri_heap_begin_gift(RiHeap *heap, RiAccount *to)
{
    RiAccount *giver = heap->account;
    RiThread *running = heap->running;
    ri_heap_switch(heap, to);
    to->running = heap->running; /* a root there, too */
    heap->running = running;
    to->is_given = true;
    return giver;
}

void ri_heap_end_gift(RiHeap *heap, RiAccount *giver)
{
    RiAccount *to = heap->account;
    to->is_given = false;
    heap->running = to->running;
    ri_heap_switch(heap, giver);
}

void ri_account_stats(const RiAccount *account, RiAccountStats *out)
{
    int64_t count = account->live_bytes + ri_account_since(account) - account->uncounted_bytes;
    int64_t used = ri_quota_used(account);
    *out = (RiAccountStats){
        .count_bytes = count > 0 ? (uint64_t)count : 0,
        .used_bytes = used > 0 ? (uint64_t)used : 0,
        .limit_bytes = account->limit_bytes == RI_NO_MEMORY_LIMIT ? UINT64_MAX : (uint64_t)account->limit_bytes,
        .collections = account->collections,
        .collect_ns = account->collect_ns,
        .registered = account->registered.end,
        .pending = account->pending.end - account->pending.first,
    };
}

/* -- Roots ------------------------------------------------------------------------------------------------------- */

typedef struct RootChange {
    RiCollector *c;
    RiRoot *roots; /* a larger array, or NULL */
    RiRoot root;
} RootChange;

static void *insert_root(void *argument)
{
    RootChange *change = argument;
    RiCollector *c = change->c;
    RiRoot *old = NULL;
    if (change->roots != NULL) {
        if (c->root_count > 0)
            memcpy(change->roots, c->roots, c->root_count * sizeof(RiRoot));
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
        change.roots = ri_heap_calloc(heap, c->root_capacity * 2 + 8, sizeof(RiRoot));
        if (change.roots == NULL)
            ri_heap_fail(heap);
    }
    if (c->roots == NULL && change.roots == NULL)
        return;
    ri_heap_cfree(ri_heap_locked(insert_root, &change));
}

void ri_heap_remove_root(RiHeap *heap, void *start, size_t size)
{
    RootChange change = {.c = heap->collector, .root = {start, size}};
    ri_heap_locked(delete_root, &change);
}

/* -- Finalizers ---------------------------------------------------------------------------------------------------- */

typedef struct FinalizerRoom {
    RiAccount *account;
    RiRegistered *registered, *pending;
    size_t capacity;
} FinalizerRoom;

static void *move_finalizers(void *argument)
{
    FinalizerRoom *room = argument;
    RiFinalizerList *registered = &room->account->registered, *pending = &room->account->pending;
    FinalizerRoom old = {.registered = registered->items, .pending = pending->items};
    size_t pending_count = pending->end - pending->first;
    ri_registered_copy(room->registered, registered->items, registered->end);
    ri_registered_copy(room->pending, pending->items + pending->first, pending_count);
    registered->items = room->registered;
    pending->items = room->pending;
    pending->first = 0;
    pending->end = pending_count;
    registered->capacity = pending->capacity = room->capacity;
    *room = old;
    return NULL;
}

/* There is room among the pending objects for everything that is registered. */
static void reserve_finalizers(RiHeap *heap)
{
    RiAccount *account = heap->account;
    size_t capacity = account->registered.capacity;
    if (account->registered.end + account->pending.end < capacity)
        return;
    size_t needed = account->registered.end + (account->pending.end - account->pending.first) + 1;
    FinalizerRoom room = {.account = account, .capacity = needed * 2 + 2};
    int64_t growth = (int64_t)(room.capacity - capacity) * 2 * (int64_t)sizeof(RiRegistered);
    if (account->limit_bytes != RI_NO_MEMORY_LIMIT)
        ri_quota_check(heap, room.capacity * 2 * sizeof(RiRegistered)); /* it may collect: reckon anew */
    room.registered = ri_heap_calloc(heap, room.capacity, sizeof(RiRegistered));
    room.pending = ri_heap_calloc(heap, room.capacity, sizeof(RiRegistered));
    if (room.registered == NULL || room.pending == NULL) {
        ri_heap_cfree(room.registered);
        ri_heap_cfree(room.pending);
        ri_heap_fail(heap);
    }
    ri_heap_locked(move_finalizers, &room);
    account->extra_bytes += growth;
    ri_heap_cfree(room.registered);
    ri_heap_cfree(room.pending);
}

static uint8_t *finalizer_flags(const RiRegistered *r, uint8_t *flag)
{
    bool is_table = r->tag == RI_TAG_TABLE;
    *flag = is_table ? (uint8_t)RI_TABLE_FINALIZER : (uint8_t)RI_UDATA_FINALIZER;
    return is_table ? &((RiTable *)r->object)->flags : &((RiUserdata *)r->object)->object.flags;
}

void ri_heap_register_finalizer(RiHeap *heap, RiValue object)
{
    RiRegistered r = {object.p, object.tag};
    uint8_t flag, *flags = finalizer_flags(&r, &flag);
    if (*flags & flag)
        return;
    reserve_finalizers(heap);
    RiFinalizerList *list = &heap->account->registered;
    list->items[list->end] = r;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a collection on another thread sees the object before the count */
    list->end++;
    *flags |= flag;
}

RiValue ri_heap_take_finalizable(RiHeap *heap)
{
    RiFinalizerList *list = &heap->account->pending;
    if (list->first == list->end)
        return ri_nil();
    RiRegistered r = list->items[list->first++];
    if (list->first == list->end)
        list->first = list->end = 0;
    uint8_t flag, *flags = finalizer_flags(&r, &flag);
    *flags &= (uint8_t)~flag; /* its finalizer may register it again */
    return ri_object(r.object, (RiTag)r.tag);
}

bool ri_account_registered_at(const RiAccount *account, size_t index, RiValue *object)
{
    const RiFinalizerList *registered = &account->registered, *pending = &account->pending;
    if (index < registered->end) {
        *object = ri_object(registered->items[index].object, (RiTag)registered->items[index].tag);
        return true;
    }
    index -= registered->end;
    if (index >= pending->end - pending->first)
        return false;
    const RiRegistered *r = &pending->items[pending->end - 1 - index];
    *object = ri_object(r->object, (RiTag)r->tag);
    return true;
}

bool ri_heap_has_finalizable(const RiHeap *heap)
{
    return heap->account->pending.first < heap->account->pending.end;
}

void ri_heap_finalize_all(RiHeap *heap)
{
    RiFinalizerList *registered = &heap->account->registered, *pending = &heap->account->pending;
    while (registered->end > 0) {
        pending->items[pending->end++] = registered->items[registered->end - 1];
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        registered->end--;
    }
}
