/* Tables of types, and equality without metamethods. */
#include "vm/object/value.h"

#include "vm/base/num.h"
#include "vm/object/str.h"

const int8_t ri_type_of_tag[32] = {
    [RI_TAG_NIL] = RI_TYPE_NIL,
    [RI_TAG_FALSE] = RI_TYPE_BOOLEAN,
    [RI_TAG_TRUE] = RI_TYPE_BOOLEAN,
    [RI_TAG_INT] = RI_TYPE_NUMBER,
    [RI_TAG_FLOAT] = RI_TYPE_NUMBER,
    [RI_TAG_LIGHT] = RI_TYPE_LIGHTUSERDATA,
    [RI_TAG_LIBFN] = RI_TYPE_FUNCTION,
    [RI_TAG_CFUNC] = RI_TYPE_FUNCTION,
    [RI_TAG_LINK] = RI_TYPE_NONE,
    [RI_TAG_STRING] = RI_TYPE_STRING,
    [RI_TAG_TABLE] = RI_TYPE_TABLE,
    [RI_TAG_CLOSURE] = RI_TYPE_FUNCTION,
    [RI_TAG_NATIVE] = RI_TYPE_FUNCTION,
    [RI_TAG_USERDATA] = RI_TYPE_USERDATA,
    [RI_TAG_THREAD] = RI_TYPE_THREAD,
    [RI_TAG_CDATA] = RI_TYPE_CDATA,
    [RI_TAG_CELL ... 31] = RI_TYPE_NONE,
};

const char *const ri_type_names[RI_TYPE_COUNT] = {
    [RI_TYPE_NIL] = "nil",       [RI_TYPE_BOOLEAN] = "boolean",   [RI_TYPE_LIGHTUSERDATA] = "userdata",
    [RI_TYPE_NUMBER] = "number", [RI_TYPE_STRING] = "string",     [RI_TYPE_TABLE] = "table",
    [RI_TYPE_FUNCTION] = "function", [RI_TYPE_USERDATA] = "userdata", [RI_TYPE_THREAD] = "thread",
    [RI_TYPE_CDATA] = "cdata",
};

static bool int_equals_float(int64_t i, double n)
{
    int64_t k;
    return ri_num_float_to_int(n, &k) && k == i;
}

bool ri_raw_equal(RiValue a, RiValue b)
{
    if (a.tag != b.tag) {
        if (a.tag == RI_TAG_INT && b.tag == RI_TAG_FLOAT)
            return int_equals_float(a.i, b.n);
        return a.tag == RI_TAG_FLOAT && b.tag == RI_TAG_INT && int_equals_float(b.i, a.n);
    }
    switch (a.tag) {
    case RI_TAG_NIL:
    case RI_TAG_FALSE:
    case RI_TAG_TRUE:
        return true;
    case RI_TAG_FLOAT:
        return a.n == b.n;
    case RI_TAG_STRING:
        return ri_str_equal(a.p, b.p);
    default:
        return a.u == b.u;
    }
}
