/* What a collection starts from: roots of heaps and accounts, native stacks, and the order in which several accounts
 * are marked so that each is charged for what it alone keeps. */
#include "vm/object/gcworld.h"

#include <string.h>

/* -- Marking by turns ----------------------------------------------------------------------------------------------
 * Where a heap has several accounts, or there are several heaps, what each of them has is marked before libgc begins,
 * one account after the other: what is reached first from one is counted there. libgc then finds what is left, from the
 * stack of the running process mostly. Marking is the settling phase's; it runs while the world is stopped and all
 * marks are clear. */

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
            ri_gc_mark_now(base);
    }
}

/* The part of a stack that is to be scanned; false if there is none, or libgc does it. The threads of other heaps than
 * the current one are stopped anywhere, even while changing stacks, their registers saved below what they have in
 * use. */
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
            ri_gc_charge_to(c->stacks[i]->account);
        scan(start, end);
    }
}

static void mark_account(RiCollector *c, RiAccount *account)
{
    ri_gc_charge_to(account);
    if (host_of(account) != NULL)
        ri_gc_mark_behind(host_of(account));
    ri_gc_mark_now(running_of(account));
    ri_gc_mark_now(account->running); /* ri_heap_begin_gift */
    if (c->heap != world.current) /* it may be stopped in ri_heap_switch */
        ri_gc_mark_now(account->host);
    for (size_t i = account->pending.first; i < account->pending.end; i++)
        ri_gc_mark_now(account->pending.items[i].object);
    for (size_t i = 0; c->heap != world.current && i < account->registered.end; i++)
        ri_gc_mark_now(account->registered.items[i].object);
}

static bool has_own_bytes(const RiHeap *heap)
{
    return heap->one_byte != NULL && !is_common(heap->one_byte);
}

static void mark_heap(RiCollector *c)
{
    ri_gc_charge_to(&c->home);
    mark_range(&c->heap->seed, c->heap + 1); /* nothing of a process */
    if (has_own_bytes(c->heap))
        mark_range(c->heap->one_byte, c->heap->one_byte + 256);
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
    ri_gc_charge_to(world.current != NULL ? world.current->account : &world.nobody);
}

/* -- Callbacks of libgc ------------------------------------------------------------------------------------------ */

static void clear_counts(void)
{
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->account_end; i++) {
            RiAccount *account = ri_collector_account(c, i);
            if (account != NULL)
                account->marked_bytes = account->marked_uncounted_bytes = 0;
        }
    }
    world.live_bytes = world.uncounted_bytes = 0;
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
    for (RiCollector *c = world.heaps; c != NULL; c = c->next) {
        if (c->heap->foreign_sites != NULL)
            c->heap->foreign_clear(c->heap);
    }
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
        ri_gc_settle();
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
        if (has_own_bytes(c->heap))
            GC_push_all_eager(c->heap->one_byte, c->heap->one_byte + 256);
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

void ri_gc_set_callbacks(void)
{
    world.next_push_roots = GC_get_push_other_roots();
    GC_set_push_other_roots(push_roots);
    world.next_on_event = GC_get_on_collection_event();
    GC_set_on_collection_event(on_event);
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

/* While a thread runs on a stack that is not its own libgc scans nothing of it in collections of other threads, which
 * may find it in the middle of a change; stack_range does. In its own the stack's end is set beforehand. */
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
