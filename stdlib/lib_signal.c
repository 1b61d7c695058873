/* signal.*: what is to happen when a signal comes (manual: doc/machine.md). After 4.2BSD's sigvec: a handler stays
 * installed, and its signal is held back while it runs. Handlers run at safe points, on the thread that was interrupted;
 * an error thrown in one is thrown there. */
#include <errno.h>

#include "stdlib/handle.h"
#include "stdlib/libs.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"

/* What happened before: a function, "default" or "ignore". */
static RiValue action_value(RiThread *T, uint32_t number)
{
    static const char *const names[] = {"default", "ignore", NULL};
    RiSignalAction action = ri_signal_action(T->process->proc, number);
    if (action == RI_SIGNAL_HANDLED)
        return ri_table_get_int(T->process->signal_handlers, number);
    return ri_string_value(ri_str_from_cstr(T->heap, names[action]));
}

static int32_t set_action(RiThread *T, uint32_t number, RiSignalAction action, RiValue handler)
{
    RiProcess *process = T->process;
    RiValue before = action_value(T, number);
    if (process->signal_handlers == NULL)
        process->signal_handlers = ri_table_new(T->heap, 0, 0);
    ri_push(T, before);
    int error = ri_signal_set_action(process->proc, number, action);
    if (error == 0)
        ri_table_set_int(T->heap, process->signal_handlers, number, handler);
    T->top--;
    if (error == -EINVAL)
        ri_error(T, "signal %s cannot be caught, blocked or ignored", ri_signal_name(number));
    if (error != 0)
        ri_error_memory(T);
    return ri_return1(T->base, before);
}

static int32_t handle(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t number = ri_arg_signal(T, args, nargs, 0);
    ri_arg_check_function(T, args, nargs, 1);
    return set_action(T, number, RI_SIGNAL_HANDLED, args[1]);
}

static int32_t ignore(RiThread *T, RiValue *args, uint32_t nargs)
{
    return set_action(T, ri_arg_signal(T, args, nargs, 0), RI_SIGNAL_IGNORED, ri_nil());
}

static int32_t set_default(RiThread *T, RiValue *args, uint32_t nargs)
{
    return set_action(T, ri_arg_signal(T, args, nargs, 0), RI_SIGNAL_DEFAULT, ri_nil());
}

static int32_t get(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return1(T->base, action_value(T, ri_arg_signal(T, args, nargs, 0)));
}

/* -- Masks --------------------------------------------------------------------------------------------------------- */

static uint64_t arg_set(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t set = 0;
    for (uint32_t i = 0; i < nargs; i++) {
        if (!ri_is_table(args[i])) {
            set |= ri_signal_bit(ri_arg_signal(T, args, nargs, i));
            continue;
        }
        const RiTable *t = args[i].p;
        int64_t count = ri_table_length(t);
        for (int64_t k = 1; k <= count; k++) {
            RiValue v[1] = {ri_table_get_int(t, k)};
            set |= ri_signal_bit(ri_arg_signal(T, v, 1, 0));
        }
    }
    return set;
}

static RiValue set_value(RiThread *T, uint64_t set)
{
    RiTable *t = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(t));
    int64_t count = 0;
    for (uint32_t number = 1; number < RI_SIGNAL_COUNT; number++) {
        if (set & ri_signal_bit(number))
            ri_table_set_int(T->heap, t, ++count, ri_string_value(ri_str_from_cstr(T->heap, ri_signal_name(number))));
    }
    T->top--;
    return ri_table_value(t);
}

static int32_t return_set(RiThread *T, uint64_t set)
{
    return ri_return1(T->base, set_value(T, set));
}

static int32_t change_mask(RiThread *T, uint64_t mask)
{
    RiTask *task = ri_current_task(T);
    uint64_t before = task->mask;
    ri_signal_set_mask(task, mask);
    return ri_deliver(T, set_value(T, before));
}

static int32_t block(RiThread *T, RiValue *args, uint32_t nargs)
{
    return change_mask(T, ri_current_task(T)->mask | arg_set(T, args, nargs));
}

static int32_t unblock(RiThread *T, RiValue *args, uint32_t nargs)
{
    return change_mask(T, ri_current_task(T)->mask & ~arg_set(T, args, nargs));
}

static int32_t set_mask(RiThread *T, RiValue *args, uint32_t nargs)
{
    return change_mask(T, arg_set(T, args, nargs));
}

static int32_t mask(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return return_set(T, ri_current_task(T)->mask);
}

static int32_t pending(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return return_set(T, ri_signal_pending(ri_current_task(T)));
}

/* -- Waiting ------------------------------------------------------------------------------------------------------- */

/* Frame: args[0] the mask to restore. */
static int32_t suspend_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTask *task = ri_current_task(T);
    ri_check_deadlock(T);
    if (!task->interrupted)
        return ri_wait(T, task, 0, -1, 0);
    uint64_t before = (uint64_t)args[0].i;
    ri_signal_set_mask(task, before);
    return ri_return_bool(T->base, true);
}

static int32_t suspend(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTask *task = ri_current_task(T);
    uint64_t before = task->mask, during = nargs > 0 ? arg_set(T, args, nargs) : before;
    T->top = args;
    ri_push(T, ri_int((int64_t)before));
    task->interrupted = false;
    int32_t signal = ri_wait(T, task, 0, -1, 0);
    ri_signal_set_mask(task, during); /* what is pending now ends the wait at once */
    return signal;
}

/* -- Sending ------------------------------------------------------------------------------------------------------- */

static int32_t send(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t pid = ri_arg_pid(T, args, nargs, 0);
    uint32_t number = nargs > 1 && args[1].tag == RI_TAG_INT && args[1].i == 0 ? 0 : ri_arg_signal(T, args, nargs, 1);
    RiProc *proc = ri_proc_find(T->process->proc->machine, pid);
    if (proc == NULL)
        return ri_return_errno(T, ESRCH);
    if (!ri_proc_may_signal(T->process->proc, proc))
        return ri_return_errno(T, EPERM);
    ri_signal_send(proc, number);
    return ri_deliver(T, ri_bool(true));
}

static int32_t raise_signal(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_signal_send_task(ri_current_task(T), ri_arg_signal(T, args, nargs, 0));
    return ri_deliver(T, ri_bool(true));
}

static int32_t return_left(RiThread *T, uint64_t ns)
{
    return ri_return_float(T->base, (double)ns / 1e9);
}

static int32_t alarm_in(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t ns = ri_arg_is_none_or_nil(args, nargs, 0) ? 0 : ri_arg_duration(T, args, nargs, 0);
    return return_left(T, ri_signal_set_timer(T->process->proc, RI_ITIMER_REAL, ns, 0));
}

static int32_t timer(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const names[] = {"real", "virtual", NULL};
    RiItimer which = (RiItimer)ri_arg_option(T, args, nargs, 0, NULL, names);
    RiProc *proc = T->process->proc;
    if (nargs < 2)
        return return_left(T, ri_signal_timer_left_ns(proc, which));
    uint64_t first = ri_arg_duration(T, args, nargs, 1);
    uint64_t interval = ri_arg_is_none_or_nil(args, nargs, 2) ? 0 : ri_arg_duration(T, args, nargs, 2);
    return return_left(T, ri_signal_set_timer(proc, which, first, interval));
}

static const RiLibFn functions[] = {
    RI_FN(handle, "signal.handle", "signal.handle(signal, function)",
          "Calls function(name, number) whenever the signal comes. Returns what was to happen before."),
    RI_FN(ignore, "signal.ignore", "signal.ignore(signal)", "Drops the signal when it comes."),
    RI_FN(set_default, "signal.default", "signal.default(signal)", "Restores the default action."),
    RI_FN(get, "signal.get", "signal.get(signal)", "The handler, \"default\" or \"ignore\"."),
    RI_FN_RESUMABLE(block, ri_deliver_resume, "signal.block", "signal.block(signal, ...)",
          "Holds signals back in this thread. Returns the set held back before."),
    RI_FN_RESUMABLE(unblock, ri_deliver_resume, "signal.unblock", "signal.unblock(signal, ...)", "Lets signals through again."),
    RI_FN_RESUMABLE(set_mask, ri_deliver_resume, "signal.setmask", "signal.setmask([set or signals])", "Holds back exactly these."),
    RI_FN(mask, "signal.mask", "signal.mask()", "The set of signals held back in this thread."),
    RI_FN(pending, "signal.pending", "signal.pending()", "The set of signals that have come and wait."),
    RI_FN_RESUMABLE(suspend, suspend_resume, "signal.suspend", "signal.suspend([signals to hold back meanwhile])",
                    "Waits until a handler has run."),
    RI_FN_RESUMABLE(send, ri_deliver_resume, "signal.kill", "signal.kill(process, signal)", "Sends a signal; 0 only asks whether the process is there."),
    RI_FN_RESUMABLE(raise_signal, ri_deliver_resume, "signal.raise", "signal.raise(signal)", "Sends a signal to this thread."),
    RI_FN(alarm_in, "signal.alarm", "signal.alarm([seconds])",
          "Sends ALRM to this process once, after the time; without one takes it back. Returns what was left."),
    RI_FN(timer, "signal.timer", "signal.timer(\"real\"|\"virtual\" [, first [, interval]])",
          "Interval timer: ALRM by the clock, VTALRM by processor time. Returns the seconds that were left."),
};

/* signal.names: number by name. */
static void open(RiThread *T, RiTable *library)
{
    RiTable *names = ri_table_new(T->heap, 0, 0);
    ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, "names"), ri_table_value(names));
    for (uint32_t number = 1; number < RI_SIGNAL_COUNT; number++) {
        const char *name = ri_signal_name(number);
        if (name[0] != '?')
            ri_table_set_str(T->heap, names, ri_str_from_cstr(T->heap, name), ri_int(number));
    }
}

const RiLibrary ri_lib_signal = {"signal", functions, RI_COUNTOF(functions), open};
