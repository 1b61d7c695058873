/* Emitters: jumps, tests, compare-and-branch, comparisons to a value.
 *
 * What the samples say is taken to be the way: it is compiled in place, the other one when it is first gone. A comparison to a
 * value branches as well: on each of the two ways the value is a constant, so that who tests it next knows. */
#include "jit/core.h"

typedef struct Branch {
    RiJitOperand a, b;
    uint32_t pops, target;
    bool sense, is_value;
    enum { BRANCH_EQ, BRANCH_LT, BRANCH_LE, BRANCH_GT, BRANCH_GE } relation;
} Branch;

static RiJitOperand local(uint32_t slot)
{
    return (RiJitOperand){.slot = (int32_t)slot};
}
static RiJitOperand constant(RiValue k)
{
    return (RiJitOperand){.slot = -1, .k = k};
}

/* EQ … GE: what they push is the condition, or for NE its opposite. */
static Branch decode_value(RiWord w, uint32_t depth)
{
    RiOpcode op = RI_WORD_OP(w);
    Branch x = {.a = local(depth - 2), .b = local(depth - 1), .pops = 2, .sense = op != RI_OP_NE, .is_value = true};
    unsigned relation = op <= RI_OP_NE ? BRANCH_EQ : BRANCH_LT + (unsigned)(op - RI_OP_LT);
    x.relation = relation;
    return x;
}

/* w: the instruction at `pc`, maybe relocated. */
static Branch decode(const RiFeedback *fv, RiWord w, const RiWord *code, uint32_t pc, uint32_t depth)
{
    RiOpcode op = RI_WORD_OP(w);
    uint32_t A = RI_WORD_A(w), B = RI_WORD_B(w), D = RI_WORD_D(w);
    if (op <= RI_OP_GE)
        return decode_value(w, depth);
    Branch x = {.sense = RI_WORD_C(w), .target = (uint32_t)((int32_t)pc + 2 + (int32_t)code[pc + 1])};
    unsigned relation;
    if (op <= RI_OP_JGE) {
        x.a = local(depth - 2);
        x.b = local(depth - 1);
        x.pops = 2;
        relation = op - RI_OP_JEQ;
    } else if (op <= RI_OP_JGE_L) {
        x.a = local(depth - 1);
        x.b = local(A);
        x.pops = 1;
        relation = op - RI_OP_JEQ_L;
    } else if (op <= RI_OP_JGE_K) {
        x.a = local(depth - 1);
        x.b = constant(fv->constants[D]);
        x.pops = 1;
        x.sense = A;
        relation = op - RI_OP_JEQ_K;
    } else if (op <= RI_OP_JGE_LL) {
        x.a = local(A);
        x.b = local(B);
        relation = op - RI_OP_JEQ_LL;
    } else {
        x.a = local(A);
        x.b = constant(fv->constants[B]);
        relation = op - RI_OP_JEQ_LK;
    }
    x.relation = relation;
    return x;
}

static RiValue value_of(const RiThread *T, RiJitOperand o)
{
    return o.slot < 0 ? o.k : T->base[o.slot];
}

/* Compare by all rules. A branch is done when T->pc has become one of its two ends. */
static uintptr_t help_compare(RiThread *T)
{
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    uint32_t pc = T->pc;
    ptrdiff_t base = T->base - T->stack;
    Branch x = decode(fv, fv->proto->code[pc - 1], fv->proto->code, pc - 1, (uint32_t)(T->top - T->base));
    RiValue a = value_of(T, x.a), b = value_of(T, x.b);
    RiAction action;
    if (x.relation == BRANCH_EQ)
        action = ri_slow_equal(T, a, b);
    else if (x.relation == BRANCH_LT || x.relation == BRANCH_LE)
        action = ri_slow_compare(T, x.relation == BRANCH_LT ? RI_MM_LT : RI_MM_LE, a, b);
    else
        action = ri_slow_compare(T, x.relation == BRANCH_GT ? RI_MM_LT : RI_MM_LE, b, a);
    bool done = x.is_value ? T->pc == pc : T->pc == pc + 1 || T->pc == x.target;
    return ri_jit_finish_frame(T, action, base, done);
}

/* -- The two ways on -------------------------------------------------------------------------------------------------------- */

static RiJitResult go(RiJit *j, uint32_t pc)
{
    j->next_pc = pc;
    return EMIT_ON;
}

static void push_bool(RiJit *j, bool value)
{
    ri_jit_set_constant(j, j->depth, ri_bool(value));
}

/* The condition's value is known. */
static RiJitResult decided(RiJit *j, const Branch *x, bool cond)
{
    ri_jit_pop(j, x->pops);
    if (x->is_value) {
        push_bool(j, cond == x->sense);
        return EMIT_ON;
    }
    return go(j, cond == x->sense ? x->target : j->next_pc);
}

/* The same instead of the other one, which another way has. */
static void push_over(RiJit *j, bool value)
{
    ri_jit_pop(j, 1);
    push_bool(j, value);
}

/* The flags are set so that `cc` is the condition. expected: -1 not known. */
static RiJitResult branch_on(RiJit *j, const Branch *x, RiCond cc, int expected)
{
    uint32_t next = j->next_pc;
    ri_jit_pop(j, x->pops);
    if (x->is_value) {
        bool likely = expected != 0;
        push_bool(j, likely != x->sense);
        ri_jit_branch_to(j, likely ? ri_cond_not(cc) : cc, next);
        push_over(j, likely == x->sense);
        return go(j, next);
    }
    if (!x->sense)
        cc = ri_cond_not(cc);
    bool taken = expected >= 0 && (bool)expected == x->sense;
    if (taken) {
        ri_jit_branch_to(j, ri_cond_not(cc), next);
        return go(j, x->target);
    }
    ri_jit_branch_to(j, cc, x->target);
    return go(j, next);
}

/* After ucomisd: equal if ZF and not PF. */
static RiJitResult branch_on_float_equal(RiJit *j, const Branch *x, int expected)
{
    uint32_t next = j->next_pc;
    uint32_t if_equal = x->sense && !x->is_value ? x->target : next, if_not = x->sense || x->is_value ? next : x->target;
    ri_jit_pop(j, x->pops);
    bool equal = expected == 1;
    if (x->is_value)
        push_bool(j, equal != x->sense);
    RiJitStub *stub = ri_jit_stub(j, STUB_BRANCH, j->fv, equal ? if_not : if_equal);
    if (equal) {
        stub->where = ri_x_jcc(j->as, RI_CC_P, stub->address);
        stub->where2 = ri_x_jcc(j->as, RI_CC_NE, stub->address);
        if (x->is_value)
            push_over(j, x->sense);
        return go(j, if_equal);
    }
    uint32_t over = ri_x_jcc(j->as, RI_CC_P, 0);
    stub->where = ri_x_jcc(j->as, RI_CC_E, stub->address);
    ri_x_land(j->as, over);
    if (x->is_value)
        push_over(j, !x->sense);
    return go(j, if_not);
}

static RiJitResult slow(RiJit *j, const Branch *x)
{
    ri_jit_begin_slow(j);
    ri_jit_end_slow(j, HELPER(help_compare));
    if (x->is_value) {
        ri_jit_pop(j, x->pops);
        ri_jit_set_memory(j, j->depth, TYPE_UNKNOWN);
        return EMIT_ON;
    }
    ri_x_alu32_mem(j->as, RI_ALU_CMP, OF_THREAD(pc), (int32_t)x->target);
    uint32_t next = j->next_pc;
    ri_jit_pop(j, x->pops);
    ri_jit_branch_to(j, RI_CC_E, x->target);
    return go(j, next);
}

/* -- Numbers ------------------------------------------------------------------------------------------------------------------ */

static const RiValue *constant_of(RiJit *j, const RiJitOperand *o)
{
    return o->slot < 0 ? &o->k : j->slots[o->slot].where == IN_CONSTANT ? &j->slots[o->slot].k : NULL;
}

static int expectation(RiJit *j, const Branch *x)
{
    RiValue a, b;
    if (x->a.slot < 0)
        a = x->a.k;
    else if (!ri_jit_sample(j, (uint32_t)x->a.slot, &a))
        return -1;
    if (x->b.slot < 0)
        b = x->b.k;
    else if (!ri_jit_sample(j, (uint32_t)x->b.slot, &b))
        return -1;
    if (!ri_is_number(a) || !ri_is_number(b))
        return x->relation == BRANCH_EQ ? ri_raw_equal(a, b) : -1;
    switch (x->relation) {
    case BRANCH_EQ: return ri_raw_equal(a, b);
    case BRANCH_LT: return ri_number_less(a, b);
    case BRANCH_LE: return ri_number_less_equal(a, b);
    case BRANCH_GT: return ri_number_less(b, a);
    case BRANCH_GE: return ri_number_less_equal(b, a);
    }
    ri_unreachable();
}

static RiJitResult branch_ints(RiJit *j, const Branch *x)
{
    static const RiCond conds[] = {RI_CC_E, RI_CC_L, RI_CC_LE, RI_CC_G, RI_CC_GE};
    static const RiCond swapped[] = {RI_CC_E, RI_CC_G, RI_CC_GE, RI_CC_L, RI_CC_LE};
    const RiValue *ka = constant_of(j, &x->a), *kb = constant_of(j, &x->b);
    int expected = expectation(j, x);
    if (ka && kb)
        return decided(j, x, expected == 1);
    if (kb && kb->i == 0 && x->relation == BRANCH_EQ) {
        RiReg a = ri_jit_gpr(j, (uint32_t)x->a.slot);
        ri_x_rr(j->as, RI_X_TEST, a, a);
        return branch_on(j, x, RI_CC_E, expected);
    }
    if (kb && kb->i == (int32_t)kb->i) {
        ri_x_alu(j->as, RI_ALU_CMP, ri_jit_gpr(j, (uint32_t)x->a.slot), (int32_t)kb->i);
        return branch_on(j, x, conds[x->relation], expected);
    }
    if (ka && ka->i == (int32_t)ka->i) {
        ri_x_alu(j->as, RI_ALU_CMP, ri_jit_gpr(j, (uint32_t)x->b.slot), (int32_t)ka->i);
        return branch_on(j, x, swapped[x->relation], expected);
    }
    RiReg a = RI_RAX, b = RI_RCX;
    if (ka)
        ri_x_imm(j->as, a, ka->i);
    else
        a = ri_jit_gpr(j, (uint32_t)x->a.slot);
    if (kb)
        ri_x_imm(j->as, b, kb->i);
    else
        b = ri_jit_gpr(j, (uint32_t)x->b.slot);
    ri_x_rr(j->as, RI_X_CMP, a, b);
    return branch_on(j, x, conds[x->relation], expected);
}

/* An integer as a float, exactly, in `scratch`; a guard fails where that cannot be. */
static void convert_exactly(RiJit *j, RiReg reg, RiXmm scratch)
{
    ri_x_imm(j->as, RI_RAX, 1LL << 53);
    ri_x_rr(j->as, RI_X_ADD, RI_RAX, reg);
    ri_x_imm(j->as, RI_RCX, 1LL << 54);
    ri_x_rr(j->as, RI_X_CMP, RI_RAX, RI_RCX);
    ri_jit_guard_jump(j, RI_CC_A);
    ri_x_rr(j->as, RI_X_XORPS, scratch, scratch);
    ri_x_rr(j->as, RI_X_CVTSI2SD, scratch, reg);
}

/* A float operand, or an integer one that is one exactly. False: not so. */
static bool float_operand(RiJit *j, const RiJitOperand *o, RiXmm scratch, RiXmm *out)
{
    const RiValue *k = constant_of(j, o);
    *out = scratch;
    if (k) {
        double n = k->tag == RI_TAG_INT ? (double)k->i : k->n;
        if (k->tag == RI_TAG_INT && (k->i > 1LL << 53 || k->i < -(1LL << 53)))
            return false;
        ri_x_imm(j->as, RI_RAX, ri_float(n).i);
        ri_x_rr(j->as, RI_X_MOVQ_X, scratch, RI_RAX);
    } else if (j->slots[o->slot].type == TYPE_INT) {
        convert_exactly(j, ri_jit_gpr(j, (uint32_t)o->slot), scratch);
    } else {
        *out = ri_jit_xmm(j, (uint32_t)o->slot);
    }
    return true;
}

static RiJitResult branch_floats(RiJit *j, const Branch *x)
{
    RiXmm a, b;
    int expected = expectation(j, x);
    if (!float_operand(j, &x->a, 0, &a) || !float_operand(j, &x->b, 1, &b))
        return slow(j, x);
    if (x->relation == BRANCH_EQ) {
        ri_x_rr(j->as, RI_X_UCOMISD, a, b);
        return branch_on_float_equal(j, x, expected);
    }
    bool less = x->relation == BRANCH_LT || x->relation == BRANCH_LE;
    ri_x_rr(j->as, RI_X_UCOMISD, less ? b : a, less ? a : b); /* above: true; unordered: not above */
    bool strict = x->relation == BRANCH_LT || x->relation == BRANCH_GT;
    return branch_on(j, x, strict ? RI_CC_A : RI_CC_AE, expected);
}

/* -- Equality ------------------------------------------------------------------------------------------------------------------ */

static bool is_singleton(uint8_t type)
{
    return type == TYPE_NIL || type == TYPE_FALSE || type == TYPE_TRUE;
}

/* a == b by address, in the flags. */
static void compare_payloads(RiJit *j, const Branch *x)
{
    const RiValue *ka = constant_of(j, &x->a), *kb = constant_of(j, &x->b);
    RiReg a = RI_RAX, b = RI_RCX;
    if (ka)
        ri_x_imm(j->as, a, ka->i);
    else
        a = ri_jit_gpr(j, (uint32_t)x->a.slot);
    if (kb)
        ri_x_imm(j->as, b, kb->i);
    else
        b = ri_jit_gpr(j, (uint32_t)x->b.slot);
    ri_x_rr(j->as, RI_X_CMP, a, b);
}

/* rdi and rsi := the two strings; the registers are free for a call then. */
static void load_strings(RiJit *j, const Branch *x)
{
    const RiJitOperand *operands[] = {&x->a, &x->b};
    RiReg regs[] = {RI_RDI, RI_RSI};
    ri_jit_flush_for_call(j);
    for (int i = 0; i < 2; i++) {
        const RiValue *k = constant_of(j, operands[i]);
        if (k)
            ri_x_imm(j->as, regs[i], k->i);
        else
            ri_x_rm(j->as, RI_X_LOAD, regs[i], ri_jit_payload((uint32_t)operands[i]->slot));
    }
}

static uintptr_t help_strings_equal(const RiString *a, const RiString *b)
{
    return ri_str_equal(a, b);
}

/* Strings of which one at least may not be interned, by their bytes. */
static RiJitResult branch_string_bytes(RiJit *j, const Branch *x)
{
    int expected = expectation(j, x);
    load_strings(j, x);
    ri_jit_call_pure(j, HELPER(help_strings_equal));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    return branch_on(j, x, RI_CC_NE, expected);
}

/* Which of two strings is before the other one. */
static RiJitResult branch_string_order(RiJit *j, const Branch *x)
{
    static const RiCond conds[] = {RI_CC_E, RI_CC_L, RI_CC_LE, RI_CC_G, RI_CC_GE};
    int expected = expectation(j, x);
    load_strings(j, x);
    ri_jit_call_pure(j, HELPER(ri_str_compare));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    return branch_on(j, x, conds[x->relation], expected);
}

/* Strings: the same object is equal; two interned ones are not. Others are compared. */
static RiJitResult branch_strings(RiJit *j, const Branch *x)
{
    const RiValue *k = constant_of(j, &x->b);
    RiValue a, b;
    bool both = k && ri_str_is_interned(k->cp);
    if (!both) {
        both = x->a.slot >= 0 && x->b.slot >= 0 && ri_jit_sample(j, (uint32_t)x->a.slot, &a) &&
               ri_jit_sample(j, (uint32_t)x->b.slot, &b) && a.tag == b.tag && a.tag == RI_TAG_STRING &&
               ri_str_is_interned(a.cp) && ri_str_is_interned(b.cp);
    }
    if (!both || constant_of(j, &x->a) || j->generic_pc == j->pc)
        return branch_string_bytes(j, x);
    int expected = expectation(j, x);
    RiReg ra = ri_jit_gpr(j, (uint32_t)x->a.slot);
    ri_x_test8_mem(j->as, ri_mem(ra, offsetof(RiObject, flags)), RI_STR_INTERNED);
    ri_jit_guard_jump(j, RI_CC_E);
    if (!k) {
        ri_x_test8_mem(j->as, ri_mem(ri_jit_gpr(j, (uint32_t)x->b.slot), offsetof(RiObject, flags)), RI_STR_INTERNED);
        ri_jit_guard_jump(j, RI_CC_E);
    }
    compare_payloads(j, x);
    return branch_on(j, x, RI_CC_E, expected);
}

/* Tables: equal if the same; __eq is asked otherwise, so there must be no metatable. */
static RiJitResult branch_tables(RiJit *j, const Branch *x)
{
    RiValue a, b;
    if (j->generic_pc == j->pc || x->a.slot < 0 || x->b.slot < 0 || !ri_jit_sample(j, (uint32_t)x->a.slot, &a) ||
        !ri_jit_sample(j, (uint32_t)x->b.slot, &b) || a.tag != RI_TAG_TABLE || b.tag != RI_TAG_TABLE)
        return slow(j, x);
    RiReg ra = ri_jit_gpr(j, (uint32_t)x->a.slot), rb = ri_jit_gpr(j, (uint32_t)x->b.slot);
    int expected = a.p == b.p;
    RiTable *meta_a = ((RiTable *)a.p)->meta, *meta_b = ((RiTable *)b.p)->meta;
    ri_x_rr(j->as, RI_X_CMP, ra, rb);
    uint32_t same = ri_x_jcc(j->as, RI_CC_E, 0);
    for (int i = 0; i < 2; i++) { /* no metatable, or one that certainly has no __eq */
        bool has_meta = i ? meta_b != NULL : meta_a != NULL;
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(i ? rb : ra, offsetof(RiTable, meta)));
        ri_x_rr(j->as, RI_X_TEST, RI_RAX, RI_RAX);
        if (!has_meta) {
            ri_jit_guard_jump(j, RI_CC_NE);
        } else {
            uint32_t none = ri_x_jcc(j->as, RI_CC_E, 0);
            ri_x_test8_mem(j->as, ri_mem(RI_RAX, offsetof(RiTable, absent)), 1 << RI_MM_EQ);
            ri_jit_guard_jump(j, RI_CC_E);
            ri_x_land(j->as, none);
        }
    }
    ri_x_land(j->as, same);
    ri_x_rr(j->as, RI_X_CMP, ra, rb);
    return branch_on(j, x, RI_CC_E, expected);
}

static RiJitResult branch_equal(RiJit *j, const Branch *x, uint8_t ta, uint8_t tb)
{
    if (ta == TYPE_OF(RI_TAG_CDATA) || tb == TYPE_OF(RI_TAG_CDATA)) /* compared with whatever it is */
        return slow(j, x);
    if (ta != tb)
        return decided(j, x, false);
    if (is_singleton(ta))
        return decided(j, x, true);
    if (ta == TYPE_STRING)
        return branch_strings(j, x);
    if (ta == TYPE_TABLE)
        return branch_tables(j, x);
    if (ta == TYPE_OF(RI_TAG_USERDATA))
        return slow(j, x);
    int expected = expectation(j, x);
    compare_payloads(j, x);
    return branch_on(j, x, RI_CC_E, expected);
}

/* Pointers, as unsigned integers. */
static RiJitResult branch_pointers(RiJit *j, const Branch *x)
{
    static const RiCond conds[] = {RI_CC_E, RI_CC_B, RI_CC_BE, RI_CC_A, RI_CC_AE};
    return branch_on(j, x, conds[x->relation], expectation(j, x));
}

static bool is_number(uint8_t type)
{
    return type == TYPE_INT || type == TYPE_FLOAT;
}

static RiJitResult emit_compare(RiJit *j, RiWord w)
{
    Branch x = decode(j->fv, w, j->code, j->pc, j->depth);
    uint8_t ta = ri_jit_operand_type(j, x.a), tb = ri_jit_operand_type(j, x.b);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (ta == TYPE_UNKNOWN || tb == TYPE_UNKNOWN)
        return slow(j, &x);
    bool numbers = is_number(ta) && is_number(tb);
    if ((ta == TYPE_CDATA || tb == TYPE_CDATA) && ri_jit_emit_foreign_compare(j, x.a, x.b, x.relation != BRANCH_EQ))
        return branch_pointers(j, &x);
    if (j->is_deferred)
        return EMIT_DEFER;
    bool strings = ta == TYPE_STRING && tb == TYPE_STRING;
    if (!numbers && x.relation != BRANCH_EQ && (!strings || j->generic_pc == j->pc))
        return slow(j, &x);
    if (x.a.slot >= 0)
        ri_jit_guard(j, (uint32_t)x.a.slot, ta);
    if (x.b.slot >= 0)
        ri_jit_guard(j, (uint32_t)x.b.slot, tb);
    if (strings && x.relation != BRANCH_EQ)
        return branch_string_order(j, &x);
    if (!numbers)
        return branch_equal(j, &x, ta, tb);
    if (j->generic_pc == j->pc && ta != tb)
        return slow(j, &x);
    return ta == TYPE_INT && tb == TYPE_INT ? branch_ints(j, &x) : branch_floats(j, &x);
}

/* -- Tests of truth ---------------------------------------------------------------------------------------------------------------- */

static RiJitResult emit_test(RiJit *j, uint32_t slot, bool keep, uint32_t pops, bool sense, uint32_t target)
{
    uint8_t type = ri_jit_type(j, slot);
    uint32_t next = j->next_pc;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type == TYPE_UNKNOWN) {
        ri_jit_sync(j, slot);
        ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_jit_tag(slot), RI_TAG_FALSE);
        if (!keep)
            ri_jit_pop(j, pops);
        ri_jit_branch_to(j, sense ? RI_CC_A : RI_CC_BE, target);
        if (keep)
            ri_jit_pop(j, pops);
        return go(j, next);
    }
    ri_jit_guard(j, slot, type);
    bool truth = type != TYPE_NIL && type != TYPE_FALSE;
    if (truth != sense || !keep)
        ri_jit_pop(j, pops);
    return go(j, truth == sense ? target : next);
}

RiJitResult ri_jit_emit_branch(RiJit *j, RiWord w)
{
    uint32_t target = (uint32_t)((int32_t)j->pc + 2 + (int32_t)j->code[j->pc + 1]);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_JMP:
        return go(j, (uint32_t)((int32_t)j->pc + 1 + RI_WORD_E(w)));
    case RI_OP_LOOP:
        return ri_jit_emit_loop(j, w);
    case RI_OP_TEST:
        return emit_test(j, j->depth - 1, false, 1, RI_WORD_C(w), target);
    case RI_OP_TEST_L:
        return emit_test(j, RI_WORD_A(w), false, 0, RI_WORD_C(w), target);
    case RI_OP_TESTKEEP:
        return emit_test(j, j->depth - 1, true, 1, RI_WORD_C(w), target);
    default:
        return emit_compare(j, w);
    }
}
