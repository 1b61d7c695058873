/* Syntax errors: their texts and how the compiler is left when there is one. */
#ifndef RI_COMPILER_DIAG_H
#define RI_COMPILER_DIAG_H

#include "compiler/compile.h"

#include <setjmp.h>

/* Where an error goes: ri_compile sets it up, everything below throws to it. The working memory of the compiler is
 * collected, so nothing has to be undone. */
typedef struct RiFailure {
    jmp_buf jump;
    RiHeap *heap;
    const char *chunkname;
    const char *source; /* start of the text, for columns */
    RiCompileError *error;
} RiFailure;

/* "chunk:line: <message>", and " near <near>" if `near` is not NULL. `at` is where in the source to put the caret.
 * Collects: yes. Does not return. */
RI_NORETURN void ri_diag_throw(RiFailure *failure, uint32_t line, const char *at, const char *near, size_t near_size,
                               const char *message);

/* The error that has no position, as 5.4 words it: nesting too deep for the compiler's recursion. */
RI_NORETURN void ri_diag_throw_depth(RiFailure *failure, uint32_t line, const char *at);

/* Append message, the source line and a caret, for terminals:
 *
 *     prog.lua:3: unexpected symbol near '='
 *        3 | local x = = 1
 *          |           ^
 */
void ri_diag_render(const RiCompileError *error, const char *source, size_t size, RiSbuf *out);

#endif
