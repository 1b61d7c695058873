/* Calling the handlers of signals: at safe points, on the interrupted thread, the signal held back meanwhile. */
#include <stdio.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/call.h"
#include "vm/exec/engine.h"
#include "vm/machine/signal.h"
#include "vm/machine/trace.h"

/* One handler. What it throws is thrown into the interrupted code, with the mask as it was before. */
static void call_handler(RiThread *T, RiValue handler, uint32_t number)
{
    RiTask *task = ri_current_task(T);
    uint64_t mask = task->mask;
    char text[40];
    snprintf(text, sizeof text, "--- SIG%s ---", ri_signal_name(number));
    ri_trace_note(task->proc, "signal", text);
    ri_signal_set_mask(task, mask | ri_signal_bit(number));
    ri_stack_reserve(T, 6);
    ri_push(T, handler);
    ri_push_link(T);
    ri_push(T, ri_string_value(ri_str_from_cstr(T->heap, ri_signal_name(number))));
    ri_push(T, ri_int(number));
    RiCallStatus status = ri_pcall(T, 2, 0, ri_nil(), NULL);
    task->mask = mask;
    if (status != RI_OK) {
        RiValue error = T->top[-1];
        T->top--;
        ri_throw_status(T, status, error);
    }
}

void ri_run_signal_handlers(RiThread *T)
{
    RiTask *task = ri_current_task(T);
    bool timed_out = task->timed_out, interrupted = task->interrupted;
    uint32_t number;
    while ((number = ri_signal_take(task)) != 0) {
        if (RI_UNLIKELY(T->heap->debugger != NULL))
            ri_debugger_signalled(T, number);
        RiTable *handlers = T->process->signal_handlers;
        RiValue handler = handlers != NULL ? ri_table_get_int(handlers, number) : ri_nil();
        if (!ri_is_nil(handler))
            call_handler(T, handler, number);
        ri_check_doom(T);
    }
    ri_check_doom(T); /* a default action may have ended the process */
    task->timed_out = timed_out;
    task->interrupted = interrupted;
}
