/* coroutine.*: a resume or yield is a signal to the call loop of the execution layer, never a C call. */
#include "stdlib/libs.h"
#include "vm/exec/call.h"

static RiThread *arg_thread(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    if (i >= nargs || args[i].tag != RI_TAG_THREAD)
        ri_arg_type_error(T, args, nargs, i, "thread");
    return args[i].p;
}

static int32_t co_create(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_function(T, args, nargs, 0);
    return ri_return1(args, ri_object(ri_coroutine_new(T, args[0]), RI_TAG_THREAD));
}

/* NULL if `co` can be resumed from T, else why not. */
static const char *refusal(const RiThread *T, const RiThread *co)
{
    if (co->status == RI_THREAD_DEAD || co->status == RI_THREAD_FAILED || ri_has_nothing_to_run(co))
        return "cannot resume dead coroutine";
    if (co->status != RI_THREAD_READY)
        return "cannot resume non-suspended coroutine";
    if (T->c_depth + T->process->c_depth + 1 >= RI_C_DEPTH_MAX)
        return "C stack overflow";
    return NULL;
}

static int32_t co_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiThread *co = arg_thread(T, args, nargs, 0);
    const char *why = refusal(T, co);
    if (why)
        return ri_return2(args, ri_bool(false), ri_string_value(ri_str_from_cstr(T->heap, why)));
    return RI_LIB_RESUME;
}

static int32_t wrapped_call(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    const char *why = refusal(T, ri_self_native(T)->upvals[0].p);
    if (why)
        ri_error(T, "%s", why);
    return RI_LIB_RESUME;
}

static const RiLibFn wrapped_row = RI_FN(wrapped_call, "coroutine.wrap:call", "f(...)",
                                         "Resumes the coroutine that coroutine.wrap made.");

static int32_t co_wrap(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_function(T, args, nargs, 0);
    RiThread *co = ri_coroutine_new(T, args[0]);
    RiNative *f = ri_native_new(T->heap, &wrapped_row, 1);
    f->upvals[0] = ri_object(co, RI_TAG_THREAD);
    return ri_return1(args, ri_object(f, RI_TAG_NATIVE));
}

static int32_t co_yield(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    if (!ri_is_yieldable(T))
        ri_error_no_position(T, "%s", T == T->process->main ? "attempt to yield from outside a coroutine"
                                                : "attempt to yield across a C-call boundary");
    return RI_LIB_YIELD;
}

static const char *status_name(const RiThread *T, const RiThread *co)
{
    if (T == co)
        return "running";
    switch ((RiThreadStatus)co->status) {
    case RI_THREAD_READY: return ri_has_nothing_to_run(co) ? "dead" : "suspended";
    case RI_THREAD_RUNNING:
    case RI_THREAD_NORMAL: return "normal";
    default: return "dead";
    }
}

static int32_t co_status(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiThread *co = arg_thread(T, args, nargs, 0);
    return ri_return_string(args, ri_str_from_cstr(T->heap, status_name(T, co)));
}

static int32_t co_isyieldable(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiThread *co = nargs > 0 ? arg_thread(T, args, nargs, 0) : T;
    return ri_return_bool(args, co == T ? ri_is_yieldable(T) : co != T->process->main && co->no_yield == 0);
}

static int32_t co_running(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return ri_return2(args, ri_object(T, RI_TAG_THREAD), ri_bool(T == T->process->main));
}

static int32_t co_close(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiThread *co = arg_thread(T, args, nargs, 0);
    if (co == T || (co->status != RI_THREAD_READY && co->status != RI_THREAD_DEAD && co->status != RI_THREAD_FAILED))
        ri_error(T, "cannot close a %s coroutine", status_name(T, co));
    RiValue error;
    bool ok = ri_coroutine_close(T, co, &error);
    args = T->base;
    if (ok)
        return ri_return_bool(args, true);
    return ri_return2(args, ri_bool(false), error);
}

static const RiLibFn functions[] = {
    RI_FN(co_close, "coroutine.close", "coroutine.close(co)",
          "Closes co and its pending to-be-closed variables; true, or false and an error."),
    RI_FN(co_create, "coroutine.create", "coroutine.create(f)", "A new coroutine with body f."),
    RI_FN(co_isyieldable, "coroutine.isyieldable", "coroutine.isyieldable([co])",
          "Whether co (by default the running one) can yield."),
    RI_FN(co_resume, "coroutine.resume", "coroutine.resume(co [, val1, ...])",
          "Starts or continues co; true and its values, or false and an error."),
    RI_FN(co_running, "coroutine.running", "coroutine.running()",
          "The running coroutine, and whether it is the main one."),
    RI_FN(co_status, "coroutine.status", "coroutine.status(co)", "\"running\", \"suspended\", \"normal\" or \"dead\"."),
    RI_FN(co_wrap, "coroutine.wrap", "coroutine.wrap(f)", "A function that resumes a new coroutine with body f."),
    RI_FN(co_yield, "coroutine.yield", "coroutine.yield(...)", "Suspends the running coroutine; its arguments go to resume."),
};

const RiLibrary ri_lib_coroutine = {.name = "coroutine", .functions = functions, .count = RI_COUNTOF(functions)};
