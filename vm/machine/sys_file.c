/* System calls on files and descriptors. The gate has checked descriptors, ranges and memory. */
#include <errno.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/device.h"
#include "vm/machine/folder.h"
#include "vm/machine/gate.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/syscall.h"

/* -- Opening --------------------------------------------------------------------------------------------------------- */

static int64_t add_file(RiTask *task, RiFile *file, uint32_t flags)
{
    return file != NULL ? ri_files_add(task->proc, file, 0, (flags & RI_O_CLOEXEC) != 0) : -ENOMEM;
}

/* A device by its name; -ENOENT: no such device, perhaps a file of the host. */
static int64_t open_device(RiTask *task, const char *path, uint32_t flags)
{
    RiFile *file = NULL;
    int64_t status = ri_gate_open_device(task, path, flags, &file);
    return status < 0 ? status : add_file(task, file, flags);
}

/* /dev: what the host has there shows only to those who may see it. */
static int64_t open_dev(RiTask *task, const char *path, uint32_t flags)
{
    int host_fd = ri_gate_open(task->proc, path, flags | RI_O_DIRECTORY, 0);
    ri_clear_denied(task->proc);
    if (flags & (RI_O_ACCESS | RI_O_CREAT | RI_O_TRUNC)) {
        if (host_fd >= 0)
            ri_host_fd_close(host_fd);
        return -EISDIR;
    }
    return add_file(task, ri_folder_new(task->proc->machine, "/dev", host_fd >= 0 ? host_fd : -1), flags);
}

/* The root of a name space that is mounted: it shows dev. */
static bool is_root(RiTask *task, const char *path)
{
    char whole[RI_PATH_SIZE];
    return task->proc->machine->mounts != NULL && ri_path_complete(task->proc, path, whole) >= 0 && strcmp(whole, "/") == 0;
}

int64_t sys_open(RiTask *task, RiCall *call)
{
    const char *path = call->pointer[0];
    uint32_t flags = (uint32_t)call->args[1], mode = (uint32_t)call->args[2];
    if ((flags & ~(uint32_t)RI_O_ALL) != 0 || (flags & RI_O_ACCESS) == RI_O_ACCESS)
        return -EINVAL;
    int64_t status = ri_files_check_room(task->proc);
    if (status == 0)
        status = open_device(task, path, flags);
    if (status != -ENOENT)
        return status;
    if (ri_folder_is_dev(task->proc, path))
        return open_dev(task, path, flags);
    int fd = ri_gate_open(task->proc, path, flags, mode);
    if (fd == RI_GATE_WAITS)
        return RI_SYS_BLOCK;
    if (fd >= 0 && is_root(task, path))
        return add_file(task, ri_folder_new(task->proc->machine, "/", fd), flags);
    if (fd == RI_GATE_MOUNT_LIST) {
        char guest[RI_PATH_SIZE];
        status = ri_gate_mount_list(task->proc, path, guest);
        return status < 0 ? status : add_file(task, ri_folder_new(task->proc->machine, guest, -1), flags);
    }
    if (fd < 0)
        return fd;
    RiFile *file = ri_file_new_host(task->proc->machine, fd, flags & (RI_O_ACCESS | RI_O_APPEND | RI_O_NONBLOCK));
    if (file == NULL)
        ri_host_fd_close(fd);
    return add_file(task, file, flags);
}

int64_t sys_close(RiTask *task, RiCall *call)
{
    return ri_files_close(task->proc, (int64_t)call->args[0]);
}

int64_t sys_dup(RiTask *task, RiCall *call)
{
    return ri_files_add(task->proc, ri_file_retain(call->file[0]), 0, false);
}

int64_t sys_dup2(RiTask *task, RiCall *call)
{
    if (call->args[0] == call->args[1])
        return (int64_t)call->args[1];
    return ri_files_put(task->proc, ri_file_retain(call->file[0]), (int64_t)call->args[1], false);
}

int64_t sys_pipe(RiTask *task, RiCall *call)
{
    RiFile *ends[2];
    int32_t fds[2];
    int status = ri_pipe_new(task->proc->machine, ends);
    if (status < 0)
        return status;
    fds[0] = ri_files_add(task->proc, ends[0], 0, false);
    if (fds[0] < 0) {
        ri_file_release(ends[1]);
        return fds[0];
    }
    fds[1] = ri_files_add(task->proc, ends[1], 0, false);
    if (fds[1] < 0) {
        ri_files_close(task->proc, fds[0]);
        return fds[1];
    }
    memcpy(call->pointer[0], fds, sizeof fds);
    return 0;
}

/* -- Reading and writing ----------------------------------------------------------------------------------------------- */

int64_t sys_read(RiTask *task, RiCall *call)
{
    return ri_file_read(task, call->file[0], call->pointer[1], (size_t)call->args[2]);
}

int64_t sys_write(RiTask *task, RiCall *call)
{
    int64_t result = ri_file_write(task, call->file[0], call->pointer[1], (size_t)call->args[2]);
    if (result == -EPIPE)
        ri_gate_broken_pipe(task);
    return result;
}

int64_t sys_pread(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    if ((file->flags & RI_O_ACCESS) == RI_O_WRONLY)
        return -EBADF;
    if (file->ops->pread == NULL)
        return -ESPIPE;
    return file->ops->pread(task, file, call->pointer[1], (size_t)call->args[2], (int64_t)call->args[3]);
}

int64_t sys_pwrite(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    if ((file->flags & RI_O_ACCESS) == RI_O_RDONLY)
        return -EBADF;
    if (file->ops->pwrite == NULL)
        return -ESPIPE;
    return file->ops->pwrite(task, file, call->pointer[1], (size_t)call->args[2], (int64_t)call->args[3]);
}

int64_t sys_lseek(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    if (file->ops->seek == NULL)
        return -ESPIPE;
    return file->ops->seek(task, file, (int64_t)call->args[1], (int)(int64_t)call->args[2]);
}

int64_t sys_ftruncate(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    (void)task;
    if ((file->flags & RI_O_ACCESS) == RI_O_RDONLY || file->ops->truncate == NULL || (int64_t)call->args[1] < 0)
        return -EINVAL;
    return file->ops->truncate(file, (int64_t)call->args[1]);
}

int64_t sys_fsync(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    return file->ops->sync != NULL ? file->ops->sync(task, file) : -EINVAL;
}

int64_t sys_ioctl(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    if (file->ops->ioctl == NULL)
        return -ENOTTY;
    return file->ops->ioctl(task, file, (uint32_t)call->args[1], call->pointer[2], (size_t)call->args[3]);
}

static int64_t set_flags(RiFile *file, uint32_t flags)
{
    const uint32_t settable = RI_O_APPEND | RI_O_NONBLOCK;
    uint32_t changed = (flags ^ file->flags) & settable;
    if ((changed & RI_O_APPEND) != 0 && file->host_fd >= 0) {
        int status = file->keeps_host_fd ? -EACCES : ri_host_fd_set_flags(file->host_fd, flags & RI_O_APPEND);
        if (status < 0)
            return status;
    }
    file->flags ^= changed;
    return 0;
}

int64_t sys_fcntl(RiTask *task, RiCall *call)
{
    enum { DUP, GET_CLOSE_ON_EXEC, SET_CLOSE_ON_EXEC, GET_FLAGS, SET_FLAGS };
    RiDescriptor *descriptor = &task->proc->files->table[call->args[0]];
    int64_t argument = (int64_t)call->args[2];
    switch (call->args[1]) {
    case DUP:
        if (argument < 0 || argument >= RI_DESCRIPTOR_MAX)
            return -EINVAL;
        return ri_files_add(task->proc, ri_file_retain(descriptor->file), (uint32_t)argument, false);
    case GET_CLOSE_ON_EXEC:
        return descriptor->closes_on_exec;
    case SET_CLOSE_ON_EXEC:
        descriptor->closes_on_exec = argument != 0;
        return 0;
    case GET_FLAGS:
        return descriptor->file->flags;
    case SET_FLAGS:
        return set_flags(descriptor->file, (uint32_t)argument);
    default:
        return -EINVAL;
    }
}

/* -- Waiting for several ------------------------------------------------------------------------------------------------ */

typedef struct RiPollEntry {
    int32_t fd;
    int16_t events, revents;
} RiPollEntry;

static void forget_watch(RiTask *task)
{
    RiFiles *files = task->proc->files;
    for (uint32_t i = 0; files != NULL && i < files->watch_count; i++) {
        if (files->watches[i].tid == task->tid) {
            ri_host_fd_close(files->watches[i].set);
            files->watches[i] = files->watches[--files->watch_count];
            return;
        }
    }
}

static int keep_watch(RiTask *task, int set)
{
    RiFiles *files = task->proc->files;
    struct RiWatch *watches = realloc(files->watches, (files->watch_count + 1) * sizeof *watches);
    if (watches == NULL)
        return -ENOMEM;
    files->watches = watches;
    watches[files->watch_count++] = (struct RiWatch){task->tid, set};
    return 0;
}

static int64_t count_ready(RiTask *task, RiPollEntry *entries, uint64_t count)
{
    int64_t found = 0;
    for (uint64_t i = 0; i < count; i++) {
        RiFile *file = entries[i].fd >= 0 ? ri_files_get(task->proc, entries[i].fd) : NULL;
        unsigned events = file != NULL ? ri_file_poll(file, (uint16_t)entries[i].events) : RI_EVENT_INVALID;
        entries[i].revents = entries[i].fd < 0 ? 0 : (int16_t)events;
        found += entries[i].revents != 0;
    }
    return found;
}

/* Wait for any of the entries: host descriptors together as one set, everything else at the channel of pollers. */
static int64_t wait_for_any(RiTask *task, RiPollEntry *entries, uint64_t count, uint64_t deadline_ns)
{
    int set = -1, status = 0;
    for (uint64_t i = 0; i < count && status >= 0; i++) {
        RiFile *file = entries[i].fd >= 0 ? ri_files_get(task->proc, entries[i].fd) : NULL;
        if (file == NULL)
            continue;
        if (file->ops->poll != NULL || file->host_fd < 0) {
            file->is_polled = true;
            continue;
        }
        if (set < 0)
            status = set = ri_host_fd_set_new();
        if (set >= 0)
            status = ri_host_fd_set_add(set, file->host_fd, (uint16_t)entries[i].events);
    }
    if (status >= 0 && set >= 0)
        status = keep_watch(task, set);
    if (status >= 0)
        status = ri_task_wait(task, &task->proc->machine->trace_data, deadline_ns, set, set >= 0 ? RI_POLL_READ : 0);
    if (status >= 0)
        return RI_SYS_BLOCK;
    if (set >= 0)
        forget_watch(task);
    return status;
}

int64_t sys_poll(RiTask *task, RiCall *call)
{
    RiPollEntry *entries = call->pointer[0];
    int64_t timeout_ms = (int64_t)call->args[2];
    bool was_interrupted = call->is_again && task->interrupted;
    forget_watch(task);
    int64_t found = count_ready(task, entries, call->args[1]);
    uint64_t now_ns = ri_host_monotonic_ns();
    if (!call->is_again && timeout_ms > 0)
        call->deadline_ns = now_ns + (uint64_t)timeout_ms * 1000000;
    if (found != 0 || timeout_ms == 0 || (call->deadline_ns != 0 && now_ns >= call->deadline_ns))
        return found;
    return was_interrupted ? -EINTR : wait_for_any(task, entries, call->args[1], call->deadline_ns);
}

/* -- Names ----------------------------------------------------------------------------------------------------------------- */

static int64_t file_info(RiTask *task, RiCall *call, unsigned how)
{
    RiResolved found;
    RiFileInfo info = {.mode = RI_S_DIRECTORY | 0555, .links = 2, .block_size = 4096};
    int64_t status = ri_device_stat(task->proc, call->pointer[0], &info);
    if (status == 0)
        memcpy(call->pointer[1], &info, sizeof info);
    if (status != -ENOENT)
        return status;
    status = ri_path_resolve(task->proc, call->pointer[0], how, RI_MAY_READ, &found);
    if (status == 0) {
        if (!found.is_mount_list)
            status = ri_place_info(&found.place, &info);
        ri_resolved_close(&found);
    }
    if (status < 0 && ri_folder_is_dev(task->proc, call->pointer[0])) {
        ri_clear_denied(task->proc);
        status = 0;
    }
    if (status == 0)
        memcpy(call->pointer[1], &info, sizeof info);
    return status;
}

int64_t sys_stat(RiTask *task, RiCall *call)
{
    return file_info(task, call, 0);
}

int64_t sys_lstat(RiTask *task, RiCall *call)
{
    return file_info(task, call, RI_PLACE_NOFOLLOW);
}

int64_t sys_fstat(RiTask *task, RiCall *call)
{
    RiFileInfo info = {.mode = RI_S_CHARACTER | 0600, .links = 1, .block_size = 4096};
    RiFile *file = call->file[0];
    (void)task;
    int status = file->ops->info != NULL ? file->ops->info(file, &info) : 0;
    if (status == 0)
        memcpy(call->pointer[1], &info, sizeof info);
    return status;
}

int64_t sys_getdents(RiTask *task, RiCall *call)
{
    RiFile *file = call->file[0];
    (void)task;
    return file->ops->entries != NULL ? file->ops->entries(file, call->pointer[1], (size_t)call->args[2]) : -ENOTDIR;
}

int64_t sys_unlink(RiTask *task, RiCall *call)
{
    return ri_gate_remove(task->proc, call->pointer[0], RI_GATE_FILE);
}

int64_t sys_rmdir(RiTask *task, RiCall *call)
{
    return ri_gate_remove(task->proc, call->pointer[0], RI_GATE_FOLDER);
}

int64_t sys_remove(RiTask *task, RiCall *call)
{
    return ri_gate_remove(task->proc, call->pointer[0], RI_GATE_FILE | RI_GATE_FOLDER);
}

int64_t sys_rename(RiTask *task, RiCall *call)
{
    return ri_gate_rename(task->proc, call->pointer[0], call->pointer[1]);
}

int64_t sys_mkdir(RiTask *task, RiCall *call)
{
    RiResolved found;
    int status = ri_path_resolve(task->proc, call->pointer[0], RI_PLACE_NOFOLLOW, RI_MAY_WRITE, &found);
    if (status < 0)
        return status;
    status = ri_place_make_directory(&found.place, (uint32_t)call->args[1]);
    ri_resolved_close(&found);
    return status;
}

int64_t sys_chdir(RiTask *task, RiCall *call)
{
    return ri_path_change_directory(task->proc, call->pointer[0]);
}

int64_t sys_getcwd(RiTask *task, RiCall *call)
{
    char path[RI_PATH_SIZE];
    int size = ri_path_working_directory(task->proc, path);
    if (size < 0)
        return size;
    if ((uint64_t)size + 1 > call->args[1])
        return -ERANGE;
    memcpy(call->pointer[0], path, (size_t)size + 1);
    return size + 1;
}

int64_t sys_link(RiTask *task, RiCall *call)
{
    RiResolved from, to;
    const unsigned both = RI_MAY_READ | RI_MAY_WRITE;
    int status = ri_path_resolve(task->proc, call->pointer[0], RI_PLACE_NOFOLLOW, both, &from);
    if (status < 0)
        return status;
    status = ri_path_resolve(task->proc, call->pointer[1], RI_PLACE_NOFOLLOW, both, &to);
    if (status == 0) {
        status = ri_place_link(&from.place, &to.place);
        ri_resolved_close(&to);
    }
    ri_resolved_close(&from);
    return status;
}

int64_t sys_symlink(RiTask *task, RiCall *call)
{
    RiResolved found;
    int status = ri_path_resolve(task->proc, call->pointer[1], RI_PLACE_NOFOLLOW, RI_MAY_READ | RI_MAY_WRITE, &found);
    if (status < 0)
        return status;
    status = ri_path_check_link(task->proc, &found, call->pointer[0]);
    if (status == 0)
        status = ri_place_symlink(call->pointer[0], &found.place);
    ri_resolved_close(&found);
    return status;
}

int64_t sys_readlink(RiTask *task, RiCall *call)
{
    RiResolved found;
    int status = ri_path_resolve(task->proc, call->pointer[0], RI_PLACE_NOFOLLOW, RI_MAY_READ, &found);
    if (status < 0)
        return status;
    status = found.is_mount_list ? -EINVAL : ri_place_read_link(&found.place, call->pointer[1], (size_t)call->args[2]);
    ri_resolved_close(&found);
    return status;
}
