/* A picture of the address spaces of a machine's processes. */
#ifndef RI_TOOLS_MEMORY_MAP_H
#define RI_TOOLS_MEMORY_MAP_H

#include <stdio.h>

struct RiMachine;

/* An SVG file: for each process that has an address space all 4 GiB to scale, then each region with its rights and its pages: which
 * are in memory, written to, swapped out. From the machine's host thread. */
void ri_memory_map_print(const struct RiMachine *machine, FILE *out);

#endif
