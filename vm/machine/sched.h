/* The scheduler: who runs next. Multi-level queue: a task waits in the ring of its level, 0 the most urgent; within a
 * ring turns go round, and a task whose turns have cost more than a quantum (a collection it caused, say) sits out until
 * others have had as much: deficit round robin. Who has waited for long moves up a level (aging).
 *
 * Giving up the processor is done in one of two ways:
 *  - the engine returns RI_RUN_PARKED from run: nothing of the task is on the native stack, which goes on with another;
 *  - ri_sched_switch is called from deep inside C: the native stack is kept, with all that is on it, until the task runs
 *    again. Tasks that wait in this way cost a stack each. */
#ifndef RI_MACHINE_SCHED_H
#define RI_MACHINE_SCHED_H

#include "vm/machine/proc.h"

/* Events of a descriptor. */
enum { RI_POLL_READ = 1, RI_POLL_WRITE = 4, RI_POLL_ERROR = 8 };

void ri_sched_init(RiMachine *machine);
void ri_sched_destroy(RiMachine *machine);

/* Put a task that is NEW or BLOCKED into its run queue; a READY or RUNNING one stays as it is. */
void ri_task_ready(RiTask *task);

/* Declare that the current task waits: for `channel` (may be NULL), until `wake_ns` (monotonic; 0: for ever), for host
 * descriptor `fd` (-1: none) to have one of `events`. It goes on running until it parks or switches; a wake-up in between
 * is not lost. Afterwards task->timed_out, ->interrupted, ->fd_events tell what happened; the condition is to be
 * looked at again, as wake-ups may be spurious. Errors: -EAGAIN if the host refuses to watch fd. */
RI_MUST_CHECK int ri_task_wait(RiTask *task, const void *channel, uint64_t wake_ns, int32_t fd, uint32_t events);
/* Wake all tasks (at most `count`) that wait at a channel. Returns how many there were. */
uint32_t ri_wake(RiMachine *machine, const void *channel, uint32_t count);
/* End the wait of one task, with task->interrupted set. No effect if it does not wait. */
void ri_task_interrupt(RiTask *task);

/* The calling host thread's own stack is one of the machine's from now on. Once, before ri_sched_enter. False: no memory. */
RI_MUST_CHECK bool ri_sched_adopt_host(RiMachine *machine);
/* The host thread enters `task` (NEW) itself, to run its code on the host's own stack (the first process; the C API): it
 * is RUNNING and `current` from now on. ri_sched_leave undoes it. */
void ri_sched_enter(RiTask *task);
void ri_sched_leave(RiTask *task);
/* The tasks of a process that has been stopped leave the run queues, and return to them. */
void ri_sched_stop_tasks(RiProc *proc);
void ri_sched_continue_tasks(RiProc *proc);
/* Let a process stand still, as STOP does but unknown to guests, or go on. The running task goes on until it gives way. */
void ri_proc_hold(RiProc *proc, bool hold);
/* Was the wait of the current task ended because all tasks wait for each other? Told once, to the first process, which
 * fails with a "deadlock" or EDEADLK instead of waiting again. */
bool ri_sched_take_deadlock(RiMachine *machine);
/* Something outside the machine (Ctrl-C) wants the first process to look: its wait is interrupted. May be called from
 * signal handlers. */
void ri_machine_wake(RiMachine *machine);
/* machine->on_request is to be called soon, on the machine's host thread. May be called from any thread and from signal
 * handlers. */
void ri_machine_request(RiMachine *machine);

/* Give up the processor with the native stack kept; returns when the current task has been chosen again. A task that
 * neither waits nor is doomed goes to the end of its queue. Without memory for a native stack for the others it goes on at
 * once; if it waits, its process has come to an end for want of memory. */
void ri_sched_switch(RiMachine *machine);
/* The same in the middle of C code: no other task of the process runs before this one goes on. If it waits for something that
 * only these could bring, nobody else may be able to run: the deadlock is told as others are. */
void ri_sched_switch_alone(RiMachine *machine);
/* A ready task is to run as soon as can be. */
void ri_sched_hurry(RiTask *task);
/* At a safe point: has the current task's turn ended, are timers or descriptors due, limits exceeded? Looks at clocks only
 * when the ticker says so. True: it should give up the processor (park or switch). */
bool ri_sched_tick(RiMachine *machine);
/* Where no safe point can be: are limits exceeded, of the current process? Cheap between ticks. */
void ri_sched_check_limits(RiMachine *machine);
/* Somebody wants ticks (a limit, a timer): count them; the ticker runs while there is one, or more than one task is ready,
 * or somebody waits for a time or a descriptor. */
void ri_sched_want_ticks(RiMachine *machine, bool want);
/* No more ticks: the host process is about to end. */
void ri_sched_end_ticks(RiMachine *machine);
/* The current task is about to be freed: what it has used is charged, and nobody is current. */
void ri_sched_forget_current(RiMachine *machine);
/* A task is about to be freed: it leaves its queue, and whatever it waits for. */
void ri_sched_forget_task(RiTask *task);
/* CPU time the current task's process has used, its running slice included. */
uint64_t ri_proc_cpu_ns(RiProc *proc);

#endif
