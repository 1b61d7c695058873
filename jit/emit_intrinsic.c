/* Emitters: library functions in place of their calls. Arguments are slots func + 2 …; one result, in slot func. */
#include <math.h>

#include "jit/core.h"
#include "vm/exec/intrinsics.h"

/* The result takes the place of function and arguments. */
static void result_int(RiJit *j, uint32_t func, RiReg reg)
{
    ri_jit_pop(j, j->depth - func);
    ri_jit_set_gpr(j, func, TYPE_INT, reg);
}
static void result_float(RiJit *j, uint32_t func, RiXmm reg)
{
    ri_jit_pop(j, j->depth - func);
    ri_jit_set_xmm(j, func, reg);
}

static bool is_number(uint8_t type)
{
    return type == TYPE_INT || type == TYPE_FLOAT;
}

/* A copy of the argument's register that may be changed. */
static RiReg copy_gpr(RiJit *j, uint32_t slot)
{
    RiReg from = ri_jit_gpr(j, slot), to = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, to, from);
    return to;
}

static bool emit_round(RiJit *j, uint32_t func, uint8_t type, int mode)
{
    uint32_t x = func + 2;
    RiValue v;
    bool has = ri_jit_sample(j, x, &v);
    if (type == TYPE_INT) {
        ri_jit_set_copy(j, func, x);
        ri_jit_pop(j, j->depth - func - 1);
        return true;
    }
    RiXmm from = ri_jit_xmm(j, x);
    RiReg to = ri_jit_new_gpr(j);
    ri_x_roundsd(j->as, 0, from, mode);
    ri_x_rr(j->as, RI_X_CVTTSD2SI, to, 0);
    ri_x_alu(j->as, RI_ALU_CMP, to, 1); /* what does not fit has become the least integer */
    ri_jit_guard_jump(j, RI_CC_O);
    result_int(j, func, to);
    int64_t i;
    if (has && ri_num_float_to_int(mode == 9 ? floor(v.n) : ceil(v.n), &i))
        ri_jit_set_sample(j, func, ri_int(i));
    return true;
}

static bool emit_sqrt(RiJit *j, uint32_t func, uint8_t type)
{
    uint32_t x = func + 2;
    RiXmm to = ri_jit_new_xmm(j);
    if (type == TYPE_INT) {
        RiReg from = ri_jit_gpr(j, x);
        ri_x_rr(j->as, RI_X_XORPS, 0, 0);
        ri_x_rr(j->as, RI_X_CVTSI2SD, 0, from);
        ri_x_rr(j->as, RI_X_SQRTSD, to, 0);
    } else {
        ri_x_rr(j->as, RI_X_SQRTSD, to, ri_jit_xmm(j, x));
    }
    result_float(j, func, to);
    ri_jit_set_sample(j, func, ri_float(1.0));
    return true;
}

static bool emit_abs(RiJit *j, uint32_t func, uint8_t type)
{
    uint32_t x = func + 2;
    if (type == TYPE_INT) {
        RiReg to = copy_gpr(j, x);
        ri_x_neg(j->as, to);
        ri_x_rr(j->as, RI_X_CMOVS, to, ri_jit_gpr(j, x));
        result_int(j, func, to);
        ri_jit_set_sample(j, func, ri_int(1));
        return true;
    }
    RiXmm from = ri_jit_xmm(j, x), to = ri_jit_new_xmm(j);
    ri_x_imm(j->as, RI_RAX, INT64_MAX);
    ri_x_rr(j->as, RI_X_MOVQ_X, to, RI_RAX);
    ri_x_rr(j->as, RI_X_ANDPS, to, from);
    result_float(j, func, to);
    ri_jit_set_sample(j, func, ri_float(1.0));
    return true;
}

/* Of two numbers of one type; the first, unless the second is really beyond it. */
static bool emit_extreme(RiJit *j, uint32_t func, uint8_t type, bool is_max)
{
    uint32_t x = func + 2, y = func + 3;
    RiValue a, b;
    bool has = ri_jit_sample(j, x, &a) && ri_jit_sample(j, y, &b);
    if (type == TYPE_INT) {
        RiReg to = copy_gpr(j, x), other = ri_jit_gpr(j, y);
        ri_x_rr(j->as, RI_X_CMP, to, other);
        ri_x_rr(j->as, is_max ? RI_X_CMOVL : RI_X_CMOVG, to, other);
        result_int(j, func, to);
    } else {
        RiXmm first = ri_jit_xmm(j, x), other = ri_jit_xmm(j, y), to = ri_jit_new_xmm(j);
        ri_x_rr(j->as, RI_X_MOVAPS, to, first);
        ri_x_rr(j->as, RI_X_UCOMISD, is_max ? other : first, is_max ? first : other);
        uint32_t over = ri_x_jcc(j->as, RI_CC_BE, 0);
        ri_x_rr(j->as, RI_X_MOVAPS, to, other);
        ri_x_land(j->as, over);
        result_float(j, func, to);
    }
    if (has)
        ri_jit_set_sample(j, func, ri_number_less(a, b) == is_max ? b : a);
    return true;
}

/* s:byte(i) for an i in the string; without i: the first. */
static bool emit_byte(RiJit *j, uint32_t func, uint32_t nargs)
{
    uint32_t s = func + 2, i = func + 3;
    RiValue text, index = ri_int(1);
    if (!ri_jit_sample(j, s, &text) || text.tag != RI_TAG_STRING || (nargs == 2 && !ri_jit_sample(j, i, &index)))
        return false;
    const RiString *string = text.cp;
    if (string->object.flags & RI_STR_EXTENDED || (uint64_t)index.i - 1 >= string->size)
        return false;
    RiReg reg = ri_jit_gpr(j, s), to = ri_jit_new_gpr(j);
    ri_x_test8_mem(j->as, ri_mem(reg, offsetof(RiObject, flags)), RI_STR_EXTENDED);
    ri_jit_guard_jump(j, RI_CC_NE);
    if (nargs == 2)
        ri_x_rm(j->as, RI_X_LEA, RI_RCX, ri_mem(ri_jit_gpr(j, i), -1));
    else
        ri_x_imm(j->as, RI_RCX, 0);
    ri_x_rm(j->as, RI_X_CMP, RI_RCX, ri_mem(reg, offsetof(RiString, size)));
    ri_jit_guard_jump(j, RI_CC_AE);
    ri_x_rm(j->as, RI_X_LOADBYTE, to, ri_mem_index(reg, RI_RCX, 1, offsetof(RiString, bytes)));
    result_int(j, func, to);
    ri_jit_set_sample(j, func, ri_int((unsigned char)string->bytes[index.i - 1]));
    return true;
}

static bool emit_length(RiJit *j, uint32_t func)
{
    RiReg reg = ri_jit_gpr(j, func + 2), to = ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(reg, offsetof(RiString, size)));
    result_int(j, func, to);
    ri_jit_set_sample(j, func, ri_int(1));
    return true;
}

/* Are the arguments what the emitter of this function takes? */
static bool takes(uint32_t intrinsic, uint32_t nargs, const uint8_t types[2])
{
    switch (intrinsic) {
    case RI_INTRINSIC_MATH_FLOOR:
    case RI_INTRINSIC_MATH_CEIL:
    case RI_INTRINSIC_MATH_SQRT:
    case RI_INTRINSIC_MATH_ABS:
        return nargs == 1 && is_number(types[0]);
    case RI_INTRINSIC_MATH_MIN:
    case RI_INTRINSIC_MATH_MAX:
        return nargs == 2 && is_number(types[0]) && types[0] == types[1];
    case RI_INTRINSIC_STRING_BYTE:
        return types[0] == TYPE_STRING && (nargs == 1 || (nargs == 2 && types[1] == TYPE_INT));
    case RI_INTRINSIC_STRING_LEN:
        return nargs == 1 && types[0] == TYPE_STRING;
    default:
        return false;
    }
}

static bool is_known(uint32_t intrinsic)
{
    static const uint8_t none[2] = {TYPE_INT, TYPE_INT}, text[2] = {TYPE_STRING, TYPE_INT};
    return takes(intrinsic, 1, none) || takes(intrinsic, 2, none) || takes(intrinsic, 1, text);
}

bool ri_jit_emit_intrinsic(RiJit *j, const RiLibFn *fn, uint32_t func, uint32_t nargs, int32_t wanted)
{
    uint8_t types[2] = {0};
    if (wanted != 1 || nargs < 1 || nargs > 2 || !is_known(fn->intrinsic))
        return false;
    for (uint32_t i = 0; i < nargs; i++)
        types[i] = ri_jit_type(j, func + 2 + i);
    if (j->is_deferred || !takes(fn->intrinsic, nargs, types))
        return false;
    for (uint32_t i = 0; i < nargs; i++)
        ri_jit_guard(j, func + 2 + i, types[i]);
    switch (fn->intrinsic) {
    case RI_INTRINSIC_MATH_FLOOR:
        return emit_round(j, func, types[0], 9);
    case RI_INTRINSIC_MATH_CEIL:
        return emit_round(j, func, types[0], 10);
    case RI_INTRINSIC_MATH_SQRT:
        return emit_sqrt(j, func, types[0]);
    case RI_INTRINSIC_MATH_ABS:
        return emit_abs(j, func, types[0]);
    case RI_INTRINSIC_MATH_MIN:
    case RI_INTRINSIC_MATH_MAX:
        return emit_extreme(j, func, types[0], fn->intrinsic == RI_INTRINSIC_MATH_MAX);
    case RI_INTRINSIC_STRING_BYTE:
        return emit_byte(j, func, nargs);
    case RI_INTRINSIC_STRING_LEN:
        return emit_length(j, func);
    default:
        return false;
    }
}
