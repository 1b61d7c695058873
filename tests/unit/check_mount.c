/* The name space of files: that mounts cannot be left, by any of the ways that are tried, and what policies are asked. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/file.h"
#include "vm/machine/gate.h"
#include "vm/machine/mount.h"

static RiMachine machine;
static RiProc proc;
static char folder[64];

static const char *at(const char *name)
{
    static _Thread_local char path[4][200];
    static _Thread_local int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s%s", folder, name);
    return path[turn];
}

static void shell(const char *command)
{
    char text[1000];
    snprintf(text, sizeof text, "cd '%s' && %s", folder, command);
    ck_assert_int_eq(ri_host_system(text), 0);
}

static void setup(void)
{
    strcpy(folder, "/tmp/check_mountXXXXXX");
    memset(&machine, 0, sizeof machine);
    memset(&proc, 0, sizeof proc);
    machine.process_count = 1;
    proc.machine = &machine;
    proc.task_count = 1;
    for (int i = 0; i < RI_LIMIT_COUNT; i++)
        proc.limits[i] = RI_NO_LIMIT;
    char name[RI_HOST_TEMPORARY_NAME_SIZE];
    ck_assert(ri_host_temporary_name(name));
    ck_assert(ri_host_remove(name));
    strcpy(folder, name);
    char command[200];
    snprintf(command, sizeof command, "mkdir -p '%s'/in/sub/deep '%s'/out '%s'/inside", folder, folder, folder);
    ck_assert_int_eq(ri_host_system(command), 0);
    shell("echo secret >out/secret; echo fine >in/fine; echo deep >in/sub/deep/file; echo x >inside/x");
    shell("ln -s ../out/secret in/up; ln -s /etc/passwd in/absolute; ln -s fine in/good; ln -s ../fine in/sub/back; "
          "ln -s ../../../out in/sub/deep/away; ln -s loop in/loop; ln -s sub/deep in/short; ln -s nowhere in/dangling; "
          "ln -s /proc/self/root in/root; ln -s .. in/parent");
}

static void teardown(void)
{
    ri_files_destroy(&proc);
    ri_mounts_destroy(&machine);
    ri_policy_release(proc.policy);
    proc.policy = NULL;
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(ri_host_system(command), 0);
}

static void option(const char *word)
{
    const char *error = "";
    ck_assert_msg(ri_policy_parse_option(&proc.policy, word, ri_path_complete, &proc, &error) == 1, "%s: %s", word, error);
}

/* Open and read the first word; the error's number if that fails. */
static int try_read(const char *path, char out[64])
{
    int fd = ri_gate_open(&proc, path, RI_O_RDONLY, 0);
    out[0] = '\0';
    if (fd < 0)
        return fd;
    int64_t size = ri_host_fd_read(fd, out, 63);
    out[size > 0 ? size : 0] = '\0';
    ri_host_fd_close(fd);
    return size < 0 ? (int)size : 0;
}

static void check_read(const char *path, const char *expected)
{
    char text[64];
    int status = try_read(path, text);
    ck_assert_msg(status == 0, "%s: %s", path, strerror(-status));
    ck_assert_msg(strncmp(text, expected, strlen(expected)) == 0, "%s: %s", path, text);
}

static void check_error(const char *path, int expected)
{
    char text[64];
    int status = try_read(path, text);
    ck_assert_msg(status == expected, "%s: %d (%s) and not %d", path, status, text, expected);
}

static void mount(const char *host, const char *guest, bool read_only)
{
    ck_assert_int_eq(ri_mount_add(&machine, host, guest, read_only), 0);
}

START_TEST(mounts_show_what_lies_below)
{
    mount(at("/in"), "/data", false);
    check_read("/data/fine", "fine");
    check_read("/data/good", "fine");
    check_read("/data/sub/back", "fine");
    check_read("/data/short/file", "deep");
    check_read("/data/sub/../fine", "fine");
    check_read("//data/./sub//deep/file", "deep");
    check_read("data/fine", "fine"); /* the working directory is "/" */
    check_error("/data/nothing", -ENOENT);
    check_error("/data/fine/x", -ENOTDIR);
    check_error("/data/fine/", -ENOTDIR);
    check_error("", -ENOENT);
}
END_TEST

START_TEST(mounts_cannot_be_left)
{
    static const char *const ways[] = {
        "/data/up", "/data/absolute", "/data/root", "/data/root/etc/passwd", "/data/parent/out/secret",
        "/data/sub/deep/away/secret", "/data/parent", "/data/sub/deep/away",
    };
    mount(at("/in"), "/data", false);
    for (size_t i = 0; i < RI_COUNTOF(ways); i++)
        check_error(ways[i], -EACCES);
    check_error("/data/../out/secret", -ENOENT);
    check_error("/../../../etc/passwd", -ENOENT);
    check_error("/data/../../etc/passwd", -ENOENT);
    check_error("/etc/passwd", -ENOENT);
    check_error("/proc/self/root/etc/passwd", -ENOENT);
    check_error("../../../etc/passwd", -ENOENT);
    check_error("/data/loop", -ELOOP);
    check_error(at("/out/secret"), -ENOENT);
}
END_TEST

/* The same without openat2. */
START_TEST(walking_finds_the_same)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"fine", 0},       {"good", 0},         {"sub/back", 0},          {"short/file", 0},         {"sub/../fine", 0},
        {"up", -EACCES},   {"absolute", -EACCES}, {"root/etc", -EACCES}, {"parent/out/secret", -EACCES}, {"..", -EACCES},
        {"../out", -EACCES}, {"loop", -ELOOP},  {"loop/x", -ELOOP},       {"none/x", -ENOENT},      {"fine/x", -ENOTDIR},
        {"/etc/passwd", -EACCES}, {"sub/deep/away/secret", -EACCES}, {"sub/../../in/fine", -EACCES}, {"", -ENOENT},
        {".", 0},          {"sub/deep/..", 0},  {"dangling", 0},
    };
    int root = ri_host_fd_open_root(at("/in"));
    ck_assert_int_ge(root, 0);
    for (size_t i = 0; i < RI_COUNTOF(cases); i++) {
        RiPlace direct, walked;
        int a = ri_place_find(root, cases[i].path, RI_PLACE_BENEATH | RI_PLACE_REAL, &direct);
        int b = ri_place_find(root, cases[i].path, RI_PLACE_BENEATH | RI_PLACE_REAL | RI_PLACE_WALK, &walked);
        ck_assert_msg(a == cases[i].status, "%s: %d", cases[i].path, a);
        ck_assert_msg(b == cases[i].status, "%s, walking: %d", cases[i].path, b);
        if (a == 0) {
            ck_assert_str_eq(direct.real, walked.real);
            ri_place_close(&direct);
            ri_place_close(&walked);
        }
    }
    ri_host_fd_close(root);
}
END_TEST

START_TEST(read_only_mounts_are_not_written)
{
    mount(at("/in"), "/data", true);
    mount(at("/out"), "/data/sub/out", false);
    check_read("/data/fine", "fine");
    ck_assert_int_eq(ri_gate_open(&proc, "/data/fine", RI_O_WRONLY, 0), -EROFS);
    ck_assert_int_eq(ri_gate_open(&proc, "/data/new", RI_O_WRONLY | RI_O_CREAT, 0666), -EROFS);
    ck_assert_int_eq(ri_gate_open(&proc, "/data/fine", RI_O_RDONLY | RI_O_TRUNC, 0), -EROFS);
    ck_assert_int_eq(ri_gate_remove(&proc, "/data/fine", RI_GATE_FILE), -EROFS);
    ck_assert_int_eq(ri_gate_rename(&proc, "/data/fine", "/data/sub/out/fine"), -EROFS);
    ck_assert_int_eq(ri_gate_rename(&proc, "/data/sub/out/secret", "/data/secret"), -EROFS);
    int fd = ri_gate_open(&proc, "/data/sub/out/new", RI_O_WRONLY | RI_O_CREAT, 0666); /* the longer name counts */
    ck_assert_int_ge(fd, 0);
    ri_host_fd_close(fd);
    check_read("/data/fine", "fine");
}
END_TEST

START_TEST(folders_of_mounts_can_be_listed)
{
    char name[RI_NAME_SIZE];
    mount(at("/in"), "/a/b", false);
    mount(at("/out"), "/a/c/d", false);
    mount(at("/out"), "/x", false);
    ck_assert_int_eq(ri_gate_open(&proc, "/", RI_O_RDONLY, 0), RI_GATE_MOUNT_LIST);
    ck_assert_int_eq(ri_gate_open(&proc, "/a", RI_O_RDONLY, 0), RI_GATE_MOUNT_LIST);
    check_error("/b", -ENOENT);
    bool seen[2] = {false, false};
    for (uint32_t n = 0; ri_mount_name(&machine, "/a", n, name); n++)
        seen[name[0] == 'c'] = true;
    ck_assert(seen[0] && seen[1]);
    uint32_t count = 0;
    while (ri_mount_name(&machine, "", count, name))
        count++;
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(working_directories_are_the_process_s)
{
    char path[RI_PATH_SIZE], before[RI_PATH_SIZE], after[RI_PATH_SIZE];
    ck_assert_int_gt(ri_host_working_directory(before), 0);
    machine.process_count = 2;
    ck_assert_int_eq(ri_path_change_directory(&proc, at("/in")), 0);
    ck_assert_int_gt(ri_path_working_directory(&proc, path), 0);
    ck_assert_str_eq(path, at("/in"));
    check_read("fine", "fine");
    check_read("../out/secret", "secret");
    ck_assert_int_eq(ri_path_change_directory(&proc, "sub/deep"), 0);
    check_read("file", "deep");
    ck_assert_int_eq(ri_path_change_directory(&proc, "file"), -ENOTDIR);
    ck_assert_int_eq(ri_path_change_directory(&proc, "none"), -ENOENT);
    ck_assert_int_gt(ri_host_working_directory(after), 0);
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(working_directories_are_below_mounts)
{
    char path[RI_PATH_SIZE];
    mount(at("/in"), "/data", false);
    ck_assert_int_eq(ri_path_change_directory(&proc, "/data/short"), 0);
    ck_assert_int_gt(ri_path_working_directory(&proc, path), 0);
    ck_assert_str_eq(path, "/data/sub/deep");
    check_read("file", "deep");
    check_read("../../fine", "fine");
    check_error("../../../../../etc/passwd", -ENOENT);
    ck_assert_int_eq(ri_path_change_directory(&proc, ".."), 0);
    ck_assert_int_eq(ri_path_change_directory(&proc, "/data/parent"), -EACCES);
    ck_assert_int_eq(ri_path_change_directory(&proc, "/"), 0);
    check_read("data/fine", "fine");
}
END_TEST

START_TEST(policies_see_where_a_path_leads)
{
    char word[200];
    option("--sandbox");
    snprintf(word, sizeof word, "--allow-read=%s", at("/in"));
    option(word);
    check_read(at("/in/fine"), "fine");
    check_read(at("/in/sub/../good"), "fine");
    check_read(at("/out/../in/fine"), "fine");
    check_error(at("/in/up"), -EACCES);
    ck_assert_int_eq(ri_denied(&proc), RI_CAP_READ);
    check_error(at("/in/absolute"), -EACCES);
    check_error(at("/in/parent/out/secret"), -EACCES);
    check_error(at("/in/sub/deep/away/secret"), -EACCES);
    check_error(at("/in/root/etc/passwd"), -EACCES);
    check_error(at("/in/../out/secret"), -EACCES);
    check_error(at("/inside/x"), -EACCES);
    check_error(at("/none/x"), -EACCES); /* whether it is there is none of its business */
    check_error(at("/in/none"), -ENOENT);
    check_error("/etc/passwd/x", -EACCES);
    check_error("/proc/self/environ", -EACCES);
    snprintf(word, sizeof word, "/proc/self/root%s", at("/out/secret"));
    check_error(word, -EACCES);
    ck_assert_int_eq(ri_gate_open(&proc, at("/in/new"), RI_O_WRONLY | RI_O_CREAT, 0666), -EACCES);
    ck_assert_int_eq(ri_denied(&proc), RI_CAP_WRITE);
}
END_TEST

START_TEST(the_host_process_itself_is_out_of_reach)
{
    option("--sandbox");
    option("--allow-read");
    option("--allow-write");
    check_error("/proc/self/mem", -EACCES);
    ck_assert_int_eq(ri_denied(&proc), RI_CAP_NATIVE);
    check_error("/proc/self/../self/environ", -EACCES);
    ck_assert_int_eq(ri_gate_open(&proc, "/proc/self/mem", RI_O_RDWR, 0), -EACCES);
    int fd = ri_gate_open(&proc, "/dev/null", RI_O_RDWR, 0);
    ck_assert_int_ge(fd, 0);
    ri_host_fd_close(fd);
    option("--allow-native");
    check_read("/proc/self/comm", "");
}
END_TEST

START_TEST(policies_over_mounts_speak_of_guest_paths)
{
    mount(at("/in"), "/data", false);
    option("--sandbox");
    option("--allow-read=/data/sub");
    check_read("/data/sub/deep/file", "deep");
    check_read("/data/short/file", "deep");
    check_error("/data/sub/back", -EACCES);
    ck_assert_int_eq(ri_denied(&proc), RI_CAP_READ);
    check_error("/data/fine", -EACCES);
    check_error("/data/none", -EACCES);
    check_error("/data/sub/none", -ENOENT);
}
END_TEST

START_TEST(links_give_no_way_around)
{
    char word[200];
    RiResolved found;
    option("--sandbox");
    snprintf(word, sizeof word, "--allow-read=%s", at("/in"));
    option(word);
    snprintf(word, sizeof word, "--allow-write=%s", at("/in"));
    option(word);
    ck_assert_int_eq(ri_path_resolve(&proc, at("/in/new"), RI_PLACE_NOFOLLOW, RI_MAY_WRITE, &found), 0);
    ck_assert_int_eq(ri_path_check_link(&proc, &found, "/etc/passwd"), -EACCES);
    ck_assert_int_eq(ri_path_check_link(&proc, &found, "../out/secret"), -EACCES);
    ck_assert_int_eq(ri_path_check_link(&proc, &found, "up"), -EACCES);
    ck_assert_int_eq(ri_path_check_link(&proc, &found, "fine"), 0);
    ri_resolved_close(&found);
    ck_assert_int_eq(ri_gate_rename(&proc, at("/out/secret"), at("/in/secret")), -EACCES);
    ck_assert_int_eq(ri_gate_rename(&proc, at("/in/fine"), at("/out/fine")), -EACCES);
    ck_assert_int_eq(ri_gate_remove(&proc, at("/in/parent/out/secret"), RI_GATE_FILE), -EACCES);
    ck_assert_int_eq(ri_gate_remove(&proc, at("/in/up"), RI_GATE_FILE), 0); /* the link, not what it leads to */
    ck_assert_int_eq(ri_gate_rename(&proc, at("/in/fine"), at("/in/finer")), 0);
    shell("test -e out/secret");
}
END_TEST

/* Somebody swaps a folder for a link to a secret one as fast as it can: not once is the secret read. */
START_TEST(races_do_not_help)
{
    char word[300], text[64];
    option("--sandbox");
    snprintf(word, sizeof word, "--allow-read=%s", at("/in"));
    option(word);
    snprintf(word, sizeof word,
             "cd '%s' && mkdir in/flip && echo fine >in/flip/secret && (while test -d out; do mv in/flip in/kept && "
             "ln -s ../out in/flip && rm in/flip && mv in/kept in/flip; done) >/dev/null 2>&1 &", folder);
    ck_assert_int_eq(ri_host_system(word), 0);
    uint32_t read = 0, refused = 0;
    for (int i = 0; i < 20000; i++) {
        int status = try_read(at("/in/flip/secret"), text);
        ck_assert_str_ne(text, "secret\n");
        read += status == 0;
        refused += status == -EACCES;
    }
    shell("mv out away");
    ck_assert_uint_gt(read, 0);
    ri_host_system("sleep 0.1");
}
END_TEST

START_TEST(words_of_mounts_are_parsed)
{
    const char *error = "";
    char word[300];
    snprintf(word, sizeof word, "%s:/d:ro", at("/in"));
    ck_assert_int_eq(ri_mount_parse(&machine, word, &error), 0);
    ck_assert_int_eq(ri_gate_open(&proc, "/d/new", RI_O_WRONLY | RI_O_CREAT, 0666), -EROFS);
    snprintf(word, sizeof word, "%s:/d", at("/in"));
    ck_assert_int_eq(ri_mount_parse(&machine, word, &error), 0); /* replaces it */
    int fd = ri_gate_open(&proc, "/d/new", RI_O_WRONLY | RI_O_CREAT, 0666);
    ck_assert_int_ge(fd, 0);
    ri_host_fd_close(fd);
    ck_assert_int_eq(ri_mount_parse(&machine, "/tmp", &error), -EINVAL);
    ck_assert_int_eq(ri_mount_parse(&machine, "/tmp:rel", &error), -EINVAL);
    ck_assert_int_eq(ri_mount_parse(&machine, ":/x", &error), -EINVAL);
    ck_assert_int_eq(ri_mount_parse(&machine, "/no/such:/x", &error), -ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mount");
    TCase *tc = tcase_create("mount");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, mounts_show_what_lies_below);
    tcase_add_test(tc, mounts_cannot_be_left);
    tcase_add_test(tc, walking_finds_the_same);
    tcase_add_test(tc, read_only_mounts_are_not_written);
    tcase_add_test(tc, folders_of_mounts_can_be_listed);
    tcase_add_test(tc, working_directories_are_the_process_s);
    tcase_add_test(tc, working_directories_are_below_mounts);
    tcase_add_test(tc, policies_see_where_a_path_leads);
    tcase_add_test(tc, the_host_process_itself_is_out_of_reach);
    tcase_add_test(tc, policies_over_mounts_speak_of_guest_paths);
    tcase_add_test(tc, links_give_no_way_around);
    tcase_add_test(tc, races_do_not_help);
    tcase_add_test(tc, words_of_mounts_are_parsed);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
