/* Constant folding. */
#include "compiler/fold.h"

#include "vm/base/num.h"
#include "vm/exec/semantics.h"

#include <math.h>

static bool to_int(const RiExpr *x, int64_t *out)
{
    return ri_number_to_int(ri_expr_value(x), out);
}

static double to_float(const RiExpr *x)
{
    return x->kind == RI_EXPR_INT ? (double)x->integer : x->number;
}

static bool is_zero(const RiExpr *x)
{
    return to_float(x) == 0;
}

static bool set_int(RiExpr *x, int64_t i)
{
    x->kind = RI_EXPR_INT;
    x->integer = i;
    return true;
}

static bool set_float(RiExpr *x, double n)
{
    if (isnan(n) || n == 0)
        return false;
    x->kind = RI_EXPR_FLOAT;
    x->number = n;
    return true;
}

static bool fold_bits(RiOperator op, RiExpr *x, const RiExpr *y)
{
    int64_t a, b;
    if (!to_int(x, &a) || !to_int(y, &b))
        return false;
    switch (op) {
    case RI_BAND:
        return set_int(x, a & b);
    case RI_BOR:
        return set_int(x, a | b);
    case RI_BXOR:
        return set_int(x, a ^ b);
    case RI_SHL:
        return set_int(x, ri_int_shl(a, b));
    default:
        return set_int(x, ri_int_shr(a, b));
    }
}

static bool fold_integers(RiOperator op, RiExpr *x, const RiExpr *y)
{
    int64_t a = x->integer, b = y->integer;
    switch (op) {
    case RI_ADD:
        return set_int(x, (int64_t)((uint64_t)a + (uint64_t)b));
    case RI_SUB:
        return set_int(x, (int64_t)((uint64_t)a - (uint64_t)b));
    case RI_MUL:
        return set_int(x, (int64_t)((uint64_t)a * (uint64_t)b));
    case RI_MOD:
        return set_int(x, ri_int_mod(a, b));
    default:
        return set_int(x, ri_int_idiv(a, b));
    }
}

static bool fold_floats(RiOperator op, RiExpr *x, const RiExpr *y)
{
    double a = to_float(x), b = to_float(y);
    switch (op) {
    case RI_ADD:
        return set_float(x, a + b);
    case RI_SUB:
        return set_float(x, a - b);
    case RI_MUL:
        return set_float(x, a * b);
    case RI_DIV:
        return set_float(x, a / b);
    case RI_MOD:
        return set_float(x, ri_float_mod(a, b));
    case RI_POW:
        return set_float(x, ri_float_pow(a, b));
    default:
        return set_float(x, floor(a / b));
    }
}

bool ri_fold_binary(RiOperator op, RiExpr *x, const RiExpr *y)
{
    if (!ri_expr_is_number(x) || !ri_expr_is_number(y) || op > RI_SHR)
        return false;
    if (op >= RI_BAND)
        return fold_bits(op, x, y);
    if ((op == RI_DIV || op == RI_MOD || op == RI_IDIV) && is_zero(y))
        return false;
    if (x->kind == RI_EXPR_INT && y->kind == RI_EXPR_INT && op != RI_DIV && op != RI_POW)
        return fold_integers(op, x, y);
    return fold_floats(op, x, y);
}

bool ri_fold_unary(RiOperator op, RiExpr *x)
{
    int64_t i;
    switch (op) {
    case RI_NOT:
        if (!ri_expr_is_constant(x))
            return false;
        x->kind = x->kind <= RI_EXPR_FALSE ? RI_EXPR_TRUE : RI_EXPR_FALSE;
        return true;
    case RI_UNM:
        if (x->kind == RI_EXPR_INT)
            return set_int(x, (int64_t)(0 - (uint64_t)x->integer));
        return x->kind == RI_EXPR_FLOAT && set_float(x, -x->number);
    case RI_BNOT:
        return ri_expr_is_number(x) && to_int(x, &i) && set_int(x, ~i);
    default:
        return false;
    }
}
