/* Processes of embedding programs: making, running, stepping, ending, asking. See include/rille.h. */
#include "vm/embed/rille_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib/stream.h"
#include "vm/exec/call.h"
#include "vm/exec/copy.h"
#include "vm/exec/engine.h"
#include "vm/exec/step.h"
#include "vm/host/host.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/object/table.h"

#define MS_NS 1000000u

/* -- What became of it --------------------------------------------------------------------------------------------- */

const char *rille_status_name(rille_status status)
{
    static const char *const names[] = {[RILLE_OK] = "ok",           [RILLE_RUNNING] = "running",
                                        [RILLE_WAITING] = "waiting", [RILLE_ERROR] = "error",
                                        [RILLE_DENIED] = "denied",   [RILLE_MEMORY] = "memory limit",
                                        [RILLE_CPU] = "cpu limit",   [RILLE_FUEL] = "fuel limit",
                                        [RILLE_WALL] = "time limit", [RILLE_OUTPUT] = "output limit",
                                        [RILLE_KILLED] = "killed"};
    return (unsigned)status < RI_COUNTOF(names) ? names[status] : "?";
}

static rille_status status_of_doom(RiDoom doom)
{
    switch (doom) {
    case RI_DOOM_MEMORY:
        return RILLE_MEMORY;
    case RI_DOOM_CPU:
        return RILLE_CPU;
    case RI_DOOM_FUEL:
        return RILLE_FUEL;
    case RI_DOOM_TIME:
        return RILLE_WALL;
    case RI_DOOM_OUTPUT:
        return RILLE_OUTPUT;
    case RI_DOOM_SIGNAL:
        return RILLE_KILLED;
    default:
        return RILLE_ERROR;
    }
}

/* It is a zombie: how did it end? */
static void note_end(rille_process *process)
{
    const RiProc *proc = process->proc;
    rille_result *result = &process->result;
    result->exit_status = proc->exit_status;
    result->message = "";
    if (proc->doom > RI_DOOM_EXIT) {
        result->status = status_of_doom((RiDoom)proc->doom);
        ri_doom_describe(proc, process->message, sizeof process->message);
        result->message = process->message;
    } else if (proc->exit_status == 0) {
        result->status = RILLE_OK;
    } else if (process->report != NULL) {
        result->status = process->denied >= 0 ? RILLE_DENIED : RILLE_ERROR;
        result->message = process->report;
    } else {
        result->status = RILLE_ERROR;
        snprintf(process->message, sizeof process->message, "exit status %d", proc->exit_status);
        result->message = process->message;
    }
}

void ri_rille_update(rille_process *process)
{
    RiProc *proc = process->proc;
    if (proc == NULL || process->is_main || proc->state != RI_PROC_ZOMBIE)
        return;
    note_end(process);
    rille_get_stats(process, &process->stats);
    process->proc = NULL;
    ri_proc_reap(proc);
}

/* Does none of its threads have anything to do? */
static bool is_waiting(const RiProc *proc)
{
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        const RiTask *task = ri_task_of_node(node);
        if (task->state != RI_TASK_BLOCKED || task->held)
            return false;
    }
    return true;
}

rille_result rille_process_result(const rille_process *process)
{
    rille_result result = process->result;
    if (process->proc != NULL) {
        result.status = process->is_started && is_waiting(process->proc) ? RILLE_WAITING : RILLE_RUNNING;
        result.exit_status = 0;
        result.message = "";
    }
    return result;
}

uint32_t rille_pid(const rille_process *process)
{
    return process->pid;
}

void *rille_get_data(const rille_process *process)
{
    return process->data;
}

void rille_set_data(rille_process *process, void *data)
{
    process->data = data;
}

/* -- Making -------------------------------------------------------------------------------------------------------- */

typedef struct Spawn {
    rille_process *process;
    const char *path, *name, *text;
    size_t size;
} Spawn;

static bool set_limit(RiProc *proc, RiLimit limit, uint64_t value)
{
    return value == 0 || ri_proc_set_limit(proc, limit, value) == 0;
}

static void take_limits(RiThread *T, RiProc *proc, const rille_config *config)
{
    bool done =
        set_limit(proc, RI_LIMIT_MEMORY, config->memory_bytes) &&
        set_limit(proc, RI_LIMIT_CPU, config->cpu_ms * MS_NS) &&
        set_limit(proc, RI_LIMIT_TIME, config->wall_ms * MS_NS) && set_limit(proc, RI_LIMIT_FUEL, config->fuel) &&
        set_limit(proc, RI_LIMIT_OUTPUT, config->output_bytes) &&
        set_limit(proc, RI_LIMIT_DESCRIPTORS, config->descriptors) &&
        set_limit(proc, RI_LIMIT_PROCESSES, config->processes) && set_limit(proc, RI_LIMIT_THREADS, config->threads);
    if (!done)
        ri_error_memory(T);
}

static void load(RiThread *T, const Spawn *s)
{
    int status = s->path != NULL ? ri_load_file(T, s->path, NULL) : (int)ri_load(T, s->text, s->size, s->name, "bt");
    if (status != RI_OK)
        ri_throw(T, T->top[-1]);
}

/* The function lies on top of T's stack. */
static void make_process(RiThread *T, void *argument)
{
    Spawn *s = argument;
    rille_process *process = s->process;
    rille_machine *machine = process->owner;
    load(T, s);
    RiProcess *child = ri_process_spawn(T, s->path != NULL ? s->path : s->name);
    if (child == NULL)
        ri_error_no_position(T, "%s", errno == EAGAIN ? "too many processes" : "not enough memory");
    process->proc = child->proc;
    child->proc->handle = process;
    process->pid = child->proc->pid;
    ri_policy_set(child->proc, ri_policy_retain(machine->policy));
    ri_rille_equip(T, machine, child->proc);
    ri_process_prepare(child, ri_nil());
    RiValue f;
    RiString *refusal;
    if (!ri_copy_value_as(T->process, child, T->top[-1], "function", &f, &refusal))
        ri_copy_refuse(T, refusal);
    ri_store(child->main->top - 2, f);
    RiTable *arg = ri_table_new(T->heap, 0, 0);
    ri_table_set_str(T->heap, child->globals, ri_str_from_cstr(T->heap, "arg"), ri_table_value(arg));
    ri_table_set_int(T->heap, arg, 0, ri_string_value(ri_str_from_cstr(T->heap, s->path != NULL ? s->path : s->name)));
    take_limits(T, child->proc, &machine->config);
    ri_proc_hold(child->proc, true);
    T->top--;
}

static void note_error(rille_machine *machine, RiThread *T)
{
    RiString *text = ri_to_string_raw(T, T->error);
    ri_rille_fail(machine, "%s", text != NULL ? ri_str_cstr(T->heap, text) : "an error");
}

static rille_process *spawn(rille_machine *machine, const char *path, const char *name, const char *text, size_t size)
{
    RiThread *T = machine->T;
    machine->error[0] = '\0';
    rille_process *process = calloc(1, sizeof *process);
    if (process == NULL) {
        ri_rille_fail(machine, "not enough memory");
        return NULL;
    }
    process->owner = machine;
    process->denied = -1;
    process->result.message = "";
    process->next = machine->processes;
    machine->processes = process;
    Spawn s = {.process = process, .path = path, .name = name, .text = text, .size = size};
    RiValue *top = T->top;
    if (ri_try(T, make_process, &s) == RI_OK)
        return process;
    T->top = top;
    note_error(machine, T);
    rille_process_free(process);
    return NULL;
}

rille_process *rille_spawn_file(rille_machine *machine, const char *path)
{
    return spawn(machine, path, NULL, NULL, 0);
}

rille_process *rille_spawn_text(rille_machine *machine, const char *name, const char *text, size_t size)
{
    return spawn(machine, NULL, name, text, size);
}

typedef struct Argument {
    rille_process *process;
    const char *text;
} Argument;

static void add_argument(RiThread *T, void *argument)
{
    const Argument *a = argument;
    RiProcess *process = a->process->proc->engine;
    RiValue s = ri_string_value(ri_str_from_cstr(T->heap, a->text));
    ri_stack_reserve(process->main, 1);
    ri_push(process->main, s);
    RiValue arg = ri_table_get_str(process->globals, ri_str_from_cstr(T->heap, "arg"));
    a->process->argument_count++;
    if (ri_is_table(arg))
        ri_table_set_int(T->heap, arg.p, a->process->argument_count, s);
}

bool rille_argument(rille_process *process, const char *text)
{
    Argument a = {process, text};
    if (process->is_started || process->proc == NULL)
        return ri_rille_fail(process->owner, "the process runs already");
    if (ri_try(process->owner->T, add_argument, &a) == RI_OK)
        return true;
    note_error(process->owner, process->owner->T);
    return false;
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

static void start(rille_process *process)
{
    if (process->is_started || process->proc == NULL)
        return;
    process->is_started = true;
    ri_process_start(process->proc->engine, process->argument_count);
}

/* With `step`: only for this; NULL: whatever step there was is over. */
static void hold_family(RiProc *proc, bool hold, RiStep *step)
{
    if (step != NULL)
        ri_step_begin(proc->engine, step);
    else
        ri_step_end(proc->engine);
    ri_proc_hold(proc, hold);
    for (RiNode *node = proc->children.next; node != &proc->children; node = node->next) {
        RiProc *child = ri_proc_of_node(node);
        if (child->state != RI_PROC_ZOMBIE)
            hold_family(child, hold, step);
    }
}

/* All processes, orphans too, or none. */
static void hold_all(rille_machine *machine, bool hold)
{
    RiProc *host = machine->machine->init;
    for (RiNode *node = host->children.next; node != &host->children; node = node->next) {
        RiProc *child = ri_proc_of_node(node);
        if (child->state != RI_PROC_ZOMBIE)
            hold_family(child, hold, NULL);
    }
    machine->all_held = hold;
}

/* Others run: until one of them wakes the program, or (`turns`) until its turn comes. False: nobody ever can. */
static bool let_run(rille_machine *machine, bool waits)
{
    RiTask *task = machine->machine->init->main;
    if (waits && ri_task_wait(task, &machine->machine->init->mailbox, 0, -1, 0) < 0)
        return false;
    ri_sched_switch(machine->machine);
    return !ri_sched_take_deadlock(machine->machine);
}

static bool has_message(const rille_process *process)
{
    const RiProcess *host = process->owner->T->process;
    for (const RiMessage *message = host->first_message; message != NULL; message = message->next) {
        if (message->sender == process->pid)
            return true;
    }
    return false;
}

/* Timers and descriptors are looked at. */
static void look_around(rille_machine *machine)
{
    machine->machine->tick_due = 1;
    (void)ri_sched_tick(machine->machine);
}

static bool has_ended(rille_process *process)
{
    ri_rille_update(process);
    return process->proc == NULL;
}

rille_result rille_run(rille_process *process, rille_until until)
{
    rille_machine *machine = process->owner;
    machine->error[0] = '\0';
    if (process->is_main || process->proc == NULL)
        return rille_process_result(process);
    start(process);
    if (machine->all_held || process->proc->is_held)
        hold_all(machine, false);
    look_around(machine);
    while (!has_ended(process)) {
        if (until == RILLE_UNTIL_MESSAGE && has_message(process))
            break;
        if (until == RILLE_UNTIL_WAITING) {
            look_around(machine);
            if (machine->machine->ready_count == 0)
                break;
        }
        if (!let_run(machine, until != RILLE_UNTIL_WAITING) && !has_ended(process)) {
            ri_rille_fail(machine, "all processes wait for each other");
            break;
        }
    }
    return rille_process_result(process);
}

rille_result rille_step(rille_process *process, uint64_t amount, rille_unit unit)
{
    rille_machine *machine = process->owner;
    RiMachine *m = machine->machine;
    RiStep step = {.fuel = amount};
    machine->error[0] = '\0';
    if (process->is_main || process->proc == NULL)
        return rille_process_result(process);
    if (!machine->all_held)
        hold_all(machine, true);
    if (unit == RILLE_MICROSECONDS)
        step = (RiStep){.fuel = RI_STEP_NO_FUEL, .end_ns = ri_host_monotonic_ns() + amount * 1000};
    start(process);
    hold_family(process->proc, false, &step);
    if (m->timer_count > 0 || m->fd_waiter_count > 0 || m->requested)
        look_around(machine);
    while (m->ready_count > 0 && !has_ended(process) && !step.is_over) {
        ri_sched_switch(m);
        step.is_over |= step.end_ns != 0 && ri_host_monotonic_ns() >= step.end_ns;
    }
    if (!has_ended(process))
        hold_family(process->proc, true, NULL);
    return rille_process_result(process);
}

/* -- Ending -------------------------------------------------------------------------------------------------------- */

void rille_kill(rille_process *process)
{
    process->kill = 1;
    ri_machine_request(process->owner->machine);
}

/* It goes without another step. */
static void end_now(rille_process *process)
{
    RiProc *proc = process->proc;
    if (!process->is_started) {
        process->proc = NULL;
        ri_proc_forget(proc);
        return;
    }
    ri_proc_doom(proc, RI_DOOM_SIGNAL, RI_SIGKILL);
    while (!has_ended(process) && let_run(process->owner, true)) {
    }
}

void rille_process_free(rille_process *process)
{
    if (process == NULL || process->is_main)
        return;
    if (!has_ended(process)) {
        if (!process->owner->all_held)
            hold_all(process->owner, true);
        end_now(process);
    }
    rille_process **link = &process->owner->processes;
    while (*link != process)
        link = &(*link)->next;
    *link = process->next;
    free(process->report);
    free(process->received);
    free(process);
}

/* -- Limits and rights --------------------------------------------------------------------------------------------- */

bool rille_set_limit(rille_process *process, rille_limit limit, uint64_t value)
{
    static const struct {
        RiLimit limit;
        uint32_t scale;
    } rows[] = {
        [RILLE_LIMIT_MEMORY_BYTES] = {RI_LIMIT_MEMORY, 1}, [RILLE_LIMIT_CPU_MS] = {RI_LIMIT_CPU, MS_NS},
        [RILLE_LIMIT_FUEL] = {RI_LIMIT_FUEL, 1},           [RILLE_LIMIT_WALL_MS] = {RI_LIMIT_TIME, MS_NS},
        [RILLE_LIMIT_OUTPUT_BYTES] = {RI_LIMIT_OUTPUT, 1}, [RILLE_LIMIT_DESCRIPTORS] = {RI_LIMIT_DESCRIPTORS, 1},
        [RILLE_LIMIT_PROCESSES] = {RI_LIMIT_PROCESSES, 1}, [RILLE_LIMIT_THREADS] = {RI_LIMIT_THREADS, 1},
        [RILLE_LIMIT_STACK_SLOTS] = {RI_LIMIT_STACK, 1}};
    process->owner->error[0] = '\0';
    if ((unsigned)limit >= RI_COUNTOF(rows))
        return ri_rille_fail(process->owner, "there is no such limit");
    if (process->proc == NULL)
        return ri_rille_fail(process->owner, "the process has ended");
    uint64_t most = RILLE_NO_LIMIT / rows[limit].scale;
    uint64_t amount = value >= most ? RI_NO_LIMIT : value * rows[limit].scale;
    if (ri_proc_set_limit(process->proc, rows[limit].limit, amount) < 0)
        return ri_rille_fail(process->owner, "not enough memory");
    return true;
}

static bool add_word(rille_process *process, const char *prefix, const char *word)
{
    rille_machine *machine = process->owner;
    RiProc *proc = process->proc;
    char option[RI_PATH_SIZE];
    const char *error = "too long";
    machine->error[0] = '\0';
    if (proc == NULL || process->is_started)
        return ri_rille_fail(machine, "the process runs already");
    RiPolicy *policy = proc->policy != NULL ? ri_policy_copy(proc->policy) : ri_policy_new(NULL, false);
    if (policy == NULL)
        return ri_rille_fail(machine, "not enough memory");
    if (snprintf(option, sizeof option, "%s%s", prefix, word) >= (int)sizeof option ||
        ri_policy_parse_option(&policy, option, ri_path_complete, proc, &error) <= 0) {
        ri_policy_release(policy);
        return ri_rille_fail(machine, "%s%.200s: %s", prefix, word, error);
    }
    ri_policy_set(proc, policy);
    return true;
}

bool rille_allow(rille_process *process, const char *word)
{
    return add_word(process, "--allow-", word);
}

bool rille_deny(rille_process *process, const char *word)
{
    return add_word(process, "--deny-", word);
}

void rille_get_stats(const rille_process *process, rille_stats *out)
{
    const RiProc *proc = process->proc;
    *out = process->stats;
    if (proc == NULL)
        return;
    const RiUsage *usage = &proc->usage;
    *out = (rille_stats){
        .cpu_ns = ri_proc_cpu_ns(process->proc),
        .fuel = usage->fuel,
        .output_bytes = usage->output_bytes,
        .system_calls = usage->syscalls,
        .page_faults = usage->faults,
        .switches = usage->switches,
        .preemptions = usage->preemptions,
        .signals = usage->signals,
        .messages_sent = usage->messages_sent,
        .messages_received = usage->messages_received,
    };
    const RiProcess *engine = proc->engine;
    if (engine == NULL)
        return;
    out->memory_bytes = (uint64_t)engine->account.live_bytes + proc->memory_bytes;
    out->collections = engine->account.collections;
    out->collection_ns = engine->account.collect_ns;
}

/* -- Messages ------------------------------------------------------------------------------------------------------ */

typedef struct Sending {
    rille_process *process;
    const rille_value *value;
} Sending;

static void send_value(RiThread *T, void *argument)
{
    const Sending *s = argument;
    RiProcess *to = s->process->proc->engine;
    RiValue copy;
    RiString *refusal;
    ri_push(T, ri_rille_import(T, s->value));
    if (!ri_copy_value(T->process, to, T->top[-1], &copy, &refusal))
        ri_copy_refuse(T, refusal);
    ri_mailbox_put(to, copy, T->process->proc->pid);
    T->top--;
}

bool rille_send(rille_process *process, rille_value value)
{
    rille_machine *machine = process->owner;
    Sending s = {process, &value};
    RiValue *top = machine->T->top;
    machine->error[0] = '\0';
    if (process->proc == NULL || process->proc->engine == NULL)
        return ri_rille_fail(machine, "the process has ended");
    if (ri_try(machine->T, send_value, &s) == RI_OK)
        return true;
    machine->T->top = top;
    note_error(machine, machine->T);
    return false;
}

bool rille_receive(rille_process *process, rille_value *value)
{
    RiThread *T = process->owner->T;
    RiValue v;
    uint32_t from;
    *value = rille_nil();
    if (!ri_mailbox_take(T->process, process->pid, &v, &from))
        return false;
    free(process->received);
    if (!ri_rille_export(T, v, value, &process->received))
        return ri_rille_fail(process->owner, "the message is too large");
    return true;
}
