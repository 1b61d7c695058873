/* Stress modes, for tests: the environment variable RILLE_STRESS holds words out of
 *   gc       collect at every safe point (and, see heap.h, at allocations); gc=N: at every N-th
 *   stack    move the VM stack at every safe point
 *   preempt  let another process of the same heap run at every safe point and every poll of a library loop; it allocates,
 *            grows its stack and now and then collects
 *   break    breakpoints all over the code of all functions; they come and go
 * Programs must behave the same under each. */
#ifndef RI_EXEC_STRESS_H
#define RI_EXEC_STRESS_H

#include "vm/exec/state.h"

enum { RI_STRESS_GC = 1, RI_STRESS_STACK = 2, RI_STRESS_PREEMPT = 4, RI_STRESS_BREAK = 8, RI_STRESS_EVERY_SHIFT = 8 };

/* The modes asked for by the environment. */
uint32_t ri_stress_modes(void);
/* At a safe point of T (`is_poll`: inside a library function, whose frame must not move). Collects: yes. */
void ri_stress(RiThread *T, bool is_poll);
/* RI_STRESS_BREAK, for all processes of the heap of this one, its first. Collects. */
void ri_stress_with_breakpoints(RiProcess *process);

#endif
