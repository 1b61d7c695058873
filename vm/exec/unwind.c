/* Errors: throwing, protected regions, unwinding to pcall frames. The only place that jumps.
 *
 * pcall and xpcall are library frames on the VM stack and need no C stack. A throw longjmps to the innermost C region;
 * if that is a ri_run, unwinding looks for a pcall frame among the Lua frames of the region: found, its variables are
 * closed and pcall returns false; not found, a coroutine dies and its resumer gets the error, or the next C region does. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/call.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/engine.h"
#include "vm/exec/semantics.h"

/* The compiler's own save three words, the C library's thrice as many and the caller's shadow of them. Sanitizers know only
 * those of the C library. */
#if defined(__SANITIZE_ADDRESS__)
#define USES_LIBRARY_JUMPS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define USES_LIBRARY_JUMPS 1
#endif
#endif
#ifdef USES_LIBRARY_JUMPS
#include <setjmp.h>
typedef jmp_buf JumpBuffer;
#define SET_JUMP(buffer) setjmp(buffer)
#define JUMP(buffer) longjmp(buffer, 1)
#else
typedef void *JumpBuffer[5];
#define SET_JUMP(buffer) __builtin_setjmp(buffer)
#define JUMP(buffer) __builtin_longjmp(buffer, 1)
#endif

static RiJump *innermost(const RiThread *T)
{
    return T->process->jumps;
}

static uint32_t offset_of(const RiThread *T, const RiValue *slot)
{
    return (uint32_t)(slot - T->stack);
}

/* -- The stack ------------------------------------------------------------------------------------------------- */

bool ri_stack_try_reserve(RiThread *T, uint32_t slots)
{
    if (T->stack != NULL && T->top + slots <= T->stack_limit)
        return true;
    uint64_t needed = (uint64_t)(T->top - T->stack) + slots + RI_STACK_RESERVE + 1;
    uint64_t limit = (uint64_t)T->process->stack_slots_max;
    if (needed > limit + (T->in_overflow ? 4096 : 0))
        return false;
    uint64_t grown = (uint64_t)T->stack_capacity * 2;
    if (grown > limit)
        grown = limit;
    if (grown < needed)
        grown = needed;
    ri_thread_resize_stack(T, (uint32_t)grown);
    return true;
}

void ri_stack_grow(RiThread *T, uint32_t slots)
{
    if (ri_stack_try_reserve(T, slots))
        return;
    if (T->in_overflow) /* while handling an overflow */
        ri_throw_status(T, RI_ERRERR, ri_string_value(ri_str_from_cstr(T->heap, "error in error handling")));
    T->in_overflow = true;
    ri_runtime_error(T, "stack overflow");
}

void ri_stack_reserve(RiThread *T, uint32_t slots)
{
    if (RI_UNLIKELY(T->stack == NULL || T->top + slots > T->stack_limit))
        ri_stack_grow(T, slots);
}

/* The frames that overflowed the stack are gone: give back what it had beyond the limit for handling that. */
static void leave_overflow(RiThread *T)
{
    uint64_t used = (uint64_t)(T->top - T->stack), limit = T->process->stack_slots_max;
    if (!T->in_overflow || used + 1000 >= limit)
        return;
    T->in_overflow = false;
    uint64_t slots = used * 2 + 200;
    ri_thread_resize_stack(T, (uint32_t)(slots < limit ? slots : limit));
}

/* -- Throwing -------------------------------------------------------------------------------------------------- */

/* Is `base` the frame of a C function that goes on after a protected call, whose own region is gone? */
static RiCRecord *detached_catcher(const RiThread *T, const RiValue *base)
{
    if (RI_LIKELY(T->c_record_count == 0))
        return NULL;
    RiCRecord *record = ri_c_record_of(T, offset_of(T, base));
    return record != NULL && record->detached && record->kind == RI_C_PCALL ? record : NULL;
}

/* The handler that an error thrown now in T would meet first: of an xpcall frame, or of a C region; nil: none. */
static RiValue find_handler(RiThread *T)
{
    RiJump *jump = innermost(T);
    const RiValue *base = T->base;
    for (;;) {
        while (jump && jump->thread == T && offset_of(T, base) < jump->base) {
            if (jump->catches)
                return jump->handler;
            jump = jump->previous;
        }
        if (base == T->stack)
            break;
        RiValue f = base[-2];
        if (f.tag == RI_TAG_LIBFN && RI_LINK_OF(base)->extra &&
            (((const RiLibFn *)f.cp)->flags & (RI_LIBFN_CATCHES | RI_LIBFN_CATCHES_AS_NIL)) == RI_LIBFN_CATCHES)
            return ((const RiLibFn *)f.cp)->flags & RI_LIBFN_HANDLER ? base[0] : ri_nil();
        const RiCRecord *record = detached_catcher(T, base);
        if (record != NULL)
            return record->handler ? T->stack[record->handler] : ri_nil();
        uint32_t delta = RI_LINK_OF(base)->delta;
        base = delta ? base - delta : T->stack;
    }
    for (; jump && jump->thread == T; jump = jump->previous)
        if (jump->catches)
            return jump->handler;
    return ri_nil();
}

RiValue ri_current_handler(RiThread *T)
{
    return find_handler(T);
}

/* Where the C stack begins whose words may be the only references to objects; NULL: all of it. */
static void *foreign_stack(const RiThread *T)
{
    const RiJump *jump = innermost(T);
    return jump ? jump->stack : NULL;
}

void ri_collect(RiThread *T)
{
    ri_heap_collect_above(T->heap, foreign_stack(T));
}

void ri_collect_if_due(RiThread *T)
{
    ri_heap_collect_if_due(T->heap, foreign_stack(T));
}

/* Leave for the innermost region, which knows why. */
RI_NORETURN RI_NOINLINE static void leave_for(RiProcess *process)
{
    RiJump *target = process->jumps;
    process->host_stay = target->host_stay;
    process->heap->native_sp = target->native_sp;
    JUMP(*(JumpBuffer *)target->buffer);
}

void ri_jump_on(RiThread *T)
{
    leave_for(T->process);
}

RI_NORETURN RI_NOINLINE static void jump_out(RiThread *T, RiCallStatus status, RiValue error)
{
    RiJump *jump = innermost(T);
    ri_store(&T->error, error);
    if (!jump) {
        if (T->process->hooks->panic != NULL)
            T->process->hooks->panic(T, error);
        fprintf(stderr, "rille: unprotected error%s%s\n", ri_is_string(error) ? ": " : "",
                ri_is_string(error) ? ri_str_data(error.p) : "");
        exit(EXIT_FAILURE);
    }
    jump->status = status;
    ri_store(&T->heap->running->error, error); /* C code may throw in a thread that does not run */
    ri_store(&jump->thread->error, error);
    if (T->process->host_stay != jump->host_stay && T->process->hooks->leave_stay != NULL)
        T->process->hooks->leave_stay(); /* goes on by ri_jump_on */
    leave_for(T->process);
}

void ri_throw_status(RiThread *T, RiCallStatus status, RiValue error)
{
    if (RI_UNLIKELY(T->heap->debugger != NULL) && status != RI_KILLED && status != RI_YIELD)
        ri_debugger_thrown(T, status, error);
    if (status == RI_ERRRUN) {
        RiValue handler = find_handler(T);
        if (!ri_is_nil(handler)) {
            RiProcess *process = T->process;
            if (process->c_depth >= RI_C_DEPTH_MAX + 25)
                jump_out(T, RI_ERRERR, ri_string_value(ri_str_from_cstr(T->heap, "error in error handling")));
            if (!ri_stack_try_reserve(T, 4) && !T->in_overflow)
                T->in_overflow = true;
            ri_stack_reserve(T, 4);
            ri_push(T, error); /* keeps it alive, as PUC does */
            ri_push(T, handler);
            ri_push_link(T);
            ri_push(T, error);
            int interrupt = process->interrupt;
            if (interrupt == RI_INTERRUPT_STICKY) /* it is what the handler has been called for */
                process->interrupt = false;
            process->c_depth++;
            ri_call(T, 1, 1);
            process->c_depth--;
            if (interrupt == RI_INTERRUPT_STICKY) {
                process->interrupt = interrupt;
                T->heap->budget = 0;
            }
            error = T->top[-1];
        }
    }
    jump_out(T, status, error);
}

void ri_throw(RiThread *T, RiValue error)
{
    bool is_memory = ri_is_string(error) && error.p == T->process->memory_message; /* thrown again */
    ri_throw_status(T, is_memory ? RI_ERRMEM : RI_ERRRUN, error);
}

void ri_error_memory(RiThread *T)
{
    ri_throw_status(T, RI_ERRMEM, ri_string_value(T->process->memory_message));
}

/* What a pcall frame restores when it catches, kept as its step (20 bits, not 0 while it catches). Both depths stay well
 * below 512: ri_check_c_depth. */
static uint32_t state_to_step(const RiThread *T)
{
    return 1 | (uint32_t)T->hook_allowed << 1 | (T->lib_depth & 511) << 2 | (T->no_yield & 511) << 11;
}
static void step_to_state(RiThread *T, uint32_t step)
{
    T->hook_allowed = step >> 1 & 1;
    T->lib_depth = step >> 2 & 511;
    T->no_yield = step >> 11 & 511;
}

/* -- Unwinding ------------------------------------------------------------------------------------------------- */

/* The frame of pcall at `catcher` becomes the current one: those above it are gone. */
static void drop_frames_above(RiThread *T, uint32_t catcher)
{
    T->base = T->stack + catcher;
    T->pc = 0;
    ri_c_records_drop(T, catcher);
    const RiCRecord *record = detached_catcher(T, T->base);
    step_to_state(T, record != NULL ? record->state : RI_LINK_OF(T->base)->extra);
    T->in_hook = T->in_hook && !T->hook_allowed;
}

/* Call the __close of the innermost to-be-closed variable with `error`; afterwards unwinding goes on. */
static RiAction close_with_error(RiThread *T, uint32_t catcher, RiValue error)
{
    uint32_t at = ri_innermost_tbc(T);
    RiValue v = ri_pop_tbc_value(T);
    T->failure = (int32_t)innermost(T)->status;
    drop_frames_above(T, catcher);
    T->top = T->stack + at + 1;
    ri_stack_reserve(T, 6);
    ri_push(T, error);
    RiValue method = ri_metafield(T, v, RI_MM_CLOSE);
    ri_push(T, method);
    ri_push_link(T);
    ri_push(T, v);
    ri_push(T, error);
    return ri_precall(T, T->top - 4, 2, 0, RI_LINK_UNWIND);
}

RiAction ri_unwind_continue(RiThread *T)
{
    RiValue error = T->top[-1];
    ri_store(&T->error, error);
    innermost(T)->status = (RiCallStatus)T->failure; /* there may have been a yield meanwhile */
    return ri_unwind(T);
}

/* Offset of the innermost catching pcall frame of T with base at or above `limit`; 0: none. */
static uint32_t find_catcher(const RiThread *T, uint32_t limit)
{
    const RiValue *base = T->base;
    while (base != T->stack && offset_of(T, base) >= limit) {
        RiValue f = base[-2];
        if (f.tag == RI_TAG_LIBFN && ((const RiLibFn *)f.cp)->flags & RI_LIBFN_CATCHES && RI_LINK_OF(base)->extra)
            return offset_of(T, base);
        if (detached_catcher(T, base) != NULL)
            return offset_of(T, base);
        uint32_t delta = RI_LINK_OF(base)->delta;
        base = delta ? base - delta : T->stack;
    }
    return 0;
}

static RiAction catch_in(RiThread *T, uint32_t catcher, RiCallStatus status, RiValue error)
{
    drop_frames_above(T, catcher);
    RiCRecord *record = detached_catcher(T, T->base);
    if (record != NULL) {
        T->top = T->stack + record->func;
        leave_overflow(T);
        ri_push(T, error);
        record->status = (int32_t)status;
        return ri_resume_library(T);
    }
    T->top = T->base;
    leave_overflow(T);
    ri_push(T, ((const RiLibFn *)T->base[-2].cp)->flags & RI_LIBFN_CATCHES_AS_NIL ? ri_nil() : ri_bool(false));
    ri_push(T, error);
    return ri_return_values(T, T->top - 2, 2);
}

/* Find who handles T->error, thrown in T, in the innermost region. Longjmps on if nobody in this region does. */
RiAction ri_unwind(RiThread *T)
{
    RiJump *jump = innermost(T);
    RiCallStatus status = jump->status;
    if (status == RI_YIELD)
        return ri_serve_yield(T);
    if (status == RI_KILLED) { /* nobody catches that, and nothing is closed */
        T->process->jumps = jump->previous;
        T->process->c_depth = jump->c_depth;
        jump_out(T, status, T->error);
    }
    for (;;) {
        RiValue error = T->error;
        uint32_t limit = T == jump->thread ? jump->base : 2;
        uint32_t catcher = find_catcher(T, limit);
        if (catcher) {
            const RiCRecord *record = detached_catcher(T, T->stack + catcher);
            if (ri_has_tbc(T, record != NULL ? record->func : catcher))
                return close_with_error(T, catcher, error);
            return catch_in(T, catcher, status, error);
        }
        if (T == jump->thread && jump->is_resume) { /* its frames stay, to be looked at */
            T->process->jumps = jump->previous;
            T->process->c_depth = jump->c_depth;
            jump_out(T, status, error);
        }
        if (T == jump->thread && jump->catches)
            return RI_UNCAUGHT;
        if (T == jump->thread) {
            while (T->base != T->stack && offset_of(T, T->base) >= jump->base) /* a vararg function's lies higher */
                ri_leave_frame(T, RI_LINK_OF(T->base));
            if (jump->outer != NULL)
                T->heap->running = jump->outer;
            T->process->jumps = jump->previous;
            T->process->c_depth = jump->c_depth;
            jump_out(T, status, error);
        }
        RiThread *co = T;
        co->status = RI_THREAD_FAILED;
        co->failure = (int32_t)status;
        T = co->resumer;
        co->resumer = NULL;
        T->status = RI_THREAD_RUNNING;
        T->heap->running = T;
        if (T->base[-2].tag == RI_TAG_NATIVE) { /* coroutine.wrap propagates, with position */
            RiValue last = error;
            ri_coroutine_close(T, co, &last);
            if (status != RI_ERRMEM && ri_is_string(last)) {
                ri_push(T, last);
                RiString *where = ri_where(T, 1);
                last = ri_string_value(ri_str_concat2(T->heap, where, last.p));
            }
            ri_throw(T, last);
        }
        ri_push(T, ri_bool(false));
        ri_push(T, error);
        return ri_return_values(T, T->top - 2, 2);
    }
}

/* -- Regions --------------------------------------------------------------------------------------------------- */

static void enter_region(RiThread *T, RiJump *jump, JumpBuffer *buffer, uint32_t base, bool catches, RiValue handler)
{
    RiProcess *process = T->process;
    jump->previous = process->jumps;
    jump->thread = T;
    jump->base = base;
    jump->catches = catches;
    jump->yields = jump->is_resume = false;
    jump->outer = NULL;
    jump->c_depth = process->c_depth;
    jump->status = RI_OK;
    ri_store(&jump->handler, handler);
    jump->buffer = buffer;
    jump->native_sp = T->heap->native_sp;
    jump->host_stay = process->host_stay;
    jump->stack = NULL;
    process->jumps = jump;
}

/* A thread may be used without being resumed: it is the running one for as long as the region lasts. */
static RI_ALWAYS_INLINE void run_here(RiThread *T, RiJump *jump)
{
    jump->outer = T->heap->running;
    T->heap->running = T;
}

void ri_c_depth_exceeded(RiThread *T, uint32_t depth)
{
    if (depth == RI_C_DEPTH_MAX)
        ri_runtime_error(T, "C stack overflow");
    if (depth >= RI_C_DEPTH_MAX + 20) /* some more are allowed to whoever handles the overflow */
        ri_throw_status(T, RI_ERRERR, ri_string_value(ri_str_from_cstr(T->heap, "error in error handling")));
}

/* What C code outside this region holds lies above here on the stack. */
static RI_ALWAYS_INLINE void mark_stack_here(RiJump *jump)
{
#ifdef __x86_64__
    __builtin_unwind_init(); /* the caller's registers lie in this frame */
    __asm__ volatile("movq %%rsp, %0" : "=r"(jump->stack));
#else
    (void)jump;
#endif
}

void ri_run_call(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, bool yields)
{
    RiProcess *process = T->process;
    RiJump jump;
    JumpBuffer buffer;
    uint32_t depth = process->c_depth;
    enter_region(T, &jump, &buffer, offset_of(T, func) + 2, false, ri_nil());
    run_here(T, &jump);
    jump.yields = yields;
    mark_stack_here(&jump);
    RiAction action;
    if (SET_JUMP(buffer) == 0) {
        process->c_depth = depth + 1;
        ri_check_c_depth(T);
        action = ri_begin_call(T, func, nargs, wanted);
    } else {
        process->c_depth = depth + 1; /* an error handler that failed has left it higher */
        action = ri_unwind(process->heap->running);
    }
    if (action == RI_GO)
        ri_execute(process->heap->running);
    process->jumps = jump.previous;
    process->c_depth = depth;
}

/* Nothing in this frame is needed to go on after the task has parked: the region is entered anew. */
RiCallStatus ri_run_task(RiThread *T, RiValue *first, uint32_t nargs)
{
    RiProcess *process = T->process;
    RiHeap *heap = T->heap;
    RiExecTask *volatile task = ri_exec_task(T);
    RiJump jump;
    JumpBuffer buffer;
    enter_region(T, &jump, &buffer, 2, false, ri_nil());
    jump.c_depth = 0;
    mark_stack_here(&jump);
    task->parked = false;
    bool resumes = task->resumes_library;
    task->resumes_library = false;
    if (SET_JUMP(buffer)) {
        if (jump.status == RI_KILLED) {
            process->jumps = NULL;
            return RI_KILLED;
        }
        process->c_depth = 1;
        if (ri_unwind(heap->running) == RI_LEAVE)
            goto left;
    } else if (first != NULL) {
        process->c_depth = 1;
        if (ri_precall(T, first, nargs, -1, RI_LINK_ENTRY) == RI_LEAVE)
            goto left;
    } else if (resumes) {
        ri_task_resumes(heap->running);
        if (ri_resume_library(heap->running) == RI_LEAVE)
            goto left;
    } else {
        ri_task_resumes(heap->running);
    }
    ri_execute(heap->running);
left:
    process->jumps = NULL;
    return task->parked ? RI_YIELD : RI_OK;
}

void ri_run_again(RiThread *first, uint32_t count)
{
    RiProcess *process = first->process;
    RiThread *T = process->heap->running;
    RiJump jump;
    JumpBuffer buffer;
    uint32_t depth = process->c_depth;
    enter_region(first, &jump, &buffer, 2, false, ri_nil());
    mark_stack_here(&jump);
    bool goes_on;
    if (SET_JUMP(buffer)) {
        process->c_depth = depth + 1;
        goes_on = ri_unwind(process->heap->running) == RI_GO;
    } else {
        process->c_depth++;
        goes_on = ri_return_values(T, T->top - count, count) == RI_GO;
    }
    if (goes_on)
        ri_execute(process->heap->running);
    process->jumps = jump.previous;
    process->c_depth = depth;
}

/* What a protected call from C restores when it catches an error. */
typedef struct Before {
    uint32_t func, base, pc, no_yield, lib_depth, c_depth, record_count;
    bool hook_allowed;
} Before;

static void restore_frame(RiThread *T, const Before *before)
{
    T->base = T->stack + before->base;
    T->pc = before->pc;
    T->c_record_count = before->record_count;
}

/* An error has come to the region that catches it: RI_GO, RI_LEAVE as ri_unwind if a frame within it does before that. */
static RI_NOINLINE RiAction recover(RiThread *T, RiJump *jump, const Before *before)
{
    RiProcess *process = T->process;
    process->jumps = jump; /* closing may throw again, into here */
    if (jump->status != RI_KILLED) {
        process->c_depth = before->c_depth + 1;
        return ri_unwind(T->heap->running);
    }
    process->c_depth = before->c_depth;
    T->heap->running = T;
    if (jump->previous != NULL) { /* on to the outermost */
        process->jumps = jump->previous;
        jump_out(T, RI_KILLED, T->error);
    }
    return RI_UNCAUGHT;
}

/* Nobody else has: close what the call has left open, and push the error in its place. */
static RI_NOINLINE void catch_for_c(RiThread *T, RiCallStatus status, const Before *before)
{
    T->process->c_depth = before->c_depth;
    T->heap->running = T;
    while (status != RI_KILLED && ri_has_tbc(T, before->func)) {
        uint32_t at = ri_innermost_tbc(T);
        RiValue error = T->error, v = ri_pop_tbc_value(T);
        restore_frame(T, before);
        T->top = T->stack + at + 1;
        ri_push(T, error);
        RiValue method = ri_metafield(T, v, RI_MM_CLOSE);
        ri_push(T, method);
        ri_push_link(T);
        ri_push(T, v);
        ri_push(T, error);
        ri_call(T, 2, 0);
        T->error = T->top[-1];
    }
    restore_frame(T, before);
    T->no_yield = before->no_yield;
    T->lib_depth = before->lib_depth;
    T->hook_allowed = before->hook_allowed;
    T->in_hook = T->in_hook && !before->hook_allowed;
    T->top = T->stack + before->func;
    leave_overflow(T);
    ri_push(T, T->error);
}

static RiCallStatus pcall_from_c(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count,
                                 bool yields)
{
    RiProcess *process = T->process;
    RiJump jump;
    JumpBuffer buffer;
    RiValue *func = T->top - nargs - 2;
    const Before before = {.func = offset_of(T, func), .base = offset_of(T, T->base), .pc = T->pc, .no_yield = T->no_yield,
                           .lib_depth = T->lib_depth, .c_depth = process->c_depth, .record_count = T->c_record_count,
                           .hook_allowed = T->hook_allowed};
    enter_region(T, &jump, &buffer, before.func + 2, true, handler);
    run_here(T, &jump);
    jump.yields = yields;
    mark_stack_here(&jump);
    RiAction action;
    RiCallStatus status = RI_OK;
    if (SET_JUMP(buffer) == 0) {
        process->c_depth = before.c_depth + 1;
        ri_check_c_depth(T);
        action = ri_begin_call(T, func, nargs, wanted);
    } else {
        action = recover(T, &jump, &before);
    }
    if (action == RI_GO)
        ri_execute(process->heap->running);
    if (RI_UNLIKELY(action == RI_UNCAUGHT)) {
        status = jump.status;
        catch_for_c(T, status, &before);
    } else if (result_count != NULL) {
        *result_count = T->lib_nargs;
    }
    process->jumps = jump.previous;
    process->c_depth = before.c_depth;
    return status;
}

RiCallStatus ri_pcall(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count)
{
    return pcall_from_c(T, nargs, wanted, handler, result_count, false);
}

RiCallStatus ri_pcall_yieldable(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count)
{
    RiCRecord *record = ri_c_record_of(T, offset_of(T, T->base));
    record->state = state_to_step(T);
    return pcall_from_c(T, nargs, wanted, handler, result_count, true);
}

/* -- Coroutines that C code resumes ---------------------------------------------------------------------------- */

/* The C frames between co's frames and its resumer are about to go: what they called returns to their continuations. */
static void detach_c_frames(RiThread *co)
{
    for (RiValue *base = co->base; base != co->stack;) {
        RiLink *link = RI_LINK_OF(base);
        RiValue *caller = link->delta ? base - link->delta : co->stack;
        if (link->flags & RI_LINK_ENTRY) {
            RiCRecord *record = ri_c_record_of(co, offset_of(co, caller));
            ri_assert(record != NULL);
            record->detached = true;
            link->flags = (link->flags & ~(uint32_t)RI_LINK_ENTRY) | RI_LINK_LIB;
            co->lib_depth++;
        }
        base = caller;
    }
}

void ri_yield(RiThread *T)
{
    RiProcess *process = T->process;
    bool has_left = false;
    while (process->jumps->thread == T && !process->jumps->is_resume) {
        process->jumps = process->jumps->previous;
        has_left = true;
    }
    if (has_left)
        detach_c_frames(T);
    jump_out(T, RI_YIELD, T->error);
}

/* Run co in a region where its yields and errors end. */
static void resume_region(RiThread *co, uint32_t nargs)
{
    RiProcess *process = co->process;
    RiJump jump;
    JumpBuffer buffer;
    uint32_t depth = process->c_depth;
    enter_region(co, &jump, &buffer, 0, false, ri_nil());
    jump.is_resume = true;
    mark_stack_here(&jump);
    RiAction action;
    if (SET_JUMP(buffer) == 0) {
        process->c_depth++;
        ri_check_c_depth(co);
        action = ri_enter_coroutine(co, nargs);
    } else {
        process->c_depth = depth + 1;
        action = ri_unwind(process->heap->running);
    }
    if (action == RI_GO)
        ri_execute(process->heap->running);
    process->jumps = jump.previous;
    process->c_depth = depth;
}

RiCallStatus ri_resume_from_c(RiThread *co, const RiThread *from, uint32_t nargs)
{
    RiProcess *process = co->process;
    RiHeap *heap = co->heap;
    RiThread *volatile resumer = heap->running;
    RiJump jump;
    JumpBuffer buffer;
    uint32_t depth = process->c_depth, resumer_status = resumer->status;
    enter_region(co, &jump, &buffer, 0, true, ri_nil());
    co->is_resumed_by_c = true;
    co->resumer = resumer;
    co->c_depth = from != NULL ? from->c_depth + from->lib_depth : 0;
    resumer->status = RI_THREAD_NORMAL;
    co->status = RI_THREAD_RUNNING;
    heap->running = co;
    volatile RiCallStatus status = RI_OK;
    if (SET_JUMP(buffer) == 0) {
        resume_region(co, nargs);
        if (co->base != co->stack)
            status = RI_YIELD;
    } else {
        status = jump.status;
    }
    process->jumps = jump.previous;
    process->c_depth = depth;
    heap->running = resumer;
    co->resumer = NULL;
    co->is_resumed_by_c = false;
    if (resumer != co)
        resumer->status = (uint8_t)resumer_status;
    if (status == RI_KILLED)
        jump_out(resumer, status, co->error);
    if (status != RI_OK && status != RI_YIELD) {
        co->status = RI_THREAD_FAILED;
        co->failure = (int32_t)status;
        ri_push(co, co->error);
    }
    return status;
}

RiCallStatus ri_try(RiThread *T, void (*fn)(RiThread *T, void *argument), void *argument)
{
    RiProcess *process = T->process;
    RiJump jump;
    JumpBuffer buffer;
    uint32_t top = offset_of(T, T->top), base = offset_of(T, T->base), pc = T->pc, depth = process->c_depth;
    uint32_t record_count = T->c_record_count, no_yield = T->no_yield, lib_depth = T->lib_depth;
    enter_region(T, &jump, &buffer, top + 2, true, ri_nil());
    volatile RiCallStatus status = RI_OK;
    if (SET_JUMP(buffer) == 0) {
        fn(T, argument);
    } else {
        status = jump.status;
        if (status == RI_KILLED && jump.previous != NULL) {
            process->jumps = jump.previous;
            jump_out(T, status, T->error);
        }
        T->heap->running = T;
        T->base = T->stack + base;
        T->pc = pc;
        T->top = T->stack + top;
        T->c_record_count = record_count;
        T->no_yield = no_yield;
        T->lib_depth = lib_depth;
    }
    process->jumps = jump.previous;
    process->c_depth = depth;
    return status;
}

/* -- pcall, xpcall --------------------------------------------------------------------------------------------- */

/* Note with the frame what an error caught there has to restore: see drop_frames_above. */
void ri_lib_catch(RiThread *T)
{
    ri_lib_set_step(T, state_to_step(T));
}

int32_t ri_lib_pcall(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    for (RiValue *p = T->top; p > args + 1; p--) /* room for the link */
        ri_copy(p, p - 1);
    args[1].u = 0;
    args[1].tag = RI_TAG_LINK;
    T->top++;
    ri_lib_catch(T);
    return ri_lib_call(T, nargs - 1, -1);
}

int32_t ri_lib_pcall_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    ri_set_bool(&args[-2], true);
    for (uint32_t i = 0; i < nargs; i++)
        ri_copy(&args[(int32_t)i - 1], &args[i]);
    return (int32_t)nargs + 1;
}

int32_t ri_lib_xpcall(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_function(T, args, nargs, 1);
    RiValue f = args[0];
    ri_copy(&args[0], &args[1]);
    ri_store(&args[1], f);
    for (RiValue *p = T->top; p > args + 2; p--)
        ri_copy(p, p - 1);
    args[2].u = 0;
    args[2].tag = RI_TAG_LINK;
    T->top++;
    ri_lib_catch(T);
    return ri_lib_call(T, nargs - 2, -1);
}

int32_t ri_lib_xpcall_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_set_bool(&args[0], true); /* in the handler's place, just below the results */
    return ri_return_top(T, nargs);
}

/* -- Closing coroutines ---------------------------------------------------------------------------------------- */

/* The __close methods run in the coroutine, as if it had been resumed for that, but must not yield. */
bool ri_coroutine_close(RiThread *T, RiThread *co, RiValue *error)
{
    bool failed = co->status == RI_THREAD_FAILED;
    RiValue last = failed ? co->error : ri_nil();
    if (ri_has_tbc(co, 0)) {
        co->base = co->stack;
        co->pc = 0;
        co->no_yield = 1;
        co->hook_allowed = true;
        co->c_depth = T->c_depth;
        if (co != T) {
            co->resumer = T;
            co->status = RI_THREAD_RUNNING;
            T->status = RI_THREAD_NORMAL;
            T->heap->running = co;
        }
        while (ri_has_tbc(co, 0)) {
            uint32_t at = ri_innermost_tbc(co);
            RiValue v = ri_pop_tbc_value(co);
            co->top = co->stack + at + 1;
            leave_overflow(co);
            ri_push(co, last); /* keeps it alive */
            RiValue method = ri_metafield(co, v, RI_MM_CLOSE);
            ri_push(co, method);
            ri_push_link(co);
            ri_push(co, v);
            ri_push(co, last);
            if (ri_pcall(co, 2, 0, ri_nil(), NULL) != RI_OK) {
                failed = true;
                last = co->top[-1];
            }
        }
        if (co != T) {
            co->resumer = NULL;
            T->status = RI_THREAD_RUNNING;
            T->heap->running = T;
        }
    }
    co->no_yield = co->lib_depth = 0; /* lua_closethread leaves one that can be used again */
    co->status = RI_THREAD_DEAD;
    co->c_record_count = 0;
    if (co != T && !co->is_exposed)
        ri_thread_drop_stack(co);
    else
        co->base = co->top = co->stack;
    co->pc = 0;
    *error = last;
    return !failed;
}
