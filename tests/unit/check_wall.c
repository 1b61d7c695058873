/* The second wall: what the kernel refuses after ri_host_wall, tried in a child each; and what goes on working. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/host/wall.h"

static bool has_wall; /* this kernel has both filters */
static char folder[] = "/tmp/rille-wall-XXXXXX";

typedef void Attempt(void);

/* Do it in a child behind `wall`, which ends with 0 unless a NEED failed. */
static void behind(const RiWall *wall, Attempt *attempt)
{
    if (!has_wall)
        return;
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const char *what;
        if (ri_host_wall(wall, &what) != 0)
            _exit(2);
        attempt();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: see above", status);
}

#define NEED(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            static const char text[] = "not so: " #condition "\n";                                                        \
            (void)!write(STDERR_FILENO, text, sizeof text - 1);                                                                \
            _exit(1);                                                                                                          \
        }                                                                                                                      \
    } while (0)
#define REFUSED(call) NEED((errno = 0, (call) == -1) && errno == EPERM)

static void *in_thread(void *argument)
{
    *(bool *)argument = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
    return NULL;
}

static void do_what_every_program_does(void)
{
    bool refused_there = false;
    pthread_t thread;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED && munmap(page, 4096) == 0);
    free(malloc(10 << 20));
    int ends[2];
    NEED(pipe(ends) == 0 && write(ends[1], "x", 1) == 1 && read(ends[0], &(char){0}, 1) == 1);
    NEED(pthread_create(&thread, NULL, in_thread, &refused_there) == 0 && pthread_join(thread, NULL) == 0 && refused_there);
    struct timespec now, moment = {0, 1000};
    NEED(clock_gettime(CLOCK_REALTIME, &now) == 0 && nanosleep(&moment, NULL) == 0);
    signal(SIGUSR1, SIG_IGN);
    NEED(raise(SIGUSR1) == 0);
    struct rlimit limit;
    NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void try_the_forbidden(void)
{
    char name[] = "/bin/true", *words[] = {name, NULL};
    REFUSED(execve(words[0], words, words + 1));
    REFUSED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); /* fork */
    REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0));
    REFUSED(socket(AF_INET, SOCK_STREAM, 0));
    REFUSED(socket(AF_UNIX, SOCK_STREAM, 0));
    REFUSED(unshare(CLONE_NEWUSER));
    REFUSED(kill(getppid(), 0));
    REFUSED(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
    REFUSED(syscall(SYS_bpf, 0, NULL, 0));
    REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
    REFUSED(setrlimit(RLIMIT_NOFILE, &(struct rlimit){10, 10}));
    REFUSED(chmod("/tmp", 0777));
    REFUSED(mkdir("/tmp/rille-wall-no", 0777));
    NEED(ioctl(0, TIOCSTI, "x") == -1 && errno == ENOTTY);
    NEED(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
    NEED(open("/tmp/rille-wall-no", O_CREAT | O_WRONLY, 0666) == -1 && errno == EACCES);
#if defined(__x86_64__)
    REFUSED(syscall(0x40000000 | SYS_getpid)); /* the other numbers of x32 */
#endif
}

static void try_to_make_code(void)
{
    NEED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EPERM);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    REFUSED(mprotect(page, 4096, PROT_READ | PROT_EXEC));
    NEED(mprotect(page, 4096, PROT_READ) == 0);
}

static void use_named_files(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/read/file", folder);
    int fd = open(path, O_RDONLY);
    NEED(fd >= 0);
    close(fd);
    NEED(open(path, O_WRONLY) == -1 && errno == EACCES);
    snprintf(path, sizeof path, "%s/write/file", folder);
    NEED((fd = open(path, O_CREAT | O_WRONLY, 0666)) >= 0 && write(fd, "x", 1) == 1);
    NEED(open(path, O_RDONLY) == -1 && errno == EACCES);
    NEED(unlink(path) == 0);
    snprintf(path, sizeof path, "%s/other", folder);
    NEED(open(path, O_CREAT | O_WRONLY, 0666) == -1 && errno == EACCES);
    NEED(truncate("/etc/passwd", 0) == -1);
    /* a way round by links and descriptors */
    NEED(open("/proc/self/root/etc/passwd", O_RDONLY) == -1);
    int root = open("/", O_PATH);
    NEED(root < 0 || (openat(root, "etc/passwd", O_RDONLY) == -1 && errno == EACCES));
}

static void run_a_program(void)
{
    NEED(system("exit 7") == 7 << 8);
    REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0));
    REFUSED(unshare(CLONE_NEWUSER));
    REFUSED(syscall(SYS_bpf, 0, NULL, 0));
    NEED(system("cat /etc/hostname 2>/dev/null") != 0); /* it is behind the wall, too */
    NEED(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
}

static void use_sockets(void)
{
    NEED(socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
    REFUSED(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static RiWall walls[4];

START_TEST(what_every_program_needs_is_left)
{
    behind(&walls[0], do_what_every_program_does);
}
END_TEST

START_TEST(the_rest_is_refused)
{
    behind(&walls[0], try_the_forbidden);
    behind(&(RiWall){.no_code = true}, try_to_make_code);
}
END_TEST

START_TEST(files_are_those_that_were_named)
{
    char paths[2][100];
    RiWall wall = {.may_write = true};
    snprintf(paths[0], sizeof paths[0], "%s/read", folder);
    snprintf(paths[1], sizeof paths[1], "%s/write", folder);
    ck_assert_int_eq(ri_wall_add(&wall, paths[0], RI_WALL_READ), 0);
    ck_assert_int_eq(ri_wall_add(&wall, paths[1], RI_WALL_WRITE), 0);
    ck_assert_int_eq(ri_wall_add(&wall, "/no/such/path", RI_WALL_READ), 0);
    behind(&wall, use_named_files);
}
END_TEST

START_TEST(programs_inherit_it)
{
    static const char *const code[] = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"};
    RiWall wall = {.is_wide = true};
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        ck_assert_int_eq(ri_wall_add(&wall, code[i], RI_WALL_READ | RI_WALL_RUN), 0);
    ck_assert_int_eq(ri_wall_add(&wall, "/dev/null", RI_WALL_WRITE), 0);
    behind(&wall, run_a_program);
}
END_TEST

START_TEST(sockets_of_the_internet_only)
{
    behind(&(RiWall){.has_net = true}, use_sockets);
}
END_TEST

START_TEST(paths_are_counted)
{
    static RiWall wall;
    for (int i = 0; i < RI_WALL_PATHS_MAX; i++)
        ck_assert_int_eq(ri_wall_add(&wall, "/", RI_WALL_READ), 0);
    ck_assert_int_eq(ri_wall_add(&wall, "/", RI_WALL_READ), -ENOSPC);
}
END_TEST

static void *wait_for_ever(void *argument)
{
    (void)argument;
    pause();
    return NULL;
}

START_TEST(threads_must_not_be_there_yet)
{
    if (!has_wall)
        return;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        const char *what;
        static const RiWall wall;
        pthread_create(&thread, NULL, wait_for_ever, NULL);
        _exit(ri_host_wall(&wall, &what) == -EBUSY ? 0 : 1);
    }
    int status;
    ck_assert(waitpid(child, &status, 0) == child && status == 0);
}
END_TEST

static void probe(void)
{
    pid_t child = fork();
    if (child == 0) {
        const char *what;
        _exit(ri_host_wall(&(RiWall){.is_wide = true}, &what) == 0 ? 0 : 1);
    }
    int status;
    has_wall = waitpid(child, &status, 0) == child && status == 0;
    if (!has_wall)
        fprintf(stderr, "no seccomp or no Landlock here: not tested\n");
}

static void make_files(void)
{
    char path[100];
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof path, "%s/read", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/write", folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/read/file", folder);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        abort();
    fclose(f);
}

static void remove_files(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        perror(folder);
}

int main(void)
{
    probe();
    make_files();
    Suite *suite = suite_create("wall");
    TCase *all = tcase_create("all");
    tcase_add_test(all, what_every_program_needs_is_left);
    tcase_add_test(all, the_rest_is_refused);
    tcase_add_test(all, files_are_those_that_were_named);
    tcase_add_test(all, programs_inherit_it);
    tcase_add_test(all, sockets_of_the_internet_only);
    tcase_add_test(all, paths_are_counted);
    tcase_add_test(all, threads_must_not_be_there_yet);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    remove_files();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
