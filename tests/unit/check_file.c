/* Descriptors, pipes, limits on both, and what is left when a process ends. Nobody waits here: what would wait says so. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/support/bare_machine.h"
#include "vm/machine/engine.h"
#include "vm/machine/file.h"
#include "vm/machine/sched.h"

static RiMachine *machine;
static RiProc *proc;
static RiTask *task;

static BareMachine bare;

static void setup(void)
{
    const RiMachineConfig config = {0};
    bare = bare_machine_open(&config);
    machine = bare.machine;
    proc = bare.proc;
    task = bare.task;
}

static void teardown(void)
{
    bare_machine_close(&bare);
}

static void new_pipe(int fds[2])
{
    RiFile *ends[2];
    ck_assert_int_eq(ri_pipe_new(machine, ends), 0);
    fds[0] = ri_files_add(proc, ends[0], 0, false);
    fds[1] = ri_files_add(proc, ends[1], 0, false);
}

static int64_t take(int fd, char *to, size_t size)
{
    int64_t n = ri_file_read(task, ri_files_get(proc, fd), to, size);
    if (n == RI_SYS_BLOCK)
        ri_task_ready(task);
    return n;
}

static int64_t give(int fd, const char *from, size_t size)
{
    int64_t n = ri_file_write(task, ri_files_get(proc, fd), from, size);
    if (n == RI_SYS_BLOCK)
        ri_task_ready(task);
    return n;
}

START_TEST(numbers_are_the_lowest_free)
{
    int a[2], b[2];
    new_pipe(a);
    new_pipe(b);
    ck_assert_int_eq(a[0], 3);
    ck_assert_int_eq(b[1], 6);
    ck_assert_int_eq(ri_files_close(proc, 4), 0);
    ck_assert_int_eq(ri_files_close(proc, 3), 0);
    ck_assert_int_eq(ri_files_close(proc, 3), -EBADF);
    ck_assert_int_eq(ri_files_close(proc, -1), -EBADF);
    ck_assert_int_eq(ri_files_close(proc, 1 << 30), -EBADF);
    RiFile *file = ri_files_get(proc, 5);
    ck_assert_int_eq(ri_files_add(proc, ri_file_retain(file), 0, false), 3);
    ck_assert_int_eq(ri_files_add(proc, ri_file_retain(file), 10, false), 10);
    ck_assert_int_eq(ri_files_add(proc, ri_file_retain(file), 0, false), 4);
    ck_assert_int_eq(ri_files_add(proc, ri_file_retain(file), 0, false), 7);
    ck_assert_int_eq(ri_files_put(proc, ri_file_retain(file), 100, false), 100);
    ck_assert_int_eq(ri_files_put(proc, ri_file_retain(file), RI_DESCRIPTOR_MAX, false), -EBADF);
    ck_assert_int_eq(ri_files_put(proc, ri_file_retain(file), -1, false), -EBADF);
    ck_assert_uint_eq(file->refs, 6);
}
END_TEST

START_TEST(bytes_go_through_a_pipe_in_order)
{
    int fds[2];
    char out[64] = "", big[5000];
    new_pipe(fds);
    ck_assert(take(fds[0], out, 5) == RI_SYS_BLOCK);
    ck_assert_int_eq(give(fds[1], "hello", 5), 5);
    ck_assert_int_eq(take(fds[0], out, 3), 3);
    ck_assert_int_eq(take(fds[0], out + 3, 60), 2);
    ck_assert_str_eq(out, "hello");
    unsigned char next_in = 0, next_out = 0;
    for (int turn = 0; turn < 400; turn++) { /* round the ring many times */
        for (size_t i = 0; i < sizeof big; i++)
            big[i] = (char)next_in++;
        int64_t written = give(fds[1], big, sizeof big);
        if (written == RI_SYS_BLOCK)
            written = 0;
        next_in = (unsigned char)(next_in - sizeof big + (size_t)written);
        int64_t got = take(fds[0], big, 4900);
        bool same = true;
        for (int64_t i = 0; i < got; i++)
            same = (unsigned char)big[i] == next_out++ && same;
        ck_assert(got > 0 && same);
    }
}
END_TEST

START_TEST(small_writes_are_whole)
{
    int fds[2];
    static char block[65536];
    new_pipe(fds);
    ck_assert_int_eq(give(fds[1], block, 65536 - 100), 65536 - 100);
    ck_assert(give(fds[1], block, 101) == RI_SYS_BLOCK);
    ck_assert_int_eq(give(fds[1], block, 100), 100);
    ck_assert(give(fds[1], block, 1) == RI_SYS_BLOCK);
    ck_assert_int_eq(take(fds[0], block, 50), 50);
    ck_assert_int_eq(give(fds[1], block, 8000), 50); /* larger ones may be taken apart */
}
END_TEST

START_TEST(ends_that_are_closed)
{
    int fds[2];
    char out[8];
    new_pipe(fds);
    ck_assert_int_eq(give(fds[1], "xy", 2), 2);
    ck_assert_int_eq(give(fds[0], "x", 1), -EBADF);
    ck_assert_int_eq(take(fds[1], out, 1), -EBADF);
    ri_files_close(proc, fds[1]);
    ck_assert_int_eq(take(fds[0], out, 8), 2);
    ck_assert_int_eq(take(fds[0], out, 8), 0);
    ck_assert_uint_eq(ri_file_poll(ri_files_get(proc, fds[0]), RI_EVENT_IN), RI_EVENT_HANGUP);
    new_pipe(fds);
    RiFile *other = ri_file_retain(ri_files_get(proc, fds[0]));
    ri_files_close(proc, fds[0]);
    ck_assert_int_eq(give(fds[1], "x", 1), 1); /* a second reference holds it open */
    ri_file_release(other);
    ck_assert_int_eq(give(fds[1], "x", 1), -EPIPE);
    ck_assert_uint_eq(ri_file_poll(ri_files_get(proc, fds[1]), 0), RI_EVENT_ERROR);
}
END_TEST

START_TEST(files_that_do_not_wait)
{
    int fds[2];
    char out[8];
    new_pipe(fds);
    ri_files_get(proc, fds[0])->flags |= RI_O_NONBLOCK;
    ck_assert_int_eq(take(fds[0], out, 8), -EAGAIN);
    ck_assert_int_eq(task->state, RI_TASK_RUNNING);
}
END_TEST

START_TEST(a_waiting_reader_is_woken)
{
    int fds[2];
    char out[8];
    new_pipe(fds);
    RiFile *reader = ri_files_get(proc, fds[0]);
    ck_assert(ri_file_read(task, reader, out, 8) == RI_SYS_BLOCK);
    ck_assert_int_eq(task->state, RI_TASK_BLOCKED);
    ck_assert_int_eq(ri_files_get(proc, fds[1])->ops->write(task, ri_files_get(proc, fds[1]), "a", 1), 1);
    ck_assert_int_eq(task->state, RI_TASK_RUNNING);
    ck_assert_int_eq(ri_file_read(task, reader, out, 8), 1);
    ck_assert(ri_file_read(task, reader, out, 8) == RI_SYS_BLOCK);
    ri_files_close(proc, fds[1]); /* so is one when nobody can write any more */
    ck_assert_int_eq(task->state, RI_TASK_RUNNING);
}
END_TEST

START_TEST(there_is_a_limit)
{
    int fds[2];
    ck_assert_int_eq(ri_proc_set_limit(proc, RI_LIMIT_DESCRIPTORS, 6), 0);
    new_pipe(fds);
    RiFile *file = ri_files_get(proc, fds[0]);
    ck_assert_int_eq(ri_files_add_stream(proc, stdin, NULL), 0); /* streams count, too */
    ck_assert_int_eq(ri_files_check_room(proc), -EMFILE);
    ck_assert_int_eq(ri_files_add_stream(proc, stdin, NULL), -EMFILE);
    ck_assert_int_eq(ri_files_add(proc, ri_file_retain(file), 0, false), -EMFILE);
    ck_assert_int_eq(ri_files_put(proc, ri_file_retain(file), 9, false), -EMFILE);
    ck_assert_int_eq(ri_files_put(proc, ri_file_retain(file), fds[1], false), fds[1]); /* one goes, one comes */
    ck_assert_uint_eq(file->refs, 2);
    ri_files_remove_stream(proc, stdin);
    ck_assert_int_eq(ri_files_check_room(proc), 0);
}
END_TEST

START_TEST(output_is_limited)
{
    int fds[2];
    new_pipe(fds);
    ck_assert_int_eq(ri_proc_set_limit(proc, RI_LIMIT_OUTPUT, 10), 0);
    ck_assert_int_eq(give(fds[1], "12345678", 8), 8);
    ck_assert_int_eq(proc->doom, RI_DOOM_NONE);
    ck_assert_int_eq(give(fds[1], "12345678", 8), 2);
    ck_assert_int_eq(proc->doom, RI_DOOM_OUTPUT);
    ck_assert_uint_eq(proc->usage.output_bytes, 10);
}
END_TEST

START_TEST(children_share_open_files)
{
    int fds[2];
    char out[4] = "";
    new_pipe(fds);
    proc->files->table[fds[1]].closes_on_exec = true;
    RiProc *child = ri_proc_new(machine, proc, "child");
    ck_assert_int_eq(ri_files_copy(proc, child, true), 0);
    ck_assert_ptr_eq(ri_files_get(child, fds[0]), ri_files_get(proc, fds[0]));
    ck_assert_int_eq(give(fds[1], "x", 1), 1);
    ck_assert_int_eq(ri_file_read(task, ri_files_get(child, fds[0]), out, 4), 1);
    ri_files_exec(child);
    ck_assert_ptr_null(ri_files_get(child, fds[1]));
    ck_assert_ptr_nonnull(ri_files_get(child, fds[0]));
    ri_files_destroy(child);
    ck_assert_int_eq(give(fds[1], "x", 1), 1);
    ck_assert_int_eq(ri_files_copy(proc, child, false), 0); /* as spawn does */
    ck_assert_ptr_null(ri_files_get(child, fds[0]));
    ck_assert_ptr_eq(ri_files_get(child, 1), ri_files_get(proc, 1));
    ri_files_destroy(child);
}
END_TEST

START_TEST(standard_streams_stay_open_in_the_host)
{
    RiFileInfo info;
    ck_assert_ptr_nonnull(ri_files_get(proc, 1));
    ck_assert_int_eq(ri_files_close(proc, 1), 0);
    ck_assert_int_eq(ri_host_fd_info(1, &info), 0);
    ri_files_destroy(proc);
    ck_assert_int_eq(ri_host_fd_info(0, &info), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = tcase_create("file");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, numbers_are_the_lowest_free);
    tcase_add_test(tc, bytes_go_through_a_pipe_in_order);
    tcase_add_test(tc, small_writes_are_whole);
    tcase_add_test(tc, ends_that_are_closed);
    tcase_add_test(tc, files_that_do_not_wait);
    tcase_add_test(tc, a_waiting_reader_is_woken);
    tcase_add_test(tc, there_is_a_limit);
    tcase_add_test(tc, output_is_limited);
    tcase_add_test(tc, children_share_open_files);
    tcase_add_test(tc, standard_streams_stay_open_in_the_host);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
