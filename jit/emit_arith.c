/* Emitters: arithmetic, bitwise operations, not, length, concatenation. */
#include "jit/core.h"

/* One instruction, taken apart. */
typedef struct Arith {
    RiMetamethod event;
    RiJitOperand a, b;
    int32_t dest;  /* local slot; -1: push */
    uint32_t pops;
} Arith;

/* -- What they mean beyond the fast paths ------------------------------------------------------------------------------ */

static RiJitOperand local(uint32_t slot)
{
    return (RiJitOperand){.slot = (int32_t)slot};
}
static RiJitOperand constant(RiValue k)
{
    return (RiJitOperand){.slot = -1, .k = k};
}

#define FORM(event, suffix, x, y, to, n)                                                           \
    case RI_OP_##event##suffix:                                                                    \
        return (Arith){RI_MM_##event, x, y, to, n};
#define ALL12(F) F(ADD) F(SUB) F(MUL) F(DIV) F(MOD) F(POW) F(IDIV) F(BAND) F(BOR) F(BXOR) F(SHL) F(SHR)

/* `depth`: of the stack before it. */
static Arith decode(const RiFeedback *fv, RiWord w, uint32_t depth)
{
    const RiValue *k = fv->constants;
    uint32_t A = RI_WORD_A(w), B = RI_WORD_B(w), C = RI_WORD_C(w), D = RI_WORD_D(w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
#define SS(e) FORM(e, , local(depth - 2), local(depth - 1), -1, 2)
        ALL12(SS)
#define SL(e) FORM(e, _L, local(depth - 1), local(A), -1, 1)
        SL(ADD) SL(SUB) SL(MUL) SL(DIV) SL(MOD) SL(BAND) SL(BXOR)
#define SK(e) FORM(e, _K, local(depth - 1), constant(k[D]), -1, 1)
        ALL12(SK)
#define LL(e) FORM(e, _LL, local(A), local(B), -1, 0)
        LL(ADD) LL(SUB) LL(MUL) LL(DIV) LL(MOD) LL(BAND)
#define LK(e) FORM(e, _LK, local(A), constant(k[D]), -1, 0)
        LK(ADD) LK(SUB) LK(MUL) LK(DIV) LK(MOD) LK(IDIV) LK(BAND) LK(SHL) LK(SHR)
#define LLT(e) FORM(e, _LLT, local(B), local(C), (int32_t)A, 0)
        LLT(ADD) LLT(SUB) LLT(MUL)
#define LKT(e) FORM(e, _LKT, local(B), constant(k[C]), (int32_t)A, 0)
        LKT(ADD) LKT(SUB) LKT(MUL)
    default:
        ri_unreachable();
    }
}

static RiValue value_of(const RiThread *T, RiJitOperand o)
{
    return o.slot < 0 ? o.k : T->base[o.slot];
}

static uintptr_t help_arith(RiThread *T)
{
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    uint32_t pc = T->pc;
    ptrdiff_t base = T->base - T->stack;
    Arith x = decode(fv, fv->proto->code[pc - 1], (uint32_t)(T->top - T->base));
    return ri_jit_finish(T, ri_slow_arith(T, x.event, value_of(T, x.a), value_of(T, x.b)), base, pc);
}

static uintptr_t help_unary(RiThread *T)
{
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    uint32_t pc = T->pc;
    RiWord w = fv->proto->code[pc - 1];
    ptrdiff_t base = T->base - T->stack;
    RiValue v = RI_WORD_OP(w) == RI_OP_LEN_L ? T->base[RI_WORD_A(w)] : T->top[-1];
    RiAction action;
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_UNM:
        action = ri_slow_arith(T, RI_MM_UNM, v, v);
        break;
    case RI_OP_BNOT:
        action = ri_slow_arith(T, RI_MM_BNOT, v, v);
        break;
    case RI_OP_CONCAT:
        action = ri_slow_concat(T, RI_WORD_A(w));
        break;
    default:
        action = ri_slow_len(T, v);
        break;
    }
    return ri_jit_finish(T, action, base, pc);
}

/* -- Results ------------------------------------------------------------------------------------------------------------- */

static uint32_t dest_slot(RiJit *j, const Arith *x)
{
    ri_jit_pop(j, x->pops);
    return x->dest >= 0 ? (uint32_t)x->dest : j->depth;
}

static RiJitResult slow(RiJit *j, const Arith *x)
{
    ri_jit_begin_slow(j);
    ri_jit_end_slow(j, HELPER(help_arith));
    ri_jit_set_memory(j, dest_slot(j, x), TYPE_UNKNOWN);
    return EMIT_ON;
}

/* The result, where both operands have samples. */
static void set_result_sample(RiJit *j, const Arith *x, uint32_t slot, bool has, RiValue a, RiValue b)
{
    RiValue r;
    if (has && ri_arith_numbers(x->event, a, b, &r))
        ri_jit_set_sample(j, slot, r);
}

static bool operand_sample(RiJit *j, RiJitOperand o, RiValue *out)
{
    if (o.slot < 0) {
        *out = o.k;
        return true;
    }
    return ri_jit_sample(j, (uint32_t)o.slot, out);
}

/* A register for the result: that of operand `a` if its value ends here. */
static RiReg dest_gpr(RiJit *j, const Arith *x)
{
    if (x->a.slot >= 0) {
        uint32_t slot = (uint32_t)x->a.slot;
        RiReg reg = ri_jit_gpr(j, slot);
        if (x->a.slot == x->dest ? ri_jit_owns_gpr(j, reg, slot)
                                 : slot >= j->depth - x->pops && ri_jit_owns_gpr(j, reg, slot))
            return reg;
        RiReg to = ri_jit_new_gpr(j);
        return to;
    }
    return ri_jit_new_gpr(j);
}

static bool is_const_int(RiJit *j, RiJitOperand o, int64_t *out)
{
    const RiValue *k = o.slot < 0 ? &o.k : j->slots[o.slot].where == IN_CONSTANT ? &j->slots[o.slot].k : NULL;
    if (!k || k->tag != RI_TAG_INT)
        return false;
    *out = k->i;
    return true;
}

static bool fits32(int64_t i)
{
    return i == (int32_t)i;
}

/* The operand in a register: a constant in `scratch`. */
static RiReg operand_gpr(RiJit *j, RiJitOperand o, RiReg scratch)
{
    int64_t k;
    if (is_const_int(j, o, &k)) {
        ri_x_imm(j->as, scratch, k);
        return scratch;
    }
    return ri_jit_gpr(j, (uint32_t)o.slot);
}

static void move_gpr(RiJit *j, RiReg to, RiReg from)
{
    if (to != from)
        ri_x_rr(j->as, RI_X_LOAD, to, from);
}

/* -- Integers -------------------------------------------------------------------------------------------------------------- */

static void emit_add(RiJit *j, const Arith *x, RiReg d)
{
    int64_t k;
    RiReg a = operand_gpr(j, x->a, RI_RAX);
    if (is_const_int(j, x->b, &k) && fits32(k) && fits32(-k)) {
        if (x->event == RI_MM_SUB)
            k = -k;
        if (d == a)
            ri_x_alu(j->as, RI_ALU_ADD, d, (int32_t)k);
        else
            ri_x_rm(j->as, RI_X_LEA, d, ri_mem(a, k));
        return;
    }
    RiReg b = operand_gpr(j, x->b, RI_RCX);
    if (x->event == RI_MM_ADD) {
        if (d == a)
            ri_x_rr(j->as, RI_X_ADD, d, b);
        else
            ri_x_rm(j->as, RI_X_LEA, d, ri_mem_index(a, b, 1, 0));
        return;
    }
    move_gpr(j, d, a);
    ri_x_rr(j->as, RI_X_SUB, d, b);
}

static void emit_mul(RiJit *j, const Arith *x, RiReg d)
{
    int64_t k;
    RiReg a = operand_gpr(j, x->a, RI_RAX);
    if (is_const_int(j, x->b, &k) && fits32(k)) {
        ri_x_imul(j->as, d, a, (int32_t)k);
        return;
    }
    RiReg b = operand_gpr(j, x->b, RI_RCX);
    move_gpr(j, d, a);
    ri_x_rr(j->as, RI_X_IMUL, d, b);
}

static void emit_bits(RiJit *j, const Arith *x, RiReg d)
{
    static const RiForm forms[] = {RI_X_AND, RI_X_OR, RI_X_XOR};
    static const RiAlu alus[] = {RI_ALU_AND, RI_ALU_OR, RI_ALU_XOR};
    int op = x->event - RI_MM_BAND;
    int64_t k;
    move_gpr(j, d, operand_gpr(j, x->a, RI_RAX));
    if (is_const_int(j, x->b, &k) && fits32(k))
        ri_x_alu(j->as, alus[op], d, (int32_t)k);
    else
        ri_x_rr(j->as, forms[op], d, operand_gpr(j, x->b, RI_RCX));
}

static void emit_shift(RiJit *j, const Arith *x, RiReg d)
{
    bool left = x->event == RI_MM_SHL;
    int64_t k;
    if (is_const_int(j, x->b, &k)) {
        if (k < 0) {
            left = !left;
            k = k <= -64 ? 64 : -k;
        }
        move_gpr(j, d, operand_gpr(j, x->a, RI_RAX));
        if (k >= 64)
            ri_x_rr(j->as, RI_X_XOR32, d, d);
        else if (k > 0)
            ri_x_shift(j->as, left ? RI_SHIFT_LEFT : RI_SHIFT_RIGHT, d, (int)k);
        return;
    }
    ri_x_rr(j->as, RI_X_LOAD, RI_RCX, ri_jit_gpr(j, (uint32_t)x->b.slot));
    move_gpr(j, d, operand_gpr(j, x->a, RI_RAX));
    ri_x_shift_cl(j->as, left ? RI_SHIFT_LEFT : RI_SHIFT_RIGHT, d);
}

/* Shift by a count that is not constant: made sure to be 0 … 63 before anything changes. */
static void guard_shift(RiJit *j, const Arith *x)
{
    int64_t k;
    if (is_const_int(j, x->b, &k))
        return;
    ri_x_alu(j->as, RI_ALU_CMP, ri_jit_gpr(j, (uint32_t)x->b.slot), 63);
    ri_jit_guard_jump(j, RI_CC_A);
}

/* rax, rdx := quotient, remainder of rax by the register (truncated). Small ones have a quicker instruction. */
static void emit_divide(RiJit *j, RiReg divisor)
{
    ri_x_rr(j->as, RI_X_LOAD, RI_RDX, RI_RAX);
    ri_x_rr(j->as, RI_X_OR, RI_RDX, divisor);
    ri_x_shift(j->as, RI_SHIFT_RIGHT, RI_RDX, 32);
    uint32_t wide = ri_x_jcc(j->as, RI_CC_NE, 0);
    ri_x_div32(j->as, divisor); /* rdx is 0 */
    uint32_t done = ri_x_jmp(j->as, 0);
    ri_x_land(j->as, wide);
    ri_x_cqo(j->as);
    ri_x_idiv(j->as, divisor);
    ri_x_land(j->as, done);
}

static void emit_divide_by_constant(RiJit *j, const Arith *x, RiReg d, int64_t k)
{
    bool is_mod = x->event == RI_MM_MOD;
    if (k > 0 && (k & (k - 1)) == 0 && fits32(k)) {
        move_gpr(j, d, operand_gpr(j, x->a, RI_RAX));
        if (is_mod)
            ri_x_alu(j->as, RI_ALU_AND, d, (int32_t)k - 1);
        else if (k > 1)
            ri_x_shift(j->as, RI_SHIFT_ARITHMETIC, d, __builtin_ctzll((uint64_t)k));
        return;
    }
    move_gpr(j, RI_RAX, operand_gpr(j, x->a, RI_RAX));
    ri_x_imm(j->as, RI_RCX, k);
    emit_divide(j, RI_RCX);
    if (is_mod) { /* k > 0 */
        ri_x_rr(j->as, RI_X_ADD, RI_RCX, RI_RDX);
        ri_x_rr(j->as, RI_X_TEST, RI_RDX, RI_RDX);
        ri_x_rr(j->as, RI_X_CMOVS, RI_RDX, RI_RCX);
        move_gpr(j, d, RI_RDX);
    } else {
        ri_x_shift(j->as, RI_SHIFT_ARITHMETIC, RI_RDX, 63);
        ri_x_rr(j->as, RI_X_ADD, RI_RAX, RI_RDX);
        move_gpr(j, d, RI_RAX);
    }
}

static void emit_int_divide(RiJit *j, const Arith *x, RiReg d)
{
    int64_t k;
    if (is_const_int(j, x->b, &k)) {
        emit_divide_by_constant(j, x, d, k);
        return;
    }
    RiReg b = ri_jit_gpr(j, (uint32_t)x->b.slot);
    move_gpr(j, RI_RAX, operand_gpr(j, x->a, RI_RAX));
    emit_divide(j, b);
    /* truncated, to be floored: if the remainder is not 0 and of the other sign than the divisor */
    ri_x_rr(j->as, RI_X_TEST, RI_RDX, RI_RDX);
    uint32_t exact = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_x_rr(j->as, RI_X_LOAD, RI_RCX, RI_RDX);
    ri_x_rr(j->as, RI_X_XOR, RI_RCX, b);
    uint32_t same = ri_x_jcc(j->as, RI_CC_NS, 0);
    ri_x_alu(j->as, RI_ALU_SUB, RI_RAX, 1);
    ri_x_rr(j->as, RI_X_ADD, RI_RDX, b);
    ri_x_land(j->as, exact);
    ri_x_land(j->as, same);
    move_gpr(j, d, x->event == RI_MM_MOD ? RI_RDX : RI_RAX);
}

/* The divisor is neither 0 nor -1, or the guard fails. False: not for us. */
static bool guard_divisor(RiJit *j, const Arith *x)
{
    int64_t k;
    if (is_const_int(j, x->b, &k))
        return k > 0;
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_mem(ri_jit_gpr(j, (uint32_t)x->b.slot), 1));
    ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, 1);
    ri_jit_guard_jump(j, RI_CC_BE);
    return true;
}

static RiJitResult emit_int(RiJit *j, const Arith *x)
{
    RiValue va = ri_nil(), vb = ri_nil();
    bool has = operand_sample(j, x->a, &va) && operand_sample(j, x->b, &vb);
    int64_t ka, kb;
    RiValue folded;
    if (is_const_int(j, x->a, &ka) && is_const_int(j, x->b, &kb) &&
        ri_arith_numbers(x->event, ri_int(ka), ri_int(kb), &folded)) {
        ri_jit_set_constant(j, dest_slot(j, x), folded);
        return EMIT_ON;
    }
    if (x->event == RI_MM_SHL || x->event == RI_MM_SHR)
        guard_shift(j, x);
    if ((x->event == RI_MM_MOD || x->event == RI_MM_IDIV) && !guard_divisor(j, x))
        return slow(j, x);
    if (x->b.slot >= 0 && !is_const_int(j, x->b, &kb))
        ri_jit_gpr(j, (uint32_t)x->b.slot);
    RiReg d = x->a.slot >= 0 && is_const_int(j, x->a, &ka) ? ri_jit_new_gpr(j) : dest_gpr(j, x);
    if (x->b.slot >= 0 && j->slots[x->b.slot].where == IN_GPR + (int)d)
        d = ri_jit_new_gpr(j); /* a op a */
    switch (x->event) {
    case RI_MM_ADD:
    case RI_MM_SUB:
        emit_add(j, x, d);
        break;
    case RI_MM_MUL:
        emit_mul(j, x, d);
        break;
    case RI_MM_MOD:
    case RI_MM_IDIV:
        emit_int_divide(j, x, d);
        break;
    case RI_MM_SHL:
    case RI_MM_SHR:
        emit_shift(j, x, d);
        break;
    default:
        emit_bits(j, x, d);
        break;
    }
    uint32_t to = dest_slot(j, x);
    ri_jit_set_gpr(j, to, TYPE_INT, d);
    set_result_sample(j, x, to, has, va, vb);
    return EMIT_ON;
}

/* -- Floats ---------------------------------------------------------------------------------------------------------------- */

/* The operand as a float: of a variable in its register, an integer or constant in `scratch`. */
static RiXmm operand_xmm(RiJit *j, RiJitOperand o, RiXmm scratch)
{
    const RiValue *k = o.slot < 0 ? &o.k : j->slots[o.slot].where == IN_CONSTANT ? &j->slots[o.slot].k : NULL;
    if (k) {
        RiValue f = k->tag == RI_TAG_INT ? ri_float((double)k->i) : *k;
        if (f.u == 0) {
            ri_x_rr(j->as, RI_X_XORPS, scratch, scratch);
        } else {
            ri_x_imm(j->as, RI_RAX, f.i);
            ri_x_rr(j->as, RI_X_MOVQ_X, scratch, RI_RAX);
        }
        return scratch;
    }
    if (j->slots[o.slot].type == TYPE_INT) {
        RiReg reg = ri_jit_gpr(j, (uint32_t)o.slot);
        ri_x_rr(j->as, RI_X_XORPS, scratch, scratch);
        ri_x_rr(j->as, RI_X_CVTSI2SD, scratch, reg);
        return scratch;
    }
    return ri_jit_xmm(j, (uint32_t)o.slot);
}

static double call_pow(double a, double b)
{
    return ri_float_pow(a, b);
}
static double call_mod(double a, double b)
{
    return ri_float_mod(a, b);
}

/* xmm0 := function(a, b) */
static void emit_float_call(RiJit *j, const Arith *x, uintptr_t function)
{
    RiXmm b = operand_xmm(j, x->b, 1);
    RiXmm a = operand_xmm(j, x->a, 0);
    if (b != 1)
        ri_x_rr(j->as, RI_X_MOVAPS, 1, b);
    if (a != 0)
        ri_x_rr(j->as, RI_X_MOVAPS, 0, a);
    ri_jit_flush_for_call(j);
    ri_jit_call_pure(j, function);
}

static RiXmm dest_xmm(RiJit *j, const Arith *x)
{
    if (x->a.slot >= 0 && j->slots[x->a.slot].where >= IN_XMM) {
        uint32_t slot = (uint32_t)x->a.slot;
        uint8_t where = j->slots[slot].where;
        bool ends = x->a.slot == x->dest || slot >= j->depth - x->pops;
        for (uint32_t i = 0; i < j->depth; i++)
            ends &= i == slot || j->slots[i].where != where;
        if (ends)
            return where - IN_XMM;
    }
    return ri_jit_new_xmm(j);
}

static RiJitResult emit_float(RiJit *j, const Arith *x)
{
    RiValue va = ri_nil(), vb = ri_nil();
    bool has = operand_sample(j, x->a, &va) && operand_sample(j, x->b, &vb);
    bool squares = x->event == RI_MM_POW && x->b.slot < 0 &&
                   (x->b.k.tag == RI_TAG_INT ? x->b.k.i == 2 : x->b.k.n == 2.0);
    RiXmm d;
    if ((x->event == RI_MM_POW && !squares) || x->event == RI_MM_MOD) {
        emit_float_call(j, x, x->event == RI_MM_POW ? HELPER(call_pow) : HELPER(call_mod));
        d = ri_jit_new_xmm(j);
        ri_x_rr(j->as, RI_X_MOVAPS, d, 0);
    } else {
        RiXmm a = operand_xmm(j, x->a, 0), b = squares ? a : operand_xmm(j, x->b, 1);
        d = dest_xmm(j, x);
        if (d == b && d != a)
            d = ri_jit_new_xmm(j);
        if (d != a)
            ri_x_rr(j->as, RI_X_MOVAPS, d, a);
        if (squares)
            b = d;
        RiForm form = x->event == RI_MM_ADD   ? RI_X_ADDSD
                      : x->event == RI_MM_SUB ? RI_X_SUBSD
                      : x->event == RI_MM_MUL || squares ? RI_X_MULSD
                                                         : RI_X_DIVSD;
        ri_x_rr(j->as, form, d, b);
        if (x->event == RI_MM_IDIV)
            ri_x_roundsd(j->as, d, d, 9);
    }
    uint32_t to = dest_slot(j, x);
    ri_jit_set_xmm(j, to, d);
    set_result_sample(j, x, to, has, va, vb);
    return EMIT_ON;
}

static bool is_number(uint8_t type)
{
    return type == TYPE_INT || type == TYPE_FLOAT;
}

static RiJitResult emit_binary(RiJit *j, RiWord w)
{
    Arith x = decode(j->fv, w, j->depth);
    uint8_t ta = ri_jit_operand_type(j, x.a), tb = ri_jit_operand_type(j, x.b);
    if (j->is_deferred)
        return EMIT_DEFER;
    bool bitwise = x.event >= RI_MM_BAND && x.event <= RI_MM_SHR;
    RiJitResult result;
    if ((ta == TYPE_TABLE || tb == TYPE_TABLE) &&
        ri_jit_emit_binary_meta(j, x.event, x.a, x.b, x.pops, x.dest, &result))
        return result;
    if ((ta == TYPE_CDATA || tb == TYPE_CDATA) && ri_jit_emit_foreign_arith(j, x.event, x.a, x.b, x.pops, x.dest))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (!is_number(ta) || !is_number(tb) || (bitwise && (ta != TYPE_INT || tb != TYPE_INT)))
        return slow(j, &x);
    if (x.a.slot >= 0)
        ri_jit_guard(j, (uint32_t)x.a.slot, ta);
    if (x.b.slot >= 0)
        ri_jit_guard(j, (uint32_t)x.b.slot, tb);
    if (ta == TYPE_INT && tb == TYPE_INT && x.event != RI_MM_DIV && x.event != RI_MM_POW)
        return emit_int(j, &x);
    if (ta != tb && x.event == RI_MM_IDIV)
        return slow(j, &x);
    return emit_float(j, &x);
}

/* -- Unary ------------------------------------------------------------------------------------------------------------------ */

static RiJitResult slow_unary(RiJit *j, uint32_t pops)
{
    ri_jit_begin_slow(j);
    ri_jit_end_slow(j, HELPER(help_unary));
    ri_jit_pop(j, pops);
    ri_jit_set_memory(j, j->depth, TYPE_UNKNOWN);
    return EMIT_ON;
}

static RiJitResult emit_negate(RiJit *j, bool bitwise)
{
    uint32_t slot = j->depth - 1;
    uint8_t type = ri_jit_type(j, slot);
    RiValue v;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type != TYPE_INT && (type != TYPE_FLOAT || bitwise))
        return slow_unary(j, 1);
    ri_jit_guard(j, slot, type);
    bool has = ri_jit_sample(j, slot, &v);
    if (type == TYPE_INT) {
        RiReg from = ri_jit_gpr(j, slot), d = ri_jit_owns_gpr(j, from, slot) ? from : ri_jit_new_gpr(j);
        move_gpr(j, d, from);
        if (bitwise)
            ri_x_not(j->as, d);
        else
            ri_x_neg(j->as, d);
        ri_jit_set_gpr(j, slot, TYPE_INT, d);
        v.u = bitwise ? ~v.u : 0 - v.u;
    } else {
        RiXmm from = ri_jit_xmm(j, slot), d = ri_jit_new_xmm(j);
        ri_x_imm(j->as, RI_RAX, INT64_MIN);
        ri_x_rr(j->as, RI_X_MOVQ_X, d, RI_RAX);
        ri_x_rr(j->as, RI_X_XORPS, d, from);
        ri_jit_set_xmm(j, slot, d);
        v.n = -v.n;
    }
    if (has)
        ri_jit_set_sample(j, slot, v);
    return EMIT_ON;
}

static RiJitResult emit_not(RiJit *j)
{
    uint32_t slot = j->depth - 1;
    uint8_t type = ri_jit_type(j, slot);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type == TYPE_UNKNOWN) {
        ri_jit_sync(j, slot);
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_jit_tag(slot));
        ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, RI_TAG_TRUE);
        ri_x_setcc(j->as, RI_CC_B, RI_RAX);
        ri_x_rr(j->as, RI_X_ZEROBYTE, RI_RAX, RI_RAX);
        ri_x_alu(j->as, RI_ALU_ADD, RI_RAX, RI_TAG_FALSE);
        ri_jit_before_write(j, slot);
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_tag(slot));
        ri_x_store_imm(j->as, ri_jit_payload(slot), 0);
        ri_jit_set_memory(j, slot, TYPE_UNKNOWN);
        return EMIT_ON;
    }
    ri_jit_guard(j, slot, type);
    ri_jit_set_constant(j, slot, ri_bool(type == TYPE_NIL || type == TYPE_FALSE));
    return EMIT_ON;
}

/* Length of the table in `reg` without a metatable, into a new register. */
static RiReg emit_table_length(RiJit *j, RiReg reg)
{
    if (!(ri_jit_facts(j, reg)->facts & FACT_NO_META)) {
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(reg, offsetof(RiTable, meta)), 0);
        ri_jit_guard_jump(j, RI_CC_NE);
        ri_jit_learn(j, reg, FACT_NO_META | FACT_NO_NEWINDEX);
    }
    RiReg d = ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LOAD, RI_RDX, ri_mem(reg, offsetof(RiTable, array)));
    ri_x_rm(j->as, RI_X_LOAD32, RI_RCX, ri_mem(RI_RDX, offsetof(RiArray, count)));
    ri_x_alu8_mem(j->as, RI_ALU_CMP, ri_mem(RI_RDX, offsetof(RiArray, kind)), RI_ARRAY_ANY);
    uint32_t plain = ri_x_jcc(j->as, RI_CC_NE, 0);
    ri_x_rr(j->as, RI_X_LOAD, RI_RAX, RI_RCX);
    ri_x_shift(j->as, RI_SHIFT_LEFT, RI_RAX, 4);
    uint32_t empty = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem_index(RI_RDX, RI_RAX, 1, RI_ARRAY_HEADER_SIZE - 8), RI_TAG_NIL);
    ri_jit_guard_jump(j, RI_CC_E); /* a weak table's, cleared */
    ri_x_land(j->as, plain);
    ri_x_land(j->as, empty);
    ri_x_rr(j->as, RI_X_LOAD, d, RI_RCX);
    return d;
}

static RiJitResult emit_length(RiJit *j, uint32_t slot, uint32_t pops)
{
    uint8_t type = ri_jit_type(j, slot);
    RiValue v;
    if (j->is_deferred)
        return EMIT_DEFER;
    bool has = ri_jit_sample(j, slot, &v);
    bool plain_table = type == TYPE_TABLE && has && ((RiTable *)v.p)->meta == NULL && j->generic_pc != j->pc;
    if (type != TYPE_STRING && !plain_table)
        return slow_unary(j, pops);
    ri_jit_guard(j, slot, type);
    RiReg reg = ri_jit_gpr(j, slot), d;
    if (type == TYPE_STRING) {
        d = ri_jit_new_gpr(j);
        ri_x_rm(j->as, RI_X_LOAD, d, ri_mem(reg, offsetof(RiString, size)));
        v = has ? ri_int((int64_t)((RiString *)v.p)->size) : ri_nil();
    } else {
        d = emit_table_length(j, reg);
        v = ri_int(ri_table_length(v.p));
    }
    ri_jit_pop(j, pops);
    uint32_t to = j->depth;
    ri_jit_set_gpr(j, to, TYPE_INT, d);
    if (has)
        ri_jit_set_sample(j, to, v);
    return EMIT_ON;
}

/* -- By opcode --------------------------------------------------------------------------------------------------------- */

RiJitResult ri_jit_emit_arith(RiJit *j, RiWord w)
{
    RiOpcode op = RI_WORD_OP(w);
    switch (op) {
    case RI_OP_UNM:
        return emit_negate(j, false);
    case RI_OP_BNOT:
        return emit_negate(j, true);
    case RI_OP_NOT:
        return emit_not(j);
    case RI_OP_LEN:
        return emit_length(j, j->depth - 1, 1);
    case RI_OP_LEN_L:
        return emit_length(j, RI_WORD_A(w), 0);
    case RI_OP_CONCAT:
        return slow_unary(j, RI_WORD_A(w));
    default:
        return emit_binary(j, w);
    }
}
