/* Running a process by the spoonful: for so many safe points, or until a time, after which it stands still wherever it
 * is. What embedding programs step guests with (rille_step). */
#ifndef RI_EXEC_STEP_H
#define RI_EXEC_STEP_H

#include "vm/exec/state.h"

#define RI_STEP_NO_FUEL UINT64_MAX /* it is not counted */

/* Count from now on: at most `fuel` safe points, and none after end_ns (monotonic; 0: no end). When either is used up
 * the process is held (ri_proc_hold) and gives way at once. Not to be called while it runs. */
void ri_step_begin(RiProcess *process, uint64_t fuel, uint64_t end_ns);
bool ri_step_is_over(const RiProcess *process);
/* Whatever is left of the step is void. */
void ri_step_end(RiProcess *process);

/* For ri_take_fuel: of `part` safe points that the process wants, how many the step lets it have. */
uint64_t ri_step_take(RiProcess *process, uint64_t part);

#endif
