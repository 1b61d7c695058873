/* Signals: sent to a process or to one of its threads, held back by masks, taken at safe points.
 *
 * Of each signal at most one is pending at a time: further ones merge with it. A pending signal is delivered to a thread
 * that does not mask it, lowest number first. KILL and STOP are carried out when they are sent. CONT makes a stopped
 * process go on when it is sent, whatever its action, and removes a pending STOP or TSTP; these remove a pending CONT.
 * A signal that is ignored when it is sent is dropped. Default actions are carried out as soon as some thread does not
 * mask the signal. */
#ifndef RI_MACHINE_SIGNAL_H
#define RI_MACHINE_SIGNAL_H

#include "vm/machine/proc.h"

enum {
#define SIGNAL(number, name, action, doc) RI_SIG##name = number,
#include "vm/machine/signals.def"
#undef SIGNAL
    RI_SIGNAL_COUNT = 33 /* one more than the highest possible number */
};

typedef enum RiSignalAction { RI_SIGNAL_DEFAULT, RI_SIGNAL_IGNORED, RI_SIGNAL_HANDLED } RiSignalAction;

static inline uint64_t ri_signal_bit(uint32_t number)
{
    return (uint64_t)1 << (number - 1);
}

const char *ri_signal_name(uint32_t number);        /* "KILL"; "?" if there is none */
uint32_t ri_signal_number(const char *name);        /* "KILL", "SIGKILL", "kill"; 0 if there is none */

/* Send to a process; number 0 sends nothing. Errors: -EINVAL for a number that is no signal. */
int ri_signal_send(RiProc *proc, uint32_t number);
int ri_signal_send_task(RiTask *task, uint32_t number); /* to this thread alone */
/* Errors: -EINVAL for KILL, STOP and what is no signal; -ENOMEM. */
RI_MUST_CHECK int ri_signal_set_action(RiProc *proc, uint32_t number, RiSignalAction action);
RiSignalAction ri_signal_action(const RiProc *proc, uint32_t number);
/* Replace a thread's mask; KILL and STOP stay out of it. Signals now let through are delivered at its next safe point. */
void ri_signal_set_mask(RiTask *task, uint64_t mask);
uint64_t ri_signal_pending(const RiTask *task); /* its own and the process's */
/* The next signal to be handled by this thread, taken off the pending ones; 0: none. */
uint32_t ri_signal_take(RiTask *task);
/* Is there one? Cheap enough for every slow path of a safe point. */
static inline bool ri_signal_is_due(const RiTask *task)
{
    return ((task->pending | task->proc->pending) & ~task->mask) != 0;
}

/* Set an interval timer: first after value_ns (0: off), then every interval_ns (0: once). Returns what was left. */
uint64_t ri_signal_set_timer(RiProc *proc, RiItimer timer, uint64_t value_ns, uint64_t interval_ns);
uint64_t ri_signal_timer_left_ns(RiProc *proc, RiItimer timer);
/* For the scheduler: send what is due; when the next real timer goes off (monotonic; 0: none is set). */
void ri_signal_check_alarms(RiMachine *machine);
uint64_t ri_signal_next_alarm_ns(const RiMachine *machine);

#endif
