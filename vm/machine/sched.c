/* Run queues, waiting, the timer interrupt, and the switch from task to task. */
#include "vm/machine/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/host/ticker.h"
#include "vm/machine/device.h"
#include "vm/machine/engine.h"
#include "vm/machine/frame.h"
#include "vm/machine/signal.h"

#define QUANTUM_NS 2000000     /* of one turn at the most urgent level; lower levels have longer ones */
#define AGE_NS 50000000u       /* who has been ready for so long moves up a level */
#define DEMOTION_MAX 2         /* levels that a task can sink below its priority */
#define LOOKS_MAX 64           /* at tasks in debt, of a level, before those below have a chance */
#define FREE_CONTEXTS_MAX 64   /* worker stacks that are kept for later */
#define REMOVE_NS 14000u       /* for each temporary file that is open; seen: 4,000 to 30,000 */
#define ENDING_TICKS 4         /* between two looks at how much memory there is to give back */
#define ENDING_MIN_BYTES ((uint64_t)24 << 20) /* less is not worth a look */
#define OVERRUN_TICKS 3        /* and … */
#define OVERRUN_NS 3000000u    /* … so much beyond its limit, the first process is ended by all means */
#define SWITCH_FRAMES_BYTES 1024 /* what the switch itself puts on a stack, and more */

static RiTask *task_of_queue(RiNode *node)
{
    return (RiTask *)(void *)((char *)node - offsetof(RiTask, queue));
}

/* -- Time ------------------------------------------------------------------------------------------------------ */

/* The clock that slices are measured by. A limit of processor time wants the exact one, which is a system call; without
 * one the cheap clock will do. The ticks are for the limits: who runs pays for them. */
static uint64_t slice_clock(const RiMachine *machine)
{
    return machine->tick_users > 0 ? ri_host_thread_cpu_ns() + ri_ticker_cpu_ns(machine->ticker) : ri_host_monotonic_ns();
}

/* Charge what `current` has used since the slice began. */
static void charge(RiMachine *machine)
{
    RiTask *task = machine->current;
    uint64_t now = slice_clock(machine);
    uint64_t used = now > machine->slice_start_ns ? now - machine->slice_start_ns : 0;
    machine->slice_start_ns = now;
    if (task != NULL) {
        task->cpu_ns += used;
        task->proc->usage.cpu_ns += used;
        task->deficit_ns -= (int64_t)used;
    }
    RiJob *debtor = machine->tick_users > 0 ? machine->debtor : NULL; /* of idle time nobody is */
    for (RiJob *job = task != NULL ? task->proc->job : debtor; job != NULL; job = job->outer)
        job->cpu_ns += used;
}

/* Nobody runs from here on. What it takes until somebody does is charged to the job of who ran last: the end of a process,
 * the search for another. */
static void leave_current(RiMachine *machine)
{
    charge(machine);
    if (machine->current == NULL)
        return;
    RiJob *job = machine->current->proc->job;
    if (job != machine->debtor) {
        ri_job_release(machine->debtor);
        machine->debtor = job;
        if (job != NULL)
            job->references++;
    }
    machine->current = NULL;
}

void ri_sched_forget_current(RiMachine *machine)
{
    leave_current(machine);
}

uint64_t ri_proc_cpu_ns(RiProc *proc)
{
    if (proc->machine->current != NULL && proc->machine->current->proc == proc)
        charge(proc->machine);
    return proc->usage.cpu_ns;
}

/* When do limits of time end the process that runs? */
static void note_ends(RiMachine *machine)
{
    const RiProc *proc = machine->current->proc;
    uint64_t cpu_end = RI_NO_LIMIT, all_end = RI_NO_LIMIT, wall = RI_NO_LIMIT;
    for (const RiJob *job = proc->job; job != NULL; job = job->outer) {
        uint64_t left = job->cpu_limit_ns > job->cpu_ns ? job->cpu_limit_ns - job->cpu_ns : 0;
        uint64_t *end = ri_job_is_all(machine, job) ? &all_end : &cpu_end;
        if (job->cpu_limit_ns != RI_NO_LIMIT && machine->slice_start_ns + left < *end)
            *end = machine->slice_start_ns + left;
        if (job->wall_end_ns < wall)
            wall = job->wall_end_ns;
    }
    bool is_doomed = proc->doom != RI_DOOM_NONE;
    machine->cpu_end_ns = is_doomed ? RI_NO_LIMIT : cpu_end;
    machine->all_end_ns = all_end;
    machine->wall_end_ns = is_doomed ? RI_NO_LIMIT : wall;
    machine->frame_count = machine->frames != NULL ? machine->frames->in_use + machine->frames->dirty_free : 0;
}

/* From the ticker's thread. */
static void note_overrun(RiMachine *machine, uint64_t now, uint64_t end)
{
    if (end == RI_NO_LIMIT || now < end) {
        machine->overdue_ticks = 0;
        return;
    }
    if (++machine->overdue_ticks >= OVERRUN_TICKS && now >= end + OVERRUN_NS && machine->overrun != NULL)
        machine->overrun(machine);
}

/* From the ticker's thread: it sees an older or newer end for a moment, and then the next tick is right. */
static bool is_overdue(RiMachine *machine)
{
    uint64_t cpu_end = machine->cpu_end_ns, all_end = machine->all_end_ns, wall_end = machine->wall_end_ns;
    if (cpu_end != RI_NO_LIMIT || all_end != RI_NO_LIMIT) {
        uint64_t now = ri_host_thread_clock_ns(machine->thread_clock) + ri_ticker_cpu_ns(machine->ticker);
        note_overrun(machine, now + machine->ending_ns, all_end);
        if (now >= cpu_end || now + machine->ending_ns >= all_end)
            return true;
    }
    return wall_end != RI_NO_LIMIT && ri_host_monotonic_ns() >= wall_end;
}

/* From the ticker's thread: how long will it take to give everything back? So much is kept of the limit of processor time,
 * as the host charges it to this process like anything else. Little is not worth a look. */
static void estimate_ending(RiMachine *machine)
{
    if (machine->all_end_ns == RI_NO_LIMIT || machine->ending_age++ % ENDING_TICKS != 0)
        return;
    uint64_t own = ri_host_own_bytes(), frames = machine->frame_count * (uint64_t)RI_PAGE_BYTES;
    uint64_t removing_ns = machine->temporary_count * (uint64_t)REMOVE_NS;
    if (own + frames < ENDING_MIN_BYTES) {
        machine->ending_ns = removing_ns;
        return;
    }
    RiReleaseCost *cost = &machine->release_cost;
    if (cost->own_ns == 0)
        ri_host_measure_release(cost);
    uint64_t least = (own * cost->own_ns + frames * cost->file_ns) / RI_PAGE_BYTES;
    machine->ending_ns = least + least / 4 + removing_ns; /* what is large lies in no cache, unlike what was measured */
}

/* From the ticker's thread. */
static void on_tick(void *argument)
{
    RiMachine *machine = argument;
    estimate_ending(machine);
    if (machine->tick_due && is_overdue(machine))
        machine->engine->overdue(machine);
    machine->tick_due = machine->limits_due = 1;
    machine->engine->interrupt(machine);
}

/* Is there anybody for whom the clock must be looked at while `current` runs? */
static bool wants_ticks(const RiMachine *machine)
{
    return machine->tick_users > 0 || machine->ready_count > 0 || machine->timer_count > 0 ||
           machine->fd_waiter_count > 0 || ri_node_is_linked(&machine->alarms);
}

static void stop_ticker(RiMachine *machine)
{
    if (machine->ticking) {
        machine->ticking = false;
        ri_ticker_set(machine->ticker, false);
    }
}

/* Ticks begin as soon as they are wanted; they end when one finds that nobody does, since a message to and fro would
 * turn the ticker on and off each time. */
static void adjust_ticker(RiMachine *machine)
{
    if (RI_LIKELY(machine->ticking || !wants_ticks(machine)))
        return;
    if (machine->ticker == NULL) {
        machine->ticker = ri_ticker_new(RI_TICK_NS, on_tick, machine);
        if (machine->ticker == NULL)
            return; /* it is asked for again */
    }
    machine->ticking = true;
    ri_ticker_set(machine->ticker, true);
}

/* So far the cheap clock has been looked at, which went on while other programs ran on this processor: more than this thread
 * has run cannot have been used. */
static void charge_exactly(RiMachine *machine)
{
    charge(machine);
    uint64_t most = ri_host_thread_cpu_ns();
    RiProc *proc = machine->current != NULL ? machine->current->proc : NULL;
    if (proc == NULL)
        return;
    if (proc->usage.cpu_ns > most)
        proc->usage.cpu_ns = most;
    for (RiJob *job = proc->job; job != NULL; job = job->outer) {
        if (job->cpu_ns > most)
            job->cpu_ns = most;
    }
}

void ri_sched_want_ticks(RiMachine *machine, bool want)
{
    bool first = want && machine->tick_users == 0;
    if (first)
        charge_exactly(machine);
    machine->tick_users += want ? 1 : -1u;
    if (first || machine->tick_users == 0)
        machine->slice_start_ns = slice_clock(machine);
    adjust_ticker(machine);
}

/* -- Run queues -------------------------------------------------------------------------------------------------- */

static int64_t quantum(uint32_t level)
{
    return QUANTUM_NS * (int64_t)(1 + level / 2);
}

static void enqueue(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    ri_node_insert(&machine->ready[task->level], &task->queue);
    machine->ready_levels |= 1u << task->level;
    machine->ready_count++;
    task->state = RI_TASK_READY;
    task->ready_ns = machine->slice_start_ns;
}

static void dequeue(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    ri_node_remove(&task->queue);
    if (!ri_node_is_linked(&machine->ready[task->level]))
        machine->ready_levels &= ~(1u << task->level);
    machine->ready_count--;
}

/* Who has waited longest at each level, if that was too long, moves up. */
static void age(RiMachine *machine)
{
    uint64_t now = machine->slice_start_ns;
    if (now - machine->last_aging_ns < AGE_NS / 4)
        return;
    machine->last_aging_ns = now;
    for (uint32_t level = 1; level < RI_LEVELS; level++) {
        if (!(machine->ready_levels >> level & 1))
            continue;
        RiTask *task = task_of_queue(machine->ready[level].next);
        if (now - task->ready_ns < AGE_NS || task->ready_ns > now || task->deficit_ns < 0)
            continue; /* who has had more than its share waits with reason */
        dequeue(task);
        task->level = (uint8_t)(level - 1);
        enqueue(task);
    }
}

void ri_sched_switch_alone(RiMachine *machine)
{
    RiProc *proc = machine->current->proc;
    RiTask *before = proc->exclusive;
    proc->exclusive = machine->current;
    ri_sched_switch(machine);
    proc->exclusive = before;
    if (before != NULL || !proc->has_put_off)
        return;
    proc->has_put_off = false;
    if (proc->state == RI_PROC_ALIVE)
        ri_sched_continue_tasks(proc);
}

/* Let it have a new turn. What it owes beyond that it pays by time that others have had since it was last looked at: by looks
 * alone it would soon pay where others hardly use their turns. May it run? */
static bool has_turn(RiTask *task)
{
    uint64_t now = task->proc->machine->slice_start_ns;
    int64_t turn = quantum(task->level), passed = (int64_t)(now - task->owing_ns);
    if (task->deficit_ns > 0)
        return true;
    task->deficit_ns += task->owing_ns == 0 || passed > turn ? turn : passed > 0 ? passed : 0;
    task->owing_ns = now | 1;
    return task->deficit_ns > 0;
}

static RiTask *take(RiTask *task)
{
    dequeue(task);
    task->owing_ns = 0;
    return task;
}

static bool goes_behind(const RiTask *task)
{
    return task->proc->exclusive != NULL && task->proc->exclusive != task;
}

/* `task` is ready, but another of its process must go on first: that one, or NULL if it waits. Then so does this one. */
static RiTask *exclusive_instead_of(RiTask *task)
{
    RiTask *first = task->proc->exclusive;
    if (first->state == RI_TASK_READY) {
        first->deficit_ns = quantum(first->level);
        return first;
    }
    dequeue(task);
    task->state = RI_TASK_BLOCKED;
    task->held = true;
    task->proc->has_put_off = true;
    return NULL;
}

/* The first task of a level that is not in debt; NULL if none is, of those there is time to look at. */
static RiTask *find_at(RiMachine *machine, uint32_t level)
{
    RiNode *ring = &machine->ready[level];
    const RiNode *first = ring->next;
    for (uint32_t seen = 0; seen < LOOKS_MAX && ri_node_is_linked(ring); seen++) {
        RiTask *task = task_of_queue(ring->next);
        if (RI_UNLIKELY(goes_behind(task))) {
            task = exclusive_instead_of(task);
            if (task == NULL) {
                first = ring->next;
                continue;
            }
        }
        if (has_turn(task))
            return task;
        ri_node_remove(&task->queue);
        ri_node_insert(ring, &task->queue);
        if (ring->next == first)
            break;
    }
    return NULL;
}

/* The task whose turn it is; NULL if none is ready. It leaves its queue. */
static RiTask *take_next(RiMachine *machine)
{
    for (uint32_t levels = machine->ready_levels; levels != 0; levels &= levels - 1) {
        RiTask *task = find_at(machine, (uint32_t)__builtin_ctz(levels));
        if (task != NULL)
            return take(task);
    }
    if (machine->ready_levels == 0)
        return NULL;
    RiTask *task = task_of_queue(machine->ready[__builtin_ctz(machine->ready_levels)].next); /* all of them owe */
    if (goes_behind(task))
        task = exclusive_instead_of(task);
    if (task == NULL)
        return take_next(machine);
    task->deficit_ns = quantum(task->level);
    return take(task);
}

/* -- Timers: a binary heap ----------------------------------------------------------------------------------------- */

static void place_timer(RiMachine *machine, uint32_t index, RiTask *task)
{
    machine->timers[index] = task;
    task->timer_index = index + 1;
}

static void sift_up(RiMachine *machine, uint32_t index, RiTask *task)
{
    while (index > 0 && machine->timers[(index - 1) / 2]->wake_ns > task->wake_ns) {
        place_timer(machine, index, machine->timers[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place_timer(machine, index, task);
}

static void sift_down(RiMachine *machine, uint32_t index, RiTask *task)
{
    for (;;) {
        uint32_t child = index * 2 + 1;
        if (child >= machine->timer_count)
            break;
        if (child + 1 < machine->timer_count && machine->timers[child + 1]->wake_ns < machine->timers[child]->wake_ns)
            child++;
        if (machine->timers[child]->wake_ns >= task->wake_ns)
            break;
        place_timer(machine, index, machine->timers[child]);
        index = child;
    }
    place_timer(machine, index, task);
}

static bool grow(void **items, uint32_t *capacity, uint32_t count, size_t item_size)
{
    if (count < *capacity)
        return true;
    uint32_t more = *capacity ? *capacity * 2 : 16;
    void *moved = realloc(*items, more * item_size);
    if (moved == NULL)
        return false;
    *items = moved;
    *capacity = more;
    return true;
}

static bool add_timer(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    if (!grow((void **)&machine->timers, &machine->timer_capacity, machine->timer_count, sizeof *machine->timers))
        return false;
    machine->timer_count++;
    sift_up(machine, machine->timer_count - 1, task);
    return true;
}

static void remove_timer(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    if (task->timer_index == 0)
        return;
    uint32_t index = task->timer_index - 1;
    task->timer_index = 0;
    RiTask *last = machine->timers[--machine->timer_count];
    if (last == task)
        return;
    if (index > 0 && machine->timers[(index - 1) / 2]->wake_ns > last->wake_ns)
        sift_up(machine, index, last);
    else
        sift_down(machine, index, last);
}

/* -- Waiting ----------------------------------------------------------------------------------------------------- */

static RiNode *ring_of(const RiMachine *machine, const void *channel)
{
    uint64_t hash = (uint64_t)(uintptr_t)channel * 0x9e3779b97f4a7c15u;
    return &machine->channels[(hash >> 32) & machine->channel_mask];
}

/* As many rings as there are waiting tasks. False only if there are none at all. */
static bool reserve_channels(RiMachine *machine)
{
    if (machine->channels != NULL && machine->channel_waiters <= machine->channel_mask)
        return true;
    uint32_t count = machine->channels != NULL ? (machine->channel_mask + 1) * 4 : 64;
    RiNode *old = machine->channels, *rings = malloc(count * sizeof *rings);
    if (rings == NULL)
        return old != NULL;
    for (uint32_t i = 0; i < count; i++)
        ri_node_init(&rings[i]);
    uint32_t old_count = old != NULL ? machine->channel_mask + 1 : 0;
    machine->channels = rings;
    machine->channel_mask = count - 1;
    for (uint32_t i = 0; i < old_count; i++) {
        while (ri_node_is_linked(&old[i])) {
            RiTask *task = task_of_queue(old[i].next);
            ri_node_remove(&task->queue);
            ri_node_insert(ring_of(machine, task->channel), &task->queue);
        }
    }
    free(old);
    return true;
}

static void remove_fd_waiter(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    if (task->fd_index == 0)
        return;
    RiTask *last = machine->fd_waiters[--machine->fd_waiter_count];
    machine->fd_waiters[task->fd_index - 1] = last;
    last->fd_index = task->fd_index;
    task->fd_index = 0;
}

/* Take a task off everything it waits for. */
static void stop_waiting(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    if (task->channel != NULL) {
        ri_node_remove(&task->queue);
        machine->channel_waiters--;
        task->channel = NULL;
    }
    remove_timer(task);
    remove_fd_waiter(task);
}

void ri_sched_forget_task(RiTask *task)
{
    if (task == task->proc->machine->current)
        ri_sched_forget_current(task->proc->machine);
    else if (task->state == RI_TASK_READY)
        dequeue(task);
    else
        stop_waiting(task);
}

int ri_task_wait(RiTask *task, const void *channel, uint64_t wake_ns, int32_t fd, uint32_t events)
{
    RiMachine *machine = task->proc->machine;
    ri_assert(task->state == RI_TASK_RUNNING);
    task->timed_out = task->interrupted = false;
    task->wake_ns = wake_ns;
    task->fd = fd;
    task->fd_events = events;
    if (task->proc->doom != RI_DOOM_NONE)
        return 0; /* it will not wait: the safe point ends it */
    task->state = RI_TASK_BLOCKED;
    if (channel != NULL) {
        if (!reserve_channels(machine))
            goto fail;
        task->channel = channel;
        ri_node_insert(ring_of(machine, channel), &task->queue);
        machine->channel_waiters++;
    }
    if (wake_ns != 0 && !add_timer(task))
        goto fail;
    if (fd >= 0) {
        if (!grow((void **)&machine->fd_waiters, &machine->fd_waiter_capacity, machine->fd_waiter_count,
                  sizeof *machine->fd_waiters))
            goto fail;
        machine->fd_waiters[machine->fd_waiter_count++] = task;
        task->fd_index = machine->fd_waiter_count;
    }
    return 0;
fail:
    stop_waiting(task);
    task->state = RI_TASK_RUNNING;
    return -EAGAIN;
}

/* Its tasks are not to run, though some could. A process that is to end runs to its end. */
static bool stands_still(const RiProc *proc)
{
    return (proc->state == RI_PROC_STOPPED || proc->is_held) && proc->doom == RI_DOOM_NONE;
}

/* The running task is woken before it has given up the processor: it just goes on running. */
void ri_task_ready(RiTask *task)
{
    if (task->state != RI_TASK_NEW && task->state != RI_TASK_BLOCKED)
        return;
    RiMachine *machine = task->proc->machine;
    bool was_blocked = task->state == RI_TASK_BLOCKED;
    if (was_blocked)
        stop_waiting(task);
    if (task == machine->current) {
        task->state = RI_TASK_RUNNING;
        return;
    }
    if (stands_still(task->proc)) {
        task->state = RI_TASK_BLOCKED;
        task->held = true;
        return;
    }
    if (was_blocked) { /* who waits much is served first */
        task->level = task->proc->priority;
        if (task->deficit_ns > 0)
            task->deficit_ns = 0;
    }
    enqueue(task);
    adjust_ticker(machine);
}

void ri_sched_hurry(RiTask *task)
{
    if (task->state != RI_TASK_READY || task->level == 0)
        return;
    dequeue(task);
    task->level = 0;
    enqueue(task);
}

/* A stopped task is BLOCKED and waits for nothing; one that waits goes on waiting, and what wakes it is remembered by
 * ri_task_ready leaving it in the same state. */
void ri_sched_stop_tasks(RiProc *proc)
{
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        RiTask *task = ri_task_of_node(node);
        if (task->state == RI_TASK_READY) {
            dequeue(task);
            task->state = RI_TASK_BLOCKED;
            task->held = true;
        }
    }
}

void ri_sched_continue_tasks(RiProc *proc)
{
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        RiTask *task = ri_task_of_node(node);
        if (task->held) {
            task->held = false;
            ri_task_ready(task);
        }
    }
}

void ri_proc_hold(RiProc *proc, bool hold)
{
    proc->is_held = hold;
    if (hold)
        ri_sched_stop_tasks(proc);
    else if (proc->state != RI_PROC_STOPPED)
        ri_sched_continue_tasks(proc);
}

uint32_t ri_wake(RiMachine *machine, const void *channel, uint32_t count)
{
    if (machine->channel_waiters == 0)
        return 0;
    RiNode *ring = ring_of(machine, channel);
    uint32_t woken = 0;
    for (RiNode *node = ring->next, *next; node != ring && woken < count; node = next) {
        next = node->next;
        RiTask *task = task_of_queue(node);
        if (task->channel == channel) {
            ri_task_ready(task);
            woken++;
        }
    }
    return woken;
}

void ri_task_interrupt(RiTask *task)
{
    if (task->state == RI_TASK_BLOCKED) {
        task->interrupted = true;
        task->held = false;
        ri_task_ready(task);
    }
}

static void wake_sleepers(RiMachine *machine)
{
    if (machine->timer_count == 0)
        return;
    uint64_t now = ri_host_monotonic_ns();
    while (machine->timer_count > 0 && machine->timers[0]->wake_ns <= now) {
        machine->timers[0]->timed_out = true;
        ri_task_ready(machine->timers[0]);
    }
}

/* Wake those whose descriptors are ready, waiting up to timeout_ns (-1: for ever) for the first. */
static void poll_descriptors(RiMachine *machine, int64_t timeout_ns)
{
    enum { FEW = 16 };
    RiHostPoll few[FEW], *polls = few;
    uint32_t count = machine->fd_waiter_count, all = count + (machine->request_fd >= 0);
    if (all > FEW && (polls = malloc(all * sizeof *polls)) == NULL) {
        polls = few; /* some of them, then */
        all = FEW;
        count = FEW - (machine->request_fd >= 0);
    }
    for (uint32_t i = 0; i < count; i++)
        polls[i] = (RiHostPoll){.fd = machine->fd_waiters[i]->fd, .events = (short)machine->fd_waiters[i]->fd_events};
    if (all > count)
        polls[count] = (RiHostPoll){.fd = machine->request_fd, .events = RI_HOST_READ};
    machine->stats.polls++;
    if (ri_host_poll(polls, all, timeout_ns) > 0) {
        for (uint32_t i = count; i-- > 0;) { /* from the end: removal moves the last one */
            if (polls[i].revents == 0)
                continue;
            RiTask *task = machine->fd_waiters[i];
            task->fd_events = (uint32_t)polls[i].revents;
            ri_task_ready(task);
        }
    }
    if (polls != few)
        free(polls);
}

/* Nobody is ready: wait for a time or a descriptor. False if nothing can ever happen again. */
static bool idle(RiMachine *machine)
{
    uint64_t alarm = ri_signal_next_alarm_ns(machine), event = ri_devices_next_ns(machine);
    uint64_t deadline = ri_machine_check_deadlines(machine);
    if (machine->ready_count > 0)
        return true; /* to die */
    if (deadline != RI_NO_LIMIT && (alarm == 0 || deadline < alarm))
        alarm = deadline;
    if (machine->timer_count == 0 && machine->fd_waiter_count == 0 && alarm == 0 && event == 0)
        return false;
    stop_ticker(machine);
    int64_t timeout = -1;
    uint64_t wake = machine->timer_count > 0 ? machine->timers[0]->wake_ns : 0;
    if (alarm != 0 && (wake == 0 || alarm < wake))
        wake = alarm;
    if (event != 0 && (wake == 0 || event < wake))
        wake = event;
    if (wake != 0) {
        uint64_t now = ri_host_monotonic_ns();
        timeout = wake > now ? (int64_t)(wake - now) : 0;
    }
    poll_descriptors(machine, timeout);
    wake_sleepers(machine);
    ri_signal_check_alarms(machine);
    ri_devices_check(machine);
    return true;
}

/* All tasks wait for each other. Somebody has to be told: the first process, whose wait fails. */
static void break_deadlock(RiMachine *machine)
{
    RiTask *task = machine->init != NULL ? machine->init->main : NULL;
    if (task == NULL || task->state != RI_TASK_BLOCKED)
        ri_panic(__FILE__, __LINE__, "no task can ever run again");
    machine->deadlocked = true;
    ri_task_interrupt(task);
}

bool ri_sched_take_deadlock(RiMachine *machine)
{
    bool is_told = machine->deadlocked && machine->current != NULL && machine->current->proc == machine->init;
    if (is_told)
        machine->deadlocked = false;
    return is_told;
}

static void serve_requests(RiMachine *machine)
{
    if (RI_LIKELY(!machine->requested) || machine->on_request == NULL)
        return;
    __atomic_store_n(&machine->requested, 0, __ATOMIC_SEQ_CST);
    if (machine->request_fd >= 0)
        ri_host_notify_clear(machine->request_fd);
    machine->on_request(machine);
}

/* ri_machine_wake was called: however many others are ready. */
static void serve_wake(RiMachine *machine)
{
    if (RI_LIKELY(!machine->woken))
        return;
    machine->woken = false;
    if (machine->init != NULL && machine->init->main != NULL)
        ri_task_interrupt(machine->init->main);
}

/* The next task to run; waits for one. */
static RiTask *choose(RiMachine *machine)
{
    for (;;) {
        serve_requests(machine);
        serve_wake(machine);
        RiTask *task = take_next(machine);
        if (task != NULL)
            return task;
        if (!machine->woken && !idle(machine))
            break_deadlock(machine);
    }
}

void ri_machine_wake(RiMachine *machine)
{
    machine->woken = true;
    machine->tick_due = 1;
}

void ri_machine_request(RiMachine *machine)
{
    __atomic_store_n(&machine->requested, 1, __ATOMIC_SEQ_CST);
    machine->tick_due = 1;
    machine->engine->interrupt(machine);
    if (machine->request_fd >= 0)
        ri_host_notify(machine->request_fd);
}

/* -- Switching --------------------------------------------------------------------------------------------------- */

static void set_current(RiMachine *machine, RiTask *from, RiTask *next)
{
    charge(machine);
    machine->current = next;
    next->state = RI_TASK_RUNNING;
    next->proc->usage.switches++;
    machine->stats.switches++;
    machine->engine->switch_to(machine, from, next);
    note_ends(machine);
    adjust_ticker(machine);
}

static void worker_main(void *argument);

/* See that there is a worker stack to be taken. False: no memory for one. */
static bool reserve_context(RiMachine *machine)
{
    if (machine->free_contexts != NULL)
        return true;
    RiContext *context = ri_context_new(worker_main, machine);
    if (context == NULL)
        return false;
    if (!machine->engine->stack_made(machine, context)) {
        ri_context_free(context);
        return false;
    }
    machine->context_count++;
    context->next = NULL;
    machine->free_contexts = context;
    machine->free_context_count = 1;
    return true;
}

/* A worker stack for a task that has none. It has been reserved. */
static RiContext *take_context(RiMachine *machine)
{
    RiContext *context = machine->free_contexts;
    ri_assert(context != NULL);
    machine->free_contexts = context->next;
    machine->free_context_count--;
    return context;
}

static void free_context(RiMachine *machine, RiContext *context)
{
    machine->engine->stack_gone(machine, context);
    ri_context_free(context);
    machine->context_count--;
}

/* `context` has nothing to do: it waits in worker_main. */
static void put_context(RiMachine *machine, RiContext *context)
{
    if (machine->free_context_count >= FREE_CONTEXTS_MAX)
        free_context(machine, take_context(machine)); /* another: this one may be running */
    context->next = machine->free_contexts;
    machine->free_contexts = context;
    machine->free_context_count++;
}

/* Leave the running native stack, with `kept` suspended on it (NULL: nothing), for what `next`, which is current already,
 * needs. */
static void switch_stacks(RiMachine *machine, RiTask *kept, RiTask *next)
{
    RiContext *from = machine->context;
    RiContext *to = next->is_kept ? next->context : take_context(machine);
    next->is_kept = false;
    if (kept == NULL)
        put_context(machine, from);
    machine->context = to;
    machine->engine->stack_switch(machine, from, kept, (char *)__builtin_frame_address(0) - SWITCH_FRAMES_BYTES, to);
    ri_context_switch(from, to);
}

/* Put a task that could go on, but must not now, back into its queue. */
static void requeue(RiTask *task)
{
    if (task->deficit_ns <= 0 && task->level < RI_LEVELS - 1 && task->level < task->proc->priority + DEMOTION_MAX)
        task->level++; /* it used all of its turn */
    else if (task->level < task->proc->priority)
        task->level = task->proc->priority; /* it had aged */
    if (stands_still(task->proc))
        task->state = RI_TASK_BLOCKED, task->held = true;
    else
        enqueue(task);
}

/* The stack of tasks that leave nothing on it: one runs after the other. */
static void worker_main(void *argument)
{
    RiMachine *machine = argument;
    for (;;) {
        RiTask *task = machine->current;
        RiRunResult result = machine->engine->run(task);
        leave_current(machine);
        if (result == RI_RUN_EXITED)
            task = NULL; /* it is gone */
        else if (task->state == RI_TASK_RUNNING) /* pre-empted, or woken on its way */
            requeue(task);
        RiTask *next = choose(machine);
        set_current(machine, task, next);
        if (next->is_kept)
            switch_stacks(machine, NULL, next);
    }
}

void ri_sched_switch(RiMachine *machine)
{
    RiTask *task = machine->current;
    if (!reserve_context(machine)) { /* nobody else can run: neither can what waits for others */
        if (task->state != RI_TASK_RUNNING)
            ri_proc_doom(task->proc, RI_DOOM_MEMORY, 0);
        return;
    }
    leave_current(machine);
    if (task->state == RI_TASK_RUNNING)
        requeue(task);
    RiTask *next = choose(machine);
    if (next == task) { /* woken while it was looking for others, or nobody else is ready */
        charge(machine);
        machine->current = task;
        task->state = RI_TASK_RUNNING;
        return;
    }
    task->context = machine->context;
    task->is_kept = true;
    set_current(machine, task, next);
    switch_stacks(machine, task, next);
}

bool ri_sched_adopt_host(RiMachine *machine)
{
    ri_context_init_host(&machine->host);
    machine->context = &machine->host;
    return machine->engine->stack_made(machine, &machine->host);
}

void ri_sched_enter(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    ri_assert(machine->current == NULL && task->state == RI_TASK_NEW && machine->host.owner != NULL);
    task->is_host = true;
    machine->thread_clock = ri_host_thread_clock();
    machine->slice_start_ns = slice_clock(machine);
    set_current(machine, NULL, task);
}

void ri_sched_leave(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    ri_assert(machine->current == task && machine->context == &machine->host);
    charge(machine);
    stop_ticker(machine);
    machine->current = NULL;
}

void ri_sched_end_ticks(RiMachine *machine)
{
    stop_ticker(machine);
}

void ri_sched_check_limits(RiMachine *machine)
{
    if (machine->limits_due) {
        machine->limits_due = 0;
        ri_proc_check_limits(machine->current->proc);
    }
}

bool ri_sched_tick(RiMachine *machine)
{
    if (machine->gives_way) {
        machine->gives_way = false;
        if (machine->ready_count > 0)
            return true;
    }
    if (!machine->tick_due)
        return false;
    machine->tick_due = 0;
    machine->stats.ticks++;
    serve_requests(machine);
    serve_wake(machine);
    RiTask *task = machine->current;
    charge(machine);
    wake_sleepers(machine);
    if (machine->fd_waiter_count > 0)
        poll_descriptors(machine, 0);
    ri_signal_check_alarms(machine);
    ri_devices_check(machine);
    ri_proc_check_limits(task->proc);
    note_ends(machine);
    if (!wants_ticks(machine))
        stop_ticker(machine);
    if (machine->ready_count == 0)
        return false;
    age(machine);
    bool is_over = task->deficit_ns <= 0 || (uint32_t)__builtin_ctz(machine->ready_levels) < task->level;
    if (is_over) {
        machine->stats.preemptions++;
        task->proc->usage.preemptions++;
    }
    return is_over;
}

void ri_sched_init(RiMachine *machine)
{
    for (uint32_t level = 0; level < RI_LEVELS; level++)
        ri_node_init(&machine->ready[level]);
    ri_node_init(&machine->timed_jobs);
}

void ri_sched_destroy(RiMachine *machine)
{
    ri_job_release(machine->debtor);
    ri_ticker_free(machine->ticker);
    while (machine->free_contexts != NULL) {
        RiContext *context = machine->free_contexts;
        machine->free_contexts = context->next;
        free_context(machine, context);
    }
    if (machine->host.owner != NULL)
        machine->engine->stack_gone(machine, &machine->host);
    free(machine->timers);
    free(machine->fd_waiters);
    free(machine->channels);
}
