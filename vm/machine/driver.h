/* What drivers see of devices, and devices of drivers: see device.h. Collects: no. */
#ifndef RI_MACHINE_DRIVER_H
#define RI_MACHINE_DRIVER_H

#include "vm/machine/bufcache.h"
#include "vm/machine/device.h"
#include "vm/machine/space.h"

typedef struct RiDevice RiDevice;
typedef struct RiDevices RiDevices;

#define RI_RAM_BYTES_USUAL (1u << 20)

/* -- What has a time ------------------------------------------------------------------------------------------- */
/* Embedded in what it belongs to; must be cancelled before that goes. */
typedef struct RiDeviceEvent {
    uint64_t due_ns; /* monotonic */
    uint32_t index;  /* 1 + place in the heap; 0: not set */
    void (*fire)(struct RiDeviceEvent *event, uint64_t now_ns); /* it is not set any more; may set itself again */
} RiDeviceEvent;

/* False: no memory. An event that is set is moved. */
RI_MUST_CHECK bool ri_event_set(RiDevices *devices, RiDeviceEvent *event, uint64_t due_ns);
void ri_event_cancel(RiDevices *devices, RiDeviceEvent *event);

/* -- Drivers --------------------------------------------------------------------------------------------------- */
/* A process's registers: drivers put theirs behind it. */
typedef struct RiChannel {
    RiNode node;       /* device->channels */
    RiDevice *device;
    RiProc *proc;      /* never NULL */
    bool may_write;    /* the process has the capability to change the device */
    bool interrupt;    /* raised, not acknowledged */
    uint32_t load_high, store_low; /* halves of 8-byte registers */
} RiChannel;

/* An open file description of a device. */
typedef struct RiDeviceOpen {
    RiNode node; /* device->opens */
    RiDevice *device;
    RiFile *file;
    void *data;  /* the driver's */
} RiDeviceOpen;

/* All may be NULL. Results as in RiFileOps; a call moves at most RI_DEVICE_BYTES_MAX. */
typedef struct RiDeviceOps {
    /* The device is looked at for the first time: make its state. 0 or -errno; -ENXIO: the machine has none. */
    int (*start)(RiDevice *device);
    void (*stop)(RiDevice *device);
    /* -- Descriptors -- */
    int (*open)(RiTask *task, RiDeviceOpen *open);
    void (*close)(RiDeviceOpen *open);
    int64_t (*read)(RiTask *task, RiDeviceOpen *open, void *to, size_t size);
    int64_t (*write)(RiTask *task, RiDeviceOpen *open, const void *from, size_t size);
    int64_t (*pread)(RiTask *task, RiDeviceOpen *open, void *to, size_t size, int64_t offset);
    int64_t (*pwrite)(RiTask *task, RiDeviceOpen *open, const void *from, size_t size, int64_t offset);
    int64_t (*seek)(RiTask *task, RiDeviceOpen *open, int64_t offset, int whence);
    /* The request and the size of the argument are those of a row of ioctls.def. */
    int64_t (*ioctl)(RiTask *task, RiDeviceOpen *open, uint32_t request, void *argument, size_t size);
    unsigned (*poll)(RiDeviceOpen *open);
    int (*sync)(RiDeviceOpen *open);
    /* -- Blocks -- */
    RiStrategy strategy;
    /* -- Registers -- */
    size_t channel_bytes; /* sizeof of the struct that begins with a RiChannel; it is zeroed */
    int (*attach)(RiChannel *channel);   /* 0 or -errno */
    void (*detach)(RiChannel *channel);
    void (*reset)(RiChannel *channel);   /* as after attach: what is under way is given up */
    /* `offset` is that of a row of registers.def, and it may be loaded (stored). False: a trap, a bus trap unless
     * *trap says another. */
    bool (*load)(RiChannel *channel, uint32_t offset, uint64_t *value, RiTrap *trap);
    bool (*store)(RiChannel *channel, uint32_t offset, uint64_t value, RiTrap *trap);
} RiDeviceOps;

#define DEVICE(id, path, units, kind, window, irq, guard, group, ops, doc) extern const RiDeviceOps ops;
#include "vm/machine/devices.def"
#undef DEVICE

struct RiDevice {
    const RiDeviceInfo *info; /* NULL: not started */
    RiDevices *devices;
    RiMachine *machine;
    uint32_t unit;
    char path[24];    /* "/dev/disk0" */
    const char *option; /* while it starts: what the command line says; NULL: nothing */
    void *data;       /* the driver's */
    RiNode opens;     /* RiDeviceOpen.node */
    RiNode channels;  /* RiChannel.node */
    RiWindow window;
    RiBlockDevice block; /* of block devices */
};

/* -- For drivers ----------------------------------------------------------------------------------------------- */
/* Raise the interrupt of this process: the signal IO. Again only after it was acknowledged (channel->interrupt). */
void ri_channel_interrupt(RiChannel *channel);
/* Something can be read or written now: wake those who wait at the device's descriptors. */
void ri_device_changed(RiDevice *device);

/* What all block devices have in common (dev_block.c). */
int64_t ri_block_read(RiTask *task, RiDeviceOpen *open, void *to, size_t size);
int64_t ri_block_write(RiTask *task, RiDeviceOpen *open, const void *from, size_t size);
int64_t ri_block_pread(RiTask *task, RiDeviceOpen *open, void *to, size_t size, int64_t offset);
int64_t ri_block_pwrite(RiTask *task, RiDeviceOpen *open, const void *from, size_t size, int64_t offset);
int64_t ri_block_seek(RiTask *task, RiDeviceOpen *open, int64_t offset, int whence);
int64_t ri_block_ioctl(RiTask *task, RiDeviceOpen *open, uint32_t request, void *argument, size_t size);
int ri_block_open(RiTask *task, RiDeviceOpen *open);
void ri_block_close(RiDeviceOpen *open);
int ri_block_sync(RiDeviceOpen *open);
int ri_block_attach(RiChannel *channel);
void ri_block_detach(RiChannel *channel);
void ri_block_reset(RiChannel *channel);
bool ri_block_load(RiChannel *channel, uint32_t offset, uint64_t *value, RiTrap *trap);
bool ri_block_store(RiChannel *channel, uint32_t offset, uint64_t value, RiTrap *trap);
extern const size_t ri_block_channel_bytes;
#define RI_BLOCK_DEVICE_OPS                                                                                            \
    .open = ri_block_open, .close = ri_block_close, .read = ri_block_read, .write = ri_block_write,                    \
    .pread = ri_block_pread, .pwrite = ri_block_pwrite, .seek = ri_block_seek, .ioctl = ri_block_ioctl,                \
    .sync = ri_block_sync, .channel_bytes = RI_BLOCK_CHANNEL_BYTES, .attach = ri_block_attach,                         \
    .detach = ri_block_detach, .reset = ri_block_reset, .load = ri_block_load, .store = ri_block_store
#define RI_BLOCK_CHANNEL_BYTES 768u /* room for RiBlockChannel; checked in dev_block.c */

#endif
