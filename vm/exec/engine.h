/* Lua processes as the machine's processes: the engine that the machine runs (machine/engine.h).
 *
 * A guest thread is an RiTask with an RiThread of its own. It needs a native stack only while it runs, or while it waits
 * inside a C call that calls Lua (a nested ri_run): then the stack is kept as it is. Otherwise its whole state lies on
 * its VM stack, and it parks: the dispatch loop returns, and the native stack serves the next task. */
#ifndef RI_EXEC_ENGINE_H
#define RI_EXEC_ENGINE_H

#include "vm/exec/native.h"
#include "vm/machine/engine.h"

#define RI_BUDGET_SLICE 10000 /* safe points between two looks at what is due */

/* The engine's part of a task: malloc'ed, reached by RiTask.engine. */
typedef struct RiExecTask {
    RiThread *first;      /* the thread it began with; process->main or in process->threads */
    RiThread *running;    /* while it is not: first, or the coroutine that ran */
    struct RiJump *jumps; /* the same for what RiProcess holds of the running task */
    uint32_t c_depth;
    int32_t budget;
    uint32_t nargs;       /* of the function that waits to be called on first's stack */
    bool started;
    bool parked;          /* ri_park was called */
    bool resumes_library; /* it goes on with the `resume` of its current library frame */
    uint32_t result_count;
    RiProcess *next;      /* what its process is to become (exec), once its code has been left */
    char *exec_text;      /* of an exec system call to be carried out: path, arguments, each ended by NUL; malloc'ed */
    size_t exec_size;
    bool is_fork;         /* it is a child just made by fork: sys.call has to know */
    bool ok;              /* it ended without an error */
    const void *native_sp, *native_limit; /* while switched away: the heap's */
} RiExecTask;

static inline RiExecTask *ri_exec_task(const RiThread *T) /* of the running task; NULL without a machine */
{
    RiTask *task = ri_current_task(T);
    return task != NULL ? task->engine : NULL;
}

/* Something a process has been sent, or is to be given: in a mailbox. */
typedef struct RiMessage {
    RiObject object; /* RI_TAG_BLOCK */
    struct RiMessage *next;
    RiValue value;
    uint32_t sender; /* pid */
    uint64_t bytes;
} RiMessage;

/* A machine for `process`, which becomes pid 1 and the current task on the host thread's own stack. False if memory is
 * short. */
bool ri_machine_attach(RiProcess *process, const RiMachineConfig *config, const char *name);
/* The machine of the process goes, and all its other processes with it. */
void ri_machine_detach(RiProcess *process);

/* A new process of T's machine, child of T's, with libraries and nothing to run yet: NULL and errno. `name` for people. */
RiProcess *ri_process_spawn(RiThread *T, const char *name);
/* Its main thread is to call `function` with `nargs` values, pushed by the caller after ri_process_prepare; errors end it
 * with status 1 and a message. Then ri_process_start. */
void ri_process_prepare(RiProcess *process, RiValue function);
void ri_process_start(RiProcess *process, uint32_t nargs);
/* A process that is not to be started after all. */
void ri_process_abandon(RiProcess *process);

/* The engine's part of a task whose code begins in `first`. NULL: no memory. */
RiExecTask *ri_exec_task_new(RiTask *task, RiThread *first);
/* Let the engine know the limits of a process that has just got its RiProcess. */
void ri_process_take_limits(RiProc *proc);
extern const struct RiSysHooks ri_exec_sys_hooks; /* system calls that the engine carries out: fork.c */

/* fork, called by a library function of T's current frame: returns the number of the child, in which the `resume` of that
 * function is entered; 0 and *refusal, or NULL and errno. */
uint32_t ri_process_fork(RiThread *T, RiString **refusal);

/* exec: the process goes on as `next` (from ri_process_spawn_image, prepared, with nargs values pushed), whose caller's code
 * is never returned to. Its other threads end first. */
RI_NORETURN void ri_process_replace(RiThread *T, RiProcess *next, uint32_t nargs);
/* A process to become: libraries and nothing to run yet, of no machine. NULL: no memory. */
RiProcess *ri_process_new_image(RiThread *T);
/* After RI_KILLED, on the host's stack: if T's process has been replaced, it is now: the new main thread, with a function and
 * *nargs arguments to be called; NULL: it has not. */
RiThread *ri_process_become(RiThread *T, uint32_t *nargs);

/* One more thread in T's process: it calls the function with the arguments, which lie below T->top. NULL, errno. */
RiTask *ri_thread_spawn(RiThread *T, RiValue function, const RiValue *args, uint32_t nargs);

/* A task that parked runs again: what has come meanwhile is dealt with before its code goes on. */
void ri_task_resumes(RiThread *T);
/* Call the handlers of the signals that are due, on T. May throw what they throw. In sigcall.c. */
void ri_run_signal_handlers(RiThread *T);
/* With a limit of fuel: the next part of it, or the end of the process. */
int32_t ri_take_fuel(RiProcess *process);
/* Where no safe point can be: look whether a limit of time has passed, which throws. */
void ri_check_limits(RiThread *T);
/* Is this error, which nobody has caught, the first excess of a limit of memory? Then the process ends by that. */
bool ri_is_memory_limit(const RiThread *T, RiValue error);
/* Throw RI_KILLED if the process is doomed. */
void ri_check_doom(RiThread *T);
/* End the current process now: never returns. */
RI_NORETURN void ri_process_exit(RiThread *T, int32_t status);

/* May no further message be sent to it for now? Who waits for room waits at &process->message_count. */
bool ri_mailbox_is_full(const RiProcess *process);
/* Put a message into a mailbox and wake whoever waits for it. The value is the receiver's already. Collects. */
void ri_mailbox_put(RiProcess *to, RiValue value, uint32_t sender);
/* Take the first message of `sender` (0: anybody). False if there is none. */
bool ri_mailbox_take(RiProcess *process, uint32_t sender, RiValue *value, uint32_t *from);

#endif
