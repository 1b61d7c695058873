/* What the libraries ask the machine: see gate.h. */
#include "vm/machine/device.h"
#include "vm/machine/gate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/child.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/trace.h"

#define FIFO_RETRY_NS 5000000 /* between two looks for the reader of a named pipe, each of which costs some system calls */

/* -- Opening ------------------------------------------------------------------------------------------------------------- */

static unsigned access_of(uint32_t flags)
{
    static const unsigned access[4] = {RI_MAY_READ, RI_MAY_WRITE, RI_MAY_READ | RI_MAY_WRITE, 0};
    return access[flags & RI_O_ACCESS] | (flags & (RI_O_CREAT | RI_O_TRUNC) ? (unsigned)RI_MAY_WRITE : 0u);
}

static bool is_fifo(const RiPlace *place)
{
    RiFileInfo info;
    return ri_place_info(place, &info) == 0 && (info.mode & RI_S_TYPE) == RI_S_FIFO;
}

/* A named pipe is opened without waiting for its other end, while there are others to run. */
static int open_fifo(RiProc *proc, const RiPlace *place, uint32_t flags)
{
    int fd = ri_place_open(place, flags | RI_O_NONBLOCK, 0);
    if (fd == -ENXIO && !(flags & RI_O_NONBLOCK)) {
        RiTask *task = proc->machine->current;
        int status = ri_task_wait(task, NULL, ri_host_monotonic_ns() + FIFO_RETRY_NS, -1, 0);
        return status < 0 ? status : RI_GATE_WAITS;
    }
    if (fd >= 0)
        ri_host_fd_set_flags(fd, flags & RI_O_APPEND);
    return fd;
}

static int open_place(RiProc *proc, const RiPlace *place, uint32_t flags, uint32_t mode)
{
    if (ri_gate_is_busy(proc) && is_fifo(place))
        return open_fifo(proc, place, flags);
    return ri_place_open(place, flags, mode);
}

int ri_gate_open(RiProc *proc, const char *path, uint32_t flags, uint32_t mode)
{
    RiResolved found;
    ri_clear_denied(proc);
    if (ri_path_is_plain(proc) && !ri_gate_is_busy(proc))
        return ri_host_fd_open(path, flags, mode);
    unsigned how = flags & RI_O_NOFOLLOW || (flags & (RI_O_CREAT | RI_O_EXCL)) == (RI_O_CREAT | RI_O_EXCL) ? RI_PLACE_NOFOLLOW : 0;
    for (int tries = 0; tries < 10; tries++) {
        int status = ri_path_resolve(proc, path, how, access_of(flags), &found);
        if (status < 0)
            return status;
        if (found.is_mount_list)
            return RI_GATE_MOUNT_LIST;
        status = open_place(proc, &found.place, flags, mode);
        ri_resolved_close(&found);
        if (status != -ELOOP || how != 0)
            return status; /* else a symbolic link has come there since it was looked at: look again */
    }
    return -ELOOP;
}

int ri_gate_mount_list(RiProc *proc, const char *path, char out[RI_PATH_SIZE])
{
    RiResolved found;
    int status = ri_path_resolve(proc, path, 0, RI_MAY_READ, &found);
    if (status < 0)
        return status;
    strcpy(out, found.guest);
    status = found.is_mount_list ? 0 : -ENOENT;
    ri_resolved_close(&found);
    return status;
}

int64_t ri_gate_open_device(RiTask *task, const char *path, uint32_t flags, RiFile **file)
{
    if (strncmp(path, "/dev/", 5) != 0)
        return -ENOENT;
    return ri_device_open(task, path, flags, file);
}

/* -- Names --------------------------------------------------------------------------------------------------------------- */

static int remove_place(const RiPlace *place, unsigned kinds)
{
    int status = kinds & RI_GATE_FILE ? ri_place_unlink(place, false) : -EISDIR;
    bool is_folder = status == -EISDIR || (status == -EPERM && kinds & RI_GATE_FOLDER);
    return is_folder && kinds & RI_GATE_FOLDER ? ri_place_unlink(place, true) : status;
}

int ri_gate_remove(RiProc *proc, const char *path, unsigned kinds)
{
    RiResolved found;
    ri_clear_denied(proc);
    if (ri_path_is_plain(proc) && kinds == (RI_GATE_FILE | RI_GATE_FOLDER))
        return ri_host_remove(path) ? 0 : -errno;
    int status = ri_path_resolve(proc, path, RI_PLACE_NOFOLLOW, RI_MAY_WRITE, &found);
    if (status < 0)
        return status;
    status = remove_place(&found.place, kinds);
    ri_resolved_close(&found);
    return status;
}

int ri_gate_rename(RiProc *proc, const char *from, const char *to)
{
    RiResolved old, new;
    ri_clear_denied(proc);
    if (ri_path_is_plain(proc))
        return ri_host_rename(from, to) ? 0 : -errno;
    int status = ri_path_resolve(proc, from, RI_PLACE_NOFOLLOW, RI_MAY_READ | RI_MAY_WRITE, &old);
    if (status < 0)
        return status;
    status = ri_path_resolve(proc, to, RI_PLACE_NOFOLLOW, RI_MAY_WRITE, &new);
    if (status == 0) {
        status = ri_place_rename(&old.place, &new.place);
        ri_resolved_close(&new);
    }
    ri_resolved_close(&old);
    return status;
}

int ri_gate_temporary(RiProc *proc)
{
    ri_clear_denied(proc);
    return ri_require(proc, RI_CAP_WRITE, "/tmp");
}

/* -- Programs, variables, libraries ---------------------------------------------------------------------------------------- */

int ri_gate_run(RiProc *proc, const char *command)
{
    ri_clear_denied(proc);
    return ri_require(proc, RI_CAP_RUN, command);
}

int ri_gate_environment(RiProc *proc, const char *name)
{
    ri_clear_denied(proc);
    return ri_require(proc, RI_CAP_ENV, name);
}

int ri_gate_library(RiProc *proc, RiCapability capability, const char *path, char out[RI_PATH_SIZE])
{
    RiResolved found;
    size_t size = strlen(path);
    ri_clear_denied(proc);
    if (size >= RI_PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(out, path, size + 1);
    if (ri_path_is_plain(proc))
        return 0;
    if (!ri_policy_allows_some(proc->policy, capability) || strchr(path, '/') == NULL)
        return ri_require(proc, capability, strchr(path, '/') == NULL ? path : NULL);
    int status = ri_path_resolve(proc, path, 0, 0, &found);
    if (status < 0 || found.is_mount_list)
        return status < 0 ? status : -EISDIR;
    if (found.place.real[0] == '\0') { /* without mounts nobody has needed it yet */
        status = ri_host_real_path(path, found.place.real);
        memcpy(found.guest, found.place.real, RI_PATH_SIZE);
    }
    if (status >= 0)
        status = ri_require(proc, capability, found.guest);
    memcpy(out, found.place.real, RI_PATH_SIZE);
    ri_resolved_close(&found);
    return status;
}

void ri_gate_broken_pipe(RiTask *task)
{
    (void)ri_signal_send(task->proc, RI_SIGPIPE);
}

/* -- Waiting --------------------------------------------------------------------------------------------------------------- */

static uint32_t scheduler_events(unsigned events)
{
    return (events & RI_EVENT_IN ? RI_POLL_READ : 0u) | (events & RI_EVENT_OUT ? RI_POLL_WRITE : 0u);
}

bool ri_gate_is_ready(RiProc *proc, int fd, unsigned events)
{
    if (!ri_gate_is_busy(proc) || fd < 0 || ri_host_fd_poll(fd, events, 0) != 0)
        return true;
    return ri_task_wait(proc->machine->current, NULL, 0, fd, scheduler_events(events)) < 0;
}

bool ri_gate_switch(RiProc *proc)
{
    ri_sched_switch_alone(proc->machine);
    return proc->doom == RI_DOOM_NONE;
}

bool ri_gate_wait_here(RiProc *proc, int fd, unsigned events, uint64_t ns)
{
    if (!ri_gate_is_busy(proc))
        return true;
    uint64_t wake_ns = ns > 0 ? ri_host_monotonic_ns() + ns : 0;
    if (ri_task_wait(proc->machine->current, NULL, wake_ns, fd, scheduler_events(events)) == 0)
        return ri_gate_switch(proc);
    return proc->doom == RI_DOOM_NONE;
}

int ri_gate_start(RiProc *proc, const char *command, bool writes, int *pipe_end)
{
    int directory = proc != NULL && proc->files != NULL ? proc->files->directory_fd : -1;
    int standard[3];
    bool opened[3] = {false};
    int pid = 0;
    for (int n = 0; n < 3 && pid >= 0; n++) {
        bool is_piped = pipe_end != NULL && n == (writes ? 0 : 1);
        standard[n] = is_piped ? n : ri_files_standard_fd(proc, n, &opened[n]);
        pid = standard[n] < 0 ? standard[n] : 0;
    }
    if (pid == 0)
        pid = ri_host_child_start(command, directory, standard, writes, pipe_end);
    for (int n = 0; n < 3; n++) {
        if (opened[n])
            ri_host_fd_close(standard[n]);
    }
    if (pid > 0 && proc != NULL && ri_files_add_child(proc, pid) < 0) {
        ri_host_child_discard(pid);
        if (pipe_end != NULL)
            ri_host_fd_close(*pipe_end);
        return -ENOMEM;
    }
    return pid;
}

/* -- Tracing --------------------------------------------------------------------------------------------------------------- */

uint64_t ri_gate_trace_start(const RiProc *proc)
{
    if (proc != NULL)
        proc->machine->stats.library_calls++;
    return ri_gate_is_traced(proc) ? ri_host_monotonic_ns() : 0;
}

void ri_gate_trace(RiProc *proc, uint64_t start_ns, const char *name, const char *group, int64_t result, const char *format,
                   ...)
{
    char text[RI_TRACE_TEXT_SIZE];
    if (start_ns == 0 || !ri_gate_is_traced(proc) || proc->machine->current == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ri_trace_emit(proc->machine->current, name, group, text, result, start_ns);
}

const char *ri_gate_quote(const char *text, size_t size, char out[160])
{
    out[0] = '\0';
    ri_trace_quote(out, 160, text, size);
    return out;
}
