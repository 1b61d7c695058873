/* Options of process.spawn that make a policy: allow = {read = {"/data"}, net = true}, deny = {…}, sandbox = true. */
#ifndef RI_STDLIB_POLICY_OPTION_H
#define RI_STDLIB_POLICY_OPTION_H

#include "vm/exec/native.h"

/* Give `child`, which has its parent's policy now, one that is stricter. With `allow` or `sandbox` it has nothing but what
 * `allow` names; each may be nil. Throws for what is no capability. */
void ri_set_policy_options(RiThread *T, RiProc *child, RiValue sandbox, RiValue allow, RiValue deny);

#endif
