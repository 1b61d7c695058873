/* /dev/null: swallows what is written, has nothing to read. */
#include "vm/machine/driver.h"

static int64_t read_null(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    (void)task;
    (void)open;
    (void)to;
    (void)size;
    return 0;
}

static int64_t write_null(RiTask *task, RiDeviceOpen *open, const void *from, size_t size)
{
    (void)task;
    (void)open;
    (void)from;
    return (int64_t)size;
}

static int64_t seek_null(RiTask *task, RiDeviceOpen *open, int64_t offset, int whence)
{
    (void)task;
    (void)open;
    (void)offset;
    (void)whence;
    return 0;
}

const RiDeviceOps ri_null_ops = {.read = read_null, .write = write_null, .seek = seek_null};
