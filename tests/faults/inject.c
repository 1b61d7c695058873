/* Runs a program and lets its n-th system call fail, of those that can fail on a sound computer: no memory, no descriptors, no
 * threads, a device with errors.
 *
 *     inject REPORT N GROUPS PROGRAM [ARGUMENT ...]
 *
 * GROUPS: letters out of m (memory), d (descriptors), t (threads and processes), i (reading and writing), p (paths); a `+` after
 * them lets all calls of these groups from the n-th on fail. N = 0: none fails. Counted are the calls of the program itself, of all
 * its threads, from its entry point on (what the loader does before is not its business); programs that it starts are left alone.
 * REPORT is a file for one line: how many calls there were, the name and first argument of the one that failed, or `-`. The
 * exit status is the program's, 128 + n for signal n; 125 if this cannot be done here.
 *
 * It works by seccomp and ptrace: the kernel stops the program at the listed calls, and here it is told not to do one. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNABLE 125

#if defined(__x86_64__)

#define CALL(name, group, error) {SYS_##name, group, error, #name}
static const struct Call {
    long number;
    char group;
    int error;
    const char *name;
} calls[] = {
    CALL(mmap, 'm', ENOMEM), CALL(mremap, 'm', ENOMEM), CALL(mprotect, 'm', ENOMEM), CALL(brk, 'm', ENOMEM),
    CALL(memfd_create, 'm', ENFILE), CALL(ftruncate, 'm', ENOSPC), CALL(fallocate, 'm', ENOSPC), CALL(sigaltstack, 'm', ENOMEM),
    CALL(clone, 't', EAGAIN), CALL(clone3, 't', EAGAIN), CALL(fork, 't', EAGAIN), CALL(vfork, 't', EAGAIN),
    CALL(open, 'd', EMFILE), CALL(openat, 'd', EMFILE), CALL(openat2, 'd', EMFILE), CALL(pipe, 'd', EMFILE), CALL(pipe2, 'd', EMFILE),
    CALL(dup, 'd', EMFILE), CALL(dup3, 'd', EMFILE), CALL(socket, 'd', EMFILE), CALL(accept4, 'd', EMFILE),
    CALL(epoll_create1, 'd', EMFILE), CALL(eventfd2, 'd', EMFILE), CALL(timerfd_create, 'd', EMFILE), CALL(timer_create, 'd', EAGAIN),
    CALL(pidfd_open, 'd', EMFILE), CALL(epoll_ctl, 'd', ENOSPC),
    CALL(read, 'i', EIO), CALL(write, 'i', ENOSPC), CALL(pread64, 'i', EIO), CALL(pwrite64, 'i', ENOSPC), CALL(readv, 'i', EIO),
    CALL(writev, 'i', ENOSPC), CALL(getdents64, 'i', EIO), CALL(fsync, 'i', EIO), CALL(sendto, 'i', ENOBUFS), CALL(getrandom, 'i', EAGAIN),
    CALL(rename, 'p', ENOSPC), CALL(renameat2, 'p', ENOSPC), CALL(link, 'p', ENOSPC), CALL(unlink, 'p', EIO), CALL(unlinkat, 'p', EIO),
    CALL(mkdir, 'p', ENOSPC), CALL(mkdirat, 'p', ENOSPC), CALL(chdir, 'p', EIO), CALL(getcwd, 'p', ENOENT), CALL(stat, 'p', EIO),
    CALL(newfstatat, 'p', EIO), CALL(readlink, 'p', EIO), CALL(readlinkat, 'p', EIO), CALL(bind, 'p', EADDRINUSE),
    CALL(chmod, 'p', EIO), CALL(fchmod, 'p', EIO), CALL(flock, 'p', ENOLCK),
};
#define CALL_COUNT (sizeof calls / sizeof *calls)

typedef struct Injector {
    pid_t pid;
    const char *groups;
    unsigned long wanted, count;
    bool goes_on;
    long original;  /* the word at the entry point, until that is reached */
    uint64_t entry; /* 0: it has been reached */
    char said[100];
} Injector;

static void give_up(const char *what)
{
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(UNABLE);
}

static void become(char **command)
{
    struct sock_filter filter[CALL_COUNT + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    for (unsigned i = 0; i < CALL_COUNT; i++)
        filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, CALL_COUNT - i, 0);
    filter[CALL_COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[CALL_COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    const struct sock_fprog program = {CALL_COUNT + 3, filter};
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
        give_up("ptrace");
    raise(SIGSTOP);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        give_up("seccomp");
    execvp(command[0], command);
    give_up(command[0]);
}

/* -- The entry point ----------------------------------------------------------------------------------------------- */

static void stop_at_entry(Injector *in)
{
    char path[40];
    Elf64_auxv_t word;
    snprintf(path, sizeof path, "/proc/%d/auxv", in->pid);
    FILE *file = fopen(path, "rb");
    while (file != NULL && fread(&word, sizeof word, 1, file) == 1) {
        if (word.a_type == AT_ENTRY)
            in->entry = word.a_un.a_val;
    }
    if (file != NULL)
        fclose(file);
    errno = 0;
    in->original = ptrace(PTRACE_PEEKTEXT, in->pid, in->entry, 0);
    if (in->entry == 0 || errno != 0)
        give_up("entry point");
    ptrace(PTRACE_POKETEXT, in->pid, in->entry, (in->original & ~0xffl) | 0xcc);
}

static bool is_entry(Injector *in, pid_t tid)
{
    struct user_regs_struct regs;
    if (tid != in->pid || in->entry == 0 || ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0 || regs.rip != in->entry + 1)
        return false;
    ptrace(PTRACE_POKETEXT, tid, in->entry, in->original);
    regs.rip = in->entry;
    ptrace(PTRACE_SETREGS, tid, 0, &regs);
    in->entry = 0;
    return true;
}

/* -- Calls --------------------------------------------------------------------------------------------------------- */

/* Threads of the program, not what it has started. */
static bool is_ours(const Injector *in, pid_t tid)
{
    char path[40], line[200];
    int group = -1;
    if (tid == in->pid)
        return true;
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL && sscanf(line, "Tgid: %d", &group) != 1)
        continue;
    if (file != NULL)
        fclose(file);
    return group == in->pid;
}

static void meet_call(Injector *in, pid_t tid)
{
    struct user_regs_struct regs;
    if (in->entry != 0 || !is_ours(in, tid) || ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0)
        return;
    const struct Call *call = calls;
    while (call->number != (long)regs.orig_rax)
        call++;
    if (strchr(in->groups, call->group) == NULL)
        return;
    in->count++;
    if (in->wanted == 0 || (in->goes_on ? in->count < in->wanted : in->count != in->wanted))
        return;
    if (in->count == in->wanted)
        snprintf(in->said, sizeof in->said, "%s %lld", call->name, (long long)regs.rdi);
    regs.orig_rax = (unsigned long long)-1;
    regs.rax = call->number == SYS_brk ? 0 : (unsigned long long)-call->error; /* brk answers with where it is */
    ptrace(PTRACE_SETREGS, tid, 0, &regs);
}

/* The signal to go on with. */
static int meet_stop(Injector *in, pid_t tid, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP)
        meet_call(in, tid);
    else if (event == PTRACE_EVENT_EXEC && tid == in->pid)
        stop_at_entry(in);
    if (event != 0 || signal == SIGSTOP || (signal == SIGTRAP && is_entry(in, tid)))
        return 0; /* a new thread begins with a SIGSTOP */
    return signal;
}

static int follow(Injector *in)
{
    int status;
    if (waitpid(in->pid, &status, 0) < 0 || !WIFSTOPPED(status))
        return UNABLE;
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK;
    if (ptrace(PTRACE_SETOPTIONS, in->pid, 0, options) != 0)
        give_up("ptrace");
    ptrace(PTRACE_CONT, in->pid, 0, 0);
    for (pid_t tid; (tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
        if (tid == in->pid && WIFEXITED(status))
            return WEXITSTATUS(status);
        if (tid == in->pid && WIFSIGNALED(status))
            return 128 + WTERMSIG(status);
        if (tid > 0 && WIFSTOPPED(status))
            ptrace(PTRACE_CONT, tid, 0, meet_stop(in, tid, status));
    }
    return UNABLE;
}

int main(int argc, char **argv)
{
    Injector in = {.said = "-"};
    if (argc < 5) {
        fprintf(stderr, "usage: inject REPORT N GROUPS PROGRAM [ARGUMENT ...]\n");
        return UNABLE;
    }
    in.wanted = strtoul(argv[2], NULL, 10);
    in.groups = argv[3];
    in.goes_on = strchr(argv[3], '+') != NULL;
    in.pid = fork();
    if (in.pid < 0)
        give_up("fork");
    if (in.pid == 0)
        become(argv + 4);
    int status = follow(&in);
    FILE *report = fopen(argv[1], "w");
    if (report == NULL || fprintf(report, "%lu %s\n", in.count, in.said) < 0 || fclose(report) != 0)
        give_up(argv[1]);
    return status;
}

#else

int main(void)
{
    fprintf(stderr, "inject: only for x86-64\n");
    return UNABLE;
}
#endif
