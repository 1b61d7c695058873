/* The frame pool: references, zeros, extents, the limit. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine/frame.h"

static RiMachine machine;
static RiFrames *frames;

static void set_up(void)
{
    memset(&machine, 0, sizeof machine);
    machine.config.frames_max = 512;
    frames = ri_frames_of(&machine);
    ck_assert_ptr_nonnull(frames);
}

static void tear_down(void)
{
    ri_frames_destroy(frames);
    ck_assert_ptr_null(machine.frames);
}

START_TEST(frames_are_zero_and_counted)
{
    static const char zeros[RI_PAGE_BYTES];
    uint32_t frame = ri_frame_new(frames, true);
    ck_assert_uint_ne(frame, 0);
    ck_assert_mem_eq(ri_frame_bytes(frames, frame), zeros, sizeof zeros);
    memset(ri_frame_bytes(frames, frame), 7, RI_PAGE_BYTES);
    ri_frame_ref(frames, frame);
    ri_frame_unref(frames, frame);
    ck_assert_uint_eq(frames->in_use, 1);
    ck_assert_int_eq(ri_frame_bytes(frames, frame)[0], 7);
    ri_frame_unref(frames, frame);
    ck_assert_uint_eq(frames->in_use, 0);
    ck_assert_uint_eq(ri_frame_new(frames, true), frame);
    ck_assert_mem_eq(ri_frame_bytes(frames, frame), zeros, sizeof zeros);
}
END_TEST

START_TEST(the_limit_holds)
{
    uint32_t taken[512];
    for (uint32_t i = 0; i < 512; i++) {
        taken[i] = ri_frame_new(frames, false);
        ck_assert_uint_ne(taken[i], 0);
        memset(ri_frame_bytes(frames, taken[i]), (int)i, 16);
    }
    ck_assert_uint_eq(ri_frame_new(frames, false), 0);
    for (uint32_t i = 0; i < 512; i++) {
        ck_assert_int_eq((unsigned char)ri_frame_bytes(frames, taken[i])[15], (int)(i & 255));
        ri_frame_unref(frames, taken[i]);
    }
    ck_assert_uint_ne(ri_frame_new(frames, false), 0);
    ck_assert_uint_eq(frames->stats.in_use_max, 512);
}
END_TEST

START_TEST(extents_are_whole_and_zero)
{
    uint32_t alone = ri_frame_new(frames, true), first = ri_frame_new_extent(frames);
    ck_assert_uint_ne(first, 0);
    ck_assert_uint_eq(first % RI_EXTENT_PAGES, 0);
    ck_assert(alone < first || alone >= first + RI_EXTENT_PAGES);
    memset(ri_frame_bytes(frames, first), 9, RI_EXTENT_BYTES);
    for (uint32_t i = 0; i < RI_EXTENT_PAGES; i++)
        ri_frame_unref(frames, first + i);
    ck_assert_uint_eq(ri_frame_new_extent(frames), first);
    for (size_t i = 0; i < RI_EXTENT_BYTES; i++)
        ck_assert_int_eq(ri_frame_bytes(frames, first)[i], 0);
}
END_TEST

START_TEST(extents_leave_room_for_single_frames)
{
    uint32_t count = 0;
    while (ri_frame_new_extent(frames) != 0)
        count++;
    ck_assert_uint_ge(count, 1);
    ck_assert_uint_le(count * RI_EXTENT_PAGES, 512 - RI_EXTENT_PAGES);
    for (uint32_t i = count * RI_EXTENT_PAGES; i < 512; i++)
        ck_assert_uint_ne(ri_frame_new(frames, true), 0);
    ck_assert_uint_eq(ri_frame_new(frames, true), 0);
}
END_TEST

START_TEST(contents_survive_a_forgotten_view)
{
    uint32_t frame = ri_frame_new(frames, true);
    frames->has_mapped = true;
    strcpy(ri_frame_bytes(frames, frame), "still here");
    for (int i = 0; i < 1000; i++)
        ri_frames_touched(frames, 10);
    ck_assert_str_eq(ri_frame_bytes(frames, frame), "still here");
}
END_TEST

START_TEST(processes_are_charged)
{
    RiProc proc;
    memset(&proc, 0, sizeof proc);
    proc.machine = frames->machine;
    proc.limits[RI_LIMIT_MEMORY] = 10 * RI_PAGE_BYTES;
    ck_assert_int_eq(ri_frames_charge(frames, &proc, 10), 0);
    ck_assert_int_lt(ri_frames_charge(frames, &proc, 1), 0);
    ck_assert_int_eq(ri_frames_charge(frames, &proc, -4), 0);
    ck_assert_uint_eq(proc.memory_bytes, 6 * RI_PAGE_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tests = tcase_create("pool");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, frames_are_zero_and_counted);
    tcase_add_test(tests, the_limit_holds);
    tcase_add_test(tests, extents_are_whole_and_zero);
    tcase_add_test(tests, extents_leave_room_for_single_frames);
    tcase_add_test(tests, contents_survive_a_forgotten_view);
    tcase_add_test(tests, processes_are_charged);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
