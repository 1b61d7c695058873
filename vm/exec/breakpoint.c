/* Breakpoints in functions' own copies of their code, and the events of a debugger: breakpoint.h. */
#include "vm/exec/breakpoint.h"

#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/engine.h"
#include "vm/exec/memory.h"

/* -- Code ---------------------------------------------------------------------------------------------------------- */

/* ri_feedback_warm's heap->on_warm: no frame of the function has run yet, so no link refers to the code it would have had. */
static void give_own_code(RiHeap *heap, RiFeedback *feedback)
{
    RiDebugger *d = heap->debugger;
    const RiProto *proto = feedback->proto;
    size_t size = proto->code_count * sizeof(RiWord);
    RiWord *code = ri_proto_alloc(heap, size, false);
    memcpy(code, proto->code, size);
    if (feedback->start == proto->code)
        feedback->start = code;
    feedback->code = code;
    feedback->has_own_code = 1;
    if (d != NULL && d->on_function != NULL)
        d->on_function(d, feedback);
    feedback->has_own_code = 2;
}

void ri_debugger_attach(RiHeap *heap, RiDebugger *d)
{
    d->heap = heap;
    heap->debugger = d;
    heap->on_warm = give_own_code;
}

void ri_debugger_detach(RiHeap *heap)
{
    heap->debugger = NULL;
    heap->on_warm = NULL;
}

void ri_debugger_ask_pause(RiDebugger *d)
{
    d->wants_pause = 1;
    d->heap->attention = true;
    if (!d->heap->exact_budget)
        d->heap->budget = 0;
}

/* Machine code under way is left when control comes back to it; see RI_HOOK_CHANGED. */
static void leave_machine_code(RiThread *T)
{
    for (; T != NULL; T = T->resumer)
        T->hook_mask |= RI_HOOK_CHANGED;
}

static void leave_all_machine_code(RiHeap *heap, const RiProc *proc)
{
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        const RiExecTask *x = ri_task_of_node(node)->engine;
        if (x != NULL && ri_task_of_node(node) != proc->machine->current)
            leave_machine_code(x->running != NULL ? x->running : x->first);
    }
    for (RiNode *node = proc->children.next; node != &proc->children; node = node->next)
        leave_all_machine_code(heap, ri_proc_of_node(node));
}

void ri_breakpoint_set(RiHeap *heap, RiFeedback *feedback, uint32_t pc)
{
    if (!feedback->has_own_code || ri_breakpoint_is_set(feedback, pc))
        return;
    RiWord *code = (RiWord *)(uintptr_t)feedback->code; /* its own, since give_own_code */
    code[pc] = (code[pc] & ~(RiWord)0xff) | RI_OP_BREAK;
    const RiProcess *process = heap->running->process;
    if (feedback->has_own_code < 2 || process->hooks->code_changed == NULL)
        return;
    process->hooks->code_changed(heap, feedback);
    if (heap->native_sp != NULL)
        leave_machine_code(heap->running);
    if (heap->native_parked > 0 && process->proc != NULL)
        leave_all_machine_code(heap, process->proc->machine->init);
}

void ri_breakpoint_clear(RiFeedback *feedback, uint32_t pc)
{
    if (!ri_breakpoint_is_set(feedback, pc))
        return;
    RiWord *code = (RiWord *)(uintptr_t)feedback->code;
    code[pc] = feedback->proto->code[pc];
}

uint32_t ri_code_next(const RiProto *proto, uint32_t pc)
{
    return pc + ri_op_info[RI_WORD_OP(proto->code[pc])].words;
}

bool ri_code_begins_line(const RiProto *proto, uint32_t last, uint32_t pc)
{
    return proto->has_lines && (last == UINT32_MAX || ri_proto_line(proto, last) != ri_proto_line(proto, pc));
}

uint32_t ri_code_entry(const RiProto *proto)
{
    uint32_t pc = 0;
    while (RI_WORD_OP(proto->code[pc]) == RI_OP_NEWCELL)
        pc = ri_code_next(proto, pc);
    return pc;
}

/* -- Events -------------------------------------------------------------------------------------------------------- */

/* The debugger, if this is to be told to it. */
static RiDebugger *listener(const RiThread *T)
{
    RiDebugger *d = T->heap->debugger;
    return d == NULL || d->is_busy ? NULL : d;
}

/* Around an event: code that the debugger runs has no hooks, cannot yield, and leaves the stack as it was. */
typedef struct Told {
    ptrdiff_t top;
    uint32_t no_yield;
    bool hook_allowed;
} Told;

static Told begin(RiDebugger *d, RiThread *T)
{
    Told told = {T->top - T->stack, T->no_yield, T->hook_allowed};
    d->is_busy = true;
    T->hook_allowed = false;
    T->no_yield++;
    return told;
}

static void end(RiDebugger *d, RiThread *T, Told told)
{
    T->top = T->stack + told.top;
    T->no_yield = told.no_yield;
    T->hook_allowed = told.hook_allowed;
    d->is_busy = false;
}

void ri_breakpoint_hit(RiThread *T)
{
    RiDebugger *d = listener(T);
    if (d == NULL || d->on_break == NULL)
        return;
    Told told = begin(d, T);
    uint32_t pc = T->pc;
    d->on_break(d, T);
    T->pc = pc;
    end(d, T, told);
}

void ri_debugger_entered(RiThread *T)
{
    RiDebugger *d = listener(T);
    if (d == NULL || d->on_enter == NULL)
        return;
    d->is_busy = true;
    ri_feedback_warm(T->heap, ((RiClosure *)T->base[-2].p)->feedback);
    d->on_enter(d, T, false);
    d->is_busy = false;
}

void ri_debugger_resumed(RiThread *co)
{
    RiDebugger *d = listener(co);
    if (d == NULL || d->on_enter == NULL)
        return;
    co->hook_mask |= RI_HOOK_ENTER;
    d->is_busy = true;
    d->on_enter(d, co, true);
    d->is_busy = false;
}

void ri_debugger_look(RiThread *T)
{
    RiDebugger *d = listener(T);
    if (d == NULL || !d->wants_pause)
        return;
    d->wants_pause = 0;
    if (d->on_pause == NULL)
        return;
    Told told = begin(d, T);
    d->on_pause(d, T);
    end(d, T, told);
}

void ri_debugger_signalled(RiThread *T, uint32_t number)
{
    RiDebugger *d = listener(T);
    if (d == NULL || d->on_signal == NULL)
        return;
    Told told = begin(d, T);
    d->on_signal(d, T, number);
    end(d, T, told);
}

bool ri_debugger_store(RiThread *T, uint32_t address, int32_t *signal)
{
    RiDebugger *d = T->heap->debugger;
    if (d == NULL || d->on_store == NULL || !d->on_store(d, T, address, false))
        return false;
    RiSpace *space = ri_memory_space(T);
    if (space != NULL)
        space->has_missed = true; /* what was repaired has no translation yet: no second signal */
    *signal = ri_row_of(T, T->base[-2])->call(T, T->base, (uint32_t)(T->top - T->base));
    (void)d->on_store(d, T, address, true);
    return true;
}

/* -- Errors -------------------------------------------------------------------------------------------------------- */

/* Does the library function with the frame at `base` catch what is thrown in what it has called? */
static bool catches(const RiValue *base)
{
    const RiValue f = base[-2];
    return f.tag == RI_TAG_LIBFN && ((const RiLibFn *)f.cp)->flags & RI_LIBFN_CATCHES && RI_LINK_OF(base)->extra;
}

/* A pcall frame of T; the first function of a task or of the program catches as well, to say what has happened. */
static bool has_catcher(const RiThread *T)
{
    for (const RiValue *base = T->base; base != T->stack;) {
        uint32_t delta = RI_LINK_OF(base)->delta;
        if (catches(base) && delta != 0 && base - delta != T->stack)
            return true;
        base = delta ? base - delta : T->stack;
    }
    return false;
}

bool ri_is_error_caught(const RiThread *T)
{
    for (; T != NULL; T = T->resumer) {
        if (has_catcher(T))
            return true;
        if (T->resumer != NULL && T->resumer->base != T->resumer->stack && T->resumer->base[-2].tag != RI_TAG_NATIVE)
            return true; /* coroutine.resume gives it to its caller; what coroutine.wrap has made throws it on */
    }
    return false;
}

void ri_debugger_thrown(RiThread *T, RiCallStatus status, RiValue error)
{
    RiDebugger *d = listener(T);
    if (d == NULL || d->on_throw == NULL || T != T->heap->running)
        return;
    if (!ri_stack_try_reserve(T, 4)) /* nothing can be looked at where there is no room for a call */
        return;
    Told told = begin(d, T);
    ri_push(T, error); /* alive meanwhile */
    d->on_throw(d, T, status, error, ri_is_error_caught(T));
    end(d, T, told);
}
