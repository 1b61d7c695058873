/* /dev/console: the host's standard input and output, wherever a process's descriptors 0 and 1 lead. Who has to wait does so
 * in the host's poll; what is written counts as output of the process. Opened for both, poll looks at the input. */
#include <errno.h>

#include "vm/machine/driver.h"
#include "vm/machine/sched.h"

enum { HOST_INPUT = 0, HOST_OUTPUT = 1 };

static int open_console(RiTask *task, RiDeviceOpen *open)
{
    (void)task;
    open->file->host_fd = (open->file->flags & RI_O_ACCESS) == RI_O_WRONLY ? HOST_OUTPUT : HOST_INPUT;
    open->file->keeps_host_fd = true;
    open->file->may_block = true;
    return 0;
}

static int64_t wait_for(RiTask *task, int fd, uint32_t events)
{
    int status = ri_task_wait(task, NULL, 0, fd, events);
    return status < 0 ? status : RI_SYS_BLOCK;
}

static int64_t read_console(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    (void)open;
    if (size == 0)
        return 0;
    if (ri_host_fd_poll(HOST_INPUT, RI_EVENT_IN, 0) == 0)
        return wait_for(task, HOST_INPUT, RI_POLL_READ);
    return ri_host_fd_read(HOST_INPUT, to, size);
}

static int64_t write_console(RiTask *task, RiDeviceOpen *open, const void *from, size_t size)
{
    enum { STEP = 4096 }; /* what a pipe of the host takes at once when it says that it has room */
    (void)open;
    if (size == 0)
        return 0;
    if (task != NULL && ri_host_fd_poll(HOST_OUTPUT, RI_EVENT_OUT, 0) == 0)
        return wait_for(task, HOST_OUTPUT, RI_POLL_WRITE);
    size = size < STEP ? size : STEP;
    if (task != NULL) /* NULL: a stream's rest, at the very end */
        size = ri_files_count_output(task->proc, size);
    return size > 0 ? ri_host_fd_write(HOST_OUTPUT, from, size) : -EFBIG;
}

static int64_t control_console(RiTask *task, RiDeviceOpen *open, uint32_t request, void *argument, size_t size)
{
    (void)task;
    (void)open;
    (void)request;
    (void)size;
    return ri_host_fd_terminal_size(HOST_OUTPUT, argument);
}

const RiDeviceOps ri_console_ops = {
    .open = open_console,
    .read = read_console,
    .write = write_console,
    .ioctl = control_console,
};
