/* Devices of a machine: the table, descriptors, windows, interrupts, events. See device.h. */
#include "vm/machine/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/driver.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"

#define NONE UINT32_MAX

/* -- Tables -------------------------------------------------------------------------------------------------------- */

enum { GUARD_FREE = false, GUARD_GUARDED = true };
const RiDeviceInfo ri_device_table[] = {
#define DEVICE(id, path, units, kind, window, irq, guard, group, ops, doc)                                             \
    {path, #group, doc, &ops, window, units, RI_DEVICE_##kind, (uint8_t)(irq), GUARD_##guard},
#include "vm/machine/devices.def"
#undef DEVICE
    {0},
};

const RiRegister ri_register_table[] = {
#define REGISTER(group, id, offset, bytes, access, doc) {#group, #id, offset, bytes, RI_REGISTER_##access},
#define BIT(group, register, id, value, doc) {#group, #register "_" #id, value, 0, 0},
#include "vm/machine/registers.def"
#undef REGISTER
#undef BIT
    {0},
};

typedef struct Ioctl {
    const char *group;
    uint32_t number, bytes;
} Ioctl;
static const Ioctl ioctls[] = {
#define IOCTL(group, id, number, bytes, argument, doc) {#group, number, bytes},
#include "vm/machine/ioctls.def"
#undef IOCTL
};

enum { /* places of the devices: one for each unit */
#define DEVICE(id, path, units, kind, window, irq, guard, group, ops, doc) FIRST_##id, LAST_##id = FIRST_##id + (units) - 1,
#include "vm/machine/devices.def"
#undef DEVICE
    DEVICE_COUNT
};

struct RiDevices {
    RiMachine *machine;
    RiDeviceEvent **events; /* a heap by due_ns */
    uint32_t event_count, event_capacity;
    bool wants_ticks;       /* the scheduler knows that there are events */
    RiDevice list[DEVICE_COUNT];
};

static uint32_t first_place(const RiDeviceInfo *info)
{
    uint32_t place = 0;
    for (const RiDeviceInfo *row = ri_device_table; row != info; row++)
        place += row->units;
    return place;
}

void ri_device_name(const RiDeviceInfo *info, uint32_t unit, char out[24])
{
    const char *name = info->path + strlen("/dev/");
    if (info->units > 1 || info->kind == RI_DEVICE_BLOCK)
        snprintf(out, 24, "%.18s%u", name, unit % 100);
    else
        snprintf(out, 24, "%.23s", name);
}

const RiDeviceInfo *ri_device_find(const char *name, uint32_t *unit)
{
    char known[24];
    if (strncmp(name, "/dev/", 5) == 0)
        name += 5;
    for (const RiDeviceInfo *info = ri_device_table; info->path != NULL; info++) {
        for (*unit = 0; *unit < info->units; ++*unit) {
            ri_device_name(info, *unit, known);
            if (strcmp(known, name) == 0)
                return info;
        }
    }
    return NULL;
}

/* -- Making them --------------------------------------------------------------------------------------------------- */

static RiDevices *devices_of(RiMachine *machine)
{
    RiDevices *devices = machine->devices;
    if (devices != NULL)
        return devices;
    devices = calloc(1, sizeof *devices);
    if (devices == NULL)
        return NULL;
    devices->machine = machine;
    machine->devices = devices;
    ri_machine_on_death(machine, ri_devices_forget);
    return devices;
}

static bool window_load(RiWindow *window, RiSpace *space, uint32_t offset, void *out, uint32_t size);
static bool window_store(RiWindow *window, RiSpace *space, uint32_t offset, const void *value, uint32_t size);

static void keep_window(RiMapObject *object) /* it is a part of its device */
{
    (void)object;
}

/* The device in use. 0 or -errno; -ENXIO if the machine has none. */
static int start_with(RiMachine *machine, const RiDeviceInfo *info, uint32_t unit, const char *option, RiDevice **out)
{
    RiDevices *devices = devices_of(machine);
    if (devices == NULL)
        return -ENOMEM;
    RiDevice *device = &devices->list[first_place(info) + unit];
    *out = device;
    if (device->info != NULL)
        return option != NULL ? -EBUSY : 0;
    char name[24];
    ri_device_name(info, unit, name);
    snprintf(device->path, sizeof device->path, "/dev/%.18s", name);
    device->devices = devices;
    device->machine = machine;
    device->unit = unit;
    device->option = option;
    device->window = (RiWindow){.object = {1, keep_window}, .read = window_load, .write = window_store, .data = device};
    device->block.data = device;
    device->block.strategy = info->ops->strategy;
    ri_node_init(&device->opens);
    ri_node_init(&device->channels);
    if (info->kind == RI_DEVICE_BLOCK && machine->buffers == NULL &&
        (machine->buffers = ri_bufcache_new(RI_BUFFERS_USUAL)) == NULL)
        return -ENOMEM;
    int status = info->ops->start != NULL ? info->ops->start(device) : 0;
    if (status == 0)
        device->info = info;
    device->option = NULL;
    return status;
}

static int start(RiMachine *machine, const RiDeviceInfo *info, uint32_t unit, RiDevice **out)
{
    return start_with(machine, info, unit, NULL, out);
}

bool ri_device_exists(RiMachine *machine, const RiDeviceInfo *info, uint32_t unit)
{
    RiDevice *device;
    return start(machine, info, unit, &device) == 0;
}

int ri_device_configure(RiMachine *machine, const char *name, const char *option)
{
    RiDevice *device;
    uint32_t unit;
    const RiDeviceInfo *info = ri_device_find(name, &unit);
    return info != NULL ? start_with(machine, info, unit, option, &device) : -ENOENT;
}

int ri_devices_sync(RiMachine *machine)
{
    return machine->buffers != NULL ? ri_bufcache_sync(machine->buffers, NULL) : 0;
}

void ri_devices_finish(RiMachine *machine)
{
    if (machine->buffers == NULL)
        return;
    fflush(NULL);
    (void)ri_devices_sync(machine);
}

void ri_devices_destroy(RiMachine *machine)
{
    RiDevices *devices = machine->devices;
    if (devices == NULL)
        return;
    (void)ri_devices_sync(machine); /* nobody is left to hear of an error */
    for (uint32_t i = 0; i < DEVICE_COUNT; i++) {
        RiDevice *device = &devices->list[i];
        if (device->info == NULL)
            continue;
        ri_assert(!ri_node_is_linked(&device->channels) && !ri_node_is_linked(&device->opens));
        if (device->info->ops->stop != NULL)
            device->info->ops->stop(device);
    }
    ri_bufcache_destroy(machine->buffers);
    ri_assert(devices->event_count == 0);
    free(devices->events);
    free(devices);
    machine->devices = NULL;
    machine->buffers = NULL;
}

/* -- Events -------------------------------------------------------------------------------------------------------- */

static void place_event(RiDevices *devices, uint32_t at, RiDeviceEvent *event)
{
    devices->events[at] = event;
    event->index = at + 1;
}

static void sift_up(RiDevices *devices, uint32_t at)
{
    RiDeviceEvent *event = devices->events[at];
    for (; at > 0 && devices->events[(at - 1) / 2]->due_ns > event->due_ns; at = (at - 1) / 2)
        place_event(devices, at, devices->events[(at - 1) / 2]);
    place_event(devices, at, event);
}

static void sift_down(RiDevices *devices, uint32_t at)
{
    RiDeviceEvent *event = devices->events[at];
    for (uint32_t child; (child = 2 * at + 1) < devices->event_count; at = child) {
        if (child + 1 < devices->event_count && devices->events[child + 1]->due_ns < devices->events[child]->due_ns)
            child++;
        if (devices->events[child]->due_ns >= event->due_ns)
            break;
        place_event(devices, at, devices->events[child]);
    }
    place_event(devices, at, event);
}

static void remove_event(RiDevices *devices, RiDeviceEvent *event)
{
    if (event->index == 0)
        return;
    uint32_t at = event->index - 1;
    RiDeviceEvent *last = devices->events[--devices->event_count];
    event->index = 0;
    if (last != event) {
        place_event(devices, at, last);
        sift_up(devices, at);
        sift_down(devices, last->index - 1);
    }
}

static void adjust_ticks(RiDevices *devices)
{
    bool wants_ticks = devices->event_count > 0;
    if (wants_ticks != devices->wants_ticks) {
        devices->wants_ticks = wants_ticks;
        ri_sched_want_ticks(devices->machine, wants_ticks);
    }
}

bool ri_event_set(RiDevices *devices, RiDeviceEvent *event, uint64_t due_ns)
{
    remove_event(devices, event);
    if (devices->event_count == devices->event_capacity) {
        uint32_t capacity = devices->event_capacity * 2 + 8;
        RiDeviceEvent **events = realloc(devices->events, capacity * sizeof(RiDeviceEvent *));
        if (events == NULL) {
            adjust_ticks(devices);
            return false;
        }
        devices->events = events;
        devices->event_capacity = capacity;
    }
    event->due_ns = due_ns < INT64_MAX ? due_ns : INT64_MAX;
    place_event(devices, devices->event_count++, event);
    sift_up(devices, devices->event_count - 1);
    adjust_ticks(devices);
    return true;
}

void ri_event_cancel(RiDevices *devices, RiDeviceEvent *event)
{
    remove_event(devices, event);
    adjust_ticks(devices);
}

void ri_devices_check(RiMachine *machine)
{
    RiDevices *devices = machine->devices;
    if (devices == NULL || devices->event_count == 0)
        return;
    uint64_t now = ri_host_monotonic_ns();
    while (devices->event_count > 0 && devices->events[0]->due_ns <= now) {
        RiDeviceEvent *event = devices->events[0];
        remove_event(devices, event);
        event->fire(event, now); /* an event that it sets is due later than now */
    }
    adjust_ticks(devices);
}

uint64_t ri_devices_next_ns(const RiMachine *machine)
{
    const RiDevices *devices = machine->devices;
    return devices != NULL && devices->event_count > 0 ? devices->events[0]->due_ns : 0;
}

/* -- Who may ------------------------------------------------------------------------------------------------------- */

static int require_access(RiProc *proc, const RiDeviceInfo *info, const char *path, uint32_t access)
{
    if (!info->is_guarded)
        return 0;
    int status = access != RI_O_WRONLY ? ri_require(proc, RI_CAP_READ, path) : 0;
    return status == 0 && access != RI_O_RDONLY ? ri_require(proc, RI_CAP_WRITE, path) : status;
}

/* Find a device by name, with this access for the process, in use. */
static int find_started(RiProc *proc, const char *name, uint32_t access, RiDevice **device)
{
    uint32_t unit;
    char path[32];
    char known[24];
    const RiDeviceInfo *info = ri_device_find(name, &unit);
    if (info == NULL)
        return -ENOENT;
    ri_device_name(info, unit, known);
    snprintf(path, sizeof path, "/dev/%s", known);
    int status = require_access(proc, info, path, access);
    return status < 0 ? status : start(proc->machine, info, unit, device);
}

/* -- Descriptors --------------------------------------------------------------------------------------------------- */

static RiDeviceOpen *open_of(const RiFile *file)
{
    return file->data;
}

static const RiDeviceOps *ops_of(const RiFile *file)
{
    return open_of(file)->device->info->ops;
}

static size_t limited(size_t size)
{
    return size < RI_DEVICE_BYTES_MAX ? size : RI_DEVICE_BYTES_MAX;
}

static int64_t read_device(RiTask *task, RiFile *file, void *to, size_t size)
{
    const RiDeviceOps *ops = ops_of(file);
    return ops->read != NULL ? ops->read(task, open_of(file), to, limited(size)) : -EINVAL;
}

static int64_t write_device(RiTask *task, RiFile *file, const void *from, size_t size)
{
    const RiDeviceOps *ops = ops_of(file);
    return ops->write != NULL ? ops->write(task, open_of(file), from, limited(size)) : -EINVAL;
}

static int64_t pread_device(RiTask *task, RiFile *file, void *to, size_t size, int64_t offset)
{
    const RiDeviceOps *ops = ops_of(file);
    return ops->pread != NULL ? ops->pread(task, open_of(file), to, limited(size), offset) : -ESPIPE;
}

static int64_t pwrite_device(RiTask *task, RiFile *file, const void *from, size_t size, int64_t offset)
{
    const RiDeviceOps *ops = ops_of(file);
    return ops->pwrite != NULL ? ops->pwrite(task, open_of(file), from, limited(size), offset) : -ESPIPE;
}

static int64_t seek_device(RiTask *task, RiFile *file, int64_t offset, int whence)
{
    const RiDeviceOps *ops = ops_of(file);
    return ops->seek != NULL ? ops->seek(task, open_of(file), offset, whence) : -ESPIPE;
}

static int64_t control_device(RiTask *task, RiFile *file, uint32_t request, void *argument, size_t size)
{
    const RiDeviceInfo *info = open_of(file)->device->info;
    for (size_t i = 0; i < RI_COUNTOF(ioctls); i++) {
        if (ioctls[i].number != request || strcmp(ioctls[i].group, info->group) != 0)
            continue;
        if (size < ioctls[i].bytes || (argument == NULL && ioctls[i].bytes > 0))
            return -EINVAL;
        return info->ops->ioctl(task, open_of(file), request, argument, ioctls[i].bytes);
    }
    return -ENOTTY;
}

static unsigned poll_device(RiFile *file)
{
    const RiDeviceOps *ops = ops_of(file);
    return ops->poll != NULL ? ops->poll(open_of(file)) : RI_EVENT_IN | RI_EVENT_OUT;
}

static void describe(const RiDevice *device, RiFileInfo *info)
{
    bool is_block = device->info->kind == RI_DEVICE_BLOCK;
    *info = (RiFileInfo){.mode = (is_block ? RI_S_BLOCK : RI_S_CHARACTER) | 0600, .links = 1,
                         .inode = first_place(device->info) + device->unit + 1, .block_size = RI_BLOCK_BYTES};
    if (is_block) {
        info->size = (int64_t)(device->block.sector_count * RI_SECTOR_BYTES);
        info->blocks = (int64_t)device->block.sector_count;
    }
}

static int device_info(RiFile *file, RiFileInfo *info)
{
    describe(open_of(file)->device, info);
    return 0;
}

int ri_device_stat(RiProc *proc, const char *path, RiFileInfo *info)
{
    RiDevice *device;
    int status = strncmp(path, "/dev/", 5) == 0 ? find_started(proc, path, RI_O_RDONLY, &device) : -ENOENT;
    if (status == 0)
        describe(device, info);
    return status;
}

static int sync_device(RiTask *task, RiFile *file)
{
    const RiDeviceOps *ops = ops_of(file);
    (void)task;
    return ops->sync != NULL ? ops->sync(open_of(file)) : 0;
}

static void close_device(RiFile *file)
{
    RiDeviceOpen *open = open_of(file);
    ri_node_remove(&open->node);
    if (open->device->info->ops->close != NULL)
        open->device->info->ops->close(open);
    free(open);
}

static const RiFileOps device_file_ops = {
    .kind = "device",
    .read = read_device,
    .write = write_device,
    .pread = pread_device,
    .pwrite = pwrite_device,
    .seek = seek_device,
    .ioctl = control_device,
    .poll = poll_device,
    .info = device_info,
    .sync = sync_device,
    .close = close_device,
};

/* The same for what stands for a descriptor of the host (open->file->host_fd), which the host is asked about. */
static const RiFileOps host_device_file_ops = {
    .kind = "device",
    .read = read_device,
    .write = write_device,
    .ioctl = control_device,
    .info = device_info,
    .close = close_device,
};

const char *ri_device_host_path(const RiFile *file)
{
    const RiDeviceInfo *info = file->ops == &device_file_ops ? open_of(file)->device->info : NULL;
    bool is_alike = info != NULL && info->kind == RI_DEVICE_CHAR && !info->is_guarded && info->window == RI_DEVICE_NO_WINDOW;
    return is_alike ? info->path : NULL;
}

static int check_flags(uint32_t flags)
{
    if (flags & RI_O_DIRECTORY)
        return -ENOTDIR;
    return (flags & (RI_O_CREAT | RI_O_EXCL)) == (RI_O_CREAT | RI_O_EXCL) ? -EEXIST : 0;
}

int64_t ri_device_open(RiTask *task, const char *name, uint32_t flags, RiFile **file)
{
    RiDevice *device;
    RiMachine *machine = task->proc->machine;
    int64_t opened = machine->open_device != NULL ? machine->open_device(task, name, flags, file) : -ENOENT;
    if (opened != -ENOENT)
        return opened;
    int status = find_started(task->proc, name, flags & RI_O_ACCESS, &device);
    if (status < 0 || (status = check_flags(flags)) < 0)
        return status;
    RiDeviceOpen *open = calloc(1, sizeof *open);
    RiFile *made = open != NULL ? ri_file_new(machine, &device_file_ops,
                                              flags & (RI_O_ACCESS | RI_O_APPEND | RI_O_NONBLOCK), open) : NULL;
    if (made == NULL) {
        free(open);
        return -ENOMEM;
    }
    open->device = device;
    open->file = made;
    ri_node_init(&open->node);
    if (device->info->ops->open != NULL && (status = device->info->ops->open(task, open)) < 0) {
        free(open);
        free(made);
        return status;
    }
    if (made->host_fd >= 0)
        made->ops = &host_device_file_ops;
    ri_node_insert(&device->opens, &open->node);
    *file = made;
    return 0;
}

void ri_device_changed(RiDevice *device)
{
    for (RiNode *node = device->opens.next; node != &device->opens; node = node->next)
        ri_file_changed(((RiDeviceOpen *)(void *)node)->file);
}

/* -- Channels ------------------------------------------------------------------------------------------------------ */

static RiChannel *channel_of_node(RiNode *node)
{
    return (RiChannel *)(void *)node;
}

static RiChannel *find_channel(const RiDevice *device, const RiProc *proc)
{
    for (RiNode *node = device->channels.next; node != &device->channels; node = node->next) {
        if (channel_of_node(node)->proc == proc)
            return channel_of_node(node);
    }
    return NULL;
}

static void drop_channel(RiChannel *channel)
{
    RiDevice *device = channel->device;
    ri_node_remove(&channel->node);
    if (device->info->ops->detach != NULL)
        device->info->ops->detach(channel);
    free(channel);
}

static int add_channel(RiDevice *device, RiProc *proc, RiChannel **out)
{
    const RiDeviceOps *ops = device->info->ops;
    RiChannel *channel = calloc(1, ops->channel_bytes);
    if (channel == NULL)
        return -ENOMEM;
    channel->device = device;
    channel->proc = proc;
    channel->may_write = !device->info->is_guarded || ri_policy_allows(proc->policy, RI_CAP_WRITE, device->path);
    ri_node_insert(device->channels.next, &channel->node);
    int status = ops->attach != NULL ? ops->attach(channel) : 0;
    if (status < 0) {
        ri_node_remove(&channel->node);
        free(channel);
        return status;
    }
    *out = channel;
    return 0;
}

/* The registers of the process whose space this is: made at the first access after a fork. NULL: it has none. */
static RiChannel *channel_of_space(RiDevice *device, const RiSpace *space)
{
    RiNode *first = device->channels.next;
    if (space->proc == NULL)
        return NULL;
    if (first != &device->channels && channel_of_node(first)->proc == space->proc)
        return channel_of_node(first);
    RiChannel *channel = find_channel(device, space->proc);
    if (channel != NULL) { /* in front, for the next access */
        ri_node_remove(&channel->node);
        ri_node_insert(device->channels.next, &channel->node);
        return channel;
    }
    if (device->info->is_guarded && !ri_policy_allows(space->proc->policy, RI_CAP_READ, device->path))
        return NULL;
    return add_channel(device, space->proc, &channel) == 0 ? channel : NULL;
}

void ri_channel_interrupt(RiChannel *channel)
{
    if (channel->interrupt)
        return;
    channel->interrupt = true;
    (void)ri_signal_send(channel->proc, RI_SIGIO);
}

void ri_devices_forget(RiProc *proc)
{
    RiDevices *devices = proc->machine->devices;
    for (uint32_t i = 0; devices != NULL && i < DEVICE_COUNT; i++) {
        RiDevice *device = &devices->list[i];
        RiChannel *channel = device->info != NULL ? find_channel(device, proc) : NULL;
        if (channel != NULL)
            drop_channel(channel);
    }
}

uint64_t ri_device_pending(const RiProc *proc)
{
    const RiDevices *devices = proc->machine->devices;
    uint64_t pending = 0;
    for (uint32_t i = 0; devices != NULL && i < DEVICE_COUNT; i++) {
        const RiDevice *device = &devices->list[i];
        const RiChannel *channel = device->info != NULL ? find_channel(device, proc) : NULL;
        if (channel != NULL && channel->interrupt)
            pending |= (uint64_t)1 << (device->info->irq + device->unit);
    }
    return pending;
}

/* -- The window ---------------------------------------------------------------------------------------------------- */

/* The register that [offset, offset + size) lies in, if that kind of access to it is allowed. */
static const RiRegister *find_register(const RiDevice *device, uint32_t offset, uint32_t size, unsigned access)
{
    for (const RiRegister *reg = ri_register_table; reg->group != NULL; reg++) {
        if (offset >= reg->offset && offset < reg->offset + reg->bytes && strcmp(reg->group, device->info->group) == 0)
            return size >= 4 && offset % size == 0 && offset + size <= reg->offset + reg->bytes && reg->access & access ?
                       reg : NULL;
    }
    return NULL;
}

static bool load_register(RiChannel *channel, const RiRegister *reg, uint32_t offset, void *out, uint32_t size, RiTrap *trap)
{
    uint64_t value = 0;
    if (offset != reg->offset)
        value = channel->load_high;
    else if (!channel->device->info->ops->load(channel, reg->offset, &value, trap))
        return false;
    else if (reg->bytes == 8)
        channel->load_high = (uint32_t)(value >> 32);
    uint32_t half = (uint32_t)value;
    memcpy(out, size == 8 ? (const void *)&value : &half, size);
    return true;
}

static bool store_register(RiChannel *channel, const RiRegister *reg, uint32_t offset, const void *from, uint32_t size,
                           RiTrap *trap)
{
    uint64_t value = 0;
    uint32_t half;
    if (size == 8) {
        memcpy(&value, from, 8);
    } else {
        memcpy(&half, from, 4);
        value = half;
        if (reg->bytes == 8 && offset == reg->offset) {
            channel->store_low = half;
            return true;
        }
        if (reg->bytes == 8)
            value = value << 32 | channel->store_low;
    }
    return channel->device->info->ops->store(channel, reg->offset, value, trap);
}

static bool window_load(RiWindow *window, RiSpace *space, uint32_t offset, void *out, uint32_t size)
{
    RiDevice *device = window->data;
    const RiRegister *reg = find_register(device, offset, size, RI_REGISTER_R);
    if (reg == NULL)
        return false;
    ri_devices_check(device->machine); /* who polls sees the end of a request when it is due, not at the next tick */
    RiChannel *channel = channel_of_space(device, space);
    return channel != NULL && load_register(channel, reg, offset, out, size, &window->trap);
}

static bool window_store(RiWindow *window, RiSpace *space, uint32_t offset, const void *value, uint32_t size)
{
    RiDevice *device = window->data;
    const RiRegister *reg = find_register(device, offset, size, RI_REGISTER_W);
    if (reg == NULL)
        return false;
    ri_devices_check(device->machine);
    RiChannel *channel = channel_of_space(device, space);
    return channel != NULL && store_register(channel, reg, offset, value, size, &window->trap);
}

int64_t ri_device_map(RiProc *proc, const char *name)
{
    RiDevice *device;
    int status = find_started(proc, name, RI_O_RDONLY, &device);
    if (status < 0)
        return status;
    if (device->info->window == NONE)
        return -ENODEV;
    RiAddr address = RI_DEVICE_START + device->info->window + device->unit * RI_PAGE_BYTES;
    RiSpace *space = ri_space_of(proc);
    if (space == NULL)
        return -ENOMEM;
    const RiRegion *region = ri_region_find(&space->regions, address >> RI_PAGE_SHIFT);
    RiChannel *channel = find_channel(device, proc);
    if (region != NULL && channel != NULL)
        return address;
    if (channel != NULL) /* left over from another program */
        drop_channel(channel);
    if ((status = add_channel(device, proc, &channel)) < 0 || region != NULL)
        return status < 0 ? status : (int64_t)address;
    device->window.object.refs++;
    int64_t mapped = ri_space_map_window(space, address, RI_PAGE_BYTES, RI_PROT_READ | RI_PROT_WRITE, &device->window);
    if (mapped < 0) {
        device->window.object.refs--;
        drop_channel(channel);
    }
    return mapped;
}

int ri_device_reset(RiProc *proc, const char *name)
{
    int64_t address = ri_device_map(proc, name);
    RiDevice *device;
    if (address < 0)
        return (int)address;
    int status = find_started(proc, name, RI_O_RDONLY, &device);
    RiChannel *channel = status == 0 ? find_channel(device, proc) : NULL;
    if (channel == NULL)
        return status;
    channel->interrupt = false;
    channel->load_high = channel->store_low = 0;
    if (device->info->ops->reset != NULL)
        device->info->ops->reset(channel);
    return 0;
}
