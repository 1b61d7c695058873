/* fork: a process is cloned with all that belongs to it: objects (clone.c), pages, descriptors, signals. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/clone.h"
#include "vm/exec/engine.h"
#include "vm/exec/hooks.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/space.h"
#include "vm/machine/syscall.h"

/* Descriptors, and the streams that the clone has got. */
static bool inherit_files(RiThread *T, RiProc *child)
{
    RiProc *parent = T->process->proc;
    int copied = ri_files_copy(parent, child, true), count = ri_files_take_forked(parent, child);
    if (copied < 0 || count < 0)
        return false;
    return T->process->hooks->files_forked == NULL || T->process->hooks->files_forked(T, child->engine, (uint32_t)count);
}

static bool inherit_by_fork(RiThread *T, RiProc *child)
{
    const RiProc *parent = T->process->proc;
    if (!inherit_files(T, child))
        return false;
    if (parent->space != NULL && ri_space_fork(parent->space, child) == NULL)
        return false;
    for (uint32_t number = 1; parent->actions != NULL && number < RI_SIGNAL_COUNT; number++) {
        RiSignalAction action = ri_signal_action(parent, number);
        if (action != RI_SIGNAL_DEFAULT && ri_signal_set_action(child, number, action) != 0)
            return false;
    }
    return true;
}

/* The child's only thread goes on where `running` stands, a clone of the thread that forked. */
static bool make_forked_task(RiProc *proc, RiProcess *child, RiThread *running)
{
    RiThread *first = running;
    while (first->resumer != NULL)
        first = first->resumer;
    RiExecTask *x = ri_exec_task_new(proc->main, first);
    if (x == NULL)
        return false;
    child->main = first;
    child->threads = NULL;
    child->first_message = child->last_message = NULL;
    child->message_count = 0;
    child->message_bytes = 0;
    x->running = running;
    x->started = x->parked = x->resumes_library = x->is_fork = true;
    proc->main->mask = ri_current_task(running)->mask;
    return true;
}

uint32_t ri_process_fork(RiThread *T, RiString **refusal)
{
    RiProcess *parent = T->process;
    RiProc *proc = ri_proc_new(parent->proc->machine, parent->proc, parent->proc->name);
    *refusal = NULL;
    if (proc == NULL)
        return 0;
    RiThread *running = NULL;
    RiProcess *child = ri_process_clone(parent, &running, refusal);
    if (child == NULL) {
        ri_files_forget_forked(parent->proc);
        ri_proc_forget(proc);
        return 0;
    }
    proc->engine = child;
    child->proc = proc;
    child->step = parent->step;
    if (!inherit_by_fork(T, proc) || !make_forked_task(proc, child, running)) {
        ri_proc_forget(proc);
        errno = ENOMEM;
        return 0;
    }
    ri_process_take_limits(proc);
    proc->machine->stats.forks++;
    ri_task_ready(proc->main);
    return proc->pid;
}

static int64_t fork_call(RiTask *task)
{
    RiExecTask *x = task->engine;
    RiThread *T = ((RiProcess *)task->proc->engine)->heap->running;
    RiString *refusal;
    if (x->is_fork) { /* the same call, issued again in the child */
        x->is_fork = false;
        return 0;
    }
    uint32_t pid = ri_process_fork(T, &refusal);
    return pid != 0 ? (int64_t)pid : refusal != NULL ? -EBUSY : -(int64_t)errno;
}

/* Only noted: the library that makes the call for a guest replaces the process when the gate has been left. */
static int64_t exec_call(RiTask *task, const char *path, const char *args, size_t size)
{
    RiExecTask *x = task->engine;
    size_t path_size = strlen(path) + 1;
    char *text = malloc(path_size + size + 1);
    if (text == NULL)
        return -ENOMEM;
    memcpy(text, path, path_size);
    if (size > 0)
        memcpy(text + path_size, args, size);
    text[path_size + size] = '\0';
    free(x->exec_text);
    x->exec_text = text;
    x->exec_size = path_size + size;
    return 0;
}

const RiSysHooks ri_exec_sys_hooks = {.fork = fork_call, .exec = exec_call};
