/* Running a process by the spoonful: for so many safe points, or until a time, after which it stands still wherever it is.
 * What embedding programs step guests with (rille_step). A process and those that it makes share a step. */
#ifndef RI_EXEC_STEP_H
#define RI_EXEC_STEP_H

#include "vm/exec/state.h"

#define RI_STEP_NO_FUEL UINT64_MAX /* it is not counted */

typedef struct RiStep {
    uint64_t fuel;   /* safe points that are left; or RI_STEP_NO_FUEL */
    uint64_t end_ns; /* when it is over (monotonic); 0: by the fuel alone */
    bool is_over;
} RiStep;

/* Let a process, and those that it makes from now on, run for what the step has left. When that is used up each is held
 * (ri_proc_hold) at its next look, and gives way. Not to be called while it runs; the step must stay until ri_step_end. */
void ri_step_begin(RiProcess *process, RiStep *step);
/* Whatever is left of the step is void. No effect if there is none. */
void ri_step_end(RiProcess *process);

/* For ri_take_fuel: of `part` safe points that the process wants, how many the step lets it have. */
uint64_t ri_step_take(RiProcess *process, uint64_t part);

#endif
