/* Emitters: library functions in place of their calls. Arguments are slots func + 2 …; results come to lie from slot func on.
 *
 * The table at the end says for which arguments. A function that only looks at the type of its argument is called when the
 * code is made: its answer is a constant. */
#include <math.h>
#include <string.h>

#include "jit/core.h"
#include "vm/exec/intrinsics.h"

typedef struct Call {
    uint32_t func, nargs;
    int32_t wanted;
    const RiLibFn *fn;
    uint8_t types[3];
} Call;

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

static bool emit_to_number(RiJit *j, const Call *c)
{
    RiReg reg;
    if (is_number(c->types[0])) {
        ri_jit_set_copy(j, c->func, c->func + 2);
        ri_jit_pop(j, j->depth - c->func - 1);
        return true;
    }
    if (c->types[0] != TYPE_CDATA || !ri_jit_emit_foreign_tonumber(j, c->func + 2, &reg))
        return false;
    result_int(j, c->func, reg);
    ri_jit_set_sample(j, c->func, ri_int(1));
    return true;
}

/* A copy of the argument's register that may be changed. */
static RiReg copy_gpr(RiJit *j, uint32_t slot)
{
    RiReg from = ri_jit_gpr(j, slot), to = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, to, from);
    return to;
}

static bool emit_round(RiJit *j, const Call *c, int mode)
{
    uint32_t func = c->func, x = func + 2;
    uint8_t type = c->types[0];
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

static bool emit_floor(RiJit *j, const Call *c)
{
    return emit_round(j, c, 9);
}
static bool emit_ceil(RiJit *j, const Call *c)
{
    return emit_round(j, c, 10);
}

static bool emit_sqrt(RiJit *j, const Call *c)
{
    uint32_t func = c->func, x = func + 2;
    uint8_t type = c->types[0];
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

static bool emit_abs(RiJit *j, const Call *c)
{
    uint32_t func = c->func, x = func + 2;
    uint8_t type = c->types[0];
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
static bool emit_extreme(RiJit *j, const Call *c, bool is_max)
{
    uint32_t func = c->func, x = func + 2, y = func + 3;
    uint8_t type = c->types[0];
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

static bool emit_min(RiJit *j, const Call *c)
{
    return emit_extreme(j, c, false);
}
static bool emit_max(RiJit *j, const Call *c)
{
    return emit_extreme(j, c, true);
}

/* A function of libm, which changes nothing of ours. */
static bool emit_libm(RiJit *j, const Call *c, double (*function)(double))
{
    uint32_t x = c->func + 2;
    RiValue v;
    bool has = ri_jit_sample(j, x, &v);
    if (c->types[0] == TYPE_INT) {
        RiReg from = ri_jit_gpr(j, x);
        ri_x_rr(j->as, RI_X_XORPS, 0, 0);
        ri_x_rr(j->as, RI_X_CVTSI2SD, 0, from);
    } else {
        ri_x_rr(j->as, RI_X_MOVAPS, 0, ri_jit_xmm(j, x));
    }
    ri_jit_pop(j, j->depth - c->func);
    ri_jit_flush_for_call(j);
    ri_jit_call_pure(j, HELPER(function));
    RiXmm to = ri_jit_new_xmm(j);
    ri_x_rr(j->as, RI_X_MOVAPS, to, 0);
    result_float(j, c->func, to);
    ri_jit_set_sample(j, c->func, ri_float(has ? function(c->types[0] == TYPE_INT ? (double)v.i : v.n) : 1.0));
    return true;
}
static bool emit_sin(RiJit *j, const Call *c)
{
    return emit_libm(j, c, sin);
}
static bool emit_cos(RiJit *j, const Call *c)
{
    return emit_libm(j, c, cos);
}
static bool emit_exp(RiJit *j, const Call *c)
{
    return emit_libm(j, c, exp);
}
static bool emit_log(RiJit *j, const Call *c)
{
    return emit_libm(j, c, log);
}

/* -- Types -------------------------------------------------------------------------------------------------------------- */

/* type, math.type: they tell the same of all values of a type. */
static bool emit_of_type(RiJit *j, const Call *c)
{
    RiValue frame[4] = {ri_libfn_value(c->fn), {.tag = RI_TAG_LINK}, {.tag = (uint64_t)c->types[0] - 1}};
    if (c->fn->call(j->T, frame + 2, 1) != 1)
        return false;
    if (frame[0].tag == RI_TAG_STRING && !ri_jit_keep(j, frame[0].p))
        return false;
    ri_jit_pop(j, j->depth - c->func);
    ri_jit_set_constant(j, c->func, frame[0]);
    return true;
}

/* -- Strings ------------------------------------------------------------------------------------------------------------ */

/* rax := where the bytes of the string in `reg` are. */
static void load_bytes(RiJit *j, RiReg reg)
{
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_mem(reg, offsetof(RiString, bytes)));
    ri_x_test8_mem(j->as, ri_mem(reg, offsetof(RiObject, flags)), RI_STR_EXTENDED);
    uint32_t plain = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(reg, offsetof(RiString, start)));
    ri_x_land(j->as, plain);
}

/* A sample's string and the index of one of its bytes. False: not so, or not known yet (is_deferred). */
static bool sample_byte(RiJit *j, const Call *c, unsigned char *byte)
{
    RiValue text, index = ri_int(1);
    if (!ri_jit_sample(j, c->func + 2, &text) || (c->nargs > 1 && !ri_jit_sample(j, c->func + 3, &index))) {
        j->is_deferred = true;
        return false;
    }
    const RiString *string = text.cp;
    if ((uint64_t)index.i - 1 >= string->size)
        return false;
    *byte = (unsigned char)ri_str_data(string)[index.i - 1];
    return true;
}

/* eax := the byte of string func + 2 at index func + 3, or the first; a guard makes sure that it is there. */
static void load_byte(RiJit *j, const Call *c)
{
    RiReg reg = ri_jit_gpr(j, c->func + 2);
    if (c->nargs > 1)
        ri_x_rm(j->as, RI_X_LEA, RI_RCX, ri_mem(ri_jit_gpr(j, c->func + 3), -1));
    else
        ri_x_imm(j->as, RI_RCX, 0);
    ri_x_rm(j->as, RI_X_CMP, RI_RCX, ri_mem(reg, offsetof(RiString, size)));
    ri_jit_guard_jump(j, RI_CC_AE);
    load_bytes(j, reg);
    ri_x_rm(j->as, RI_X_LOADBYTE, RI_RAX, ri_mem_index(RI_RAX, RI_RCX, 1, 0));
}

static bool emit_byte(RiJit *j, const Call *c)
{
    unsigned char byte;
    if (!sample_byte(j, c, &byte))
        return false;
    load_byte(j, c);
    RiReg to = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, to, RI_RAX);
    result_int(j, c->func, to);
    ri_jit_set_sample(j, c->func, ri_int(byte));
    return true;
}

static void result_one_byte(RiJit *j, const Call *c, RiReg index, unsigned char sample)
{
    RiReg to = ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LOAD, to, OF_HEAP(one_byte));
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem_index(to, index, 8, 0));
    ri_jit_pop(j, j->depth - c->func);
    ri_jit_set_gpr(j, c->func, TYPE_STRING, to);
    ri_jit_set_sample(j, c->func, (RiValue){.p = j->heap->one_byte[sample], .tag = RI_TAG_STRING});
}

static bool emit_char(RiJit *j, const Call *c)
{
    RiValue v;
    if (!ri_jit_sample(j, c->func + 2, &v) || (uint64_t)v.i > 255)
        return false;
    RiReg reg = ri_jit_gpr(j, c->func + 2);
    ri_x_alu(j->as, RI_ALU_CMP, reg, 255);
    ri_jit_guard_jump(j, RI_CC_A);
    result_one_byte(j, c, reg, (unsigned char)v.i);
    return true;
}

/* As string.sub has it. Collects. */
static const RiString *help_sub(RiThread *T, RiString *s, int64_t start, int64_t end)
{
    int64_t size = (int64_t)s->size;
    start = start > 0 ? start : start == 0 || start < -size ? 1 : size + start + 1;
    end = end > size ? size : end >= 0 ? end : end < -size ? 0 : size + end + 1;
    return start > end ? T->heap->empty : ri_str_slice(T->heap, s, (size_t)start - 1, (size_t)end);
}

static void result_string(RiJit *j, uint32_t func)
{
    RiReg to = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, to, RI_RAX);
    ri_jit_pop(j, j->depth - func);
    ri_jit_set_gpr(j, func, TYPE_STRING, to);
}

static bool emit_sub(RiJit *j, const Call *c)
{
    uint32_t s = c->func + 2, first = c->func + 3, last = c->func + 4;
    bool is_one = c->nargs == 3 && j->slots[first].where != IN_CONSTANT && j->slots[last].where != IN_CONSTANT &&
                  ri_jit_gpr(j, first) == ri_jit_gpr(j, last);
    unsigned char byte;
    if (is_one && sample_byte(j, c, &byte)) {
        load_byte(j, c);
        result_one_byte(j, c, RI_RAX, byte);
        return true;
    }
    if (j->is_deferred)
        return false;
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rm(j->as, RI_X_LOAD, RI_RSI, ri_jit_payload(s));
    ri_x_rm(j->as, RI_X_LOAD, RI_RDX, ri_jit_payload(first));
    if (c->nargs == 3)
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_jit_payload(last));
    else
        ri_x_imm(j->as, RI_RCX, -1);
    ri_jit_call_c(j, HELPER(help_sub));
    result_string(j, c->func);
    return true;
}

static bool emit_length(RiJit *j, const Call *c)
{
    RiReg reg = ri_jit_gpr(j, c->func + 2), to = ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(reg, offsetof(RiString, size)));
    result_int(j, c->func, to);
    ri_jit_set_sample(j, c->func, ri_int(1));
    return true;
}

/* NULL: numbers have a metatable, of which one would have to know more. Collects. */
static const RiString *help_to_string(RiThread *T, int64_t i)
{
    return T->process->metatables[RI_TYPE_NUMBER] ? NULL : ri_str_from_int(T->heap, i);
}

static bool emit_to_string(RiJit *j, const Call *c)
{
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rm(j->as, RI_X_LOAD, RI_RSI, ri_jit_payload(c->func + 2));
    ri_jit_call_c(j, HELPER(help_to_string));
    ri_x_rr(j->as, RI_X_TEST, RI_RAX, RI_RAX);
    ri_jit_guard_jump(j, RI_CC_E);
    result_string(j, c->func);
    return true;
}

/* -- Loops -------------------------------------------------------------------------------------------------------------- */

/* function, table, `control`, nils */
static bool emit_iterator(RiJit *j, const Call *c, const RiLibFn *iterator, RiValue control)
{
    uint32_t func = c->func;
    RiValue t;
    bool has = ri_jit_sample(j, func + 2, &t);
    ri_jit_gpr(j, func + 2);
    ri_jit_set_constant(j, func, ri_libfn_value(iterator));
    ri_jit_set_copy(j, func + 1, func + 2);
    if (has)
        ri_jit_set_sample(j, func + 1, t);
    ri_jit_set_constant(j, func + 2, control);
    ri_jit_pop(j, j->depth - func - 3);
    for (int32_t i = 3; i < c->wanted; i++)
        ri_jit_set_constant(j, func + (uint32_t)i, ri_nil());
    return true;
}

static bool emit_pairs(RiJit *j, const Call *c)
{
    RiValue t;
    if (!ri_jit_sample(j, c->func + 2, &t)) {
        j->is_deferred = true;
        return false;
    }
    if (((const RiTable *)t.cp)->meta != NULL)
        return false;
    RiReg reg = ri_jit_gpr(j, c->func + 2);
    if (!(ri_jit_facts(j, reg)->facts & FACT_NO_META)) {
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(reg, offsetof(RiTable, meta)), 0);
        ri_jit_guard_jump(j, RI_CC_NE);
        ri_jit_learn(j, reg, FACT_NO_META | FACT_NO_NEWINDEX);
    }
    return emit_iterator(j, c, &ri_libfn_next, ri_nil());
}

static bool emit_ipairs(RiJit *j, const Call *c)
{
    return emit_iterator(j, c, &ri_libfn_ipairs_iterator, ri_int(0));
}

/* -- Tables ------------------------------------------------------------------------------------------------------------- */

static bool emit_insert(RiJit *j, const Call *c)
{
    return ri_jit_emit_insert(j, c->func);
}

static bool emit_remove(RiJit *j, const Call *c)
{
    return ri_jit_emit_remove(j, c->func, c->wanted);
}

/* -- Which for what ------------------------------------------------------------------------------------------------------- */

#define WANTED_LIST (-2)  /* three or four, of a generic loop */
#define WANTED_FEW (-3) /* none or one */

/* Types of arguments: n number, = number of the same type, f float, i integer, s string, t table, a any type (but known). */
static const struct Intrinsic {
    uint32_t number;
    int32_t wanted;
    uint32_t least;
    const char *types;
    bool (*emit)(RiJit *, const Call *);
} intrinsics[] = {
    {RI_INTRINSIC_MATH_FLOOR, 1, 1, "n", emit_floor},
    {RI_INTRINSIC_MATH_CEIL, 1, 1, "n", emit_ceil},
    {RI_INTRINSIC_MATH_SQRT, 1, 1, "n", emit_sqrt},
    {RI_INTRINSIC_MATH_ABS, 1, 1, "n", emit_abs},
    {RI_INTRINSIC_MATH_MIN, 1, 2, "n=", emit_min},
    {RI_INTRINSIC_MATH_MAX, 1, 2, "n=", emit_max},
    {RI_INTRINSIC_MATH_SIN, 1, 1, "n", emit_sin},
    {RI_INTRINSIC_MATH_COS, 1, 1, "n", emit_cos},
    {RI_INTRINSIC_MATH_EXP, 1, 1, "n", emit_exp},
    {RI_INTRINSIC_MATH_LOG, 1, 1, "n", emit_log},
    {RI_INTRINSIC_MATH_TYPE, 1, 1, "a", emit_of_type},
    {RI_INTRINSIC_TONUMBER, 1, 1, "a", emit_to_number},
    {RI_INTRINSIC_TYPE, 1, 1, "a", emit_of_type},
    {RI_INTRINSIC_STRING_BYTE, 1, 1, "si", emit_byte},
    {RI_INTRINSIC_STRING_CHAR, 1, 1, "i", emit_char},
    {RI_INTRINSIC_STRING_LEN, 1, 1, "s", emit_length},
    {RI_INTRINSIC_STRING_SUB, 1, 2, "sii", emit_sub},
    {RI_INTRINSIC_TOSTRING, 1, 1, "i", emit_to_string},
    {RI_INTRINSIC_PAIRS, WANTED_LIST, 1, "t", emit_pairs},
    {RI_INTRINSIC_IPAIRS, WANTED_LIST, 1, "t", emit_ipairs},
    {RI_INTRINSIC_TABLE_INSERT, 0, 2, "ta", emit_insert},
    {RI_INTRINSIC_TABLE_REMOVE, WANTED_FEW, 1, "t", emit_remove},
};

static bool is_wanted(int32_t wanted, int32_t row)
{
    if (row == WANTED_LIST)
        return wanted == 3 || wanted == 4;
    return row == WANTED_FEW ? wanted == 0 || wanted == 1 : wanted == row;
}

static bool has_type(const uint8_t *types, uint32_t i, char wanted)
{
    switch (wanted) {
    case 'n':
        return is_number(types[i]);
    case '=':
        return types[i] == types[i - 1];
    case 'i':
        return types[i] == TYPE_INT;
    case 's':
        return types[i] == TYPE_STRING;
    case 't':
        return types[i] == TYPE_TABLE;
    default:
        return types[i] != TYPE_UNKNOWN;
    }
}

bool ri_jit_emit_intrinsic(RiJit *j, const RiLibFn *fn, uint32_t func, uint32_t nargs, int32_t wanted)
{
    const struct Intrinsic *row = NULL;
    if (fn->intrinsic >= RI_INTRINSIC_MEM_FIRST)
        return ri_jit_emit_memory(j, fn->intrinsic, func, nargs, wanted);
    for (size_t i = 0; i < RI_COUNTOF(intrinsics) && !row; i++)
        if (fn->intrinsic == intrinsics[i].number)
            row = &intrinsics[i];
    if (!row || !is_wanted(wanted, row->wanted) || nargs < row->least || nargs > strlen(row->types))
        return false;
    Call c = {.func = func, .nargs = nargs, .wanted = wanted, .fn = fn};
    for (uint32_t i = 0; i < nargs; i++)
        c.types[i] = ri_jit_type(j, func + 2 + i);
    if (j->is_deferred)
        return false;
    for (uint32_t i = 0; i < nargs; i++)
        if (!has_type(c.types, i, row->types[i]))
            return false;
    for (uint32_t i = 0; i < nargs; i++)
        ri_jit_guard(j, func + 2 + i, c.types[i]);
    return row->emit(j, &c);
}
