/* Traps become errors, or calls of handlers. */
#include "vm/exec/trap.h"

#include <stdio.h>
#include <string.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/call.h"
#include "vm/exec/memory.h"
#include "vm/machine/signal.h"
#include "vm/machine/trace.h"

enum { STEP_UNHANDLED = 1 }; /* of the frame's step: its handler has declined */

static void tell_tracer(const RiThread *T, const RiTrap *trap)
{
    const RiProcess *process = T->process;
    if (process->proc == NULL || process->proc->machine->trace == NULL)
        return;
    char text[160], note[200];
    ri_trap_describe(trap, text, sizeof text);
    snprintf(note, sizeof note, "--- TRAP %s: %s ---", ri_trap_info[trap->cause].name, text);
    ri_trace_note(process->proc, "trap", note);
}

static RI_NORETURN void throw_trap(RiThread *T, const RiTrap *trap)
{
    char text[160];
    if (trap->cause == RI_TRAP_QUOTA_MEMORY)
        ri_error_memory(T);
    ri_trap_describe(trap, text, sizeof text);
    ri_error(T, "%s", text);
}

void ri_exec_trap_error(RiThread *T, const RiTrap *trap)
{
    tell_tracer(T, trap);
    throw_trap(T, trap);
}

/* The handler of the trap's signal; nil: none, or it is held back. */
static RiValue handler_of(const RiThread *T, const RiTrap *trap)
{
    uint32_t number = ri_signal_number(ri_trap_info[trap->cause].signal);
    const RiTask *task = ri_current_task(T);
    if (number == 0 || task == NULL || T->process->signal_handlers == NULL || task->mask & ri_signal_bit(number) ||
        ri_signal_action(task->proc, number) != RI_SIGNAL_HANDLED)
        return ri_nil();
    return ri_table_get_int(T->process->signal_handlers, number);
}

static void set_text(RiThread *T, RiTable *t, const char *key, const char *text)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, key), ri_string_value(ri_str_from_cstr(T->heap, text)));
}

static void set_int(RiThread *T, RiTable *t, const char *key, int64_t i)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, key), ri_int(i));
}

/* What the handler gets. Pushed. */
static void push_description(RiThread *T, const RiTrap *trap)
{
    static const char *const accesses[] = {"", "read", "write", "", "execute"};
    char text[160];
    RiTable *t = ri_table_new(T->heap, 0, 7);
    ri_push(T, ri_table_value(t));
    ri_trap_describe(trap, text, sizeof text);
    set_text(T, t, "cause", ri_trap_info[trap->cause].name);
    set_text(T, t, "signal", ri_trap_info[trap->cause].signal);
    set_text(T, t, "reason", ri_trap_reasons[trap->reason]);
    set_text(T, t, "message", text);
    if (trap->access != 0) {
        set_text(T, t, "access", accesses[trap->access]);
        set_int(T, t, "address", trap->address);
        set_int(T, t, "size", (int64_t)trap->size);
    }
}

int32_t ri_exec_trap(RiThread *T, const RiTrap *trap)
{
    int32_t signal;
    if (trap->cause == RI_TRAP_PAGE && trap->access == RI_ACCESS_WRITE && T->heap->debugger != NULL &&
        ri_debugger_store(T, trap->address, &signal))
        return signal;
    RiValue handler = handler_of(T, trap);
    if (ri_lib_step(T) != STEP_UNHANDLED)
        tell_tracer(T, trap);
    if (trap->cause == RI_TRAP_QUOTA_MEMORY || ri_is_nil(handler) || ri_lib_step(T) == STEP_UNHANDLED)
        throw_trap(T, trap);
    ri_stack_reserve(T, 4);
    ri_push(T, handler);
    ri_push_link(T);
    push_description(T, trap);
    return ri_lib_call(T, 1, 1);
}

static bool is_text(RiValue v, const char *text)
{
    return ri_is_string(v) && ((const RiString *)v.cp)->size == strlen(text) &&
           memcmp(ri_str_data(v.p), text, strlen(text)) == 0;
}

int32_t ri_exec_trap_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiValue *self = &args[-2];
    const RiLibFn *fn = self->tag == RI_TAG_NATIVE ? ((const RiNative *)self->cp)->fn : self->cp;
    RiValue verdict = *--T->top;
    nargs--;
    if (is_text(verdict, "skip"))
        return ri_return_int(args, 0);
    if (ri_is_nil(verdict))
        ri_lib_set_step(T, STEP_UNHANDLED);
    else if (!is_text(verdict, "retry"))
        ri_error(T, "a trap handler must return \"retry\", \"skip\" or nothing, not %s", ri_type_name(T, verdict));
    RiSpace *space = ri_memory_space(T);
    if (space != NULL)
        space->has_missed = true; /* what was repaired has no translation yet: no second signal */
    return fn->call(T, args, nargs);
}

/* -- Division of integers by zero --------------------------------------------------------------------------------- */

/* Carried out again by "retry"; then the divisor is still 0, but the handler may have thought better of it. */
static int32_t divide_again(RiThread *T, const char *refusal)
{
    const RiTrap trap = {.cause = RI_TRAP_DIVIDE};
    if (ri_lib_step(T) == STEP_UNHANDLED || ri_is_nil(handler_of(T, &trap)))
        ri_error(T, "%s", refusal);
    return ri_exec_trap(T, &trap);
}

static int32_t divide(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args, (void)nargs;
    return divide_again(T, "attempt to divide by zero");
}

static int32_t modulo(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args, (void)nargs;
    return divide_again(T, "attempt to perform 'n%0'");
}

RiValue ri_exec_division_handler(const RiThread *T, bool is_modulo, RiValue a, RiValue b)
{
    static const RiLibFn rows[] = {
        RI_FN_RESUMABLE(divide, ri_exec_trap_resume, "integer division", "a // 0", "Division by zero, where FPE is handled."),
        RI_FN_RESUMABLE(modulo, ri_exec_trap_resume, "integer modulo", "a % 0", "Modulo zero, where FPE is handled."),
    };
    const RiTrap trap = {.cause = RI_TRAP_DIVIDE};
    if (!ri_is_int(a) || !ri_is_int(b) || b.i != 0 || T->process->proc == NULL || ri_is_nil(handler_of(T, &trap)))
        return ri_nil();
    return ri_object((RiLibFn *)(uintptr_t)&rows[is_modulo], RI_TAG_LIBFN);
}
