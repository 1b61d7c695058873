/* Sending, holding back and taking signals; interval timers. */
#include "vm/machine/signal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/engine.h"
#include "vm/machine/sched.h"

typedef enum Default { NO_SIGNAL, TERMINATE, IGNORE, STOP, CONTINUE } Default;

static const struct {
    const char *name, *doc;
    Default action;
} signals[RI_SIGNAL_COUNT] = {
#define SIGNAL(number, name, action, doc) [number] = {#name, doc, action},
#include "vm/machine/signals.def"
#undef SIGNAL
};

static bool is_signal(uint32_t number)
{
    return number < RI_SIGNAL_COUNT && signals[number].name != NULL;
}

const char *ri_signal_name(uint32_t number)
{
    return is_signal(number) ? signals[number].name : "?";
}

uint32_t ri_signal_number(const char *name)
{
    char upper[16];
    size_t size = strlen(name);
    if (size >= sizeof upper)
        return 0;
    for (size_t i = 0; i <= size; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    const char *plain = strncmp(upper, "SIG", 3) == 0 ? upper + 3 : upper;
    for (uint32_t number = 1; number < RI_SIGNAL_COUNT; number++) {
        if (is_signal(number) && strcmp(signals[number].name, plain) == 0)
            return number;
    }
    return 0;
}

RiSignalAction ri_signal_action(const RiProc *proc, uint32_t number)
{
    return proc->actions != NULL ? (RiSignalAction)proc->actions[number] : RI_SIGNAL_DEFAULT;
}

/* -- Stopping ------------------------------------------------------------------------------------------------------ */

static void tell_parent(RiProc *proc)
{
    if (proc->parent == NULL)
        return;
    ri_wake(proc->machine, &proc->parent->children, UINT32_MAX);
    ri_signal_send(proc->parent, RI_SIGCHLD);
}

/* Its tasks leave the run queues when their turn comes (sched.c). */
static void stop(RiProc *proc)
{
    if (proc->state != RI_PROC_ALIVE)
        return;
    proc->state = RI_PROC_STOPPED;
    proc->reported_stop = false;
    ri_sched_stop_tasks(proc);
    if (proc->machine->current != NULL && proc->machine->current->proc == proc)
        proc->machine->engine->interrupt(proc->machine);
    tell_parent(proc);
}

static void resume(RiProc *proc)
{
    if (proc->state != RI_PROC_STOPPED)
        return;
    proc->state = RI_PROC_ALIVE;
    ri_sched_continue_tasks(proc);
    tell_parent(proc);
}

/* -- Sending ------------------------------------------------------------------------------------------------------- */

/* A thread that would take the signal now, one that is running or ready first; NULL: all mask it. */
static RiTask *taker(RiProc *proc, uint64_t bit)
{
    RiTask *found = NULL;
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        RiTask *task = ri_task_of_node(node);
        if (task->mask & bit)
            continue;
        if (task->state == RI_TASK_RUNNING || task->state == RI_TASK_READY)
            return task;
        if (found == NULL)
            found = task;
    }
    return found;
}

/* The default action of a signal that nobody masks. */
static void act(RiProc *proc, uint32_t number)
{
    switch (signals[number].action) {
    case TERMINATE:
        ri_proc_doom(proc, RI_DOOM_SIGNAL, (int32_t)number);
        break;
    case STOP:
        stop(proc);
        break;
    default:
        break;
    }
}

static void notify(RiTask *task)
{
    RiMachine *machine = task->proc->machine;
    if (task->state == RI_TASK_RUNNING)
        machine->engine->interrupt(machine);
    else
        ri_task_interrupt(task);
}

static bool is_dropped(const RiProc *proc, uint32_t number)
{
    RiSignalAction action = ri_signal_action(proc, number);
    return action == RI_SIGNAL_IGNORED ||
           (action == RI_SIGNAL_DEFAULT && (signals[number].action == IGNORE || signals[number].action == CONTINUE));
}

static void drop_pending(RiProc *proc, uint64_t bits)
{
    proc->pending &= ~bits;
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next)
        ri_task_of_node(node)->pending &= ~bits;
}

/* To the process, or to one of its threads. */
static int send(RiProc *proc, RiTask *task, uint32_t number)
{
    if (number == 0 || proc->state == RI_PROC_ZOMBIE || proc->doom != RI_DOOM_NONE)
        return number == 0 || is_signal(number) ? 0 : -EINVAL;
    if (!is_signal(number))
        return -EINVAL;
    uint64_t bit = ri_signal_bit(number);
    proc->usage.signals++;
    proc->machine->stats.signals++;
    if (number == RI_SIGCONT) {
        drop_pending(proc, ri_signal_bit(RI_SIGTSTP) | ri_signal_bit(RI_SIGSTOP));
        resume(proc);
    } else if (signals[number].action == STOP) {
        drop_pending(proc, ri_signal_bit(RI_SIGCONT));
    }
    if (number == RI_SIGKILL || number == RI_SIGSTOP) {
        act(proc, number);
        return 0;
    }
    if (is_dropped(proc, number))
        return 0;
    RiTask *to = task == NULL ? taker(proc, bit) : task->mask & bit ? NULL : task;
    if (to != NULL && ri_signal_action(proc, number) == RI_SIGNAL_DEFAULT) {
        act(proc, number);
        return 0;
    }
    if (task != NULL)
        task->pending |= bit;
    else
        proc->pending |= bit;
    if (to != NULL)
        notify(to);
    return 0;
}

int ri_signal_send(RiProc *proc, uint32_t number)
{
    return send(proc, NULL, number);
}

int ri_signal_send_task(RiTask *task, uint32_t number)
{
    return send(task->proc, task, number);
}

int ri_signal_set_action(RiProc *proc, uint32_t number, RiSignalAction action)
{
    if (!is_signal(number) || number == RI_SIGKILL || number == RI_SIGSTOP)
        return -EINVAL;
    if (proc->actions == NULL) {
        if (action == RI_SIGNAL_DEFAULT)
            return 0;
        proc->actions = calloc(RI_SIGNAL_COUNT, 1);
        if (proc->actions == NULL)
            return -ENOMEM;
    }
    proc->actions[number] = (uint8_t)action;
    if (is_dropped(proc, number))
        drop_pending(proc, ri_signal_bit(number));
    return 0;
}

void ri_signal_set_mask(RiTask *task, uint64_t mask)
{
    task->mask = mask & ~(ri_signal_bit(RI_SIGKILL) | ri_signal_bit(RI_SIGSTOP));
    if (ri_signal_is_due(task))
        notify(task);
}

uint64_t ri_signal_pending(const RiTask *task)
{
    return task->pending | task->proc->pending;
}

uint32_t ri_signal_take(RiTask *task)
{
    RiProc *proc = task->proc;
    for (;;) {
        uint64_t due = (task->pending | proc->pending) & ~task->mask;
        if (due == 0)
            return 0;
        uint32_t number = (uint32_t)__builtin_ctzll(due) + 1;
        uint64_t bit = ri_signal_bit(number);
        if (task->pending & bit)
            task->pending &= ~bit;
        else
            proc->pending &= ~bit;
        if (is_dropped(proc, number))
            continue;
        if (ri_signal_action(proc, number) == RI_SIGNAL_HANDLED)
            return number;
        act(proc, number);
    }
}

/* -- Interval timers ----------------------------------------------------------------------------------------------- */

static uint64_t timer_clock(RiProc *proc, RiItimer timer)
{
    return timer == RI_ITIMER_REAL ? ri_host_monotonic_ns() : ri_proc_cpu_ns(proc);
}

uint64_t ri_signal_timer_left_ns(RiProc *proc, RiItimer timer)
{
    uint64_t at = proc->alarm_ns[timer], now = timer_clock(proc, timer);
    return at == 0 ? 0 : at > now ? at - now : 1;
}

uint64_t ri_signal_set_timer(RiProc *proc, RiItimer timer, uint64_t value_ns, uint64_t interval_ns)
{
    uint64_t left = ri_signal_timer_left_ns(proc, timer);
    proc->alarm_ns[timer] = value_ns != 0 ? timer_clock(proc, timer) + value_ns : 0;
    proc->interval_ns[timer] = interval_ns;
    bool any = proc->alarm_ns[RI_ITIMER_REAL] != 0 || proc->alarm_ns[RI_ITIMER_VIRTUAL] != 0;
    if (any && !ri_node_is_linked(&proc->alarms)) {
        ri_node_insert(&proc->machine->alarms, &proc->alarms);
        ri_sched_want_ticks(proc->machine, true);
    } else if (!any && ri_node_is_linked(&proc->alarms)) {
        ri_node_remove(&proc->alarms);
        ri_sched_want_ticks(proc->machine, false);
    }
    return left;
}

static void check_timer(RiProc *proc, RiItimer timer, uint32_t number)
{
    uint64_t at = proc->alarm_ns[timer], now;
    if (at == 0 || (now = timer_clock(proc, timer)) < at)
        return;
    uint64_t interval = proc->interval_ns[timer];
    ri_signal_set_timer(proc, timer, interval != 0 ? interval - (now - at) % interval : 0, interval);
    ri_signal_send(proc, number);
}

void ri_signal_check_alarms(RiMachine *machine)
{
    for (RiNode *node = machine->alarms.next, *next; node != &machine->alarms; node = next) {
        next = node->next;
        RiProc *proc = (RiProc *)(void *)((char *)node - offsetof(RiProc, alarms));
        check_timer(proc, RI_ITIMER_REAL, RI_SIGALRM);
        check_timer(proc, RI_ITIMER_VIRTUAL, RI_SIGVTALRM);
    }
}

uint64_t ri_signal_next_alarm_ns(const RiMachine *machine)
{
    uint64_t first = 0;
    for (RiNode *node = machine->alarms.next; node != &machine->alarms; node = node->next) {
        const RiProc *proc = (const RiProc *)(const void *)((const char *)node - offsetof(RiProc, alarms));
        uint64_t at = proc->alarm_ns[RI_ITIMER_REAL];
        if (at != 0 && (first == 0 || at < first))
            first = at;
    }
    return first;
}
