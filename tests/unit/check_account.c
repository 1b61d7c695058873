/* Accounts of a heap: whose bytes are whose, finalizers, limits, native stacks, collections that are given up. */
#include <check.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/object/heap.h"
#include "vm/object/str.h"
#include "vm/object/table.h"

static RiHeap *heap;

static void setup(void)
{
    heap = ri_heap_create(42);
    ck_assert_ptr_nonnull(heap);
}

static void teardown(void)
{
    ri_heap_destroy(heap);
    heap = NULL;
}

#define collect() ri_heap_collect_above(heap, __builtin_frame_address(0))

/* A process: an account and the table that everything it has hangs on. None lies on the C stack, which is scanned. */
typedef struct Process {
    RiAccount account;
    RiTable *root;
} Process;

static RI_NOINLINE void open_process(Process *process)
{
    RiAccount *mine = heap->account;
    ri_account_open(heap, &process->account, NULL);
    ri_heap_switch(heap, &process->account);
    process->root = ri_table_new(heap, 0, 0);
    heap->host = process->root;
    ri_heap_switch(heap, mine);
}

static RiTable *new_table(int64_t value)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    ri_table_set_int(heap, t, 1, ri_int(value));
    return t;
}

/* `count` tables of the process's own. */
static RI_NOINLINE void fill(Process *process, int count)
{
    RiAccount *mine = heap->account;
    ri_heap_switch(heap, &process->account);
    for (int i = 1; i <= count; i++)
        ri_table_set_int(heap, process->root, i, ri_table_value(new_table(i)));
    ri_heap_switch(heap, mine);
}

static void check_filled(const Process *process, int count)
{
    for (int i = 1; i <= count; i++) {
        RiValue v = ri_table_get_int(process->root, i);
        ck_assert(ri_is_table(v));
        ck_assert_int_eq(ri_table_get_int(v.p, 1).i, i);
    }
}

static RiAccountStats stats_of(const Process *process)
{
    RiAccountStats stats;
    ri_account_stats(&process->account, &stats);
    return stats;
}

/* -- Switching --------------------------------------------------------------------------------------------------- */

START_TEST(what_is_exchanged)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    ck_assert_uint_ne(a.account.owner, b.account.owner);
    ri_heap_switch(heap, &a.account);
    heap->serial = 1000;
    heap->stopped = true;
    heap->attention = true;
    int64_t credit = heap->credit_bytes;
    RiTable *of_a = ri_table_new(heap, 0, 0);
    ri_heap_switch(heap, &b.account);
    ck_assert_uint_lt(heap->serial, 1000);
    ck_assert(!heap->stopped && !heap->attention);
    ck_assert_ptr_eq(heap->host, b.root);
    RiTable *of_b = ri_table_new(heap, 0, 0);
    ri_heap_switch(heap, &a.account);
    ck_assert(heap->stopped && heap->attention);
    ck_assert_uint_eq(heap->serial, 1001);
    ck_assert_ptr_eq(heap->host, a.root);
    ck_assert_int_lt(heap->credit_bytes, credit);
    ck_assert_uint_eq(of_a->owner, a.account.owner);
    ck_assert_uint_eq(of_b->owner, b.account.owner);
}
END_TEST

/* More than 65,536 at a time, all with an id of their own. */
START_TEST(very_many)
{
    enum { COUNT = 150000 };
    RiAccount *all = calloc(COUNT, sizeof *all);
    uint8_t *seen = calloc(1, 1 << 24);
    for (int i = 0; i < COUNT; i++) {
        ri_account_open(heap, &all[i], NULL);
        ck_assert_uint_gt(all[i].owner, 0);
        ck_assert_uint_lt(all[i].owner, 1u << 24);
        ck_assert_uint_eq(seen[all[i].owner], 0);
        seen[all[i].owner] = 1;
    }
    RiHeapStats stats;
    ri_heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.accounts, COUNT);
    ri_heap_switch(heap, &all[COUNT - 1]);
    heap->host = new_table(7);
    collect();
    ck_assert_int_eq(ri_table_get_int(heap->host, 1).i, 7);
    for (int i = 0; i < COUNT; i++) /* the current one, too */
        ri_account_close(&all[i]);
    ri_heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.accounts, 0);
    uint32_t owner_max = 0;
    for (int i = 0; i < 1000; i++) {
        ri_account_open(heap, &all[0], NULL);
        owner_max = all[0].owner > owner_max ? all[0].owner : owner_max;
        ri_account_close(&all[0]);
    }
    ck_assert_uint_lt(owner_max & 0xffff, 65536);
    free(all);
    free(seen);
}
END_TEST

/* -- Whose bytes --------------------------------------------------------------------------------------------------- */

START_TEST(bytes_are_counted_where_they_hang)
{
    enum { COUNT = 20, UNIT = 300 };
    static Process all[COUNT];
    for (int i = 0; i < COUNT; i++) {
        open_process(&all[i]);
        fill(&all[i], UNIT * (i + 1));
    }
    uint64_t before[COUNT];
    for (int i = 0; i < COUNT; i++)
        before[i] = stats_of(&all[i]).count_bytes;
    for (int round = 0; round < 3; round++) {
        ri_heap_switch(heap, &all[round * 7].account);
        collect();
        uint64_t sum = 0;
        for (int i = 0; i < COUNT; i++) {
            uint64_t bytes = stats_of(&all[i]).count_bytes;
            sum += bytes;
            ck_assert_uint_le(bytes, before[i]);
            ck_assert_uint_ge(bytes, (uint64_t)UNIT * (uint64_t)(i + 1) * sizeof(RiTable));
        }
        RiHeapStats stats;
        ri_heap_stats(heap, &stats);
        ck_assert_uint_le(sum, stats.live_bytes);
        ck_assert_uint_ge(sum + 65536, stats.live_bytes);
    }
    for (int i = 0; i < COUNT; i++)
        check_filled(&all[i], UNIT * (i + 1));
}
END_TEST

/* A process that knows another one is not charged for what that has. */
START_TEST(a_pointer_to_a_process_is_not_its_contents)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    fill(&b, 5000);
    ri_heap_switch(heap, &a.account);
    ri_table_set_int(heap, a.root, 1, ri_table_value(b.root));
    ri_heap_switch(heap, &b.account);
    ri_table_set_int(heap, b.root, 5001, ri_table_value(a.root));
    for (int i = 0; i < 2; i++) {
        collect();
        ck_assert_uint_lt(stats_of(&a).count_bytes, 4096);
        ck_assert_uint_gt(stats_of(&b).count_bytes, 5000 * sizeof(RiTable));
    }
}
END_TEST

/* What an ephemeron table leads to belongs to whose table it is. */
START_TEST(weak_tables_have_owners)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    ri_heap_switch(heap, &b.account);
    RiTable *weak = ri_table_new(heap, 0, 0), *meta = ri_table_new(heap, 0, 0);
    ri_table_set_str(heap, meta, ri_str_from_cstr(heap, "__mode"), ri_string_value(ri_str_from_cstr(heap, "k")));
    ri_table_set_meta(heap, weak, meta);
    ri_table_set_int(heap, b.root, 1, ri_table_value(weak));
    for (int i = 0; i < 2000; i++) {
        RiTable *key = new_table(i);
        ck_assert_int_eq(ri_table_set(heap, weak, ri_table_value(key), ri_table_value(new_table(i))), RI_KEY_OK);
        ri_table_set_int(heap, b.root, i + 2, ri_table_value(key));
    }
    ri_heap_switch(heap, &a.account);
    collect();
    ck_assert_uint_lt(stats_of(&a).count_bytes, 8192);
    ck_assert_uint_gt(stats_of(&b).count_bytes, 4000 * sizeof(RiTable));
}
END_TEST

START_TEST(the_closed_are_swept_away)
{
    static Process all[50];
    for (int i = 0; i < 50; i++) {
        open_process(&all[i]);
        fill(&all[i], 2000);
    }
    ri_heap_switch(heap, &all[49].account);
    collect();
    RiHeapStats before, after;
    ri_heap_stats(heap, &before);
    for (int i = 0; i < 49; i++)
        ri_account_close(&all[i].account);
    collect();
    ri_heap_stats(heap, &after);
    ck_assert_uint_lt(after.live_bytes, before.live_bytes / 20);
    check_filled(&all[49], 2000);
}
END_TEST

/* Their garbage makes a collection due, though none of them allocates much. */
START_TEST(short_lives_add_up)
{
    static Process first;
    open_process(&first);
    ri_heap_switch(heap, &first.account);
    RiHeapStats stats;
    for (int i = 0; i < 400; i++) {
        static Process other;
        open_process(&other);
        fill(&other, 300);
        ri_account_close(&other.account);
        ri_heap_collect_if_due(heap, __builtin_frame_address(0));
    }
    ri_heap_stats(heap, &stats);
    ck_assert_uint_ge(stats.collections, 2);
    ck_assert_uint_lt(stats.heap_bytes, 32 << 20);
}
END_TEST

/* -- Finalizers ---------------------------------------------------------------------------------------------------- */

static RI_NOINLINE void register_objects(Process *process, int64_t first, int count)
{
    RiAccount *mine = heap->account;
    ri_heap_switch(heap, &process->account);
    for (int i = 0; i < count; i++)
        ri_heap_register_finalizer(heap, ri_table_value(new_table(first + i)));
    ri_heap_switch(heap, mine);
}

/* Take all that wait: they must be of [first, first + count), the last registered first. */
static int take_all(Process *process, int64_t first, int count)
{
    int taken = 0;
    int64_t last = first + count;
    ri_heap_switch(heap, &process->account);
    for (RiValue v; !ri_is_nil(v = ri_heap_take_finalizable(heap)); taken++) {
        int64_t i = ri_table_get_int(v.p, 1).i;
        ck_assert_int_ge(i, first);
        ck_assert_int_lt(i, last);
        last = i;
    }
    return taken;
}

START_TEST(finalizers_stay_at_home)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    register_objects(&a, 1000, 200);
    register_objects(&b, 5000, 300);
    register_objects(&a, 1200, 100);
    ri_heap_switch(heap, &b.account);
    collect();
    ck_assert(heap->attention);
    ck_assert(ri_heap_has_finalizable(heap));
    ck_assert_uint_ge(stats_of(&a).pending, 298);
    collect(); /* they wait on */
    ck_assert_int_ge(take_all(&b, 5000, 300), 298);
    ck_assert(!ri_heap_has_finalizable(heap));
    ri_heap_switch(heap, &a.account);
    ck_assert(heap->attention);
    ck_assert_int_ge(take_all(&a, 1000, 300), 298);
}
END_TEST

START_TEST(at_the_end_of_a_process_all_its_own)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    register_objects(&a, 1, 50);
    register_objects(&b, 100, 50);
    ri_heap_switch(heap, &a.account);
    ri_heap_finalize_all(heap);
    ck_assert_int_eq(take_all(&a, 1, 50), 50);
    ri_account_close(&a.account);
    collect();
    ck_assert_int_ge(take_all(&b, 100, 50), 48);
}
END_TEST

/* -- Gifts --------------------------------------------------------------------------------------------------------- */

START_TEST(gifts_are_the_receivers)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    ri_heap_switch(heap, &a.account);
    uint64_t a_before = stats_of(&a).count_bytes, b_before = stats_of(&b).count_bytes;
    RiAccount *giver = ri_heap_begin_gift(heap, &b.account);
    for (int i = 1; i <= 1000; i++)
        ri_table_set_int(heap, b.root, i, ri_table_value(new_table(i)));
    collect();
    ri_heap_end_gift(heap, giver);
    ck_assert_ptr_eq(heap->account, &a.account);
    ck_assert_ptr_eq(heap->host, a.root);
    ck_assert_uint_le(stats_of(&a).count_bytes, a_before + 1024);
    ck_assert_uint_ge(stats_of(&b).count_bytes, b_before + 1000 * sizeof(RiTable));
    check_filled(&b, 1000);
}
END_TEST

/* -- Limits -------------------------------------------------------------------------------------------------------- */

static jmp_buf refused;

static void on_no_memory(RiHeap *h)
{
    (void)h;
    longjmp(refused, 1);
}

static void on_quota_dead(RiHeap *h)
{
    (void)h;
    longjmp(refused, 2);
}

/* Make a list of tables until it is refused; how it was. */
static RI_NOINLINE int eat(Process *process, volatile int64_t *made, int64_t count_max)
{
    int how = setjmp(refused);
    if (how != 0)
        return how;
    while (*made < count_max) {
        RiTable *t = new_table(*made);
        ri_table_set_int(heap, t, 2, ri_table_get_int(process->root, 1));
        ri_table_set_int(heap, process->root, 1, ri_table_value(t));
        ++*made;
    }
    return 0;
}

static void limit(Process *process, int64_t bytes)
{
    open_process(process);
    ri_heap_switch(heap, &process->account);
    heap->on_no_memory = on_no_memory;
    heap->on_quota_dead = on_quota_dead;
    ri_account_set_limit(&process->account, bytes);
}

#define MEGABYTE ((int64_t)1 << 20)

START_TEST(first_refused_then_dead)
{
    static Process a, b;
    open_process(&b);
    fill(&b, 100);
    limit(&a, _i * MEGABYTE);
    volatile int64_t made = 0;
    ck_assert_int_eq(eat(&a, &made, INT64_MAX), 1);
    RiAccountStats stats = stats_of(&a);
    ck_assert_uint_le(stats.used_bytes, (uint64_t)(_i * MEGABYTE));
    ck_assert_uint_ge(stats.used_bytes, (uint64_t)(_i * MEGABYTE) / 8 * 7 - 65536);
    ck_assert_uint_le(stats.collections, 20);
    /* What is left is the reserve. */
    int how = 1;
    for (int tries = 0; tries < 1000 && how == 1; tries++)
        how = eat(&a, &made, INT64_MAX);
    ck_assert_int_eq(how, 2);
    ck_assert_uint_le(stats_of(&a).used_bytes, (uint64_t)(_i * MEGABYTE) + 131072);
    check_filled(&b, 100);
}
END_TEST

START_TEST(garbage_is_no_excess)
{
    static Process a;
    limit(&a, 4 * MEGABYTE);
    if (setjmp(refused))
        ck_abort_msg("refused");
    for (int i = 0; i < 1000000; i++)
        ri_table_set_int(heap, a.root, i % 1000 + 1, ri_table_value(new_table(i)));
    for (int i = 0; i < 2000; i++)
        ri_heap_alloc_block(heap, 500000);
    ck_assert_uint_le(stats_of(&a).used_bytes, (uint64_t)(4 * MEGABYTE));
}
END_TEST

/* Having dropped what it had the process lives on, again and again. */
START_TEST(relief)
{
    static Process a;
    limit(&a, 8 * MEGABYTE);
    for (int round = 0; round < 10; round++) {
        volatile int64_t made = 0;
        ck_assert_int_eq(eat(&a, &made, INT64_MAX), 1);
        ck_assert_int_gt(made, 10000);
        a.root = heap->host = NULL;
        if (setjmp(refused))
            ck_abort_msg("round %d: refused although there is nothing", round);
        collect();
        a.root = ri_table_new(heap, 0, 0);
        heap->host = a.root;
    }
}
END_TEST

START_TEST(too_much_at_once)
{
    static Process a;
    limit(&a, 8 * MEGABYTE);
    volatile int refusals = 0;
    for (volatile int i = 0; i < 10000; i++) {
        int how = setjmp(refused);
        ck_assert_int_ne(how, 2);
        if (how == 0)
            ri_heap_alloc_block(heap, (size_t)(9 * MEGABYTE));
        refusals += how;
    }
    ck_assert_int_eq(refusals, 10000);
    ck_assert_uint_le(stats_of(&a).collections, 1);
    if (setjmp(refused))
        ck_abort_msg("there is room for this");
    ri_heap_alloc_block(heap, (size_t)(4 * MEGABYTE));
}
END_TEST

START_TEST(charges)
{
    static Process a, b;
    open_process(&b);
    limit(&a, 8 * MEGABYTE);
    ck_assert(ri_account_charge(&a.account, 6 * MEGABYTE));
    ck_assert(!ri_account_charge(&a.account, 2 * MEGABYTE));
    volatile int64_t made = 0;
    ck_assert_int_eq(eat(&a, &made, INT64_MAX), 1);
    ck_assert_uint_lt(stats_of(&a).count_bytes, (uint64_t)(2 * MEGABYTE));
    ck_assert(ri_account_charge(&a.account, -6 * MEGABYTE));
    int64_t before = made;
    ck_assert_int_eq(eat(&a, &made, INT64_MAX), 1);
    ck_assert_int_gt(made, before * 2);
    ck_assert(ri_account_charge(&b.account, 100 * MEGABYTE)); /* no limit */
    ck_assert_uint_ge(stats_of(&b).used_bytes, (uint64_t)(100 * MEGABYTE));
    ri_account_set_limit(&a.account, RI_NO_MEMORY_LIMIT);
    before = made;
    ck_assert_int_eq(eat(&a, &made, before * 2), 0);
}
END_TEST

/* One process at its limit is nothing to another. */
START_TEST(limits_are_apart)
{
    static Process a, b;
    limit(&a, 4 * MEGABYTE);
    limit(&b, 16 * MEGABYTE);
    volatile int64_t made_a = 0, made_b = 0;
    ri_heap_switch(heap, &a.account);
    ck_assert_int_eq(eat(&a, &made_a, INT64_MAX), 1);
    ri_heap_switch(heap, &b.account);
    ck_assert_int_eq(eat(&b, &made_b, made_a * 2), 0);
    ck_assert_uint_le(stats_of(&a).used_bytes, (uint64_t)(4 * MEGABYTE));
    ck_assert_uint_gt(stats_of(&b).used_bytes, (uint64_t)(4 * MEGABYTE));
}
END_TEST

/* -- Native stacks -------------------------------------------------------------------------------------------------- */

START_TEST(suspended_stacks_are_scanned)
{
    enum { WORDS = 4096 };
    static Process a, b;
    open_process(&a);
    open_process(&b);
    void **words = calloc(WORDS, sizeof *words);
    RiNativeStack stack = {.sp = words + 1000, .low = words, .high = words + WORDS, .account = &a.account};
    ri_heap_add_stack(heap, &stack);
    ri_heap_switch(heap, &b.account);
    for (int i = 0; i < WORDS; i++)
        words[i] = (char *)new_table(i) + (i % 3) * 8; /* anywhere in it */
    collect();
    collect();
    for (int i = 0; i < 20000; i++)
        new_table(-1);
    for (int i = 1000; i < WORDS; i++)
        ck_assert_int_eq(ri_table_get_int((RiTable *)(void *)((char *)words[i] - (i % 3) * 8), 1).i, i);
    ck_assert_uint_ge(stats_of(&a).count_bytes, (WORDS - 1000) * sizeof(RiTable));
    stack.sp = words + WORDS; /* nothing is on it any more */
    collect();
    ck_assert_uint_lt(stats_of(&a).count_bytes, 16384);
    ri_account_close(&a.account);
    ck_assert_ptr_null(stack.account);
    ri_heap_remove_stack(heap, &stack);
    free(words);
}
END_TEST

/* -- Giving up ------------------------------------------------------------------------------------------------------ */

static void *stop_soon(void *argument)
{
    (void)argument;
    usleep(2000);
    heap->stop_collection = 1;
    return NULL;
}

/* Collections that are given up at any time leave everything as it was. */
START_TEST(given_up)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    fill(&a, 200000);
    fill(&b, _i ? 200000 : 0);
    register_objects(&a, 1, 100);
    ri_heap_switch(heap, &a.account);
    heap->stoppable = true;
    heap->stop_collection = 1;
    RiHeapStats before, after;
    ri_heap_stats(heap, &before);
    collect();
    ri_heap_stats(heap, &after);
    ck_assert_uint_eq(before.collections, after.collections);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        heap->stop_collection = 0;
        ck_assert_int_eq(pthread_create(&thread, NULL, stop_soon, NULL), 0);
        while (!heap->stop_collection)
            collect();
        pthread_join(thread, NULL);
        heap->stop_collection = 0;
        for (int k = 0; k < 5000; k++)
            new_table(k);
        check_filled(&a, 200000);
    }
    collect();
    check_filled(&a, 200000);
    check_filled(&b, _i ? 200000 : 0);
    ck_assert_int_ge(take_all(&a, 1, 100), 98);
}
END_TEST

/* -- Pages ----------------------------------------------------------------------------------------------------------- */

static long resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident;
}

START_TEST(a_dead_giant_leaves_no_pages)
{
    static Process a, b;
    open_process(&a);
    open_process(&b);
    fill(&b, 1000);
    long before = resident_pages();
    fill(&a, 500000);
    long full = resident_pages();
    ri_account_close(&a.account);
    long after = resident_pages();
#if !defined(__SANITIZE_ADDRESS__)
    if (before > 0)
        ck_assert_int_lt(after - before, (full - before) / 4);
#endif
    (void)full;
    (void)after;
    check_filled(&b, 1000);
    fill(&b, 300000); /* and what was given back can be had again */
    check_filled(&b, 300000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("account");
    TCase *tc = tcase_create("account");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_is_exchanged);
    tcase_add_test(tc, very_many);
    tcase_add_test(tc, bytes_are_counted_where_they_hang);
    tcase_add_test(tc, a_pointer_to_a_process_is_not_its_contents);
    tcase_add_test(tc, weak_tables_have_owners);
    tcase_add_test(tc, the_closed_are_swept_away);
    tcase_add_test(tc, short_lives_add_up);
    tcase_add_test(tc, finalizers_stay_at_home);
    tcase_add_test(tc, at_the_end_of_a_process_all_its_own);
    tcase_add_test(tc, gifts_are_the_receivers);
    tcase_add_loop_test(tc, first_refused_then_dead, 1, 24);
    tcase_add_test(tc, garbage_is_no_excess);
    tcase_add_test(tc, relief);
    tcase_add_test(tc, too_much_at_once);
    tcase_add_test(tc, charges);
    tcase_add_test(tc, limits_are_apart);
    tcase_add_test(tc, suspended_stacks_are_scanned);
    tcase_add_loop_test(tc, given_up, 0, 2);
    tcase_add_test(tc, a_dead_giant_leaves_no_pages);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
