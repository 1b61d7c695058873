/* The frames of what runs, read from outside: by a profiler's signal handler, between any two machine instructions, or by whoever
 * looks on. Nothing is allocated, locked or written, and nothing is believed: a stack that is being changed just now gives fewer
 * frames, or wrong ones, but no fault (where vm/host/fault.h has a handler). */
#ifndef RI_EXEC_STACKWALK_H
#define RI_EXEC_STACKWALK_H

#include "vm/exec/state.h"

typedef enum RiWalkKind {
    RI_WALK_LUA,      /* of a const RiProto * */
    RI_WALK_LIBRARY,  /* of a const RiLibFn * */
    RI_WALK_C,        /* of a lua_CFunction, as an address */
    RI_WALK_COROUTINE /* no frame: what comes before was called by a resume. Of the const RiProto * (or NULL) of its function */
} RiWalkKind;

typedef struct RiWalkFrame {
    const void *what;
    uint32_t pc; /* RI_WALK_LUA: the instruction under way, as far as is known */
    uint16_t kind;      /* RiWalkKind */
    bool is_tail;       /* it was reached by a tail call: its caller's instruction says nothing of it */
    bool is_called;     /* by an instruction of the frame that follows, which is a Lua function's */
} RiWalkFrame;

typedef struct RiWalkStart {
    const RiThread *thread; /* heap->running, usually */
    const RiValue *base;    /* of its current frame; NULL: thread->base */
    const uintptr_t *registers; /* one of which may hold the address of the word to come; NULL: thread->pc says it */
    uint32_t register_count;
} RiWalkStart;

/* The frames, innermost first, of the thread and those that have resumed it. Returns how many; *is_cut: there are more. */
uint32_t ri_walk_stack(const RiWalkStart *start, RiWalkFrame *out, uint32_t capacity, bool *is_cut);

/* One word of memory that may not be there. */
bool ri_walk_read(const void *address, uint64_t *out);

#endif
