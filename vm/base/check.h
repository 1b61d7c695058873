/* Assertions and compiler hints. Depends on libc alone. */
#ifndef RI_BASE_CHECK_H
#define RI_BASE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The compiler is to know nothing of the value of a variable that it keeps in a register. */
#define RI_HIDE(variable) __asm__("" : "+r"(variable))
#define RI_LIKELY(x) __builtin_expect(!!(x), 1)
#define RI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RI_NORETURN __attribute__((noreturn))
#define RI_NOINLINE __attribute__((noinline))
#ifdef RI_FUZZERS /* what clang would work on for ten minutes */
#define RI_UNINSTRUMENTED __attribute__((no_sanitize("address", "undefined", "coverage")))
#else
#define RI_UNINSTRUMENTED
#endif
#define RI_COLD __attribute__((noinline, cold))
#define RI_ALWAYS_INLINE inline __attribute__((always_inline))
#define RI_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define RI_MUST_CHECK __attribute__((warn_unused_result))

/* Report a broken invariant of Rille itself and abort. Never used for guest or user errors. */
RI_NORETURN void ri_panic(const char *file, int line, const char *what);
/* There is no memory for something that cannot be done without and cannot be reported to anybody: say so and abort. */
RI_NORETURN void ri_panic_no_memory(const char *what);

/* A cheap invariant, kept in release builds. */
#define ri_assert(cond)                                                                            \
    do {                                                                                           \
        if (RI_UNLIKELY(!(cond)))                                                                  \
            ri_panic(__FILE__, __LINE__, #cond);                                                   \
    } while (0)

/* An expensive invariant, checked in stress and sanitizer builds only. */
#if defined(RI_STRESS) && RI_STRESS
#define ri_debug_assert(cond) ri_assert(cond)
#else
#define ri_debug_assert(cond) ((void)0)
#endif

#define ri_unreachable() ri_panic(__FILE__, __LINE__, "unreachable")

#define RI_COUNTOF(array) (sizeof(array) / sizeof((array)[0]))

#endif
