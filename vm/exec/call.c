/* Calls, returns, to-be-closed variables and coroutine switches.
 *
 * A call never uses C stack for Lua code: entering a Lua function sets up its frame and says RI_GO; a library function
 * runs at once, and what it signals (call this for me, yield, resume) is served by one loop, `serve`. A return looks at the
 * link of the frame it leaves: the link's flags say who called and what is to be done with the results. */
#include "vm/exec/call.h"

#include <string.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/hooks.h"
#include "vm/exec/opcode.h"
#include "vm/exec/semantics.h"

/* Not a RiLibSignal of a library function: the frame that T->base names is a library function to be resumed, or the
 * action is settled. */
enum { SERVE_SETTLED = -100 };

#define COROUTINE_SLOTS 40 /* of a coroutine's first stack */

/* -- Entering functions ---------------------------------------------------------------------------------------- */

static uint32_t delta_to(const RiThread *T, const RiValue *base)
{
    return T->base == T->stack ? 0 : (uint32_t)(base - T->base);
}

/* Make `func` callable: put its __call handler in front of the arguments. Returns the (moved) function slot. */
static RiValue *insert_call_handler(RiThread *T, RiValue *func, uint32_t nargs)
{
    RiTable *meta = ri_value_meta(T->process, *func);
    RiValue handler = ri_meta_get(T->heap, meta, RI_MM_CALL);
    if (ri_is_nil(handler))
        ri_error_call(T, *func);
    ptrdiff_t at = func - T->stack;
    if (!ri_is_function(handler)) /* it needs one itself: that may go round in circles */
        ri_poll(T);
    ri_stack_reserve(T, 1);
    func = T->stack + at;
    for (RiValue *p = T->top; p > func + 2; p--)
        ri_copy(p, p - 1);
    (void)nargs;
    ri_copy(func + 2, func);
    ri_store(func, handler);
    T->top++;
    return func;
}

/* More work on the arguments of the Lua function at `func` than enter_lua does: make room, fill up missing ones, move
 * parameters over varargs. Returns the frame's base; *extra as in its link. */
static RI_NOINLINE RiValue *arrange_arguments(RiThread *T, RiValue *func, uint32_t nargs, uint32_t *extra)
{
    const RiFeedback *fv = ((const RiClosure *)func->cp)->feedback;
    uint32_t params = fv->param_count;
    uint32_t need = fv->frame_size + (fv->is_vararg ? (nargs > params ? nargs : params) + params + 2 : params);
    if (RI_UNLIKELY(func + 2 + need > T->stack_limit)) {
        ptrdiff_t at = func - T->stack;
        ri_stack_grow(T, need + 2);
        func = T->stack + at;
    }
    RiValue *base = func + 2;
    for (; nargs < params; nargs++)
        ri_set_nil(&base[nargs]);
    if (!fv->is_vararg)
        return base;
    RiValue *moved = base + nargs + 2;
    ri_copy(&moved[-2], func);
    for (uint32_t i = 0; i < params; i++) {
        ri_copy(&moved[i], &base[i]);
        ri_set_nil(&base[i]);
    }
    *extra = nargs + 2;
    return moved;
}

/* `pc`: of the caller, as its link is to name it. */
static RI_ALWAYS_INLINE void enter_lua(RiThread *T, RiValue *func, uint32_t nargs, const uint32_t *pc, int32_t wanted,
                                       uint32_t flags)
{
    const RiFeedback *fv = ((const RiClosure *)func->cp)->feedback;
    uint32_t params = fv->param_count, extra = 0;
    RiValue *base = func + 2;
    if (RI_UNLIKELY(fv->is_vararg || nargs < params || base + params + fv->frame_size > T->stack_limit))
        base = arrange_arguments(T, func, nargs, &extra);
    ri_link_write(base, pc, delta_to(T, base), wanted, flags, extra);
    T->base = base;
    T->top = base + params;
    T->pc = 0;
    T->heap->running = T;
}

/* A call is a safe point, but one that cannot be left. Library code, or the engine in search of a metamethod, may call in a
 * loop or recursion what contains no other. Returns where `func` is then. */
static RI_NOINLINE RiValue *poll_call(RiThread *T, RiValue *func, uint32_t flags)
{
    ptrdiff_t at = func - T->stack;
    if (!(flags & RI_LINK_UNWIND)) /* there is an error on its way: later */
        ri_poll_slow(T);
    return T->stack + at;
}

/* Set up the frame of the callable at `func`. A Lua function: false. A library function has run: true, *signal is what
 * it returned, *link a copy of its link, since results may lie over the link itself. */
static bool enter(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, uint32_t flags, int32_t *signal,
                  RiLink *link)
{
    if (RI_UNLIKELY(--T->heap->budget < 0))
        func = poll_call(T, func, flags);
    for (;;) {
        if (func->tag == RI_TAG_CLOSURE) {
            if (RI_UNLIKELY(T->hook_mask)) {
                enter_lua(T, func, nargs, ri_pc_address(T), wanted, flags | RI_LINK_HOOK);
                T->hook_last_pc = 0;
                if (T->hook_mask & RI_HOOK_ENTER)
                    ri_debugger_entered(T);
                if (T->hook_mask & RI_HOOK_CALL) {
                    T->pc = 1;
                    ri_fire_transfer_hook(T, flags & RI_LINK_TAIL ? RI_HOOKED_TAIL_CALL : RI_HOOKED_CALL, 1,
                                          ((RiClosure *)T->base[-2].p)->feedback->param_count);
                    T->pc = 0;
                }
                return false;
            }
            enter_lua(T, func, nargs, ri_pc_address(T), wanted, flags);
            return false;
        }
        if (func->tag <= RI_TAG_CFUNC ? func->tag >= RI_TAG_LIBFN : func->tag == RI_TAG_NATIVE)
            break;
        func = insert_call_handler(T, func, nargs);
        nargs++;
    }
    if (RI_UNLIKELY(T->top > T->stack_limit)) {
        ptrdiff_t at = func - T->stack;
        ri_stack_grow(T, RI_STACK_RESERVE);
        func = T->stack + at;
    }
    RiValue *base = func + 2;
    if (RI_UNLIKELY(T->hook_mask))
        flags |= RI_LINK_HOOK;
    ri_link_write(base, ri_pc_address(T), delta_to(T, base), wanted, flags, 0);
    T->base = base;
    if (RI_UNLIKELY(T->hook_mask & RI_HOOK_CALL)) {
        ri_fire_transfer_hook(T, flags & RI_LINK_TAIL ? RI_HOOKED_TAIL_CALL : RI_HOOKED_CALL, 1, nargs);
        base = T->base;
    }
    *link = ri_link_load(base);
    *signal = ri_row_of(T, base[-2])->call(T, base, nargs);
    return true;
}

/* -- Coroutine switches ---------------------------------------------------------------------------------------- */

static RiAction serve(RiThread *T, int32_t signal, RiLink link);

static bool is_fresh(const RiThread *co)
{
    return co->base == co->stack;
}

/* Give `count` values at `first` (on another thread's stack) as results of T's current library frame, which is
 * coroutine.resume (true in front) or a wrapped coroutine. Returns the number of results. */
static int32_t results_of_resume(RiThread *T, const RiValue *first, uint32_t count)
{
    if (RI_UNLIKELY(T->base + count + 2 > T->stack_limit))
        ri_stack_grow(T, count + 2);
    RiValue *to = T->base - 2;
    if (T->base[-2].tag != RI_TAG_NATIVE) {
        ri_set_bool(to, true);
        to++;
    }
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&to[i], &first[i]);
    return (int32_t)(to + count - (T->base - 2));
}

static RiThread *switch_to_resumer(RiThread *co)
{
    RiThread *T = co->resumer;
    co->resumer = NULL;
    T->status = RI_THREAD_RUNNING;
    T->heap->running = T;
    if (RI_UNLIKELY(T->hook_is_wanted))
        ri_apply_wanted_hook(T);
    return T;
}

/* A coroutine gets its stack when it is first resumed; until then its function stands in for an error. */
static void begin_coroutine(RiThread *co, uint32_t count)
{
    ri_thread_resize_stack(co, COROUTINE_SLOTS);
    ri_push(co, co->error);
    ri_set_nil(&co->error);
    if (co->top + count + 4 > co->stack_limit)
        ri_stack_grow(co, count + 4);
}

/* The values that a yield returns lie at `first`: go on in the frame that yielded. Returns as enter does. */
static bool continue_coroutine(RiThread *co, const RiValue *first, uint32_t count, int32_t *signal, RiLink *link)
{
    RiValue self = co->base[-2];
    if (RI_UNLIKELY(self.tag == RI_TAG_CLOSURE)) /* a hook has yielded */
        return false;
    *link = ri_link_load(co->base);
    RiCRecord *record = self.tag != RI_TAG_LIBFN ? ri_c_record_of(co, (uint32_t)(co->base - co->stack)) : NULL;
    if (record == NULL) {
        for (uint32_t i = 0; i < count; i++) /* they are the results of its yield */
            ri_copy(&co->base[(int32_t)i - 2], &first[i]);
        *signal = (int32_t)count;
        return true;
    }
    if (first != co->top)
        for (uint32_t i = 0; i < count; i++)
            ri_copy(&co->top[i], &first[i]);
    co->top += count;
    *signal = ri_row_of(co, self)->resume(co, co->base, (uint32_t)(co->top - co->base));
    return true;
}

RiAction ri_enter_coroutine(RiThread *co, uint32_t nargs)
{
    int32_t signal;
    RiLink link;
    if (RI_UNLIKELY(co->resumer != NULL && co->resumer->hook_mask & RI_HOOK_ENTER))
        ri_debugger_resumed(co);
    if (is_fresh(co)) {
        ri_stack_reserve(co, 4);
        for (RiValue *p = co->top; p > co->top - nargs; p--)
            ri_copy(p, p - 1);
        RiValue *func = co->top - nargs - 1;
        func[1].u = 0;
        func[1].tag = RI_TAG_LINK;
        co->top++;
        if (!enter(co, func, nargs, -1, RI_LINK_CORO, &signal, &link))
            return RI_GO;
    } else {
        co->top -= nargs;
        if (!continue_coroutine(co, co->top, nargs, &signal, &link))
            return RI_GO;
    }
    return serve(co, signal, link);
}

/* coroutine.resume and wrap have checked their argument; start or continue it. */
static bool resume(RiThread **thread, int32_t *signal, RiLink *link)
{
    RiThread *T = *thread;
    bool wrapped = T->base[-2].tag == RI_TAG_NATIVE;
    RiThread *co = wrapped ? ri_self_native(T)->upvals[0].p : T->base[0].p;
    RiValue *first = T->base + (wrapped ? 0 : 1);
    uint32_t count = (uint32_t)(T->top - first);
    co->c_depth = T->c_depth + T->lib_depth + 1;
    if (co->stack == NULL)
        begin_coroutine(co, count);
    else if (co->top + count + 4 > co->stack_limit)
        ri_stack_grow(co, count + 4);
    co->resumer = T;
    co->status = RI_THREAD_RUNNING;
    T->status = RI_THREAD_NORMAL;
    co->heap->running = co;
    *thread = co;
    if (RI_UNLIKELY(T->hook_mask & RI_HOOK_ENTER))
        ri_debugger_resumed(co);
    if (is_fresh(co)) {
        RiValue *func = co->top - 1;
        ri_push_link(co);
        for (uint32_t i = 0; i < count; i++)
            ri_push(co, first[i]);
        return enter(co, func, count, -1, RI_LINK_CORO, signal, link);
    }
    return continue_coroutine(co, first, count, signal, link);
}

/* -- The usual switches: between Lua functions that have called resume (or a wrapped coroutine) and yield, no hooks ------ */

/* Is T's current frame one of a library function that a Lua function has called, and nothing else to be done when it returns? */
static RI_ALWAYS_INLINE bool is_plain_library_frame(const RiThread *T)
{
    const RiLink *link = RI_LINK_OF(T->base);
    return link->pc != NULL && link->delta != 0 && !(link->flags & RI_LINK_ACTIONS) && !T->hook_mask && !T->hook_is_wanted;
}

/* Such a frame returns `count` values, those at `first` on another thread's stack, behind a true if it is `flagged`. */
static RI_ALWAYS_INLINE void return_plainly(RiThread *T, const RiValue *first, uint32_t count, bool flagged)
{
    const RiLink link = ri_link_load(T->base);
    RiValue *to = T->base - 2, *end = to + link.wanted_plus_1 - 1;
    const RiValue *base = T->base - link.delta;
    if (flagged) {
        ri_set_bool(to, true);
        to++;
    }
    for (const RiValue *last = first + count; first < last; first++)
        ri_copy(to++, first);
    if (link.wanted_plus_1 > 0) {
        for (; to < end; to++)
            ri_set_nil(to);
        to = end;
    }
    T->top = to;
    T->base = (RiValue *)base;
    T->pc = (uint32_t)(link.pc - ri_feedback_words(((const RiClosure *)base[-2].cp)->feedback));
}

static RI_ALWAYS_INLINE bool resume_plainly(RiThread *T)
{
    bool wrapped = T->base[-2].tag == RI_TAG_NATIVE;
    RiThread *co = wrapped ? ri_self_native(T)->upvals[0].p : T->base[0].p;
    const RiValue *first = T->base + (wrapped ? 0 : 1);
    uint32_t count = (uint32_t)(T->top - first);
    if (co->stack == NULL || is_fresh(co) || co->base[-2].tag != RI_TAG_LIBFN || !is_plain_library_frame(co) ||
        co->top + count + 4 > co->stack_limit)
        return false;
    co->c_depth = T->c_depth + T->lib_depth + 1;
    co->resumer = T;
    co->status = RI_THREAD_RUNNING;
    T->status = RI_THREAD_NORMAL;
    T->heap->running = co;
    return_plainly(co, first, count, false);
    return true;
}

static RI_ALWAYS_INLINE bool yield_plainly(RiThread *co, uint32_t count)
{
    RiThread *T = co->resumer;
    if (co->is_resumed_by_c || !is_plain_library_frame(T) || T->base + count + 2 > T->stack_limit)
        return false;
    co->yield_count = count;
    co->resumer = NULL;
    co->status = RI_THREAD_READY;
    co->top -= count;
    T->status = RI_THREAD_RUNNING;
    T->heap->running = T;
    return_plainly(T, co->top, count, T->base[-2].tag != RI_TAG_NATIVE);
    return true;
}

/* Are there C frames to be left before T can yield? */
static RI_ALWAYS_INLINE bool yields_from_c(const RiThread *T)
{
    const RiJump *jump = T->process->jumps;
    return jump->thread == T && !jump->is_resume;
}

bool ri_switch_plainly(RiThread *T, int32_t signal)
{
    if (signal == RI_LIB_RESUME)
        return !T->hook_mask && resume_plainly(T);
    return signal == RI_LIB_YIELD && !yields_from_c(T) && yield_plainly(T, (uint32_t)(T->top - T->base));
}

/* -- Returning ------------------------------------------------------------------------------------------------- */

/* Fire the return hook of T's current frame; results lie at *first. */
static void hook_return(RiThread *T, const RiLink *link, RiValue **first, uint32_t count)
{
    if (T->hook_mask & RI_HOOK_RETURN) {
        RiValue *to = *first;
        RiValue *from = T->base - 2 + count + 2 > T->top ? T->base + count : T->top;
        if (to < T->base) { /* lift the results off the link while the hook looks at the frame */
            ptrdiff_t at = from - T->stack;
            T->top = from;
            ri_stack_reserve(T, count + 4);
            from = T->stack + at;
            to = T->base - 2;
            for (uint32_t i = count; i-- > 0;)
                ri_copy(&from[i], &to[i]);
            *RI_LINK_OF(T->base) = *link;
            to = from;
        }
        T->top = to + count;
        ptrdiff_t at = to - T->stack;
        ri_fire_transfer_hook(T, RI_HOOKED_RETURN, (uint32_t)(to - T->base) + 1, count);
        *first = T->stack + at;
    }
    uint32_t caller_pc = link->delta ? ri_link_pc(T->base[-(int32_t)link->delta - 2], link) : 0;
    T->hook_last_pc = caller_pc ? caller_pc - 1 : 0;
}

/* Its first function has returned. A thread that C code may know can be used again. */
static void end_coroutine(RiThread *co)
{
    co->tbc_count = co->c_record_count = 0;
    if (RI_LIKELY(!co->is_exposed)) {
        co->status = RI_THREAD_DEAD;
        ri_thread_drop_stack(co);
        return;
    }
    co->status = RI_THREAD_READY;
    co->base = co->top = co->stack;
}

/* Enter the library function of T's current frame again. */
static RI_ALWAYS_INLINE int32_t reenter(RiThread *T, RiLink *link)
{
    const RiLibFn *fn = ri_row_of(T, T->base[-2]);
    *link = ri_link_load(T->base);
    link->extra = 0; /* its step: no matter of returns, where a closure as a result may stand in the function's place */
    return fn->resume(T, T->base, (uint32_t)(T->top - T->base));
}

/* The current frame of *thread returns; *link is its link. SERVE_SETTLED: *action says how to go on; else the signal of
 * the library function that the results went to, and *link is that one's. */
static int32_t deliver(RiThread **thread, RiLink *out, RiValue *first, uint32_t count, RiAction *action)
{
    RiThread *T = *thread;
    const RiLink link = ri_link_load((const RiValue *)(const void *)out + 1); /* by words: it has been written so just now */
    if (RI_UNLIKELY(link.flags & RI_LINK_HOOK || T->hook_mask))
        hook_return(T, &link, &first, count);
    RiValue *func = T->base - 2;
    if (func->tag == RI_TAG_CLOSURE)
        func -= link.extra;
    if (link.flags & RI_LINK_NOYIELD)
        T->no_yield--;
    if (link.flags & RI_LINK_CORO && !T->is_resumed_by_c) {
        RiThread *co = T;
        T = *thread = switch_to_resumer(co);
        *out = ri_link_load(T->base);
        int32_t n = results_of_resume(T, first, count);
        end_coroutine(co);
        return n;
    }
    if (first != func)
        for (uint32_t i = 0; i < count; i++)
            ri_copy(&func[i], &first[i]);
    if (ri_link_wanted(&link) >= 0) {
        for (uint32_t i = count; i < (uint32_t)ri_link_wanted(&link); i++)
            ri_set_nil(&func[i]);
        count = (uint32_t)ri_link_wanted(&link);
    }
    T->top = func + count;
    ri_leave_frame(T, &link);
    *action = RI_GO;
    switch (link.flags & (RI_LINK_ENTRY | RI_LINK_META | RI_LINK_LIB | RI_LINK_UNWIND)) {
    case 0:
        if (RI_UNLIKELY(link.flags & RI_LINK_CORO)) { /* resumed from C */
            T->status = RI_THREAD_READY;
            T->tbc_count = T->c_record_count = 0;
            *action = RI_LEAVE;
        }
        return SERVE_SETTLED;
    case RI_LINK_ENTRY:
        T->lib_nargs = count;
        *action = RI_LEAVE;
        return SERVE_SETTLED;
    case RI_LINK_META: {
        if (ri_link_wanted(&link) < 0) { /* a library function called by TAILCALL: now the Lua frame returns the same */
            *out = ri_link_load(T->base);
            return deliver(thread, out, func, count, action);
        }
        RiValue v = *func;
        if (ri_link_wanted(&link) == 2) /* __lt standing in for __le */
            v = ri_bool(ri_is_falsy(v));
        T->top = func;
        *action = ri_finish_instruction(T, v);
        return SERVE_SETTLED;
    }
    case RI_LINK_LIB: {
        T->lib_depth--;
        return reenter(T, out);
    }
    case RI_LINK_UNWIND:
        *action = ri_unwind_continue(T);
        return SERVE_SETTLED;
    default:
        ri_unreachable();
    }
}

/* The `count` values on top of co are what it yields. False: to C code, which finds them there. */
static bool yield(RiThread **thread, uint32_t count, int32_t *signal, RiLink *link)
{
    RiThread *co = *thread;
    co->yield_count = count;
    RiThread *T = *thread = switch_to_resumer(co);
    co->status = RI_THREAD_READY;
    if (co->is_resumed_by_c)
        return false;
    *link = ri_link_load(T->base);
    *signal = results_of_resume(T, co->top - count, count);
    co->top -= count;
    return true;
}

RiAction ri_serve_yield(RiThread *co)
{
    int32_t signal;
    RiLink link;
    if (!yield(&co, co->yield_count, &signal, &link))
        return RI_LEAVE;
    return serve(co, signal, link);
}

/* The usual RI_LIB_CALL, of a Lua function: its frame is set up. False: nothing has happened. */
static RI_ALWAYS_INLINE bool call_for_library(RiThread *T)
{
    RiValue *func = T->top - T->lib_nargs - 2;
    if (RI_UNLIKELY(func->tag != RI_TAG_CLOSURE || T->hook_mask || T->heap->budget <= 0))
        return false;
    T->heap->budget--;
    T->lib_depth++;
    ri_check_c_depth(T);
    uint32_t flags = RI_LINK_LIB | T->lib_flags;
    T->lib_flags = 0;
    enter_lua(T, func, T->lib_nargs, NULL, T->lib_wanted, flags);
    return true;
}

/* Serve what the library function of T's current frame signalled until a Lua frame is to run or C is to be left. */
static RiAction serve(RiThread *T, int32_t signal, RiLink link)
{
    RiAction action = RI_GO;
    for (;;) {
        switch (signal) {
        case SERVE_SETTLED:
            return action;
        case RI_LIB_CALL: {
            if (RI_LIKELY(call_for_library(T)))
                return RI_GO;
            uint32_t flags = RI_LINK_LIB | T->lib_flags, nargs = T->lib_nargs;
            T->lib_flags = 0;
            T->lib_depth++;
            ri_check_c_depth(T);
            if (!enter(T, T->top - nargs - 2, nargs, T->lib_wanted, flags, &signal, &link))
                return RI_GO;
            break;
        }
        case RI_LIB_BLOCK:
        case RI_LIB_POLL:
            if (ri_safe_point(T)) {
                ri_park(T, true);
                return RI_LEAVE;
            }
            signal = reenter(T, &link);
            break;
        case RI_LIB_YIELD: {
            uint32_t count = (uint32_t)(T->top - T->base);
            if (RI_UNLIKELY(yields_from_c(T))) {
                T->yield_count = count;
                ri_yield(T);
            }
            if (ri_switch_plainly(T, signal))
                return RI_GO;
            if (!yield(&T, count, &signal, &link))
                return RI_LEAVE;
            break;
        }
        case RI_LIB_RESUME:
            if (ri_switch_plainly(T, signal) || !resume(&T, &signal, &link))
                return RI_GO;
            break;
        default:
            signal = deliver(&T, &link, T->base - 2, (uint32_t)signal, &action);
            break;
        }
    }
}

RiAction ri_precall(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, uint32_t flags)
{
    int32_t signal;
    RiLink link;
    if (!enter(T, func, nargs, wanted, flags, &signal, &link))
        return RI_GO;
    return serve(T, signal, link);
}

RiAction ri_resume_library(RiThread *T)
{
    RiLink link;
    int32_t signal = reenter(T, &link);
    return serve(T, signal, link);
}

RiAction ri_serve_library(RiThread *T, int32_t signal)
{
    return serve(T, signal, ri_link_load(T->base));
}

RiAction ri_serve_inline(RiThread *T, int32_t signal, const uint32_t *pc, uint32_t delta, int32_t wanted)
{
    const RiLink link = {.pc = pc, .delta = delta & RI_LINK_DELTA_MASK, .tag = RI_TAG_LINK, .wanted_plus_1 = (uint8_t)(wanted + 1)};
    return serve(T, signal, link);
}

/* A Lua function that a library function has called gives it `count` values: deliver and serve, for that alone and without
 * hooks. `tag` is the link's. */
static RI_NOINLINE RiAction return_to_library(RiThread *T, uint64_t tag, const RiValue *first, uint32_t count)
{
    RiValue *base = T->base, *func = base - 2 - (tag >> RI_LINK_EXTRA_SHIFT);
    uint32_t wanted_plus_1 = tag >> RI_LINK_WANTED_SHIFT & 0xff;
    if (RI_LIKELY(count == 1 && wanted_plus_1 == 2)) {
        ri_copy(func, first);
    } else {
        for (uint32_t i = 0; i < count; i++)
            ri_copy(&func[i], &first[i]);
        for (; count + 1 < wanted_plus_1; count++)
            ri_set_nil(&func[count]);
        count = wanted_plus_1 > 0 ? wanted_plus_1 - 1 : count;
    }
    base -= tag >> RI_LINK_DELTA_SHIFT & RI_LINK_DELTA_MASK;
    T->base = base;
    T->top = func + count;
    T->pc = 0;
    T->lib_depth--;
    T->no_yield -= (tag >> 8 & RI_LINK_NOYIELD) != 0;
    RiLink link;
    int32_t signal = reenter(T, &link);
    if (RI_LIKELY(signal == RI_LIB_CALL && call_for_library(T)))
        return RI_GO;
    return serve(T, signal, link);
}

/* A Lua function that C has called gives it `count` values: deliver, for that alone. */
static RI_NOINLINE RiAction return_to_c(RiThread *T, uint64_t tag, const RiValue *first, uint32_t count)
{
    RiValue *base = T->base, *func = base - 2 - (tag >> RI_LINK_EXTRA_SHIFT);
    const uint32_t *pc = base[-1].cp;
    uint32_t wanted_plus_1 = tag >> RI_LINK_WANTED_SHIFT & 0xff, delta = tag >> RI_LINK_DELTA_SHIFT & RI_LINK_DELTA_MASK;
    if (RI_LIKELY(count == 1 && wanted_plus_1 == 2)) {
        ri_copy(func, first);
    } else {
        for (uint32_t i = 0; i < count; i++)
            ri_copy(&func[i], &first[i]);
        for (; count + 1 < wanted_plus_1; count++)
            ri_set_nil(&func[count]);
        count = wanted_plus_1 != 0 ? wanted_plus_1 - 1 : count;
    }
    T->top = func + count;
    T->lib_nargs = count;
    T->base = delta ? base - delta : T->stack;
    T->pc = 0;
    if (RI_UNLIKELY(pc != NULL)) {
        const RiLink link = {.pc = pc};
        T->pc = ri_link_pc(T->base[-2], &link);
    }
    return RI_LEAVE;
}

static RI_NOINLINE RiAction return_anywhere(RiThread *T, RiValue *first, uint32_t count)
{
    RiAction action = RI_GO;
    RiLink link = ri_link_load(T->base);
    int32_t signal = deliver(&T, &link, first, count, &action);
    return signal == SERVE_SETTLED ? action : serve(T, signal, link);
}

RiAction ri_return_values(RiThread *T, RiValue *first, uint32_t count)
{
    uint64_t tag = T->base[-1].tag;
    if ((tag >> 8 & (RI_LINK_ACTIONS)) == RI_LINK_ENTRY && !T->hook_mask && T->base[-2].tag == RI_TAG_CLOSURE)
        return return_to_c(T, tag, first, count);
    if (RI_LIKELY((tag >> 8 & (RI_LINK_ACTIONS & ~RI_LINK_NOYIELD)) == RI_LINK_LIB && !T->hook_mask &&
                  T->base[-2].tag == RI_TAG_CLOSURE))
        return return_to_library(T, tag, first, count);
    return return_anywhere(T, first, count);
}

RiAction ri_tailcall(RiThread *T, RiValue *func, uint32_t nargs)
{
    while (!ri_is_function(*func)) {
        func = insert_call_handler(T, func, nargs);
        nargs++;
    }
    if (func->tag != RI_TAG_CLOSURE) /* called from this frame, which then returns what it gives: see deliver */
        return ri_precall(T, func, nargs, -1, RI_LINK_META);
    RiLink link = ri_link_load(T->base);
    RiValue *to = T->base - 2 - link.extra;
    for (uint32_t i = 0; i < nargs + 2; i++)
        ri_copy(&to[i], &func[i]);
    T->top = to + nargs + 2;
    ri_leave_frame(T, &link);
    return ri_precall(T, to, nargs, ri_link_wanted(&link), ((uint32_t)link.flags & ~(uint32_t)RI_LINK_HOOK) | RI_LINK_TAIL);
}

int32_t ri_lib_call(RiThread *T, uint32_t nargs, int32_t wanted)
{
    T->lib_nargs = nargs;
    T->lib_wanted = wanted;
    T->lib_flags = 0;
    return RI_LIB_CALL;
}

int32_t ri_lib_call_no_yield(RiThread *T, uint32_t nargs, int32_t wanted)
{
    T->lib_nargs = nargs;
    T->lib_wanted = wanted;
    T->lib_flags = RI_LINK_NOYIELD;
    T->no_yield++;
    return RI_LIB_CALL;
}

/* -- From C ---------------------------------------------------------------------------------------------------- */

/* What is called by the functions below without looking at anything but itself. */
static RI_ALWAYS_INLINE bool is_quiet(const RiThread *T)
{
    return T->hook_mask == 0 && T->heap->budget > 0 && T->top <= T->stack_limit;
}

static RI_ALWAYS_INLINE bool is_c_function(const RiValue *func)
{
    return func->tag == RI_TAG_CFUNC || (func->tag == RI_TAG_NATIVE && ((const RiNative *)func->cp)->fn->flags & RI_LIBFN_C);
}

/* enter and deliver, for a C function. */
static RI_ALWAYS_INLINE void run_c_function(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, uint32_t flags)
{
    RiValue *base = func + 2;
    uint32_t delta = delta_to(T, base), pc = T->pc;
    T->heap->budget--;
    ri_link_write(base, ri_pc_address(T), delta, wanted, flags, 0);
    T->base = base;
    uint32_t count = (uint32_t)T->process->hooks->c_function->call(T, base, nargs);
    base = T->base; /* the stack may have moved, and results may lie over the link */
    func = base - 2;
    if (RI_LIKELY(wanted >= 0)) {
        for (; count < (uint32_t)wanted; count++)
            ri_set_nil(&func[count]);
        count = (uint32_t)wanted;
    }
    T->base = delta ? base - delta : T->stack;
    T->pc = pc;
    T->top = func + count;
    T->lib_nargs = count;
}

bool ri_call_c_function(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted)
{
    RiProcess *process = T->process;
    const RiJump *jump = process->jumps;
    if (RI_UNLIKELY(!is_c_function(func) || !is_quiet(T) || (jump != NULL && jump->thread != T)))
        return false;
    process->c_depth++;
    T->no_yield++;
    ri_check_c_depth(T);
    run_c_function(T, func, nargs, wanted, RI_LINK_ENTRY);
    T->no_yield--;
    process->c_depth--;
    return true;
}

bool ri_call_c_from_lua(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted)
{
    if (!is_c_function(func) || RI_UNLIKELY(!is_quiet(T)))
        return false;
    run_c_function(T, func, nargs, wanted, 0);
    return true;
}

static RI_NOINLINE RiAction begin_other_call(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted)
{
    if (RI_UNLIKELY(!is_quiet(T)) || !is_c_function(func))
        return ri_precall(T, func, nargs, wanted, RI_LINK_ENTRY);
    run_c_function(T, func, nargs, wanted, RI_LINK_ENTRY);
    return RI_LEAVE;
}

RiAction ri_begin_call(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted)
{
    if (func->tag != RI_TAG_CLOSURE)
        return begin_other_call(T, func, nargs, wanted);
    const RiFeedback *fv = ((const RiClosure *)func->cp)->feedback;
    RiValue *base = func + 2, *top = base + fv->param_count;
    if (RI_UNLIKELY(!is_quiet(T) || fv->is_vararg || nargs < fv->param_count || top + fv->frame_size > T->stack_limit))
        return ri_precall(T, func, nargs, wanted, RI_LINK_ENTRY);
    T->heap->budget--;
    ri_link_write(base, ri_pc_address(T), delta_to(T, base), wanted, RI_LINK_ENTRY, 0);
    T->base = base;
    T->top = top;
    T->pc = 0;
    T->heap->running = T;
    return RI_GO;
}

uint32_t ri_call(RiThread *T, uint32_t nargs, int32_t wanted)
{
    ri_run_call(T, T->top - nargs - 2, nargs, wanted, false);
    return T->lib_nargs;
}

uint32_t ri_call_yieldable(RiThread *T, uint32_t nargs, int32_t wanted)
{
    ri_run_call(T, T->top - nargs - 2, nargs, wanted, true);
    return T->lib_nargs;
}

/* -- Metamethods ----------------------------------------------------------------------------------------------- */

static RiAction call_meta(RiThread *T, RiValue f, RiValue a, RiValue b, int32_t wanted)
{
    if (RI_UNLIKELY(T->top + 4 > T->stack_limit))
        ri_stack_grow(T, 4);
    RiValue *func = T->top;
    ri_store(func, f);
    func[1].u = 0;
    func[1].tag = RI_TAG_LINK;
    ri_store(&func[2], a);
    ri_store(&func[3], b);
    T->top = func + 4;
    return ri_precall(T, func, 2, wanted, RI_LINK_META);
}

RiAction ri_call_meta(RiThread *T, RiValue f, RiValue a, RiValue b)
{
    return call_meta(T, f, a, b, 1);
}

RiAction ri_call_meta_negated(RiThread *T, RiValue f, RiValue a, RiValue b)
{
    return call_meta(T, f, a, b, 2);
}

RiAction ri_call_meta3(RiThread *T, RiValue f, RiValue a, RiValue b, RiValue c)
{
    if (RI_UNLIKELY(T->top + 5 > T->stack_limit))
        ri_stack_grow(T, 5);
    RiValue *func = T->top;
    ri_store(func, f);
    func[1].u = 0;
    func[1].tag = RI_TAG_LINK;
    ri_store(&func[2], a);
    ri_store(&func[3], b);
    ri_store(&func[4], c);
    T->top = func + 5;
    return ri_precall(T, func, 3, 1, RI_LINK_META);
}

/* -- To-be-closed variables ------------------------------------------------------------------------------------ */

static uint32_t *tbc_slots(RiThread *T)
{
    return (uint32_t *)(void *)T->tbc->bytes;
}

/* Twice as large, with what the old one holds; NULL: one of `first_bytes`. Collects. */
static RiBuffer *larger_buffer(RiThread *T, const RiBuffer *old, size_t first_bytes)
{
    size_t bytes = old != NULL ? old->capacity * 2 : first_bytes;
    RiBuffer *grown = ri_heap_alloc(T->heap, sizeof(RiBuffer) + bytes, RI_SPACE_LEAF);
    ri_object_init(grown, RI_TAG_BUFFER, 0, 0, 0);
    grown->capacity = bytes;
    grown->used = 0;
    if (old != NULL)
        memcpy(grown->bytes, old->bytes, old->capacity);
    return grown;
}

void ri_mark_tbc(RiThread *T, RiValue *slot)
{
    if (ri_is_falsy(*slot))
        return;
    if (ri_is_nil(ri_metafield(T, *slot, RI_MM_CLOSE))) {
        const char *name = NULL;
        if (T->base[-2].tag == RI_TAG_CLOSURE)
            name = ri_local_name_of_slot(((RiClosure *)T->base[-2].p)->feedback->proto, (uint32_t)(slot - T->base), T->pc);
        else if (T->base != T->stack)
            name = "(C temporary)";
        ri_runtime_error(T, "variable '%s' got a non-closable value", name ? name : "?");
    }
    uint32_t capacity = T->tbc ? (uint32_t)(T->tbc->capacity / sizeof(uint32_t)) : 0;
    if (T->tbc_count == capacity) {
        ptrdiff_t at = slot - T->stack;
        T->tbc = larger_buffer(T, T->tbc, 8 * sizeof(uint32_t));
        slot = T->stack + at;
    }
    tbc_slots(T)[T->tbc_count++] = (uint32_t)(slot - T->stack);
}

bool ri_has_tbc(const RiThread *T, uint32_t level)
{
    return T->tbc_count && tbc_slots((RiThread *)T)[T->tbc_count - 1] >= level;
}

uint32_t ri_innermost_tbc(const RiThread *T)
{
    return tbc_slots((RiThread *)T)[T->tbc_count - 1];
}

RiValue ri_pop_tbc_value(RiThread *T)
{
    RiValue v = T->stack[tbc_slots(T)[--T->tbc_count]];
    return v.tag == RI_TAG_CELL ? ((const RiCell *)v.cp)->value : v;
}

bool ri_close_next(RiThread *T, uint32_t level, RiAction *action)
{
    if (!ri_has_tbc(T, level))
        return false;
    RiValue v = ri_pop_tbc_value(T);
    RiValue method = ri_metafield(T, v, RI_MM_CLOSE);
    if (ri_is_nil(method))
        ri_runtime_error(T, "attempt to call a nil value (metamethod 'close')");
    *action = ri_call_meta(T, method, v, ri_nil());
    return true;
}

/* -- Finishing an instruction after its metamethod -------------------------------------------------------------- */

static void branch(RiThread *T, const RiWord *code, RiWord w, bool truth, bool sense)
{
    (void)w;
    int32_t offset = (int32_t)code[T->pc];
    T->pc++;
    if (truth == sense)
        T->pc = (uint32_t)((int32_t)T->pc + offset);
}

RiAction ri_finish_instruction(RiThread *T, RiValue v)
{
    const RiProto *proto = ((RiClosure *)T->base[-2].p)->feedback->proto;
    const RiWord *code = proto->code;
    RiWord w = code[T->pc - 1];
    RiOpcode op = (RiOpcode)RI_WORD_OP(w);
    const RiOpInfo *info = &ri_op_info[op];
    RiValue *base = T->base;
    switch (op) {
    case RI_OP_SELF: {
        RiValue o = T->top[-1];
        ri_store(&T->top[-1], v);
        ri_push_link(T);
        ri_push(T, o);
        break;
    }
    case RI_OP_SELF_L:
        ri_push(T, v);
        ri_push_link(T);
        ri_push(T, base[RI_WORD_A(w)]);
        break;
    case RI_OP_INITFIELD: /* the table stays */
        T->top--;
        break;
    case RI_OP_GETFIELD_UM:
    case RI_OP_GETFIELD_LM:
        ri_push(T, v);
        ri_push_link(T);
        break;
    case RI_OP_ADD_LLT:
    case RI_OP_SUB_LLT:
    case RI_OP_MUL_LLT:
    case RI_OP_ADD_LKT:
    case RI_OP_SUB_LKT:
    case RI_OP_MUL_LKT:
        ri_store(&base[RI_WORD_A(w)], v);
        break;
    case RI_OP_EQ:
    case RI_OP_LT:
    case RI_OP_LE:
    case RI_OP_GT:
    case RI_OP_GE:
        T->top -= 2;
        ri_push(T, ri_bool(!ri_is_falsy(v)));
        break;
    case RI_OP_NE:
        T->top -= 2;
        ri_push(T, ri_bool(ri_is_falsy(v)));
        break;
    case RI_OP_JEQ_K:
    case RI_OP_JLT_K:
    case RI_OP_JLE_K:
    case RI_OP_JGT_K:
    case RI_OP_JGE_K:
        T->top -= 1;
        branch(T, code, w, !ri_is_falsy(v), RI_WORD_A(w));
        break;
    case RI_OP_CONCAT: /* the two topmost live operands give way to v; a placeholder fills the hole */
        return ri_concat_continue(T, v, RI_WORD_A(w));
    case RI_OP_CLOSE:
        T->pc--; /* there may be more to close */
        break;
    default:
        if (ri_op_has_flag(op, 'J')) {
            T->top -= info->pops;
            branch(T, code, w, !ri_is_falsy(v), RI_WORD_C(w));
        } else {
            T->top -= info->pops;
            if (info->pushes == 1)
                ri_push(T, v);
        }
        break;
    }
    return RI_GO;
}

/* -- Coroutines ------------------------------------------------------------------------------------------------ */

RiThread *ri_coroutine_new(RiThread *T, RiValue function)
{
    RiThread *co = ri_thread_new(T->heap, T->process, 0);
    ri_store(&co->error, function);
    co->hook_allowed = true;
    co->extra = T->process->main->extra;
    if (T->c_hook != NULL) { /* Lua hooks are each thread's own (debug.sethook) */
        co->hook_mask = T->hook_mask & RI_HOOK_EVENTS;
        co->c_hook = T->c_hook;
        co->hook_count = T->hook_count;
        co->hook_left = T->hook_count;
    }
    RiDebugger *d = ri_debugger_of(T->heap);
    if (RI_UNLIKELY(d != NULL) && d->on_coroutine != NULL && !d->is_busy)
        d->on_coroutine(d, co);
    return co;
}

bool ri_is_yieldable(const RiThread *T)
{
    const RiJump *jump = T->process->jumps;
    if (T->resumer == NULL || T->no_yield > 0)
        return false;
    for (; jump != NULL && jump->thread == T && !jump->is_resume; jump = jump->previous) {
        if (!jump->yields)
            return false;
    }
    return true;
}

/* What lua_newthread makes has nothing to run until something is pushed; finished ones that C code knows are like that. */
bool ri_has_nothing_to_run(const RiThread *co)
{
    return co->stack != NULL && co->base == co->stack && co->top == co->stack;
}

void ri_thread_expose(RiThread *co)
{
    if (RI_LIKELY(co->is_exposed))
        return;
    if (co->stack == NULL) {
        RiValue function = co->error;
        ri_thread_resize_stack(co, COROUTINE_SLOTS);
        if (co->status == RI_THREAD_READY)
            ri_push(co, function);
        if (co->status != RI_THREAD_FAILED)
            ri_set_nil(&co->error);
    }
    co->is_exposed = true;
}

/* -- Records of C functions -------------------------------------------------------------------------------------- */

static RiCRecord *c_records(const RiThread *T)
{
    return (RiCRecord *)(void *)T->c_records->bytes;
}

RiCRecord *ri_c_record_push(RiThread *T)
{
    uint32_t capacity = T->c_records ? (uint32_t)(T->c_records->capacity / sizeof(RiCRecord)) : 0;
    if (T->c_record_count == capacity)
        T->c_records = larger_buffer(T, T->c_records, 4 * sizeof(RiCRecord));
    RiCRecord *record = &c_records(T)[T->c_record_count++];
    *record = (RiCRecord){.base = (uint32_t)(T->base - T->stack)};
    return record;
}

RiCRecord *ri_c_record_of(const RiThread *T, uint32_t base)
{
    for (uint32_t i = T->c_record_count; i-- > 0;) {
        RiCRecord *record = &c_records(T)[i];
        if (record->base == base)
            return record;
        if (record->base < base)
            break;
    }
    return NULL;
}

void ri_c_records_drop(RiThread *T, uint32_t base)
{
    while (T->c_record_count > 0 && c_records(T)[T->c_record_count - 1].base > base)
        T->c_record_count--;
}
