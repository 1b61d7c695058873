/* The options that limit what a program may use: --mem 32M, --cpu 300ms, --fuel N … (limits.def); and those that make the
 * machine: --frames 4M, --swap FILE, --mmu soft. */
#ifndef RI_TOOLS_LIMITS_H
#define RI_TOOLS_LIMITS_H

#include "vm/machine/proc.h"

typedef struct RiLimits {
    uint64_t values[RI_LIMIT_COUNT]; /* 0: not given */
    RiMachineConfig machine;
} RiLimits;

/* An option at argv[*i], its value behind '=' or in the next word, which *i is moved to. 1: taken; 0: it is no such option;
 * -1: it is, but its value is missing or no amount. */
int ri_limits_take_option(RiLimits *limits, char **argv, int *i);
/* Only move *i past the value of the long option there, if it has one in the next word. */
void ri_limits_skip_option(char **argv, int *i);
/* What the value of such an option is to be like, for a message; NULL: it is none. */
const char *ri_limits_expected(const char *word);
/* False if memory is short. */
bool ri_limits_apply(const RiLimits *limits, RiProc *proc);

#endif
