/* System calls on time, randomness, and the machine's name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/files.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"
#include "vm/machine/syscall.h"

#define SECOND_NS 1000000000

typedef struct RiTimespec { /* as guests have it */
    int64_t seconds, nanoseconds;
} RiTimespec;

/* Others that are ready run first. */
int64_t sys_yield(RiTask *task, RiCall *call)
{
    if (call->is_again)
        return 0;
    int status = ri_task_wait(task, NULL, 1, -1, 0); /* a time long past: ready at once, behind the others */
    return status < 0 ? status : RI_SYS_BLOCK;
}

/* Sleep until call->deadline_ns. */
static int64_t sleep_on(RiTask *task, RiCall *call)
{
    if (ri_host_monotonic_ns() >= call->deadline_ns)
        return 0;
    if (call->is_again && task->interrupted)
        return -EINTR;
    int status = ri_task_wait(task, NULL, call->deadline_ns, -1, 0);
    return status < 0 ? status : RI_SYS_BLOCK;
}

static void set_deadline(RiCall *call, uint64_t ns)
{
    uint64_t now = ri_host_monotonic_ns();
    if (!call->is_again)
        call->deadline_ns = ns < INT64_MAX - now ? now + ns : INT64_MAX;
}

int64_t sys_sleep(RiTask *task, RiCall *call)
{
    if ((int64_t)call->args[0] < 0)
        return -EINVAL;
    set_deadline(call, call->args[0]);
    return sleep_on(task, call);
}

int64_t sys_nanosleep(RiTask *task, RiCall *call)
{
    RiTimespec t;
    memcpy(&t, call->pointer[0], sizeof t);
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= SECOND_NS)
        return -EINVAL;
    uint64_t ns = t.seconds < INT64_MAX / SECOND_NS ? (uint64_t)(t.seconds * SECOND_NS + t.nanoseconds) : INT64_MAX;
    set_deadline(call, ns);
    int64_t status = sleep_on(task, call);
    if (status == -EINTR && call->pointer[1] != NULL) {
        uint64_t now = ri_host_monotonic_ns();
        uint64_t left = call->deadline_ns > now ? call->deadline_ns - now : 0;
        t = (RiTimespec){(int64_t)(left / SECOND_NS), (int64_t)(left % SECOND_NS)};
        memcpy(call->pointer[1], &t, sizeof t);
    }
    return status;
}

int64_t sys_clock(RiTask *task, RiCall *call)
{
    int64_t clock = (int64_t)call->args[0];
    if (clock < 0 || clock > 2)
        return -EINVAL;
    return clock == 2 ? (int64_t)ri_proc_cpu_ns(task->proc) : ri_host_clock_ns((int)clock);
}

int64_t sys_clock_gettime(RiTask *task, RiCall *call)
{
    int64_t ns = sys_clock(task, call);
    if (ns < 0)
        return ns;
    if (call->pointer[1] == NULL)
        return -EFAULT;
    RiTimespec t = {ns / SECOND_NS, ns % SECOND_NS};
    memcpy(call->pointer[1], &t, sizeof t);
    return 0;
}

int64_t sys_getrandom(RiTask *task, RiCall *call)
{
    enum { BYTES_MAX = 1 << 18 };
    size_t size = call->args[1] < BYTES_MAX ? (size_t)call->args[1] : BYTES_MAX;
    (void)task;
    return ri_host_random(call->pointer[0], size);
}

int64_t sys_uname(RiTask *task, RiCall *call)
{
    enum { FIELD = 65, COUNT = 5 };
    char fields[COUNT][FIELD] = {"Rille", "", "0.1.0", "Lua 5.4", "rille32"};
    (void)task;
    if (call->args[1] < sizeof fields)
        return -ERANGE;
    ri_host_node_name(fields[1], FIELD);
    memcpy(call->pointer[0], fields, sizeof fields);
    return sizeof fields;
}
