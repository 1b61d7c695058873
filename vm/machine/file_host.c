/* Files, folders, terminals and pipes of the host as open file descriptions. One host thread runs all processes, so nothing
 * here may block it: what could is asked with poll first, and the caller waits in the scheduler. */
#include <errno.h>
#include <string.h>

#include "vm/machine/file.h"

/* A pipe that can be written takes at least so much without blocking (PIPE_BUF of Linux). */
#define WRITE_BYTES_MAX 4096

static bool may_block(int host_fd)
{
    RiFileInfo info;
    if (ri_host_fd_info(host_fd, &info) < 0)
        return true;
    uint32_t type = info.mode & RI_S_TYPE;
    return type != RI_S_FILE && type != RI_S_DIRECTORY && type != RI_S_BLOCK;
}

RiFile *ri_file_new_host(RiMachine *machine, int host_fd, uint32_t flags)
{
    RiFile *file = ri_file_new(machine, &ri_host_file_ops, flags, NULL);
    if (file == NULL)
        return NULL;
    file->host_fd = host_fd;
    file->may_block = may_block(host_fd);
    return file;
}

/* Can `event` be served now? Else the task waits for it, or the result says why not. */
static int64_t ready(RiTask *task, RiFile *file, unsigned event)
{
    if (!file->may_block || ri_file_poll(file, event) != 0)
        return 0;
    int64_t status = ri_file_wait(task, file, event);
    return status == -EAGAIN ? 0 : status; /* of a kind that the host does not watch, and that does not block */
}

static int64_t read_host(RiTask *task, RiFile *file, void *to, size_t size)
{
    int64_t status = ready(task, file, RI_EVENT_IN);
    return status != 0 ? status : ri_host_fd_read(file->host_fd, to, size);
}

static int64_t write_host(RiTask *task, RiFile *file, const void *from, size_t size)
{
    int64_t status = ready(task, file, RI_EVENT_OUT);
    if (status != 0)
        return status;
    if (file->may_block && size > WRITE_BYTES_MAX)
        size = WRITE_BYTES_MAX;
    size_t allowed = ri_files_count_output(task->proc, size);
    if (allowed == 0 && size > 0)
        return -EFBIG;
    return ri_host_fd_write(file->host_fd, from, allowed);
}

static int64_t pread_host(RiTask *task, RiFile *file, void *to, size_t size, int64_t offset)
{
    (void)task;
    return ri_host_fd_pread(file->host_fd, to, size, offset);
}

static int64_t pwrite_host(RiTask *task, RiFile *file, const void *from, size_t size, int64_t offset)
{
    size_t allowed = ri_files_count_output(task->proc, size);
    if (allowed == 0 && size > 0)
        return -EFBIG;
    return ri_host_fd_pwrite(file->host_fd, from, allowed, offset);
}

static int64_t seek_host(RiTask *task, RiFile *file, int64_t offset, int whence)
{
    (void)task;
    return ri_host_fd_seek(file->host_fd, offset, whence);
}

static int64_t control_host(RiTask *task, RiFile *file, uint32_t request, void *argument, size_t size)
{
    enum { TERMINAL_SIZE = 0x5413 };
    uint16_t out[4];
    (void)task;
    if (request != TERMINAL_SIZE || size < sizeof out)
        return -ENOTTY;
    int status = ri_host_fd_terminal_size(file->host_fd, out);
    if (status == 0)
        memcpy(argument, out, sizeof out);
    return status;
}

static int info_host(RiFile *file, RiFileInfo *info)
{
    return ri_host_fd_info(file->host_fd, info);
}

static int64_t entries_host(RiFile *file, void *to, size_t size)
{
    return ri_host_fd_entries(file->host_fd, to, size);
}

static int truncate_host(RiFile *file, int64_t size)
{
    return ri_host_fd_truncate(file->host_fd, size);
}

static int sync_host(RiTask *task, RiFile *file)
{
    (void)task;
    return ri_host_fd_sync(file->host_fd);
}

const RiFileOps ri_host_pipe_ops = {
    .kind = "pipe",
    .read = read_host,
    .write = write_host,
    .info = info_host,
};

const RiFileOps ri_host_file_ops = {
    .kind = "file",
    .read = read_host,
    .write = write_host,
    .pread = pread_host,
    .pwrite = pwrite_host,
    .seek = seek_host,
    .ioctl = control_host,
    .info = info_host,
    .entries = entries_host,
    .truncate = truncate_host,
    .sync = sync_host,
};
