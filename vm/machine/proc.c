/* Life and death of processes. */
#include "vm/machine/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/engine.h"
#include "vm/machine/file.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/trace.h"

#define PRIORITY_USUAL 4

const char *const ri_limit_names[RI_LIMIT_COUNT] = {
#define LIMIT(id, name, unit, doc) name,
#include "vm/machine/limits.def"
#undef LIMIT
};

/* -- The table --------------------------------------------------------------------------------------------------- */

static RiProc **bucket_of(const RiMachine *machine, uint32_t pid)
{
    return &machine->table[(pid * 2654435769u >> 7) & machine->table_mask];
}

static bool reserve_table(RiMachine *machine)
{
    if (machine->table != NULL && machine->process_count <= machine->table_mask)
        return true;
    uint32_t old_count = machine->table != NULL ? machine->table_mask + 1 : 0, count = old_count ? old_count * 4 : 16;
    RiProc **old = machine->table, **table = calloc(count, sizeof(RiProc *));
    if (table == NULL)
        return old != NULL;
    machine->table = table;
    machine->table_mask = count - 1;
    for (uint32_t i = 0; i < old_count; i++) {
        for (RiProc *proc = old[i], *next; proc != NULL; proc = next) {
            next = proc->next_in_bucket;
            RiProc **bucket = bucket_of(machine, proc->pid);
            proc->next_in_bucket = *bucket;
            *bucket = proc;
        }
    }
    free(old);
    return true;
}

RiProc *ri_proc_find(RiMachine *machine, uint32_t pid)
{
    if (machine->table == NULL)
        return NULL;
    RiProc *proc = *bucket_of(machine, pid);
    while (proc != NULL && proc->pid != pid)
        proc = proc->next_in_bucket;
    return proc;
}

static uint32_t new_pid(RiMachine *machine)
{
    uint32_t pid;
    do {
        pid = machine->next_pid++;
        if (machine->next_pid > INT32_MAX)
            machine->next_pid = 2;
    } while (ri_proc_find(machine, pid) != NULL);
    return pid;
}

/* -- Jobs -------------------------------------------------------------------------------------------------------- */

static bool job_has_room(const RiJob *job)
{
    for (; job != NULL; job = job->outer) {
        if (job->process_count >= job->process_limit)
            return false;
    }
    return true;
}

static void job_count(RiJob *job, uint32_t difference)
{
    for (; job != NULL; job = job->outer)
        job->process_count += difference;
}

void ri_job_release(RiJob *job)
{
    while (job != NULL && --job->references == 0) {
        RiJob *outer = job->outer;
        ri_node_remove(&job->timed);
        free(job);
        job = outer;
    }
}

/* The job whose limits are this process's. */
static RiJob *own_job(RiProc *proc)
{
    if (proc->job != NULL && proc->job->owner == proc->pid)
        return proc->job;
    RiJob *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->outer = proc->job; /* takes over the process's reference */
    job->owner = proc->pid;
    job->references = 1;
    job->process_count = 1;
    job->process_limit = job->cpu_limit_ns = job->wall_end_ns = RI_NO_LIMIT;
    job->cpu_ns = proc->usage.cpu_ns;
    ri_node_init(&job->timed);
    proc->job = job;
    return job;
}

static bool is_in_job(const RiProc *proc, const RiJob *job)
{
    const RiJob *at = proc->job;
    while (at != NULL && at != job)
        at = at->outer;
    return at != NULL;
}

/* The first process dies first: the rest goes with it. */
static void doom_job(RiMachine *machine, const RiJob *job, RiDoom doom)
{
    if (machine->init != NULL && is_in_job(machine->init, job)) {
        ri_proc_doom(machine->init, doom, 0);
        if (machine->init->main != NULL)
            ri_sched_hurry(machine->init->main);
    }
    for (uint32_t i = 0; i <= machine->table_mask; i++) {
        for (RiProc *proc = machine->table[i]; proc != NULL; proc = proc->next_in_bucket) {
            if (is_in_job(proc, job))
                ri_proc_doom(proc, doom, 0);
        }
    }
}

uint64_t ri_machine_check_deadlines(RiMachine *machine)
{
    uint64_t first = RI_NO_LIMIT;
    if (!ri_node_is_linked(&machine->timed_jobs))
        return first;
    uint64_t now = ri_host_monotonic_ns();
    for (RiNode *node = machine->timed_jobs.next; node != &machine->timed_jobs; node = node->next) {
        const RiJob *job = (const RiJob *)(const void *)((const char *)node - offsetof(RiJob, timed));
        if (now >= job->wall_end_ns)
            doom_job(machine, job, RI_DOOM_TIME);
        else if (job->wall_end_ns < first)
            first = job->wall_end_ns;
    }
    return first;
}

/* -- Limits ------------------------------------------------------------------------------------------------------ */

static bool needs_ticks(RiLimit limit)
{
    return limit == RI_LIMIT_CPU || limit == RI_LIMIT_TIME;
}

static void set_limit(RiProc *proc, RiLimit limit, uint64_t value)
{
    bool had = proc->limits[limit] != RI_NO_LIMIT, has = value != RI_NO_LIMIT;
    proc->limits[limit] = value;
    if (needs_ticks(limit) && had != has)
        ri_sched_want_ticks(proc->machine, has);
}

static int set_job_limit(RiProc *proc, RiLimit limit, uint64_t value)
{
    RiJob *job = own_job(proc);
    if (job == NULL)
        return -ENOMEM;
    switch (limit) {
    case RI_LIMIT_PROCESSES:
        job->process_limit = value;
        break;
    case RI_LIMIT_CPU:
        job->cpu_limit_ns = value;
        break;
    default:
        ri_node_remove(&job->timed);
        job->wall_end_ns = value == RI_NO_LIMIT ? value : proc->usage.start_ns + value;
        if (value != RI_NO_LIMIT)
            ri_node_insert(&proc->machine->timed_jobs, &job->timed);
        break;
    }
    return 0;
}

int ri_proc_set_limit(RiProc *proc, RiLimit limit, uint64_t value)
{
    bool is_of_job = limit == RI_LIMIT_PROCESSES || needs_ticks(limit);
    if (is_of_job && value != proc->limits[limit]) {
        int error = set_job_limit(proc, limit, value);
        if (error != 0)
            return error;
    }
    set_limit(proc, limit, value);
    if (proc->machine->engine->limit_changed != NULL)
        proc->machine->engine->limit_changed(proc, limit);
    return 0;
}

void ri_proc_check_limits(RiProc *proc)
{
    if (proc->limits[RI_LIMIT_CPU] != RI_NO_LIMIT && ri_proc_cpu_ns(proc) >= proc->limits[RI_LIMIT_CPU])
        ri_proc_doom(proc, RI_DOOM_CPU, 0);
    for (const RiJob *job = proc->job; job != NULL; job = job->outer) {
        uint64_t used = job->cpu_ns + (ri_job_is_all(proc->machine, job) ? proc->machine->ending_ns : 0);
        if (used >= job->cpu_limit_ns)
            doom_job(proc->machine, job, RI_DOOM_CPU);
    }
    (void)ri_machine_check_deadlines(proc->machine);
}

int ri_proc_charge(RiProc *proc, int64_t bytes)
{
    const RiEngine *engine = proc->machine->engine;
    if (engine != NULL && engine->charge != NULL)
        return engine->charge(proc, bytes);
    if (bytes > 0 && proc->limits[RI_LIMIT_MEMORY] - proc->memory_bytes < (uint64_t)bytes)
        return -ENOMEM;
    proc->memory_bytes += (uint64_t)bytes;
    return 0;
}

void ri_proc_charge_cpu(RiProc *proc, uint64_t cpu_ns)
{
    proc->usage.cpu_ns += cpu_ns;
    for (RiJob *job = proc->job; job != NULL; job = job->outer)
        job->cpu_ns += cpu_ns;
    ri_proc_check_limits(proc);
}

/* "32 MiB", "300 ms", "1.5 s", "1000000". */
static void describe_amount(RiLimit limit, uint64_t amount, char *out, size_t size)
{
    static const char *const units[] = {
#define LIMIT(id, name, unit, doc) unit,
#include "vm/machine/limits.def"
#undef LIMIT
    };
    static const struct {
        uint64_t size;
        const char *name;
    } sizes[] = {{(uint64_t)1 << 30, "GiB"}, {(uint64_t)1 << 20, "MiB"}, {1024, "KiB"}},
      times[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
    bool is_size = strcmp(units[limit], "bytes") == 0, is_time = strcmp(units[limit], "ns") == 0;
    for (int i = 0; (is_size || is_time) && i < 3; i++) {
        uint64_t unit = is_size ? sizes[i].size : times[i].size;
        if (amount >= unit && amount % unit == 0) {
            snprintf(out, size, "%" PRIu64 " %s", amount / unit, is_size ? sizes[i].name : times[i].name);
            return;
        }
    }
    if (is_time && amount > 1000000)
        snprintf(out, size, "%.10g ms", (double)amount / 1e6);
    else
        snprintf(out, size, "%" PRIu64 "%s%s", amount, units[limit][0] ? " " : "", units[limit]);
}

void ri_doom_describe(const RiProc *proc, char *out, size_t size)
{
    static const RiLimit limits[RI_DOOM_COUNT] = {
        [RI_DOOM_MEMORY] = RI_LIMIT_MEMORY, [RI_DOOM_CPU] = RI_LIMIT_CPU,       [RI_DOOM_FUEL] = RI_LIMIT_FUEL,
        [RI_DOOM_TIME] = RI_LIMIT_TIME,     [RI_DOOM_OUTPUT] = RI_LIMIT_OUTPUT,
    };
    if (proc->doom == RI_DOOM_SIGNAL) {
        snprintf(out, size, "signal %u (%s)", proc->doom_signal, ri_signal_name(proc->doom_signal));
    } else if (proc->doom >= RI_DOOM_MEMORY) {
        char amount[40];
        RiLimit limit = limits[proc->doom];
        if (proc->limits[limit] == UINT64_MAX) { /* it was the host's memory that came to its end */
            snprintf(out, size, "not enough memory");
            return;
        }
        describe_amount(limit, proc->limits[limit], amount, sizeof amount);
        snprintf(out, size, "%s limit %s", ri_limit_names[limit], amount);
    } else {
        snprintf(out, size, "exit %d", proc->exit_status);
    }
}

/* -- Birth ------------------------------------------------------------------------------------------------------- */

RiTask *ri_task_new(RiProc *proc)
{
    if (proc->task_count >= proc->limits[RI_LIMIT_THREADS]) {
        errno = EAGAIN;
        return NULL;
    }
    RiTask *task = calloc(1, sizeof *task);
    if (task == NULL)
        return NULL;
    task->proc = proc;
    task->tid = proc->machine->next_tid++;
    task->level = proc->priority;
    task->fd = -1;
    ri_node_init(&task->queue);
    ri_node_insert(&proc->tasks, &task->of_proc);
    proc->task_count++;
    return task;
}

static void inherit(RiProc *proc, const RiProc *parent)
{
    for (int i = 0; i < RI_LIMIT_COUNT; i++)
        proc->limits[i] = RI_NO_LIMIT;
    proc->priority = PRIORITY_USUAL;
    if (parent == NULL)
        return;
    proc->priority = parent->priority;
    for (int i = 0; i < RI_LIMIT_COUNT; i++)
        set_limit(proc, (RiLimit)i, parent->limits[i]);
    proc->job = parent->job;
}

RiProc *ri_proc_new(RiMachine *machine, RiProc *parent, const char *name)
{
    if (machine->process_count >= machine->config.processes_max || (parent != NULL && !job_has_room(parent->job))) {
        errno = EAGAIN;
        return NULL;
    }
    RiProc *proc = calloc(1, sizeof *proc);
    if (proc == NULL || !reserve_table(machine) || (proc->name = strdup(name)) == NULL) {
        free(proc);
        errno = ENOMEM;
        return NULL;
    }
    proc->machine = machine;
    ri_node_init(&proc->tasks);
    ri_node_init(&proc->children);
    ri_node_init(&proc->sibling);
    ri_node_init(&proc->alarms);
    inherit(proc, parent);
    if (parent == NULL || ri_files_inherit(parent, proc) == 0)
        proc->main = ri_task_new(proc);
    if (proc->main == NULL) {
        ri_files_destroy(proc);
        ri_policy_release(proc->policy);
        for (int i = 0; i < RI_LIMIT_COUNT; i++)
            set_limit(proc, (RiLimit)i, RI_NO_LIMIT);
        free(proc->name);
        free(proc);
        errno = ENOMEM;
        return NULL;
    }
    if (proc->job != NULL)
        proc->job->references++;
    job_count(proc->job, 1);
    proc->pid = new_pid(machine);
    proc->usage.start_ns = ri_host_monotonic_ns();
    RiProc **bucket = bucket_of(machine, proc->pid);
    proc->next_in_bucket = *bucket;
    *bucket = proc;
    machine->process_count++;
    proc->parent = parent;
    if (parent != NULL && machine->survives_broken_pipes)
        ri_host_survive_broken_pipes();
    if (parent != NULL) {
        ri_node_insert(&parent->children, &proc->sibling);
        parent->child_count++;
    } else if (machine->init == NULL) {
        machine->init = proc;
    }
    return proc;
}

/* -- Death ------------------------------------------------------------------------------------------------------- */

static void forget_task(RiTask *task)
{
    RiProc *proc = task->proc;
    ri_sched_forget_task(task);
    proc->machine->engine->forget_task(task);
    ri_node_remove(&task->of_proc);
    proc->task_count--;
    if (proc->main == task)
        proc->main = NULL;
    free(task);
}

void ri_task_cancel(RiTask *task)
{
    task->cancelled = true;
    ri_task_interrupt(task);
    if (task == task->proc->machine->current)
        task->proc->machine->engine->interrupt(task->proc->machine);
}

void ri_task_forget(RiTask *task)
{
    forget_task(task);
}

void ri_task_finish(RiTask *task, int32_t status)
{
    RiProc *proc = task->proc;
    bool is_main = proc->main == task;
    task->state = RI_TASK_DEAD;
    ri_wake(proc->machine, &proc->task_count, UINT32_MAX); /* who joins it */
    if (is_main && proc->doom == RI_DOOM_NONE) {
        proc->exit_status = status;
        if (proc->task_count > 1)
            ri_proc_doom(proc, RI_DOOM_EXIT, status); /* a process ends with its main thread */
    }
    forget_task(task);
    if (proc->task_count == 0)
        ri_proc_zombie(proc);
}

void ri_proc_doom(RiProc *proc, RiDoom doom, int32_t status_or_signal)
{
    if (proc->doom != RI_DOOM_NONE || proc->state == RI_PROC_ZOMBIE)
        return;
    proc->doom = (uint8_t)doom;
    if (doom == RI_DOOM_EXIT) {
        proc->exit_status = status_or_signal & 255;
    } else if (doom == RI_DOOM_SIGNAL) {
        proc->doom_signal = (uint8_t)status_or_signal;
        proc->exit_status = 128 + status_or_signal;
    } else {
        proc->exit_status = RI_STATUS_STOPPED;
    }
    proc->state = RI_PROC_ALIVE; /* a stopped process can be killed */
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        RiTask *task = ri_task_of_node(node);
        task->level = task->state == RI_TASK_READY ? task->level : 0;
        ri_task_interrupt(task);
    }
    if (proc->machine->current != NULL && proc->machine->current->proc == proc)
        proc->machine->engine->interrupt(proc->machine);
}

static void orphan_children(RiProc *proc)
{
    RiProc *init = proc->machine->init;
    while (ri_node_is_linked(&proc->children)) {
        RiProc *child = ri_proc_of_node(proc->children.next);
        ri_node_remove(&child->sibling);
        proc->child_count--;
        child->parent = init != proc ? init : NULL;
        if (child->parent == NULL)
            continue;
        ri_node_insert(&init->children, &child->sibling);
        init->child_count++;
        child->is_orphan = true;
        if (child->state == RI_PROC_ZOMBIE)
            ri_proc_reap(child); /* pid 1 waits for those it has not made */
    }
}

/* Everything that is not needed to tell its status. */
static void release(RiProc *proc)
{
    RiMachine *machine = proc->machine;
    for (int i = 0; i < RI_LIMIT_COUNT; i++) {
        if (needs_ticks((RiLimit)i) && proc->limits[i] != RI_NO_LIMIT)
            ri_sched_want_ticks(machine, false);
    }
    ri_signal_set_timer(proc, RI_ITIMER_REAL, 0, 0);
    ri_signal_set_timer(proc, RI_ITIMER_VIRTUAL, 0, 0);
    for (uint32_t i = 0; i < machine->on_death_count; i++)
        machine->on_death[i](proc);
    machine->engine->forget_proc(proc);
    proc->engine = NULL;
    free(proc->actions);
    proc->actions = NULL;
    job_count(proc->job, -1u);
    ri_job_release(proc->job);
    proc->job = NULL;
}

static void trace_end(RiProc *proc)
{
    char reason[100], text[140];
    if (proc->machine->trace == NULL)
        return;
    ri_doom_describe(proc, reason, sizeof reason);
    if (proc->doom <= RI_DOOM_EXIT)
        snprintf(text, sizeof text, "+++ exited with %d +++", proc->exit_status);
    else
        snprintf(text, sizeof text, "+++ stopped: %s +++", reason);
    ri_trace_note(proc, "process", text);
}

/* Who waits for messages of `proc` shall see that none will come. It is nearly always the parent; nobody keeps a list. */
static void wake_receivers(RiProc *proc)
{
    RiMachine *machine = proc->machine;
    if (!proc->is_awaited)
        return;
    if (proc->parent != NULL)
        ri_wake(machine, &proc->parent->mailbox, UINT32_MAX);
    if (!proc->is_awaited_by_others)
        return;
    for (uint32_t i = 0; i <= machine->table_mask; i++) {
        for (RiProc *other = machine->table[i]; other != NULL; other = other->next_in_bucket)
            ri_wake(machine, &other->mailbox, UINT32_MAX);
    }
}

void ri_proc_zombie(RiProc *proc)
{
    RiMachine *machine = proc->machine;
    trace_end(proc);
    release(proc);
    proc->state = RI_PROC_ZOMBIE;
    machine->stats.exits++;
    wake_receivers(proc);
    orphan_children(proc);
    ri_wake(machine, proc, UINT32_MAX);
    RiProc *parent = proc->parent;
    if (parent == NULL)
        return;
    ri_node_remove(&proc->sibling);
    ri_node_insert(parent->children.next, &proc->sibling);
    ri_signal_send(parent, RI_SIGCHLD);
    if (proc->is_orphan)
        ri_proc_reap(proc);
    else
        ri_wake(machine, &parent->children, UINT32_MAX);
}

static void unlink_proc(RiProc *proc)
{
    RiMachine *machine = proc->machine;
    RiProc **link = bucket_of(machine, proc->pid);
    while (*link != proc)
        link = &(*link)->next_in_bucket;
    *link = proc->next_in_bucket;
    machine->process_count--;
    if (ri_node_is_linked(&proc->sibling)) {
        ri_node_remove(&proc->sibling);
        proc->parent->child_count--;
    }
    if (machine->init == proc)
        machine->init = NULL;
}

void ri_proc_reap(RiProc *proc)
{
    ri_assert(proc->state == RI_PROC_ZOMBIE);
    if (proc->parent != NULL)
        proc->parent->usage.children_cpu_ns += proc->usage.cpu_ns + proc->usage.children_cpu_ns;
    unlink_proc(proc);
    free(proc->name);
    free(proc);
}

void ri_proc_forget(RiProc *proc)
{
    while (ri_node_is_linked(&proc->tasks))
        forget_task(ri_task_of_node(proc->tasks.next));
    if (proc->state != RI_PROC_ZOMBIE)
        release(proc);
    while (ri_node_is_linked(&proc->children)) {
        RiProc *child = ri_proc_of_node(proc->children.next);
        ri_node_remove(&child->sibling);
        child->parent = NULL;
    }
    unlink_proc(proc);
    free(proc->name);
    free(proc);
}

static bool is_reportable(const RiProc *child, bool stopped)
{
    return child->state == RI_PROC_ZOMBIE || (stopped && child->state == RI_PROC_STOPPED && !child->reported_stop);
}

/* Zombies stand first among the children, so that a parent of very many need not look at all of them. */
RiProc *ri_proc_reportable(RiProc *proc, uint32_t pid, bool stopped)
{
    bool any = false;
    if (pid != 0) {
        RiProc *child = ri_proc_find(proc->machine, pid);
        any = child != NULL && child->parent == proc && !child->is_orphan;
        if (any && is_reportable(child, stopped))
            return child;
    }
    for (RiNode *node = proc->children.next; pid == 0 && node != &proc->children; node = node->next) {
        RiProc *child = ri_proc_of_node(node);
        if (child->is_orphan)
            continue;
        any = true;
        if (is_reportable(child, stopped))
            return child;
        if (!stopped)
            break;
    }
    errno = any ? EAGAIN : ECHILD;
    return NULL;
}

bool ri_proc_may_signal(const RiProc *from, const RiProc *to)
{
    if (from == from->machine->init)
        return true;
    while (to != NULL && to != from)
        to = to->parent;
    return to != NULL;
}

void ri_proc_set_name(RiProc *proc, const char *name)
{
    char *copy = strdup(name);
    if (copy == NULL)
        return;
    free(proc->name);
    proc->name = copy;
}
