/* Sockets of the host as open file descriptions: always non-blocking there; callers wait in the scheduler. */
#include <errno.h>

#include "vm/host/sockets.h"
#include "vm/machine/file.h"

static int64_t wait_if_busy(RiTask *task, RiFile *file, int64_t result, unsigned event)
{
    return result == -EAGAIN ? ri_file_wait(task, file, event) : result;
}

static int64_t socket_read(RiTask *task, RiFile *file, void *to, size_t size)
{
    size_t no_address = 0;
    return wait_if_busy(task, file, ri_host_socket_receive(file->host_fd, to, size, false, NULL, &no_address), RI_EVENT_IN);
}

static int64_t socket_write(RiTask *task, RiFile *file, const void *from, size_t size)
{
    int64_t sent = ri_host_socket_send(file->host_fd, from, size, NULL, 0);
    if (sent > 0)
        (void)ri_files_count_output(task->proc, (size_t)sent);
    return wait_if_busy(task, file, sent, RI_EVENT_OUT);
}

static int socket_info(RiFile *file, RiFileInfo *info)
{
    return ri_host_fd_info(file->host_fd, info);
}

const RiFileOps ri_socket_file_ops = {
    .kind = "socket",
    .read = socket_read,
    .write = socket_write,
    .info = socket_info,
};
