/* Calls of C functions without libffi: see invoke.h. */
#include "vm/ffi/invoke.h"

#include <stddef.h>

#if RI_HAVE_INVOKE

_Static_assert(offsetof(RiCinvocation, floats) == 48 && offsetof(RiCinvocation, integer_results) == 112 &&
                   offsetof(RiCinvocation, float_results) == 128 && offsetof(RiCinvocation, stack_count) == 144 &&
                   offsetof(RiCinvocation, float_count) == 152 && offsetof(RiCinvocation, stack) == 168,
               "the code below goes by that");

/* rbx: the invocation, r11: the function. A function with variable arguments is told in al how many floats there are; others do not
 * mind. The frame is one that debuggers and unwinders go through. */
__asm__(".text\n"
        ".balign 16\n"
        ".globl ri_ffi_invoke\n"
        ".hidden ri_ffi_invoke\n"
        ".type ri_ffi_invoke, @function\n"
        "ri_ffi_invoke:\n"
        ".cfi_startproc\n"
        "push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "mov %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "push %rbx\n"
        ".cfi_offset %rbx, -24\n"
        "sub $8, %rsp\n"
        "mov %rsi, %rbx\n"
        "mov %rdi, %r11\n"
        "mov 144(%rbx), %rcx\n"
        "test %rcx, %rcx\n"
        "je 2f\n"
        "lea 1(%rcx), %rax\n"
        "and $-2, %rax\n"
        "shl $3, %rax\n"
        "sub %rax, %rsp\n"
        "1: mov 160(%rbx,%rcx,8), %rax\n"
        "mov %rax, -8(%rsp,%rcx,8)\n"
        "dec %rcx\n"
        "jne 1b\n"
        "2: mov 152(%rbx), %rax\n"
        "test %rax, %rax\n"
        "je 3f\n"
        "movsd 48(%rbx), %xmm0\n"
        "movsd 56(%rbx), %xmm1\n"
        "movsd 64(%rbx), %xmm2\n"
        "movsd 72(%rbx), %xmm3\n"
        "movsd 80(%rbx), %xmm4\n"
        "movsd 88(%rbx), %xmm5\n"
        "movsd 96(%rbx), %xmm6\n"
        "movsd 104(%rbx), %xmm7\n"
        "3: mov (%rbx), %rdi\n"
        "mov 8(%rbx), %rsi\n"
        "mov 16(%rbx), %rdx\n"
        "mov 24(%rbx), %rcx\n"
        "mov 32(%rbx), %r8\n"
        "mov 40(%rbx), %r9\n"
        "call *%r11\n"
        "mov %rax, 112(%rbx)\n"
        "mov %rdx, 120(%rbx)\n"
        "movsd %xmm0, 128(%rbx)\n"
        "movsd %xmm1, 136(%rbx)\n"
        "mov -8(%rbp), %rbx\n"
        "leave\n"
        ".cfi_def_cfa %rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size ri_ffi_invoke, .-ri_ffi_invoke\n");

#else

void ri_ffi_invoke(void *function, RiCinvocation *v)
{
    (void)function;
    (void)v;
    ri_unreachable();
}

#endif

void ri_ffi_invoke_parts(RiCinvocation *v, const uint64_t *parts, uint32_t count, const bool *is_float)
{
    uint32_t floats = 0;
    for (uint32_t i = 0; i < count; i++)
        floats += is_float[i];
    bool fits = v->integer_count + (count - floats) <= RI_COUNTOF(v->integers) &&
                v->float_count + floats <= RI_COUNTOF(v->floats);
    for (uint32_t i = 0; i < count; i++) {
        if (!fits)
            v->stack[v->stack_count++] = parts[i];
        else if (is_float[i])
            memcpy(&v->floats[v->float_count++], &parts[i], sizeof parts[i]);
        else
            v->integers[v->integer_count++] = parts[i];
    }
}
