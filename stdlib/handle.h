/* What the libraries of the machine share: handles for processes and threads, amounts, waiting. */
#ifndef RI_STDLIB_HANDLE_H
#define RI_STDLIB_HANDLE_H

#include "vm/exec/engine.h"
#include "vm/exec/native.h"

/* nil, "text", errno: as io's functions fail. `error` is positive. */
int32_t ri_return_errno(RiThread *T, int error);
/* Seconds (a number) or "300ms": nanoseconds. Throws what the argument checkers throw. */
uint64_t ri_arg_duration(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
/* The same for a value that is no argument; false if it is none. */
bool ri_value_duration(RiValue v, uint64_t *ns);
bool ri_value_size(RiValue v, uint64_t *bytes); /* a number of bytes or "8M" */
/* The moment (monotonic) that is so far away; 0 for none or nil. */
uint64_t ri_deadline(uint64_t ns);

/* Wait in a library function whose frame holds all it needs: `return ri_wait(T, …)`. Without a machine, or if nothing could
 * ever wake it, throws. */
int32_t ri_wait(RiThread *T, const void *channel, uint64_t wake_ns, int32_t fd, uint32_t events);
/* In the resume of such a function: throws if the wait was ended because every process waits. */
void ri_check_deadlock(RiThread *T);

/* Tell the tracer about a call of this library: name(format …) = result (>= 0 or -errno). */
void ri_trace_call(RiThread *T, const char *name, const char *group, int64_t result, const char *format, ...) RI_PRINTF(5, 6);

/* Carry out the exec system call that has just been granted to this thread, in the frame of the function that made it. Comes
 * back only on failure, with nil and the reason as results. */
int32_t ri_process_exec_granted(RiThread *T);

/* process.yield and thread.yield: others that are ready run first. */
int32_t ri_lib_give_way(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_lib_give_way_resume(RiThread *T, RiValue *args, uint32_t nargs);

/* A handle of another process: userdata of type "process". */
RiValue ri_process_handle(RiThread *T, uint32_t pid);
/* The metatable of a type of the machine's libraries; its methods are put in when it is new. */
RiTable *ri_machine_type(RiThread *T, const char *name, const RiLibFn *methods, uint32_t count);
/* The process that argument i names, by handle or number: its pid. */
uint32_t ri_arg_pid(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
/* The signal that argument i names, by name or number. */
uint32_t ri_arg_signal(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);

/* For functions that may have made a signal due for the current thread: its handler runs before they return. Return what this
 * returns, with one result; the function's resume is ri_deliver_resume. */
int32_t ri_deliver(RiThread *T, RiValue result);
int32_t ri_deliver_resume(RiThread *T, RiValue *args, uint32_t nargs);

#endif
