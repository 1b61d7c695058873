/* Sub-commands that are written in Lua: tools/lua/NAME.lua, listed in scripts.def.
 *
 * Such a script runs as the first process of a machine, with all libraries. It gets a table `tool` and the words of the command
 * line after its name. `tool` has
 *   name                        of the command, for messages
 *   columns([fd])               of the terminal at a descriptor (1); nil if it is none
 *   executable()                path of the program that runs
 *   source(name)                the text of another script of scripts.def
 *   make_executable(path)       true, or nil and a message
 *   hash(bytes)                 that of a bundle's trailer
 *   complain(what [, word])     say that the command line is not understood; returns 2, the exit status
 * It ends with process.exit(status), or returns for 0. */
#ifndef RI_TOOLS_SCRIPT_H
#define RI_TOOLS_SCRIPT_H

#include "tools/tool.h"

/* Run the script `name` for the sub-command of the same name. Options of the JIT before the first word that is none take
 * effect, and are not passed on. Returns the exit status. */
int ri_script_run(RiTool *tool, const char *name, int first);

#endif
