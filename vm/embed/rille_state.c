/* rille.h for states of the C API: rille_process_of, and what becomes of a call that a limit has ended. */
#include "vm/embed/rille_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "vm/embed/capi.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"

/* The machine that lua_newstate has made gets the part that rille.h is about when it is first asked for. */
static rille_machine *machine_of(RiProc *proc)
{
    RiMachine *m = proc->machine;
    if (m->owner != NULL || proc != m->init)
        return m->owner;
    rille_machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL)
        return NULL;
    machine->T = ((RiProcess *)proc->engine)->main;
    machine->machine = m;
    m->request_fd = ri_host_notifier();
    m->on_request = ri_rille_serve_requests;
    m->owner = machine;
    return machine;
}

static rille_process *make_handle(rille_machine *machine)
{
    rille_process *process = calloc(1, sizeof *process);
    if (process == NULL)
        return NULL;
    process->owner = machine;
    process->proc = machine->machine->init;
    process->proc->handle = process;
    process->pid = process->proc->pid;
    process->is_main = true;
    process->denied = -1;
    process->result.message = "";
    process->next = machine->processes;
    machine->processes = process;
    return process;
}

rille_process *rille_process_of(lua_State *L)
{
    RiThread *T = ri_thread_of(L);
    RiProc *proc = T->process->proc;
    rille_machine *machine = machine_of(proc);
    if (machine == NULL)
        return NULL;
    rille_process *process = ri_rille_handle(proc);
    return process != NULL || proc != machine->machine->init ? process : make_handle(machine);
}

void ri_rille_forget_state(RiThread *main)
{
    RiMachine *m = main->process->proc->machine;
    rille_machine *machine = m->owner;
    if (machine == NULL)
        return;
    m->owner = NULL;
    m->on_request = NULL;
    free(machine->processes); /* there is one at the most */
    free(machine);
}

int ri_capi_stopped(RiThread *T)
{
    RiProc *proc = T->process->proc;
    char reason[100], text[160];
    ri_doom_describe(proc, reason, sizeof reason);
    snprintf(text, sizeof text, "stopped: %s", reason);
    RiDoom doom = (RiDoom)proc->doom;
    proc->doom = RI_DOOM_NONE; /* the program may go on with it, with other limits */
    proc->doom_signal = 0;
    rille_machine *machine = proc->machine->owner;
    rille_process *process = machine != NULL ? ri_rille_handle(proc) : NULL;
    if (process != NULL)
        process->kill = 0;
    ri_store(T->top - 1, ri_string_value(ri_str_from_cstr(T->heap, text)));
    return doom == RI_DOOM_MEMORY ? LUA_ERRMEM : LUA_ERRRUN;
}
