/* Making and unmaking a machine. */
#include "vm/machine/machine.h"

#include <stdlib.h>

#include "vm/host/files.h"
#include "vm/machine/device.h"
#include "vm/machine/engine.h"
#include "vm/machine/sched.h"
#include "vm/machine/space.h"

#define PROCESSES_MAX 1000000

RiMachine *ri_machine_new(const RiEngine *engine, const RiMachineConfig *config)
{
    RiMachine *machine = calloc(1, sizeof *machine);
    if (machine == NULL)
        return NULL;
    machine->request_fd = -1;
    machine->engine = engine;
    machine->config = *config;
    if (machine->config.processes_max == 0)
        machine->config.processes_max = PROCESSES_MAX;
    machine->next_pid = machine->next_tid = 1;
    ri_node_init(&machine->alarms);
    ri_sched_init(machine);
    return machine;
}

void ri_machine_destroy(RiMachine *machine)
{
    if (machine == NULL)
        return;
    for (uint32_t i = 0; machine->table != NULL && i <= machine->table_mask; i++) {
        while (machine->table[i] != NULL)
            ri_proc_forget(machine->table[i]);
    }
    free(machine->table);
    ri_devices_destroy(machine);
    ri_memory_destroy(machine);
    ri_sched_destroy(machine);
    if (machine->request_fd >= 0)
        ri_host_fd_close(machine->request_fd);
    free(machine);
}

void ri_machine_on_death(RiMachine *machine, void (*fn)(RiProc *proc))
{
    for (uint32_t i = 0; i < machine->on_death_count; i++) {
        if (machine->on_death[i] == fn)
            return;
    }
    ri_assert(machine->on_death_count < RI_COUNTOF(machine->on_death));
    machine->on_death[machine->on_death_count++] = fn;
}
