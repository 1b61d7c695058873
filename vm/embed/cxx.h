/* What liblua5.4-c++ adds to the C API: errors that pass through C++ functions as exceptions, so that destructors run. Included by
 * C and C++ alike, so it speaks of threads as void *.
 *
 * A call of a function of the host's is a *stay*. An error thrown within it, for a region outside, is thrown once as a C++
 * exception, caught where the stay began, and goes on from there as it does in C: by a jump. The frames in between are the
 * host's, and Rille's own C functions, which hold nothing; frames of machine code lie outside of every stay. */
#ifndef RI_EMBED_CXX_H
#define RI_EMBED_CXX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t RiCxxBody(void *thread, void *argument, uint32_t count);

/* -- In cxx.cpp, which only liblua5.4-c++ has: elsewhere they are NULL ------------------------------------------------ */

/* body(thread, argument, count) as a stay. A C++ exception of the host's becomes a Lua error. */
__attribute__((weak, visibility("hidden"))) int32_t ri_cxx_stay(void *thread, RiCxxBody *body, void *argument, uint32_t count);

/* Throw what the innermost stay catches. */
__attribute__((weak, visibility("hidden"), noreturn)) void ri_cxx_throw(void);

/* -- In capi_call.c ----------------------------------------------------------------------------------------------- */

/* The innermost stay of the thread's process: set it, and get what it was before. */
void *ri_cxx_set_stay(void *thread, void *stay);
/* Go on with the error under way, outside of the stay. */
__attribute__((noreturn)) void ri_cxx_go_on(void *thread);
/* A Lua error with this message. */
__attribute__((noreturn)) void ri_cxx_error(void *thread, const char *message);

#ifdef __cplusplus
}
#endif

#endif
