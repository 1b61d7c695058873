/* Run a command and say what it cost: `measure FD SECONDS COMMAND ARG...` writes "STATUS CPU_US RSS_KB WALL_US" to the
 * descriptor. A program of its own since Linux counts the memory of whoever calls exec to what exec becomes, and an
 * interpreter that measures is larger than what it measures. After SECONDS the command is killed, and so is what it
 * started: STATUS is 1000 then; 128 + N if signal N ended it. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;
static volatile sig_atomic_t too_late;

static void on_alarm(int number)
{
    (void)number;
    too_late = 1;
    kill(-child, SIGKILL);
}

static long long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long long us(struct timeval t)
{
    return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    int fd = atoi(argv[1]), status;
    long long start = now_us();
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        close(fd);
        execv(argv[3], argv + 3);
        _exit(127);
    }
    setpgid(child, child);
    signal(SIGALRM, on_alarm);
    alarm((unsigned)atoi(argv[2]));
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) != child)
        continue;
    long long wall = now_us() - start;
    kill(-child, SIGKILL); /* what it left behind */
    int code = too_late ? 1000 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    dprintf(fd, "%d %lld %ld %lld\n", code, us(usage.ru_utime) + us(usage.ru_stime), usage.ru_maxrss, wall);
    return 0;
}
