/* The handler of SIGSEGV and SIGBUS: look the instruction up, go on at its fix-up. */
#define _GNU_SOURCE /* names of registers */
#include "vm/host/fault.h"

#if RI_HAVE_FIXUPS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "vm/host/host.h"

/* Distances from the fields themselves, so that the table needs no relocation. */
typedef struct Fixup {
    int32_t at, to;
} Fixup;

/* Made by the linker; absent if nothing was compiled that has entries. */
extern const Fixup __start_ri_fixups[] __attribute__((weak, visibility("hidden")));
extern const Fixup __stop_ri_fixups[] __attribute__((weak, visibility("hidden")));

typedef struct FaultState {
    bool installed;
    struct sigaction old_segv, old_bus;
} FaultState;
static FaultState ri_fault_state; /* dispositions of signals belong to the host process */

static uintptr_t find_fixup(uintptr_t pc)
{
    for (const Fixup *fixup = __start_ri_fixups; fixup < __stop_ri_fixups; fixup++) {
        if ((uintptr_t)&fixup->at + (uintptr_t)(intptr_t)fixup->at == pc)
            return (uintptr_t)&fixup->to + (uintptr_t)(intptr_t)fixup->to;
    }
    return 0;
}

/* The same of generated code, which says it itself. */
static uintptr_t find_mark(uintptr_t pc)
{
    const volatile char *mark = (const volatile char *)pc - 8;
    int32_t distance;
    for (int i = 0; i < 4; i++) {
        if (mark[i] != RI_FAULT_MARK[i])
            return 0;
    }
    memcpy(&distance, (const char *)pc - 4, sizeof distance);
    return pc + (uintptr_t)(intptr_t)distance;
}

/* What would have happened without us. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    const struct sigaction *old = number == SIGBUS ? &ri_fault_state.old_bus : &ri_fault_state.old_segv;
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(number, info, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(number);
    } else {
        struct sigaction usual;
        memset(&usual, 0, sizeof usual);
        usual.sa_handler = SIG_DFL;
        sigaction(number, &usual, NULL); /* the instruction is tried again, and ends the program */
        if (info->si_code <= 0)
            raise(number); /* it was sent by somebody */
    }
}

static void handle(int number, siginfo_t *info, void *context)
{
    ucontext_t *registers = context;
    uintptr_t pc = (uintptr_t)registers->uc_mcontext.gregs[REG_RIP], to = find_fixup(pc);
    if (to == 0 && pc != (uintptr_t)info->si_addr) /* not: a jump to nowhere */
        to = find_mark(pc);
    if (to == 0)
        pass_on(number, info, context);
    else
        registers->uc_mcontext.gregs[REG_RIP] = (greg_t)to;
}

bool ri_fault_install(void)
{
    if (ri_fault_state.installed)
        return true;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (!ri_host_give_signal_stack() || sigaction(SIGSEGV, &action, &ri_fault_state.old_segv) != 0)
        return false;
    if (sigaction(SIGBUS, &action, &ri_fault_state.old_bus) != 0) {
        sigaction(SIGSEGV, &ri_fault_state.old_segv, NULL);
        return false;
    }
    ri_fault_state.installed = true;
    return true;
}

bool ri_fault_is_installed(void)
{
    return ri_fault_state.installed;
}

#else

bool ri_fault_install(void)
{
    return false;
}

bool ri_fault_is_installed(void)
{
    return false;
}

#endif

/* -- For generated code -------------------------------------------------------------------------------------------- */

#if RI_HAVE_FIXUPS

#define LEAF(name, text)                                                                           \
    __asm__(".text\n\t.p2align 4\n\t.globl ri_fault_leaf_" name "\n\t.hidden ri_fault_leaf_" name "\n\t"    \
            ".type ri_fault_leaf_" name ", @function\nri_fault_leaf_" name ":\n\tclc\n1:\t" text "\n\tret\n2:\tstc\n\tret\n\t" \
            ".size ri_fault_leaf_" name ", . - ri_fault_leaf_" name "\n\t"                         \
            ".pushsection ri_fixups,\"a\"\n\t.balign 4\n\t.long 1b - .\n\t.long 2b - .\n\t.popsection");

LEAF("load_8", "movzbl (%rax,%rcx), %edx")
LEAF("load_16", "movzwl (%rax,%rcx), %edx")
LEAF("load_32", "movl (%rax,%rcx), %edx")
LEAF("load_64", "movq (%rax,%rcx), %rdx")
LEAF("store_8", "movb %dl, (%rax,%rcx)")
LEAF("store_16", "movw %dx, (%rax,%rcx)")
LEAF("store_32", "movl %edx, (%rax,%rcx)")
LEAF("store_64", "movq %rdx, (%rax,%rcx)")

#endif
