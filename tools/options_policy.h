/* The options that say what a program may do and which files it sees: --sandbox, --allow-…, --deny-…, --mount. */
#ifndef RI_TOOLS_OPTIONS_POLICY_H
#define RI_TOOLS_OPTIONS_POLICY_H

#include "vm/machine/proc.h"

/* Is argv[*i] one of these? 1: yes, with *i at its last word; 0: no; -1: it is, but wrong. Nothing is done yet. */
int ri_policy_take_option(char **argv, int *i);
/* Do what argv[first … limit - 1] say of this: mounts first, then the policy. False: *bad is the word that cannot be had,
 * *error says why. Words of other options are passed over. */
bool ri_policy_apply_options(RiProc *proc, char **argv, int first, int limit, const char **bad, const char **error);

/* The mounts alone, and the policy without giving it to `proc`: *policy, the caller's, NULL if there is no option of it. */
bool ri_policy_mount_options(RiProc *proc, char **argv, int first, int limit, const char **bad, const char **error);
bool ri_policy_of_options(RiProc *proc, char **argv, int first, int limit, struct RiPolicy **policy, const char **bad,
                          const char **error);

#endif
