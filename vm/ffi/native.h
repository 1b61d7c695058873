/* Types of C as libffi wants them, shared by calls and callbacks. The only header that includes ffi.h. */
#ifndef RI_FFI_NATIVE_H
#define RI_FFI_NATIVE_H

#include <ffi.h>

#include "vm/ffi/cdata.h"
#include "vm/ffi/invoke.h"

/* What a value is in a call that ri_ffi_invoke makes. */
typedef enum RiCway {
    RI_WAY_NONE,    /* it cannot: the call is libffi's */
    RI_WAY_INTEGER, /* a result: or nothing */
    RI_WAY_FLOAT,
    RI_WAY_PARTS,   /* an aggregate, by its eightbytes */
    RI_WAY_MEMORY   /* an aggregate, as bytes on the stack; a result: where the caller says */
} RiCway;

typedef struct RiCpassing {
    uint8_t way;
    uint8_t count;    /* PARTS: eightbytes */
    bool is_float[2]; /* their classes */
} RiCpassing;

/* How functions of one type are called; made at the first call, kept by the type. */
typedef struct RiCcall {
    RiObject object; /* a RI_TAG_BLOCK */
    ffi_cif cif;     /* as C declares it: for callbacks */
    ffi_type **types;
    ffi_cif parts_cif; /* for calls: small aggregates as the scalars that their eightbytes are */
    ffi_type **part_types;
    uint8_t *parts;    /* of each parameter: 1, or 2 eightbytes one behind the other */
    uint32_t part_count;
    uint64_t arguments_bytes; /* for copies of all arguments, each at a multiple of 16 */
    bool is_direct;  /* all scalars in registers: machine code can make the call */
    bool is_invoked; /* by ri_ffi_invoke, if the variable arguments permit */
    uint32_t stack_words; /* that it takes for the declared arguments, at most */
    RiCpassing result;
    RiCpassing *passings; /* of the declared arguments */
} RiCcall;

typedef struct RiCregisters { /* taken by the arguments so far */
    uint32_t integers, floats;
} RiCregisters;

/* libffi's type of t. Throws if values of it cannot be passed. Collects. */
ffi_type *ri_ffi_native_type(RiThread *T, RiCtype *t);
/* How values of t, which libffi has a type for, are passed. */
RiCpassing ri_ffi_passing(const RiCtype *t);
/* The call interface of function type t. Throws, as above. Collects. */
RiCcall *ri_ffi_call_interface(RiThread *T, RiCtype *t);

/* What an argument of type t is in a call after those that have taken `registers`: 1 or 2 parts. libffi up to 3.4.4 spoils
 * the first floating-point register when it passes a struct of an integer and a float in the last integer register; two
 * scalars go into the same registers. Throws, as above. */
uint32_t ri_ffi_parts(RiThread *T, RiCtype *t, RiCregisters *registers, ffi_type *out[2]);

#endif
