/* Guest processes and their threads (tasks): life, death, kinship, waiting.
 *
 *     ALIVE  --exit, kill-->  ZOMBIE  --wait by the parent-->  gone (orphans: pid 1 waits)
 *       ^ STOP, CONT
 *       v
 *     STOPPED
 *
 * A process is what owns: address space, descriptors, signals, capabilities, limits, children. A task is what runs: one
 * per guest thread. States of a task: READY (in a run queue), RUNNING, BLOCKED (waiting for a channel, a descriptor or a
 * time), DEAD. */
#ifndef RI_MACHINE_PROC_H
#define RI_MACHINE_PROC_H

#include "vm/machine/machine.h"

typedef enum RiTaskState { RI_TASK_NEW, RI_TASK_READY, RI_TASK_RUNNING, RI_TASK_BLOCKED, RI_TASK_DEAD } RiTaskState;
typedef enum RiProcState { RI_PROC_ALIVE, RI_PROC_STOPPED, RI_PROC_ZOMBIE } RiProcState;

/* Why a process was ended from outside; 0: it was not. In the order of severity. */
typedef enum RiDoom {
    RI_DOOM_NONE,
    RI_DOOM_EXIT,     /* exit was called in one of its threads */
    RI_DOOM_SIGNAL,   /* by proc->doom_signal */
    RI_DOOM_MEMORY,
    RI_DOOM_CPU,
    RI_DOOM_FUEL,
    RI_DOOM_TIME,     /* wall deadline */
    RI_DOOM_OUTPUT,   /* bytes written */
    RI_DOOM_COUNT
} RiDoom;

#define RI_STATUS_STOPPED 137 /* exit status of who was ended by a limit */

/* Limits, their order that of getrlimit's resources; UINT64_MAX: none. */
typedef enum RiLimit {
#define LIMIT(id, name, unit, doc) RI_LIMIT_##id,
#include "vm/machine/limits.def"
#undef LIMIT
    RI_LIMIT_COUNT
} RiLimit;
#define RI_NO_LIMIT UINT64_MAX

/* Interval timers: by the wall clock (ALRM), by the processor time of the process (VTALRM). */
typedef enum RiItimer { RI_ITIMER_REAL, RI_ITIMER_VIRTUAL, RI_ITIMER_COUNT } RiItimer;

typedef struct RiUsage {
    uint64_t cpu_ns;          /* of the dead tasks and of slices that have ended */
    uint64_t children_cpu_ns; /* of children waited for */
    uint64_t start_ns;        /* host's monotonic clock */
    uint64_t switches, preemptions, faults, syscalls, signals, messages_sent, messages_received, output_bytes;
    uint64_t fuel;            /* safe points passed */
} RiUsage;

struct RiTask {
    RiNode queue;          /* in a run queue, or at a channel */
    RiNode of_proc;        /* proc->tasks */
    RiProc *proc;
    uint32_t tid;
    uint8_t state;         /* RiTaskState */
    uint8_t level;         /* the run queue it belongs in now; ages towards 0 */
    bool is_kept;          /* it is suspended on `context`; else it parked without a native stack */
    bool is_host;          /* it runs on the host thread's own stack, which cannot be given away */
    bool detached;
    bool cancelled;        /* this thread alone is to end, as if its process were doomed */
    bool held;             /* its process is stopped: it would be ready otherwise */
    bool timed_out;        /* of its last wait */
    bool interrupted;      /* its last wait was ended by a signal or a kill */
    RiContext *context;
    const void *channel;   /* what it waits for: any address; NULL: nothing but time or descriptor */
    uint64_t wake_ns;      /* monotonic; 0: no time set */
    uint32_t timer_index;  /* 1 + index in machine->timers; 0: not there */
    uint32_t fd_index;     /* 1 + index in machine->fd_waiters; 0: not there */
    int32_t fd;            /* host descriptor waited for; -1: none */
    uint32_t fd_events;    /* RI_POLL_… that it waits for, then those that came */
    int64_t deficit_ns;    /* what it may still use of its turn */
    uint64_t owing_ns;     /* in debt: when it was last looked at; 0: not since it ran */
    uint64_t ready_ns;     /* since when it is ready: for aging */
    uint64_t pending, mask; /* signals sent to this thread; signals held back. Bit n-1: signal n */
    uint64_t cpu_ns;
    void *engine;          /* exec: the RiThread; not collected memory's only reference: exec roots it by its process */
};

/* What some limits count together: a process and its descendants from when the limit was set on, however they have been
 * orphaned. So nobody gets more by having children. */
typedef struct RiJob {
    struct RiJob *outer; /* the one around it; NULL: none */
    uint32_t owner;      /* pid of the process whose limits these are */
    uint32_t references; /* processes and inner jobs */
    uint32_t process_count;
    uint64_t process_limit;
    uint64_t cpu_ns;     /* that its processes have used, the dead ones too */
    uint64_t cpu_limit_ns;
    uint64_t wall_end_ns; /* monotonic; RI_NO_LIMIT: no deadline */
    RiNode timed;        /* in machine->timed_jobs while it has one */
} RiJob;

struct RiProc {
    RiMachine *machine;
    uint32_t pid;
    uint8_t state;         /* RiProcState */
    uint8_t doom;          /* RiDoom: set once; from then on none of its code runs */
    uint8_t doom_signal;
    bool is_held;          /* stands still for the embedding program: ri_proc_hold */
    uint8_t priority;      /* 0 … RI_LEVELS - 1, 4 is usual: where its tasks start */
    int32_t exit_status;   /* 0 … 255 */
    bool reported_stop;    /* wait has told of the stop */
    bool is_orphan;        /* its parent has died: nobody asks for its status */
    bool is_awaited;       /* somebody waits, or has waited, for a message of it and of nobody else … */
    bool is_awaited_by_others; /* … and is not its parent */
    uint32_t task_count;   /* its address is the channel for joining threads */
    RiTask *exclusive;     /* while this one is suspended deep in C code, the others of the process do not run */
    bool has_put_off;      /* some of these were ready, and are held (RiTask.held) until it goes on */
    RiNode tasks;          /* RiTask.of_proc */
    RiTask *main;          /* NULL when it has ended */
    RiProc *parent;        /* NULL: pid 1 */
    RiNode children;       /* RiProc.sibling */
    RiNode sibling;
    RiProc *next_in_bucket; /* machine->table */
    uint32_t child_count;
    struct RiJob *job;     /* what it is counted with: itself, its descendants, and those of whoever set the limit */
    char *name;            /* for people: the script; malloc'ed */
    uint64_t limits[RI_LIMIT_COUNT];
    RiUsage usage;
    uint64_t pending;      /* signals sent to the process */
    uint8_t *actions;      /* RI_SIGNAL_COUNT of RiSignalAction; NULL: all default */
    struct RiSpace *space;   /* address space: space.h; NULL until first mapped */
    struct RiFiles *files;   /* descriptors: file.h; NULL until first used */
    struct RiPolicy *policy; /* capabilities: policy.h; NULL: everything is allowed */
    char mailbox;          /* its address is the channel for who waits for messages; the engine keeps these */
    RiNode alarms;         /* in machine->alarms while one of these is set */
    uint64_t alarm_ns[RI_ITIMER_COUNT];    /* when it goes off next, by its clock; 0: not set */
    uint64_t interval_ns[RI_ITIMER_COUNT]; /* and then again; 0: once */
    uint64_t memory_bytes; /* of pages and buffers charged to it; objects are the engine's */
    void *engine;          /* exec: the RiProcess */
    void *handle;          /* the embedding program's, for machine->owner; NULL: none */
};

/* Is it the first process's job, which the whole machine's use of the processor is counted with? */
static inline bool ri_job_is_all(const RiMachine *machine, const RiJob *job)
{
    return machine->init != NULL && job->owner == machine->init->pid;
}

/* -- Making and finding ---------------------------------------------------------------------------------------- */
/* A new process with one task (NEW), child of `parent` (NULL: it becomes pid 1). Inherits limits, priority, policy; not
 * descriptors, space or signals: their files copy them. NULL, with errno EAGAIN (too many) or ENOMEM. */
RiProc *ri_proc_new(RiMachine *machine, RiProc *parent, const char *name);
void ri_proc_set_name(RiProc *proc, const char *name); /* a copy; no effect if memory is short */
RiTask *ri_task_new(RiProc *proc); /* one more thread; NULL, errno */
RiProc *ri_proc_find(RiMachine *machine, uint32_t pid);
static inline RiTask *ri_task_of_node(RiNode *node) /* of proc->tasks */
{
    return (RiTask *)(void *)((char *)node - offsetof(RiTask, of_proc));
}
static inline RiProc *ri_proc_of_node(RiNode *node) /* of parent->children */
{
    return (RiProc *)(void *)((char *)node - offsetof(RiProc, sibling));
}

/* Set a limit; the new value counts at once. PROCESSES, CPU and TIME make the process begin a job of its own. Errors:
 * -ENOMEM. */
RI_MUST_CHECK int ri_proc_set_limit(RiProc *proc, RiLimit limit, uint64_t value);

/* -- Ending ---------------------------------------------------------------------------------------------------- */
/* The task's code has ended; the engine calls this last. When it was the main task or the last one, the process ends
 * with `status`. */
void ri_task_finish(RiTask *task, int32_t status);
/* End this thread alone, at its next safe point. */
void ri_task_cancel(RiTask *task);
/* A task that was never made ready goes again. */
void ri_task_forget(RiTask *task);
/* End a process whatever it does. Its running or suspended code is abandoned: immediately if it runs elsewhere or waits;
 * if it is the current one, at its next safe point (the engine sees proc->doom). Idempotent: the first reason counts. */
void ri_proc_doom(RiProc *proc, RiDoom doom, int32_t status_or_signal);
/* Look whether a limit of time has been exceeded, its own or its jobs': dooms it, and all others of the job. Called at
 * ticks. */
void ri_proc_check_limits(RiProc *proc);
/* Count buffers or pages (negative: no longer) against its limit of memory, before they are taken. 0 or -ENOMEM. Collects. */
int ri_proc_charge(RiProc *proc, int64_t bytes);
/* Charge it with processor time that a program of the host has used for it. */
void ri_proc_charge_cpu(RiProc *proc, uint64_t cpu_ns);
/* Deadlines of jobs: end those that have passed; the next one, by the monotonic clock, RI_NO_LIMIT if there is none. */
uint64_t ri_machine_check_deadlines(RiMachine *machine);
void ri_job_release(RiJob *job); /* gives back a reference; NULL is ignored */
/* All tasks are gone (the engine and ri_task_finish call it): become a zombie, tell the parent, give children to pid 1. */
void ri_proc_zombie(RiProc *proc);
/* A zombie's status has been taken: the last of it goes. */
void ri_proc_reap(RiProc *proc);
/* The process goes whatever its state, without a word to anybody: for the end of the machine. */
void ri_proc_forget(RiProc *proc);
/* Call fn for every process that dies, to give back what it holds in some part of the machine. At most 8. */
void ri_machine_on_death(RiMachine *machine, void (*fn)(RiProc *proc));

/* "memory limit 32 MiB", "cpu limit 300 ms", "signal 9 (KILL)": why it was ended. */
void ri_doom_describe(const RiProc *proc, char *out, size_t size);
extern const char *const ri_limit_names[RI_LIMIT_COUNT];

/* May `from` send signals to `to`, or change its priority? Itself and its descendants; the first process everybody. */
bool ri_proc_may_signal(const RiProc *from, const RiProc *to);

/* -- Waiting for children -------------------------------------------------------------------------------------- */
/* A child of `proc` that has something to report: a zombie, or (with `stopped`) one stopped since the last report.
 * pid 0: any. NULL and errno: ECHILD if there is none to wait for, EAGAIN if none has anything to report yet. The
 * channel to sleep at is &proc->children. */
RiProc *ri_proc_reportable(RiProc *proc, uint32_t pid, bool stopped);

#endif
