/* Shared segments: keys, attaching, removal, the end of processes. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine/shm.h"

static RiMachine machine;
static RiProc first, second;
static RiTrap trap;

static void begin_proc(RiProc *p, uint32_t pid)
{
    memset(p, 0, sizeof *p);
    p->machine = &machine;
    p->pid = pid;
    for (int i = 0; i < RI_LIMIT_COUNT; i++)
        p->limits[i] = RI_NO_LIMIT;
    ck_assert_ptr_nonnull(ri_space_of(p));
}

static void set_up(void)
{
    memset(&machine, 0, sizeof machine);
    machine.config.frames_max = 4096;
    ri_fault_install();
    begin_proc(&first, 1);
    begin_proc(&second, 2);
}

static void end_proc(RiProc *p)
{
    ri_space_destroy(p->space);
    ri_shm_forget_proc(p);
    ck_assert_uint_eq(p->memory_bytes, 0);
}

static void tear_down(void)
{
    end_proc(&first);
    end_proc(&second);
    ck_assert_uint_eq(machine.frames->in_use, 0);
    ck_assert_uint_eq(machine.frames->segment_count, 0);
    ri_memory_destroy(&machine);
}

static RiAddr attach(RiProc *p, int64_t id, bool read_only)
{
    int64_t address = ri_shm_attach(p->space, (int32_t)id, 0, read_only);
    ck_assert_int_ge(address, RI_SHM_START);
    return (RiAddr)address;
}

START_TEST(two_processes_see_one_segment)
{
    uint32_t value;
    int64_t id = ri_shm_get(&first, 7, 10000, RI_SHM_CREATE);
    ck_assert_int_ge(id, 0);
    ck_assert_int_eq(ri_shm_get(&second, 7, 10000, 0), id);
    RiAddr a = attach(&first, id, false), b = attach(&second, id, true);
    ck_assert(ri_space_store_u32(first.space, a + 9000, 42, &trap));
    ck_assert(ri_space_load_u32(second.space, b + 9000, &value, &trap) && value == 42);
    ck_assert(!ri_space_store_u32(second.space, b, 1, &trap));
    ck_assert_int_eq(trap.reason, RI_REASON_READ_ONLY);
    ck_assert_int_eq(ri_space_mprotect(second.space, b, 4096, RI_PROT_READ | RI_PROT_WRITE), -EACCES);
    ck_assert_uint_eq(first.memory_bytes, RI_PAGE_BYTES);
    ck_assert_uint_eq(second.memory_bytes, 0);
    RiShmStatus status;
    ck_assert_int_eq(ri_shm_control(&second, (int32_t)id, RI_SHM_STATUS, &status), 0);
    ck_assert_uint_eq(status.size, 10000);
    ck_assert_uint_eq(status.attached, 2);
    ck_assert_uint_eq(status.creator, 1);
    ck_assert_uint_eq(status.resident, 1);
    ck_assert_int_eq(ri_shm_detach(first.space, a), 0);
    ck_assert(!ri_space_load_u32(first.space, a, &value, &trap));
    ck_assert_int_eq(ri_shm_detach(first.space, a), -EINVAL);
    ck_assert(ri_space_load_u32(second.space, b + 9000, &value, &trap) && value == 42);
}
END_TEST

START_TEST(keys_and_flags)
{
    ck_assert_int_eq(ri_shm_get(&first, 9, 4096, 0), -ENOENT);
    int64_t id = ri_shm_get(&first, 9, 4096, RI_SHM_CREATE | RI_SHM_EXCLUSIVE);
    ck_assert_int_ge(id, 0);
    ck_assert_int_eq(ri_shm_get(&first, 9, 4096, RI_SHM_CREATE | RI_SHM_EXCLUSIVE), -EEXIST);
    ck_assert_int_eq(ri_shm_get(&first, 9, 5000, 0), -EINVAL);
    ck_assert_int_eq(ri_shm_get(&first, RI_SHM_PRIVATE, 0, 0), -EINVAL);
    ck_assert_int_eq(ri_shm_get(&first, RI_SHM_PRIVATE, UINT64_MAX, 0), -EINVAL);
    ck_assert_int_ne(ri_shm_get(&first, RI_SHM_PRIVATE, 1, 0), ri_shm_get(&first, RI_SHM_PRIVATE, 1, 0));
    ck_assert_int_eq(ri_shm_attach(first.space, -1, 0, false), -EINVAL);
    ck_assert_int_eq(ri_shm_attach(first.space, INT32_MAX, 0, false), -EINVAL);
    ck_assert_int_eq(ri_shm_attach(first.space, (int32_t)id, 0x50000001, false), -EINVAL);
    ck_assert_int_eq(ri_shm_attach(first.space, (int32_t)id, 0x50000000, false), 0x50000000);
    ck_assert_int_eq(ri_shm_attach(first.space, (int32_t)id, 0x50000000, false), -EEXIST);
}
END_TEST

START_TEST(removed_segments_go_with_the_last_user)
{
    uint32_t value;
    int64_t id = ri_shm_get(&first, 5, 4096, RI_SHM_CREATE);
    RiAddr a = attach(&first, id, false);
    ck_assert(ri_space_store_u32(first.space, a, 1, &trap));
    ck_assert_int_eq(ri_shm_control(&second, (int32_t)id, RI_SHM_REMOVE, NULL), -EPERM);
    ck_assert_int_eq(ri_shm_control(&first, (int32_t)id, RI_SHM_REMOVE, NULL), 0);
    ck_assert_int_eq(ri_shm_control(&first, (int32_t)id, RI_SHM_REMOVE, NULL), -EINVAL);
    ck_assert_int_eq(ri_shm_get(&first, 5, 4096, 0), -ENOENT);
    ck_assert(ri_space_load_u32(first.space, a, &value, &trap) && value == 1);
    ck_assert_uint_eq(machine.frames->segment_count, 1);
    ck_assert_int_eq(ri_shm_detach(first.space, a), 0);
    ck_assert_uint_eq(machine.frames->segment_count, 0);
    ck_assert_uint_eq(first.memory_bytes, 0);
}
END_TEST

START_TEST(a_dead_maker_leaves_only_what_is_in_use)
{
    uint32_t value;
    int64_t used = ri_shm_get(&first, 1, 4096, RI_SHM_CREATE), unused = ri_shm_get(&first, 2, 4096, RI_SHM_CREATE);
    ck_assert_int_ne(used, unused);
    RiAddr a = attach(&first, used, false), b = attach(&second, used, false);
    ck_assert(ri_space_store_u32(first.space, a, 11, &trap));
    end_proc(&first);
    ck_assert_uint_eq(machine.frames->segment_count, 1);
    ck_assert(ri_space_load_u32(second.space, b, &value, &trap) && value == 11);
    ck_assert(ri_space_store_u32(second.space, b, 12, &trap));
    begin_proc(&first, 3);
}
END_TEST

START_TEST(a_hole_is_not_detached)
{
    uint32_t value;
    int64_t id = ri_shm_get(&first, RI_SHM_PRIVATE, 4 * RI_PAGE_BYTES, 0);
    RiAddr a = attach(&first, id, false);
    const RiMapRequest request = {.address = a + RI_PAGE_BYTES, .size = RI_PAGE_BYTES, .prot = RI_PROT_READ | RI_PROT_WRITE,
                                  .flags = RI_MAP_FIXED, .fd = -1};
    ck_assert_int_eq(ri_space_mmap(first.space, &request), (int64_t)a + RI_PAGE_BYTES);
    ck_assert(ri_space_store_u32(first.space, a + RI_PAGE_BYTES, 3, &trap));
    ck_assert_int_eq(ri_shm_detach(first.space, a), 0);
    ck_assert(ri_space_load_u32(first.space, a + RI_PAGE_BYTES, &value, &trap) && value == 3);
    ck_assert(!ri_space_load_u32(first.space, a + 2 * RI_PAGE_BYTES, &value, &trap));
}
END_TEST

START_TEST(images_are_written_once_and_shared)
{
    char bytes[9000], back[9000];
    memset(bytes, 'x', sizeof bytes);
    RiSegment *image = ri_segment_new(machine.frames, NULL, 3);
    ck_assert(ri_segment_write(image, 100, bytes, sizeof bytes));
    ck_assert(!ri_segment_write(image, 12000, bytes, sizeof bytes));
    RiProc *procs[] = {&first, &second};
    for (int i = 0; i < 2; i++) {
        ri_mapobject_ref(&image->object);
        int64_t address = ri_space_map_object(procs[i]->space, RI_IMAGE_START, 3, RI_PROT_READ | RI_PROT_EXEC,
                                              RI_MAP_SHARED | RI_MAP_AT, RI_REGION_SEGMENT, &image->object, 0);
        ck_assert_int_eq(address, RI_IMAGE_START);
        ck_assert(ri_space_copyin(procs[i]->space, RI_IMAGE_START + 100, back, sizeof back, &trap));
        ck_assert_mem_eq(bytes, back, sizeof back);
        ck_assert_uint_eq(procs[i]->memory_bytes, 0);
    }
    ri_mapobject_unref(&image->object);
    ck_assert_uint_eq(machine.frames->in_use, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shm");
    TCase *tests = tcase_create("segments");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, two_processes_see_one_segment);
    tcase_add_test(tests, keys_and_flags);
    tcase_add_test(tests, removed_segments_go_with_the_last_user);
    tcase_add_test(tests, a_dead_maker_leaves_only_what_is_in_use);
    tcase_add_test(tests, a_hole_is_not_detached);
    tcase_add_test(tests, images_are_written_once_and_shared);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
