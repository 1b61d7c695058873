/* Warnings: warn(), and errors in finalizers. */
#ifndef RI_EXEC_WARN_H
#define RI_EXEC_WARN_H

#include "vm/exec/state.h"

/* One piece of a warning to standard error, as Lua's standalone interpreter shows it. `continues`: more pieces follow.
 * A warning of one piece that begins with '@' is a control message: "@on" and "@off" switch warnings.
 * Collects: no. Traps: no. */
void ri_warn(RiProcess *process, const char *message, bool continues);
/* Text, in parts, to the process's standard error: its descriptor 2, if that is none of the host's standard streams; what does
 * not fit there without waiting goes to the host's standard error. Collects: no. Traps: no. */
void ri_process_complain(RiProcess *process, const char *const *parts, size_t count);

#endif
