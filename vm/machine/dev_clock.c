/* /dev/clock: the time, and interval timers. A process has one timer in its registers, which interrupts, and one for each
 * time that it opens the device, which makes the descriptor readable: it gives, in 8 bytes, how often the timer has gone off
 * since it was read last. */
#include <errno.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/driver.h"

#define INTERVAL_NS_MIN 100000u /* else an idle machine would do nothing but go off */

/* A timer of either kind. */
typedef struct Timer {
    RiDeviceEvent event;
    uint64_t interval_ns; /* 0: once */
    uint64_t count;       /* times it has gone off */
} Timer;

/* It is due: count it, and set it again. */
static void count_timer(RiDevices *devices, Timer *timer, uint64_t now_ns)
{
    uint64_t times = timer->interval_ns != 0 ? (now_ns - timer->event.due_ns) / timer->interval_ns + 1 : 1;
    timer->count += times;
    if (timer->interval_ns != 0 && !ri_event_set(devices, &timer->event, timer->event.due_ns + times * timer->interval_ns))
        timer->interval_ns = 0; /* it could be set before, so there is room */
}

static uint64_t usable_interval(uint64_t interval_ns)
{
    uint64_t longest = UINT64_MAX / 4;
    if (interval_ns == 0 || interval_ns > longest)
        return interval_ns == 0 ? 0 : longest;
    return interval_ns < INTERVAL_NS_MIN ? INTERVAL_NS_MIN : interval_ns;
}

/* -- Descriptors --------------------------------------------------------------------------------------------------- */

typedef struct OpenTimer {
    Timer timer;
    RiDeviceOpen *open;
} OpenTimer;

static void fire_open(RiDeviceEvent *event, uint64_t now_ns)
{
    OpenTimer *timer = (OpenTimer *)(void *)event;
    count_timer(timer->open->device->devices, &timer->timer, now_ns);
    ri_file_changed(timer->open->file);
}

static int open_clock(RiTask *task, RiDeviceOpen *open)
{
    OpenTimer *timer = calloc(1, sizeof *timer);
    (void)task;
    if (timer == NULL)
        return -ENOMEM;
    timer->timer.event.fire = fire_open;
    timer->open = open;
    open->data = timer;
    return 0;
}

static void close_clock(RiDeviceOpen *open)
{
    OpenTimer *timer = open->data;
    ri_event_cancel(open->device->devices, &timer->timer.event);
    free(timer);
}

static int64_t read_clock(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    OpenTimer *timer = open->data;
    if (size < sizeof timer->timer.count)
        return -EINVAL;
    if (timer->timer.count == 0 && timer->timer.event.index == 0)
        return -EINVAL; /* it would wait for ever */
    if (timer->timer.count == 0)
        return ri_file_wait(task, open->file, RI_EVENT_IN);
    memcpy(to, &timer->timer.count, sizeof timer->timer.count);
    timer->timer.count = 0;
    return sizeof timer->timer.count;
}

static unsigned poll_clock(RiDeviceOpen *open)
{
    const OpenTimer *timer = open->data;
    return timer->timer.count > 0 ? RI_EVENT_IN : 0;
}

static int set_open_timer(RiDeviceOpen *open, const uint64_t values[2])
{
    OpenTimer *timer = open->data;
    RiDevices *devices = open->device->devices;
    ri_event_cancel(devices, &timer->timer.event);
    timer->timer.count = 0;
    timer->timer.interval_ns = usable_interval(values[1]);
    if (values[0] == 0)
        return 0;
    uint64_t now = ri_host_monotonic_ns(), longest = UINT64_MAX / 4;
    return ri_event_set(devices, &timer->timer.event, now + (values[0] < longest ? values[0] : longest)) ? 0 : -ENOMEM;
}

static int64_t control_clock(RiTask *task, RiDeviceOpen *open, uint32_t request, void *argument, size_t size)
{
    const OpenTimer *timer = open->data;
    uint64_t values[2] = {0, 0}, now = ri_host_monotonic_ns(), due = timer->timer.event.due_ns;
    (void)task;
    if (request == RI_IOCTL_clock_SET) {
        memcpy(values, argument, sizeof values);
        return set_open_timer(open, values);
    }
    if (request == RI_IOCTL_clock_TIME) {
        values[0] = now;
        values[1] = (uint64_t)ri_host_clock_ns(0);
    } else if (timer->timer.event.index != 0) {
        values[0] = due > now ? due - now : 1;
        values[1] = timer->timer.interval_ns;
    }
    memcpy(argument, values, size);
    return 0;
}

/* -- Registers ----------------------------------------------------------------------------------------------------- */

typedef struct ClockChannel {
    RiChannel channel;
    Timer timer;
    uint64_t compare_ns;
    uint32_t control;
} ClockChannel;

static ClockChannel *clock_of(RiChannel *channel)
{
    return (ClockChannel *)(void *)channel;
}

static void fire_channel(RiDeviceEvent *event, uint64_t now_ns)
{
    ClockChannel *clock = (ClockChannel *)(void *)((char *)event - offsetof(ClockChannel, timer.event));
    count_timer(clock->channel.device->devices, &clock->timer, now_ns);
    if (clock->timer.interval_ns == 0)
        clock->control = 0;
    ri_channel_interrupt(&clock->channel);
}

static int attach_clock(RiChannel *channel)
{
    clock_of(channel)->timer.event.fire = fire_channel;
    return 0;
}

static void reset_clock(RiChannel *channel)
{
    ClockChannel *clock = clock_of(channel);
    ri_event_cancel(channel->device->devices, &clock->timer.event);
    clock->timer.interval_ns = clock->timer.count = 0;
    clock->compare_ns = 0;
    clock->control = 0;
}

static bool load_clock(RiChannel *channel, uint32_t offset, uint64_t *value, RiTrap *trap)
{
    const ClockChannel *clock = clock_of(channel);
    (void)trap;
    switch (offset) {
    case RI_REG_clock_TIME:
        *value = ri_host_monotonic_ns();
        break;
    case RI_REG_clock_COMPARE:
        *value = clock->compare_ns;
        break;
    case RI_REG_clock_INTERVAL:
        *value = clock->timer.interval_ns;
        break;
    case RI_REG_clock_CONTROL:
        *value = clock->control;
        break;
    case RI_REG_clock_STATUS:
        *value = clock->control | (channel->interrupt ? RI_BIT_clock_STATUS_INTERRUPT : 0u);
        break;
    case RI_REG_clock_COUNT:
        *value = clock->timer.count & UINT32_MAX;
        break;
    case RI_REG_clock_REALTIME:
        *value = (uint64_t)ri_host_clock_ns(0);
        break;
    default:
        return false;
    }
    return true;
}

/* COMPARE or CONTROL has a new value. A time that has passed goes off at once, but not within the store. */
static bool start_clock(ClockChannel *clock, RiTrap *trap)
{
    RiDevices *devices = clock->channel.device->devices;
    ri_event_cancel(devices, &clock->timer.event);
    uint64_t now = ri_host_monotonic_ns();
    if (!(clock->control & RI_BIT_clock_CONTROL_ENABLE) ||
        ri_event_set(devices, &clock->timer.event, clock->compare_ns > now ? clock->compare_ns : now))
        return true;
    *trap = (RiTrap){.cause = RI_TRAP_QUOTA_MEMORY, .reason = RI_REASON_LIMIT};
    return false;
}

static bool store_clock(RiChannel *channel, uint32_t offset, uint64_t value, RiTrap *trap)
{
    ClockChannel *clock = clock_of(channel);
    switch (offset) {
    case RI_REG_clock_COMPARE:
        clock->compare_ns = value;
        return start_clock(clock, trap);
    case RI_REG_clock_INTERVAL:
        clock->timer.interval_ns = usable_interval(value);
        return true;
    case RI_REG_clock_CONTROL:
        clock->control = value & RI_BIT_clock_CONTROL_ENABLE;
        return start_clock(clock, trap);
    case RI_REG_clock_ACK:
        channel->interrupt = false;
        return true;
    default:
        return false;
    }
}

const RiDeviceOps ri_clock_ops = {
    .open = open_clock,
    .close = close_clock,
    .read = read_clock,
    .poll = poll_clock,
    .ioctl = control_clock,
    .channel_bytes = sizeof(ClockChannel),
    .attach = attach_clock,
    .detach = reset_clock,
    .reset = reset_clock,
    .load = load_clock,
    .store = store_clock,
};
