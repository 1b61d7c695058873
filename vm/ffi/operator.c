/* Operators on cdata: what the metatable of all of them holds. Types with a metatable of their own (ffi.metatype) come
 * first; then pointers, then numbers.
 *
 * Numbers: if one side is a uint64_t the other becomes one; otherwise both are int64_t, and the result is a Lua
 * integer. A float with a fraction, or a cdata of a floating-point type, makes it arithmetic of floats. As in C, `/` and
 * `%` of two integers cut off towards zero. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/semantics.h"
#include "vm/ffi/cdata.h"

/* -- Metatables of types ------------------------------------------------------------------------------------------ */

static RiTable *meta_of(RiCtype *type)
{
    type = ri_ctype_strip(type);
    if (type->kind == RI_CK_POINTER && type->base->kind == RI_CK_STRUCT)
        type = type->base;
    return type->plain->meta;
}

bool ri_ffi_metamethod(RiThread *T, RiCtype *type, RiMetamethod event, RiValue *out)
{
    *out = ri_meta_get(T->heap, meta_of(type), event);
    return !ri_is_nil(*out);
}

static bool metamethod_of(RiThread *T, RiValue v, RiMetamethod event, RiValue *out)
{
    if (!ri_is_cdata(v))
        return false;
    const RiCdata *c = v.cp;
    if (c->type == ri_ffi_state(T)->ctype_type)
        return false;
    return ri_ffi_metamethod(T, c->type, event, out);
}

/* f(arguments…): the frame's first `count` values; the result is the function's. */
static int32_t call_with_arguments(RiThread *T, RiValue f, uint32_t count, int32_t wanted)
{
    ri_stack_reserve(T, count + 3);
    RiValue *args = T->base;
    ri_push(T, f);
    ri_push_link(T);
    for (uint32_t i = 0; i < count; i++)
        ri_push(T, args[i]);
    return ri_lib_call(T, count, wanted);
}

static int32_t resume_one(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return_top(T, 1);
}

/* -- Arithmetic --------------------------------------------------------------------------------------------------- */

RI_NORETURN static void cannot_operate(RiThread *T, RiValue a, RiValue b, const char *what)
{
    const char *x = ri_ffi_type_text(T, a), *y = ri_ffi_type_text(T, b);
    ri_error(T, "attempt to %s '%s' and '%s'", what, x, y);
}

static uint64_t power(uint64_t base, int64_t exponent, bool is_unsigned)
{
    uint64_t result = 1;
    if (exponent < 0 && !is_unsigned)
        return base == 1 ? 1 : base == UINT64_MAX ? (exponent & 1 ? UINT64_MAX : 1) : 0;
    for (uint64_t e = (uint64_t)exponent; e != 0; e >>= 1) {
        if (e & 1)
            result *= base;
        base *= base;
    }
    return result;
}

static uint64_t unsigned_result(RiThread *T, RiMetamethod event, uint64_t a, uint64_t b)
{
    if (b == 0 && (event == RI_MM_DIV || event == RI_MM_MOD || event == RI_MM_IDIV))
        ri_error(T, "attempt to perform division by zero");
    switch (event) {
    case RI_MM_ADD: return a + b;
    case RI_MM_SUB: return a - b;
    case RI_MM_MUL: return a * b;
    case RI_MM_DIV:
    case RI_MM_IDIV: return a / b;
    case RI_MM_MOD: return a % b;
    case RI_MM_POW: return power(a, (int64_t)b, true);
    case RI_MM_BAND: return a & b;
    case RI_MM_BOR: return a | b;
    case RI_MM_BXOR: return a ^ b;
    case RI_MM_SHL: return (uint64_t)ri_int_shl((int64_t)a, (int64_t)b);
    default: return (uint64_t)ri_int_shr((int64_t)a, (int64_t)b);
    }
}

static int64_t signed_result(RiThread *T, RiMetamethod event, int64_t a, int64_t b)
{
    switch (event) {
    case RI_MM_DIV:
    case RI_MM_MOD:
        if (b == 0)
            ri_error(T, "attempt to perform division by zero");
        if (b == -1)
            return event == RI_MM_DIV ? (int64_t)(0 - (uint64_t)a) : 0;
        return event == RI_MM_DIV ? a / b : a % b;
    case RI_MM_IDIV:
        if (b == 0)
            ri_error(T, "attempt to perform division by zero");
        return ri_int_idiv(a, b);
    case RI_MM_POW:
        return (int64_t)power((uint64_t)a, b, false);
    default:
        return (int64_t)unsigned_result(T, event, (uint64_t)a, (uint64_t)b);
    }
}

static RiValue float_result(RiThread *T, RiMetamethod event, RiCnumber a, RiCnumber b)
{
    RiValue result;
    if (!ri_arith_numbers(event, ri_float(ri_cnumber_float(a)), ri_float(ri_cnumber_float(b)), &result))
        ri_error(T, "number has no integer representation");
    return result;
}

static bool is_float(RiCnumber n)
{
    return n.kind == RI_CN_FLOAT && !(n.n == floor(n.n) && fabs(n.n) < 0x1p64);
}

static bool is_float_cdata(RiValue v)
{
    return ri_is_cdata(v) && ri_cdata_type(v.p)->kind == RI_CK_FLOAT;
}

static RiValue number_result(RiThread *T, RiMetamethod event, RiValue x, RiValue y, RiCnumber a, RiCnumber b)
{
    if (is_float(a) || is_float(b) || is_float_cdata(x) || is_float_cdata(y))
        return float_result(T, event, a, b);
    int64_t i = ri_cnumber_int(a), k = ri_cnumber_int(b);
    bool shifts = event == RI_MM_SHL || event == RI_MM_SHR;
    if (a.kind == RI_CN_UINT || (b.kind == RI_CN_UINT && !shifts)) {
        RiCnumber result = {.kind = RI_CN_UINT};
        result.u = unsigned_result(T, event, (uint64_t)i, (uint64_t)k);
        return ri_cnumber_value(T, result);
    }
    return ri_int(signed_result(T, event, i, k));
}

/* A pointer or array, as its element type and address. */
static bool as_pointer(RiThread *T, RiValue v, RiCtype **element, char **at)
{
    if (!ri_is_cdata(v))
        return false;
    RiCtype *t = ri_cdata_type(v.p);
    if (t->kind != RI_CK_POINTER && t->kind != RI_CK_ARRAY)
        return false;
    *element = t->base;
    return ri_cdata_address(T, v.p, at);
}

static uint64_t element_size(RiThread *T, const RiCtype *element)
{
    bool known;
    uint64_t size = ri_ctype_size(element, &known);
    if (element->kind == RI_CK_VOID)
        return 1; /* as gcc has it */
    if (!known || size == 0)
        ri_error(T, "size of '%s' is unknown", ri_ctype_text(T, element));
    return size;
}

static RiValue moved(RiThread *T, RiValue v, RiCtype *element, char *at, uint64_t by)
{
    RiCdata *c = v.p;
    void *keep = c->keep != NULL ? c->keep : ri_cdata_type(c)->kind == RI_CK_ARRAY ? (void *)c : NULL;
    char *p = (char *)((uintptr_t)at + by * element_size(T, element));
    return ri_cdata_value(ri_cdata_pointer(T, ri_ctype_pointer(T, element), p, keep));
}

/* pointer + n, n + pointer, pointer - n, pointer - pointer. */
static bool pointer_result(RiThread *T, RiMetamethod event, RiValue a, RiValue b, RiValue *result)
{
    RiCtype *s = NULL, *t = NULL;
    char *p, *q;
    RiCnumber n;
    bool left = as_pointer(T, a, &s, &p), right = as_pointer(T, b, &t, &q);
    if (left && right && event == RI_MM_SUB) {
        if (!ri_ctype_same(s, t, true))
            cannot_operate(T, a, b, "subtract");
        *result = ri_int((int64_t)((uintptr_t)p - (uintptr_t)q) / (int64_t)element_size(T, s));
        return true;
    }
    if (left && !right && (event == RI_MM_ADD || event == RI_MM_SUB) && ri_ffi_number(T, b, false, &n)) {
        uint64_t by = (uint64_t)ri_cnumber_int(n);
        *result = moved(T, a, s, p, event == RI_MM_SUB ? 0 - by : by);
        return true;
    }
    if (right && !left && event == RI_MM_ADD && ri_ffi_number(T, a, false, &n)) {
        *result = moved(T, b, t, q, (uint64_t)ri_cnumber_int(n));
        return true;
    }
    return false;
}

/* The string beside an enum means its constant. */
static RiValue enum_operand(RiThread *T, RiValue v, RiValue other)
{
    if (!ri_is_string(v) || !ri_is_cdata(other))
        return v;
    const RiCtype *t = ri_cdata_type(other.p)->plain;
    for (uint64_t i = 0; t->kind == RI_CK_ENUM && i < t->count; i++) {
        if (ri_str_equal(t->fields[i].name, v.p))
            return ri_int((int64_t)t->fields[i].offset);
    }
    (void)T;
    return v;
}

static int32_t arithmetic(RiThread *T, RiValue *args, uint32_t nargs, RiMetamethod event)
{
    RiValue a = ri_arg(args, nargs, 0), b = ri_arg(args, nargs, 1), f, result;
    RiCnumber m, n;
    if (metamethod_of(T, a, event, &f) || metamethod_of(T, b, event, &f))
        return call_with_arguments(T, f, 2, 1);
    if (pointer_result(T, event, a, b, &result))
        return ri_return1(T->base, result);
    a = enum_operand(T, a, b);
    b = enum_operand(T, b, a);
    if (!ri_ffi_number(T, a, false, &m) || !ri_ffi_number(T, b, false, &n))
        cannot_operate(T, a, b, "perform arithmetic on");
    return ri_return1(T->base, number_result(T, event, a, b, m, n));
}

#define ARITHMETIC(X)                                                                              \
    X(ADD, add) X(SUB, sub) X(MUL, mul) X(DIV, div) X(MOD, mod) X(POW, pow) X(IDIV, idiv) X(BAND, band) X(BOR, bor)   \
    X(BXOR, bxor) X(SHL, shl) X(SHR, shr)
#define DEFINE(id, name)                                                                           \
    static int32_t op_##name(RiThread *T, RiValue *args, uint32_t nargs)                           \
    {                                                                                              \
        return arithmetic(T, args, nargs, RI_MM_##id);                                             \
    }
ARITHMETIC(DEFINE)
#undef DEFINE

static int32_t unary(RiThread *T, RiValue *args, RiMetamethod event)
{
    RiValue f;
    RiCnumber n;
    if (metamethod_of(T, args[0], event, &f))
        return call_with_arguments(T, f, 2, 1);
    if (!ri_ffi_number(T, args[0], false, &n))
        ri_error(T, "attempt to perform arithmetic on a '%s'", ri_ffi_type_text(T, args[0]));
    if (n.kind == RI_CN_FLOAT && event == RI_MM_UNM)
        return ri_return_float(T->base, -n.n);
    if (n.kind == RI_CN_FLOAT && !ri_num_float_to_int(n.n, &n.i))
        ri_error(T, "number has no integer representation");
    if (n.kind == RI_CN_FLOAT)
        n.kind = RI_CN_INT;
    n.u = event == RI_MM_UNM ? 0 - n.u : ~n.u;
    return ri_return1(T->base, ri_cnumber_value(T, n));
}

static int32_t op_unm(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return unary(T, args, RI_MM_UNM);
}

static int32_t op_bnot(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return unary(T, args, RI_MM_BNOT);
}

/* -- Comparison --------------------------------------------------------------------------------------------------- */

typedef enum Order { LESS = -1, SAME = 0, GREATER = 1, UNORDERED = 2 } Order;

static Order order_floats(double a, double b)
{
    return a < b ? LESS : a > b ? GREATER : a == b ? SAME : UNORDERED;
}

static Order order_numbers(RiCnumber a, RiCnumber b)
{
    if (a.kind == RI_CN_FLOAT || b.kind == RI_CN_FLOAT) {
        if (a.kind != RI_CN_UINT && b.kind != RI_CN_UINT) {
            RiValue x = a.kind == RI_CN_INT ? ri_int(a.i) : ri_float(a.n);
            RiValue y = b.kind == RI_CN_INT ? ri_int(b.i) : ri_float(b.n);
            return ri_raw_equal(x, y) ? SAME : ri_number_less(x, y) ? LESS : ri_number_less(y, x) ? GREATER : UNORDERED;
        }
        if (is_float(a) || is_float(b) || ri_cnumber_float(a) < 0 || ri_cnumber_float(b) < 0)
            return order_floats(ri_cnumber_float(a), ri_cnumber_float(b));
    }
    if (a.kind == RI_CN_UINT || b.kind == RI_CN_UINT) {
        uint64_t i = (uint64_t)ri_cnumber_int(a), k = (uint64_t)ri_cnumber_int(b);
        return i < k ? LESS : i > k ? GREATER : SAME;
    }
    return a.i < b.i ? LESS : a.i > b.i ? GREATER : SAME;
}

/* The address that a value has when it is compared: of nil, NULL. */
static bool comparable_address(RiThread *T, RiValue v, char **at)
{
    *at = NULL;
    if (ri_is_nil(v))
        return true;
    if (v.tag == RI_TAG_LIGHT) {
        *at = v.p;
        return true;
    }
    return ri_is_cdata(v) && ri_cdata_address(T, v.p, at);
}

static bool equal(RiThread *T, RiValue a, RiValue b)
{
    RiCnumber m, n;
    char *p, *q;
    RiCtype *s = ri_cdata_as_type(T, a), *t = ri_cdata_as_type(T, b);
    if (s != NULL || t != NULL)
        return s != NULL && t != NULL && s->qualifiers == t->qualifiers && ri_ctype_same(s, t, false);
    if (comparable_address(T, a, &p))
        return comparable_address(T, b, &q) && p == q;
    a = enum_operand(T, a, b);
    b = enum_operand(T, b, a);
    const RiCdata *operand = ri_is_cdata(a) ? a.p : ri_is_cdata(b) ? b.p : NULL; /* none: called by name, with anything */
    bool booleans = operand != NULL && ri_cdata_type(operand)->kind == RI_CK_BOOL;
    return ri_ffi_number(T, a, booleans, &m) && ri_ffi_number(T, b, booleans, &n) && order_numbers(m, n) == SAME;
}

static int32_t op_eq(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue f;
    if (nargs < 2)
        return ri_return_bool(args, false);
    if (!ri_is_nil(args[0]) && !ri_is_nil(args[1]) &&
        (metamethod_of(T, args[0], RI_MM_EQ, &f) || metamethod_of(T, args[1], RI_MM_EQ, &f)))
        return call_with_arguments(T, f, 2, 1);
    return ri_return_bool(T->base, equal(T, args[0], args[1]));
}

static Order compare(RiThread *T, RiValue a, RiValue b)
{
    RiCnumber m, n;
    RiCtype *s, *t;
    char *p, *q;
    if (as_pointer(T, a, &s, &p) && as_pointer(T, b, &t, &q)) {
        if (!ri_ctype_same(s, t, true) && s->kind != RI_CK_VOID && t->kind != RI_CK_VOID)
            cannot_operate(T, a, b, "compare");
        return (uintptr_t)p < (uintptr_t)q ? LESS : p == q ? SAME : GREATER;
    }
    a = enum_operand(T, a, b);
    b = enum_operand(T, b, a);
    if (!ri_ffi_number(T, a, false, &m) || !ri_ffi_number(T, b, false, &n))
        cannot_operate(T, a, b, "compare");
    return order_numbers(m, n);
}

static int32_t op_lt(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue f;
    if (nargs < 2)
        return ri_return_bool(args, false);
    if (metamethod_of(T, args[0], RI_MM_LT, &f) || metamethod_of(T, args[1], RI_MM_LT, &f))
        return call_with_arguments(T, f, 2, 1);
    return ri_return_bool(T->base, compare(T, args[0], args[1]) == LESS);
}

static int32_t op_le(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue f;
    if (nargs < 2)
        return ri_return_bool(args, false);
    if (metamethod_of(T, args[0], RI_MM_LE, &f) || metamethod_of(T, args[1], RI_MM_LE, &f))
        return call_with_arguments(T, f, 2, 1);
    Order order = compare(T, args[0], args[1]);
    return ri_return_bool(T->base, order == LESS || order == SAME);
}

/* -- Indexing ----------------------------------------------------------------------------------------------------- */

typedef struct Place { /* what an index expression names */
    RiCtype *type;
    const RiCfield *field; /* NULL: an element */
    char *at;
    void *keep;
    bool is_constant;
} Place;

static bool index_number(RiThread *T, RiValue key, int64_t *index)
{
    RiCnumber n;
    if (ri_is_int(key)) {
        *index = key.i;
        return true;
    }
    if (ri_is_string(key) || !ri_ffi_number(T, key, false, &n))
        return false;
    *index = ri_cnumber_int(n);
    return true;
}

static bool element_place(RiThread *T, RiCdata *c, RiCtype *t, int64_t index, Place *place)
{
    char *at;
    if (t->kind == RI_CK_COMPLEX && !(t->flags & RI_CT_OPAQUE) && (index == 0 || index == 1)) {
        RiCtype *part = ri_ffi_state(T)->basic[t->size == 8 ? RI_C_FLOAT : RI_C_DOUBLE];
        *place = (Place){part, NULL, c->at + (uint64_t)index * part->size, c, true};
        return true;
    }
    if (t->kind != RI_CK_POINTER && t->kind != RI_CK_ARRAY)
        return false;
    if (!ri_cdata_address(T, c, &at))
        return false;
    if (t->base->kind == RI_CK_VOID || t->base->kind == RI_CK_FUNCTION)
        return false;
    uint64_t size = element_size(T, t->base);
    if (c->type->kind == RI_CK_ARRAY && (index < 0 || (uint64_t)index >= c->size / size))
        ri_error(T, "index %lld is out of bounds of '%s'", (long long)index, ri_ctype_text(T, t));
    bool is_pointer = t->kind == RI_CK_POINTER;
    *place = (Place){t->base, NULL, (char *)((uintptr_t)at + (uint64_t)index * size),
                     is_pointer ? c->keep : c->keep != NULL ? c->keep : c, (t->base->qualifiers & RI_CQ_CONST) != 0};
    return true;
}

static bool field_place(RiThread *T, RiCdata *c, RiCtype *t, RiString *name, Place *place)
{
    char *at = c->at;
    void *keep = c->keep != NULL ? c->keep : c;
    uint64_t offset;
    if (t->kind == RI_CK_POINTER) {
        if (t->base->kind != RI_CK_STRUCT || !ri_cdata_address(T, c, &at))
            return false;
        keep = c->keep;
        t = t->base;
    }
    if (t->kind == RI_CK_COMPLEX && (strcmp(ri_str_cstr(T->heap, name), "re") == 0))
        return element_place(T, c, t, 0, place);
    if (t->kind == RI_CK_COMPLEX && (strcmp(ri_str_cstr(T->heap, name), "im") == 0))
        return element_place(T, c, t, 1, place);
    if (t->kind != RI_CK_STRUCT)
        return false;
    const RiCfield *f = ri_ctype_field(t, name, &offset);
    if (f == NULL)
        return false;
    if ((uintptr_t)at < 4096)
        ri_error(T, "attempt to index a NULL pointer (field '%s')", ri_str_cstr(T->heap, name));
    *place = (Place){f->type, f, at + offset, keep, ((f->type->qualifiers | t->qualifiers) & RI_CQ_CONST) != 0};
    return true;
}

static bool find_place(RiThread *T, RiCdata *c, RiValue key, Place *place)
{
    RiCtype *t = ri_cdata_type(c);
    int64_t index;
    if (c->type == ri_ffi_state(T)->ctype_type)
        return false;
    if (t->kind == RI_CK_POINTER && c->type->kind == RI_CK_REFERENCE) /* a reference to a pointer */
        c = ri_cdata_pointer(T, t, *(char *const *)(void *)c->at, NULL);
    if (ri_is_string(key))
        return field_place(T, c, t, key.p, place);
    return index_number(T, key, &index) && element_place(T, c, t, index, place);
}

RI_NORETURN static void cannot_index(RiThread *T, const RiCdata *c, RiValue key)
{
    const RiCtype *t = ri_cdata_type(c);
    const RiCtype *base = t->kind == RI_CK_POINTER ? t->base : t;
    if (c->type == ri_ffi_state(T)->ctype_type)
        t = *(RiCtype *const *)(void *)c->at;
    const char *name = ri_ctype_text(T, t);
    if (base->kind == RI_CK_STRUCT && !(base->plain->flags & RI_CT_COMPLETE))
        ri_error(T, "attempt to index incomplete type '%s'", name);
    if (ri_is_string(key))
        ri_error(T, "'%s' has no member named '%s'", name, ri_str_cstr(T->heap, key.p));
    ri_error(T, "'%s' cannot be indexed with '%s'", name, ri_ffi_type_text(T, key));
}

/* callback:free(), callback:set(function) */
static int32_t callback_free(RiThread *T, RiValue *args, uint32_t nargs)
{
    char *code;
    if (nargs < 1 || !ri_is_cdata(args[0]) || !ri_cdata_address(T, args[0].p, &code) ||
        !ri_ffi_callback_set(T, code, ri_nil()))
        ri_error(T, "bad callback");
    return 0;
}

static int32_t callback_set(RiThread *T, RiValue *args, uint32_t nargs)
{
    char *code;
    ri_arg_check_function(T, args, nargs, 1);
    if (!ri_is_cdata(args[0]) || !ri_cdata_address(T, args[0].p, &code) || !ri_ffi_callback_set(T, code, args[1]))
        ri_error(T, "bad callback");
    return 0;
}

static const RiLibFn callback_methods[] = {
    RI_FN(callback_free, "callback.free", "callback:free()", "Gives the callback back: it must not be called any more."),
    RI_FN(callback_set, "callback.set", "callback:set(function)", "Lets the callback call another function."),
};

static bool callback_method(RiThread *T, const RiCdata *c, RiValue key, RiValue *out)
{
    const RiCtype *t = ri_cdata_type(c);
    if (t->kind != RI_CK_POINTER || t->base->kind != RI_CK_FUNCTION || !ri_is_string(key))
        return false;
    const char *name = ri_str_cstr(T->heap, key.p);
    for (size_t i = 0; i < RI_COUNTOF(callback_methods); i++) {
        if (strcmp(strchr(callback_methods[i].name, '.') + 1, name) == 0) {
            *out = ri_object(&callback_methods[i], RI_TAG_LIBFN);
            return true;
        }
    }
    return false;
}

/* The metatable that a type itself (foo.method) or a value of it is indexed by. */
static bool index_handler(RiThread *T, const RiCdata *c, RiMetamethod event, RiValue *h)
{
    RiCtype *type = c->type == ri_ffi_state(T)->ctype_type ? *(RiCtype *const *)(void *)c->at : c->type;
    return ri_ffi_metamethod(T, type, event, h);
}

static int32_t op_index(RiThread *T, RiValue *args, uint32_t nargs)
{
    Place place;
    RiValue h;
    if (nargs < 2 || !ri_is_cdata(args[0]))
        ri_arg_type_error(T, args, nargs, 0, "cdata");
    RiCdata *c = args[0].p;
    if (find_place(T, c, args[1], &place)) {
        RiValue v = place.field != NULL ? ri_ffi_load_field(T, place.field, place.at, place.keep)
                                        : ri_ffi_load(T, place.type, place.at, place.keep);
        if (place.is_constant && ri_is_cdata(v) && ((RiCdata *)v.p)->type->kind == RI_CK_REFERENCE) {
            RiCdata *r = v.p; /* what is in a constant is constant */
            r->type = ri_ctype_reference(T, ri_ctype_qualified(T, r->type->base, RI_CQ_CONST));
            r->object.word = r->type->id;
        }
        return ri_return1(T->base, v);
    }
    if (index_handler(T, c, RI_MM_INDEX, &h)) {
        if (ri_is_function(h))
            return call_with_arguments(T, h, 2, 1);
        return ri_return1(T->base, ri_index(T, h, T->base[1]));
    }
    if (callback_method(T, c, args[1], &h))
        return ri_return1(T->base, h);
    cannot_index(T, c, args[1]);
}

static int32_t op_newindex(RiThread *T, RiValue *args, uint32_t nargs)
{
    Place place;
    RiValue h;
    if (nargs < 3 || !ri_is_cdata(args[0]))
        ri_arg_type_error(T, args, nargs, 0, "cdata");
    RiCdata *c = args[0].p;
    if (!find_place(T, c, args[1], &place)) {
        if (!index_handler(T, c, RI_MM_NEWINDEX, &h))
            cannot_index(T, c, args[1]);
        if (ri_is_function(h))
            return call_with_arguments(T, h, 3, 0);
        ri_set_index(T, h, T->base[1], T->base[2]);
        return 0;
    }
    if (place.is_constant)
        ri_error(T, "attempt to write to constant location");
    if (place.field != NULL)
        ri_ffi_store_field(T, place.field, place.at, args[2]);
    else
        ri_ffi_store(T, place.type, place.at, args[2], false);
    return 0;
}

/* -- Construction ------------------------------------------------------------------------------------------------- */

void ri_cdata_set_finalizer(RiThread *T, RiCdata *c, RiValue f)
{
    ri_store(&c->finalizer, f);
    if (!ri_is_nil(f))
        ri_heap_register_finalizer(T->heap, ri_cdata_value(c));
}

int32_t ri_ffi_construct(RiThread *T, RiCtype *t, RiValue *args, uint32_t nargs, bool uses_new)
{
    static const char new_name[] = "__new";
    bool known;
    uint64_t size = ri_ctype_size(t, &known);
    uint32_t first = 1;
    RiValue f;
    if (uses_new && t->plain->meta != NULL) {
        f = ri_table_get(t->plain->meta, ri_string_value(ri_str_from_cstr(T->heap, new_name)));
        if (!ri_is_nil(f)) {
            ri_lib_set_step(T, nargs);
            return call_with_arguments(T, f, nargs, -1);
        }
    }
    bool has_count = (t->kind == RI_CK_ARRAY && !known && (t->flags & RI_CT_VARIABLE)) ||
                     (t->kind == RI_CK_STRUCT && (t->plain->flags & RI_CT_VARIABLE));
    if (has_count) {
        RiCnumber n;
        if (nargs < 2 || !ri_ffi_number(T, args[1], false, &n) || ri_cnumber_int(n) < 0)
            ri_error(T, "number of elements expected for '%s'", ri_ctype_text(T, t));
        size = ri_ctype_size_with(T, t, (uint64_t)ri_cnumber_int(n));
        first = 2;
    } else if (!known || t->kind == RI_CK_FUNCTION) {
        ri_error(T, "size of C type '%s' is unknown", ri_ctype_text(T, t));
    }
    RiCdata *c = ri_cdata_new(T, t, size);
    ri_push(T, ri_cdata_value(c));
    if (nargs > first)
        ri_ffi_initialize(T, t->plain, c->at, size, args + first, nargs - first);
    if (ri_ffi_metamethod(T, t->plain, RI_MM_GC, &f) && t->kind == RI_CK_STRUCT)
        ri_cdata_set_finalizer(T, c, f);
    return ri_return1(T->base, ri_cdata_value(c));
}

/* -- The rest ----------------------------------------------------------------------------------------------------- */

static int32_t op_call(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue h;
    char *code;
    if (nargs < 1 || !ri_is_cdata(args[0]))
        ri_arg_type_error(T, args, nargs, 0, "cdata");
    RiCdata *c = args[0].p;
    RiCtype *t = ri_cdata_type(c);
    if (t->kind == RI_CK_POINTER && t->base->kind == RI_CK_FUNCTION)
        t = t->base;
    if (c->type == ri_ffi_own(T)->ctype_type)
        return ri_ffi_construct(T, *(RiCtype *const *)(void *)c->at, args, nargs, true);
    if (t->kind == RI_CK_FUNCTION && ri_cdata_address(T, c, &code))
        return ri_ffi_call(T, t, code, args + 1, nargs - 1);
    if (ri_ffi_metamethod(T, c->type, RI_MM_CALL, &h)) {
        ri_lib_set_step(T, nargs);
        return call_with_arguments(T, h, nargs, -1);
    }
    ri_error(T, "'%s' is not callable", ri_ctype_text(T, c->type));
}

int32_t ri_ffi_resume_construct(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    return ri_return_top(T, nargs - ri_lib_step(T)); /* the results lie above the own arguments */
}

static RiString *number_text(RiThread *T, const RiCdata *c)
{
    RiCnumber n;
    char text[64];
    if (!ri_ffi_number(T, ri_cdata_value(c), false, &n))
        return NULL;
    const RiCtype *t = ri_cdata_type(c);
    if (t->kind != RI_CK_INT || t->size != 8)
        return NULL;
    snprintf(text, sizeof text, n.kind == RI_CN_UINT ? "%lluULL" : "%lldLL", (unsigned long long)n.u);
    return ri_str_from_cstr(T->heap, text);
}

static RiString *plain_text(RiThread *T, RiCdata *c)
{
    char text[1200], *at = c->at;
    RiCnumber n;
    const RiCtype *t = ri_cdata_type(c);
    if (c->type == ri_ffi_state(T)->ctype_type) {
        snprintf(text, sizeof text, "ctype<%s>", ri_ctype_text(T, *(RiCtype *const *)(void *)c->at));
        return ri_str_from_cstr(T->heap, text);
    }
    RiString *s = number_text(T, c);
    if (s != NULL)
        return s;
    const char *name = ri_ctype_text(T, c->type);
    if (t->kind == RI_CK_ENUM && ri_ffi_number(T, ri_cdata_value(c), false, &n))
        snprintf(text, sizeof text, "cdata<%s>: %lld", name, (long long)n.i);
    else if (ri_cdata_address(T, c, &at) && at == NULL)
        snprintf(text, sizeof text, "cdata<%s>: NULL", name);
    else
        snprintf(text, sizeof text, "cdata<%s>: %p", name, (void *)at);
    return ri_str_from_cstr(T->heap, text);
}

static int32_t op_tostring(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue h;
    char text[600];
    if (nargs < 1 || !ri_is_cdata(args[0]))
        ri_arg_type_error(T, args, nargs, 0, "cdata");
    if (metamethod_of(T, args[0], RI_MM_TOSTRING, &h))
        return call_with_arguments(T, h, 1, 1);
    if (metamethod_of(T, args[0], RI_MM_NAME, &h) && ri_is_string(h)) {
        snprintf(text, sizeof text, "%.500s: %p", ri_str_cstr(T->heap, h.p), (void *)((RiCdata *)args[0].p)->at);
        return ri_return_string(T->base, ri_str_from_cstr(T->heap, text));
    }
    return ri_return_string(T->base, plain_text(T, args[0].p));
}

/* What a cdata can do only by a metamethod of its type. */
static int32_t call_own(RiThread *T, const RiValue *args, RiMetamethod event, int32_t results, const char *attempt)
{
    RiValue h;
    if (metamethod_of(T, args[0], event, &h))
        return call_with_arguments(T, h, 1, results);
    ri_error(T, "attempt to %s '%s'", attempt, ri_ffi_type_text(T, args[0]));
}

static int32_t op_len(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return call_own(T, args, RI_MM_LEN, 1, "get length of");
}

static int32_t op_concat(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue h;
    if (nargs >= 2 && (metamethod_of(T, args[0], RI_MM_CONCAT, &h) || metamethod_of(T, args[1], RI_MM_CONCAT, &h)))
        return call_with_arguments(T, h, 2, 1);
    cannot_operate(T, ri_arg(args, nargs, 0), ri_arg(args, nargs, 1), "concatenate");
}

static int32_t op_pairs(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return call_own(T, args, RI_MM_PAIRS, 3, "iterate over");
}

static int32_t resume_pairs(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return_top(T, 3);
}

static int32_t op_close(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue h;
    if (nargs > 0 && metamethod_of(T, args[0], RI_MM_CLOSE, &h))
        return call_with_arguments(T, h, nargs < 2 ? nargs : 2, 0);
    return 0;
}

static int32_t resume_nothing(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    (void)args;
    (void)nargs;
    return 0;
}

/* The finalizer of ffi.gc or of the type's metatable. */
static int32_t op_gc(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs < 1 || !ri_is_cdata(args[0]))
        return 0;
    RiCdata *c = args[0].p;
    RiValue f = c->finalizer;
    ri_set_nil(&c->finalizer);
    return ri_is_nil(f) ? 0 : call_with_arguments(T, f, 1, 0);
}

#define ROW(id, name)                                                                              \
    RI_FN_RESUMABLE(op_##name, resume_one, "cdata.__" #name, "cdata operator", "Arithmetic of C."),
const RiLibFn ri_ffi_operators[] = {
    ARITHMETIC(ROW)
    RI_FN_RESUMABLE(op_unm, resume_one, "cdata.__unm", "-cdata", "Negation of C."),
    RI_FN_RESUMABLE(op_bnot, resume_one, "cdata.__bnot", "~cdata", "Complement of C."),
    RI_FN_RESUMABLE(op_eq, resume_one, "cdata.__eq", "cdata == x", "Numbers by value, pointers by address; nil is NULL."),
    RI_FN_RESUMABLE(op_lt, resume_one, "cdata.__lt", "cdata < x", "Numbers by value, pointers by address."),
    RI_FN_RESUMABLE(op_le, resume_one, "cdata.__le", "cdata <= x", "Numbers by value, pointers by address."),
    RI_FN_RESUMABLE(op_index, resume_one, "cdata.__index", "cdata[key]", "An element, a field, a method."),
    RI_FN_RESUMABLE(op_newindex, resume_nothing, "cdata.__newindex", "cdata[key] = x", "Stores to an element or field."),
    RI_FN_RESUMABLE(op_call, ri_ffi_resume_construct, "cdata.__call", "cdata(…)", "Calls a C function; of a type: makes a value."),
    RI_FN_RESUMABLE(op_tostring, resume_one, "cdata.__tostring", "tostring(cdata)", "The type and the address or value."),
    RI_FN_RESUMABLE(op_len, resume_one, "cdata.__len", "#cdata", "By the type's metatable only."),
    RI_FN_RESUMABLE(op_concat, resume_one, "cdata.__concat", "cdata .. x", "By the type's metatable only."),
    RI_FN_RESUMABLE(op_pairs, resume_pairs, "cdata.__pairs", "pairs(cdata)", "By the type's metatable only."),
    RI_FN_RESUMABLE(op_close, resume_nothing, "cdata.__close", "(end of scope)(cdata)", "By the type's metatable only."),
    RI_FN_RESUMABLE(op_gc, resume_nothing, "cdata.__gc", "(collection)(cdata)", "Calls what ffi.gc has set."),
};
const uint32_t ri_ffi_operator_count = RI_COUNTOF(ri_ffi_operators);

const RiLibFn *ri_ffi_call_operator(void)
{
    const RiLibFn *fn = ri_ffi_operators;
    while (fn->call != op_call)
        fn++;
    return fn;
}
