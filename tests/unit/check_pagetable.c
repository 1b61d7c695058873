/* The page table: entries, sharing after fork, clearing. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine/pagetable.h"

static RiMachine machine;
static RiFrames *frames;
static RiPageTable table, other;

static void set_up(void)
{
    memset(&machine, 0, sizeof machine);
    memset(&table, 0, sizeof table);
    memset(&other, 0, sizeof other);
    machine.config.frames_max = 1024;
    frames = ri_frames_of(&machine);
}

static void tear_down(void)
{
    bool ok;
    ri_pagetable_clear(frames, &table, 0, RI_SPACE_PAGES, &ok);
    ri_pagetable_clear(frames, &other, 0, RI_SPACE_PAGES, &ok);
    ck_assert_uint_eq(frames->in_use, 0);
    ri_frames_destroy(frames);
}

static uint32_t put(RiPageTable *t, uint32_t page, unsigned flags)
{
    uint32_t frame = ri_frame_new(frames, true);
    ri_leaf_set(ri_pagetable_own(frames, t, page), page, ri_pte_make(frame, flags));
    return frame;
}

START_TEST(entries_hold_what_they_say)
{
    RiPte pte = ri_pte_make(0xabcdef, RI_PTE_PRESENT | RI_PTE_READ | RI_PTE_EXEC | RI_PTE_FILE);
    ck_assert_uint_eq(ri_pte_number(pte), 0xabcdef);
    ck_assert_uint_eq(ri_pte_prot(pte), RI_PROT_READ | RI_PROT_EXEC);
    ck_assert(!ri_pte_is_private(pte));
    ck_assert(!ri_pte_is_swapped(pte));
    ck_assert(ri_pte_is_swapped(ri_pte_make(5, 0)));
    ck_assert(ri_pte_is_private(ri_pte_make(5, 0)));
    ck_assert(!ri_pte_is_private(0));
    ck_assert_uint_eq(sizeof(RiPte) * RI_LEAF_PAGES, 4096);
}
END_TEST

START_TEST(leaves_come_and_go)
{
    bool ok;
    ck_assert_uint_eq(ri_pagetable_get(&table, 0xfffff), 0);
    uint32_t frame = put(&table, 0xfffff, RI_PTE_PRESENT);
    ck_assert_uint_eq(ri_pte_number(ri_pagetable_get(&table, 0xfffff)), frame);
    ck_assert_uint_eq(ri_pagetable_get(&table, 0xffffe), 0);
    ck_assert_uint_eq(ri_pagetable_clear(frames, &table, 0xffc00, 0x3ff, &ok), 0);
    ck_assert_ptr_nonnull(ri_pagetable_leaf(&table, 0xfffff));
    ck_assert_uint_eq(ri_pagetable_clear(frames, &table, 0xfffff, 1, &ok), 1);
    ck_assert_ptr_null(ri_pagetable_leaf(&table, 0xfffff));
    ck_assert_uint_eq(frames->in_use, 0);
}
END_TEST

START_TEST(sharing_takes_no_frames_and_splits_on_demand)
{
    const unsigned rw = RI_PTE_PRESENT | RI_PTE_READ | RI_PTE_WRITE | RI_PTE_DIRTY;
    uint32_t private_frame = put(&table, 10, rw), shared_frame = put(&table, 11, rw | RI_PTE_FILE);
    ck_assert(ri_pagetable_is_writable(&table, 10));
    ri_pagetable_share(&other, &table);
    ck_assert_ptr_eq(ri_pagetable_leaf(&other, 10), ri_pagetable_leaf(&table, 10));
    ck_assert(!ri_pagetable_is_writable(&table, 10));
    ck_assert_uint_eq(frames->frames[private_frame].refs, 1);

    RiLeaf *own = ri_pagetable_own(frames, &other, 10);
    ck_assert_ptr_ne(own, ri_pagetable_leaf(&table, 10));
    ck_assert_uint_eq(frames->frames[private_frame].refs, 2);
    ck_assert_uint_eq(frames->frames[shared_frame].refs, 2);
    ck_assert(ri_pagetable_get(&table, 10) & RI_PTE_COW);
    ck_assert(ri_pagetable_get(&other, 10) & RI_PTE_COW);
    ck_assert(!(ri_pagetable_get(&table, 11) & RI_PTE_COW));
    ck_assert(!ri_pagetable_is_writable(&table, 10));
    ck_assert(ri_pagetable_is_writable(&table, 11));
}
END_TEST

START_TEST(the_last_one_keeps_an_unsplit_leaf)
{
    bool ok;
    const unsigned rw = RI_PTE_PRESENT | RI_PTE_READ | RI_PTE_WRITE | RI_PTE_DIRTY;
    put(&table, 5, rw);
    ri_pagetable_share(&other, &table);
    ck_assert_uint_eq(ri_pagetable_clear(frames, &other, 0, RI_SPACE_PAGES, &ok), 1);
    ck_assert(ri_pagetable_is_writable(&table, 5));
}
END_TEST

START_TEST(pages_are_counted)
{
    uint32_t present;
    put(&table, 1, RI_PTE_PRESENT);
    put(&table, 2, RI_PTE_PRESENT | RI_PTE_FILE);
    put(&table, 5000, RI_PTE_PRESENT);
    ck_assert_uint_eq(ri_pagetable_count(&table, 0, RI_SPACE_PAGES, &present), 2);
    ck_assert_uint_eq(present, 3);
    ck_assert_uint_eq(ri_pagetable_count(&table, 2, 4998, &present), 0);
    ck_assert_uint_eq(present, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pagetable");
    TCase *tests = tcase_create("table");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, entries_hold_what_they_say);
    tcase_add_test(tests, leaves_come_and_go);
    tcase_add_test(tests, sharing_takes_no_frames_and_splits_on_demand);
    tcase_add_test(tests, the_last_one_keeps_an_unsplit_leaf);
    tcase_add_test(tests, pages_are_counted);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
