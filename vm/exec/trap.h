/* Traps of Lua code. A library function that meets one does
 *
 *     if (!ri_memory_load(space, type, address, &v, &trap))
 *         return ri_exec_trap(T, &trap);
 *
 * with its arguments in place and nothing done that cannot be done again, and has ri_exec_trap_resume as its `resume`.
 * Without a handler for the trap's signal (signal.handle) it is an error with the trap's message. With one, the handler
 * is called with a table that describes the trap, and its result decides: "retry" carries the function out again, "skip"
 * lets it give 0, nothing raises the error after all. */
#ifndef RI_EXEC_TRAP_H
#define RI_EXEC_TRAP_H

#include "vm/exec/native.h"
#include "vm/machine/trap.h"

/* Lack of memory is the memory error, whatever handlers there are. Collects: yes. Traps: yes. */
RI_MUST_CHECK int32_t ri_exec_trap(RiThread *T, const RiTrap *trap);
int32_t ri_exec_trap_resume(RiThread *T, RiValue *args, uint32_t nargs);
/* Is there a handler for a division of integers by zero, and should it be called? Then what is to be called for `a // b` or
 * `a % b`, with both, as if it were a metamethod; else nil. Collects: no. */
RiValue ri_exec_division_handler(const RiThread *T, bool is_modulo, RiValue a, RiValue b);
/* Raise it as an error, from where it cannot be retried. */
RI_NORETURN void ri_exec_trap_error(RiThread *T, const RiTrap *trap);

#endif
