/* A thread of Lua: a coroutine or the main thread, with its own VM stack.
 *
 *   stack … | function | link | arg0/local0 … locals … operands |            frames follow each other without gaps
 *                               ^ base                          ^ top
 *
 * base[-2] is the function (its tag's upper half is zero), base[-1] the link: where to go back to. */
#ifndef RI_OBJECT_THREAD_H
#define RI_OBJECT_THREAD_H

#include "vm/object/func.h"

/* Overlays an RiValue slot. The resume point is an address: a return has nothing to compute before it can fetch the next
 * word. Everything else fits in the tag word, whose low byte says RI_TAG_LINK. */
typedef struct RiLink {
    const uint32_t *pc;         /* of the CALLER: the word to go on at; NULL: the caller is no Lua function */
    uint64_t tag : 8;           /* RI_TAG_LINK */
    uint64_t flags : 8;         /* RI_LINK_… */
    uint64_t wanted_plus_1 : 8; /* results wanted by the caller, plus 1; 0: all */
    uint64_t delta : 20;        /* slots from the caller's base to this base; 0: first frame of the thread */
    uint64_t extra : 20; /* Lua functions: slots between the function as called and base[-2]: varargs, a copy of function
                            and link. Library functions: a number of their own, ri_lib_step */
} RiLink;
#define RI_LINK_WANTED_SHIFT 16
#define RI_LINK_DELTA_SHIFT 24
#define RI_LINK_EXTRA_SHIFT 44
#define RI_LINK_DELTA_MASK 0xfffffu
_Static_assert(sizeof(RiLink) == sizeof(RiValue), "a link fills one slot");

typedef enum RiThreadStatus {
    RI_THREAD_READY,     /* suspended: before its first resume or in a yield */
    RI_THREAD_RUNNING,
    RI_THREAD_NORMAL,    /* resumed another one */
    RI_THREAD_DEAD,
    RI_THREAD_FAILED     /* dead by an error; the error object is on its stack */
} RiThreadStatus;

struct RiProcess; /* exec/state.h */
struct lua_State; /* of the C API, as are these two */
struct lua_Debug;

/* A C function of the C API that has called or yielded with a continuation: what is to be done when it goes on. A thread
 * has a stack of them, as frames nest. */
typedef struct RiCRecord {
    uint32_t base;    /* slot offset of its frame */
    uint32_t func;    /* of the function it called */
    uint32_t handler; /* of the message handler of a protected call; 0: none */
    uint32_t state;   /* what catching an error restores: exec/unwind.c */
    uint8_t kind;     /* RiCRecordKind */
    bool detached;    /* its C frame is gone: the coroutine has yielded meanwhile */
    int32_t status;   /* what the continuation is told: RiCallStatus */
    intptr_t context;
    int (*k)(struct lua_State *L, int status, intptr_t context); /* lua_KFunction */
} RiCRecord;
typedef enum RiCRecordKind { RI_C_CALL, RI_C_PCALL, RI_C_YIELD } RiCRecordKind;

/* A lua_State is a thread, too; its address is the one behind `extra`, as programs find LUA_EXTRASPACE bytes of their own
 * in front of it. */
struct RiThread {
    RiObject object;
    uint32_t serial;
    uint32_t owner;
    void *extra;   /* the host's; new threads get the main thread's */
    RiValue *base; /* of the current frame */
    RiValue *top;  /* first free slot */
    RiValue *stack; /* NULL once the thread is dead: base and top as well; ri_thread_resize_stack gives it one again */
    RiValue *stack_limit; /* end less RI_STACK_RESERVE */
    uint32_t stack_capacity; /* slots */
    uint32_t pc;             /* of the current Lua frame, saved before anything that may throw or look */
    struct RiProcess *process;
    RiHeap *heap;
    RiThread *resumer;     /* who resumed us, while running or normal */
    uint8_t status;        /* RiThreadStatus */
    uint8_t hook_mask;     /* RI_HOOK_… */
    uint8_t hook_allowed;
    uint8_t in_hook;
    uint32_t lib_depth;      /* nested calls made by library functions through the dispatch loop: they count as C calls */
    uint32_t c_depth;      /* nested C calls into the interpreter, for "C stack overflow" */
    uint32_t no_yield;     /* > 0: inside a C call that cannot be yielded across */
    int32_t hook_count, hook_left;
    uint32_t hook_last_pc;
    int32_t hook_last_line;
    uint32_t transfer_first, transfer_count; /* in a call or return hook: the locals that are parameters or results */
    RiValue hook;          /* Lua hook function or nil */
    void (*c_hook)(struct lua_State *L, struct lua_Debug *event); /* lua_Hook of the C API; NULL: none */
    /* lua_sethook has been here, maybe in a signal handler: the next three are to be set by ri_apply_wanted_hook. */
    void (*wanted_hook)(struct lua_State *L, struct lua_Debug *event);
    int32_t wanted_count;
    uint8_t wanted_mask;
    volatile bool hook_is_wanted;
    bool hook_yields;      /* lua_yield was called in a hook */
    bool skips_hook;       /* it goes on with an instruction whose hook has been called */
    uint8_t hook_event;    /* RiHookEvent of the hook that runs */
    bool is_resumed_by_c;  /* while it runs: by lua_resume */
    bool is_exposed;       /* C code may know it: it always has a stack */
    int32_t failure;       /* of a failed one: RiCallStatus */
    uint32_t yield_count;  /* of a C function that yields: values on top */
    RiBuffer *c_records;   /* RiCRecord[c_record_count]; NULL: none yet */
    uint32_t c_record_count;
    const void *host_thread; /* the one that last called the C API with it (its thread pointer) */
    RiValue scratch;       /* of the C API: a pseudo-index's value */
    RiBuffer *tbc;         /* uint32_t slot offsets of the to-be-closed variables, innermost last; NULL: none yet */
    uint32_t tbc_count;
    uint32_t lib_nargs;    /* of a library function's pending call: see ri_lib_call */
    int32_t lib_wanted;
    uint32_t lib_flags;
    bool in_overflow; /* the stack has overflowed and the error is on its way: some more slots are allowed */
    RiValue error;         /* error object in flight */
};

_Static_assert(offsetof(RiThread, base) == offsetof(RiThread, extra) + sizeof(void *), "the address of a lua_State");

#define RI_LINK_OF(base) ((RiLink *)((base)-1))
/* A copy of it, by two words: it was written so, lately, and one wide load would have to wait for both stores (ri_copy). */
static RI_ALWAYS_INLINE RiLink ri_link_load(const RiValue *base)
{
    union {
        uint64_t words[2];
        RiLink link;
    } copy;
    copy.words[0] = base[-1].u;
    copy.words[1] = base[-1].tag;
    return copy.link;
}

/* A new thread with an empty stack of `slots` slots (0: with none yet, ri_thread_resize_stack makes it). Collects. */
RiThread *ri_thread_new(RiHeap *heap, struct RiProcess *process, uint32_t slots);
/* Re-allocate the stack to at least `slots`; base and top move along. Collects. */
void ri_thread_resize_stack(RiThread *thread, uint32_t slots);
/* A thread is dead: give its stack back at once, for the next one. Most coroutines are short. Collects: no. */
void ri_thread_drop_stack(RiThread *thread);

#endif
