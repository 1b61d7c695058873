/* Helpers of the machine's libraries. */
#include "stdlib/handle.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/quantity.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/trace.h"

int32_t ri_return_errno(RiThread *T, int error)
{
    RiString *text = ri_str_from_cstr(T->heap, strerror(error));
    return ri_return3(T->base, ri_nil(), ri_string_value(text), ri_int(error));
}

bool ri_value_duration(RiValue v, uint64_t *ns)
{
    double seconds;
    if (ri_is_string(v) && !ri_to_float(v, &seconds))
        return ri_parse_duration(ri_str_data(v.p), ns);
    if (!ri_to_float(v, &seconds) || !(seconds >= 0))
        return false;
    *ns = seconds < 9e9 ? (uint64_t)(seconds * 1e9) : (uint64_t)9e18;
    return true;
}

bool ri_value_size(RiValue v, uint64_t *bytes)
{
    double number;
    if (ri_is_string(v) && !ri_to_float(v, &number))
        return ri_parse_size(ri_str_data(v.p), bytes);
    if (!ri_to_float(v, &number) || !(number >= 0))
        return false;
    *bytes = number < 1.8e19 ? (uint64_t)number : UINT64_MAX;
    return true;
}

uint64_t ri_arg_duration(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    uint64_t ns;
    if (i >= nargs || (!ri_is_number(args[i]) && !ri_is_string(args[i])))
        ri_arg_type_error(T, args, nargs, i, "number");
    if (!ri_value_duration(args[i], &ns))
        ri_arg_error(T, i, "not a time (seconds, or text like \"300ms\")");
    return ns;
}

uint64_t ri_deadline(uint64_t ns)
{
    uint64_t now = ri_host_monotonic_ns();
    return ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
}

void ri_check_deadlock(RiThread *T)
{
    if (ri_sched_take_deadlock(T->process->proc->machine))
        ri_error(T, "deadlock: every process and thread waits for another");
}

int32_t ri_wait(RiThread *T, const void *channel, uint64_t wake_ns, int32_t fd, uint32_t events)
{
    RiTask *task = ri_current_task(T);
    if (task == NULL)
        ri_error(T, "cannot wait: no machine");
    int error = ri_task_wait(task, channel, wake_ns, fd, events);
    if (error != 0)
        ri_error(T, "cannot wait: %s", strerror(-error));
    return RI_LIB_BLOCK;
}

RiTable *ri_machine_type(RiThread *T, const char *name, const RiLibFn *methods, uint32_t count)
{
    RiTable *meta = ri_type_metatable(T, name);
    RiString *index = T->heap->mm_names[RI_MM_INDEX];
    if (ri_is_nil(ri_table_get_str(meta, index))) {
        ri_library_fill(T, meta, methods, count);
        ri_table_set_str(T->heap, meta, index, ri_table_value(meta));
    }
    return meta;
}

uint32_t ri_arg_pid(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    RiValue v = ri_arg(args, nargs, i);
    const uint32_t *handle = ri_test_udata(T, v, "process");
    if (handle != NULL)
        return *handle;
    int64_t pid;
    if (!ri_to_int(v, &pid))
        ri_arg_type_error(T, args, nargs, i, "process");
    RI_ARG_CHECK(T, pid > 0 && pid <= INT32_MAX, i, "not the number of a process");
    return (uint32_t)pid;
}

uint32_t ri_arg_signal(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    RiValue v = ri_arg(args, nargs, i);
    int64_t number = 0;
    if (ri_is_string(v))
        number = ri_signal_number(ri_str_cstr(T->heap, v.p));
    else if (!ri_to_int(v, &number))
        ri_arg_type_error(T, args, nargs, i, "string");
    RI_ARG_CHECK(T, number > 0 && number < RI_SIGNAL_COUNT && ri_signal_name((uint32_t)number)[0] != '?', i,
                 "no such signal");
    return (uint32_t)number;
}

void ri_trace_call(RiThread *T, const char *name, const char *group, int64_t result, const char *format, ...)
{
    RiTask *task = ri_current_task(T);
    if (RI_LIKELY(task == NULL || task->proc->machine->trace == NULL))
        return;
    char text[RI_TRACE_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ri_trace_emit(task, name, group, text, result, ri_host_monotonic_ns());
}

int32_t ri_lib_give_way(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    T->process->proc->machine->gives_way = true;
    return RI_LIB_POLL;
}

int32_t ri_lib_give_way_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    (void)args;
    (void)nargs;
    return 0;
}

/* -- Signals to oneself -------------------------------------------------------------------------------------------- */

int32_t ri_deliver(RiThread *T, RiValue result)
{
    const RiTask *task = ri_current_task(T);
    bool goes_on = task == NULL || (task->proc->doom == RI_DOOM_NONE && task->proc->state == RI_PROC_ALIVE);
    if (goes_on && (task == NULL || !ri_signal_is_due(task)))
        return ri_return1(T->base, result);
    T->top = T->base;
    ri_push(T, result);
    return RI_LIB_POLL;
}

int32_t ri_deliver_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return ri_return1(T->base, args[0]);
}
