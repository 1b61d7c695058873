/* What a guest finds of the embedding program: require("host"), the program's devices, and where its output goes. */
#include "vm/embed/rille_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib/handle.h"
#include "stdlib/stream.h"
#include "vm/exec/call.h"
#include "vm/host/host.h"
#include "vm/machine/file.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/object/table.h"

/* -- Calls --------------------------------------------------------------------------------------------------------- */

struct rille_call {
    RiThread *T;
    RiHostCall *row;
    RiValue result;
    uint32_t again_ms;
    bool is_again;
    char message[200];
};

static rille_machine *machine_of(const RiThread *T)
{
    return T->process->proc->machine->owner;
}

static const char *const letter_names[128] = {
    ['i'] = "integer", ['n'] = "number", ['b'] = "boolean", ['s'] = "string", ['t'] = "table", ['v'] = "value"};

/* Check an argument by its letter; numbers and strings convert as library functions have it. */
static void check_argument(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, char letter)
{
    switch (letter) {
    case 'i':
        args[i] = ri_int(ri_arg_int(T, args, nargs, i));
        break;
    case 'n':
        args[i] = ri_float(ri_arg_float(T, args, nargs, i));
        break;
    case 's':
        args[i] = ri_string_value(ri_arg_str(T, args, nargs, i));
        break;
    case 'b':
        if (i >= nargs || (args[i].tag != RI_TAG_TRUE && args[i].tag != RI_TAG_FALSE))
            ri_arg_type_error(T, args, nargs, i, "boolean");
        break;
    case 't':
        (void)ri_arg_table(T, args, nargs, i);
        break;
    default:
        ri_arg_check_any(T, args, nargs, i);
    }
}

/* Arguments checked, and as many of them as the signature has: what is left out is nil. Returns how many. */
static uint32_t check_arguments(RiThread *T, const RiHostCall *row, uint32_t nargs)
{
    uint32_t count = 0;
    bool is_optional = false;
    ri_stack_reserve(T, sizeof row->signature);
    for (const char *letter = row->signature; *letter != '\0'; letter++) {
        if (*letter == '?') {
            is_optional = true;
            continue;
        }
        if (count >= nargs)
            ri_set_nil(T->base + count);
        if (!is_optional || !ri_arg_is_none_or_nil(T->base, nargs, count))
            check_argument(T, T->base, nargs, count, *letter);
        count++;
    }
    T->top = T->base + count;
    return count;
}

static int32_t carry_out(RiThread *T, bool is_again);

static int32_t resume_call(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return carry_out(T, true);
}

static int32_t first_call(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    RiHostCall *row = (RiHostCall *)(void *)((char *)T->base[-2].p - offsetof(RiHostCall, fn));
    const rille_process *process = ri_rille_handle(T->process->proc);
    if (process != NULL && process->hidden >> row->index & 1)
        ri_error(T, "host.%s: permission denied", row->name);
    check_arguments(T, row, nargs);
    return carry_out(T, false);
}

/* With the checked arguments in the frame. */
static int32_t carry_out(RiThread *T, bool is_again)
{
    RiHostCall *row = (RiHostCall *)(void *)((char *)T->base[-2].p - offsetof(RiHostCall, fn));
    rille_value arguments[sizeof row->signature];
    void *blocks[sizeof row->signature];
    uint32_t count = (uint32_t)(T->top - T->base);
    rille_call call = {.T = T, .row = row, .result = ri_nil(), .is_again = is_again};
    bool is_there = true;
    for (uint32_t i = 0; i < count; i++)
        is_there &= ri_rille_export(T, T->base[i], &arguments[i], &blocks[i]);
    int error = is_there ? row->body(&call, arguments, row->data) : ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        free(blocks[i]);
    ri_trace_call(T, row->name, "host", -error, "%s", "");
    if (error == EAGAIN && call.again_ms > 0)
        return ri_wait(T, NULL, ri_host_monotonic_ns() + (uint64_t)call.again_ms * 1000000u, -1, 0);
    if (error == 0)
        return ri_return1(T->base, call.result);
    const char *text = call.message[0] != '\0' ? call.message : strerror(error);
    return ri_return3(T->base, ri_nil(), ri_string_value(ri_str_from_cstr(T->heap, text)), ri_int(error));
}

rille_process *rille_call_process(const rille_call *call)
{
    return ri_rille_handle(call->T->process->proc);
}

typedef struct Import {
    const rille_value *value;
    RiValue result;
} Import;

static void import_result(RiThread *T, void *argument)
{
    Import *import = argument;
    import->result = ri_rille_import(T, import->value);
}

void rille_call_return(rille_call *call, rille_value value)
{
    Import import = {.value = &value};
    if (ri_try(call->T, import_result, &import) == RI_OK)
        call->result = import.result;
}

void rille_call_message(rille_call *call, const char *text)
{
    snprintf(call->message, sizeof call->message, "%s", text);
}

int rille_call_again(rille_call *call, uint32_t after_ms)
{
    call->again_ms = after_ms > 0 ? after_ms : 1;
    return EAGAIN;
}

static bool is_signature(const char *text)
{
    if (strlen(text) >= sizeof((RiHostCall *)NULL)->signature)
        return false;
    for (; *text != '\0'; text++) {
        if (*text != '?' && ((unsigned char)*text >= 128 || letter_names[(unsigned char)*text] == NULL))
            return false;
    }
    return true;
}

bool rille_add_call(rille_machine *machine, const char *name, const char *signature, rille_call_fn fn, void *data)
{
    machine->error[0] = '\0';
    if (machine->call_count == RI_HOST_CALLS_MAX)
        return ri_rille_fail(machine, "%d calls are the most", RI_HOST_CALLS_MAX);
    if (!is_signature(signature))
        return ri_rille_fail(machine, "bad signature '%s' of '%s' (letters i, n, b, s, t, v and ?, at most 19)",
                             signature, name);
    if (name[0] == '\0' || strlen(name) >= sizeof((RiHostCall *)NULL)->name)
        return ri_rille_fail(machine, "bad name '%s' (1 to 39 characters)", name);
    RiHostCall *row = calloc(1, sizeof *row);
    if (row == NULL)
        return ri_rille_fail(machine, "not enough memory");
    strcpy(row->name, name);
    strcpy(row->signature, signature);
    row->fn = (RiLibFn)RI_FN_RESUMABLE(first_call, resume_call, NULL, "", "");
    row->fn.name = row->name;
    row->index = machine->call_count;
    row->body = fn;
    row->data = data;
    machine->calls[machine->call_count++] = row;
    return true;
}

bool rille_hide_call(rille_process *process, const char *name)
{
    for (uint32_t i = 0; i < process->owner->call_count; i++) {
        if (strcmp(process->owner->calls[i]->name, name) == 0) {
            process->hidden |= (uint64_t)1 << i;
            return true;
        }
    }
    return ri_rille_fail(process->owner, "no call is named '%s'", name);
}

/* -- require("host") ----------------------------------------------------------------------------------------------- */

static int32_t load_host(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    const rille_machine *machine = machine_of(T);
    RiTable *library = ri_table_new(T->heap, 0, machine->call_count);
    T->top = T->base;
    ri_push(T, ri_table_value(library));
    for (uint32_t i = 0; i < machine->call_count; i++)
        ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, machine->calls[i]->name),
                         ri_object(&machine->calls[i]->fn, RI_TAG_LIBFN));
    return ri_return1(T->base, ri_table_value(library));
}

static const RiLibFn load_host_row =
    RI_FN(load_host, "package.preload.host", "(loader)()", "Makes the library 'host': the embedding program's calls.");

/* -- Output -------------------------------------------------------------------------------------------------------- */

typedef struct Output {
    uint32_t pid;
    int stream;
} Output;

static int64_t write_output(RiTask *task, RiFile *file, const void *from, size_t size)
{
    const rille_machine *machine = file->machine->owner;
    const Output *output = file->data;
    if (task != NULL)
        size = ri_files_count_output(task->proc, size);
    if (size == 0)
        return -EFBIG;
    const RiProc *proc = ri_proc_find(file->machine, output->pid);
    machine->config.output(machine->config.output_data, proc != NULL ? ri_rille_handle(proc) : NULL, output->stream,
                           from, size);
    return (int64_t)size;
}

static void close_output(RiFile *file)
{
    free(file->data);
}

static const RiFileOps output_ops = {.kind = "output", .write = write_output, .close = close_output};

/* Children have the same files, so that what they write is their ancestor's. */
static void capture_output(RiThread *T, rille_machine *machine, RiProc *proc)
{
    if (machine->config.output == NULL || ri_rille_handle(proc) == NULL || ri_rille_handle(proc)->pid != proc->pid)
        return;
    if (ri_files_of(proc) == NULL)
        ri_error_memory(T);
    for (int stream = 1; stream <= 2; stream++) {
        Output *output = malloc(sizeof *output);
        RiFile *file = output != NULL ? ri_file_new(machine->machine, &output_ops, RI_O_WRONLY, output) : NULL;
        if (file == NULL) {
            free(output);
            ri_error_memory(T);
        }
        *output = (Output){proc->pid, stream};
        if (ri_files_put(proc, file, stream, false) < 0)
            ri_error_memory(T);
    }
    RiProcess *process = proc->engine;
    if (process->io != NULL)
        ri_stream_follow_descriptors(T, proc, process->io);
}

/* -- Devices ------------------------------------------------------------------------------------------------------- */

static int64_t read_device(RiTask *task, RiFile *file, void *to, size_t size)
{
    const rille_device *device = file->data;
    (void)task;
    return device->read != NULL ? device->read(device->data, to, size) : -EBADF;
}

static int64_t write_device(RiTask *task, RiFile *file, const void *from, size_t size)
{
    const rille_device *device = file->data;
    (void)task;
    return device->write != NULL ? device->write(device->data, from, size) : -EBADF;
}

static int64_t control_device(RiTask *task, RiFile *file, uint32_t request, void *argument, size_t size)
{
    const rille_device *device = file->data;
    (void)task;
    return device->ioctl != NULL ? device->ioctl(device->data, request, argument, size) : -ENOTTY;
}

static int64_t seek_device(RiTask *task, RiFile *file, int64_t offset, int whence)
{
    (void)task, (void)file, (void)offset, (void)whence;
    return 0; /* streams ask for it between writing and reading */
}

static void close_device(RiFile *file)
{
    const rille_device *device = file->data;
    if (device->close != NULL)
        device->close(device->data);
}

static const RiFileOps device_ops = {.kind = "device",
                                     .read = read_device,
                                     .write = write_device,
                                     .seek = seek_device,
                                     .ioctl = control_device,
                                     .close = close_device};

int64_t ri_rille_open_device(RiTask *task, const char *path, uint32_t flags, RiFile **file)
{
    rille_machine *machine = task->proc->machine->owner;
    const char *name = path + strlen("/dev/");
    uint32_t i = 0, access = flags & RI_O_ACCESS;
    while (i < machine->device_count && strcmp(machine->devices[i].name, name) != 0)
        i++;
    if (i == machine->device_count)
        return -ENOENT;
    rille_device *device = &machine->devices[i];
    int status = access != RI_O_WRONLY ? ri_require(task->proc, RI_CAP_READ, path) : 0;
    if (status == 0 && access != RI_O_RDONLY)
        status = ri_require(task->proc, RI_CAP_WRITE, path);
    if (status == 0 && device->open != NULL)
        status = device->open(device->data);
    if (status < 0)
        return status;
    *file = ri_file_new(machine->machine, &device_ops, access, device);
    if (*file != NULL)
        return 0;
    if (device->close != NULL)
        device->close(device->data);
    return -ENOMEM;
}

bool rille_add_device(rille_machine *machine, const rille_device *device)
{
    machine->error[0] = '\0';
    if (machine->device_count == RI_HOST_DEVICES_MAX)
        return ri_rille_fail(machine, "%d devices are the most", RI_HOST_DEVICES_MAX);
    if (device->name == NULL || device->name[0] == '\0' || strchr(device->name, '/') != NULL)
        return ri_rille_fail(machine, "a device needs a name without '/'");
    char *name = strdup(device->name);
    if (name == NULL)
        return ri_rille_fail(machine, "not enough memory");
    machine->devices[machine->device_count] = *device;
    machine->devices[machine->device_count++].name = name;
    return true;
}

/* -- All together -------------------------------------------------------------------------------------------------- */

void ri_rille_equip(RiThread *T, rille_machine *machine, RiProc *proc)
{
    RiProcess *process = proc->engine;
    RiValue preload = ri_table_get_str(process->registry, ri_str_from_cstr(T->heap, "_PRELOAD"));
    if (ri_is_table(preload) && machine->call_count > 0)
        ri_table_set_str(T->heap, preload.p, ri_str_from_cstr(T->heap, "host"),
                         ri_object(&load_host_row, RI_TAG_LIBFN));
    capture_output(T, machine, proc);
}
