/* What the rest of Rille sees of the C API. */
#ifndef RI_EMBED_CAPI_H
#define RI_EMBED_CAPI_H

#include "vm/exec/native.h"

/* RiHooks.call_c: call the lua_CFunction of the current frame. Its arguments lie at args; it leaves the returned number
 * of results on top of the stack. */
int32_t ri_capi_call(RiThread *T, RiValue *args, uint32_t nargs);

#endif
