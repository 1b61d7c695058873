/* What the layers above lend to the execution layer; filled in by vm/embed. */
#ifndef RI_EXEC_HOOKS_H
#define RI_EXEC_HOOKS_H

#include "vm/object/func.h"

typedef struct RiHooks {
    /* Source to prototype, or NULL and *message (a Lua string). See compiler/compile.h. */
    RiProto *(*compile)(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiString **message);
    /* Call the lua_CFunction of the current frame: result count, results on top of the stack. vm/embed/capi.c */
    int32_t (*call_c)(RiThread *T, RiValue *args, uint32_t nargs);
} RiHooks;

#endif
