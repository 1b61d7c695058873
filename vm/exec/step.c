/* Stepping: see step.h. While a process is stepped its safe points are counted, as they are with a limit of fuel; a
 * step by the clock looks at it whenever a part of them has been used. */
#include "vm/exec/step.h"

#include "vm/exec/engine.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"

#define STEP_SLICE 64 /* safe points between two looks at the clock */

/* Tasks come back for more at their first safe point. What they had been given of a limit of fuel goes back to it. */
static void take_back(RiProcess *process)
{
    bool is_limited = process->proc->limits[RI_LIMIT_FUEL] != RI_NO_LIMIT;
    for (RiNode *node = process->proc->tasks.next; node != &process->proc->tasks; node = node->next) {
        RiExecTask *x = ri_task_of_node(node)->engine;
        if (x == NULL)
            continue;
        if (is_limited && x->budget > 0)
            process->fuel_left += (uint64_t)x->budget;
        x->budget = 0;
    }
}

void ri_step_begin(RiProcess *process, RiStep *step)
{
    take_back(process);
    process->step = step;
}

void ri_step_end(RiProcess *process)
{
    if (process->step == NULL)
        return;
    take_back(process);
    process->step = NULL;
}

uint64_t ri_step_take(RiProcess *process, uint64_t part)
{
    RiStep *step = process->step;
    if (step->end_ns != 0 && part > STEP_SLICE)
        part = STEP_SLICE;
    if (step->fuel != RI_STEP_NO_FUEL) {
        if (part > step->fuel)
            part = step->fuel;
        step->fuel -= part;
    }
    if (part > 0 && (step->end_ns == 0 || ri_host_monotonic_ns() < step->end_ns))
        return part;
    step->is_over = true;
    ri_proc_hold(process->proc, true);
    process->proc->machine->gives_way = true;
    return 0;
}
