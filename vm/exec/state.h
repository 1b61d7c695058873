/* Machine and process as the execution layer sees them (the machine model proper lies in vm/machine). */
#ifndef RI_EXEC_STATE_H
#define RI_EXEC_STATE_H

#include "vm/machine/proc.h"
#include "vm/object/thread.h"
#include "vm/object/udata.h"

struct RiLibFn;
struct RiCompileResult;

typedef struct RiProcess { /* a collected block, scanned conservatively */
    RiObject object;
    RiHeap *heap;
    RiAccount account; /* what it has in the heap */
    RiProc *proc; /* the machine's side of it; NULL: a state without a machine */
    RiThread *main;
    RiTable *registry; /* [1] main thread, [2] globals, "_LOADED", "_PRELOAD", … as lauxlib.h names them */
    RiTable *globals;
    RiTable *metatables[RI_TYPE_COUNT]; /* of the basic types; strings' is set by the string library */
    uint32_t id;
    bool warnings_on;     /* warn("@on") */
    bool warning_continues;
    bool closing;
    bool in_finalizer;        /* one __gc at a time */
    RiThread *finalizer_thread; /* where it was called, and the base of its frame: that is named "__gc" */
    uint32_t finalizer_base;
    bool killed;              /* doomed and about to go: only finalizers written in C are called */
    volatile int interrupt;   /* set by a signal handler (with heap->budget = 0): raise "interrupted!" at a safe point. Or
                                 RI_INTERRUPT_STICKY: at every one, until it is cleared */
    uint32_t stack_slots_max; /* of one thread: 1,000,000 */
    uint32_t c_depth;         /* nested C entries, at most RI_C_DEPTH_MAX */
    uint64_t rng[4];          /* xoshiro256** of math.random */
    const struct RiHooks *hooks; /* compiler and JIT: exec/hooks.h */
    RiString *memory_message; /* "not enough memory", made beforehand */
    void *stats;              /* RiStats when --stats */
    void *io;                 /* stdlib/stream.c */
    void *io_holder;          /* the userdata it lies in; a program may take that out of its registry */
    void *slot_answers;       /* exec/debuginfo.c: what was last asked about slots, a collected block */
    void *patterns;           /* stdlib/strpattern.c: compiled patterns, a collected block */
    void *ffi;                /* vm/ffi/ctype.h: types and declarations, a collected block */
    struct RiJump *jumps;     /* innermost C-level region: unwind.c */
    void *breaks;             /* of RI_STRESS_BREAK: stress.c */
    uint32_t stress;          /* RI_STRESS_…: stress.h */
    uint32_t stress_turns;
    struct RiProcess *intruder; /* the other process of RI_STRESS_PREEMPT */
    RiTable *threads;         /* guest threads by tid: their first RiThread, while they live */
    struct RiMessage *first_message, *last_message; /* mailbox: engine.h */
    uint32_t message_count;
    uint64_t message_bytes;   /* of those in the mailbox, strings that they share with others included */
    uint64_t copied_bytes;    /* of the last value that was copied for it: copy.c */
    RiTable *signal_handlers; /* by number; NULL: none */
    uint64_t fuel_left;       /* with a limit of fuel: safe points still to be given out */
    struct RiStep *step;      /* it runs for a part only: step.h; NULL: it does not */
    void *host_data;          /* of the embedding program */
    RiProto *program;         /* what it runs: its image in memory (vm/machine/image.h) is made of that; NULL: nothing */
    /* The C API's: lua_atpanic, lua_setwarnf (has_warn: instead of what warn.c does), lua_setallocf. */
    int (*panic)(struct lua_State *L);
    void (*warn)(void *data, const char *message, int continues);
    void *warn_data;
    void *(*allocate)(void *data, void *block, size_t old_size, size_t new_size);
    void *allocate_data;
    void *host_stay; /* innermost call of a C++ function: vm/embed/cxx.h */
    void *api_names; /* vm/embed/capi_table.c: strings by the address of their C text, a collected block */
    bool has_warn;
    bool is_embedded; /* lua_newstate has made it, for a C program */
} RiProcess;

#define RI_INTERRUPT_STICKY 2
/* process->interrupt is set: raise the error, if this is the process's first thread; else let that one wake up. */
void ri_serve_interrupt(RiThread *T);

#define RI_C_DEPTH_MAX 200 /* LUAI_MAXCCALLS */
#define RI_STACK_SLOTS_MAX 1000000

RiProcess *ri_process_new(RiHeap *heap, const struct RiHooks *hooks);
/* The part of it that every process needs: a main thread of `stack_slots`, neither registry nor globals. Objects made from
 * now on are the new process's, whose account is open and current. Collects. Traps: on_no_memory. */
RiProcess *ri_process_alloc(RiHeap *heap, const struct RiHooks *hooks, uint32_t stack_slots);
void ri_process_close(RiProcess *process); /* runs pending closes and all finalizers */

/* The function is the program that it runs, unless the image of another is mapped already. Not a Lua function: no effect. */
void ri_process_set_program(RiProcess *process, RiValue function);

/* The metatable of any value, or NULL. */
RiTable *ri_value_meta(const RiProcess *process, RiValue v);

#endif
