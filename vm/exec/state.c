/* Processes: making one, closing it. */
#include "vm/exec/state.h"

#include <stdio.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/call.h"
#include "vm/exec/hooks.h"
#include "vm/exec/engine.h"
#include "vm/exec/opcode.h"
#include "vm/exec/semantics.h"
#include "vm/exec/stress.h"
#include "vm/exec/warn.h"
#include "vm/machine/sched.h"
#include "vm/machine/space.h"

#define MAIN_STACK_SLOTS 40 /* at first: enough for small programs */

/* What a function runs at its first call: makes its feedback vector. */
static const RiWord warm_code = RI_OP_WARM;

static void throw_no_memory(RiHeap *heap)
{
    ri_error_memory(heap->running);
}

void ri_serve_interrupt(RiThread *T)
{
    RiProcess *process = T->process;
    RiTask *task = process->proc != NULL ? process->proc->machine->current : NULL;
    if (task != NULL && process->proc->main != NULL && task->proc == process->proc && task != process->proc->main) {
        ri_task_interrupt(process->proc->main);
        return;
    }
    if (process->interrupt == RI_INTERRUPT_STICKY)
        T->heap->budget = 0; /* who catches it comes by here again */
    else
        process->interrupt = false;
    ri_error(T, "interrupted!");
}

static void stop_copy(RiHeap *heap)
{
    RiThread *T = heap->running;
    if (T->process->interrupt)
        ri_serve_interrupt(T);
    if (T->process->proc != NULL)
        ri_check_limits(T);
}

RiProcess *ri_process_alloc(RiHeap *heap, const struct RiHooks *hooks, uint32_t stack_slots)
{
    RiProcess *process = ri_heap_alloc_block(heap, sizeof *process);
    process->heap = heap;
    ri_account_open(heap, &process->account, process);
    ri_heap_switch(heap, &process->account);
    process->hooks = hooks;
    process->stack_slots_max = RI_STACK_SLOTS_MAX;
    process->id = heap->owner;
    process->main = ri_thread_new(heap, process, stack_slots);
    process->main->status = RI_THREAD_RUNNING;
    process->main->hook_allowed = true;
    heap->running = process->main;
    return process;
}

RiProcess *ri_process_new(RiHeap *heap, const struct RiHooks *hooks)
{
    heap->warm_code = &warm_code;
    RiProcess *process = ri_process_alloc(heap, hooks, MAIN_STACK_SLOTS);
    uint32_t stress = ri_stress_modes();
    process->stress = stress & ~(uint32_t)RI_STRESS_BREAK;
    if (RI_UNLIKELY(stress & RI_STRESS_BREAK) && heap->debugger == NULL)
        ri_stress_with_breakpoints(process);
    process->memory_message = ri_str_from_cstr(heap, "not enough memory");
    process->registry = ri_table_new(heap, 2, 0);
    process->globals = ri_table_new(heap, 0, 0);
    ri_table_set_int(heap, process->registry, 1, ri_object(process->main, RI_TAG_THREAD));
    ri_table_set_int(heap, process->registry, 2, ri_table_value(process->globals));
    heap->on_long_copy = stop_copy;
    heap->on_no_memory = throw_no_memory; /* from here on there is a thread to throw in */
    return process;
}

static void close_main_thread(RiThread *T, void *unused)
{
    RiValue ignored;
    (void)unused;
    ri_coroutine_close(T, T, &ignored);
}

static void run_finalizers(RiThread *T, void *unused)
{
    (void)unused;
    ri_run_finalizers(T);
}

/* Nothing is thrown out of here, even if memory is short: then some finalizers may not be run. */
static void flush_standard_streams(RiThread *T, void *argument)
{
    (void)argument;
    if (T->process->hooks->files_end != NULL)
        T->process->hooks->files_end(T);
}

void ri_process_close(RiProcess *process)
{
    RiThread *T = process->main;
    process->heap->running = T;
    process->jumps = NULL;
    process->c_depth = 0;
    process->in_finalizer = false;
    T->base = T->stack;
    T->pc = 0;
    if (!process->killed)
        ri_try(T, close_main_thread, NULL); /* its pending to-be-closed variables */
    T->status = RI_THREAD_RUNNING;
    T->top = T->stack + 1;
    process->closing = true; /* objects made from now on get no finalizer */
    ri_heap_finalize_all(process->heap);
    for (int round = 0; round < 10 && ri_heap_has_finalizable(process->heap); round++)
        ri_try(T, run_finalizers, NULL);
    if (!process->killed)
        ri_try(T, flush_standard_streams, NULL);
}

void ri_process_set_program(RiProcess *process, RiValue function)
{
    const RiProc *proc = process->proc;
    bool is_seen = proc != NULL && proc->space != NULL && proc->space->has_image;
    if (function.tag == RI_TAG_CLOSURE && !is_seen)
        process->program = ((RiClosure *)function.p)->feedback->proto;
}

RiTable *ri_value_meta(const RiProcess *process, RiValue v)
{
    if (v.tag == RI_TAG_TABLE)
        return ((const RiTable *)v.cp)->meta;
    if (v.tag == RI_TAG_USERDATA)
        return ((const RiUserdata *)v.cp)->meta;
    return process->metatables[ri_type(v)];
}

/* -- Safe points ------------------------------------------------------------------------------------------------- */

/* "error in __gc" as a warning (lua's luaE_warnerror). */
static void warn_of_error(RiThread *T, const char *where, RiValue error)
{
    const char *text = ri_is_string(error) ? ri_str_cstr(T->heap, error.p) : "error object is not a string";
    ri_warn(T->process, "error in ", true);
    ri_warn(T->process, where, true);
    ri_warn(T->process, " (", true);
    ri_warn(T->process, text, true);
    ri_warn(T->process, ")", false);
}

/* A __gc that cannot be called: the error that calling it would be. */
static void warn_of_uncallable(RiThread *T, RiValue method)
{
    char text[160];
    snprintf(text, sizeof text, "attempt to call a %s value (metamethod '__gc')", ri_type_name(T, method));
    ri_push(T, ri_object(ri_str_from_cstr(T->heap, text), RI_TAG_STRING));
    warn_of_error(T, "__gc", T->top[-1]);
    T->top--;
}

void ri_run_finalizers(RiThread *T)
{
    RiHeap *heap = T->heap;
    RiProcess *process = T->process;
    if (process->in_finalizer)
        return;
    while (ri_heap_has_finalizable(heap)) {
        ri_stack_reserve(T, 4); /* it may throw, but nothing else outside of ri_pcall */
        RiValue object = ri_heap_take_finalizable(heap);
        if (ri_is_nil(object))
            break;
        RiValue method = ri_metafield(T, object, RI_MM_GC);
        if (ri_is_nil(method) || (process->killed && !(method.tag == RI_TAG_LIBFN && ri_is_userdata(object))))
            continue; /* of a killed process only what gives back resources of the host is run */
        if (!ri_is_function(method) && ri_is_nil(ri_metafield(T, method, RI_MM_CALL))) {
            warn_of_uncallable(T, method);
            continue;
        }
        process->in_finalizer = true;
        ri_push(T, method);
        ri_push_link(T);
        process->finalizer_thread = T;
        process->finalizer_base = (uint32_t)(T->top - T->stack);
        ri_push(T, object);
        uint8_t hook_allowed = T->hook_allowed;
        T->hook_allowed = false;
        RiCallStatus status = ri_pcall(T, 1, 0, ri_nil(), NULL);
        T->hook_allowed = hook_allowed;
        process->in_finalizer = false;
        if (status != RI_OK) {
            RiValue error = T->top[-1];
            warn_of_error(T, "__gc", error);
            T->top--;
        }
    }
}

/* What both kinds of safe point do. */
static void serve_common(RiThread *T, bool is_poll)
{
    RiHeap *heap = T->heap;
    RiProcess *process = T->process;
    if (RI_LIKELY(!heap->exact_budget))
        heap->budget = RI_BUDGET_SLICE;
    else if (heap->budget < 0)
        heap->budget = ri_take_fuel(process);
    if (RI_UNLIKELY(process->stress)) {
        int32_t left = heap->budget;
        ri_stress(T, is_poll);
        if (heap->exact_budget && left > 1)
            process->fuel_left += (uint64_t)left - 1; /* what the next safe point takes again */
        heap->budget = 0;
    }
    if (process->interrupt)
        ri_serve_interrupt(T);
    if (RI_UNLIKELY(T->hook_is_wanted))
        ri_apply_wanted_hook(T);
    if (RI_UNLIKELY(heap->debugger != NULL))
        ri_debugger_look(T);
}

bool ri_safe_point(RiThread *T)
{
    RiHeap *heap = T->heap;
    serve_common(T, false);
    if (heap->attention) {
        heap->attention = false;
        ri_collect_if_due(T);
        if (ri_heap_has_finalizable(heap)) {
            if (ri_machine_is_waiting(T))
                ri_heap_attend(heap); /* whom this waits for may be a thread of this process, which runs no finalizer's rest */
            else
                ri_run_finalizers(T);
        }
    }
    return T->process->proc != NULL && ri_machine_safe_point(T, false);
}

void ri_poll_slow(RiThread *T)
{
    serve_common(T, true);
    if (T->process->proc != NULL)
        (void)ri_machine_safe_point(T, true);
    if (T->heap->attention)
        ri_heap_attend(T->heap); /* finalizers wait for the dispatch loop */
}
