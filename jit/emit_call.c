/* Emitters: calls and returns.
 *
 * Frames are laid out as vm/exec/call.c has them: link, base, pc are exact whenever anybody may look. Beside that a call of
 * compiled code pushes a return address on the machine stack, so that a return is predicted. An exit drops all of them: the
 * frames are then returned to through `bottom`. */
#include "jit/core.h"

#include <string.h>

#include "vm/exec/abstract.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/intrinsics.h"

#define LINK_WANTED (0xffu << RI_LINK_WANTED_SHIFT)
#define LINK_ACTIONS ((uint32_t)RI_LINK_ACTIONS << 8)
#define LINK_MORE (0xfeu << RI_LINK_WANTED_SHIFT)

/* -- Results ------------------------------------------------------------------------------------------------------------------ */

/* A call at slot `func` has been done: `wanted` results lie there, or all up to T->top. */
static void results(RiJit *j, uint32_t func, int32_t wanted)
{
    j->depth = func;
    j->snap = NULL;
    j->is_open = wanted < 0; /* who comes next looks at T->top */
    for (int32_t i = 0; i < wanted; i++)
        ri_jit_set_memory(j, func + (uint32_t)i, TYPE_UNKNOWN);
}

void ri_jit_emit_return_point(RiJit *j, uint32_t func)
{
    ri_x_alu(j->as, RI_ALU_SUB, RI_RBX, (int32_t)(func + 2) * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
}

/* After the call: go on with what follows when it is reached for the first time, as then the results can be looked at. */
static RiJitResult go_on_later(RiJit *j, int32_t wanted)
{
    if (wanted <= 0) /* open results are taken by the next instruction, in this block */
        return EMIT_ON;
    ri_jit_jump_to_stub(j, j->next_pc);
    return EMIT_END;
}

RiJitResult ri_jit_called(RiJit *j, uint32_t func, int32_t wanted)
{
    ri_jit_drop_registers(j, true);
    results(j, func, wanted);
    return go_on_later(j, wanted);
}

/* -- Any call ------------------------------------------------------------------------------------------------------------------ */

/* A library function has signalled, or a hook was set meanwhile: as the interpreter does. */
static const void *help_serve(RiThread *T, int32_t n, uint32_t delta, int32_t wanted, uint32_t pc, const void *rsp)
{
    const void *switched = ri_jit_switch(T, n, delta, rsp);
    if (switched)
        return switched;
    const RiValue *caller = T->base - delta;
    ptrdiff_t base = caller - T->stack;
    const uint32_t *code = ((const RiClosure *)caller[-2].cp)->feedback->code;
    RiAction action = ri_serve_inline(T, n, code + pc, delta, wanted);
    return action == RI_LEAVE ? (const void *)RI_NATIVE_LEAVE : ri_jit_follow(T, base, delta, rsp);
}

static inline bool is_library_function(const RiValue *func)
{
    return func->tag == RI_TAG_LIBFN || (func->tag == RI_TAG_NATIVE && !(((const RiNative *)func->cp)->fn->flags & RI_LIBFN_C));
}

/* Call the library function at func, without hooks and with room for it: the interpreter's way. Returns as help_call. */
static const void *call_library(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, const void *rsp)
{
    RiValue *args = func + 2;
    uint32_t delta = (uint32_t)(args - T->base), pc = T->pc;
    const RiLibFn *fn = func->tag == RI_TAG_LIBFN ? func->cp : ((const RiNative *)func->cp)->fn;
    ri_link_write(args, ri_pc_address(T), delta, wanted, 0, 0);
    T->base = args;
    int32_t n = fn->call(T, args, nargs);
    if (RI_UNLIKELY(n < 0 || T->hook_mask))
        return help_serve(T, n, delta, wanted, pc, rsp);
    func = T->base - 2; /* the stack may have moved, and results may lie over the link */
    for (; n < wanted; n++)
        ri_set_nil(&func[n]);
    T->base = func + 2 - delta;
    T->pc = pc;
    T->top = func + (wanted < 0 ? n : wanted);
    return NULL;
}

/* Call what is at func. 0: done; RI_NATIVE_…: leave; else the address of the callee's code, its frame is set up. */
static const void *help_call(RiThread *T, RiValue *func, uint32_t nargs, int32_t wanted, const void *rsp)
{
    RiHeap *heap = T->heap;
    ptrdiff_t base = T->base - T->stack;
    uint32_t pc = T->pc, delta = (uint32_t)(func + 2 - T->base);
    if (RI_LIKELY(is_library_function(func) && !T->hook_mask && T->top <= T->stack_limit))
        return call_library(T, func, nargs, wanted, rsp);
    if (ri_call_c_from_lua(T, func, nargs, wanted)) {
        if (RI_LIKELY(heap->budget > 0 && !T->hook_mask))
            return NULL;
    } else if (ri_precall(T, func, nargs, wanted, 0) == RI_LEAVE) {
        return (const void *)RI_NATIVE_LEAVE;
    }
    RiThread *now = heap->running;
    if (--heap->budget < 0)
        return (const void *)RI_NATIVE_SAFE_POINT;
    if (now == T && T->base - T->stack == base && T->pc == pc && !T->hook_mask)
        return NULL;
    const void *code = ri_jit_follow(T, base, delta, rsp);
    if ((uintptr_t)code > RI_NATIVE_SAFE_POINT && now == T && T->pc == 0 && !(RI_LINK_OF(T->base)->flags & RI_LINK_ACTIONS))
        ri_jit_make_call_entry(heap->jit, T);
    return code;
}

/* The routine for calls of whatever it may be: rsi function (its address), edx arguments, rax and rdi what the link is to be;
 * pc and top are saved. A Lua function with an entry for all types is gone to directly, and returns to the site of the call. */
void ri_jit_emit_call_routine(RiJit *j)
{
    RiAsm *as = j->as;
    uint32_t slow[6], count = 0;
    j->call_address = as->at;
    ri_x_alu32_mem(as, RI_ALU_CMP, ri_mem(RI_RSI, 8), RI_TAG_CLOSURE);
    slow[count++] = ri_x_jcc(as, RI_CC_NE, 0);
    ri_x_rm(as, RI_X_LOAD, RI_R8, ri_mem(RI_RSI, 0));
    ri_x_rm(as, RI_X_LOAD, RI_R8, ri_mem(RI_R8, offsetof(RiClosure, feedback)));
    ri_x_rm(as, RI_X_LOAD, RI_R9, ri_mem(RI_R8, offsetof(RiFeedback, native)));
    ri_x_rr(as, RI_X_TEST, RI_R9, RI_R9);
    slow[count++] = ri_x_jcc(as, RI_CC_E, 0);
    ri_x_rm(as, RI_X_LOAD, RI_R10, ri_mem(RI_R9, offsetof(RiJitFn, call_entry)));
    ri_x_rr(as, RI_X_TEST, RI_R10, RI_R10);
    slow[count++] = ri_x_jcc(as, RI_CC_E, 0);
    ri_x_imm(as, RI_RCX, (int64_t)(uintptr_t)&j->generation);
    ri_x_rm(as, RI_X_LOAD, RI_RCX, ri_mem(RI_RCX, 0));
    ri_x_rm(as, RI_X_CMP, RI_RCX, ri_mem(RI_R9, offsetof(RiJitFn, generation)));
    slow[count++] = ri_x_jcc(as, RI_CC_NE, 0);
    ri_x_rm(as, RI_X_LOADBYTE, RI_RCX, ri_mem(RI_R8, offsetof(RiFeedback, param_count)));
    ri_x_rr(as, RI_X_CMP32, RI_RCX, RI_RDX);
    slow[count++] = ri_x_jcc(as, RI_CC_A, 0);
    ri_x_rm(as, RI_X_LOAD32, RI_RCX, ri_mem(RI_R8, offsetof(RiFeedback, frame_size)));
    ri_x_shift(as, RI_SHIFT_LEFT, RI_RCX, 4);
    ri_x_rm(as, RI_X_LEA, RI_RCX, ri_mem_index(RI_RSI, RI_RCX, 1, 32));
    ri_x_rm(as, RI_X_CMP, RI_RCX, OF_THREAD(stack_limit));
    slow[count++] = ri_x_jcc(as, RI_CC_A, 0);
    ri_x_rm(as, RI_X_STORE, RI_RAX, ri_mem(RI_RSI, 16));
    ri_x_rm(as, RI_X_STORE, RI_RDI, ri_mem(RI_RSI, 24));
    ri_x_rm(as, RI_X_LEA, RI_RBX, ri_mem(RI_RSI, 32));
    ri_x_rm(as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    ri_x_jmp_reg(as, RI_R10);

    for (uint32_t i = 0; i < count; i++)
        ri_x_land(as, slow[i]);
    ri_x_push(as, RI_RDI); /* rsp is a multiple of 16 now */
    ri_x_shift(as, RI_SHIFT_RIGHT, RI_RDI, RI_LINK_WANTED_SHIFT);
    ri_x_rr(as, RI_X_ZEROBYTE, RI_RCX, RI_RDI);
    ri_x_alu32(as, RI_ALU_SUB, RI_RCX, 1);
    ri_x_rm(as, RI_X_LEA, RI_R8, ri_mem(RI_RSP, 8));
    ri_x_rr(as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_c(j, HELPER(help_call));
    ri_x_pop(as, RI_RDI);
    ri_x_rm(as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_alu(as, RI_ALU_CMP, RI_RAX, RI_NATIVE_SAFE_POINT);
    uint32_t native = ri_x_jcc(as, RI_CC_A, 0);
    ri_x_rr(as, RI_X_TEST32, RI_RAX, RI_RAX);
    ri_x_jcc(as, RI_CC_NE, j->exit_address);
    ri_x_shift(as, RI_SHIFT_RIGHT, RI_RDI, RI_LINK_DELTA_SHIFT);
    ri_x_alu32(as, RI_ALU_AND, RI_RDI, RI_LINK_DELTA_MASK);
    ri_x_shift(as, RI_SHIFT_LEFT, RI_RDI, 4);
    ri_x_rr(as, RI_X_ADD, RI_RBX, RI_RDI); /* as a callee leaves it */
    ri_x_ret(as);
    ri_x_land(as, native);
    ri_x_jmp(as, j->jump_thunk_address);
}

static RiJitResult emit_any_call(RiJit *j, uint32_t func, uint32_t nargs, bool open, int32_t wanted)
{
    RiValue link[2];
    ri_link_write(&link[1], ri_feedback_words(j->fv) + j->pc + 1, func + 2 - j->base, wanted, 0, 0);
    ri_jit_flush_for_call(j);
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(func));
    if (open) {
        ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)j->pc + 1);
        ri_x_rm(j->as, RI_X_LOAD, RI_RDX, OF_THREAD(top));
        ri_x_rr(j->as, RI_X_SUB, RI_RDX, RI_RSI);
        ri_x_shift(j->as, RI_SHIFT_RIGHT, RI_RDX, 4);
        ri_x_alu32(j->as, RI_ALU_SUB, RI_RDX, 2);
    } else {
        ri_jit_save_state(j, j->pc + 1);
        ri_x_imm(j->as, RI_RDX, nargs);
    }
    j->is_framed = false; /* the return point sees to that */
    ri_x_imm(j->as, RI_RAX, link[0].i);
    ri_x_imm(j->as, RI_RDI, (int64_t)link[0].tag);
    ri_x_call(j->as, j->call_address);
    ri_jit_emit_return_point(j, func);
    ri_jit_drop_registers(j, true);
    results(j, func, wanted);
    return go_on_later(j, wanted);
}

/* -- Lua functions ---------------------------------------------------------------------------------------------------------------- */

/* A stub for the entry of `fv` with arguments as they are here from slot `first` on. */
RiJitStub *ri_jit_entry_stub(RiJit *j, RiFeedback *fv, uint32_t first, uint32_t nargs)
{
    RiJitSnap *snap = ri_jit_alloc(j, sizeof *snap + fv->param_count * sizeof(RiJitSlot));
    snap->depth = fv->param_count;
    for (uint32_t i = 0; i < fv->param_count; i++) {
        uint8_t type = i < nargs ? j->slots[first + i].type : TYPE_NIL;
        snap->slots[i] = (RiJitSlot){.type = type, .where = IN_MEMORY, .memtag = type, .synced = true};
        if (type == TYPE_NIL || type == TYPE_FALSE || type == TYPE_TRUE) {
            snap->slots[i].where = IN_CONSTANT;
            snap->slots[i].k = (RiValue){.tag = (uint64_t)type - 1};
        }
    }
    RiJitStub *stub = ri_jit_stub(j, STUB_CALL, fv, 0);
    stub->snap = snap;
    return stub;
}

static void emit_nil(RiJit *j, uint32_t slot)
{
    ri_x_store_imm(j->as, ri_jit_payload(slot), 0);
    ri_x_store_imm(j->as, ri_jit_tag(slot), RI_TAG_NIL);
}

/* Write the link of a frame whose base is slot `base`. */
static void emit_link(RiJit *j, uint32_t base, int32_t wanted, uint32_t flags, uint32_t extra)
{
    RiValue link[2];
    ri_link_write(&link[1], ri_feedback_words(j->fv) + j->pc + 1, base - j->base, wanted, flags, extra);
    ri_x_imm(j->as, RI_RAX, link[0].i);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_payload(base - 1));
    ri_x_imm(j->as, RI_RAX, (int64_t)link[0].tag);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_tag(base - 1));
}

void ri_jit_guard_feedback(RiJit *j, const RiFeedback *fv, RiReg reg, int64_t base)
{
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)fv);
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, ri_mem(reg, offsetof(RiClosure, feedback)));
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_mem(RI_RBX, (base + fv->frame_size) * 16));
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, OF_THREAD(stack_limit));
    ri_jit_exit_if(j, RI_CC_A);
}

/* The same for what is at slot `func`. */
static RiReg guard_callee(RiJit *j, const RiFeedback *fv, uint32_t func, int64_t base)
{
    ri_jit_guard(j, func, TYPE_CLOSURE);
    RiReg reg = ri_jit_gpr(j, func);
    ri_jit_guard_feedback(j, fv, reg, base);
    return reg;
}

/* The frame of a function with varargs lies above its arguments. All is in memory. */
static void emit_vararg_frame(RiJit *j, const RiFeedback *fv, uint32_t func, uint32_t base, RiReg callee)
{
    ri_x_rm(j->as, RI_X_STORE, callee, ri_jit_payload(base - 2));
    ri_x_store_imm(j->as, ri_jit_tag(base - 2), RI_TAG_CLOSURE);
    for (uint32_t i = 0; i < fv->param_count; i++) {
        for (int offset = 0; offset < 16; offset += 8) {
            ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RBX, (int64_t)(func + 2 + i) * 16 + offset));
            ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_mem(RI_RBX, (int64_t)(base + i) * 16 + offset));
        }
        emit_nil(j, func + 2 + i);
    }
}

/* Slots between func + 2 and the base of fv's frame. */
static uint32_t extra_of(const RiFeedback *fv, uint32_t nargs)
{
    return !fv->is_vararg ? 0 : (nargs > fv->param_count ? nargs : fv->param_count) + 2u;
}

static int64_t frame_base(const RiFeedback *fv, uint32_t func, uint32_t nargs)
{
    return (int64_t)func + 2 + extra_of(fv, nargs) + (fv->is_vararg ? fv->param_count : 0);
}

RiJitResult ri_jit_emit_guarded_call(RiJit *j, RiFeedback *fv, RiReg callee, uint32_t func, uint32_t nargs, int32_t wanted,
                                     uint32_t flags)
{
    uint32_t params = fv->param_count, extra = extra_of(fv, nargs), base = func + 2 + extra;
    if (ri_jit_enter_inline(j, fv, base, nargs, wanted, flags))
        return EMIT_ON;
    int32_t given = ri_jit_results_of(fv->proto, wanted);
    if (given < 0 && j->inl)
        return ri_jit_emit_outline(j, j->pc);
    ri_jit_flush(j);
    for (uint32_t i = nargs; i < params; i++)
        emit_nil(j, func + 2 + i);
    if (fv->is_vararg)
        emit_vararg_frame(j, fv, func, base, callee);
    ri_jit_emit_frames(j);
    emit_link(j, base, wanted, flags, extra);
    RiJitStub *stub = ri_jit_entry_stub(j, fv, func + 2, nargs);
    ri_x_alu(j->as, RI_ALU_ADD, RI_RBX, (int32_t)base * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    stub->where = ri_x_call(j->as, stub->address);
    ri_jit_emit_return_point(j, func);
    return ri_jit_called(j, func, given);
}

static RiJitResult emit_lua_call(RiJit *j, RiFeedback *fv, uint32_t func, uint32_t nargs, int32_t wanted)
{
    RiReg callee = guard_callee(j, fv, func, frame_base(fv, func, nargs));
    return ri_jit_emit_guarded_call(j, fv, callee, func, nargs, wanted, 0);
}

/* -- Library functions --------------------------------------------------------------------------------------------------------------- */

static void help_fill(RiValue *func, int32_t n, int32_t wanted)
{
    for (; n < wanted; n++)
        ri_set_nil(&func[n]);
}

static void guard_library(RiJit *j, uint32_t func, const RiLibFn *fn)
{
    if (j->slots[func].where == IN_CONSTANT)
        return;
    ri_jit_guard(j, func, TYPE_LIBFN);
    RiReg reg = ri_jit_gpr(j, func);
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)fn);
    ri_x_rr(j->as, RI_X_CMP, RI_RAX, reg);
    ri_jit_guard_jump(j, RI_CC_NE);
}

/* The call of a library function that has been made sure of, done in its place; false: call it (or is_deferred). */
static bool emit_in_line(RiJit *j, const RiLibFn *fn, uint32_t func, uint32_t nargs, int32_t wanted)
{
    if (fn->intrinsic == RI_INTRINSIC_SETMETATABLE)
        return ri_jit_emit_setmetatable(j, func, nargs, wanted);
    return ri_jit_emit_intrinsic(j, fn, func, nargs, wanted);
}

/* A library function has signalled (eax): serve that, and go on here when it has returned at last. */
static void emit_serve(RiJit *j, uint32_t func, int32_t wanted)
{
    ri_x_rr(j->as, RI_X_LOAD, RI_RSI, RI_RAX);
    ri_x_imm(j->as, RI_RDX, func + 2 - j->base);
    ri_x_imm(j->as, RI_RCX, wanted);
    ri_x_imm(j->as, RI_R8, j->pc + 1);
    ri_x_rm(j->as, RI_X_LEA, RI_R9, ri_mem(RI_RSP, -8));
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_c(j, HELPER(help_serve));
    ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, RI_NATIVE_SAFE_POINT);
    ri_x_jcc(j->as, RI_CC_BE, j->exit_address);
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_call(j->as, j->jump_thunk_address);
    ri_jit_emit_return_point(j, func);
    ri_jit_drop_registers(j, true);
    results(j, func, wanted);
}

void ri_jit_emit_link(RiJit *j, uint32_t base, int32_t wanted)
{
    emit_link(j, base, wanted, 0, 0);
}

void ri_jit_emit_serve(RiJit *j, uint32_t func, int32_t wanted)
{
    emit_serve(j, func, wanted);
}

RiJitResult ri_jit_results(RiJit *j, uint32_t func, int32_t wanted)
{
    results(j, func, wanted);
    return EMIT_ON;
}

static RiJitResult emit_library_call(RiJit *j, const RiLibFn *fn, uint32_t func, uint32_t nargs, int32_t wanted)
{
    guard_library(j, func, fn);
    if (emit_in_line(j, fn, func, nargs, wanted))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    ri_jit_flush_for_call(j);
    ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)j->pc + 1);
    ri_jit_emit_frames(j);
    emit_link(j, func + 2, wanted, 0, 0);
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->depth));
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, OF_THREAD(stack_limit));
    ri_jit_exit_if(j, RI_CC_A);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(func + 2));
    ri_x_rm(j->as, RI_X_STORE, RI_RSI, OF_THREAD(base));
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RDX, nargs);
    ri_jit_call_c(j, HELPER(fn->call));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    uint32_t signal = ri_x_jcc(j->as, RI_CC_S, 0);
    ri_x_alu8_mem(j->as, RI_ALU_CMP, OF_THREAD(hook_mask), 0);
    uint32_t hooked = ri_x_jcc(j->as, RI_CC_NE, 0);
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_alu(j->as, RI_ALU_SUB, RI_RBX, (int32_t)(func + 2) * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    uint32_t few = 0, back = 0;
    if (wanted > 0) {
        ri_x_alu32(j->as, RI_ALU_CMP, RI_RAX, wanted);
        few = ri_x_jcc(j->as, RI_CC_L, 0);
    } else if (wanted < 0) {
        ri_x_shift(j->as, RI_SHIFT_LEFT, RI_RAX, 4);
        ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_mem_index(RI_RBX, RI_RAX, 1, (int64_t)func * 16));
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
    }
    back = j->as->at;
    RiJitSnap *before = ri_jit_snapshot(j);
    uint32_t depth = j->depth;
    results(j, func, wanted);
    RiJitSnap *after = ri_jit_snapshot(j);
    /* signals, hooks */
    uint32_t cold = ri_jit_cold_begin(j);
    ri_x_patch(j->as, signal, cold);
    ri_x_patch(j->as, hooked, cold);
    j->depth = depth;
    ri_jit_restore(j, before);
    emit_serve(j, func, wanted);
    ri_jit_rejoin(j, after, back);
    if (wanted > 0) { /* fewer results than wanted */
        ri_x_patch(j->as, few, j->as->at);
        ri_x_rm(j->as, RI_X_LEA, RI_RDI, ri_jit_payload(func));
        ri_x_rr(j->as, RI_X_LOAD, RI_RSI, RI_RAX);
        ri_x_imm(j->as, RI_RDX, wanted);
        ri_jit_call_c(j, HELPER(help_fill));
        ri_x_jmp(j->as, back);
    }
    ri_jit_cold_end(j);
    j->is_open = wanted < 0;
    return go_on_later(j, wanted);
}

bool ri_jit_can_call(RiJit *j, const RiFeedback *fv, uint32_t func)
{
    const RiJitFn *fn = fv->native;
    return fv->is_warm && func + 2 + fv->param_count + 8 < RI_JIT_SLOTS_MAX &&
           !(fn && fn->generation == j->generation && fn->refused) && ri_jit_keep(j, (void *)(uintptr_t)fv);
}

/* -- __call -------------------------------------------------------------------------------------------------------------------------- */

/* A table whose metatable has a Lua function as __call: that is called, the table in front of the arguments. */
static RiJitResult emit_call_handler(RiJit *j, const RiTable *t, uint32_t func, uint32_t nargs, int32_t wanted)
{
    RiJitHandler h;
    if (!ri_jit_find_handler(j, t, RI_MM_CALL, func + 1, &h))
        return emit_any_call(j, func, nargs, false, wanted);
    RiFeedback *fv = h.fv;
    ri_jit_guard(j, func, TYPE_TABLE);
    RiReg callee = ri_jit_guard_handler(j, ri_jit_gpr(j, func), &h);
    ri_jit_guard_feedback(j, fv, callee, frame_base(fv, func, nargs + 1));
    for (uint32_t i = nargs; i-- > 0;)
        ri_jit_set_copy(j, func + 3 + i, func + 2 + i);
    ri_jit_set_copy(j, func + 2, func);
    ri_jit_set_gpr(j, func, TYPE_CLOSURE, callee);
    ri_jit_set_sample(j, func, h.f);
    return ri_jit_emit_guarded_call(j, fv, callee, func, nargs + 1, wanted, 0);
}

/* -- CALL --------------------------------------------------------------------------------------------------------------------------- */

/* Which functions were known to give a fixed number of results, gives that: the stack is not open, although `wanted` says so. */
static RiJitResult emit_call(RiJit *j, uint32_t func, uint32_t nargs, int32_t wanted)
{
    uint8_t type = ri_jit_type(j, func);
    RiValue f = ri_nil();
    if (j->is_deferred)
        return EMIT_DEFER;
    bool has = j->generic_pc != j->pc && ri_jit_sample(j, func, &f) && TYPE_OF((uint8_t)f.tag) == type;
    RiFeedback *fv = has && type == TYPE_CLOSURE ? ((RiClosure *)f.p)->feedback : NULL;
    if (fv && ri_jit_can_call(j, fv, func))
        return emit_lua_call(j, fv, func, nargs, wanted);
    if (wanted < 0 && has && type == TYPE_LIBFN) {
        guard_library(j, func, f.cp);
        if (emit_in_line(j, f.cp, func, nargs, 1))
            return EMIT_ON;
        if (j->is_deferred)
            return EMIT_DEFER;
    }
    RiJitResult result;
    if (has && type == TYPE_CDATA && ri_jit_emit_foreign_call(j, func, nargs, wanted, &result))
        return result;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (wanted < 0 && j->inl)
        return ri_jit_emit_outline(j, j->pc);
    if (!has)
        return emit_any_call(j, func, nargs, false, wanted);
    if (type == TYPE_LIBFN)
        return emit_library_call(j, f.cp, func, nargs, wanted);
    if (type == TYPE_TABLE)
        return emit_call_handler(j, f.cp, func, nargs, wanted);
    return emit_any_call(j, func, nargs, false, wanted);
}

RiJitResult ri_jit_emit_iterator_call(RiJit *j, uint32_t state, uint32_t count)
{
    uint32_t func = state + 4;
    RiValue f;
    RiFeedback *fv = NULL;
    if (func + 4 + 8 > RI_JIT_SLOTS_MAX)
        return EMIT_CANNOT;
    if (j->generic_pc != j->pc && ri_jit_sample(j, state, &f) && f.tag == RI_TAG_CLOSURE &&
        ri_jit_can_call(j, ((RiClosure *)f.p)->feedback, func))
        fv = ((RiClosure *)f.p)->feedback;
    RiReg callee = fv ? guard_callee(j, fv, state, frame_base(fv, func, 2)) : RI_NO_REG;
    ri_jit_set_copy(j, func, state);
    ri_jit_set_constant(j, func + 1, (RiValue){.tag = RI_TAG_LINK});
    ri_jit_set_copy(j, func + 2, state + 1);
    ri_jit_set_copy(j, func + 3, state + 2);
    return fv ? ri_jit_emit_guarded_call(j, fv, callee, func, 2, (int32_t)count, 0) : emit_any_call(j, func, 2, false, (int32_t)count);
}

/* -- Varargs, tail calls --------------------------------------------------------------------------------------------------------------- */

static int help_vararg(RiThread *T, int32_t wanted)
{
    RiValue *base = T->base;
    uint32_t extra = (uint32_t)RI_LINK_OF(base)->extra;
    uint32_t params = ((const RiClosure *)base[-2].cp)->feedback->param_count;
    uint32_t count = extra - 2 - params;
    if (wanted < 0) {
        wanted = (int32_t)count;
        if (T->top + count > T->stack_limit) {
            ri_stack_grow(T, count);
            base = T->base;
        }
    }
    const RiValue *from = base - extra + params;
    for (int32_t i = 0; i < wanted; i++) {
        if ((uint32_t)i < count)
            ri_copy(T->top, &from[i]);
        else
            ri_set_nil(T->top);
        T->top++;
    }
    return 0;
}

static RiJitResult emit_vararg(RiJit *j, int32_t wanted)
{
    uint32_t slot = j->depth;
    ri_jit_begin_slow(j);
    ri_x_imm(j->as, RI_RSI, wanted);
    ri_jit_end_slow(j, HELPER(help_vararg));
    results(j, slot, wanted);
    return go_on_later(j, wanted);
}

static RiJitResult emit_return1(RiJit *j, uint32_t slot, bool surely);
static void emit_leave_frame(RiJit *j, bool covered);
static void emit_help_return(RiJit *j, uintptr_t helper);
static const void *help_return_surely(RiThread *T, RiValue *first, uint32_t count);

/* A library function in tail position has signalled: its link is in place. */
static int help_serve_tail(RiThread *T, int32_t signal)
{
    return ri_serve_library(T, signal) == RI_LEAVE ? RI_NATIVE_LEAVE : RI_NATIVE_GO_ON;
}

/* To a Lua frame, with no action to take. */
static void help_return_plainly(RiThread *T, const RiValue *first, uint32_t count)
{
    const RiLink link = ri_link_load(T->base);
    RiValue *to = T->base - 2 - link.extra;
    uint32_t wanted = link.wanted_plus_1 ? (uint32_t)link.wanted_plus_1 - 1 : count;
    for (uint32_t i = 0; i < wanted; i++) {
        if (i < count)
            ri_copy(&to[i], &first[i]);
        else
            ri_set_nil(&to[i]);
    }
    T->top = to + wanted;
    ((RiJit *)T->heap->jit)->returned = link;
}

/* As help_call, but there is no coming back. */
static const void *help_tailcall(RiThread *T, RiValue *func, uint32_t nargs)
{
    RiHeap *heap = T->heap;
    uint32_t delta = 0;
    const RiLink link = ri_link_load(T->base);
    ptrdiff_t caller = ri_jit_lua_caller(T, &delta);
    if (T->base - T->stack == caller + link.delta)
        delta -= (uint32_t)link.extra; /* from where the frame was called */
    if (ri_tailcall(T, func, nargs) == RI_LEAVE)
        return (const void *)RI_NATIVE_LEAVE;
    RiThread *now = heap->running;
    if (--heap->budget < 0)
        return (const void *)RI_NATIVE_SAFE_POINT;
    RiJit *j = heap->jit;
    bool is_callee = now == T && T->pc == 0 && !T->hook_mask && T->base[-2].tag == RI_TAG_CLOSURE;
    if (!is_callee) /* a library function has returned, in this frame's name */
        return ri_jit_follow(T, caller, delta, NULL);
    uint32_t address = ((RiClosure *)T->base[-2].p)->feedback->is_warm ? ri_jit_entry(j, T, 0) : 0;
    return address ? ri_jit_run_address(j, address) : (const void *)RI_NATIVE_GO_ON;
}

static RiJitResult emit_tailcall(RiJit *j, uint32_t func, uint32_t nargs, bool open)
{
    ri_jit_flush_for_call(j);
    ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)j->pc + 1);
    if (open) {
        ri_x_rm(j->as, RI_X_LOAD, RI_RDX, OF_THREAD(top));
        ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(func + 2));
        ri_x_rr(j->as, RI_X_SUB, RI_RDX, RI_RSI);
        ri_x_shift(j->as, RI_SHIFT_RIGHT, RI_RDX, 4);
    } else {
        ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->depth));
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
        ri_x_imm(j->as, RI_RDX, nargs);
    }
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(func));
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_c(j, HELPER(help_tailcall));
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, RI_NATIVE_SAFE_POINT);
    ri_x_jcc(j->as, RI_CC_BE, j->exit_address);
    ri_x_jmp_reg(j->as, RI_RAX);
    return EMIT_END;
}

/* A library function in tail position: called from this frame, which then returns what it gives. */
static RiJitResult emit_library_tailcall(RiJit *j, const RiLibFn *fn, uint32_t func, uint32_t nargs)
{
    guard_library(j, func, fn);
    if (emit_in_line(j, fn, func, nargs, 1))
        return emit_return1(j, func, true);
    if (j->is_deferred)
        return EMIT_DEFER;
    ri_jit_flush_for_call(j);
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->depth));
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, OF_THREAD(stack_limit));
    uint32_t full = ri_x_jcc(j->as, RI_CC_A, 0);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
    ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)j->pc + 1);
    emit_link(j, func + 2, -1, RI_LINK_META, 0);
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(func + 2));
    ri_x_rm(j->as, RI_X_STORE, RI_RSI, OF_THREAD(base));
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RDX, nargs);
    ri_jit_call_c(j, HELPER(fn->call));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    uint32_t signal = ri_x_jcc(j->as, RI_CC_S, 0);
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_alu(j->as, RI_ALU_SUB, RI_RBX, (int32_t)(func + 2) * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    ri_x_alu32_mem(j->as, RI_ALU_SUB, OF_HEAP(budget), 1); /* a due safe point waits for the next one */
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(func));
    ri_x_rr(j->as, RI_X_LOAD, RI_RDX, RI_RAX);
    if (!j->fv->is_vararg) { /* one result, and that is what is wanted */
        ri_x_rm(j->as, RI_X_LOAD32, RI_RCX, ri_mem(RI_RBX, -8));
        ri_x_alu32(j->as, RI_ALU_AND, RI_RCX, (int32_t)(LINK_ACTIONS | LINK_WANTED));
        ri_x_alu32(j->as, RI_ALU_CMP, RI_RCX, 2 << RI_LINK_WANTED_SHIFT);
        uint32_t other = ri_x_jcc(j->as, RI_CC_NE, 0);
        ri_x_alu32(j->as, RI_ALU_CMP, RI_RDX, 1);
        uint32_t few = ri_x_jcc(j->as, RI_CC_L, 0);
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RSI, 0));
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(RI_RSI, 8));
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_mem(RI_RBX, -32));
        ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_mem(RI_RBX, -24));
        emit_leave_frame(j, false);
        ri_x_land(j->as, other);
        ri_x_land(j->as, few);
    }
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    emit_help_return(j, HELPER(help_return_surely));
    uint32_t cold = ri_jit_cold_begin(j);
    ri_x_patch(j->as, signal, cold);
    ri_x_rr(j->as, RI_X_LOAD, RI_RSI, RI_RAX);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_c(j, HELPER(help_serve_tail));
    ri_x_jmp(j->as, j->exit_address);
    ri_x_patch(j->as, full, j->as->at);
    emit_tailcall(j, func, nargs, false);
    ri_jit_cold_end(j);
    return EMIT_END;
}

/* Before `count` values from slot `first` on are stored one after the other to memory from slot `to` on: none may lie in the
 * memory of a slot that has been stored to by then. */
static void detach_values(RiJit *j, uint32_t first, uint32_t count, int32_t to)
{
    for (uint32_t i = 0; i < count; i++) {
        const RiJitSlot *s = &j->slots[first + i];
        if (s->where == IN_ALIAS && (int32_t)s->alias < to + (int32_t)i)
            ri_jit_sync(j, first + i);
    }
}

static void store_values(RiJit *j, uint32_t first, uint32_t count, int32_t to)
{
    for (uint32_t i = 0; i < count; i++) {
        const RiJitSlot *s = &j->slots[first + i];
        int32_t slot = to + (int32_t)i;
        if (s->where != IN_ALIAS || (int32_t)s->alias != slot)
            ri_jit_store_value(j, first + i, ri_mem(RI_RBX, (int64_t)slot * 16));
    }
}

/* A Lua function in tail position: its frame takes the place of this one, whose link it keeps. */
static RiJitResult emit_lua_tailcall(RiJit *j, RiFeedback *fv, uint32_t func, uint32_t nargs)
{
    RiReg callee = guard_callee(j, fv, func, 0);
    uint32_t count = nargs < fv->param_count ? nargs : fv->param_count;
    RiJitStub *stub = ri_jit_entry_stub(j, fv, func + 2, nargs);
    detach_values(j, func + 2, count, 0);
    ri_x_rm(j->as, RI_X_STORE, callee, ri_mem(RI_RBX, -32));
    store_values(j, func + 2, count, 0);
    for (uint32_t i = count; i < fv->param_count; i++)
        emit_nil(j, i);
    ri_x_alu8_mem(j->as, RI_ALU_OR, ri_mem(RI_RBX, -7), (int8_t)RI_LINK_TAIL);
    ri_x_alu32_mem(j->as, RI_ALU_SUB, OF_HEAP(budget), 1); /* one for the call; the function's entry is another one */
    ri_x_alu(j->as, RI_ALU_ADD, RI_RSP, 8);
    stub->where = ri_x_jmp(j->as, stub->address);
    return EMIT_END;
}

/* The same in inlined code: a call by the function around it. */
static RiJitResult emit_inlined_tailcall(RiJit *j, RiFeedback *fv, uint32_t func, uint32_t nargs)
{
    const RiJitInline *inl = j->inl;
    uint32_t to = inl->base - 2;
    RiReg callee = guard_callee(j, fv, func, frame_base(fv, to, nargs));
    ri_x_alu32_mem(j->as, RI_ALU_SUB, OF_HEAP(budget), 1); /* as above */
    for (uint32_t i = 0; i < nargs; i++)
        ri_jit_set_copy(j, to + 2 + i, func + 2 + i);
    RiValue f;
    bool has = ri_jit_sample(j, func, &f);
    ri_jit_set_gpr(j, to, TYPE_CLOSURE, callee);
    if (has)
        ri_jit_set_sample(j, to, f);
    ri_jit_pop(j, j->depth - to - 2 - nargs);
    ri_jit_set_frame(j, inl->caller, inl->outer);
    j->pc = inl->pc;
    j->next_pc = inl->pc + ri_op_info[RI_WORD_OP(j->code[inl->pc])].words;
    uint32_t flags = inl->flags | RI_LINK_TAIL;
    return flags & RI_LINK_META ? ri_jit_emit_meta_call(j, fv, to, nargs, flags, inl->pops, inl->dest)
                                : ri_jit_emit_guarded_call(j, fv, callee, to, nargs, inl->wanted, flags);
}

/* A library function done in line, or a Lua function: anything else needs the frame. */
static RiJitResult emit_tailcall_in_line(RiJit *j, uint32_t func, uint32_t nargs)
{
    uint8_t type = ri_jit_type(j, func);
    RiValue f;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (j->generic_pc == j->pc || !ri_jit_sample(j, func, &f) || TYPE_OF((uint8_t)f.tag) != type)
        return ri_jit_emit_outline(j, j->pc);
    if (type == TYPE_LIBFN) {
        guard_library(j, func, f.cp);
        if (emit_in_line(j, f.cp, func, nargs, 1))
            return ri_jit_leave_inline(j, func, 1);
        return j->is_deferred ? EMIT_DEFER : ri_jit_emit_outline(j, j->pc);
    }
    RiFeedback *fv = type == TYPE_CLOSURE ? ((RiClosure *)f.p)->feedback : NULL;
    return fv && !fv->is_vararg && ri_jit_can_call(j, fv, func) ? emit_inlined_tailcall(j, fv, func, nargs)
                                                                : ri_jit_emit_outline(j, j->pc);
}

static RiJitResult emit_plain_tailcall(RiJit *j, uint32_t func, uint32_t nargs)
{
    if (j->inl)
        return emit_tailcall_in_line(j, func, nargs);
    uint8_t type = ri_jit_type(j, func);
    RiValue f;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (j->generic_pc != j->pc && type == TYPE_LIBFN && ri_jit_sample(j, func, &f) && f.tag == RI_TAG_LIBFN &&
        strncmp(((const RiLibFn *)f.cp)->name, "debug.", 6) != 0)
        return emit_library_tailcall(j, f.cp, func, nargs);
    if (j->generic_pc != j->pc && type == TYPE_CLOSURE && ri_jit_sample(j, func, &f) && f.tag == RI_TAG_CLOSURE &&
        !j->fv->is_vararg && !((RiClosure *)f.p)->feedback->is_vararg &&
        ri_jit_can_call(j, ((RiClosure *)f.p)->feedback, func))
        return emit_lua_tailcall(j, ((RiClosure *)f.p)->feedback, func, nargs);
    return emit_tailcall(j, func, nargs, false);
}

RiJitResult ri_jit_emit_call(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w);
    if (ri_abstract_depth_after(j->code + j->pc, j->depth) + 8 > RI_JIT_SLOTS_MAX)
        return EMIT_CANNOT;
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_CALL:
        return emit_call(j, j->depth - a - 2, a, (int32_t)RI_WORD_B(w) - 1);
    case RI_OP_CALLV:
        if (!j->is_open)
            return emit_call(j, RI_WORD_D(w), j->depth - RI_WORD_D(w) - 2, (int32_t)a - 1);
        return emit_any_call(j, RI_WORD_D(w), 0, true, (int32_t)a - 1);
    case RI_OP_TAILCALL:
        return emit_plain_tailcall(j, j->depth - a - 2, a);
    case RI_OP_TAILCALLV:
        if (!j->is_open)
            return emit_plain_tailcall(j, RI_WORD_U(w), j->depth - RI_WORD_U(w) - 2);
        return emit_tailcall(j, RI_WORD_U(w), 0, true);
    case RI_OP_VARARG:
        return emit_vararg(j, (int32_t)a - 1);
    case RI_OP_TBC:
        ri_jit_begin_slow(j);
        ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
        ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(a));
        ri_jit_call_c(j, HELPER(ri_mark_tbc));
        ri_jit_drop_registers(j, false);
        return EMIT_ON;
    case RI_OP_CLOSE:
        ri_x_alu32_mem(j->as, RI_ALU_CMP, OF_THREAD(tbc_count), 0);
        ri_jit_exit_if(j, RI_CC_NE);
        return EMIT_ON;
    default:
        return EMIT_CANNOT;
    }
}

/* -- Returns -------------------------------------------------------------------------------------------------------------------------- */

/* A metamethod has returned v: complete the instruction that it was called for. False: leave that to the interpreter. */
static bool help_return_meta(RiThread *T, const RiLink *link, RiValue v)
{
    const RiValue *caller = T->base - link->delta;
    if (T->hook_mask || link->wanted_plus_1 < 2 || caller[-2].tag != RI_TAG_CLOSURE)
        return false;
    uint32_t pc = ri_link_pc(caller[-2], link);
    RiOpcode op = RI_WORD_OP(((const RiClosure *)caller[-2].cp)->feedback->proto->code[pc - 1]);
    if (op == RI_OP_CONCAT || op == RI_OP_CLOSE)
        return false; /* there may be more to call */
    if (link->wanted_plus_1 == 3) /* __lt standing in for __le */
        v = ri_bool(ri_is_falsy(v));
    T->top = T->base - 2 - link->extra;
    ri_leave_frame(T, link);
    (void)ri_finish_instruction(T, v);
    return true;
}

/* Has the library function that the function of `fv` has returned to called it again? It usually does. */
static bool is_called_again(const RiThread *T, const RiFeedback *fv)
{
    const RiJitFn *fn = fv->native;
    return T->heap->running == T && T->pc == 0 && !T->hook_mask && ((const RiClosure *)T->base[-2].cp)->feedback == fv && fn &&
           fn->generation == ((const RiJit *)T->heap->jit)->generation && !fn->refused;
}

/* The current frame returns to a library function, or is a coroutine's first: on as far as that can be followed. */
static const void *return_in_full(RiThread *T, RiValue *first, uint32_t count)
{
    uint32_t delta = 0;
    ptrdiff_t base = ri_jit_lua_caller(T, &delta), here = T->base - T->stack;
    const RiFeedback *fv = ((const RiClosure *)T->base[-2].cp)->feedback;
    if (ri_return_values(T, first, count) == RI_LEAVE)
        return (const void *)RI_NATIVE_LEAVE;
    if (T->base - T->stack == here && T->base[-2].tag == RI_TAG_CLOSURE && is_called_again(T, fv)) {
        const RiJit *j = T->heap->jit;
        uint32_t entry = ((const RiJitFn *)fv->native)->pcs[0].entry;
        if (entry)
            return --T->heap->budget < 0 ? (const void *)RI_NATIVE_SAFE_POINT : ri_jit_run_address(j, entry);
    }
    return ri_jit_follow(T, base, delta, NULL);
}

/* The current frame returns `count` values at `first`: where to go on. NULL: T->base stays, emit_return_routine does the rest.
 * False: nothing has been done. */
static bool try_return(RiThread *T, RiValue *first, uint32_t count, const void **where)
{
    const RiLink link = ri_link_load(T->base);
    uint32_t actions = link.flags & RI_LINK_ACTIONS & ~(uint32_t)RI_LINK_NOYIELD;
    const RiJit *j = T->heap->jit;
    if (T->hook_mask)
        return false;
    *where = NULL;
    if ((link.flags & RI_LINK_ACTIONS) == RI_LINK_META && help_return_meta(T, &link, count ? *first : ri_nil()))
        *where = ri_jit_run_address(j, j->land_address); /* who called the metamethod looks at T->base */
    else if (actions == RI_LINK_LIB || actions == RI_LINK_CORO)
        *where = return_in_full(T, first, count);
    else if (actions == RI_LINK_ENTRY)
        *where = (const void *)(uintptr_t)(ri_return_values(T, first, count) == RI_LEAVE ? RI_NATIVE_LEAVE : RI_NATIVE_GO_ON);
    else if (link.flags & RI_LINK_ACTIONS)
        return false;
    else
        help_return_plainly(T, first, count);
    return true;
}

static const void *help_return(RiThread *T, RiValue *first, uint32_t count)
{
    const void *where;
    return try_return(T, first, count, &where) ? where : (const void *)RI_NATIVE_GO_ON;
}

/* The same where the instruction cannot be done again by the interpreter. */
static const void *help_return_surely(RiThread *T, RiValue *first, uint32_t count)
{
    const void *where;
    if (try_return(T, first, count, &where))
        return where;
    return (const void *)(uintptr_t)(ri_return_values(T, first, count) == RI_LEAVE ? RI_NATIVE_LEAVE : RI_NATIVE_GO_ON);
}

static const void *help_return_open(RiThread *T, RiValue *first)
{
    return help_return(T, first, (uint32_t)(T->top - first));
}

/* Behind the helpers of returns, whose address is in rax and whose arguments are in place. */
void ri_jit_emit_return_routine(RiJit *j)
{
    RiAsm *as = j->as;
    j->return_address = as->at;
    ri_x_call_reg(as, RI_RAX);
    ri_x_rr(as, RI_X_TEST, RI_RAX, RI_RAX);
    uint32_t plain = ri_x_jcc(as, RI_CC_E, 0);
    ri_x_alu(as, RI_ALU_CMP, RI_RAX, RI_NATIVE_SAFE_POINT);
    ri_x_jcc(as, RI_CC_BE, j->exit_address);
    ri_x_rm(as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_jmp_reg(as, RI_RAX);
    ri_x_land(as, plain); /* results may lie over the link: there is a copy */
    ri_x_imm(as, RI_RAX, (int64_t)(uintptr_t)&j->returned);
    ri_x_rm(as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, 8));
    ri_x_shift(as, RI_SHIFT_RIGHT, RI_RAX, RI_LINK_EXTRA_SHIFT);
    ri_x_shift(as, RI_SHIFT_LEFT, RI_RAX, 4);
    ri_x_rr(as, RI_X_SUB, RI_RBX, RI_RAX);
    ri_x_imm(as, RI_RCX, 1);
    ri_x_alu(as, RI_ALU_ADD, RI_RSP, 8);
    ri_x_ret(as);
}

/* covered: results may lie over the link. */
static void emit_leave_frame(RiJit *j, bool covered)
{
    ri_x_imm(j->as, RI_RCX, covered);
    if (j->fv->is_vararg) { /* the base as called */
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RBX, -8));
        ri_x_shift(j->as, RI_SHIFT_RIGHT, RI_RAX, RI_LINK_EXTRA_SHIFT);
        ri_x_shift(j->as, RI_SHIFT_LEFT, RI_RAX, 4);
        ri_x_rr(j->as, RI_X_SUB, RI_RBX, RI_RAX);
    }
    ri_x_alu(j->as, RI_ALU_ADD, RI_RSP, 8);
    ri_x_ret(j->as);
}

/* Call the helper, its arguments in place, and do what it says. */
static void emit_help_return(RiJit *j, uintptr_t helper)
{
    ri_x_imm(j->as, RI_RAX, (int64_t)helper);
    ri_x_jmp(j->as, j->return_address);
}

/* Return by the helper; an exit is taken at this instruction, unless that has done its work: `surely`. */
static RiJitResult emit_any_return(RiJit *j, uint32_t first, uint32_t count, bool open, bool surely)
{
    uint32_t pc = surely ? j->pc + 1 : j->pc;
    ri_jit_flush(j);
    if (open)
        ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)pc);
    else
        ri_jit_save_state(j, pc);
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(first));
    ri_x_imm(j->as, RI_RDX, count);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    emit_help_return(j, open ? HELPER(help_return_open) : surely ? HELPER(help_return_surely) : HELPER(help_return));
    return EMIT_END;
}

/* Where the function lay as it was called, plus two: the register that holds it. */
static RiReg emit_called_base(RiJit *j)
{
    if (!j->fv->is_vararg)
        return RI_RBX;
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RBX, -8));
    ri_x_shift(j->as, RI_SHIFT_RIGHT, RI_RAX, RI_LINK_EXTRA_SHIFT);
    ri_x_shift(j->as, RI_SHIFT_LEFT, RI_RAX, 4);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDX, RI_RBX);
    ri_x_rr(j->as, RI_X_SUB, RI_RDX, RI_RAX);
    return RI_RDX;
}

/* eax := what the caller wants. */
static void emit_load_wanted(RiJit *j)
{
    ri_x_rm(j->as, RI_X_LOAD32, RI_RAX, ri_mem(RI_RBX, -8));
    ri_x_alu32(j->as, RI_ALU_AND, RI_RAX, (int32_t)(LINK_ACTIONS | LINK_WANTED));
}

static RiJitResult emit_return1(RiJit *j, uint32_t slot, bool surely)
{
    emit_load_wanted(j);
    ri_x_alu32(j->as, RI_ALU_CMP, RI_RAX, 2 << RI_LINK_WANTED_SHIFT);
    uint32_t other = ri_x_jcc(j->as, RI_CC_NE, 0);
    RiJitSnap *snap = ri_jit_snapshot(j);
    ri_jit_store_value(j, slot, ri_mem(emit_called_base(j), -32));
    emit_leave_frame(j, false);
    ri_jit_restore(j, snap);
    ri_x_patch(j->as, other, ri_jit_cold_begin(j));
    ri_x_test_imm(j->as, RI_RAX, (int32_t)(LINK_ACTIONS | LINK_MORE));
    uint32_t far = ri_x_jcc(j->as, RI_CC_NE, 0);
    RiReg base = emit_called_base(j); /* all that there is, or nothing; that may be too much by one, which is not looked at */
    ri_jit_store_value(j, slot, ri_mem(base, -32));
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_mem(base, -16));
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
    emit_leave_frame(j, false);
    ri_jit_restore(j, snap);
    ri_x_land(j->as, far);
    emit_any_return(j, slot, 1, false, surely);
    ri_jit_cold_end(j);
    return EMIT_END;
}

static RiJitResult emit_return0(RiJit *j)
{
    ri_x_rm(j->as, RI_X_LOAD32, RI_RAX, ri_mem(RI_RBX, -8));
    ri_x_test_imm(j->as, RI_RAX, (int32_t)(LINK_ACTIONS | LINK_MORE));
    uint32_t other = ri_x_jcc(j->as, RI_CC_NE, 0);
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_mem(emit_called_base(j), -32));
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
    emit_leave_frame(j, false);
    ri_x_patch(j->as, other, ri_jit_cold_begin(j));
    emit_any_return(j, j->depth, 0, false, false);
    ri_jit_cold_end(j);
    return EMIT_END;
}

/* Some results to a frame that wants as many. They come to lie over the link, which `bottom` looks at: that is left to the
 * helper. */
static RiJitResult emit_returns(RiJit *j, uint32_t first, uint32_t count)
{
    if (j->fv->is_vararg || count < 2 || count > 8)
        return emit_any_return(j, first, count, false, false);
    detach_values(j, first, count, -2);
    emit_load_wanted(j);
    ri_x_alu32(j->as, RI_ALU_CMP, RI_RAX, (int32_t)(count + 1) << RI_LINK_WANTED_SHIFT);
    uint32_t other = ri_x_jcc(j->as, RI_CC_NE, 0);
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)ri_jit_run_address(j, j->bottom_address));
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, ri_mem(RI_RSP, 8));
    uint32_t last = ri_x_jcc(j->as, RI_CC_E, 0);
    RiJitSnap *snap = ri_jit_snapshot(j);
    store_values(j, first, count, -2);
    emit_leave_frame(j, true);
    ri_jit_restore(j, snap);
    uint32_t cold = ri_jit_cold_begin(j);
    ri_x_patch(j->as, other, cold);
    ri_x_patch(j->as, last, cold);
    emit_any_return(j, first, count, false, false);
    ri_jit_cold_end(j);
    return EMIT_END;
}

/* As many as are on the stack. */
static RiJitResult emit_return_values(RiJit *j, uint32_t first, uint32_t count)
{
    return count == 1 ? emit_return1(j, first, false) : emit_returns(j, first, count);
}

static RiJitResult emit_inlined_return(RiJit *j, RiWord w)
{
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_RETURN0:
        return ri_jit_leave_inline(j, j->depth, 0);
    case RI_OP_RETURN1:
        return ri_jit_leave_inline(j, j->depth - 1, 1);
    case RI_OP_RETURN_L:
        return ri_jit_leave_inline(j, RI_WORD_A(w), 1);
    case RI_OP_RETURNV:
        return ri_jit_leave_inline(j, RI_WORD_U(w), j->depth - RI_WORD_U(w));
    default:
        return ri_jit_leave_inline(j, j->depth - RI_WORD_D(w), RI_WORD_D(w));
    }
}

RiJitResult ri_jit_emit_return(RiJit *j, RiWord w)
{
    if (j->inl)
        return emit_inlined_return(j, w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_RETURN0:
        return emit_return0(j);
    case RI_OP_RETURN1:
        return emit_return1(j, j->depth - 1, false);
    case RI_OP_RETURN_L:
        return emit_return1(j, RI_WORD_A(w), false);
    case RI_OP_RETURN:
        return emit_returns(j, j->depth - RI_WORD_D(w), RI_WORD_D(w));
    case RI_OP_RETURNV:
        if (!j->is_open)
            return emit_return_values(j, RI_WORD_U(w), j->depth - RI_WORD_U(w));
        return emit_any_return(j, RI_WORD_U(w), 0, true, false);
    default:
        return EMIT_CANNOT;
    }
}
