/* /dev/random: random bytes of the host. */
#include "vm/machine/driver.h"

static int64_t read_random(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    (void)task;
    (void)open;
    return ri_host_random(to, size);
}

static unsigned poll_random(RiDeviceOpen *open)
{
    (void)open;
    return RI_EVENT_IN;
}

const RiDeviceOps ri_random_ops = {.read = read_random, .poll = poll_random};
