/* What `rille debug` and `rille dap` have in common: breakpoints by line and function, steps, watches, the places where a
 * program stops. How people see it is the front end's: it gets `stopped` and returns when the program is to go on.
 *
 * A front end runs within events of exec/breakpoint.h: on the program's stack, with everything standing still. */
#ifndef RI_TOOLS_DEBUGGER_H
#define RI_TOOLS_DEBUGGER_H

#include "tools/debug_scope.h"
#include "tools/tool.h"
#include "vm/exec/breakpoint.h"
#include "vm/exec/debuginfo.h"

typedef enum RiDebugReason {
    RI_DEBUG_ENTRY,      /* of the program's main function */
    RI_DEBUG_BREAKPOINT,
    RI_DEBUG_STEP,
    RI_DEBUG_FINISHED,   /* the selected function has returned */
    RI_DEBUG_PAUSE,
    RI_DEBUG_ERROR,
    RI_DEBUG_SIGNAL,
    RI_DEBUG_WATCH,      /* a watched expression has another value */
    RI_DEBUG_MEMORY      /* watched bytes of guest memory have been stored to */
} RiDebugReason;

typedef struct RiDebugPoint {
    int id;
    char *file, *function; /* one of them; malloc'ed, as are the other texts */
    int line;              /* asked for */
    int bound;             /* the line with code that it has got; 0: no code has been seen for it yet */
    char *condition;       /* NULL: none */
    char *log;             /* a message instead of a stop, with {expressions} */
    char *hit_condition;   /* "5", ">= 5", "% 3" … */
    uint64_t hits, ignore; /* ignore: so many hits yet to be passed over */
    bool disabled, temporary, is_told; /* is_told: the front end knows that it is bound */
    void *owner;           /* of the front end */
} RiDebugPoint;

typedef struct RiDebugWatch {
    int id;
    char *text;   /* expression; NULL: of memory */
    char *last;   /* its value, as text */
    uint64_t hits;
    RiThread *thread; /* whose frame it was set in, while that lives; NULL: any place will do */
    uint32_t base;
    uint32_t pid, address, size; /* of memory */
    uint8_t bytes[64];
} RiDebugWatch;

typedef struct RiDebugStop {
    RiDebugReason reason;
    RiThread *T;               /* that has met the event, and which can run code */
    const RiDebugPoint *point;
    const RiDebugWatch *watch;
    const char *text;          /* of an error, a signal's name, the old value of a watch; what is wrong with a condition */
    RiValue error;
    bool is_caught, is_idle;   /* is_idle: nothing runs, all wait */
    uint32_t result_count;     /* FINISHED: values on top of T's stack, as far as known */
} RiDebugStop;

typedef enum RiDebugMode { RI_DEBUG_RUN, RI_DEBUG_INTO, RI_DEBUG_OVER, RI_DEBUG_OUT, RI_DEBUG_UNTIL } RiDebugMode;

typedef struct RiDebugSite { /* a breakpoint in the code of one function */
    RiFeedback *feedback;
    uint32_t pc;
    bool is_return;            /* where a frame goes on after a call, in `thread` at `base` */
    bool is_entry;             /* of a function that is stepped into */
    uint32_t base;
    RiThread *thread;
    RiDebugPoint *point;       /* NULL: of a step */
} RiDebugSite;

typedef struct RiDebugSites { /* growing; a root of the collector */
    RiDebugSite *items;
    uint32_t count, capacity;
} RiDebugSites;

#define RI_DEBUG_THREADS 32

typedef struct RiDebugStep {
    RiDebugMode mode;
    RiThread *thread;
    uint32_t base;             /* frames of `thread` up to here, and all of the others below, are stepped in */
    int line;                  /* UNTIL: beyond this one only */
    uint32_t start_base, start_pc; /* where it began */
    int start_line;
    RiThread *others[RI_DEBUG_THREADS]; /* that have resumed it, or that it has resumed */
    uint32_t other_count;
} RiDebugStep;

#define RI_DEBUG_COROUTINES 256

typedef struct RiDebugThread { /* a guest thread, or a coroutine */
    RiThread *thread;
    int id;
    uint32_t pid, tid;
    const char *name; /* of the process */
    bool is_coroutine;
} RiDebugThread;

typedef struct RiDebug RiDebug;
struct RiDebug {
    RiDebugger core;
    RiHeap *heap;
    RiMachine *machine;
    RiTool *tool;
    RiDebugPoint **points;
    uint32_t point_count, point_capacity;
    RiDebugWatch **watches;
    uint32_t watch_count, watch_capacity;
    int next_id;
    RiDebugSites set, steps;   /* of points; of the step under way */
    RiFeedback **known;        /* functions that have been called, oldest first; a root */
    uint32_t known_count, known_capacity;
    RiDebugStep step;          /* a root */
    RiDebugWatch *written;     /* its bytes have been stored to, and the next instruction stops; NULL: none */
    RiThread *coroutines[RI_DEBUG_COROUTINES]; /* the last that were made; a root */
    uint32_t coroutine_count;
    bool stops_at_entry, is_started, catches_caught, catches_uncaught;
    uint64_t signals;          /* to stop at: bit n - 1 */
    bool is_ending;            /* no more stops */
    RiSourceText source;
    void *front;
    void (*stopped)(RiDebug *d, const RiDebugStop *stop);
    void (*logged)(RiDebug *d, RiThread *T, const RiDebugPoint *point, const char *text);
    void (*bound)(RiDebug *d, const RiDebugPoint *point);    /* may be NULL */
    void (*loaded)(RiDebug *d, const RiProto *main);         /* a chunk begins to run; may be NULL */
    void (*served)(RiDebug *d, RiThread *T);                 /* at a safe point after ri_debug_ask; may be NULL */
    volatile bool wants_service, wants_stop;
    bool is_over;              /* the machine is about to go; atomic */
    int askers;                /* within ri_debug_ask; atomic */
};

/* For RiTool.on_machine: watch the machine that has just been made. `debug` is a RiDebug with its front end's members set. */
void ri_debug_attach(struct RiMachine *machine, void *debug);
/* For RiTool.on_close: ri_debug_ask finds nobody from now on. */
void ri_debug_detach(void *debug);
/* Ask for a stop, or (service) for `served`, from another thread or a signal handler. */
void ri_debug_ask(RiDebug *d, bool service);

/* What can be looked at: threads of all processes, with whom they have resumed, and suspended coroutines. Returns how many. */
uint32_t ri_debug_threads(RiDebug *d, RiDebugThread *list, uint32_t limit);

/* -- Breakpoints ------------------------------------------------------------------------------------------------------ */
/* A new one, of a file's line or of a function; texts are copied. Bound at once to what is there. NULL: no memory. */
RiDebugPoint *ri_debug_add_point(RiDebug *d, const char *file, int line, const char *function);
void ri_debug_bind_point(RiDebug *d, RiDebugPoint *point);
void ri_debug_delete_point(RiDebug *d, RiDebugPoint *point);
RiDebugPoint *ri_debug_find_point(const RiDebug *d, int id);
/* Is this source ("@dir/file.lua") meant by this name? */
bool ri_debug_is_source(const char *name, const RiString *source);

/* -- Watches ---------------------------------------------------------------------------------------------------------- */
/* Of an expression, in the frame at `level` of `of`. While there are any, every line is looked at. NULL: *message. */
RiDebugWatch *ri_debug_add_watch(RiDebug *d, RiThread *T, RiThread *of, int level, const char *text, char **message);
/* Of `size` bytes (up to 64) of T's process. NULL: *message. */
RiDebugWatch *ri_debug_watch_memory(RiDebug *d, RiThread *T, uint32_t address, uint32_t size, char **message);
void ri_debug_delete_watch(RiDebug *d, RiDebugWatch *watch);

/* -- Going on --------------------------------------------------------------------------------------------------------- */
/* How, when `stopped` has returned; else to the next breakpoint. OUT: until the frame at `level` of `of` has returned. */
void ri_debug_set_step(RiDebug *d, RiThread *of, int level, RiDebugMode mode, int line);
/* Once, at this line of the function of that frame; it ends like a step there. False: it has no such line. */
bool ri_debug_run_to(RiDebug *d, RiThread *of, int level, int line);

#endif
