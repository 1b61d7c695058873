/* The host layer: time, files, child processes. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/host/host.h"

START_TEST(time_splits_and_joins)
{
    struct tm parts;
    ck_assert(ri_host_split_time(86400, true, &parts));
    ck_assert_int_eq(parts.tm_year, 70);
    ck_assert_int_eq(parts.tm_mday, 2);
    ck_assert_int_eq(parts.tm_yday, 1);
    ck_assert(!ri_host_split_time(INT64_MAX, true, &parts));
    int64_t now = ri_host_time_s();
    ck_assert(ri_host_split_time(now, false, &parts));
    ck_assert_int_eq(ri_host_join_time(&parts), now);
}
END_TEST

START_TEST(clocks_go_forward)
{
    uint64_t before = ri_host_monotonic_ns();
    ck_assert(ri_host_monotonic_ns() >= before);
    ck_assert(ri_host_cpu_s() >= 0);
    ck_assert(ri_host_time_s() > 1500000000);
}
END_TEST

START_TEST(seeds_differ)
{
    ck_assert_uint_ne(ri_host_random_seed(), ri_host_random_seed());
}
END_TEST

START_TEST(environment_is_read)
{
    setenv("RILLE_CHECK_HOST", "yes", 1);
    ck_assert_str_eq(ri_host_getenv("RILLE_CHECK_HOST"), "yes");
    unsetenv("RILLE_CHECK_HOST");
    ck_assert_ptr_null(ri_host_getenv("RILLE_CHECK_HOST"));
}
END_TEST

START_TEST(children_report_how_they_ended)
{
    const char *what;
    ck_assert_int_eq(ri_host_child_result(ri_host_system("exit 7"), &what), 7);
    ck_assert_str_eq(what, "exit");
    ck_assert_int_eq(ri_host_child_result(ri_host_system("kill -9 $$"), &what), 9);
    ck_assert_str_eq(what, "signal");
    ck_assert(ri_host_system(NULL) != 0);
}
END_TEST

START_TEST(commands_are_piped)
{
    char text[16] = "";
    const char *what;
    FILE *file = ri_host_open_command("echo piped; exit 2", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    ck_assert_str_eq(text, "piped\n");
    ck_assert_int_eq(ri_host_child_result(ri_host_close_command(file), &what), 2);
}
END_TEST

START_TEST(files_come_and_go)
{
    char name[RI_HOST_TEMPORARY_NAME_SIZE], other[RI_HOST_TEMPORARY_NAME_SIZE + 2];
    ck_assert(ri_host_temporary_name(name));
    ck_assert(ri_host_is_readable(name));
    snprintf(other, sizeof other, "%s.x", name);
    ck_assert(ri_host_rename(name, other));
    ck_assert(!ri_host_is_readable(name));
    ck_assert(ri_host_remove(other));
    errno = 0;
    ck_assert(!ri_host_remove(other));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_ptr_null(ri_host_open(other, "r"));
}
END_TEST

START_TEST(positions_and_sizes)
{
    FILE *file = ri_host_open_temporary();
    ck_assert_ptr_nonnull(file);
    fputs("0123456789", file);
    ck_assert(ri_host_seek(file, 4, SEEK_SET));
    ck_assert_int_eq(ri_host_tell(file), 4);
    ck_assert_uint_eq(ri_host_remaining_size(file), 6);
    ck_assert(ri_host_seek(file, 0, SEEK_END));
    ck_assert_uint_eq(ri_host_remaining_size(file), 0);
    ck_assert(!ri_host_seek(file, -1, SEEK_SET));
    fclose(file);
    FILE *pipe = ri_host_open_command("true", "r");
    ck_assert_uint_eq(ri_host_remaining_size(pipe), 0);
    ri_host_close_command(pipe);
}
END_TEST

START_TEST(missing_libraries_say_why)
{
    const char *error = NULL;
    ck_assert_ptr_null(ri_host_load_library("/no/such/library.so", false, &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_ptr_nonnull(strstr(error, "library.so"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *cases = tcase_create("host");
    tcase_add_test(cases, time_splits_and_joins);
    tcase_add_test(cases, clocks_go_forward);
    tcase_add_test(cases, seeds_differ);
    tcase_add_test(cases, environment_is_read);
    tcase_add_test(cases, children_report_how_they_ended);
    tcase_add_test(cases, commands_are_piped);
    tcase_add_test(cases, files_come_and_go);
    tcase_add_test(cases, positions_and_sizes);
    tcase_add_test(cases, missing_libraries_say_why);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
