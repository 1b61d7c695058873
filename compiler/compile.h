/* Source text to prototype. The only header of the compiler that others see. */
#ifndef RI_COMPILER_COMPILE_H
#define RI_COMPILER_COMPILE_H

#include "compiler/mem.h"
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

/* -- Chunks that share variables, as those of a prompt -------------------------------------------------------------
 * What a chunk declares at its outermost level (`local x = 1`, `local function f`) is a variable of the session, to be seen
 * by the chunks after it, whatever becomes of this one. It is an upvalue of the chunk's main function. Declaring a name
 * anew makes a new variable; functions keep the one they knew. `<const>` is kept; a statement with a `<close>` declares
 * locals of the chunk only, as they are closed at its end. */
typedef struct RiSessionVar {
    RiString *name;
    RiCell *cell;    /* NULL: of the chunk compiled last; who runs it makes one */
    uint8_t kind;    /* as RiUpvalDesc.kind */
} RiSessionVar;

typedef struct RiSession {
    RI_VEC(RiSessionVar) vars; /* in order of declaration: of several with a name, the last one counts */
    uint32_t upvals[256];      /* of the chunk compiled last: its upvalue i, from 1 on, is vars[upvals[i]]; 0 is _ENV */
    RiString *closed;          /* what it declares <close>; NULL: nothing */
} RiSession;

/* As ri_compile. The session starts zeroed; it lies where the collector looks (a C frame). After an error it is as before,
 * but for `closed` and `upvals`. */
RiProto *ri_compile_in_session(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiSession *session,
                               RiCompileError *error);

#endif
