/* Accesses to memory that may not be there. An access instruction has an entry in a table (section ri_fixups) that says
 * where to go on if the host refuses it (SIGSEGV, SIGBUS); the handler does nothing but change the program counter, all
 * other registers are as before the instruction. A fault of any other instruction goes to the handler that was there
 * before. Without the handler these accesses must only be used where they cannot fail.
 *
 * The handler is the process's: only a program that owns the process installs it (the `rille` command). */
#ifndef RI_HOST_FAULT_H
#define RI_HOST_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/base/check.h"

/* Take SIGSEGV and SIGBUS, and give the calling host thread a stack for them. Idempotent. False if this host has no such
 * table, or refuses. */
bool ri_fault_install(void);
bool ri_fault_is_installed(void);

/* Can this compiler and processor do it at all? */
#if defined(__x86_64__) && defined(__linux__) && !defined(RI_MEM_UNCHECKED)
#define RI_HAVE_FIXUPS 1
#else
#define RI_HAVE_FIXUPS 0
#endif

/* Generated code cannot have entries in that table (section ri_fixups). It may have, right before an access, a nop of eight bytes that begins so, which
 * no compiler makes; the other four are the distance from the access to where to go on. */
#define RI_FAULT_MARK "\x0f\x1f\x84\x5d"

#if RI_HAVE_FIXUPS

#define RI_FIXUP_ENTRY(label)                                                                      \
    ".pushsection ri_fixups,\"a\"\n\t.balign 4\n\t.long 1b - .\n\t.long %l[" #label "] - .\n\t.popsection\n"

/* The empty statement after it keeps compilers from moving the output's use above the jump (gcc 113921). */
#define RI_ASM_GOTO_OUTPUT(...)                                                                    \
    do {                                                                                           \
        __asm__ goto(__VA_ARGS__);                                                                 \
        __asm__ volatile("");                                                                      \
    } while (0)

/* bool ri_fault_load_N(base, offset, &out), bool ri_fault_store_N(base, offset, value): false if the host refused; then
 * nothing has been stored. An access across two pages has no effect if one of them refuses: this processor checks both
 * before it writes. */
#define RI_DEFINE_FAULT_ACCESS(bits, load_text, load_type, store_text)                             \
    static RI_ALWAYS_INLINE bool ri_fault_load_##bits(const char *base, uint32_t offset, uint##bits##_t *out) \
    {                                                                                              \
        load_type value;                                                                           \
        RI_ASM_GOTO_OUTPUT("1:\t" load_text "\n\t" RI_FIXUP_ENTRY(refused)                         \
                           : "=r"(value) : "r"(base), "r"((uint64_t)offset) : : refused);          \
        *out = (uint##bits##_t)value;                                                              \
        return true;                                                                               \
    refused:                                                                                       \
        return false;                                                                              \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool ri_fault_store_##bits(char *base, uint32_t offset, uint##bits##_t value) \
    {                                                                                              \
        __asm__ goto("1:\t" store_text "\n\t" RI_FIXUP_ENTRY(refused)                              \
                     : : "r"(value), "r"(base), "r"((uint64_t)offset) : "memory" : refused);       \
        return true;                                                                               \
    refused:                                                                                       \
        return false;                                                                              \
    }

RI_DEFINE_FAULT_ACCESS(8, "movzbl (%1,%2), %0", uint32_t, "movb %b0, (%1,%2)")
RI_DEFINE_FAULT_ACCESS(16, "movzwl (%1,%2), %0", uint32_t, "movw %w0, (%1,%2)")
RI_DEFINE_FAULT_ACCESS(32, "movl (%1,%2), %0", uint32_t, "movl %k0, (%1,%2)")
RI_DEFINE_FAULT_ACCESS(64, "movq (%1,%2), %0", uint64_t, "movq %q0, (%1,%2)")

/* Or generated code calls these. No C functions: rax is the base, rcx the offset, rdx
 * what is stored or, widened by zeros, was loaded. No other registers change; the carry flag says that the host refused. */
extern const char ri_fault_leaf_load_8[], ri_fault_leaf_load_16[], ri_fault_leaf_load_32[], ri_fault_leaf_load_64[];
extern const char ri_fault_leaf_store_8[], ri_fault_leaf_store_16[], ri_fault_leaf_store_32[], ri_fault_leaf_store_64[];

#endif
#endif
