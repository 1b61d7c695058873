/* System calls on sockets. The gate has asked for some of capability net; the address is asked for here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/sockets.h"
#include "vm/machine/mount.h"
#include "vm/machine/syscall.h"

static int check_unix(RiProc *proc, const char *path)
{
    /* A socket's name in the file system is looked up by the host: not through mounts, so not at all where there are some.
     * Names that are in no file system (their first byte is NUL) belong to the whole host. */
    char real[RI_PATH_SIZE];
    if (ri_path_is_plain(proc))
        return 0;
    int status = path[0] != '\0' ? ri_host_real_path(path, real) : -EACCES;
    if (status < 0 || proc->machine->mounts != NULL)
        return ri_require(proc, RI_CAP_NATIVE, NULL);
    status = ri_require(proc, RI_CAP_READ, real);
    return status < 0 ? status : ri_require(proc, RI_CAP_WRITE, real);
}

/* "any address" as the other end means this host. */
static const char *name_local(const char *text, char *out, size_t size)
{
    if (strncmp(text, "0.0.0.0:", 8) == 0)
        snprintf(out, size, "127.0.0.1:%s", text + 8);
    else if (strncmp(text, "[::]:", 5) == 0)
        snprintf(out, size, "[::1]:%s", text + 5);
    else
        return text;
    return out;
}

/* May the process use this address (`remote`: as the other end)? */
static int check_address(RiProc *proc, const void *address, size_t size, bool remote)
{
    char text[200], local[220];
    if (!ri_host_address_text(address, size, text, sizeof text))
        return -EINVAL;
    uint16_t family;
    memcpy(&family, address, sizeof family);
    if (family == RI_AF_UNIX) {
        int status = ri_require(proc, RI_CAP_NET, text);
        return status < 0 ? status : check_unix(proc, text);
    }
    return ri_require(proc, RI_CAP_NET, remote ? name_local(text, local, sizeof local) : text);
}

static int64_t add_socket(RiTask *task, int fd)
{
    if (fd < 0)
        return fd;
    RiFile *file = ri_file_new(task->proc->machine, &ri_socket_file_ops, RI_O_RDWR, NULL);
    if (file == NULL) {
        ri_host_fd_close(fd);
        return -ENOMEM;
    }
    file->host_fd = fd;
    file->may_block = true;
    return ri_files_add(task->proc, file, 0, false);
}

/* The file of argument 0, or NULL if it is no socket. */
static RiFile *socket_of(const RiCall *call)
{
    return call->file[0]->ops == &ri_socket_file_ops ? call->file[0] : NULL;
}

int64_t sys_socket(RiTask *task, RiCall *call)
{
    int status = ri_files_check_room(task->proc);
    if (status < 0)
        return status;
    return add_socket(task, ri_host_socket((int)call->args[0], (int)call->args[1], (int)call->args[2]));
}

int64_t sys_bind(RiTask *task, RiCall *call)
{
    RiFile *file = socket_of(call);
    int status = file != NULL ? check_address(task->proc, call->pointer[1], (size_t)call->args[2], false) : -ENOTSOCK;
    return status < 0 ? status : ri_host_socket_bind(file->host_fd, call->pointer[1], (size_t)call->args[2]);
}

int64_t sys_listen(RiTask *task, RiCall *call)
{
    RiFile *file = socket_of(call);
    char address[RI_ADDRESS_SIZE];
    size_t size = sizeof address;
    if (file == NULL)
        return -ENOTSOCK;
    int status = ri_host_socket_name(file->host_fd, false, address, &size); /* one that was never bound gets any port */
    if (status == 0)
        status = check_address(task->proc, address, size, false);
    return status < 0 ? status : ri_host_socket_listen(file->host_fd, (int)call->args[1]);
}

/* Wait for `event` instead of -EAGAIN, unless the file has O_NONBLOCK. */
static int64_t or_wait(RiTask *task, RiFile *file, int64_t result, unsigned event)
{
    return result == -EAGAIN && !(file->flags & RI_O_NONBLOCK) ? ri_file_wait(task, file, event) : result;
}

int64_t sys_accept(RiTask *task, RiCall *call)
{
    RiFile *file = socket_of(call);
    char address[RI_ADDRESS_SIZE];
    size_t size = sizeof address;
    int status = file != NULL ? ri_files_check_room(task->proc) : -ENOTSOCK;
    if (status < 0)
        return status;
    int fd = ri_host_socket_accept(file->host_fd, address, &size);
    if (fd < 0)
        return or_wait(task, file, fd, RI_EVENT_IN);
    memcpy(call->pointer[1], address, size < call->args[2] ? size : (size_t)call->args[2]);
    return add_socket(task, fd);
}

int64_t sys_connect(RiTask *task, RiCall *call)
{
    RiFile *file = socket_of(call);
    if (file == NULL)
        return -ENOTSOCK;
    if (call->is_again) {
        if (ri_file_poll(file, RI_EVENT_OUT) == 0)
            return ri_file_wait(task, file, RI_EVENT_OUT);
        return ri_host_socket_error(file->host_fd);
    }
    int64_t status = check_address(task->proc, call->pointer[1], (size_t)call->args[2], true);
    if (status == 0)
        status = ri_host_socket_connect(file->host_fd, call->pointer[1], (size_t)call->args[2]);
    if (status == -EINPROGRESS && !(file->flags & RI_O_NONBLOCK))
        return ri_file_wait(task, file, RI_EVENT_OUT);
    return status;
}

int64_t sys_send(RiTask *task, RiCall *call)
{
    RiFile *file = socket_of(call);
    size_t address_size = (size_t)call->args[4];
    int64_t status = file != NULL ? 0 : -ENOTSOCK;
    if (status == 0 && address_size > 0)
        status = check_address(task->proc, call->pointer[3], address_size, true);
    if (status < 0)
        return status;
    size_t size = ri_files_count_output(task->proc, (size_t)call->args[2]);
    if (size == 0 && call->args[2] > 0)
        return -EFBIG;
    int64_t sent = ri_host_socket_send(file->host_fd, call->pointer[1], size, call->pointer[3], address_size);
    task->proc->usage.output_bytes -= size - (sent > 0 ? (size_t)sent : 0);
    return or_wait(task, file, sent, RI_EVENT_OUT);
}

int64_t sys_recv(RiTask *task, RiCall *call)
{
    RiFile *file = socket_of(call);
    char address[RI_ADDRESS_SIZE];
    size_t size = call->args[4] > 0 ? sizeof address : 0;
    if (file == NULL)
        return -ENOTSOCK;
    int64_t got = ri_host_socket_receive(file->host_fd, call->pointer[1], (size_t)call->args[2], false, address, &size);
    if (got < 0)
        return or_wait(task, file, got, RI_EVENT_IN);
    memcpy(call->pointer[3], address, size < call->args[4] ? size : (size_t)call->args[4]);
    return got;
}

int64_t sys_shutdown(RiTask *task, RiCall *call)
{
    (void)task;
    RiFile *file = socket_of(call);
    return file != NULL ? ri_host_socket_shutdown(file->host_fd, (int)(int64_t)call->args[1]) : -ENOTSOCK;
}

int64_t sys_setsockopt(RiTask *task, RiCall *call)
{
    (void)task;
    RiFile *file = socket_of(call);
    if (file == NULL)
        return -ENOTSOCK;
    return ri_host_socket_set_option(file->host_fd, (int)call->args[1], (int32_t)call->args[2]);
}

static int64_t socket_name(RiCall *call, bool peer)
{
    RiFile *file = socket_of(call);
    char address[RI_ADDRESS_SIZE];
    size_t size = sizeof address;
    int status = file != NULL ? ri_host_socket_name(file->host_fd, peer, address, &size) : -ENOTSOCK;
    if (status < 0)
        return status;
    memcpy(call->pointer[1], address, size < call->args[2] ? size : (size_t)call->args[2]);
    return (int64_t)size;
}

int64_t sys_getsockname(RiTask *task, RiCall *call)
{
    (void)task;
    return socket_name(call, false);
}

int64_t sys_getpeername(RiTask *task, RiCall *call)
{
    (void)task;
    return socket_name(call, true);
}
