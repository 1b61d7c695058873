/* What the layers above lend to the execution layer; filled in by vm/embed. */
#ifndef RI_EXEC_HOOKS_H
#define RI_EXEC_HOOKS_H

#include "vm/object/func.h"

/* How machine code was left. In all cases but STAY the frame of heap->running, its pc and top say where to go on. */
typedef enum RiNativeExit {
    RI_NATIVE_STAY,       /* it was not entered: interpret the instruction at T->pc */
    RI_NATIVE_GO_ON,      /* interpret on */
    RI_NATIVE_LEAVE,      /* leave the dispatch loop, as RI_LEAVE */
    RI_NATIVE_SAFE_POINT  /* the budget has run out: ri_safe_point, then go on */
} RiNativeExit;

typedef struct RiHooks {
    /* Source to prototype, or NULL and *message (a Lua string). See compiler/compile.h. */
    RiProto *(*compile)(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiString **message);
    /* How functions of the C API are called: `call` for the lua_CFunction of the current frame (a light one, or the last
     * upvalue of an RI_LIBFN_C closure), `resume` for the continuation that its RiCRecord names. vm/embed/capi_call.c */
    const RiLibFn *c_function;
    /* Call T->c_hook. `line`: -1 if there is none. */
    void (*call_hook)(RiThread *T, RiHookEvent event, int32_t line);
    /* An error passes functions of the host that were called within the innermost region: leave them, then ri_jump_on. NULL: they
     * are jumped over. vm/embed/cxx.h */
    void (*leave_stay)(void);
    /* There is nobody to catch this error. May jump out; the host process ends if it returns. NULL: a message, exit. */
    void (*panic)(RiThread *T, RiValue error);
    /* Run machine code from the instruction T->pc of T's current Lua frame on (0: a call; T->top is exact), if there is
     * any, or if it is time to make some. Called only if heap->hot_code is set. Collects. Traps. jit/jit.h */
    RiNativeExit (*enter_native)(RiThread *T);
    /* A word of the function has been replaced by BREAK: machine code made of it is not to be run any more. NULL: no JIT. */
    void (*code_changed)(RiHeap *heap, const RiFeedback *feedback);
    /* A new process in the heap of `like`, with its libraries; it does not become the running one. NULL: no memory. */
    struct RiProcess *(*open_sibling)(struct RiProcess *like);
    /* `child` has been forked by T's process and has its descriptors now, and `count` streams of the io library: make its
     * standard streams agree. False: no memory. */
    bool (*files_forked)(RiThread *T, struct RiProcess *child, uint32_t count);
    /* T's process has run its last finalizer: write what its standard streams have buffered. */
    void (*files_end)(RiThread *T);
} RiHooks;

#endif
