/* Native stacks: made by mmap with a guard page below, switched by saving what the calling convention wants saved. */
#define _GNU_SOURCE 1
#include "vm/host/context.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(RI_SANITIZERS) && RI_SANITIZERS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define ASAN 1
#else
#define ASAN 0
#endif

#define GUARD_BYTES ((size_t)4096)

static void context_main(RiContext *context) __attribute__((noreturn, used));

#if ASAN
/* The sanitizer wants to know about every switch. */
static void finish_switch(RiContext *context)
{
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(context->fake_stack, &bottom, &size);
}

static void start_switch(RiContext *from, RiContext *to)
{
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, (size_t)(to->end - to->stack));
}
#endif

/* Frames that were on the stack, or on one that lay there before it, and never returned: forget where their variables were. */
static void forget_frames(RiContext *context)
{
#if ASAN
    __asan_unpoison_memory_region(context->stack, (size_t)(context->end - context->stack));
#else
    (void)context;
#endif
}

static void context_main(RiContext *context)
{
#if ASAN
    finish_switch(context);
#endif
    context->entry(context->argument);
    abort(); /* entry never returns */
}

#if defined(__x86_64__)
void ri_context_swap(void **from_sp, void *to_sp);
void ri_context_start(void);
/* Registers that a callee keeps, and the control words of both floating-point units. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl ri_context_swap\n"
        ".hidden ri_context_swap\n"
        ".type ri_context_swap, @function\n"
        "ri_context_swap:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    subq $8, %rsp\n    stmxcsr (%rsp)\n    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n    fldcw 4(%rsp)\n    addq $8, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size ri_context_swap, .-ri_context_swap\n"
        ".globl ri_context_start\n"
        ".hidden ri_context_start\n"
        ".type ri_context_start, @function\n"
        "ri_context_start:\n" /* first switched to: its context is in rbx */
        "    .cfi_startproc\n    .cfi_undefined rip\n"
        "    movq %rbx, %rdi\n    xorl %ebp, %ebp\n    callq context_main\n    ud2\n"
        "    .cfi_endproc\n"
        ".size ri_context_start, .-ri_context_start\n");

static void prepare(RiContext *context)
{
    uint64_t *sp = (uint64_t *)((uintptr_t)context & ~(uintptr_t)15);
    *--sp = 0; /* two words: the stack is aligned when ri_context_start begins */
    *--sp = 0;
    *--sp = (uint64_t)(uintptr_t)ri_context_start; /* the return address; then rbp … r15 */
    *--sp = 0;
    *--sp = (uint64_t)(uintptr_t)context; /* rbx */
    for (int i = 0; i < 4; i++)
        *--sp = 0;
    uint32_t words[2] = {0, 0};
    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(words[0]), "=m"(words[1]));
    *--sp = (uint64_t)words[1] << 32 | words[0];
    context->sp = sp;
}

static void swap(RiContext *from, RiContext *to)
{
    ri_context_swap(&from->sp, to->sp);
}
#else
#include <ucontext.h>

/* Elsewhere the system's own switch, slow (it makes a system call) but right. The ucontext lies at the stack's top. */
typedef struct Ucontext {
    ucontext_t registers;
    RiContext *context;
} Ucontext;

static void start_ucontext(unsigned high, unsigned low)
{
    context_main((RiContext *)((uintptr_t)high << 32 | low));
}

static void prepare(RiContext *context)
{
    ucontext_t *u = (ucontext_t *)(((uintptr_t)context - sizeof(ucontext_t)) & ~(uintptr_t)63);
    uintptr_t p = (uintptr_t)context;
    getcontext(u);
    u->uc_stack.ss_sp = context->stack;
    u->uc_stack.ss_size = (size_t)((char *)u - context->stack);
    u->uc_link = NULL;
    makecontext(u, (void (*)(void))start_ucontext, 2, (unsigned)((uint64_t)p >> 32), (unsigned)p);
    context->sp = u;
}

static void swap(RiContext *from, RiContext *to)
{
    ucontext_t here;
    from->sp = &here;
    swapcontext(&here, to->sp);
}
#endif

RiContext *ri_context_new(void (*entry)(void *argument), void *argument)
{
    char *block = mmap(NULL, RI_CONTEXT_STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    if (mprotect(block, GUARD_BYTES, PROT_NONE) != 0) {
        munmap(block, RI_CONTEXT_STACK_BYTES + GUARD_BYTES);
        return NULL;
    }
    char *end = block + GUARD_BYTES + RI_CONTEXT_STACK_BYTES;
    RiContext *context = (RiContext *)((uintptr_t)(end - sizeof(RiContext)) & ~(uintptr_t)63);
    *context = (RiContext){.stack = block + GUARD_BYTES, .end = end, .entry = entry, .argument = argument};
    forget_frames(context);
    prepare(context);
    return context;
}

void ri_context_init_host(RiContext *context)
{
    *context = (RiContext){0};
#if ASAN /* nobody else asks for the bounds, and libc reads all of /proc/self/maps to find those of the first thread */
    pthread_attr_t attributes;
    void *low;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        context->stack = low;
        context->end = (char *)low + size;
    }
    pthread_attr_destroy(&attributes);
#endif
}

void ri_context_reset(RiContext *context)
{
    context->fake_stack = NULL;
    forget_frames(context);
    prepare(context);
}

void ri_context_free(RiContext *context)
{
    if (context != NULL)
        munmap(context->stack - GUARD_BYTES, RI_CONTEXT_STACK_BYTES + GUARD_BYTES);
}

void ri_context_trim(RiContext *context)
{
    char *limit = (char *)((uintptr_t)context->sp & ~(uintptr_t)4095);
    if (context->stack != NULL && limit > context->stack)
        madvise(context->stack, (size_t)(limit - context->stack), MADV_DONTNEED);
}

void ri_context_switch(RiContext *from, RiContext *to)
{
#if ASAN
    start_switch(from, to);
    swap(from, to);
    finish_switch(from);
#else
    swap(from, to);
#endif
}
