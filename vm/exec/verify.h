/* What a valid prototype is; every prototype that did not come straight from the compiler passes through here before
 * it runs (and those from the compiler do in checking builds). */
#ifndef RI_EXEC_VERIFY_H
#define RI_EXEC_VERIFY_H

#include "vm/object/func.h"

/* Verify `proto` and, recursively, its nested ones. Returns NULL if all is well, else the broken rule as text (static or
 * in `message`), with *pc set. Checks: operand ranges, jump targets at instruction starts, stack depth equal at joins and
 * within frame_size, open depth produced only by call/vararg and consumed by the very next instruction, constant types
 * (site keys are strings; numeric operands may be anything), upvalue descriptors against the parent, loop state slots
 * written only by their own instructions, cells used only as cells (a slot captured by CLOSURE or used by GETCELL/SETCELL
 * holds a cell on every path), function falls never off its end. */
const char *ri_verify(const RiProto *proto, char message[128], uint32_t *pc);

#endif
