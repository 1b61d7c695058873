/* Values of C in Lua: type(v) == "cdata". Each has a type and the address of its bytes, which lie behind its header, in
 * a buffer of its own (large ones without pointers, so that the collector need not look at them), or, of references,
 * wherever C put them.
 *
 * Bytes that may lie anywhere are read and written by ri_ffi_read and ri_ffi_write only, which turn an address that is
 * not there into a Lua error, where the host process can tell (vm/host/fault.h). */
#ifndef RI_FFI_CDATA_H
#define RI_FFI_CDATA_H

#include "vm/exec/foreign.h"
#include "vm/ffi/ctype.h"

static inline bool ri_is_cdata(RiValue v)
{
    return v.tag == RI_TAG_CDATA;
}
static inline RiValue ri_cdata_value(const RiCdata *c)
{
    return ri_object(c, RI_TAG_CDATA);
}
/* Its type, through a reference. */
static inline RiCtype *ri_cdata_type(const RiCdata *c)
{
    return ri_ctype_strip(c->type);
}

/* A zeroed value of `size` bytes (its type's, if that is known). Collects. Traps: no memory. */
RiCdata *ri_cdata_new(RiThread *T, RiCtype *type, uint64_t size);
/* A reference to a struct or array (or any other type) at `at`, which is part of `keep`. Collects. */
RiCdata *ri_cdata_reference(RiThread *T, RiCtype *type, void *at, void *keep);
/* A pointer of type `type`. Collects. */
RiCdata *ri_cdata_pointer(RiThread *T, RiCtype *type, const void *p, void *keep);
/* The value that stands for a type, and back; NULL: it is no such value. */
RiValue ri_cdata_of_type(RiThread *T, RiCtype *type);
RiCtype *ri_cdata_as_type(RiThread *T, RiValue v);
/* The address in a pointer, or of an array, a struct or a function. false: v is none of these. Traps: bad address. */
bool ri_cdata_address(RiThread *T, const RiCdata *c, char **address);

/* -- Numbers ------------------------------------------------------------------------------------------------------ */
typedef struct RiCnumber {
    enum { RI_CN_INT, RI_CN_UINT, RI_CN_FLOAT } kind; /* UINT: uint64_t only */
    union {
        int64_t i;
        uint64_t u;
        double n;
    };
} RiCnumber;
/* A Lua number, a boolean (`booleans`), or a cdata of a number type. Traps: bad address. */
bool ri_ffi_number(RiThread *T, RiValue v, bool booleans, RiCnumber *out);
int64_t ri_cnumber_int(RiCnumber n); /* as a cast to int64_t; of floats out of range something, as C has it */
double ri_cnumber_float(RiCnumber n);
/* As Lua has it: integer, float, or (above INT64_MAX) a uint64_t cdata. */
RiValue ri_cnumber_value(RiThread *T, RiCnumber n);

/* tonumber(cdata): the nearest float where an integer does not do; nil if it is no number. */
RiValue ri_ffi_to_lua_number(RiThread *T, RiValue v);

/* -- Bytes -------------------------------------------------------------------------------------------------------- */
void ri_ffi_read(RiThread *T, const void *at, void *out, uint64_t size);
void ri_ffi_write(RiThread *T, void *at, const void *from, uint64_t size);
/* All of it can be read (written)? Else throws. */
void ri_ffi_probe(RiThread *T, const void *at, uint64_t size, bool writes);
/* Bytes up to the first zero, at most `limit`. */
uint64_t ri_ffi_string_size(RiThread *T, const char *at, uint64_t limit);

/* -- Conversions -------------------------------------------------------------------------------------------------- */
/* The value of type t at `at` as Lua has it: numbers up to 64 bits signed, booleans; a cdata for the rest. `keep` as
 * above. */
RiValue ri_ffi_load(RiThread *T, RiCtype *t, char *at, void *keep);
RiValue ri_ffi_load_field(RiThread *T, const RiCfield *f, char *at, void *keep);
/* Store v there, converted as C would convert an argument; `casts`: as by a cast. Throws "cannot convert 'X' to
 * 'Y'". */
void ri_ffi_store(RiThread *T, RiCtype *t, char *at, RiValue v, bool casts);
void ri_ffi_store_field(RiThread *T, const RiCfield *f, char *at, RiValue v);
/* v as a pointer of type t; *keep: what it points into. */
void *ri_ffi_to_pointer(RiThread *T, RiCtype *t, RiValue v, bool casts, void **keep);
/* Initialize zeroed bytes of type t (and `size`, with a variable part) from `count` values, as ffi.new does. */
void ri_ffi_initialize(RiThread *T, RiCtype *t, char *at, uint64_t size, const RiValue *values, uint32_t count);
/* The size of t with `count` elements in its variable part; throws if it is too large. */
uint64_t ri_ctype_size_with(RiThread *T, const RiCtype *t, uint64_t count);
RI_NORETURN void ri_ffi_cannot_convert(RiThread *T, RiValue v, const RiCtype *t);
/* What the type of v is called in messages. */
const char *ri_ffi_type_text(RiThread *T, RiValue v);

/* -- Calls: call.c, callback.c ------------------------------------------------------------------------------------ */
/* Call the function at `function` with the arguments in T's frame: its result on the stack as a library function's. */
int32_t ri_ffi_call(RiThread *T, RiCtype *type, void *function, RiValue *args, uint32_t nargs);
/* A call by machine code is done: its result, of type t in the bytes at `result`, on the stack likewise. Throws what a callback
 * has failed with. */
int32_t ri_ffi_deliver(RiThread *T, RiCtype *t, char *result);
/* The code of a callback that calls `f`, of function type `type`; it lives until it is freed. */
void *ri_ffi_callback(RiThread *T, RiCtype *type, RiValue f);
/* Free the callback with that code, or set another function (not nil). false: there is none. */
bool ri_ffi_callback_set(RiThread *T, const void *code, RiValue f);
/* Free all of a process that ends. */
void ri_ffi_callbacks_close(RiThread *T);

/* -- Operators: operator.c: library functions for the metatable of cdata ------------------------------------------ */
extern const RiLibFn ri_ffi_operators[];
extern const uint32_t ri_ffi_operator_count;
const RiLibFn *ri_ffi_call_operator(void); /* __call */
/* A value of type t made from the arguments args[1] …, as ffi.new and calls of types do; with a variable part its count of
 * elements comes first. `uses_new`: by __new of the type's metatable, if it has one. A library function's result. */
int32_t ri_ffi_construct(RiThread *T, RiCtype *t, RiValue *args, uint32_t nargs, bool uses_new);
int32_t ri_ffi_resume_construct(RiThread *T, RiValue *args, uint32_t nargs); /* the resume of such a function */
/* Let `f` be called when c is not reachable any more; nil: nothing. */
void ri_cdata_set_finalizer(RiThread *T, RiCdata *c, RiValue f);
/* The metamethod of type's own metatable; false: it has none. */
bool ri_ffi_metamethod(RiThread *T, RiCtype *type, RiMetamethod event, RiValue *out);

#endif
