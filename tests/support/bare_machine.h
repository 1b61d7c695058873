/* A machine with one process and nothing that runs in it, for tests of the machine's parts from below. */
#ifndef TESTS_SUPPORT_BARE_MACHINE_H
#define TESTS_SUPPORT_BARE_MACHINE_H

#include "vm/machine/proc.h"

typedef struct BareMachine {
    RiMachine *machine;
    RiProc *proc; /* pid 1 */
    RiTask *task; /* its main thread: RUNNING, and current */
} BareMachine;

BareMachine bare_machine_open(const RiMachineConfig *config);
void bare_machine_close(BareMachine *bare);

#endif
