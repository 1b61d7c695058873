/* The call protocol: frames, returns, coroutine switches, errors. Used by the interpreter (and the JIT); library code
 * uses native.h. Nothing here needs C stack for Lua-to-Lua calls. */
#ifndef RI_EXEC_CALL_H
#define RI_EXEC_CALL_H

#include "vm/exec/hooks.h"
#include "vm/exec/native.h"

/* What happens when a frame returns: RiLink.flags. 0: the caller is a Lua frame that goes on at link.pc. */
enum {
    RI_LINK_ENTRY = 1,  /* leave ri_execute: the caller is C */
    RI_LINK_META = 2,   /* a metamethod: finish the caller's instruction with the first result */
    RI_LINK_LIB = 4,    /* the caller is a library function: enter its `resume` */
    RI_LINK_CORO = 8,   /* first frame of a coroutine: switch to the resumer */
    RI_LINK_UNWIND = 16, /* a __close method called while an error unwinds: go on unwinding */
    RI_LINK_HOOK = 32,  /* fire the return hook */
    RI_LINK_NOYIELD = 64, /* T->no_yield was raised for this call */
    RI_LINK_TAIL = 128  /* this frame was reached by a tail call (not a return action) */
};
#define RI_LINK_ACTIONS 0x7f

static RI_ALWAYS_INLINE void ri_link_write(RiValue *base, const uint32_t *pc, uint32_t delta, int32_t wanted,
                                           uint32_t flags, uint32_t extra)
{
    base[-1].cp = pc;
    base[-1].tag = (uint64_t)RI_TAG_LINK | (uint64_t)flags << 8 | (uint64_t)(uint32_t)(wanted + 1) << RI_LINK_WANTED_SHIFT |
                   (uint64_t)delta << RI_LINK_DELTA_SHIFT | (uint64_t)extra << RI_LINK_EXTRA_SHIFT;
}
static inline int32_t ri_link_wanted(const RiLink *link)
{
    return (int32_t)link->wanted_plus_1 - 1;
}
/* T->pc, as an address for a link; NULL if the current frame is no Lua function's. */
static inline const uint32_t *ri_pc_address(const RiThread *T)
{
    if (T->base == T->stack || T->base[-2].tag != RI_TAG_CLOSURE)
        return NULL;
    return ri_feedback_words(((const RiClosure *)T->base[-2].cp)->feedback) + T->pc;
}

typedef enum RiAction {
    RI_GO,   /* go on interpreting the Lua frame of heap->running at its saved pc */
    RI_LEAVE, /* an ENTRY frame has returned: leave ri_execute */
    RI_UNCAUGHT /* of ri_unwind, in a region that catches: no frame in it does */
} RiAction;

/* Call the value at `func` (its link slot follows, then nargs arguments up to T->top). Sets up a Lua frame, or runs a
 * library function to its end. T->base, T->pc describe the caller. May throw, move the stack, switch threads. */
RiAction ri_precall(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, uint32_t flags);
/* The current frame of T returns the `count` values at `first`. */
RiAction ri_return_values(RiThread *T, RiValue *first, uint32_t count);
/* Tail call from the current Lua frame of the value at func with nargs arguments up to T->top. */
RiAction ri_tailcall(RiThread *T, RiValue *func, uint32_t nargs);
/* Close to-be-closed variables from slot `level` (offset from T->stack) up, one call at a time: pushes a call of the next
 * one's __close (RI_GO means a frame to run; the caller's instruction is executed again afterwards) or returns false. */
bool ri_close_next(RiThread *T, uint32_t level, RiAction *action);
void ri_mark_tbc(RiThread *T, RiValue *slot);
bool ri_has_tbc(const RiThread *T, uint32_t level);
uint32_t ri_innermost_tbc(const RiThread *T); /* slot offset; there must be one */
RiValue ri_pop_tbc_value(RiThread *T); /* its value */
/* Serve the signal that the library function of T's current frame has returned. */
RiAction ri_serve_library(RiThread *T, int32_t signal);
/* Go on unwinding after a __close method: the error lies on top of T's stack. In unwind.c. */
RiAction ri_unwind_continue(RiThread *T);
/* Find the pcall frame, coroutine or C region that gets T->error. */
RiAction ri_unwind(RiThread *T);
/* Call the value at func for C: a Lua function's frame is set up (RI_GO), anything else is run to its end (RI_LEAVE) unless it
 * needs the dispatch loop. T->lib_nargs results lie on top in the end. */
RiAction ri_begin_call(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted);
/* If the value at func is a C function and nothing is to be looked at on the way: call it, without a region.
 * It cannot yield, and its errors end in the region that is innermost now. The caller holds nothing but on T's stack. */
bool ri_call_c_function(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted);
/* The same for a Lua function, T's current frame, by the function at func. */
bool ri_call_c_from_lua(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted);
/* The same as ri_call in a region of its own, where its errors look for frames that catch them. In unwind.c. */
void ri_run_call(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, bool yields);
/* CONCAT's metamethod has returned v; `count` is the instruction's operand count. In semantics.c. */
RiAction ri_concat_continue(RiThread *T, RiValue v, uint32_t count);

/* A metamethod call for the current instruction: pushes f(a, b[, c]) with RI_LINK_META. */
RiAction ri_call_meta(RiThread *T, RiValue f, RiValue a, RiValue b);
/* The same, with the result negated. */
RiAction ri_call_meta_negated(RiThread *T, RiValue f, RiValue a, RiValue b);
RiAction ri_call_meta3(RiThread *T, RiValue f, RiValue a, RiValue b, RiValue c);
/* Complete the instruction before T->pc with result v: store, push or branch; advances T->pc past its second word. */
RiAction ri_finish_instruction(RiThread *T, RiValue v);

/* The dispatch loop: run heap->running's current Lua frame until an ENTRY frame returns. In interp.c. */
void ri_execute(RiThread *T);

/* A C-level protected region; they form a stack per process. */
typedef struct RiJump {
    struct RiJump *previous;
    RiThread *thread;
    uint32_t base;      /* slot offset: frames of `thread` with a base at or above belong to this region */
    bool catches;       /* ri_pcall; else: the region of one call, which only looks for pcall frames */
    bool yields;        /* the C function that began it has a continuation: it may be left by a yield, for good */
    bool is_resume;     /* of ri_resume_from_c: a yield of `thread` ends here */
    uint32_t c_depth;   /* of the process when the region began */
    RiCallStatus status;
    RiThread *outer;    /* of a call from C: who ran before, if `thread` was not resumed; NULL: not to be restored */
    RiValue handler;
    void *buffer;       /* jmp_buf */
    const void *native_sp; /* heap's, when the region began */
    void *host_stay;       /* the process's, when the region began */
    void *stack;        /* C stack pointer of a call: what the C code outside it holds lies above */
} RiJump;

/* hooks->leave_stay has left what lies between: on to the innermost region. */
RI_NORETURN void ri_jump_on(RiThread *T);

/* Go on with frames that are there already, those of a cloned process: the library function of the current frame of
 * heap->running returns the `count` values on top of its stack, and everything goes on until the outermost function of
 * `first`, the thread that was called by C, has returned; T->lib_nargs results lie on top of its stack then. */
void ri_run_again(RiThread *first, uint32_t count);

/* -- The C API's part ---------------------------------------------------------------------------------------------
 * C functions may call and yield with a continuation. While a call with one runs it is a call from C like any other, in a
 * region of its own that `yields`. When its callee yields, the regions up to the resumer's are left by a jump, the C frames
 * are gone, and the frames they had called, RI_LINK_ENTRY until then, return like those called by a library function:
 * into hooks->c_function->resume. */

/* A record for the C function of T's current frame; valid until the next one is made. Collects. Traps: no memory. */
RiCRecord *ri_c_record_push(RiThread *T);
/* The record of the frame at slot offset `base`; NULL: it has none. */
RiCRecord *ri_c_record_of(const RiThread *T, uint32_t base);
/* Forget the records of frames above that one: they are gone. */
void ri_c_records_drop(RiThread *T, uint32_t base);
/* As ri_call and ri_pcall, but the callee may yield if the current C function has a record. */
uint32_t ri_call_yieldable(RiThread *T, uint32_t nargs, int32_t wanted);
RiCallStatus ri_pcall_yieldable(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count);
/* Yield from the C function, or the hooked Lua function, of T's current frame: T->yield_count values on top of the stack. */
RI_NORETURN void ri_yield(RiThread *T);
/* coroutine.resume for C: start co (its function lies below nargs arguments on top) or continue it. RI_OK: it has returned,
 * RI_YIELD: its T->yield_count values are on top; else the error is, and its frames are still there to be looked at.
 * `from`: whose nested calls count, NULL: nobody's. */
RiCallStatus ri_resume_from_c(RiThread *co, const RiThread *from, uint32_t nargs);
/* The part of it in call.c: enter co, or go on with the values on its top. */
RiAction ri_enter_coroutine(RiThread *co, uint32_t nargs);
/* The yield in call.c: co has stopped, and its resumer in the innermost region goes on. */
RiAction ri_serve_yield(RiThread *co);
/* Give a thread that C code is about to see a stack for its function, if it has none yet. Collects. Traps: no memory. */
void ri_thread_expose(RiThread *co);
/* Neither started nor finished with something to run on its stack? */
bool ri_has_nothing_to_run(const RiThread *co);
/* Set what lua_sethook has asked for. */
void ri_apply_wanted_hook(RiThread *T);

/* What is behind a callable that is no Lua function. */
static inline const RiLibFn *ri_row_of(const RiThread *T, RiValue f)
{
    if (f.tag == RI_TAG_NATIVE)
        return ((const RiNative *)f.cp)->fn;
    return f.tag == RI_TAG_LIBFN ? f.cp : T->process->hooks->c_function;
}

/* Grow the stack so that `slots` fit above T->top, up to the limit; else throws "stack overflow". */
void ri_stack_grow(RiThread *T, uint32_t slots);

/* Call fn(T, argument), and come back whatever it throws, with T->error to tell and the frames and values as before. It must leave
 * no to-be-closed variables behind. */
RiCallStatus ri_try(RiThread *T, void (*fn)(RiThread *T, void *argument), void *argument);

/* Throw what luaG_runerror would: message with the position of the current frame if it is a Lua function. */
RI_NORETURN void ri_runtime_error(RiThread *T, const char *format, ...) RI_PRINTF(2, 3);
RI_NORETURN void ri_throw_status(RiThread *T, RiCallStatus status, RiValue error);

/* A full collection asked for by the guest: what this region's C frames left behind is not taken for roots. */
void ri_collect(RiThread *T);
/* The same at a safe point, if a collection is due. */
void ri_collect_if_due(RiThread *T);
/* The message handler that an error thrown now would meet (nil: none). */
RiValue ri_current_handler(RiThread *T);
/* The usual resume or yield, between Lua functions that no hooks watch: T's current frame, a library function's that has
 * signalled RI_LIB_RESUME or RI_LIB_YIELD, is left waiting, and heap->running is at its resume point. False: nothing has
 * happened; serve it. */
bool ri_switch_plainly(RiThread *T, int32_t signal);
/* As ri_serve_library, for a function called inline whose link may be covered by results. */
RiAction ri_serve_inline(RiThread *T, int32_t signal, const uint32_t *pc, uint32_t delta, int32_t wanted);
/* One more C call, or library call that counts as one, has begun: throws "C stack overflow" at 200. */
void ri_c_depth_exceeded(RiThread *T, uint32_t depth);
static RI_ALWAYS_INLINE void ri_check_c_depth(RiThread *T)
{
    uint32_t depth = T->process->c_depth + T->c_depth + T->lib_depth;
    if (RI_UNLIKELY(depth >= RI_C_DEPTH_MAX))
        ri_c_depth_exceeded(T, depth);
}
/* Pending finalizers, called at safe points and by collectgarbage. */
void ri_run_finalizers(RiThread *T);
/* Slow path of a safe point: refill the budget, serve what asked for attention; maybe let other tasks run. True: the
 * task is to leave the dispatch loop (ri_execute returns), to go on later from the state just saved. */
RI_MUST_CHECK bool ri_safe_point(RiThread *T);
/* May this task give up its native stack here? Else it must keep it: ri_sched_switch. In engine.c. */
bool ri_can_park(const RiThread *T);
/* It does: leave the dispatch loop with RI_LEAVE. `in_library`: the current frame is a library function to be resumed. */
void ri_park(RiThread *T, bool in_library);
/* Re-enter the library function of T's current frame. */
RiAction ri_resume_library(RiThread *T);
/* Run `first` (the function below nargs arguments on T's stack) as the outermost code of a task, or go on where it
 * parked (first == NULL). RI_OK: it has returned; RI_YIELD: it has parked; RI_KILLED. */
RiCallStatus ri_run_task(RiThread *T, RiValue *first, uint32_t nargs);
/* Does the running task of T only wait for its turn to be over, as it has begun to wait for something? In engine.c. */
bool ri_machine_is_waiting(const RiThread *T);
/* The part of a safe point that concerns the machine. In engine.c. */
bool ri_machine_safe_point(RiThread *T, bool is_poll);

/* Hooks: fire an event; line: -1 for none. */
enum { RI_HOOK_CALL = 1, RI_HOOK_RETURN = 2, RI_HOOK_LINE = 4, RI_HOOK_COUNT = 8 };
#define RI_HOOK_EVENTS 15u
/* No event, but in RiThread.hook_mask as well: locals have been changed from outside. Machine code, which thinks to know them,
 * is left wherever it would be for a hook; when none is under way any more the interpreter clears it. */
#define RI_HOOK_CHANGED 128u
/* Neither: a debugger steps into calls, and is told of frames of Lua functions that are set up. */
#define RI_HOOK_ENTER 64u
void ri_fire_hook(RiThread *T, RiHookEvent event, int32_t line);
/* The same for calls and returns: `count` locals from number `first` on are the parameters or results. */
void ri_fire_transfer_hook(RiThread *T, RiHookEvent event, uint32_t first, uint32_t count);
/* Is the frame at `level` the one that the running hook function was called for? */
bool ri_is_hooked_frame(RiThread *T, int level);
/* Set or clear a thread's hook (debug.sethook). */
void ri_set_hook(RiThread *T, RiValue hook, uint32_t mask, int32_t count);
/* Before each instruction while a line or count hook is set. */
void ri_hook_instruction(RiThread *T);

/* Library functions that the execution layer implements: rows for base and coroutine. */
int32_t ri_lib_pcall(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_lib_pcall_resume(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_lib_xpcall(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_lib_xpcall_resume(RiThread *T, RiValue *args, uint32_t nargs);
/* Before a call from a RI_LIBFN_CATCHES function: errors in the callee end in its frame. It takes the frame's step, where
 * 0 stops it. */
void ri_lib_catch(RiThread *T);
int32_t ri_lib_call_no_yield(RiThread *T, uint32_t nargs, int32_t wanted); /* as ri_lib_call; the callee may not yield */

/* Coroutines, for coroutine.* */
RiThread *ri_coroutine_new(RiThread *T, RiValue function);
bool ri_is_yieldable(const RiThread *T);
/* Close a suspended or dead coroutine: runs its pending __close; false and the error in *error. */
bool ri_coroutine_close(RiThread *T, RiThread *co, RiValue *error);

#endif
