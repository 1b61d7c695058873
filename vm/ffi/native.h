/* Types of C as libffi wants them, shared by calls and callbacks. The only header that includes ffi.h. */
#ifndef RI_FFI_NATIVE_H
#define RI_FFI_NATIVE_H

#include <ffi.h>

#include "vm/ffi/cdata.h"

/* How functions of one type are called; made at the first call, kept by the type. */
typedef struct RiCcall {
    RiObject object; /* a RI_TAG_BLOCK */
    ffi_cif cif;     /* of the fixed parameters */
    ffi_type **types;
    uint64_t arguments_bytes; /* for copies of all arguments, each at a multiple of 16 */
    bool is_direct;  /* all in registers, without libffi */
    bool has_floats;
} RiCcall;

/* libffi's type of t. Throws if values of it cannot be passed. Collects. */
ffi_type *ri_ffi_native_type(RiThread *T, RiCtype *t);
/* The call interface of function type t. Throws, as above. Collects. */
RiCcall *ri_ffi_call_interface(RiThread *T, RiCtype *t);

#endif
