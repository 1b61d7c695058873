/* The machine: what all guest processes share. It knows nothing of Lua: a process runs an abstract engine (engine.h).
 *
 * One machine belongs to one host thread at a time. `machine->current` is the task (guest thread) that runs; everything
 * else waits in a run queue (sched.h), at a channel, for a descriptor or for a time. There is no kernel thread: a task
 * that blocks looks for the next one itself and switches to it, or waits in the host's poll when there is none. */
#ifndef RI_MACHINE_MACHINE_H
#define RI_MACHINE_MACHINE_H

#include "vm/base/check.h"
#include "vm/host/context.h"
#include "vm/host/release.h"

typedef struct RiMachine RiMachine;
typedef struct RiProc RiProc;
typedef struct RiTask RiTask;
typedef struct RiEngine RiEngine;
struct RiTraceEvent;
struct RiFile;
typedef uint32_t RiAddr; /* a guest address */

/* A link of a doubly linked ring; a ring's head is a node of its own. */
typedef struct RiNode {
    struct RiNode *next, *prev;
} RiNode;

static inline void ri_node_init(RiNode *node)
{
    node->next = node->prev = node;
}
static inline bool ri_node_is_linked(const RiNode *node) /* or, of a head: is there anything in the ring? */
{
    return node->next != node;
}
static inline void ri_node_insert(RiNode *before, RiNode *node)
{
    node->next = before;
    node->prev = before->prev;
    before->prev->next = node;
    before->prev = node;
}
static inline void ri_node_remove(RiNode *node)
{
    node->next->prev = node->prev;
    node->prev->next = node->next;
    ri_node_init(node);
}

#define RI_LEVELS 8              /* of priority, 0 the most urgent */
#define RI_TICK_NS 1000000u      /* the timer interrupt: 1 ms */

typedef struct RiMachineStats {
    uint64_t switches, preemptions, ticks, forks, spawns, exits, signals, syscalls, messages, polls;
    uint64_t library_calls;   /* of io, os and the loading of files: what a trace shows of them */
} RiMachineStats;

typedef struct RiMachineConfig {
    uint64_t frames_max;      /* of the frame pool, pages; 0: no limit but the host's */
    const char *swap_path;    /* NULL: none */
    uint8_t mmu;              /* RiMmuMode of space.h */
    uint32_t processes_max;   /* 0: 1,000,000 */
} RiMachineConfig;

struct RiMachine {
    const RiEngine *engine;
    void *engine_data;         /* the engine's own (exec: the RiHeap) */
    RiTask *current;           /* NULL outside of any task */
    RiProc *init;              /* pid 1: the first process; orphans are its */
    /* -- Scheduling: sched.c -- */
    RiNode ready[RI_LEVELS];
    uint32_t ready_levels;     /* bit n: ready[n] is not empty */
    uint32_t ready_count;
    RiTask **timers;           /* a heap by wake_ns */
    uint32_t timer_count, timer_capacity;
    RiTask **fd_waiters;       /* tasks that wait for a host descriptor */
    uint32_t fd_waiter_count, fd_waiter_capacity;
    RiNode *channels;          /* rings of tasks that wait at a channel, by hash */
    uint32_t channel_mask, channel_waiters;
    struct RiTicker *ticker;   /* host/ticker.h; NULL until first needed */
    bool ticking;
    bool survives_broken_pipes; /* the host's SIGPIPE may be handled: one process's pipe is not to end the others */
    uint32_t tick_users;       /* limits that want the clock looked at */
    volatile uint32_t tick_due; /* set by the ticker's thread */
    volatile uint32_t limits_due; /* the same, for ri_sched_check_limits */
    int64_t thread_clock;      /* processor time of the host thread that runs tasks: ri_host_thread_clock */
    volatile uint64_t cpu_end_ns, wall_end_ns; /* when limits of time end `current`: by slice_clock in sched.c, by the
                                  monotonic clock; RI_NO_LIMIT: never. For the ticker's thread to see */
    volatile uint64_t all_end_ns; /* the same of the first process's limit of processor time, with which the machine ends:
                                  the time for giving back all memory comes off it. Also when `current` is doomed already */
    uint32_t overdue_ticks;      /* since then; the ticker's thread alone has to do with it */
    void (*overrun)(RiMachine *machine); /* the last resort, from the ticker's thread: this limit was passed several ticks
                                  ago, and what runs has not come to a safe point, or not to its end; or the first process is
                                  doomed and has no way back (os.exit closes it). NULL: there is none */
    void *overrun_data;
    volatile uint64_t ending_ns; /* what that takes: by the ticker's thread */
    uint32_t ending_age;         /* ticks since it was looked at */
    volatile uint32_t frame_count; /* frames there were at the last tick, for the same thread */
    volatile uint32_t temporary_count; /* open temporary files, which the host removes then: for the same thread */
    RiReleaseCost release_cost;
    uint64_t slice_start_ns;   /* when `current` began to run: by slice_clock in sched.c */
    uint64_t last_aging_ns;
    struct RiJob *debtor;      /* pays for the time between two tasks: who ran last. A reference; NULL: nobody */
    bool gives_way;            /* the current task does (process.yield) */
    bool deadlocked;           /* the first process was woken because nobody else ever could */
    volatile bool woken;       /* ri_machine_wake: something outside wants a look */
    volatile int32_t requested; /* ri_machine_request: the embedding program has something to be done */
    int32_t request_fd;        /* host descriptor that becomes readable with it; -1: none */
    RiContext host;            /* the host thread's own stack, as a suspended context */
    RiContext *context;        /* the one running */
    RiContext *free_contexts;  /* worker stacks without work */
    uint32_t context_count, free_context_count;
    /* -- Processes: proc.c -- */
    RiProc **table;            /* by pid, open addressing */
    uint32_t process_count, table_mask;
    uint32_t next_pid, next_tid;
    RiNode timed_jobs;         /* RiJob.timed: limits of time that were set */
    RiNode alarms;             /* RiProc.alarms: with interval timers set */
    void (*on_death[8])(RiProc *proc);
    uint32_t on_death_count;
    RiMachineConfig config;
    /* -- Other parts, each made by its own file at first use -- */
    struct RiFrames *frames;   /* frame.c */
    struct RiShmTable *shm;    /* shm.c */
    struct RiImage *images;    /* image.c: of programs, those that are mapped somewhere */
    struct RiDevices *devices; /* device.c */
    struct RiBufCache *buffers; /* bufcache.h: of all its disks */
    struct RiMounts *mounts;   /* mount.c: the name space of files */
    const struct RiSysHooks *sys_hooks; /* bodies of system calls that other parts have: syscall.h; NULL: none */
    void (*trace)(RiMachine *machine, const struct RiTraceEvent *event); /* NULL: nobody looks. trace.h */
    void *trace_data;
    const struct RiBundle *bundle; /* modules and files that came with the program: exec/bundle.h; NULL: none */
    RiMachineStats stats;
    /* -- The embedding program: vm/embed/rille_machine.c; NULL in the command -- */
    void *owner;
    void (*on_request)(RiMachine *machine); /* requests are to be looked at; also of the command, with `control` */
    struct RiLineServer *control;           /* where they come from: tools/control.c; NULL: none */
    /* Open one of its own devices, "/dev/name", by the flags of open. -ENOENT: it has none of this name. */
    int64_t (*open_device)(RiTask *task, const char *path, uint32_t flags, struct RiFile **file);
    void (*on_process)(RiProc *proc);       /* a process has been made, or has become another program */
    bool (*on_report)(RiProc *proc, const char *text); /* an error that nobody has caught; false: it is to be printed */
};

/* A machine without processes, or NULL if memory is short. */
RiMachine *ri_machine_new(const RiEngine *engine, const RiMachineConfig *config);
/* Processes still alive are destroyed without running any of their code. */
void ri_machine_destroy(RiMachine *machine);

#endif
