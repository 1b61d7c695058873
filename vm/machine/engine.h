/* What a process runs, and how the machine makes it run: the only way from the machine up to the execution layer. */
#ifndef RI_MACHINE_ENGINE_H
#define RI_MACHINE_ENGINE_H

#include "vm/machine/proc.h"

typedef enum RiRunResult {
    RI_RUN_PARKED, /* the task blocks or was pre-empted, and nothing of it is on the native stack */
    RI_RUN_EXITED  /* its last frame is gone: ri_task_finish has been called */
} RiRunResult;

struct RiEngine {
    /* Run `task` (machine->current) on this native stack, from its start or from where it parked. */
    RiRunResult (*run)(RiTask *task);
    /* `to` will run next on this host thread, after `from` (either may be NULL). Short; no allocation. */
    void (*switch_to)(RiMachine *machine, RiTask *from, RiTask *to);
    /* Make whatever runs reach a safe point soon. Called from other host threads and signal handlers, too. */
    void (*interrupt)(RiMachine *machine);
    /* What runs is past a limit of time, and has not come to a safe point for at least a tick: it is to leave off what can
     * be left off. From the ticker's thread. */
    void (*overdue)(RiMachine *machine);
    /* For the collector: a native stack exists from now on, or no more; the host thread's own among them. False: there is
     * no memory for another. */
    bool (*stack_made)(RiMachine *machine, RiContext *context);
    void (*stack_gone)(RiMachine *machine, RiContext *context);
    /* `from` is about to be left for `to`: with `task` suspended on it (live from `low` up), or (NULL) with nothing. */
    void (*stack_switch)(RiMachine *machine, RiContext *from, RiTask *task, void *low, RiContext *to);
    /* A limit has a new value. May be NULL. */
    void (*limit_changed)(RiProc *proc, RiLimit limit);
    /* The last trace of a task or process goes. The engine's data in it are released here. */
    void (*forget_task)(RiTask *task);
    void (*forget_proc)(RiProc *proc);
    /* Count pages (negative: no longer) against the process's limit of memory, before they are given. 0 or -ENOMEM. NULL:
     * only pages count. */
    int (*charge)(RiProc *proc, int64_t bytes);
    /* The program that the process runs, a word that is its alone while it does; NULL: none that could be saved. May be NULL. */
    const void *(*program)(RiProc *proc);
    /* Save it: take(context, chunk, size) once, what it answers is the result; false: no memory. Collects. */
    bool (*save_program)(RiProc *proc, bool (*take)(void *context, const void *bytes, size_t size), void *context);
};

#endif
