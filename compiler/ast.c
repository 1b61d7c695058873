/* Constants as tree nodes. */
#include "compiler/ast.h"

RiValue ri_expr_value(const RiExpr *x)
{
    switch (x->kind) {
    case RI_EXPR_NIL:
        return ri_nil();
    case RI_EXPR_FALSE:
    case RI_EXPR_TRUE:
        return ri_bool(x->kind == RI_EXPR_TRUE);
    case RI_EXPR_INT:
        return ri_int(x->integer);
    case RI_EXPR_FLOAT:
        return ri_float(x->number);
    case RI_EXPR_STRING:
        return ri_string_value(x->leaf_string);
    default:
        ri_unreachable();
    }
}

void ri_expr_set_value(RiExpr *x, RiValue value)
{
    switch (value.tag) {
    case RI_TAG_NIL:
        x->kind = RI_EXPR_NIL;
        break;
    case RI_TAG_FALSE:
        x->kind = RI_EXPR_FALSE;
        break;
    case RI_TAG_TRUE:
        x->kind = RI_EXPR_TRUE;
        break;
    case RI_TAG_INT:
        x->kind = RI_EXPR_INT;
        x->integer = value.i;
        break;
    case RI_TAG_FLOAT:
        x->kind = RI_EXPR_FLOAT;
        x->number = value.n;
        break;
    case RI_TAG_STRING:
        x->kind = RI_EXPR_STRING;
        x->leaf_string = value.p;
        break;
    default:
        ri_unreachable();
    }
}
