/* /dev/zero and /dev/full: zeros without end; the latter has no room for anything. */
#include <errno.h>
#include <string.h>

#include "vm/machine/driver.h"

static int64_t read_zero(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    (void)task;
    (void)open;
    memset(to, 0, size);
    return (int64_t)size;
}

static int64_t write_zero(RiTask *task, RiDeviceOpen *open, const void *from, size_t size)
{
    (void)task;
    (void)open;
    (void)from;
    return (int64_t)size;
}

static int64_t write_full(RiTask *task, RiDeviceOpen *open, const void *from, size_t size)
{
    (void)task;
    (void)open;
    (void)from;
    return size > 0 ? -ENOSPC : 0;
}

static int64_t pread_zero(RiTask *task, RiDeviceOpen *open, void *to, size_t size, int64_t offset)
{
    (void)offset;
    return read_zero(task, open, to, size);
}

static int64_t seek_zero(RiTask *task, RiDeviceOpen *open, int64_t offset, int whence)
{
    (void)task;
    (void)open;
    (void)offset;
    (void)whence;
    return 0;
}

const RiDeviceOps ri_zero_ops = {.read = read_zero, .write = write_zero, .pread = pread_zero, .seek = seek_zero};
const RiDeviceOps ri_full_ops = {.read = read_zero, .write = write_full, .pread = pread_zero, .seek = seek_zero};
