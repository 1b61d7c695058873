/* A call of a C function as the System V ABI for x86-64 has it: what goes in which register, and what on the stack. Other hosts make
 * all calls by way of libffi. */
#ifndef RI_FFI_INVOKE_H
#define RI_FFI_INVOKE_H

#include <string.h>

#include "vm/ffi/ctype.h"

#if defined(__x86_64__) && !defined(_WIN32)
#define RI_HAVE_INVOKE 1
#else
#define RI_HAVE_INVOKE 0
#endif

#define RI_INVOKE_STACK_MAX 64

typedef struct RiCinvocation { /* invoke.c knows the layout */
    uint64_t integers[6];
    double floats[8];
    uint64_t integer_results[2];
    double float_results[2];
    uint64_t stack_count, float_count, integer_count;
    uint64_t stack[RI_INVOKE_STACK_MAX];
} RiCinvocation;

/* Call it with what the registers and the stack are said to hold, and take all registers that results come in. */
void ri_ffi_invoke(void *function, RiCinvocation *v);

/* The next argument: an integer or pointer, a float (in the lower half, one of 4 bytes), or `count` eightbytes of a small aggregate of
 * which is_float says the class. They go on the stack together where registers are short. */
static inline void ri_ffi_invoke_integer(RiCinvocation *v, uint64_t word)
{
    if (v->integer_count < RI_COUNTOF(v->integers))
        v->integers[v->integer_count++] = word;
    else
        v->stack[v->stack_count++] = word;
}

static inline void ri_ffi_invoke_float(RiCinvocation *v, double real)
{
    if (v->float_count < RI_COUNTOF(v->floats))
        v->floats[v->float_count++] = real;
    else
        memcpy(&v->stack[v->stack_count++], &real, sizeof real);
}

void ri_ffi_invoke_parts(RiCinvocation *v, const uint64_t *parts, uint32_t count, const bool *is_float);

#endif
