/* process.*: guest processes: making, ending, waiting for and talking to them (doc/machine.md). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/handle.h"
#include "stdlib/libs.h"
#include "stdlib/policy_option.h"
#include "stdlib/stream.h"
#include "vm/exec/call.h"
#include "vm/exec/copy.h"
#include "vm/host/host.h"
#include "vm/machine/file.h"
#include "vm/machine/gate.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"


static RiProc *self_proc(const RiThread *T)
{
    return T->process->proc;
}

static RiProc *find(const RiThread *T, uint32_t pid)
{
    return ri_proc_find(self_proc(T)->machine, pid);
}

/* -- What a child is to be: options of spawn ---------------------------------------------------------------------- */

typedef struct Spawn {
    RiThread *T; /* the parent's */
    RiValue what;    /* file or function, as given */
    RiValue program; /* the function */
    RiTable *options; /* NULL: none */
    RiProcess *child;
    RiString *refusal;
    uint32_t nargs;
    RiFile *ends[3]; /* this process's ends of pipes to the child's standard streams, until they have become streams */
    RiTable *pipes;  /* the streams, by name; NULL: none was asked for */
    int error;       /* errno: it cannot be started */
} Spawn;

#define SPAWN_OPTIONS "args, limits, allow, deny, sandbox, priority, name, stdin, stdout, stderr, files"
static const char *const standard_names[] = {"stdin", "stdout", "stderr"};

static RiValue option(const Spawn *s, const char *name)
{
    return s->options != NULL ? ri_table_get_str(s->options, ri_str_from_cstr(s->T->heap, name)) : ri_nil();
}

/* A misspelt "allow" must not give a process all rights. */
static void check_options(const Spawn *s)
{
    static const char *const names[] = {"args", "limits", "allow", "deny", "sandbox", "priority",
                                        "name", "stdin", "stdout", "stderr", "files"};
    uint64_t pos = 0;
    RiValue key, v;
    while (s->options != NULL && ri_table_next_at(s->options, &pos, &key, &v)) {
        const char *name = ri_is_string(key) ? ri_str_cstr(s->T->heap, key.p) : ri_type_name(s->T, key);
        uint32_t i = 0;
        while (i < RI_COUNTOF(names) && strcmp(names[i], name) != 0)
            i++;
        if (i == RI_COUNTOF(names))
            ri_error(s->T, "bad option '%s' (known are " SPAWN_OPTIONS ")", name);
    }
}

static bool is_time(RiLimit limit)
{
    return limit == RI_LIMIT_CPU || limit == RI_LIMIT_TIME;
}

/* limits.NAME of the options. Never more than the parent's own. */
static void set_limits(const Spawn *s)
{
    RiValue limits = option(s, "limits");
    if (ri_is_nil(limits))
        return;
    if (!ri_is_table(limits))
        ri_error(s->T, "bad option 'limits' (table expected, got %s)", ri_type_name(s->T, limits));
    uint64_t pos = 0;
    RiValue key, v;
    while (ri_table_next_at(limits.p, &pos, &key, &v)) {
        RiLimit limit = 0;
        const char *name = ri_is_string(key) ? ri_str_cstr(s->T->heap, key.p) : "?";
        while (limit < RI_LIMIT_COUNT && strcmp(ri_limit_names[limit], name) != 0)
            limit++;
        if (limit == RI_LIMIT_COUNT)
            ri_error(s->T, "bad option 'limits': no limit is called '%s'", name);
        uint64_t amount;
        if (!(is_time(limit) ? ri_value_duration(v, &amount) : ri_value_size(v, &amount)))
            ri_error(s->T, "bad option 'limits.%s' (%s)", name,
                     is_time(limit) ? "a time expected: seconds, or such as \"300ms\"" : "a number expected, or such as \"8M\"");
        RiProc *proc = s->child->proc;
        if (amount < proc->limits[limit] && ri_proc_set_limit(proc, limit, amount) != 0)
            ri_error_memory(s->T);
    }
}

static void set_priority(const Spawn *s)
{
    RiValue v = option(s, "priority");
    int64_t priority;
    if (ri_is_nil(v))
        return;
    if (!ri_to_int(v, &priority) || priority < self_proc(s->T)->priority || priority >= RI_LEVELS)
        ri_error(s->T, "bad option 'priority' (from this process's own, %d, to %d)", self_proc(s->T)->priority, RI_LEVELS - 1);
    s->child->proc->priority = s->child->proc->main->level = (uint8_t)priority;
}

/* -- Its descriptors -- */

static bool is_word(RiThread *T, RiValue v, const char *word)
{
    return ri_is_string(v) && strcmp(ri_str_cstr(T->heap, v.p), word) == 0;
}

/* A new pipe's end for the child; the other one is kept. */
static RiFile *make_pipe(Spawn *s, int n)
{
    RiFile *ends[2]; /* for reading, for writing */
    s->error = -ri_pipe_new(self_proc(s->T)->machine, ends);
    if (s->error != 0)
        return NULL;
    s->ends[n] = ends[n == 0];
    return ends[n != 0];
}

static RiFile *open_null(Spawn *s)
{
    RiFile *file = NULL;
    int64_t status = ri_gate_open_device(ri_current_task(s->T), "/dev/null", RI_O_RDWR, &file);
    s->error = status < 0 ? (int)-status : 0;
    return status < 0 ? NULL : file;
}

static RiFile *file_of_descriptor(const Spawn *s, const char *name, int64_t descriptor)
{
    RiFile *file = ri_files_get(self_proc(s->T), descriptor);
    if (file == NULL)
        ri_error(s->T, "bad option '%s' (descriptor %d is not open)", name, (int)descriptor);
    return ri_file_retain(file);
}

static RiFile *file_of_stream(Spawn *s, const char *name, RiStream *stream)
{
    if (stream->close == NULL)
        ri_error(s->T, "bad option '%s' (the file is closed)", name);
    RiFile *file = ri_stream_to_file(s->T, stream);
    s->error = file == NULL ? errno : 0;
    return file;
}

/* What descriptor n of the child is to refer to, by option `name`: a reference, or NULL and s->error. */
static RiFile *file_option(Spawn *s, RiValue v, const char *name, int64_t n)
{
    RiThread *T = s->T;
    RiStream *stream = ri_test_udata(T, v, RI_STREAM_TYPE);
    int64_t descriptor;
    if (stream != NULL)
        return file_of_stream(s, name, stream);
    if (ri_is_number(v) && ri_to_int(v, &descriptor))
        return file_of_descriptor(s, name, descriptor);
    if (is_word(T, v, "null"))
        return open_null(s);
    if (n < 3 && s->ends[n] == NULL && is_word(T, v, "pipe"))
        return make_pipe(s, (int)n);
    if (n == 2 && is_word(T, v, "stdout"))
        return ri_file_retain(ri_files_get(s->child->proc, 1));
    ri_error(T, "bad option '%s' (a file, the number of a descriptor%s or \"null\" expected)", name,
             n == 2 ? ", \"pipe\", \"stdout\"" : n < 2 ? ", \"pipe\"" : "");
}

static void set_descriptor(Spawn *s, RiValue v, const char *name, int64_t n)
{
    if (s->error != 0 || ri_is_nil(v))
        return;
    RiFile *file = file_option(s, v, name, n);
    if (file == NULL)
        return;
    int status = ri_files_put(s->child->proc, file, n, false);
    s->error = status < 0 ? -status : 0;
}

/* files = {[3] = …}. */
static void set_files(Spawn *s)
{
    char name[40];
    RiValue files = option(s, "files"), key, v;
    uint64_t pos = 0;
    if (ri_is_nil(files))
        return;
    if (!ri_is_table(files))
        ri_error(s->T, "bad option 'files' (table expected, got %s)", ri_type_name(s->T, files));
    while (ri_table_next_at(files.p, &pos, &key, &v)) {
        if (!ri_is_int(key) || key.i < 0 || key.i >= RI_DESCRIPTOR_MAX)
            ri_error(s->T, "bad option 'files' (its keys are numbers of descriptors)");
        snprintf(name, sizeof name, "files[%d]", (int)key.i);
        set_descriptor(s, v, name, key.i);
    }
}

/* This process's ends of the pipes become streams, in a table. */
static void open_ends(Spawn *s)
{
    RiThread *T = s->T;
    for (int n = 0; n < 3 && s->error == 0; n++) {
        RiFile *end = s->ends[n];
        if (end == NULL)
            continue;
        if (s->pipes == NULL)
            s->pipes = ri_table_new(T->heap, 0, 3);
        RiUserdata *u = ri_stream_new(T);
        s->ends[n] = NULL;
        if (!ri_stream_open_over(T, ri_stream_of(u), end))
            s->error = errno;
        ri_table_set_str(T->heap, s->pipes, ri_str_from_cstr(T->heap, standard_names[n]), ri_object(u, RI_TAG_USERDATA));
    }
}

static void set_descriptors(Spawn *s)
{
    RiProc *proc = s->child->proc;
    for (int n = 0; n < 3; n++)
        set_descriptor(s, option(s, standard_names[n]), standard_names[n], n);
    set_files(s);
    open_ends(s);
    if (s->child->io != NULL)
        ri_stream_follow_descriptors(s->T, proc, s->child->io);
}

/* Copy a value for the child and push it on its stack. The caller makes sure that there is room. */
static void give(Spawn *s, RiValue v, const char *name)
{
    RiValue copy;
    RiString *refusal;
    if (!ri_copy_value_as(s->T->process, s->child, v, name, &copy, &refusal))
        ri_copy_refuse(s->T, refusal);
    ri_push(s->child->main, copy);
}

/* In the child: load the file and call it with the arguments. */
static int32_t run_file_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    (void)args;
    (void)nargs;
    return 0;
}

static int32_t run_file(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *path = ri_str_cstr(T->heap, args[0].p);
    if (ri_load_guest_file(T, path, NULL) != RI_OK)
        ri_throw(T, T->top[-1]);
    RiValue f = T->top[-1];
    T->top--;
    ri_process_set_program(T->process, f);
    ri_stack_reserve(T, 2);
    args = T->base;
    for (uint32_t i = nargs; i-- > 1;) /* f, link, arguments in place of path, arguments */
        ri_copy(&args[i + 1], &args[i]);
    ri_store(&args[0], f);
    args[1].u = 0;
    args[1].tag = RI_TAG_LINK;
    T->top = args + nargs + 1;
    return ri_lib_call(T, nargs - 1, 0);
}

static const RiLibFn run_file_row =
    RI_FN_RESUMABLE(run_file, run_file_resume, "process.spawn:file", "(path, ...)", "Body of a process that runs a file.");

/* The child's global `arg`. Its arguments are on top of its stack. */
static void make_arg_table(const Spawn *s, const RiString *path)
{
    RiHeap *heap = s->T->heap;
    RiThread *child = s->child->main;
    RiTable *arg = ri_table_new(heap, s->nargs, 0);
    ri_push(child, ri_table_value(arg));
    ri_table_set_int(heap, arg, 0, ri_string_value(path));
    for (uint32_t i = 1; i <= s->nargs; i++)
        ri_table_set_int(heap, arg, i, child->top[(int32_t)i - 2 - (int32_t)s->nargs]);
    ri_table_set_str(heap, s->child->globals, ri_str_from_cstr(heap, "arg"), ri_table_value(arg));
    child->top--;
}

static void give_arguments(Spawn *s)
{
    RiValue args = option(s, "args");
    if (ri_is_nil(args))
        return;
    if (!ri_is_table(args))
        ri_error(s->T, "bad option 'args' (table expected, got %s)", ri_type_name(s->T, args));
    int64_t count = ri_length(s->T, args);
    if (count > 100000)
        ri_error(s->T, "too many arguments for a process");
    ri_stack_reserve(s->child->main, (uint32_t)count + 4);
    char name[32];
    for (int64_t i = 1; i <= count; i++) {
        snprintf(name, sizeof name, "args[%d]", (int)i);
        give(s, ri_table_get_int(args.p, i), name);
        s->nargs++;
    }
}

static void prepare_child(RiThread *T, void *argument)
{
    Spawn *s = argument;
    set_limits(s);
    set_priority(s);
    set_descriptors(s);
    ri_set_policy_options(T, s->child->proc, option(s, "sandbox"), option(s, "allow"), option(s, "deny"));
    ri_process_prepare(s->child, ri_nil());
    RiValue f;
    RiString *refusal;
    if (!ri_copy_value_as(T->process, s->child, s->program, "function", &f, &refusal))
        ri_copy_refuse(T, refusal);
    ri_store(s->child->main->top - 2, f);
    ri_process_set_program(s->child, f);
    give_arguments(s);
    if (ri_is_string(s->what))
        make_arg_table(s, s->what.p);
}

/* The file is no program: nil, the message on top, errno. */
static int32_t return_not_loaded(RiThread *T, int status)
{
    int error = status == RI_ERRFILE ? errno : status == RI_ERRMEM ? ENOMEM : ENOEXEC;
    RiValue message = T->top[-1];
    return ri_return3(T->base, ri_nil(), message, ri_int(error));
}

/* The child is not to be. */
static void abandon(const Spawn *s)
{
    for (int n = 0; n < 3; n++)
        ri_file_release(s->ends[n]);
    ri_process_abandon(s->child);
}

static int32_t spawn(RiThread *T, RiValue *args, uint32_t nargs)
{
    Spawn s = {.T = T, .what = ri_arg(args, nargs, 0)};
    if (!ri_is_string(s.what) && !ri_is_function(s.what))
        ri_arg_type_error(T, args, nargs, 0, "function or file name");
    if (!ri_arg_is_none_or_nil(args, nargs, 1))
        s.options = ri_arg_table(T, args, nargs, 1);
    check_options(&s);
    RiValue name = option(&s, "name");
    const char *text = ri_is_string(name) ? ri_str_cstr(T->heap, name.p)
                       : ri_is_string(s.what) ? ri_str_cstr(T->heap, s.what.p)
                                              : self_proc(T)->name;
    s.program = s.what;
    if (ri_is_string(s.what)) { /* with the parent's rights: the child's may not include its own program */
        int status = ri_load_guest_file(T, ri_str_cstr(T->heap, s.what.p), NULL);
        if (status != RI_OK)
            return return_not_loaded(T, status);
        s.program = T->top[-1]; /* stays there, for the collector */
    }
    s.child = ri_process_spawn(T, text);
    if (s.child == NULL) {
        int error = errno;
        ri_trace_call(T, "spawn", "process", -error, "%s", text);
        return ri_return_errno(T, error);
    }
    RiCallStatus status = ri_try(T, prepare_child, &s);
    if (status != RI_OK) {
        RiValue error = T->error;
        abandon(&s);
        ri_throw_status(T, status, error);
    }
    if (s.error != 0) {
        abandon(&s);
        ri_trace_call(T, "spawn", "process", -s.error, "%s", text);
        return ri_return_errno(T, s.error);
    }
    uint32_t pid = s.child->proc->pid;
    ri_trace_call(T, "spawn", "process", pid, "%s", text);
    ri_process_start(s.child, s.nargs);
    RiValue pipes = s.pipes != NULL ? ri_table_value(s.pipes) : ri_nil();
    ri_push(T, pipes);
    RiValue handle = ri_process_handle(T, pid);
    return s.pipes != NULL ? ri_return2(T->base, handle, pipes) : ri_return1(T->base, handle);
}

/* -- fork ----------------------------------------------------------------------------------------------------------- */

/* The child's copy of this frame is resumed; the parent's returns at once. */
static int32_t fork_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_exec_task(T)->is_fork = false;
    return ri_return_int(T->base, 0);
}

static int32_t fork_process(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    RiString *refusal;
    ri_stream_flush_all(T); /* or both would write it */
    uint32_t pid = ri_process_fork(T, &refusal);
    int error = errno;
    if (refusal != NULL)
        ri_error(T, "%s", ri_str_cstr(T->heap, refusal));
    ri_trace_call(T, "fork", "process", pid != 0 ? (int64_t)pid : -error, "%s", "");
    if (pid == 0)
        return ri_return_errno(T, error);
    return ri_return2(T->base, ri_int(pid), ri_process_handle(T, pid));
}

/* -- exec ----------------------------------------------------------------------------------------------------------- */

/* Become the program in the file that lies at T->base[0], with the `nargs` values from T->base[1] on as arguments. Returns
 * only if that fails, with the results for the caller. */
static int32_t become_file(RiThread *T, uint32_t nargs)
{
    const char *path = ri_str_cstr(T->heap, T->base[0].p);
    int status = ri_load_guest_file(T, path, NULL);
    if (status != RI_OK) /* better known while there is somebody to tell */
        return return_not_loaded(T, status);
    T->top--;
    RiProcess *next = ri_process_new_image(T);
    if (next == NULL)
        ri_error_memory(T);
    Spawn s = {.T = T, .what = T->base[0], .child = next, .nargs = nargs};
    ri_process_prepare(next, ri_object(&run_file_row, RI_TAG_LIBFN));
    ri_stack_reserve(next->main, nargs + 5);
    for (uint32_t i = 0; i <= nargs; i++)
        ri_push(next->main, T->base[i]);
    make_arg_table(&s, s.what.p);
    ri_trace_call(T, "exec", "process", 0, "\"%s\"", path);
    ri_proc_set_name(self_proc(T), path);
    ri_stream_flush_all(T);
    ri_files_exec(self_proc(T));
    if (self_proc(T)->files != NULL)
        self_proc(T)->files->standard_changed = true; /* these are new streams */
    ri_stream_follow_descriptors(T, self_proc(T), next->io);
    ri_process_replace(T, next, nargs + 1);
}

int32_t ri_process_exec_granted(RiThread *T)
{
    RiExecTask *x = ri_exec_task(T);
    const char *text = x->exec_text;
    uint32_t count = 0;
    T->top = T->base;
    for (size_t at = 0; at < x->exec_size && count < 1000; at += strlen(text + at) + 1, count++) {
        ri_stack_reserve(T, 3);
        ri_push(T, ri_string_value(ri_str_from_cstr(T->heap, text + at)));
    }
    return become_file(T, count - 1);
}

static int32_t exec_file(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)ri_arg_str(T, args, nargs, 0);
    for (uint32_t i = 1; i < nargs; i++)
        (void)ri_arg_str(T, args, nargs, i);
    return become_file(T, nargs - 1);
}

/* -- Ending --------------------------------------------------------------------------------------------------------- */

static int32_t exit_process(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t status = 0;
    if (nargs > 0 && (args[0].tag == RI_TAG_FALSE || args[0].tag == RI_TAG_TRUE))
        status = args[0].tag == RI_TAG_FALSE;
    else
        status = ri_arg_opt_int(T, args, nargs, 0, 0);
    ri_trace_call(T, "exit", "process", 0, "%d", (int)(status & 255));
    ri_process_exit(T, (int32_t)(status & 255));
}

/* Frame: pid (0: any child), flags. */
enum { NO_HANG = 1, STOPPED = 2 };

static int32_t return_report(RiThread *T, RiProc *child)
{
    RiHeap *heap = T->heap;
    uint32_t pid = child->pid;
    if (child->state == RI_PROC_STOPPED) {
        child->reported_stop = true;
        return ri_return3(T->base, ri_int(pid), ri_string_value(ri_str_from_cstr(heap, "stop")), ri_int(0));
    }
    RiValue code = ri_int(child->exit_status);
    const char *what = "exit";
    char text[80];
    if (child->doom == RI_DOOM_SIGNAL) {
        what = "signal";
        code = ri_int(child->doom_signal);
    } else if (child->doom >= RI_DOOM_MEMORY) {
        what = "limit";
        ri_doom_describe(child, text, sizeof text);
        code = ri_string_value(ri_str_from_cstr(heap, text));
    }
    ri_trace_call(T, "wait", "process", pid, "%u, %s", pid, what);
    ri_proc_reap(child);
    ri_push(T, code);
    return ri_return3(T->base, ri_int(pid), ri_string_value(ri_str_from_cstr(heap, what)), code);
}

static int32_t wait_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiProc *proc = self_proc(T);
    uint32_t pid = (uint32_t)args[0].i, flags = (uint32_t)args[1].i;
    RiProc *child = ri_proc_reportable(proc, pid, flags & STOPPED);
    if (child != NULL)
        return return_report(T, child);
    if (errno == ECHILD)
        return ri_return_errno(T, ECHILD);
    RiTask *task = ri_current_task(T);
    if (flags & NO_HANG || (task->timed_out && args[2].i != 0))
        return ri_return2(T->base, ri_nil(), ri_string_value(ri_str_from_cstr(T->heap, flags & NO_HANG ? "running" : "timeout")));
    ri_check_deadlock(T);
    return ri_wait(T, &proc->children, (uint64_t)args[2].i, -1, 0);
}

/* wait([process], [seconds | "nohang" | "stopped"]) */
static int32_t wait_child(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t pid = ri_arg_is_none_or_nil(args, nargs, 0) ? 0 : ri_arg_pid(T, args, nargs, 0), flags = 0;
    uint64_t deadline = 0;
    for (uint32_t i = 1; i < nargs; i++) {
        if (ri_is_string(args[i]) && strcmp(ri_str_data(args[i].p), "nohang") == 0)
            flags |= NO_HANG;
        else if (ri_is_string(args[i]) && strcmp(ri_str_data(args[i].p), "stopped") == 0)
            flags |= STOPPED;
        else if (!ri_is_nil(args[i]))
            deadline = ri_deadline(ri_arg_duration(T, args, nargs, i));
    }
    T->top = args;
    ri_push(T, ri_int(pid));
    ri_push(T, ri_int(flags));
    ri_push(T, ri_int((int64_t)deadline));
    ri_current_task(T)->timed_out = false;
    return wait_resume(T, T->base, 3);
}

static int32_t kill_process(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t pid = ri_arg_pid(T, args, nargs, 0), number = RI_SIGTERM;
    if (nargs > 1 && args[1].tag == RI_TAG_INT && args[1].i == 0)
        number = 0;
    else if (!ri_arg_is_none_or_nil(args, nargs, 1))
        number = ri_arg_signal(T, args, nargs, 1);
    RiProc *proc = find(T, pid);
    int error = proc == NULL ? ESRCH : !ri_proc_may_signal(self_proc(T), proc) ? EPERM : 0;
    ri_trace_call(T, "kill", "process", -error, "%u, %s", pid, number != 0 ? ri_signal_name(number) : "0");
    if (error != 0)
        return ri_return_errno(T, error);
    ri_signal_send(proc, number);
    return ri_deliver(T, ri_bool(true));
}

/* -- Messages ------------------------------------------------------------------------------------------------------- */

/* Frame: process, value. */
static int32_t send_message(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t pid = ri_arg_pid(T, args, nargs, 0);
    ri_arg_check_any(T, args, nargs, 1);
    RiProc *proc = find(T, pid);
    if (proc == NULL || proc->engine == NULL || proc->doom != RI_DOOM_NONE)
        return ri_return_errno(T, ESRCH);
    RiProcess *to = proc->engine;
    if (ri_mailbox_is_full(to) && to != T->process) {
        ri_check_deadlock(T);
        return ri_wait(T, &to->message_count, 0, -1, 0);
    }
    RiValue copy;
    RiString *refusal;
    if (!ri_copy_value(T->process, to, args[1], &copy, &refusal))
        ri_copy_refuse(T, refusal);
    ri_mailbox_put(to, copy, self_proc(T)->pid);
    ri_trace_call(T, "send", "message", 0, "%u, %s", pid, ri_type_names[ri_type(T->base[1])]);
    self_proc(T)->usage.messages_sent++;
    self_proc(T)->machine->stats.messages++;
    return ri_return_bool(T->base, true);
}

/* Frame: sender (0: anybody), deadline. Could anybody still send? If the sender is gone, nobody will. */
static int32_t receive_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiProcess *process = T->process;
    uint32_t sender = (uint32_t)args[0].i, from;
    RiValue v;
    if (ri_mailbox_take(process, sender, &v, &from)) {
        process->proc->usage.messages_received++;
        ri_trace_call(T, "receive", "message", from, "%s", ri_type_names[ri_type(v)]);
        return ri_return2(T->base, v, ri_int(from));
    }
    RiProc *proc = sender != 0 ? find(T, sender) : NULL;
    if (sender != 0 && (proc == NULL || proc->engine == NULL))
        return ri_return2(T->base, ri_nil(), ri_string_value(ri_str_from_cstr(T->heap, "closed")));
    if (ri_current_task(T)->timed_out && args[1].i != 0)
        return ri_return2(T->base, ri_nil(), ri_string_value(ri_str_from_cstr(T->heap, "timeout")));
    ri_check_deadlock(T);
    if (proc != NULL) {
        proc->is_awaited = true;
        proc->is_awaited_by_others |= proc->parent != process->proc;
    }
    return ri_wait(T, &process->proc->mailbox, (uint64_t)args[1].i, -1, 0);
}

static int32_t receive_from(RiThread *T, uint32_t sender, uint64_t deadline)
{
    T->top = T->base;
    ri_push(T, ri_int(sender));
    ri_push(T, ri_int((int64_t)deadline));
    ri_current_task(T)->timed_out = false;
    return receive_resume(T, T->base, 2);
}

/* process.receive([seconds]) */
static int32_t receive_any(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t deadline = ri_arg_is_none_or_nil(args, nargs, 0) ? 0 : ri_deadline(ri_arg_duration(T, args, nargs, 0));
    return receive_from(T, 0, deadline);
}

/* handle:receive([seconds]) */
static int32_t receive_one(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t sender = ri_arg_pid(T, args, nargs, 0);
    uint64_t deadline = ri_arg_is_none_or_nil(args, nargs, 1) ? 0 : ri_deadline(ri_arg_duration(T, args, nargs, 1));
    return receive_from(T, sender, deadline);
}

/* -- Time and turns ------------------------------------------------------------------------------------------------- */

/* Frame: deadline, which is also the channel's witness. Returns what is left of the time, if it was woken. */
static int32_t sleep_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTask *task = ri_current_task(T);
    ri_check_deadlock(T);
    uint64_t now = ri_host_monotonic_ns(), wake = (uint64_t)args[0].i;
    double left = task->timed_out || wake == 0 || now >= wake ? 0 : (double)(wake - now) / 1e9;
    return ri_return_float(T->base, left);
}

static int32_t sleep_for(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t wake = ri_arg_is_none_or_nil(args, nargs, 0) ? 0 : ri_deadline(ri_arg_duration(T, args, nargs, 0));
    T->top = T->base;
    ri_push(T, ri_int((int64_t)wake));
    return ri_wait(T, &self_proc(T)->usage, wake, -1, 0);
}

static int32_t wakeup(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiProc *proc = find(T, ri_arg_pid(T, args, nargs, 0));
    if (proc == NULL)
        return ri_return_errno(T, ESRCH);
    return ri_return_bool(T->base, ri_wake(proc->machine, &proc->usage, UINT32_MAX) > 0);
}

/* -- Who and what --------------------------------------------------------------------------------------------------- */

static int32_t getpid(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t pid = nargs > 0 ? ri_arg_pid(T, args, nargs, 0) : self_proc(T)->pid;
    return ri_return_int(T->base, pid);
}

static int32_t getppid(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    const RiProc *parent = self_proc(T)->parent;
    return ri_return_int(T->base, parent != NULL ? parent->pid : 0);
}

static int32_t self(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return1(T->base, ri_process_handle(T, self_proc(T)->pid));
}

static int32_t parent(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    const RiProc *proc = self_proc(T)->parent;
    return proc != NULL ? ri_return1(T->base, ri_process_handle(T, proc->pid)) : ri_return_nil(T->base);
}

static RiProc *arg_proc_or_self(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_arg_is_none_or_nil(args, nargs, 0) ? self_proc(T) : find(T, ri_arg_pid(T, args, nargs, 0));
}

static int32_t getpriority(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiProc *proc = arg_proc_or_self(T, args, nargs);
    return proc == NULL ? ri_return_errno(T, ESRCH) : ri_return_int(T->base, proc->priority);
}

static int32_t setpriority(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiProc *proc = arg_proc_or_self(T, args, nargs);
    int64_t priority = ri_arg_int(T, args, nargs, 1);
    RI_ARG_CHECK(T, priority >= 0 && priority < RI_LEVELS, 1, "priorities are 0 (urgent) to 7");
    if (proc == NULL)
        return ri_return_errno(T, ESRCH);
    if (!ri_proc_may_signal(self_proc(T), proc) || (priority < proc->priority && self_proc(T) != proc->machine->init))
        return ri_return_errno(T, EPERM);
    proc->priority = (uint8_t)priority;
    return ri_return_bool(T->base, true);
}

static void set_field(RiThread *T, RiTable *t, const char *name, RiValue v)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, name), v);
}

static int32_t getrusage(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiProc *proc = arg_proc_or_self(T, args, nargs);
    if (proc == NULL || proc->engine == NULL)
        return ri_return_errno(T, ESRCH);
    RiAccountStats memory;
    ri_account_stats(&((RiProcess *)proc->engine)->account, &memory);
    RiTable *t = ri_table_new(T->heap, 0, 16);
    ri_push(T, ri_table_value(t));
    const RiUsage *u = &proc->usage;
    set_field(T, t, "cpu", ri_float((double)ri_proc_cpu_ns(proc) / 1e9));
    set_field(T, t, "children_cpu", ri_float((double)u->children_cpu_ns / 1e9));
    set_field(T, t, "elapsed", ri_float((double)(ri_host_monotonic_ns() - u->start_ns) / 1e9));
    set_field(T, t, "memory", ri_int((int64_t)memory.used_bytes));
    set_field(T, t, "pages", ri_int((int64_t)proc->memory_bytes));
    set_field(T, t, "collections", ri_int((int64_t)memory.collections));
    set_field(T, t, "collect_time", ri_float((double)memory.collect_ns / 1e9));
    set_field(T, t, "switches", ri_int((int64_t)u->switches));
    set_field(T, t, "preemptions", ri_int((int64_t)u->preemptions));
    set_field(T, t, "faults", ri_int((int64_t)u->faults));
    set_field(T, t, "syscalls", ri_int((int64_t)u->syscalls));
    set_field(T, t, "signals", ri_int((int64_t)u->signals));
    set_field(T, t, "sent", ri_int((int64_t)u->messages_sent));
    set_field(T, t, "received", ri_int((int64_t)u->messages_received));
    set_field(T, t, "output", ri_int((int64_t)u->output_bytes));
    set_field(T, t, "threads", ri_int(proc->task_count));
    T->top--;
    return ri_return1(T->base, ri_table_value(t));
}

static int32_t times(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    RiProc *proc = self_proc(T);
    return ri_return3(T->base, ri_float((double)ri_proc_cpu_ns(proc) / 1e9),
                      ri_float((double)proc->usage.children_cpu_ns / 1e9),
                      ri_float((double)(ri_host_monotonic_ns() - proc->usage.start_ns) / 1e9));
}

static RiLimit arg_limit(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const names[] = {
#define LIMIT(id, name, unit, doc) name,
#include "vm/machine/limits.def"
#undef LIMIT
        NULL};
    return (RiLimit)ri_arg_option(T, args, nargs, 0, NULL, names);
}

static RiValue limit_value(RiLimit limit, uint64_t amount)
{
    if (amount == RI_NO_LIMIT)
        return ri_nil();
    return is_time(limit) ? ri_float((double)amount / 1e9) : ri_int(amount > INT64_MAX ? INT64_MAX : (int64_t)amount);
}

static int32_t getrlimit(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiLimit limit = arg_limit(T, args, nargs);
    return ri_return1(T->base, limit_value(limit, self_proc(T)->limits[limit]));
}

static int32_t setrlimit(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiLimit limit = arg_limit(T, args, nargs);
    RiProc *proc = self_proc(T);
    uint64_t amount;
    RiValue v = ri_arg(args, nargs, 1);
    RI_ARG_CHECK(T, is_time(limit) ? ri_value_duration(v, &amount) : ri_value_size(v, &amount), 1, "not an amount");
    if (amount > proc->limits[limit])
        return ri_return_errno(T, EPERM); /* limits are only ever lowered */
    int error = ri_proc_set_limit(proc, limit, amount);
    return error != 0 ? ri_return_errno(T, -error) : ri_return_bool(T->base, true);
}

static int32_t list(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const states[] = {"alive", "stopped", "zombie"};
    (void)args;
    (void)nargs;
    const RiMachine *machine = self_proc(T)->machine;
    RiTable *all = ri_table_new(T->heap, machine->process_count, 0);
    ri_push(T, ri_table_value(all));
    int64_t count = 0;
    for (uint32_t pid = 1; pid < machine->next_pid && count < machine->process_count; pid++) {
        const RiProc *proc = ri_proc_find((RiMachine *)(uintptr_t)machine, pid);
        if (proc == NULL)
            continue;
        RiTable *t = ri_table_new(T->heap, 0, 8);
        ri_table_set_int(T->heap, all, ++count, ri_table_value(t));
        set_field(T, t, "pid", ri_int(proc->pid));
        set_field(T, t, "parent", ri_int(proc->parent != NULL ? proc->parent->pid : 0));
        set_field(T, t, "name", ri_string_value(ri_str_from_cstr(T->heap, proc->name)));
        set_field(T, t, "state", ri_string_value(ri_str_from_cstr(T->heap, states[proc->state])));
        set_field(T, t, "threads", ri_int(proc->task_count));
        set_field(T, t, "cpu", ri_float((double)proc->usage.cpu_ns / 1e9));
    }
    T->top--;
    return ri_return1(T->base, ri_table_value(all));
}

/* -- Handles -------------------------------------------------------------------------------------------------------- */

static int32_t handle_tostring(RiThread *T, RiValue *args, uint32_t nargs)
{
    char text[32];
    snprintf(text, sizeof text, "process %u", ri_arg_pid(T, args, nargs, 0));
    return ri_return_string(T->base, ri_str_from_cstr(T->heap, text));
}

static int32_t handle_equal(RiThread *T, RiValue *args, uint32_t nargs)
{
    const uint32_t *a = ri_test_udata(T, ri_arg(args, nargs, 0), "process"),
                   *b = ri_test_udata(T, ri_arg(args, nargs, 1), "process");
    return ri_return_bool(T->base, a != NULL && b != NULL && *a == *b);
}

static int32_t handle_status(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const states[] = {"alive", "stopped", "zombie"};
    const RiProc *proc = find(T, ri_arg_pid(T, args, nargs, 0));
    return ri_return_string(T->base, ri_str_from_cstr(T->heap, proc != NULL ? states[proc->state] : "gone"));
}

#define WAIT_DOC "Waits for a child: its number and \"exit\", status or \"signal\", number or \"limit\", text or \"stop\", 0."
static const RiLibFn functions[] = {
    RI_FN(spawn, "process.spawn",
          "process.spawn(file or function [, {args=, limits=, allow=, deny=, sandbox=, priority=, name=, stdin=, stdout=, "
          "stderr=, files=}])",
          "Starts a process. Returns its handle and, if a standard stream is to be a \"pipe\", a table of the other ends; or "
          "nil, a message and a number."),
    RI_FN_RESUMABLE(fork_process, fork_resume, "process.fork", "process.fork()",
                    "Makes a copy of this process, which goes on from here as well: the child's number and handle in the parent, "
                    "0 in the child; nil, a message and a number."),
    RI_FN(exec_file, "process.exec", "process.exec(file, ...)",
          "Runs another program in this process, for good. Returns only if it cannot: nil, a message and a number."),
    RI_FN(exit_process, "process.exit", "process.exit([status])", "Ends this process."),
    RI_FN_RESUMABLE(wait_child, wait_resume, "process.wait", "process.wait([process [, seconds or \"nohang\" or \"stopped\"]])",
                    WAIT_DOC),
    RI_FN_RESUMABLE(wait_child, wait_resume, "process.waitpid", "process.waitpid(process [, …])", "The same as process.wait."),
    RI_FN_RESUMABLE(kill_process, ri_deliver_resume, "process.kill", "process.kill(process [, signal])", "Sends a signal, TERM if none is named."),
    RI_FN_RESUMABLE(send_message, send_message, "process.send", "process.send(process, value)",
                    "Sends a copy of the value. Returns true, or nil, a message and a number."),
    RI_FN_RESUMABLE(receive_any, receive_resume, "process.receive", "process.receive([seconds])",
                    "Waits for a message: the value and the sender's number; nil, \"timeout\"."),
    RI_FN_RESUMABLE(sleep_for, sleep_resume, "process.sleep", "process.sleep([seconds])",
                    "Waits for a time, or process.wakeup. Returns the seconds that were left."),
    RI_FN(wakeup, "process.wakeup", "process.wakeup(process)", "Ends its process.sleep. Says whether it slept."),
    RI_FN_RESUMABLE(ri_lib_give_way, ri_lib_give_way_resume, "process.yield", "process.yield()",
                    "Lets others run that are ready."),
    RI_FN(getpid, "process.getpid", "process.getpid([process])", "The number of this process."),
    RI_FN(getppid, "process.getppid", "process.getppid()", "The parent's number; 0: there is none."),
    RI_FN(self, "process.self", "process.self()", "A handle of this process."),
    RI_FN(parent, "process.parent", "process.parent()", "A handle of the parent, or nil."),
    RI_FN(getpriority, "process.getpriority", "process.getpriority([process])", "0 (urgent) to 7."),
    RI_FN(setpriority, "process.setpriority", "process.setpriority(process or nil, priority)", "Sets it."),
    RI_FN(getrusage, "process.getrusage", "process.getrusage([process])", "What it has used so far: a table."),
    RI_FN(times, "process.times", "process.times()", "Seconds: processor time, that of its dead children, elapsed."),
    RI_FN(getrlimit, "process.getrlimit", "process.getrlimit(name)", "A limit of this process, or nil."),
    RI_FN(setrlimit, "process.setrlimit", "process.setrlimit(name, amount)", "Lowers a limit."),
    RI_FN(list, "process.list", "process.list()", "All processes: {pid=, parent=, name=, state=, threads=, cpu=}."),
};

static const RiLibFn methods[] = {
    RI_FN_RESUMABLE(send_message, send_message, "process:send", "p:send(value)", "See process.send."),
    RI_FN_RESUMABLE(receive_one, receive_resume, "process:receive", "p:receive([seconds])",
                    "Waits for a message of this process: the value; nil, \"closed\" when it has ended, \"timeout\"."),
    RI_FN_RESUMABLE(wait_child, wait_resume, "process:wait", "p:wait([…])", "See process.wait."),
    RI_FN_RESUMABLE(kill_process, ri_deliver_resume, "process:kill", "p:kill([signal])", "See process.kill."),
    RI_FN(getpid, "process:pid", "p:pid()", "Its number."),
    RI_FN(wakeup, "process:wakeup", "p:wakeup()", "See process.wakeup."),
    RI_FN(handle_status, "process:status", "p:status()", "\"alive\", \"stopped\", \"zombie\" or \"gone\"."),
    RI_FN(getrusage, "process:getrusage", "p:getrusage()", "See process.getrusage."),
    RI_FN(handle_tostring, "process:__tostring", "tostring(p)", "\"process 2\"."),
    RI_FN(handle_equal, "process:__eq", "p == q", "The same process?"),
};

static RiUserdata *copy_handle(RiProcess *to, const RiUserdata *u, const char **why)
{
    uint32_t pid;
    (void)why;
    memcpy(&pid, u->data, sizeof pid);
    return ri_process_handle(to->main, pid).p;
}

static const RiUserType handle_type = {.name = "process", .copy = copy_handle, .fork = ri_udata_fork_bytes};

RiValue ri_process_handle(RiThread *T, uint32_t pid)
{
    RiTable *meta = ri_machine_type(T, "process", methods, RI_COUNTOF(methods));
    RiUserdata *u = ri_udata_new(T->heap, sizeof pid, 0);
    u->type = &handle_type;
    memcpy(u->data, &pid, sizeof pid);
    u->meta = meta;
    return ri_object(u, RI_TAG_USERDATA);
}

const RiLibrary ri_lib_process = {"process", functions, RI_COUNTOF(functions), NULL};
