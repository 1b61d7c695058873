/* System calls on processes and signals. What needs the engine (fork, exec) comes through machine->sys_hooks. */
#include <errno.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/syscall.h"

/* -- Life ---------------------------------------------------------------------------------------------------------------- */

int64_t sys_exit(RiTask *task, RiCall *call)
{
    ri_proc_doom(task->proc, RI_DOOM_EXIT, (int32_t)(call->args[0] & 0xff));
    return 0;
}

int64_t sys_fork(RiTask *task, RiCall *call)
{
    const RiSysHooks *hooks = task->proc->machine->sys_hooks;
    (void)call;
    return hooks != NULL && hooks->fork != NULL ? hooks->fork(task) : -ENOSYS;
}

int64_t sys_exec(RiTask *task, RiCall *call)
{
    const RiSysHooks *hooks = task->proc->machine->sys_hooks;
    const char *args = call->pointer[1];
    size_t size = (size_t)call->args[2];
    if (size > 0 && args[size - 1] != '\0')
        return -EINVAL;
    return hooks != NULL && hooks->exec != NULL ? hooks->exec(task, call->pointer[0], args, size) : -ENOSYS;
}

/* The status as wait reports it: exit status << 8, or the number of a signal, or 0x7f and the signal of a stop. */
static int32_t wait_status(const RiProc *child)
{
    if (child->state == RI_PROC_STOPPED)
        return RI_SIGSTOP << 8 | 0x7f;
    switch (child->doom) {
    case RI_DOOM_NONE:
    case RI_DOOM_EXIT:
        return (child->exit_status & 0xff) << 8;
    case RI_DOOM_SIGNAL:
        return child->doom_signal;
    default:
        return RI_SIGKILL; /* by a limit */
    }
}

static int64_t wait_for(RiTask *task, RiCall *call, uint32_t pid, uint32_t options, int32_t *status)
{
    enum { NO_HANG = 1, UNTRACED = 2 };
    RiProc *child = ri_proc_reportable(task->proc, pid, (options & UNTRACED) != 0);
    if (child == NULL && errno == EAGAIN) {
        if (options & NO_HANG)
            return 0;
        if (call->is_again && task->interrupted)
            return -EINTR;
        int waits = ri_task_wait(task, &task->proc->children, 0, -1, 0);
        return waits < 0 ? waits : RI_SYS_BLOCK;
    }
    if (child == NULL)
        return -errno;
    if (status != NULL)
        *status = wait_status(child);
    pid = child->pid;
    if (child->state == RI_PROC_STOPPED)
        child->reported_stop = true;
    else
        ri_proc_reap(child);
    return pid;
}

int64_t sys_wait(RiTask *task, RiCall *call)
{
    return wait_for(task, call, 0, 0, call->pointer[0]);
}

int64_t sys_waitpid(RiTask *task, RiCall *call)
{
    int64_t pid = (int64_t)call->args[0];
    if (pid < -1 || pid == 0 || call->args[2] > 3)
        return -EINVAL;
    return wait_for(task, call, pid < 0 ? 0 : (uint32_t)pid, (uint32_t)call->args[2], call->pointer[1]);
}

/* -- Kinship --------------------------------------------------------------------------------------------------------------- */

int64_t sys_getpid(RiTask *task, RiCall *call)
{
    (void)call;
    return task->proc->pid;
}

int64_t sys_getppid(RiTask *task, RiCall *call)
{
    (void)call;
    return task->proc->parent != NULL ? task->proc->parent->pid : 0;
}

int64_t sys_gettid(RiTask *task, RiCall *call)
{
    (void)call;
    return task->tid;
}

/* The process itself or one of its descendants, by number; 0: itself. NULL and *status if it must not be touched. */
static RiProc *subject(RiTask *task, int64_t pid, int64_t *status)
{
    RiProc *proc = pid == 0 ? task->proc : pid > 0 ? ri_proc_find(task->proc->machine, (uint32_t)pid) : NULL;
    *status = -ESRCH;
    for (RiProc *p = proc; p != NULL; p = p->parent) {
        if (p == task->proc)
            return proc;
    }
    if (proc != NULL)
        *status = -EPERM;
    return NULL;
}

int64_t sys_kill(RiTask *task, RiCall *call)
{
    int64_t status;
    RiProc *proc = subject(task, (int64_t)call->args[0], &status);
    return proc != NULL ? ri_signal_send(proc, (uint32_t)call->args[1]) : status;
}

int64_t sys_getpriority(RiTask *task, RiCall *call)
{
    int64_t status;
    RiProc *proc = subject(task, (int64_t)call->args[0], &status);
    return proc != NULL ? proc->priority : status;
}

int64_t sys_setpriority(RiTask *task, RiCall *call)
{
    int64_t status, priority = (int64_t)call->args[1];
    RiProc *proc = subject(task, (int64_t)call->args[0], &status);
    if (proc == NULL)
        return status;
    if (priority < 0 || priority >= RI_LEVELS)
        return -EINVAL;
    if (priority < task->proc->priority)
        return -EACCES;
    proc->priority = (uint8_t)priority;
    return 0;
}

/* -- Limits and use -------------------------------------------------------------------------------------------------------- */

int64_t sys_getrusage(RiTask *task, RiCall *call)
{
    RiProc *proc = task->proc;
    const RiUsage *u = &proc->usage;
    int64_t who = (int64_t)call->args[0];
    if (who != 0 && who != -1)
        return -EINVAL;
    uint64_t own[12] = {
        ri_proc_cpu_ns(proc), u->children_cpu_ns, u->switches,          u->preemptions,  u->faults, u->syscalls,
        u->signals,           u->messages_sent,   u->messages_received, u->output_bytes, u->fuel,   proc->memory_bytes,
    };
    uint64_t children[12] = {u->children_cpu_ns};
    memcpy(call->pointer[1], who == 0 ? own : children, sizeof own);
    return 0;
}

int64_t sys_getrlimit(RiTask *task, RiCall *call)
{
    if (call->args[0] >= RI_LIMIT_COUNT)
        return -EINVAL;
    memcpy(call->pointer[1], &task->proc->limits[call->args[0]], sizeof(uint64_t));
    return 0;
}

int64_t sys_setrlimit(RiTask *task, RiCall *call)
{
    if (call->args[0] >= RI_LIMIT_COUNT)
        return -EINVAL;
    RiLimit limit = (RiLimit)call->args[0];
    if (call->args[1] > task->proc->limits[limit])
        return -EPERM;
    return ri_proc_set_limit(task->proc, limit, call->args[1]);
}

int64_t sys_times(RiTask *task, RiCall *call)
{
    const RiUsage *usage = &task->proc->usage;
    int64_t since = (int64_t)(ri_host_monotonic_ns() - usage->start_ns);
    int64_t times[4] = {(int64_t)ri_proc_cpu_ns(task->proc), (int64_t)usage->children_cpu_ns, 0, since};
    memcpy(call->pointer[0], times, sizeof times);
    return since;
}

int64_t sys_allowed(RiTask *task, RiCall *call)
{
    const char *what = call->pointer[1];
    char path[RI_PATH_SIZE];
    if (call->args[0] >= RI_CAP_COUNT)
        return -EINVAL;
    RiCapability capability = (RiCapability)call->args[0];
    bool is_path = capability == RI_CAP_READ || capability == RI_CAP_WRITE || capability == RI_CAP_FFI ||
                   capability == RI_CAP_NATIVE;
    if (*what == '\0')
        return ri_policy_allows(task->proc->policy, capability, NULL);
    if (is_path) {
        int status = ri_path_complete(task->proc, what, path);
        if (status < 0)
            return status;
        what = path;
    }
    return ri_policy_allows(task->proc->policy, capability, what);
}

/* -- Signals --------------------------------------------------------------------------------------------------------------- */

int64_t sys_sigaction(RiTask *task, RiCall *call)
{
    int64_t number = (int64_t)call->args[0], action = (int64_t)call->args[1];
    if (number < 1 || number >= RI_SIGNAL_COUNT || action < -1 || action > 1)
        return -EINVAL;
    RiSignalAction before = ri_signal_action(task->proc, (uint32_t)number);
    int status = 0;
    if (action >= 0)
        status = ri_signal_set_action(task->proc, (uint32_t)number, action == 0 ? RI_SIGNAL_DEFAULT : RI_SIGNAL_IGNORED);
    return status < 0 ? status : (int64_t)before;
}

int64_t sys_sigmask(RiTask *task, RiCall *call)
{
    uint64_t before = task->mask;
    ri_signal_set_mask(task, call->args[0] & (((uint64_t)1 << (RI_SIGNAL_COUNT - 1)) - 1));
    return (int64_t)before;
}

int64_t sys_sigpending(RiTask *task, RiCall *call)
{
    (void)call;
    return (int64_t)ri_signal_pending(task);
}

int64_t sys_sigsuspend(RiTask *task, RiCall *call)
{
    if (call->is_again) { /* deadline_ns keeps the mask from before */
        if (!task->interrupted && !ri_signal_is_due(task)) {
            int again = ri_task_wait(task, NULL, 0, -1, 0);
            return again < 0 ? again : RI_SYS_BLOCK;
        }
        ri_signal_set_mask(task, call->deadline_ns);
        return -EINTR;
    }
    call->deadline_ns = task->mask;
    ri_signal_set_mask(task, call->args[0] & (((uint64_t)1 << (RI_SIGNAL_COUNT - 1)) - 1));
    int status = ri_task_wait(task, NULL, 0, -1, 0);
    return status < 0 ? status : RI_SYS_BLOCK;
}

int64_t sys_alarm(RiTask *task, RiCall *call)
{
    if ((int64_t)call->args[0] < 0)
        return -EINVAL;
    return (int64_t)ri_signal_set_timer(task->proc, RI_ITIMER_REAL, call->args[0], 0);
}

int64_t sys_setitimer(RiTask *task, RiCall *call)
{
    if (call->args[0] >= RI_ITIMER_COUNT || (int64_t)call->args[1] < 0 || (int64_t)call->args[2] < 0)
        return -EINVAL;
    return (int64_t)ri_signal_set_timer(task->proc, (RiItimer)call->args[0], call->args[1], call->args[2]);
}
