/* mem.pointer: guest memory for C functions. */
#ifndef RI_STDLIB_MEMPOINTER_H
#define RI_STDLIB_MEMPOINTER_H

#include "vm/exec/native.h"

/* The library function: a cdata, `uint8_t *`, of a range of guest memory, whose pages stay where they are as long as that
 * pointer, or one derived from it, lives. Collects. Traps. */
int32_t ri_mem_pointer(RiThread *T, RiValue *args, uint32_t nargs);

#endif
