/* thread.*: pre-emptive threads within a process, with mutexes and conditions. They share all values; a thread is
 * interrupted at safe points only, so single operations of tables and strings are never seen half done. */
#include <errno.h>
#include <string.h>

#include "stdlib/handle.h"
#include "stdlib/libs.h"
#include "vm/exec/call.h"
#include "vm/exec/clone.h"
#include "vm/machine/sched.h"

typedef struct Mutex {
    uint32_t owner; /* tid; 0: free; FORKING_THREAD */
    uint32_t waiting;
} Mutex;

#define FORKING_THREAD UINT32_MAX /* the copy of the thread that called fork, not looked at yet */

static uint32_t arg_thread(RiThread *T, RiValue *args, uint32_t nargs)
{
    return *(uint32_t *)ri_arg_udata(T, args, nargs, 0, "thread");
}

static RiTask *find_task(const RiProc *proc, uint32_t tid)
{
    for (const RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        RiTask *task = ri_task_of_node((RiNode *)(uintptr_t)node);
        if (task->tid == tid)
            return task;
    }
    return NULL;
}

static RiValue new_thread_handle(RiThread *T, uint32_t tid);

/* -- Threads ------------------------------------------------------------------------------------------------------- */

static int32_t create(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_function(T, args, nargs, 0);
    RiTask *task = ri_thread_spawn(T, args[0], T->base + 1, nargs - 1);
    if (task == NULL)
        return ri_return_errno(T, errno);
    uint32_t tid = task->tid;
    return ri_return1(T->base, new_thread_handle(T, tid));
}

static int32_t join_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTask *self = ri_current_task(T);
    uint32_t tid = arg_thread(T, args, nargs);
    RiTable *threads = T->process->threads;
    RiValue results = threads != NULL ? ri_table_get_int(threads, tid) : ri_nil();
    if (ri_is_table(results)) {
        const RiTable *list = results.p;
        uint32_t count = (uint32_t)ri_table_get_int(list, 0).i;
        ri_push(T, results);
        ri_table_set_int(T->heap, threads, tid, ri_nil());
        ri_stack_reserve(T, count + 2);
        for (uint32_t i = 1; i <= count; i++)
            ri_push(T, ri_table_get_int(list, i));
        return ri_return_top(T, count);
    }
    if (find_task(T->process->proc, tid) == NULL)
        ri_error(T, "thread %u was joined or detached before", tid);
    if (self->tid == tid)
        ri_error(T, "a thread cannot join itself");
    if (self->timed_out && nargs > 1)
        return ri_return2(T->base, ri_nil(), ri_string_value(ri_str_from_cstr(T->heap, "timeout")));
    ri_check_deadlock(T);
    return ri_wait(T, &T->process->proc->task_count, nargs > 1 ? (uint64_t)args[1].i : 0, -1, 0);
}

static int32_t join(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 1 && !ri_is_nil(args[1]))
        ri_set_int(&args[1], (int64_t)ri_deadline(ri_arg_duration(T, args, nargs, 1)));
    else
        nargs = nargs > 1 ? 1 : nargs;
    T->top = args + nargs;
    ri_current_task(T)->timed_out = false;
    return join_resume(T, args, nargs);
}

static int32_t detach(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t tid = arg_thread(T, args, nargs);
    RiTask *task = find_task(T->process->proc, tid);
    if (task != NULL)
        task->detached = true;
    else if (T->process->threads != NULL)
        ri_table_set_int(T->heap, T->process->threads, tid, ri_nil());
    return 0;
}

static int32_t self(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    uint32_t tid = ri_current_task(T)->tid;
    return ri_return1(T->base, new_thread_handle(T, tid));
}

static int32_t id(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t tid = nargs > 0 ? arg_thread(T, args, nargs) : ri_current_task(T)->tid;
    return ri_return_int(T->base, tid);
}

static int32_t equal(RiThread *T, RiValue *args, uint32_t nargs)
{
    const uint32_t *a = ri_test_udata(T, ri_arg(args, nargs, 0), "thread"), *b = ri_test_udata(T, ri_arg(args, nargs, 1), "thread");
    return ri_return_bool(T->base, a != NULL && b != NULL && *a == *b);
}

static int32_t sleep_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTask *task = ri_current_task(T);
    if (!task->timed_out) {
        ri_check_deadlock(T);
        return ri_wait(T, NULL, (uint64_t)args[0].i, -1, 0);
    }
    return 0;
}

static int32_t sleep_for(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_set_int(&args[0], (int64_t)ri_deadline(ri_arg_duration(T, args, nargs, 0)));
    T->top = args + 1;
    return ri_wait(T, NULL, (uint64_t)args[0].i, -1, 0);
}

/* -- Mutexes ------------------------------------------------------------------------------------------------------- */

static Mutex *arg_mutex(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return ri_arg_udata(T, args, nargs, i, "mutex");
}

/* After a fork the thread that forked is the process's main one. */
static void settle_owner(RiThread *T, Mutex *m)
{
    const RiTask *main = T->process->proc->main;
    if (m->owner == FORKING_THREAD)
        m->owner = main != NULL ? main->tid : 0;
}

static bool try_take(RiThread *T, Mutex *m)
{
    settle_owner(T, m);
    if (m->owner != 0 && find_task(T->process->proc, m->owner) != NULL)
        return false;
    m->owner = ri_current_task(T)->tid; /* of a thread that died with it, too */
    return true;
}

static int32_t lock_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    Mutex *m = arg_mutex(T, args, nargs, 0);
    if (try_take(T, m))
        return ri_return_bool(T->base, true);
    if (m->owner == ri_current_task(T)->tid)
        ri_error(T, "this thread has locked the mutex already");
    if (ri_current_task(T)->timed_out && nargs > 1)
        return ri_return_bool(T->base, false);
    ri_check_deadlock(T);
    return ri_wait(T, m, nargs > 1 ? (uint64_t)args[1].i : 0, -1, 0);
}

static int32_t lock(RiThread *T, RiValue *args, uint32_t nargs)
{
    arg_mutex(T, args, nargs, 0);
    if (nargs > 1)
        ri_set_int(&args[1], (int64_t)ri_deadline(ri_arg_duration(T, args, nargs, 1)));
    T->top = args + (nargs > 2 ? 2 : nargs);
    ri_current_task(T)->timed_out = false;
    return lock_resume(T, args, (uint32_t)(T->top - args));
}

static int32_t try_lock(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return_bool(T->base, try_take(T, arg_mutex(T, args, nargs, 0)));
}

static void release(RiThread *T, Mutex *m)
{
    settle_owner(T, m);
    if (m->owner != ri_current_task(T)->tid)
        ri_error(T, "this thread has not locked the mutex");
    m->owner = 0;
    ri_wake(T->process->proc->machine, m, 1);
}

static int32_t unlock(RiThread *T, RiValue *args, uint32_t nargs)
{
    release(T, arg_mutex(T, args, nargs, 0));
    return 0;
}

/* -- Conditions ---------------------------------------------------------------------------------------------------- */

/* Frame: condition, mutex, deadline (0: none), how often the condition had been signalled; then, once it was, what to
 * return when the mutex has been taken again. */
static int32_t wait_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t *signalled = ri_arg_udata(T, args, nargs, 0, "condition");
    Mutex *m = arg_mutex(T, args, nargs, 1);
    RiTask *task = ri_current_task(T);
    if (nargs == 4 && *signalled == (uint64_t)args[3].i && !task->timed_out) {
        ri_check_deadlock(T);
        return ri_wait(T, signalled, (uint64_t)args[2].i, -1, 0);
    }
    if (nargs == 4)
        ri_push(T, ri_bool(*signalled != (uint64_t)args[3].i));
    if (!try_take(T, m)) {
        ri_check_deadlock(T);
        return ri_wait(T, m, 0, -1, 0);
    }
    return ri_return1(T->base, T->base[4]);
}

static int32_t wait_for(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t *signalled = ri_arg_udata(T, args, nargs, 0, "condition");
    Mutex *m = arg_mutex(T, args, nargs, 1);
    uint64_t deadline = ri_arg_is_none_or_nil(args, nargs, 2) ? 0 : ri_deadline(ri_arg_duration(T, args, nargs, 2));
    release(T, m);
    T->top = args + 2;
    ri_push(T, ri_int((int64_t)deadline));
    ri_push(T, ri_int((int64_t)*signalled));
    return ri_wait(T, signalled, deadline, -1, 0);
}

static int32_t wake_waiters(RiThread *T, RiValue *args, uint32_t nargs, uint32_t count)
{
    uint64_t *signalled = ri_arg_udata(T, args, nargs, 0, "condition");
    ++*signalled;
    ri_wake(T->process->proc->machine, signalled, count);
    return 0;
}

static int32_t signal_one(RiThread *T, RiValue *args, uint32_t nargs)
{
    return wake_waiters(T, args, nargs, 1);
}

static int32_t signal_all(RiThread *T, RiValue *args, uint32_t nargs)
{
    return wake_waiters(T, args, nargs, UINT32_MAX);
}

static const RiLibFn thread_methods[] = {
    RI_FN_RESUMABLE(join, join_resume, "thread:join", "t:join([seconds])", "See thread.join."),
    RI_FN(detach, "thread:detach", "t:detach()", "See thread.detach."),
    RI_FN(id, "thread:id", "t:id()", "Its number."),
    RI_FN(equal, "thread:__eq", "a == b", "The same thread?"),
};
static const RiLibFn mutex_methods[] = {
    RI_FN_RESUMABLE(lock, lock_resume, "mutex:lock", "m:lock([seconds])", "Waits until it is free, and takes it. False: timeout."),
    RI_FN(try_lock, "mutex:trylock", "m:trylock()", "Takes it if it is free; says whether it did."),
    RI_FN(unlock, "mutex:unlock", "m:unlock()", "Frees it."),
};
static const RiLibFn condition_methods[] = {
    RI_FN_RESUMABLE(wait_for, wait_resume, "condition:wait", "c:wait(mutex [, seconds])",
                    "Frees the mutex, waits for a signal, takes the mutex again. False: timeout."),
    RI_FN(signal_one, "condition:signal", "c:signal()", "Wakes one thread that waits."),
    RI_FN(signal_all, "condition:broadcast", "c:broadcast()", "Wakes all threads that wait."),
};
/* What the thread that forks has locked is locked by its copy; what others have locked is free, as they are not there. */
static bool fork_mutex(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why)
{
    Mutex *m = (Mutex *)(void *)u->data;
    (void)ri_udata_fork_bytes(clone, from, u, why);
    m->waiting = 0;
    const RiProc *parent = ri_clone_parent(clone)->proc;
    uint32_t owner = m->owner == FORKING_THREAD && parent->main != NULL ? parent->main->tid : m->owner;
    m->owner = owner != 0 && owner == parent->machine->current->tid ? FORKING_THREAD : 0;
    return true;
}

/* In a forked process, where the calling thread is alone, nobody waits for them. */
static const RiUserType thread_type = {.name = "thread", .fork = ri_udata_fork_bytes};
static const RiUserType mutex_type = {.name = "mutex", .fork = fork_mutex};
static const RiUserType condition_type = {.name = "condition", .fork = ri_udata_fork_bytes};

static RiValue new_object(RiThread *T, const RiUserType *type, const RiLibFn *methods, uint32_t count, size_t size)
{
    RiTable *meta = ri_machine_type(T, type->name, methods, count);
    RiUserdata *u = ri_udata_new(T->heap, size, 0);
    u->type = type;
    u->meta = meta;
    return ri_object(u, RI_TAG_USERDATA);
}

static RiValue new_thread_handle(RiThread *T, uint32_t tid)
{
    RiValue handle = new_object(T, &thread_type, thread_methods, RI_COUNTOF(thread_methods), sizeof tid);
    memcpy(((RiUserdata *)handle.p)->data, &tid, sizeof tid);
    return handle;
}

static int32_t new_mutex(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return1(T->base, new_object(T, &mutex_type, mutex_methods, RI_COUNTOF(mutex_methods), sizeof(Mutex)));
}

static int32_t new_condition(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return1(T->base,
                      new_object(T, &condition_type, condition_methods, RI_COUNTOF(condition_methods), sizeof(uint64_t)));
}

static const RiLibFn functions[] = {
    RI_FN(create, "thread.create", "thread.create(function, ...)",
          "Runs function(...) in a new thread. Returns its handle, or nil, a message and a number."),
    RI_FN(self, "thread.self", "thread.self()", "The handle of this thread."),
    RI_FN(id, "thread.id", "thread.id([thread])", "The number of a thread."),
    RI_FN_RESUMABLE(join, join_resume, "thread.join", "thread.join(thread [, seconds])",
                    "Waits for the end of a thread: true and what it returned, or false and the error; nil, \"timeout\"."),
    RI_FN(detach, "thread.detach", "thread.detach(thread)", "Nobody will join it."),
    RI_FN_RESUMABLE(sleep_for, sleep_resume, "thread.sleep", "thread.sleep(seconds)", "Lets this thread wait for a time."),
    RI_FN_RESUMABLE(ri_lib_give_way, ri_lib_give_way_resume, "thread.yield", "thread.yield()",
                    "Lets others run that are ready."),
    RI_FN(new_mutex, "thread.mutex", "thread.mutex()", "A lock for one thread at a time."),
    RI_FN(new_condition, "thread.condition", "thread.condition()", "Something to wait for, with a mutex."),
};

const RiLibrary ri_lib_thread = {"thread", functions, RI_COUNTOF(functions), NULL};
