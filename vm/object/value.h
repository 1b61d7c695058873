/* The Lua value: 16 bytes, {payload, tag}.
 *
 *        +------------------+------------------+
 *        | payload  8 bytes | tag      8 bytes |
 *        +------------------+------------------+
 *
 * Zeroed memory is nil. Pointers are plain and aligned in the payload, so that a conservative scan of the C stack finds
 * them. The tag alone decides truth (tag > RI_TAG_FALSE), number-ness and whether the collector follows the payload
 * (tag >= RI_TAG_STRING).
 *
 * HARD RULE: values are copied by ri_copy (two separate words), never as one 16-byte SSE move after two 8-byte stores:
 * that defeats store forwarding and halves the interpreter's speed. */
#ifndef RI_OBJECT_VALUE_H
#define RI_OBJECT_VALUE_H

#include "vm/base/check.h"

typedef enum RiTag {
    RI_TAG_NIL = 0,
    RI_TAG_FALSE = 1,
    RI_TAG_TRUE = 2,
    RI_TAG_INT = 3,
    RI_TAG_FLOAT = 4,
    RI_TAG_LIGHT = 5, /* light userdata: any 64-bit pattern */
    RI_TAG_LIBFN = 6, /* library function: payload is a const RiLibFn * (a table row, no object) */
    RI_TAG_CFUNC = 7, /* light lua_CFunction of the C API */
    RI_TAG_LINK = 8,  /* frame link in a VM stack; never a guest value */
    /* From here on the payload is an RiObject * that the collector follows. */
    RI_TAG_STRING = 9,
    RI_TAG_TABLE = 10,
    RI_TAG_CLOSURE = 11, /* Lua function */
    RI_TAG_NATIVE = 12,  /* library or C function with upvalues */
    RI_TAG_USERDATA = 13,
    RI_TAG_THREAD = 14,
    RI_TAG_CDATA = 15, /* reserved for the ffi library */
    /* Objects a guest never sees as a value of their own. */
    RI_TAG_CELL = 16, /* a captured local variable */
    RI_TAG_PROTO = 17,
    RI_TAG_FEEDBACK = 18,
    RI_TAG_ARRAY = 19, /* array part of a table */
    RI_TAG_DICT = 20,  /* dictionary part of a table */
    RI_TAG_SLOTS = 21, /* out-of-line field slots of a table: RiValue[] after a 16-byte header */
    RI_TAG_SHAPE = 22,
    RI_TAG_STACK = 23,  /* VM stack of a thread; traced by its thread */
    RI_TAG_BUFFER = 24, /* bytes */
    RI_TAG_VALUES = 25, /* a plain vector of values: RiVector */
    RI_TAG_BLOCK = 26,  /* a conservatively scanned C struct of a library (state of a resumable loop) */
    RI_TAG_COUNT = 27
} RiTag;

struct RiLibFn;
struct RiObject;

typedef struct RiValue {
    union {
        int64_t i;
        uint64_t u;
        double n;
        void *p;
        const void *cp;
    };
    uint64_t tag;
} RiValue;

_Static_assert(sizeof(RiValue) == 16, "a value is two words");

/* Every object of the heap starts so. Bit 0 of word 0 is set in every live object (the free lists' links have it
 * clear): `kind_byte` is 2 * tag + 1. */
typedef struct RiObject {
    uint8_t kind_byte;
    uint8_t flags; /* per type */
    uint16_t aux;  /* per type */
    uint32_t word; /* per type: hash of a string, shape of a table */
} RiObject;

#define RI_KIND_BYTE(tag) ((uint8_t)((tag)*2 + 1))
static inline RiTag ri_object_tag(const void *object)
{
    return (RiTag)(((const RiObject *)object)->kind_byte >> 1);
}

/* Copy a value as two words. Both operands are evaluated once. Loops of this are no business of the vectorizer's either. */
#define ri_copy(dst, src)                                                                          \
    do {                                                                                           \
        RiValue *ri_d_ = (dst);                                                                    \
        const RiValue *ri_s_ = (src);                                                              \
        uint64_t ri_p_ = ri_s_->u, ri_t_ = ri_s_->tag;                                             \
        RI_HIDE(ri_p_);                                                                            \
        ri_d_->u = ri_p_;                                                                          \
        ri_d_->tag = ri_t_;                                                                        \
    } while (0)

/* Store a value held in a local variable (registers) to memory. */
#define ri_store(dst, value)                                                                       \
    do {                                                                                           \
        RiValue *ri_d_ = (dst);                                                                    \
        ri_d_->u = (value).u;                                                                      \
        ri_d_->tag = (value).tag;                                                                  \
    } while (0)

#define ri_set_int(dst, x) ((dst)->i = (x), (dst)->tag = RI_TAG_INT)
#define ri_set_float(dst, x) ((dst)->n = (x), (dst)->tag = RI_TAG_FLOAT)
#define ri_set_nil(dst) ((dst)->u = 0, (dst)->tag = RI_TAG_NIL)
#define ri_set_bool(dst, x) ((dst)->u = 0, (dst)->tag = (uint64_t)RI_TAG_FALSE + ((x) ? 1 : 0))
#define ri_set_object(dst, obj, t) ((dst)->p = (obj), (dst)->tag = (t))
#define ri_set_string(dst, s) ri_set_object(dst, s, RI_TAG_STRING)
#define ri_set_table(dst, t) ri_set_object(dst, t, RI_TAG_TABLE)

static inline RiValue ri_nil(void)
{
    return (RiValue){.u = 0, .tag = RI_TAG_NIL};
}
static inline RiValue ri_int(int64_t i)
{
    return (RiValue){.i = i, .tag = RI_TAG_INT};
}
static inline RiValue ri_float(double n)
{
    return (RiValue){.n = n, .tag = RI_TAG_FLOAT};
}
static inline RiValue ri_bool(bool b)
{
    return (RiValue){.u = 0, .tag = b ? RI_TAG_TRUE : RI_TAG_FALSE};
}
static inline RiValue ri_object(const void *object, RiTag tag)
{
    return (RiValue){.cp = object, .tag = tag};
}
static inline RiValue ri_string_value(const void *s)
{
    return ri_object(s, RI_TAG_STRING);
}
static inline RiValue ri_table_value(const void *t)
{
    return ri_object(t, RI_TAG_TABLE);
}

static inline bool ri_is_nil(RiValue v)
{
    return v.tag == RI_TAG_NIL;
}
static inline bool ri_is_falsy(RiValue v)
{
    return v.tag <= RI_TAG_FALSE;
}
static inline bool ri_is_bool(RiValue v)
{
    return v.tag - RI_TAG_FALSE <= 1;
}
static inline bool ri_is_int(RiValue v)
{
    return v.tag == RI_TAG_INT;
}
static inline bool ri_is_float(RiValue v)
{
    return v.tag == RI_TAG_FLOAT;
}
static inline bool ri_is_number(RiValue v)
{
    return v.tag - RI_TAG_INT <= 1;
}
static inline bool ri_is_string(RiValue v)
{
    return v.tag == RI_TAG_STRING;
}
static inline bool ri_is_table(RiValue v)
{
    return v.tag == RI_TAG_TABLE;
}
static inline bool ri_is_userdata(RiValue v) /* full userdata */
{
    return v.tag == RI_TAG_USERDATA;
}
static inline bool ri_is_function(RiValue v)
{
    const uint64_t mask = 1u << RI_TAG_LIBFN | 1u << RI_TAG_CFUNC | 1u << RI_TAG_CLOSURE | 1u << RI_TAG_NATIVE;
    return v.tag < 32 && (mask >> v.tag & 1);
}
static inline bool ri_tag_is_object(uint64_t tag)
{
    return (uint8_t)tag >= RI_TAG_STRING; /* the low byte alone: link slots keep more above it */
}

/* The types a guest can name, in the numbering of lua.h (LUA_TNIL == 0 …). */
typedef enum RiType {
    RI_TYPE_NONE = -1,
    RI_TYPE_NIL,
    RI_TYPE_BOOLEAN,
    RI_TYPE_LIGHTUSERDATA,
    RI_TYPE_NUMBER,
    RI_TYPE_STRING,
    RI_TYPE_TABLE,
    RI_TYPE_FUNCTION,
    RI_TYPE_USERDATA,
    RI_TYPE_THREAD,
    RI_TYPE_CDATA,
    RI_TYPE_COUNT
} RiType;

extern const int8_t ri_type_of_tag[32];           /* indexed by RiTag */
extern const char *const ri_type_names[RI_TYPE_COUNT]; /* "nil", "boolean", "userdata", "number", … */

static inline RiType ri_type(RiValue v)
{
    return (RiType)ri_type_of_tag[v.tag & 31];
}

/* Primitive equality (rawequal, manual §3.4.4): 1 == 1.0, strings by content, the rest by identity. In str.c. */
bool ri_raw_equal(RiValue a, RiValue b);

#endif
