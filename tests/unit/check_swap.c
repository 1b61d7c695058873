/* The swap device: slots come and go, contents stay. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/host/pages.h"
#include "vm/machine/swap.h"

static char path[] = "/tmp/rille-swap-XXXXXX";
static RiSwap *swap;

static void set_up(void)
{
    strcpy(path, "/tmp/rille-swap-XXXXXX");
    close(mkstemp(path));
    swap = ri_swap_open(path);
    ck_assert_ptr_nonnull(swap);
}

static void tear_down(void)
{
    ri_swap_close(swap);
    remove(path);
}

static void fill(char *page, uint32_t seed)
{
    for (uint32_t i = 0; i < RI_PAGE_BYTES; i++)
        page[i] = (char)(seed * 31 + i * 7);
}

START_TEST(slots_keep_their_contents)
{
    char page[RI_PAGE_BYTES], back[RI_PAGE_BYTES];
    uint32_t slots[3000];
    for (uint32_t i = 0; i < 3000; i++) {
        fill(page, i);
        slots[i] = ri_swap_put(swap, page);
        ck_assert_uint_ne(slots[i], 0);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        fill(page, i);
        ck_assert(ri_swap_get(swap, slots[i], back));
        ck_assert_mem_eq(page, back, sizeof page);
    }
    ck_assert_uint_eq(swap->used, 3000);
}
END_TEST

START_TEST(free_slots_are_used_again)
{
    char page[RI_PAGE_BYTES] = {1};
    uint32_t a = ri_swap_put(swap, page), b = ri_swap_put(swap, page);
    ri_swap_ref(swap, a);
    ri_swap_unref(swap, a);
    ck_assert_uint_eq(swap->used, 2);
    ri_swap_unref(swap, a);
    ck_assert_uint_eq(swap->used, 1);
    ck_assert_uint_eq(ri_swap_put(swap, page), a);
    ck_assert_uint_ne(ri_swap_put(swap, page), b);
}
END_TEST

START_TEST(a_cut_file_is_an_error)
{
    char page[RI_PAGE_BYTES] = {1};
    uint32_t slot = ri_swap_put(swap, page);
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert(!ri_swap_get(swap, slot, page));
    ck_assert_int_eq(errno, EIO);
}
END_TEST

START_TEST(a_bad_path_is_refused)
{
    ck_assert_ptr_null(ri_swap_open("/nowhere/at/all"));
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap");
    TCase *tests = tcase_create("slots");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, slots_keep_their_contents);
    tcase_add_test(tests, free_slots_are_used_again);
    tcase_add_test(tests, a_cut_file_is_an_error);
    tcase_add_test(tests, a_bad_path_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
