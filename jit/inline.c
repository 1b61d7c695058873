/* Functions compiled in place of their calls.
 *
 * The arguments of a call lie where the callee has its parameters, so its slots are slots of the caller's frame further
 * up, and a context goes on from one into the other: `base` says where. While inlined code runs, rbx, and T->base, are
 * those of the outermost function, and the callee's link is not written. Whatever may look at frames (an exit, a helper
 * that knows the thread, a call) gets them first: ri_jit_save_state and calls write the links, and make the innermost
 * frame the current one. So tracebacks, locals, hooks and safe points find what the interpreter would have left, and an
 * exit goes on in the callee's frame.
 *
 * Guards and stubs in inlined code are as anywhere else. Merge points are those of this call, not of the function by
 * itself. */
#include "jit/core.h"

/* Words of a function, at most: one that calls nothing, or others; if the call is in a loop, or if it is not. */
#define WORDS_MAX 64u
#define CALLING_WORDS_MAX 32u
#define SELDOM_WORDS_MAX 16u
#define SELDOM_CALLING_WORDS_MAX 8u
#define LEVELS_MAX 2u
#define SCANNED_WORDS_MAX 500u /* to find out how many values a function returns */
#define INLINES_MAX 3u      /* different functions at one call */
#define FN_BYTES_MAX 60000u /* of the function that they are inlined into */

void ri_jit_set_frame(RiJit *j, RiFeedback *fv, RiJitInline *inl)
{
    j->fv = fv;
    j->inl = inl;
    j->pcs = inl ? inl->pcs : j->fn ? j->fn->pcs : NULL;
    j->base = inl ? inl->base : 0;
    j->code = fv->proto->code;
    j->generic_pc = UINT32_MAX;
}

RiWord ri_jit_relocate(const RiJit *j, RiWord w)
{
    if (!j->inl)
        return w;
    for (const char *o = ri_op_info[RI_WORD_OP(w)].operands; *o; o += o[2] ? 3 : 2)
        if (o[1] == 'L' || o[1] == 'M')
            w += j->base << (o[0] == 'a' || o[0] == 'u' ? 8 : o[0] == 'b' || o[0] == 'd' ? 16 : 24);
    return w;
}

/* -- Frames ------------------------------------------------------------------------------------------------------------ */

static void link_of(const RiJitInline *inl, RiValue link[2])
{
    uint32_t outer = inl->outer ? inl->outer->base : 0;
    const RiWord *pc = ri_feedback_words(inl->caller) + inl->pc + 1;
    ri_link_write(&link[1], pc, inl->base - outer, inl->wanted, inl->flags, 0);
}

static void emit_link(RiJit *j, const RiJitInline *inl)
{
    RiValue link[2];
    link_of(inl, link);
    ri_x_imm(j->as, RI_RAX, link[0].i);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_payload(inl->base - 1));
    ri_x_imm(j->as, RI_RAX, (int64_t)link[0].tag);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_tag(inl->base - 1));
}

void ri_jit_emit_frames(RiJit *j)
{
    for (const RiJitInline *inl = j->inl; inl; inl = inl->outer)
        emit_link(j, inl);
}

void ri_jit_make_frames(RiThread *T, const RiJitInline *inl)
{
    RiValue *base = T->base;
    if (inl)
        T->base = base + inl->base;
    for (; inl; inl = inl->outer) {
        RiValue link[2];
        link_of(inl, link);
        base[inl->base - 1] = link[0];
    }
}

void ri_jit_emit_self(RiJit *j, RiReg to)
{
    if (!j->inl) {
        ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(RI_RBX, -32));
        return;
    }
    const RiJitSlot *s = &j->slots[j->base - 2];
    if (s->where >= IN_GPR)
        ri_x_rr(j->as, RI_X_LOAD, to, s->where - IN_GPR);
    else if (s->where == IN_CONSTANT)
        ri_x_imm(j->as, to, s->k.i);
    else
        ri_x_rm(j->as, RI_X_LOAD, to, ri_jit_payload(s->where == IN_ALIAS ? s->alias : j->base - 2));
}

const RiClosure *ri_jit_self(RiJit *j)
{
    RiValue v;
    if (!j->inl)
        return j->T->base[-2].cp;
    bool has = ri_jit_sample(j, j->base - 2, &v) && v.tag == RI_TAG_CLOSURE;
    return has && ((const RiClosure *)v.cp)->feedback == j->fv ? v.cp : NULL;
}

/* -- What can be inlined -------------------------------------------------------------------------------------------------- */

static bool can_hold(RiOpcode op)
{
    switch (op) {
    case RI_OP_LOOP:
    case RI_OP_CLOSURE:
    case RI_OP_VARARG:
    case RI_OP_TBC:
    case RI_OP_CLOSE:
        return false;
    default:
        return op < RI_OP_FORPREP || op > RI_OP_TFORLOOP;
    }
}

/* Short, without loops. */
static bool is_small(const RiProto *proto, bool often)
{
    uint32_t calls = 0;
    if (proto->code_count > (often ? WORDS_MAX : SELDOM_WORDS_MAX))
        return false;
    for (uint32_t pc = 0; pc < proto->code_count; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words) {
        RiOpcode op = RI_WORD_OP(proto->code[pc]);
        if (!can_hold(op))
            return false;
        calls += op >= RI_OP_CALL && op <= RI_OP_TAILCALLV;
    }
    return calls == 0 || proto->code_count <= (often ? CALLING_WORDS_MAX : SELDOM_CALLING_WORDS_MAX);
}

/* Is the call in a loop, or in a function that was inlined into one? */
static bool is_in_loop(const RiJit *j)
{
    const RiProto *proto = j->fv->proto;
    if (j->inl)
        return j->inl->is_often;
    for (uint32_t pc = j->pc; pc < proto->code_count; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words)
        if (ri_op_has_flag(RI_WORD_OP(proto->code[pc]), 'J') && ri_jit_jump_target(proto->code, pc) <= j->pc)
            return true;
    return false;
}

static bool is_under_way(const RiJit *j, const RiFeedback *fv, uint32_t *levels)
{
    bool is = fv == j->fv;
    *levels = 0;
    for (const RiJitInline *inl = j->inl; inl; inl = inl->outer) {
        is |= fv == inl->caller;
        ++*levels;
    }
    return is;
}

static bool can_inline(const RiJit *j, const RiFeedback *fv, uint32_t base)
{
    uint32_t levels;
    return !fv->is_vararg && base + fv->frame_size + 12 < RI_JIT_SLOTS_MAX && !is_under_way(j, fv, &levels) &&
           levels < LEVELS_MAX && j->fn->code_bytes < FN_BYTES_MAX &&
           is_small(fv->proto, is_in_loop(j)) && ri_jit_was_hot(j, fv);
}

static RiJitInline *find_inline(RiJit *j, RiFeedback *fv, uint32_t base, int32_t wanted, uint32_t flags)
{
    RiJitPc *at = &j->pcs[j->pc];
    uint32_t count = 0;
    for (RiJitInline *inl = at->inlines; inl; inl = inl->next) {
        if (inl->fv == fv && inl->base == base && inl->wanted == wanted && inl->flags == flags)
            return inl;
        count++;
    }
    if (count == INLINES_MAX || !can_inline(j, fv, base))
        return NULL;
    RiJitInline *inl = ri_jit_alloc(j, sizeof *inl);
    *inl = (RiJitInline){.next = at->inlines, .outer = j->inl, .fv = fv, .caller = j->fv, .pc = j->pc, .base = base,
                         .flags = flags, .wanted = wanted, .given = ri_jit_results_of(fv->proto, wanted),
                         .root = j->inl ? j->inl->root : j->fv};
    inl->is_often = is_in_loop(j);
    inl->pcs = ri_jit_alloc(j, (fv->proto->code_count + 1) * sizeof(RiJitPc));
    ri_jit_scan(j, fv->proto, inl->pcs);
    at->inlines = inl;
    return inl;
}

static bool is_jumped_to(const RiProto *proto, uint32_t target)
{
    for (uint32_t pc = 0; pc < proto->code_count; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words)
        if (ri_op_has_flag(RI_WORD_OP(proto->code[pc]), 'J') && ri_jit_jump_target(proto->code, pc) == target)
            return true;
    return false;
}

int32_t ri_jit_results_of(const RiProto *proto, int32_t wanted)
{
    int32_t count = -1;
    bool falls_here = true;
    if (wanted >= 0 || proto->code_count > SCANNED_WORDS_MAX)
        return wanted;
    for (uint32_t pc = 0; pc < proto->code_count; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words) {
        RiOpcode op = RI_WORD_OP(proto->code[pc]);
        bool is_reached = falls_here;
        falls_here = !ri_op_has_flag(op, 'F');
        if (op < RI_OP_TAILCALL || op > RI_OP_RETURNV || (!is_reached && !is_jumped_to(proto, pc)))
            continue;
        if (op == RI_OP_RETURNV || op == RI_OP_TAILCALL || op == RI_OP_TAILCALLV)
            return -1;
        int32_t n = op == RI_OP_RETURN0 ? 0 : op == RI_OP_RETURN ? (int32_t)RI_WORD_D(proto->code[pc]) : 1;
        if ((count >= 0 && n != count) || n > 8)
            return -1;
        count = n;
    }
    return count;
}

/* -- In and out ----------------------------------------------------------------------------------------------------------- */

bool ri_jit_enter_inline(RiJit *j, RiFeedback *fv, uint32_t base, uint32_t nargs, int32_t wanted, uint32_t flags)
{
    bool is_open = j->inl && ri_jit_results_of(fv->proto, wanted) < 0;
    RiJitInline *inl = is_open ? NULL : find_inline(j, fv, base, wanted, flags);
    if (!inl)
        return false;
    if (nargs > fv->param_count)
        ri_jit_pop(j, nargs - fv->param_count);
    for (uint32_t i = nargs; i < fv->param_count; i++)
        ri_jit_set_constant(j, j->depth, ri_nil());
    ri_jit_set_frame(j, fv, inl);
    ri_jit_emit_safe_point(j, 0);
    j->next_pc = 0;
    return true;
}

static void set_caller(RiJit *j, const RiJitInline *inl)
{
    ri_jit_set_frame(j, inl->caller, inl->outer);
    j->pc = inl->pc;
    j->next_pc = inl->pc + ri_op_info[RI_WORD_OP(j->code[inl->pc])].words;
}

/* The instruction that a metamethod was called for has its result at slot func, the top of the stack. */
static void complete(RiJit *j, const RiJitInline *inl, uint32_t func)
{
    uint32_t depth = func - inl->pops;
    ri_jit_set_copy(j, inl->dest < 0 ? depth : (uint32_t)inl->dest, func);
    ri_jit_pop(j, j->depth - depth - (inl->dest < 0));
}

RiJitResult ri_jit_leave_inline(RiJit *j, uint32_t first, uint32_t count)
{
    const RiJitInline *inl = j->inl;
    uint32_t func = inl->base - 2, wanted = inl->wanted < 0 ? count : (uint32_t)inl->wanted;
    for (uint32_t i = 0; i < wanted && i < count; i++)
        ri_jit_set_copy(j, func + i, first + i);
    for (uint32_t i = count; i < wanted; i++)
        ri_jit_set_constant(j, func + i, ri_nil());
    ri_jit_pop(j, j->depth - func - wanted);
    if (inl->flags & RI_LINK_META)
        complete(j, inl, func);
    set_caller(j, inl);
    return EMIT_ON;
}

/* The context of the inlined frame as one by itself: all is in memory. */
static RiJitSnap *inner_context(RiJit *j)
{
    uint32_t depth = j->depth - j->base;
    RiJitSnap *snap = ri_jit_alloc(j, sizeof *snap + depth * sizeof(RiJitSlot));
    snap->depth = depth;
    for (uint32_t i = 0; i < depth; i++) {
        const RiJitSlot *s = &j->slots[j->base + i];
        snap->slots[i] = (RiJitSlot){.type = s->type, .where = IN_MEMORY, .synced = true, .memtag = s->type};
        if (s->type == TYPE_LINK || s->type == TYPE_NIL || s->type == TYPE_FALSE || s->type == TYPE_TRUE) {
            snap->slots[i].where = IN_CONSTANT;
            snap->slots[i].k = (RiValue){.tag = (uint64_t)s->type - 1};
        }
    }
    return snap;
}

RiJitResult ri_jit_emit_outline(RiJit *j, uint32_t pc)
{
    const RiJitInline *inl = j->inl;
    RiFeedback *fv = j->fv;
    ri_jit_flush(j);
    ri_jit_emit_frames(j);
    RiJitStub *stub = ri_jit_stub(j, STUB_FRAME, fv, pc);
    stub->snap = inner_context(j);
    ri_x_alu(j->as, RI_ALU_ADD, RI_RBX, (int32_t)j->base * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    uint32_t call = ri_x_call(j->as, 0), over = ri_x_jmp(j->as, 0);
    ri_x_land(j->as, call);
    ri_x_alu(j->as, RI_ALU_SUB, RI_RSP, 8);
    stub->where = ri_x_jmp(j->as, stub->address);
    ri_x_land(j->as, over);
    set_caller(j, inl);
    if (inl->flags & RI_LINK_META) {
        ri_jit_pop(j, j->depth - inl->base + 2);
        return ri_jit_emit_meta_done(j, inl->pops, inl->dest);
    }
    ri_jit_emit_return_point(j, inl->base - 2);
    return ri_jit_called(j, inl->base - 2, inl->given);
}
