/* The engine: how the machine's tasks run Lua. */
#include "vm/exec/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/chunk.h"
#include "vm/exec/hooks.h"
#include "vm/exec/step.h"
#include "vm/exec/traceback.h"
#include "vm/exec/warn.h"
#include "vm/machine/device.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/space.h"

#define CHILD_STACK_SLOTS 48
#define MAILBOX_MAX 65536 /* messages, … */
#define MAILBOX_BYTES_MAX ((uint64_t)16 << 20) /* … and what they take, before the last one: who sends more waits */
#define FUEL_SLICE 256 /* safe points between two looks, where none may be lost */

static RiHeap *heap_of(const RiMachine *machine)
{
    return machine->engine_data;
}

/* -- The bottom of stacks ---------------------------------------------------------------------------------------- */

/* What lies at the bottom of a process's first stack: xpcall(f, a handler, …); of other threads', whose errors are for
 * whoever joins them: pcall(f, …). */
static const RiLibFn body_fn = {
    .name = "?", .call = ri_lib_xpcall, .resume = ri_lib_xpcall_resume, .flags = RI_LIBFN_CATCHES | RI_LIBFN_HANDLER};
static const RiLibFn thread_body_fn = {
    .name = "?", .call = ri_lib_pcall, .resume = ri_lib_pcall_resume, .flags = RI_LIBFN_CATCHES};

/* -- Limits -------------------------------------------------------------------------------------------------------- */

/* What the limits of the running process mean for the heap. */
static void set_heap_modes(RiHeap *heap, const RiProc *proc)
{
    const RiProcess *process = proc->engine;
    heap->exact_budget = proc->limits[RI_LIMIT_FUEL] != RI_NO_LIMIT || process->step != NULL;
    heap->stoppable = proc->limits[RI_LIMIT_CPU] != RI_NO_LIMIT || proc->limits[RI_LIMIT_TIME] != RI_NO_LIMIT;
    heap->stop_collection = 0;
}

/* The first process answers for all, as they are its descendants. */
static void set_memory_limit(RiProcess *process, int64_t limit)
{
    ri_account_set_limit(&process->account, limit);
    if (process->proc == process->proc->machine->init)
        ri_heap_set_group_limit(process->heap, limit == RI_NO_MEMORY_LIMIT ? 0 : limit);
}

static void limit_changed(RiProc *proc, RiLimit limit)
{
    RiProcess *process = proc->engine;
    uint64_t value = proc->limits[limit];
    if (process == NULL)
        return;
    if (limit == RI_LIMIT_MEMORY)
        set_memory_limit(process, value > INT64_MAX ? RI_NO_MEMORY_LIMIT : (int64_t)value);
    else if (limit == RI_LIMIT_FUEL)
        process->fuel_left = value;
    else if (limit == RI_LIMIT_STACK && value <= RI_STACK_SLOTS_MAX)
        process->stack_slots_max = (uint32_t)value;
    const RiTask *task = proc->machine->current;
    if (task != NULL && task->proc == proc) {
        set_heap_modes(process->heap, proc);
        process->heap->budget = 0; /* from the next safe point on */
    }
}

/* -- Running ----------------------------------------------------------------------------------------------------- */

bool ri_is_memory_limit(const RiThread *T, RiValue error)
{
    const RiProcess *process = T->process;
    return process->proc->limits[RI_LIMIT_MEMORY] != RI_NO_LIMIT && ri_is_string(error) && error.p == process->memory_message;
}

static void flush_streams(RiThread *T, void *argument)
{
    (void)argument;
    if (T->process->hooks->files_end != NULL)
        T->process->hooks->files_end(T);
}

/* Do what may lack memory, where no one would catch that: once more, if need be, with the reserve that the first excess opens.
 * False: in vain. */
static bool try_twice(RiThread *T, void (*fn)(RiThread *T, void *argument), void *argument)
{
    return ri_try(T, fn, argument) == RI_OK || ri_try(T, fn, argument) == RI_OK;
}

static void tell_error(RiThread *T, void *argument)
{
    RiTask *task = argument;
    RiValue error = T->top[-1];
    RiString *string = ri_to_string_raw(T, error);
    const char *text = string != NULL ? ri_str_cstr(T->heap, string) : "(error object)";
    RiMachine *machine = task->proc->machine;
    if (machine->on_report != NULL && machine->on_report(task->proc, text))
        return;
    char number[32];
    snprintf(number, sizeof number, "rille: [%u] ", task->proc->pid);
    const char *parts[] = {number, text, "\n"};
    ri_process_complain(T->process, parts, RI_COUNTOF(parts));
}

/* Report an error nobody caught, after what the program has written. */
static void report(RiTask *task, RiThread *T)
{
    ri_try(T, flush_streams, NULL);
    (void)try_twice(T, tell_error, task);
}

/* The outermost call has returned: its results lie on top, a boolean first. */
static void note_results(RiTask *task, RiThread *T)
{
    RiExecTask *x = task->engine;
    uint32_t count = T->lib_nargs;
    const RiValue *first = T->top - count;
    x->ok = count > 0 && first[0].tag == RI_TAG_TRUE;
    x->result_count = count;
    if (x->ok || task->proc->main != task)
        return;
    if (ri_is_memory_limit(T, T->top[-1]))
        ri_proc_doom(task->proc, RI_DOOM_MEMORY, 0);
    else
        report(task, T);
}

/* For whoever joins this thread: what it returned, or false and the error; nothing if x->result_count is 0. */
static void keep_results(RiThread *T, void *argument)
{
    RiTask *task = argument;
    const RiExecTask *x = task->engine;
    RiTable *results = ri_table_new(T->heap, 4, 0);
    for (uint32_t i = 0; i < x->result_count; i++)
        ri_table_set_int(T->heap, results, (int64_t)i + 1, T->top[(int32_t)i - (int32_t)x->result_count]);
    ri_table_set_int(T->heap, results, 0, ri_int(x->result_count));
    if (!task->detached)
        ri_table_set_int(T->heap, T->process->threads, task->tid, ri_table_value(results));
}

void ri_process_take_limits(RiProc *proc)
{
    for (int i = 0; i < RI_LIMIT_COUNT; i++)
        limit_changed(proc, (RiLimit)i);
}

/* exec: what the process was goes, its code having been left. False: it is to become nothing else. */
static bool become(RiTask *task)
{
    RiExecTask *x = task->engine;
    RiProc *proc = task->proc;
    RiProcess *old = proc->engine, *next = x->next;
    if (next == NULL || proc->doom != RI_DOOM_NONE)
        return false;
    old->killed = true;
    ri_process_close(old);
    ri_space_destroy(proc->space); /* the new program begins with an empty one */
    x->next = NULL;
    proc->engine = next;
    proc->main = task;
    next->proc = proc;
    ri_heap_switch(next->heap, &next->account);
    ri_account_close(&old->account);
    (void)ri_account_charge(&next->account, (int64_t)proc->memory_bytes); /* rings of pipes, segments: the limit comes later */
    old->proc = NULL;
    ri_devices_forget(proc);
    ri_process_take_limits(proc);
    for (uint32_t number = 1; number < RI_SIGNAL_COUNT; number++) {
        if (ri_signal_action(proc, number) == RI_SIGNAL_HANDLED)
            proc->actions[number] = RI_SIGNAL_DEFAULT;
    }
    x->first = x->running = next->heap->running = next->main;
    x->started = false;
    next->stats = old->stats;
    next->step = old->step;
    if (proc->machine->on_process != NULL)
        proc->machine->on_process(proc);
    return true;
}

RiThread *ri_process_become(RiThread *T, uint32_t *nargs)
{
    RiTask *task = T->process->proc->machine->current;
    RiExecTask *x = task->engine;
    if (!become(task))
        return NULL;
    x->started = true;
    *nargs = x->nargs;
    return x->first;
}

static RiRunResult run(RiTask *task)
{
    RiExecTask *x = task->engine;
    RiCallStatus status;
    do {
        status = RI_KILLED;
        if (task->proc->doom == RI_DOOM_NONE && !task->cancelled) {
            RiValue *function = NULL;
            if (!x->started) {
                x->started = true;
                function = x->first->top - x->nargs - 2;
            }
            status = ri_run_task(x->first, function, x->nargs);
            if (status == RI_YIELD)
                return RI_RUN_PARKED;
        }
    } while (status == RI_KILLED && become(task));
    RiProcess *process = task->proc->engine;
    if (status == RI_OK)
        note_results(task, x->first);
    bool exits = task->proc->doom <= RI_DOOM_EXIT;
    if (task->proc->task_count == 1) {
        process->killed = !exits;
        task->proc->doom = exits ? RI_DOOM_NONE : task->proc->doom; /* closing is allowed to run code */
        ri_process_close(process);
    } else {
        x->result_count = status == RI_OK ? x->result_count : 0;
        if (!try_twice(x->first, keep_results, task))
            ri_proc_doom(task->proc, RI_DOOM_MEMORY, 0);
    }
    int32_t exit_status = status == RI_OK && exits ? (x->ok ? 0 : 1) : task->proc->exit_status;
    ri_task_finish(task, exit_status);
    return RI_RUN_EXITED;
}

/* -- Switching --------------------------------------------------------------------------------------------------- */

static void save_task(RiHeap *heap, RiTask *task)
{
    RiExecTask *x = task->engine;
    RiProcess *process = task->proc->engine;
    x->running = heap->running;
    x->jumps = process->jumps;
    x->c_depth = process->c_depth;
    x->budget = heap->budget;
    x->native_sp = heap->native_sp;
    x->native_limit = heap->native_limit;
    heap->native_parked += x->native_sp != NULL;
}

static void restore(RiHeap *heap, RiTask *task)
{
    RiExecTask *x = task->engine;
    RiProcess *process = task->proc->engine;
    if (heap->account != &process->account)
        ri_heap_switch(heap, &process->account);
    heap->running = x->running;
    process->jumps = x->jumps;
    process->c_depth = x->c_depth;
    heap->native_sp = x->native_sp;
    heap->native_limit = x->native_limit;
    heap->native_parked -= x->native_sp != NULL;
    x->native_sp = NULL;
    set_heap_modes(heap, task->proc);
    heap->budget = heap->exact_budget ? x->budget : RI_BUDGET_SLICE;
    if (task->proc->doom != RI_DOOM_NONE || ri_signal_is_due(task))
        ri_heap_attend(heap);
    if (task->proc->machine->tick_due && !heap->exact_budget)
        heap->budget = 0; /* who ran before was faster than the ticker's word */
}

static void switch_to(RiMachine *machine, RiTask *from, RiTask *to)
{
    RiHeap *heap = heap_of(machine);
    if (from == to)
        return;
    if (from != NULL && from->engine != NULL)
        save_task(heap, from);
    restore(heap, to);
}

/* From another host thread, or a signal handler. */
static void interrupt(RiMachine *machine)
{
    RiHeap *heap = heap_of(machine);
    if (!heap->exact_budget)
        heap->budget = 0;
}

static void overdue(RiMachine *machine)
{
    heap_of(machine)->stop_collection = 1; /* until the safe point that ends the process */
}

static void forget_task(RiTask *task)
{
    RiExecTask *x = task->engine;
    RiProcess *process = task->proc->engine;
    if (process != NULL && process->threads != NULL && x != NULL &&
        ri_table_get_int(process->threads, task->tid).tag == RI_TAG_THREAD)
        ri_table_set_int(process->heap, process->threads, task->tid, ri_nil());
    if (x != NULL)
        free(x->exec_text);
    free(x);
    task->engine = NULL;
}

/* A word somewhere on a native stack may go on pointing to the process or its main thread: it shall not keep alive all that
 * they had, least of all at the expense of others. */
static void let_go(RiProcess *process)
{
    RiThread *main = process->main;
    if (process->globals != NULL)
        ri_table_abandon(process->globals); /* functions know it */
    process->first_message = process->last_message = NULL;
    process->registry = process->globals = process->signal_handlers = process->threads = NULL;
    process->io = process->io_holder = process->slot_answers = process->patterns = process->ffi = NULL;
    memset(process->metatables, 0, sizeof process->metatables);
    main->base = main->top = main->stack;
    main->resumer = NULL;
    main->tbc = NULL;
    main->tbc_count = 0;
    ri_set_nil(&main->error);
    ri_set_nil(&main->hook);
}

static void forget_proc(RiProc *proc)
{
    RiProcess *process = proc->engine;
    if (process == NULL)
        return;
    let_go(process);
    ri_account_close(&process->account);
    process->proc = NULL;
    ri_wake(proc->machine, &process->message_count, UINT32_MAX); /* who waits for room in its mailbox waits in vain */
}

/* -- Native stacks, for the collector ------------------------------------------------------------------------------ */

static void add_stack(RiHeap *heap, void *stack)
{
    ri_heap_add_stack(heap, stack);
}

static bool stack_made(RiMachine *machine, RiContext *context)
{
    RiNativeStack *stack = calloc(1, sizeof *stack);
    if (stack == NULL)
        return false;
    if (context != &machine->host) { /* of the host's own stack libgc knows the bounds */
        stack->low = context->stack;
        stack->high = context->end;
    }
    RiHeap *heap = heap_of(machine);
    void (*on_no_memory)(RiHeap *) = heap->on_no_memory;
    bool done = ri_heap_try(heap, add_stack, stack); /* nobody could catch what it throws */
    heap->on_no_memory = on_no_memory;
    if (!done) {
        free(stack);
        return false;
    }
    context->owner = stack;
    return true;
}

static void stack_gone(RiMachine *machine, RiContext *context)
{
    ri_heap_remove_stack(heap_of(machine), context->owner);
    free(context->owner);
    context->owner = NULL;
}

static void stack_switch(RiMachine *machine, RiContext *from, RiTask *task, void *low, RiContext *to)
{
    RiNativeStack *left = from->owner, *entered = to->owner;
    left->sp = task != NULL ? low : NULL;
    left->account = task != NULL ? &((RiProcess *)task->proc->engine)->account : NULL;
    ri_heap_set_stack(heap_of(machine), entered);
    entered->sp = NULL;
}

/* Pages count together with the objects. */
static int charge(RiProc *proc, int64_t bytes)
{
    RiProcess *process = proc->engine;
    if (process != NULL && !ri_account_charge(&process->account, bytes))
        return -ENOMEM;
    proc->memory_bytes += (uint64_t)bytes;
    return 0;
}

/* -- The program's image ------------------------------------------------------------------------------------------- */

typedef struct Saving {
    const RiProto *program;
    bool (*take)(void *context, const void *bytes, size_t size);
    void *context;
    bool taken;
} Saving;

static void save(RiThread *T, void *argument)
{
    Saving *saving = argument;
    RiString *chunk = ri_chunk_dump(T->heap, saving->program, false);
    saving->taken = saving->take(saving->context, ri_str_data(chunk), chunk->size);
}

static bool save_program(RiProc *proc, bool (*take)(void *context, const void *bytes, size_t size), void *context)
{
    RiProcess *process = proc->engine;
    Saving saving = {.program = process->program, .take = take, .context = context};
    return ri_try(process->heap->running, save, &saving) == RI_OK && saving.taken;
}

static const void *program_of(RiProc *proc)
{
    const RiProcess *process = proc->engine;
    return process != NULL ? process->program : NULL;
}

static const RiEngine engine = {
    .charge = charge,
    .program = program_of,
    .save_program = save_program,
    .run = run,
    .switch_to = switch_to,
    .interrupt = interrupt,
    .overdue = overdue,
    .stack_made = stack_made,
    .stack_gone = stack_gone,
    .stack_switch = stack_switch,
    .limit_changed = limit_changed,
    .forget_task = forget_task,
    .forget_proc = forget_proc,
};

/* -- Safe points ------------------------------------------------------------------------------------------------- */

void ri_check_doom(RiThread *T)
{
    const RiTask *task = ri_current_task(T);
    if (RI_UNLIKELY(task->proc->doom != RI_DOOM_NONE || task->cancelled))
        ri_throw_status(T, RI_KILLED, ri_nil());
}

void ri_check_limits(RiThread *T)
{
    ri_sched_check_limits(T->process->proc->machine);
    ri_check_doom(T);
}

bool ri_can_park(const RiThread *T)
{
    const RiTask *task = ri_current_task(T);
    const RiJump *jump = T->process->jumps;
    return !task->is_host && jump != NULL && jump->previous == NULL && !jump->catches;
}

void ri_park(RiThread *T, bool in_library)
{
    RiExecTask *x = ri_exec_task(T);
    x->parked = true;
    x->resumes_library = in_library;
}

int32_t ri_take_fuel(RiProcess *process)
{
    bool is_limited = process->proc->limits[RI_LIMIT_FUEL] != RI_NO_LIMIT;
    uint64_t part = is_limited && process->fuel_left < FUEL_SLICE ? process->fuel_left : FUEL_SLICE;
    if (part == 0)
        ri_proc_doom(process->proc, RI_DOOM_FUEL, 0);
    else if (RI_UNLIKELY(process->step != NULL))
        part = ri_step_take(process, part);
    if (is_limited)
        process->fuel_left -= part;
    process->proc->usage.fuel += part;
    return (int32_t)part;
}

/* What may have come while the task did not run. */
static void check_arrivals(RiThread *T, bool is_poll)
{
    RiProcess *process = T->process;
    RiTask *task = process->proc->machine->current;
    ri_check_doom(T);
    if (process->interrupt)
        ri_serve_interrupt(T);
    if (!ri_signal_is_due(task))
        return;
    if (is_poll) /* C code is in the middle of something: at the next safe point */
        ri_heap_attend(T->heap);
    else
        ri_run_signal_handlers(T);
}

void ri_task_resumes(RiThread *T)
{
    check_arrivals(T, false);
}

bool ri_machine_is_waiting(const RiThread *T)
{
    return T->process->proc != NULL && T->process->proc->machine->current->state != RI_TASK_RUNNING;
}

bool ri_machine_safe_point(RiThread *T, bool is_poll)
{
    RiMachine *machine = T->process->proc->machine;
    RiTask *task = machine->current;
    bool gives_way = ri_sched_tick(machine);
    T->heap->stop_collection = 0;
    if (task->state == RI_TASK_RUNNING && !gives_way && task->proc->state == RI_PROC_ALIVE) {
        check_arrivals(T, is_poll);
        return false;
    }
    ri_check_doom(T);
    if (!is_poll && ri_can_park(T)) {
        ri_park(T, false);
        return true;
    }
    if (is_poll)
        ri_sched_switch_alone(machine);
    else
        ri_sched_switch(machine);
    check_arrivals(T, is_poll);
    return false;
}

void ri_process_exit(RiThread *T, int32_t status)
{
    ri_proc_doom(T->process->proc, RI_DOOM_EXIT, status);
    ri_throw_status(T, RI_KILLED, ri_nil());
}

/* The heap refuses to give this process any more. */
static void end_for_memory(RiHeap *heap)
{
    RiThread *T = heap->running;
    ri_proc_doom(T->process->proc, RI_DOOM_MEMORY, 0);
    ri_throw_status(T, RI_KILLED, ri_nil());
}

RiExecTask *ri_exec_task_new(RiTask *task, RiThread *first)
{
    RiExecTask *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->first = x->running = first;
    task->engine = x;
    return x;
}

/* -- More processes ------------------------------------------------------------------------------------------------- */

RiProcess *ri_process_spawn(RiThread *T, const char *name)
{
    RiProcess *parent = T->process;
    RiProc *proc = ri_proc_new(parent->proc->machine, parent->proc, name);
    if (proc == NULL)
        return NULL;
    RiProcess *process = parent->hooks->open_sibling(parent);
    if (process == NULL || ri_exec_task_new(proc->main, process->main) == NULL) {
        ri_proc_forget(proc);
        errno = ENOMEM;
        return NULL;
    }
    proc->engine = process;
    process->proc = proc;
    process->warnings_on = parent->warnings_on;
    process->step = parent->step;
    ri_process_take_limits(proc);
    if (parent->proc->machine->on_process != NULL)
        parent->proc->machine->on_process(proc);
    return process;
}


void ri_process_prepare(RiProcess *process, RiValue function)
{
    RiThread *T = process->main;
    ri_push(T, ri_object(&body_fn, RI_TAG_LIBFN));
    ri_push_link(T);
    ri_push(T, function);
    ri_push(T, ri_object(&ri_traceback_handler, RI_TAG_LIBFN));
}

void ri_process_start(RiProcess *process, uint32_t nargs)
{
    RiTask *task = process->proc->main;
    ((RiExecTask *)task->engine)->nargs = nargs + 2;
    ri_task_ready(task);
    process->proc->machine->stats.spawns++;
}

void ri_process_abandon(RiProcess *process)
{
    ri_proc_forget(process->proc);
}

/* -- The first process ---------------------------------------------------------------------------------------------- */

bool ri_machine_attach(RiProcess *process, const RiMachineConfig *config, const char *name)
{
    RiMachine *machine = ri_machine_new(&engine, config);
    if (machine == NULL)
        return false;
    machine->engine_data = process->heap;
    process->heap->on_quota_dead = end_for_memory;
    machine->sys_hooks = &ri_exec_sys_hooks;
    RiProc *proc = ri_sched_adopt_host(machine) ? ri_proc_new(machine, NULL, name) : NULL;
    if (proc == NULL || ri_exec_task_new(proc->main, process->main) == NULL) {
        ri_machine_destroy(machine);
        return false;
    }
    proc->engine = process;
    process->proc = proc;
    ri_sched_enter(proc->main);
    return true;
}

void ri_machine_detach(RiProcess *process)
{
    RiProc *proc = process->proc;
    if (proc == NULL)
        return;
    RiMachine *machine = proc->machine;
    ri_sched_leave(proc->main);
    ri_machine_destroy(machine);
    process->proc = NULL;
}

/* -- exec ----------------------------------------------------------------------------------------------------------- */

RiProcess *ri_process_new_image(RiThread *T)
{
    RiProcess *process = T->process->hooks->open_sibling(T->process);
    if (process != NULL)
        process->warnings_on = T->process->warnings_on;
    return process;
}

void ri_process_replace(RiThread *T, RiProcess *next, uint32_t nargs)
{
    RiTask *task = ri_current_task(T);
    RiProc *proc = task->proc;
    RiExecTask *x = task->engine;
    x->next = next; /* alive by its account */
    x->nargs = nargs + 2;
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        if (ri_task_of_node(node) != task)
            ri_task_cancel(ri_task_of_node(node));
    }
    while (proc->task_count > 1 && proc->doom == RI_DOOM_NONE) {
        if (ri_task_wait(task, &proc->task_count, 0, -1, 0) == 0)
            ri_sched_switch(proc->machine);
    }
    ri_throw_status(T, RI_KILLED, ri_nil());
}

/* -- Guest threads -------------------------------------------------------------------------------------------------- */

RiTask *ri_thread_spawn(RiThread *T, RiValue function, const RiValue *args, uint32_t nargs)
{
    RiProcess *process = T->process;
    RiTask *task = ri_task_new(process->proc);
    if (task == NULL)
        return NULL;
    ptrdiff_t at = args - T->stack; /* the stack may move */
    if (process->threads == NULL)
        process->threads = ri_table_new(T->heap, 0, 0);
    RiThread *U = ri_thread_new(T->heap, process, CHILD_STACK_SLOTS + nargs);
    ri_table_set_int(T->heap, process->threads, task->tid, ri_object(U, RI_TAG_THREAD));
    RiExecTask *x = ri_exec_task_new(task, U);
    if (x == NULL) {
        ri_task_forget(task);
        errno = ENOMEM;
        return NULL;
    }
    U->status = RI_THREAD_RUNNING;
    U->hook_allowed = true;
    ri_push(U, ri_object(&thread_body_fn, RI_TAG_LIBFN));
    ri_push_link(U);
    ri_push(U, function);
    ri_stack_reserve(U, nargs);
    for (uint32_t i = 0; i < nargs; i++)
        ri_push(U, T->stack[at + i]);
    x->nargs = nargs + 1;
    task->mask = process->proc->machine->current->mask;
    ri_task_ready(task);
    return task;
}

/* -- Mailboxes ------------------------------------------------------------------------------------------------------ */

bool ri_mailbox_is_full(const RiProcess *process)
{
    return process->message_count >= MAILBOX_MAX || process->message_bytes >= MAILBOX_BYTES_MAX;
}

static uint64_t message_bytes(const RiProcess *to, RiValue value)
{
    uint64_t size = sizeof(RiMessage);
    if (value.tag == RI_TAG_STRING)
        return size + ((const RiString *)value.cp)->size;
    return size + (value.tag < RI_TAG_TABLE ? 0 : to->copied_bytes);
}

void ri_mailbox_put(RiProcess *to, RiValue value, uint32_t sender)
{
    RiMessage *message = ri_heap_alloc_block(to->heap, sizeof *message);
    message->next = NULL;
    ri_store(&message->value, value);
    message->sender = sender;
    message->bytes = message_bytes(to, value);
    to->message_bytes += message->bytes;
    if (to->last_message != NULL)
        to->last_message->next = message;
    else
        to->first_message = message;
    to->last_message = message;
    to->message_count++;
    ri_wake(to->proc->machine, &to->proc->mailbox, UINT32_MAX);
}

bool ri_mailbox_take(RiProcess *process, uint32_t sender, RiValue *value, uint32_t *from)
{
    RiMessage *before = NULL, *message = process->first_message;
    while (message != NULL && sender != 0 && message->sender != sender) {
        before = message;
        message = message->next;
    }
    if (message == NULL)
        return false;
    if (before != NULL)
        before->next = message->next;
    else
        process->first_message = message->next;
    if (process->last_message == message)
        process->last_message = before;
    bool was_full = ri_mailbox_is_full(process);
    process->message_count--;
    process->message_bytes -= message->bytes;
    if (was_full && !ri_mailbox_is_full(process))
        ri_wake(process->proc->machine, &process->message_count, UINT32_MAX);
    ri_store(value, message->value);
    *from = message->sender;
    ri_heap_free(process->heap, message, sizeof *message);
    return true;
}
