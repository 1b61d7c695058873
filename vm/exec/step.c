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

void ri_step_begin(RiProcess *process, uint64_t fuel, uint64_t end_ns)
{
    take_back(process);
    process->is_stepped = true;
    process->step_is_over = false;
    process->step_fuel = fuel;
    process->step_end_ns = end_ns;
}

bool ri_step_is_over(const RiProcess *process)
{
    return process->step_is_over;
}

void ri_step_end(RiProcess *process)
{
    take_back(process);
    process->is_stepped = false;
}

uint64_t ri_step_take(RiProcess *process, uint64_t part)
{
    if (process->step_end_ns != 0 && part > STEP_SLICE)
        part = STEP_SLICE;
    if (process->step_fuel != RI_STEP_NO_FUEL) {
        if (part > process->step_fuel)
            part = process->step_fuel;
        process->step_fuel -= part;
    }
    if (part > 0 && (process->step_end_ns == 0 || ri_host_monotonic_ns() < process->step_end_ns))
        return part;
    process->step_is_over = true;
    ri_proc_hold(process->proc, true);
    process->proc->machine->gives_way = true;
    return 0;
}
