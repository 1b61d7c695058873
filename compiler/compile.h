/* Source text to prototype. The only header of the compiler that others see. */
#ifndef RI_COMPILER_COMPILE_H
#define RI_COMPILER_COMPILE_H

#include "vm/object/func.h"

typedef struct RiCompileError {
    RiString *message; /* "chunk:line: … near …", as 5.4 words it */
    uint32_t line;     /* 1-based */
    uint32_t column;   /* 1-based, bytes */
} RiCompileError;

/* Compile a whole chunk. `chunkname` is as for lua_load ("@file", "=text", or the source itself). A first line that
 * begins with '#' is the caller's business. The main function is vararg with one upvalue, _ENV.
 * Returns NULL after a syntax error, described in *error. Collects: yes. Traps: no memory only.
 * Working memory is collected memory: a throw past the compiler leaks nothing. */
RiProto *ri_compile(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiCompileError *error);

#endif
