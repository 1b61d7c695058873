/* What the ffi library lends to machine code: see vm/exec/foreign.h. */
#ifndef RI_FFI_FOREIGN_H
#define RI_FFI_FOREIGN_H

#include "vm/exec/foreign.h"

extern const RiForeign ri_ffi_foreign;

/* Of the userdata for libraries. Their one user value is a table of the functions and constants that have been looked up. */
extern const RiUserType ri_ffi_library_type;
#define RI_FFI_LIBRARY "ffi.clib"

#endif
