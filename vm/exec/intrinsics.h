/* Library functions that the engines know: numbers for RiLibFn.intrinsic, and the iteration functions, which the
 * interpreter recognizes by address in TFORCALL. */
#ifndef RI_EXEC_INTRINSICS_H
#define RI_EXEC_INTRINSICS_H

#include "vm/exec/native.h"

typedef enum RiIntrinsic {
    RI_INTRINSIC_NONE,
    /* base */
    RI_INTRINSIC_ASSERT,
    RI_INTRINSIC_GETMETATABLE,
    RI_INTRINSIC_IPAIRS,
    RI_INTRINSIC_IPAIRS_ITERATOR,
    RI_INTRINSIC_NEXT,
    RI_INTRINSIC_PAIRS,
    RI_INTRINSIC_RAWEQUAL,
    RI_INTRINSIC_RAWGET,
    RI_INTRINSIC_RAWLEN,
    RI_INTRINSIC_RAWSET,
    RI_INTRINSIC_SELECT,
    RI_INTRINSIC_SETMETATABLE,
    RI_INTRINSIC_TONUMBER,
    RI_INTRINSIC_TOSTRING,
    RI_INTRINSIC_TYPE,
    /* math */
    RI_INTRINSIC_MATH_ABS,
    RI_INTRINSIC_MATH_CEIL,
    RI_INTRINSIC_MATH_COS,
    RI_INTRINSIC_MATH_EXP,
    RI_INTRINSIC_MATH_FLOOR,
    RI_INTRINSIC_MATH_FMOD,
    RI_INTRINSIC_MATH_LOG,
    RI_INTRINSIC_MATH_MAX,
    RI_INTRINSIC_MATH_MIN,
    RI_INTRINSIC_MATH_RANDOM,
    RI_INTRINSIC_MATH_SIN,
    RI_INTRINSIC_MATH_SQRT,
    RI_INTRINSIC_MATH_TOINTEGER,
    RI_INTRINSIC_MATH_TYPE,
    RI_INTRINSIC_MATH_ULT,
    /* string */
    RI_INTRINSIC_STRING_BYTE,
    RI_INTRINSIC_STRING_CHAR,
    RI_INTRINSIC_STRING_FORMAT,
    RI_INTRINSIC_STRING_LEN,
    RI_INTRINSIC_STRING_SUB,
    /* table */
    RI_INTRINSIC_TABLE_CONCAT,
    RI_INTRINSIC_TABLE_INSERT,
    RI_INTRINSIC_TABLE_REMOVE,
    RI_INTRINSIC_TABLE_UNPACK,
    /* mem: done by the engines as long as there is a translation; these stay the last */
#define MEMTYPE(id, name, bits, c_type, set) RI_INTRINSIC_MEM_LOAD_##id,
#include "vm/exec/memtypes.def"
#undef MEMTYPE
#define MEMTYPE(id, name, bits, c_type, set) RI_INTRINSIC_MEM_STORE_##id,
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    RI_INTRINSIC_COUNT
} RiIntrinsic;
#define RI_INTRINSIC_MEM_FIRST RI_INTRINSIC_MEM_LOAD_U8

/* As RI_FN, with an intrinsic's number: RI_FN_INTRINSIC(TYPE, base_type, "type", …). */
#define RI_FN_INTRINSIC(number, c_name, lua_name, usage_text, doc_text)                            \
    {.name = lua_name, .usage = usage_text, .doc = doc_text, .call = c_name, .intrinsic = RI_INTRINSIC_##number}
#define RI_FN_INTRINSIC_RESUMABLE(number, c_name, c_resume, lua_name, usage_text, doc_text)        \
    {.name = lua_name, .usage = usage_text, .doc = doc_text, .call = c_name, .resume = c_resume,   \
     .intrinsic = RI_INTRINSIC_##number}

extern const RiLibFn ri_libfn_next;            /* the value of the global `next` */
extern const RiLibFn ri_libfn_ipairs_iterator; /* what `ipairs` returns first */

static inline RiValue ri_libfn_value(const RiLibFn *fn)
{
    return ri_object(fn, RI_TAG_LIBFN);
}

/* Set or clear (NULL) the metatable of any value, raw: of the object, or of its basic type. Registers the finalizer of
 * a table or userdata whose metatable has `__gc` now. Collects: yes. Traps: no memory. */
void ri_value_set_meta(RiThread *T, RiValue v, RiTable *meta);

#endif
