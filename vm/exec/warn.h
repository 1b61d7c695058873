/* Warnings: warn(), and errors in finalizers. */
#ifndef RI_EXEC_WARN_H
#define RI_EXEC_WARN_H

#include "vm/exec/state.h"

/* One piece of a warning to standard error, as Lua's standalone interpreter shows it. `continues`: more pieces follow.
 * A warning of one piece that begins with '@' is a control message: "@on" and "@off" switch warnings.
 * Collects: no. Traps: no. */
void ri_warn(RiProcess *process, const char *message, bool continues);

#endif
