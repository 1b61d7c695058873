/* On in machine code when the library has set up a frame, has left one, or has switched to another thread.
 *
 * A library function that calls back (sort, gsub, pcall) or switches coroutines signals what it wants, and call.c does it. Then
 * some frame is current, and all is exact: what is left to find out is whether the machine stack can be used for it.
 *
 * - The callee of a library function runs as if called by the code that called the library function. Its return lets the library
 *   go on, which calls it again, or is done: then the code of the Lua frame below goes on at the site of its call ("land").
 * - A coroutine that is resumed runs above the resumer's return addresses, on a `bottom` of its own; what it has called and not
 *   left at a yield is returned to by way of `bottom` later. A yield drops the machine stack back to the site of the resume,
 *   which j->switches knows. An exit of any kind ends the stay, and makes its entries void: they carry its stamp. */
#include "jit/core.h"

static const void *run_address(const RiJit *j, uint32_t address)
{
    return ri_jit_run_address(j, address);
}

static const void *to_interpreter(void)
{
    return (const void *)RI_NATIVE_GO_ON;
}

/* Of the stay in machine code that is under way: see emit_enter. */
static uint64_t current_stamp(const RiJit *j)
{
    return ((const uint64_t *)j->heap->native_sp)[1];
}

/* The same, where there is code already. NULL: look again. */
static RI_ALWAYS_INLINE const void *made_code_of_frame(const RiJit *j, const RiThread *T)
{
    const RiFeedback *fv = ((const RiClosure *)T->base[-2].cp)->feedback;
    const RiJitFn *fn = fv->native;
    if (!fn || fn->generation != j->generation || fn->refused || j->stale || ri_jit_is_break(fv, T->pc) ||
        !ri_jit_has_stack(j->heap) || T->pc == 0)
        return NULL;
    uint32_t entry = fn->pcs[T->pc].entry;
    return entry ? run_address(j, entry) : NULL;
}

static RI_NOINLINE const void *code_of_frame(RiJit *j, RiThread *T)
{
    const RiHeap *heap = j->heap;
    if (T->hook_mask || !ri_jit_has_stack(heap) || T->base == T->stack || T->base[-2].tag != RI_TAG_CLOSURE ||
        !((RiClosure *)T->base[-2].p)->feedback->is_warm)
        return to_interpreter();
    if (T->pc == 0 && !ri_jit_is_hot(j, ((RiClosure *)T->base[-2].p)->feedback, 0))
        return to_interpreter();
    uint32_t address = ri_jit_entry(j, T, T->pc);
    return address ? run_address(j, address) : to_interpreter();
}

static const void *follow_here(RiJit *j, RiThread *T, ptrdiff_t base, uint32_t delta)
{
    if (T->hook_mask || base < 0)
        return to_interpreter();
    if (T->base - T->stack == base) {
        j->landing.base = T->base + delta;
        return run_address(j, j->land_address);
    }
    if (T->base < T->stack + base || T->pc != 0)
        return to_interpreter();
    return --j->heap->budget < 0 ? (const void *)RI_NATIVE_SAFE_POINT : code_of_frame(j, T);
}

/* Entries of stays that are over without having been left in order, by an error. */
static void drop_old_switches(RiJit *j, uint64_t stamp)
{
    while (j->switch_count && j->switches[j->switch_count - 1].stamp > stamp)
        j->switch_count--;
}

static RI_ALWAYS_INLINE const void *switch_in(RiJit *j, RiThread *T, RiThread *co, const void *code, ptrdiff_t base,
                                              uint32_t delta, const void *rsp)
{
    uint64_t stamp = current_stamp(j);
    drop_old_switches(j, stamp);
    if (code == to_interpreter() || j->switch_count == RI_JIT_SWITCHES_MAX)
        return to_interpreter();
    j->switches[j->switch_count++] =
        (RiJitSwitch){.resumer = T, .co = co, .rsp = rsp, .stamp = stamp, .base = base, .delta = delta};
    j->landing.target = code;
    return run_address(j, j->switch_in_address);
}

static RI_ALWAYS_INLINE const void *switch_out(RiJit *j, const RiThread *co, RiThread *now)
{
    uint64_t stamp = current_stamp(j);
    drop_old_switches(j, stamp);
    if (!j->switch_count || j->switches[j->switch_count - 1].stamp != stamp)
        return to_interpreter();
    const RiJitSwitch *s = &j->switches[--j->switch_count];
    if (s->co != co || s->resumer != now || now->base - now->stack != s->base)
        return to_interpreter();
    j->landing.base = now->base + s->delta;
    j->landing.rsp = s->rsp;
    return run_address(j, j->switch_out_address);
}

const void *ri_jit_follow(RiThread *T, ptrdiff_t base, uint32_t delta, const void *rsp)
{
    RiJit *j = T->heap->jit;
    RiThread *now = T->heap->running;
    if (now == T)
        return follow_here(j, T, base, delta);
    if (now->hook_mask)
        return to_interpreter();
    return rsp && now->resumer == T ? switch_in(j, T, now, code_of_frame(j, now), base, delta, rsp) : switch_out(j, T, now);
}

const void *ri_jit_switch(RiThread *T, int32_t signal, uint32_t delta, const void *rsp)
{
    ptrdiff_t base = T->base - delta - T->stack;
    if (!ri_switch_plainly(T, signal))
        return NULL;
    RiJit *j = T->heap->jit;
    RiThread *now = T->heap->running;
    if (signal == RI_LIB_YIELD)
        return switch_out(j, T, now);
    const void *code = made_code_of_frame(j, now);
    return switch_in(j, T, now, code ? code : code_of_frame(j, now), base, delta, rsp);
}

ptrdiff_t ri_jit_lua_caller(const RiThread *T, uint32_t *delta)
{
    const RiValue *base = T->base;
    do {
        const RiLink *link = RI_LINK_OF(base);
        if (link->delta == 0 || link->flags & RI_LINK_ENTRY)
            return -1;
        *delta = link->delta;
        base -= link->delta;
    } while (base[-2].tag != RI_TAG_CLOSURE);
    return base - T->stack;
}

/* -- Routines: gone to with rsp as in a function's code ------------------------------------------------------------------ */

void ri_jit_emit_switch_routines(RiJit *j)
{
    RiAsm *as = j->as;
    j->land_address = as->at; /* to the site of the call of the library function */
    ri_x_imm(as, RI_RAX, (int64_t)(uintptr_t)&j->landing);
    ri_x_rm(as, RI_X_LOAD, RI_RBX, ri_mem(RI_RAX, offsetof(RiJitLanding, base)));
    ri_x_imm(as, RI_RCX, 2); /* to whom it may concern: the frame has been left */
    ri_x_alu(as, RI_ALU_ADD, RI_RSP, 8);
    ri_x_ret(as);

    j->switch_in_address = as->at;
    ri_x_rm(as, RI_X_LOAD, RI_R12, OF_HEAP(running));
    ri_x_rm(as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_imm(as, RI_RAX, (int64_t)(uintptr_t)ri_jit_run_address(j, j->bottom_address));
    ri_x_push(as, RI_RAX);
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, 8);
    ri_x_imm(as, RI_RAX, (int64_t)(uintptr_t)&j->landing);
    ri_x_rm(as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, offsetof(RiJitLanding, target)));
    ri_x_jmp_reg(as, RI_RAX);

    j->switch_out_address = as->at;
    ri_x_rm(as, RI_X_LOAD, RI_R12, OF_HEAP(running));
    ri_x_imm(as, RI_RAX, (int64_t)(uintptr_t)&j->landing);
    ri_x_rm(as, RI_X_LOAD, RI_RBX, ri_mem(RI_RAX, offsetof(RiJitLanding, base)));
    ri_x_rm(as, RI_X_LOAD, RI_RSP, ri_mem(RI_RAX, offsetof(RiJitLanding, rsp)));
    ri_x_imm(as, RI_RCX, 2);
    ri_x_pop(as, RI_RAX); /* the processor would expect a return to go elsewhere */
    ri_x_jmp_reg(as, RI_RAX);
}
