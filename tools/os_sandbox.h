/* --os-sandbox: what --sandbox, --allow-…, --deny-… and --mount say is told the host's kernel as well (vm/host/wall.h). */
#ifndef RI_TOOLS_OS_SANDBOX_H
#define RI_TOOLS_OS_SANDBOX_H

#include "tools/tool.h"

/* Raise the wall that the options in tool->argv ask for, before any thread has been started. False, with a message to stderr:
 * there is no such wall on this host, and the program must not run. */
bool ri_os_sandbox_raise(RiTool *tool, struct RiProc *proc);

#endif
