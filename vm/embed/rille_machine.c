/* Machines of embedding programs: configuration, life, errors. See include/rille.h. */
#include "vm/embed/rille_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/jit.h"
#include "vm/embed/open.h"
#include "vm/exec/call.h"
#include "vm/exec/step.h"
#include "vm/host/fault.h"
#include "vm/host/host.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/space.h"

static __thread char config_error[512];

const char *rille_config_error(void)
{
    return config_error;
}

const char *rille_version(void)
{
    return PACKAGE_VERSION;
}

const char *rille_error(const rille_machine *machine)
{
    return machine->error;
}

bool ri_rille_fail(rille_machine *machine, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(machine->error, sizeof machine->error, format, arguments);
    va_end(arguments);
    return false;
}

/* -- What the machine tells about its processes -------------------------------------------------------------------- */

rille_process *ri_rille_handle(const RiProc *proc)
{
    while (proc != NULL && proc->handle == NULL)
        proc = proc->parent;
    return proc != NULL ? proc->handle : NULL;
}

void ri_rille_serve_requests(RiMachine *m)
{
    const rille_machine *machine = m->owner;
    for (rille_process *process = machine->processes; process != NULL; process = process->next) {
        if (process->kill && process->proc != NULL)
            ri_proc_doom(process->proc, RI_DOOM_SIGNAL, RI_SIGKILL);
    }
}

static void equip(RiThread *T, void *argument)
{
    RiProc *proc = argument;
    ri_rille_equip(T, proc->machine->owner, proc);
}

/* Children of guests; those of the program itself are equipped when they have a handle. */
static void on_process(RiProc *proc)
{
    rille_machine *machine = proc->machine->owner;
    if (proc->parent != machine->T->process->proc)
        (void)ri_try(machine->T->heap->running, equip, proc);
}

/* Whose handle the program has: the message is in its result. */
static bool on_report(RiProc *proc, const char *text)
{
    rille_process *process = ri_rille_handle(proc);
    if (process == NULL || process->proc != proc)
        return false;
    free(process->report);
    process->report = strdup(text);
    process->denied = (int16_t)ri_denied(proc);
    return true;
}

/* Who waits in rille_run is told of every death. What a process leaves behind while it is stepped stands still. */
static void on_death(RiProc *proc)
{
    RiProc *host = proc->machine->init;
    const rille_machine *machine = proc->machine->owner;
    if (host != NULL)
        ri_wake(proc->machine, &host->mailbox, UINT32_MAX);
    if (machine == NULL || !machine->all_held)
        return;
    for (RiNode *node = proc->children.next; node != &proc->children; node = node->next) {
        RiProc *child = ri_proc_of_node(node);
        if (child->engine == NULL || child->state == RI_PROC_ZOMBIE)
            continue;
        ri_step_end(child->engine);
        ri_proc_hold(child, true);
    }
}

/* -- Configuration ------------------------------------------------------------------------------------------------- */

/* A word of a list as an option: "read=/data" → "--allow-read=/data". */
static bool add_words(RiPolicy **policy, const char *prefix, const char *const *words)
{
    for (; words != NULL && *words != NULL; words++) {
        char option[RI_PATH_SIZE];
        const char *error = NULL;
        if (snprintf(option, sizeof option, "%s%s", prefix, *words) >= (int)sizeof option ||
            ri_policy_parse_option(policy, option, ri_path_complete, NULL, &error) <= 0) {
            snprintf(config_error, sizeof config_error, "%s%.200s: %s", prefix, *words,
                     error != NULL ? error : "too long");
            return false;
        }
    }
    return true;
}

static bool make_policy(rille_machine *machine, const rille_config *config)
{
    machine->policy = ri_policy_new(NULL, false);
    if (machine->policy == NULL) {
        snprintf(config_error, sizeof config_error, "not enough memory");
        return false;
    }
    const char *error;
    if (!config->allow_all && ri_policy_parse_option(&machine->policy, "--sandbox", NULL, NULL, &error) < 0)
        return false;
    return add_words(&machine->policy, "--allow-", config->allow) &&
           add_words(&machine->policy, "--deny-", config->deny);
}

static bool add_mounts(const rille_machine *machine, const rille_config *config)
{
    for (const char *const *word = config->mounts; word != NULL && *word != NULL; word++) {
        const char *error = NULL;
        if (ri_mount_parse(machine->machine, *word, &error) < 0) {
            snprintf(config_error, sizeof config_error, "mount %.200s: %s", *word, error);
            return false;
        }
    }
    return true;
}

static bool open_machine(rille_machine *machine, const rille_config *config)
{
    RiMachineConfig base = {
        .frames_max = (config->frames_bytes + 4095) / 4096, .swap_path = config->swap_path, .mmu = RI_MMU_SOFT};
    if (config->host_mmu && ri_fault_install())
        base.mmu = RI_MMU_HOST;
    machine->T = ri_open_machine(&base);
    if (machine->T == NULL) {
        snprintf(config_error, sizeof config_error, "not enough memory");
        return false;
    }
    RiMachine *m = machine->machine = machine->T->process->proc->machine;
    m->owner = machine;
    m->request_fd = ri_host_notifier();
    m->on_request = ri_rille_serve_requests;
    m->on_process = on_process;
    m->on_report = on_report;
    m->open_device = ri_rille_open_device;
    ri_machine_on_death(m, on_death);
    m->init->priority = m->init->main->level = RI_LEVELS - 1; /* guests first */
    if (!config->no_jit)
        ri_jit_open(machine->T->heap, &(RiJitOptions){0});
    return true;
}

static void open_libraries(RiThread *T, void *unused)
{
    (void)unused;
    ri_open_libraries(T);
}

rille_machine *rille_machine_new(const rille_config *config)
{
    config_error[0] = '\0';
    rille_machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL) {
        snprintf(config_error, sizeof config_error, "not enough memory");
        return NULL;
    }
    machine->config = *config;
    bool done = open_machine(machine, config) && make_policy(machine, config) && add_mounts(machine, config);
    if (done && ri_try(machine->T, open_libraries, NULL) != RI_OK) {
        snprintf(config_error, sizeof config_error, "not enough memory");
        done = false;
    }
    if (!done) {
        rille_machine_free(machine);
        return NULL;
    }
    return machine;
}

void rille_machine_free(rille_machine *machine)
{
    if (machine == NULL)
        return;
    while (machine->processes != NULL)
        rille_process_free(machine->processes);
    if (machine->T != NULL)
        ri_close(machine->T);
    ri_policy_release(machine->policy);
    for (uint32_t i = 0; i < machine->call_count; i++)
        free(machine->calls[i]);
    for (uint32_t i = 0; i < machine->device_count; i++)
        free((char *)(uintptr_t)machine->devices[i].name);
    free(machine);
}
