/* Limits on the memory of an account.
 *
 * What an account uses is the larger of two: what its objects add up to, and its *footprint*, the pages that libgc keeps
 * for them, half empty ones included. After a collection the footprint of the heap is shared out by live bytes; from then
 * on whoever makes it grow is charged with the growth. Besides come the bytes of ri_account_charge.
 *
 * That is still not what the host sees: pages that are free again stay with the host process, and there is memory besides
 * the heap. So if there is one process only, or a limit for all of them, the host is asked now and then how much it sees,
 * and free pages go back to it when that comes to more than the limit. */
#include "vm/host/host.h"
#include "vm/object/collector.h"

#define RESERVE_SHARE 32 /* of the limit, for handlers of errors */
#define RESERVE_MIN_BYTES ((int64_t)64 << 10)
#define RELIEF_SHARE 8   /* of the limit must be freed, or allocated since, for a collection to have been worth it … */
#define PATIENCE 8       /* … or so many times what it took must have passed */
#define INNOCENT_SHARE 16 /* of an equal share of what all may have: who has no more can go on when all have too much */
#define SMALL_SHARE 4    /* of the reserve: requests for more may fail without harm to whoever goes on with less */
#define PAGE_BYTES 4096  /* requests for less are charged for when they have made the heap grow */
#define RESIDENT_SLACK_BYTES ((int64_t)512 << 10) /* not the program's; so much again is reserve */
#define REFUSAL_NS 5000000 /* so long the heap's own lists, which can wait, do without growing */
#define RESIDENT_STEP_BYTES ((int64_t)64 << 10)
#define TIDY_SHARE 16 /* of the limit may be taken before free pages are given back again */
#define LISTS_FREE_BYTES ((int64_t)1 << 20) /* of a collection's lists: everybody has those */

/* The resident memory of a sanitizer tells nothing. */
#if defined(__SANITIZE_ADDRESS__)
#define SEES_RESIDENT false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEES_RESIDENT false
#endif
#endif
#ifndef SEES_RESIDENT
#define SEES_RESIDENT true
#endif

/* -- What is used -------------------------------------------------------------------------------------------------- */

static bool is_sole(const RiCollector *c)
{
    return c->account_count <= 2 && ri_heap_is_alone(c);
}

static int64_t counted_bytes(const RiAccount *account)
{
    return account->live_bytes + ri_account_since(account) + account->extra_bytes;
}

int64_t ri_quota_used(const RiAccount *account)
{
    const RiCollector *c = account->heap->collector;
    int64_t counted = counted_bytes(account), footprint = account->footprint_bytes + account->extra_bytes;
    int64_t used = counted > footprint ? counted : footprint;
    if (is_sole(c) && 2 * c->list_bytes > LISTS_FREE_BYTES)
        used += 2 * c->list_bytes - LISTS_FREE_BYTES; /* the next collection may need lists of twice the size */
    return used;
}

static int64_t ceiling(const RiAccount *account)
{
    return account->limit_bytes - (account->in_reserve ? 0 : account->reserve_bytes);
}

/* Little needs no room of its own where there are holes: as long as the heap has not grown. */
static bool has_room(const RiAccount *account, int64_t need)
{
    if (ri_quota_used(account) + need <= ceiling(account))
        return true;
    return need == 0 && !account->has_grown && counted_bytes(account) <= ceiling(account);
}

void ri_quota_note_growth(RiHeap *heap)
{
    RiCollector *c = heap->collector;
    int64_t footprint = ri_heap_footprint(), growth = footprint - c->footprint_seen;
    c->footprint_seen = footprint;
    if (growth == 0 || !ri_heap_is_alone(c))
        return;
    heap->account->footprint_bytes += growth;
    heap->account->has_grown |= growth > 0;
    c->resident_left -= growth > 0 ? growth : 0;
}

static void refill_reserve(RiAccount *account)
{
    if (account->in_reserve && ri_quota_used(account) <= account->limit_bytes - 2 * account->reserve_bytes)
        account->in_reserve = false;
}

void ri_quota_after_collect(RiCollector *c)
{
    if (c->limited_count == 0)
        return;
    bool alone = is_sole(c); /* else pages are shared with others, and with what they have left behind */
    c->footprint_seen = ri_heap_footprint();
    double ratio = (double)(c->footprint_seen - c->footprint_base) / (double)(c->live_bytes + 1);
    for (uint32_t i = 0; i < c->account_end; i++) {
        RiAccount *account = ri_collector_account(c, i);
        if (account == NULL)
            continue;
        account->footprint_bytes = alone ? (int64_t)((double)account->live_bytes * ratio) : account->live_bytes;
        account->has_grown = false;
        refill_reserve(account);
    }
}

/* -- What the host sees -------------------------------------------------------------------------------------------- */

static int64_t untouched_bytes(const RiFinalizerList *list)
{
    return (int64_t)((list->capacity - list->end) * sizeof(RiRegistered));
}

/* How much the host process may grow until it is past the limit; less than 0: it is. */
static int64_t resident_room(const RiCollector *c, const RiAccount *account)
{
    int64_t slack = account->in_reserve ? 2 * RESIDENT_SLACK_BYTES : RESIDENT_SLACK_BYTES;
    int64_t resident = (int64_t)ri_host_resident_bytes();
    if (resident == 0)
        return INT64_MAX / 2;
    resident += untouched_bytes(&account->registered) + untouched_bytes(&account->pending);
    int64_t limit = is_sole(c) ? account->limit_bytes : c->group_limit_bytes;
    return limit + slack - (resident - c->resident_base);
}

/* Resident bytes besides the objects of other accounts, as far as can be told. */
static int64_t resident_besides(const RiAccount *account)
{
    const RiHeap *heap = account->heap;
    int64_t own = counted_bytes(account) - account->extra_bytes;
    return (int64_t)ri_host_resident_bytes() - (heap->collector->live_bytes + ri_heap_since(heap) - own);
}

/* Among others, of which nobody knows what they take: this account is not refused anything because the host process has grown,
 * but free pages are not kept when it has grown by more than the limit since the account was given one. */
static void tidy_up(RiHeap *heap, int64_t need)
{
    RiCollector *c = heap->collector;
    const RiAccount *account = heap->account;
    int64_t room = account->limit_bytes + RESIDENT_SLACK_BYTES - (resident_besides(account) - account->resident_base);
    if (room < need) {
        ri_heap_release_pages(heap);
        ri_host_trim();
        room = account->limit_bytes / TIDY_SHARE;
    }
    c->resident_left = room / 2 > RESIDENT_STEP_BYTES ? room / 2 : RESIDENT_STEP_BYTES;
}

static bool is_resident(RiHeap *heap, int64_t need)
{
    RiCollector *c = heap->collector;
    if (c->group_limit_bytes != 0 && !is_sole(c) && c->live_bytes + ri_heap_since(heap) + need > c->group_limit_bytes)
        return false; /* what they have got adds up to too much, wherever it lies */
    bool is_bounded = is_sole(c) || (c->group_limit_bytes != 0 && ri_heap_is_alone(c));
    if (!SEES_RESIDENT || need < c->resident_left)
        return true;
    if (!is_bounded) {
        if (ri_heap_is_alone(c))
            tidy_up(heap, need);
        return true;
    }
    int64_t room = resident_room(c, heap->account);
    if (room < need) {
        ri_heap_release_pages(heap);
        room = resident_room(c, heap->account);
    }
    if (room < need) {
        ri_host_trim(); /* buffers of files, for instance, that have been closed */
        room = resident_room(c, heap->account);
    }
    c->resident_left = room / 2 > RESIDENT_STEP_BYTES ? room / 2 : RESIDENT_STEP_BYTES;
    if (room < need)
        c->resident_left = 0;
    return room >= need;
}

/* -- When it is too much ------------------------------------------------------------------------------------------- */

static bool may_collect(const RiAccount *account, int64_t need)
{
    if (need > account->limit_bytes || account->heap->stop_collection)
        return false;
    if (!account->unrelieved)
        return true;
    int64_t worth = account->in_reserve ? account->reserve_bytes / 2 : account->limit_bytes / RELIEF_SHARE;
    return ri_quota_used(account) - account->quota_used_bytes > worth ||
           ri_heap_now_ns() - account->quota_collect_ns > account->quota_cost_ns * PATIENCE;
}

static void collect(RiHeap *heap)
{
    RiAccount *account = heap->account;
    int64_t before = ri_quota_used(account);
    uint64_t start = ri_heap_now_ns();
    heap->collector->is_quota_collection = true;
    ri_heap_collect(heap);
    heap->collector->is_quota_collection = false;
    account->quota_used_bytes = ri_quota_used(account);
    account->unrelieved = before - account->quota_used_bytes < account->limit_bytes / RELIEF_SHARE;
    account->quota_collect_ns = ri_heap_now_ns();
    account->quota_cost_ns = account->quota_collect_ns - start;
}

/* When all together have too much, those that have little are not to blame. */
static bool is_innocent(const RiAccount *account, int64_t need)
{
    const RiCollector *c = account->heap->collector;
    return c->group_limit_bytes != 0 && !is_sole(c) &&
           (ri_quota_used(account) + need) * (c->account_count - 1) <= c->group_limit_bytes / INNOCENT_SHARE;
}

/* Make room for `need` bytes if a collection can. */
static bool make_room(RiHeap *heap, int64_t need)
{
    RiAccount *account = heap->account;
    if (has_room(account, need) && is_resident(heap, need))
        return true;
    if (may_collect(account, need))
        collect(heap);
    else if (!is_innocent(account, need))
        return false;
    return has_room(account, need) && (is_resident(heap, need) || is_innocent(account, need));
}

static RI_COLD RI_NORETURN void refuse(RiHeap *heap, int64_t need)
{
    RiAccount *account = heap->account;
    bool is_small = need <= account->reserve_bytes / SMALL_SHARE;
    if (account->in_reserve && is_small && !account->is_given && heap->on_quota_dead != NULL) {
        heap->on_quota_dead(heap);
    } else {
        account->in_reserve |= is_small || !has_room(account, account->reserve_bytes);
        ri_heap_fail(heap);
    }
    ri_unreachable();
}

void ri_quota_check(RiHeap *heap, size_t size)
{
    int64_t need = size >= PAGE_BYTES ? (int64_t)size : 0;
    if (!make_room(heap, need))
        refuse(heap, need);
}

bool ri_quota_admits(RiHeap *heap, size_t size)
{
    RiCollector *c = heap->collector;
    if (!has_room(heap->account, (int64_t)size) || ri_heap_now_ns() - c->refused_ns < REFUSAL_NS)
        return false;
    if (!is_resident(heap, (int64_t)size)) {
        c->refused_ns = ri_heap_now_ns();
        return false;
    }
    c->resident_left -= (int64_t)size;
    return true;
}

/* -- Outside --------------------------------------------------------------------------------------------------------- */

bool ri_account_charge(RiAccount *account, int64_t delta)
{
    RiHeap *heap = account->heap;
    if (delta > 0 && account->limit_bytes != RI_NO_MEMORY_LIMIT) {
        bool done = heap->account == account ? make_room(heap, delta) : has_room(account, delta);
        if (!done)
            return false;
        heap->collector->resident_left -= delta;
    }
    account->extra_bytes += delta;
    if (delta < 0)
        refill_reserve(account);
    return true;
}

void ri_account_note(RiAccount *account, int64_t delta)
{
    account->extra_bytes += delta;
    if (delta < 0)
        refill_reserve(account);
}

static void begin_limit(RiAccount *account)
{
    RiCollector *c = account->heap->collector;
    int64_t footprint = ri_heap_footprint(), counted = counted_bytes(account) - account->extra_bytes;
    if (c->limited_count++ == 0)
        c->footprint_seen = footprint;
    account->footprint_bytes = is_sole(c) ? footprint - c->footprint_base : counted;
    if (is_sole(c))
        c->resident_base = (int64_t)ri_host_resident_bytes() - ri_quota_used(account);
    account->resident_base = resident_besides(account) - ri_quota_used(account);
    c->resident_left = 0;
}

void ri_account_set_limit(RiAccount *account, int64_t limit_bytes)
{
    bool was_limited = account->limit_bytes != RI_NO_MEMORY_LIMIT, is_limited = limit_bytes != RI_NO_MEMORY_LIMIT;
    if (is_limited && !was_limited)
        begin_limit(account);
    else if (was_limited && !is_limited)
        account->heap->collector->limited_count--;
    int64_t reserve = limit_bytes / RESERVE_SHARE;
    account->limit_bytes = limit_bytes;
    account->reserve_bytes = reserve > RESERVE_MIN_BYTES ? reserve : RESERVE_MIN_BYTES;
    if (account->reserve_bytes > limit_bytes / 2)
        account->reserve_bytes = limit_bytes / 2;
    account->in_reserve = account->unrelieved = false;
}

void ri_heap_set_group_limit(RiHeap *heap, int64_t limit_bytes)
{
    heap->collector->group_limit_bytes = limit_bytes;
}

int64_t ri_heap_group_limit(const RiHeap *heap)
{
    return heap->collector->group_limit_bytes;
}
