/* Programs of the host: see child.h. */
#define _GNU_SOURCE /* posix_spawn_file_actions_addfchdir_np */
#include "vm/host/child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/host/files.h"

extern char **environ;

/* `fd` is to be the child's standard stream `to`. None of its own is overwritten on the way: the numbers are above 2. */
static int take(posix_spawn_file_actions_t *actions, int fd, int to)
{
    return fd != to ? posix_spawn_file_actions_adddup2(actions, fd, to) : 0;
}

static int spawn(const char *command, int directory, const int standard[3])
{
    char sh[] = "sh", c[] = "-c", end[] = "--";
    char *const argv[] = {sh, c, end, (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t pid = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none); /* whatever this thread holds back is not for others to hold back */
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int status = 0;
    for (int n = 0; n < 3 && status == 0; n++)
        status = take(&actions, standard[n], n);
    if (status == 0 && directory >= 0)
        status = posix_spawn_file_actions_addfchdir_np(&actions, directory);
    if (status == 0)
        status = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status != 0 ? -status : (int)pid;
}

/* Standard streams that are another's number get one above. */
static void move_up(const int standard[3], int moved[3])
{
    for (int n = 0; n < 3; n++)
        moved[n] = standard[n] < 3 && standard[n] != n ? ri_host_fd_duplicate(standard[n]) : -1;
}

int ri_host_child_start(const char *command, int directory, const int standard[3], bool writes, int *pipe_end)
{
    int ends[2] = {-1, -1}; /* reading, writing */
    int fds[3], moved[3];
    if (pipe_end != NULL) {
        int status = ri_host_pipe(ends);
        if (status < 0)
            return status;
    }
    move_up(standard, moved);
    for (int n = 0; n < 3; n++)
        fds[n] = moved[n] >= 0 ? moved[n] : standard[n];
    if (pipe_end != NULL)
        fds[writes ? 0 : 1] = ends[!writes];
    int pid = spawn(command, directory, fds);
    for (int n = 0; n < 3; n++) {
        if (moved[n] >= 0)
            close(moved[n]);
    }
    if (pipe_end != NULL) {
        close(ends[!writes]);
        if (pid < 0)
            close(ends[writes]);
        else
            *pipe_end = ends[writes];
    }
    return pid;
}

static uint64_t time_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

int ri_host_child_wait(int pid, bool blocks, int *wait_status, uint64_t *cpu_ns)
{
    struct rusage usage = {0};
    for (;;) {
        pid_t got = wait4((pid_t)pid, wait_status, blocks ? 0 : WNOHANG, &usage);
        *cpu_ns = got == pid ? time_ns(usage.ru_utime) + time_ns(usage.ru_stime) : 0;
        if (got >= 0)
            return got == pid;
        if (errno != EINTR)
            return -errno;
    }
}

int ri_host_child_fd(int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    return fd < 0 ? -errno : fd;
}

void ri_host_child_discard(int pid)
{
    int status;
    uint64_t cpu_ns;
    kill((pid_t)pid, SIGKILL);
    ri_host_child_wait(pid, true, &status, &cpu_ns);
}
