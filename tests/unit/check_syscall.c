/* The table of system calls and its gate: that every row is whole, and that numbers and arguments are checked. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/state.h"
#include "vm/embed/open.h"
#include "vm/machine/space.h"
#include "vm/machine/syscall.h"

static RiThread *T;
static RiTask *task;

static void setup(void)
{
    T = ri_open();
    ck_assert_ptr_nonnull(T);
    task = ri_current_task(T);
    ck_assert_ptr_nonnull(task);
}

static void teardown(void)
{
    ri_close(T);
}

static int64_t call3(uint32_t number, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t args[RI_SYSCALL_ARGS] = {a, b, c};
    return ri_syscall(task, number, args);
}

START_TEST(rows_are_whole)
{
    static const char letters[] = "iuldxohmgkeapnrwbVcSTtUWLZP";
    uint32_t count = 0;
    for (uint32_t i = 0; i < RI_SYSCALL_MAX; i++) {
        const RiSyscall *row = ri_syscall_by_number(i);
        if (row == NULL)
            continue;
        count++;
        size_t size = strlen(row->signature), named = row->arguments[0] != '\0';
        for (const char *at = row->arguments; *at != '\0'; at++)
            named += *at == ',';
        ck_assert_msg(size <= RI_SYSCALL_ARGS && size == named, "%s", row->name);
        ck_assert_msg(strspn(row->signature, letters) == size, "%s", row->name);
        for (const char *at = row->signature; *at != '\0'; at++)
            ck_assert_msg(strchr("rwb", *at) == NULL || at[1] == 'n', "%s", row->name);
        ck_assert_ptr_eq(ri_syscall_by_name(row->name), row);
        ck_assert_uint_eq(row->number, i);
        ck_assert(strlen(row->doc) > 0);
    }
    ck_assert_uint_ge(count, 80);
}
END_TEST

START_TEST(numbers_without_a_row)
{
    for (uint32_t i = 0; i < 2 * RI_SYSCALL_MAX; i++) {
        if (ri_syscall_by_number(i) == NULL)
            ck_assert_int_eq(call3(i, 0, 0, 0), -ENOSYS);
    }
    ck_assert_int_eq(call3(UINT32_MAX, 0, 0, 0), -ENOSYS);
}
END_TEST

START_TEST(integers_have_their_ranges)
{
    ck_assert_int_eq(call3(RI_SYS_socket, 1ull << 32, 1, 0), -EINVAL);
    ck_assert_int_eq(call3(RI_SYS_kill, (uint64_t)INT64_MIN, 0, 0), -EINVAL);
    ck_assert_int_eq(call3(RI_SYS_munmap, 1ull << 32, 4096, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_close, 3, 0, 0), -EBADF);
    ck_assert_int_eq(call3(RI_SYS_close, (uint64_t)-1, 0, 0), -EBADF);
    ck_assert_int_eq(call3(RI_SYS_close, 1ull << 32, 0, 0), -EBADF);
}
END_TEST

START_TEST(addresses_are_checked)
{
    ck_assert_int_eq(call3(RI_SYS_getcwd, 0, 100, 0), -EFAULT); /* there is no space yet */
    int64_t a = ri_space_mmap(ri_space_of(task->proc), &(RiMapRequest){.size = 8192, .prot = 3, .fd = -1});
    ck_assert_int_gt(a, 0);
    uint64_t at = (uint64_t)a;
    ck_assert_int_gt(call3(RI_SYS_getcwd, at, 4096, 0), 0);
    ck_assert_int_eq(call3(RI_SYS_getcwd, at + 8192, 4096, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_getrandom, at + 8191, 1, 0), 1);
    ck_assert_int_eq(call3(RI_SYS_getrandom, at + 8191, 2, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_getrandom, at, UINT64_MAX, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_getrandom, at, 1ull << 32, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_getrandom, UINT64_MAX, 2, 0), -EFAULT);
    ck_assert_int_eq(ri_space_mprotect(task->proc->space, (RiAddr)a, 4096, 1), 0);
    ck_assert_int_eq(call3(RI_SYS_getrandom, at, 1, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_times, at, 0, 0), -EFAULT);
    ck_assert_int_eq(call3(RI_SYS_times, at + 4096, 0, 0) >= 0, 1);
}
END_TEST

START_TEST(bytes_beyond_a_result_stay)
{
    uint8_t bytes[64];
    RiTrap trap;
    RiSpace *space = ri_space_of(task->proc);
    int64_t a = ri_space_mmap(space, &(RiMapRequest){.size = 4096, .prot = 3, .fd = -1});
    memset(bytes, 0x55, sizeof bytes);
    ck_assert(ri_space_copyout(space, (RiAddr)a, bytes, sizeof bytes, &trap));
    RiFile *ends[2];
    ck_assert_int_eq(ri_pipe_new(task->proc->machine, ends), 0);
    int reader = ri_files_add(task->proc, ends[0], 0, false), writer = ri_files_add(task->proc, ends[1], 0, false);
    ck_assert_int_eq(call3(RI_SYS_write, (uint64_t)writer, (uint64_t)a, 3), 3);
    ck_assert_int_eq(ri_space_fill(space, (RiAddr)a, 0xaa, 64, &trap), 1);
    ck_assert_int_eq(call3(RI_SYS_read, (uint64_t)reader, (uint64_t)a, 64), 3);
    ck_assert(ri_space_copyin(space, (RiAddr)a, bytes, sizeof bytes, &trap));
    ck_assert_uint_eq(bytes[2], 0x55);
    for (int i = 3; i < 64; i++)
        ck_assert_uint_eq(bytes[i], 0xaa);
}
END_TEST

START_TEST(host_memory_is_bounded)
{
    char small[16];
    RiCall call;
    ri_call_init(&call, RI_SYS_getrandom);
    call.host[0] = small;
    call.host_size[0] = sizeof small;
    call.args[1] = sizeof small + 1;
    ck_assert_int_eq(ri_syscall_issue(task, &call), -EFAULT);
    call.args[1] = sizeof small;
    ck_assert_int_eq(ri_syscall_issue(task, &call), sizeof small);
}
END_TEST

START_TEST(calls_are_counted)
{
    uint64_t before = task->proc->usage.syscalls;
    ck_assert_int_eq(call3(RI_SYS_getpid, 0, 0, 0), task->proc->pid);
    ck_assert_uint_eq(task->proc->usage.syscalls, before + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("syscall");
    TCase *tc = tcase_create("syscall");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, rows_are_whole);
    tcase_add_test(tc, numbers_without_a_row);
    tcase_add_test(tc, integers_have_their_ranges);
    tcase_add_test(tc, addresses_are_checked);
    tcase_add_test(tc, bytes_beyond_a_result_stay);
    tcase_add_test(tc, host_memory_is_bounded);
    tcase_add_test(tc, calls_are_counted);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
