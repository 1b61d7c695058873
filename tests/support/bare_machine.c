/* An engine that does nothing: see bare_machine.h. */
#include "tests/support/bare_machine.h"

#include <stdlib.h>

#include "vm/machine/engine.h"
#include "vm/machine/file.h"
#include "vm/machine/space.h"

static void forget_task(RiTask *task)
{
    (void)task;
}

/* What the execution layer does when a process ends. */
static void forget_proc(RiProc *proc)
{
    ri_space_destroy(proc->space);
    proc->space = NULL;
}

static bool stack_made(RiMachine *machine, RiContext *context)
{
    context->owner = machine;
    return true;
}

static void switch_to(RiMachine *machine, RiTask *from, RiTask *to)
{
    (void)machine, (void)from, (void)to;
}

static void interrupt(RiMachine *machine)
{
    (void)machine;
}

static const RiEngine engine = {.interrupt = interrupt,
                                .overdue = interrupt,
                                .forget_task = forget_task,
                                .forget_proc = forget_proc,
                                .stack_made = stack_made,
                                .switch_to = switch_to};

BareMachine bare_machine_open(const RiMachineConfig *config)
{
    BareMachine bare = {.machine = ri_machine_new(&engine, config)};
    bare.proc = bare.machine != NULL ? ri_proc_new(bare.machine, NULL, "test") : NULL;
    if (bare.proc == NULL)
        abort();
    bare.task = bare.proc->main;
    bare.machine->current = bare.task;
    bare.task->state = RI_TASK_RUNNING;
    return bare;
}

void bare_machine_close(BareMachine *bare)
{
    ri_files_destroy(bare->proc);
    bare->machine->current = NULL;
    ri_machine_destroy(bare->machine);
}
