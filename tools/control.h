/* The control socket of a machine, `--control SOCKET`: who lives there, and signals to them. doc/tools.md describes its protocol:
 * requests and answers are JSON, one a line. Requests are carried out where the machine looks for the embedding program's,
 * at safe points and while it waits; a slow client costs the guests nothing. */
#ifndef RI_TOOLS_CONTROL_H
#define RI_TOOLS_CONTROL_H

#include "tools/tool.h"

/* Is argv[*i] --control? 1: yes, with *i at its last word; 0: no; -1: it is, but has no value. */
int ri_control_take_option(RiTool *tool, char **argv, int *i);
void ri_control_skip_option(char **argv, int *i);

/* Serve the machine of a tool that was given --control, until ri_control_stop. False: a message has been printed. */
bool ri_control_start(RiTool *tool, struct RiMachine *machine);
void ri_control_stop(RiTool *tool);

#endif
