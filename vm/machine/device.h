/* Devices: what a machine has beside processor and memory, and what drivers look like.
 *
 *      open read write ioctl poll         loads and stores in the device window
 *                |                                     |
 *         RiDeviceOpen (a descriptor)          RiChannel (a process's registers)
 *                |                                     |
 *                +-------- RiDevice + RiDeviceOps -----+         devices.def: one row, one file dev_*.c
 *                                  |
 *                        strategy: blocks, behind the buffer cache (bufcache.h)
 *
 * Each machine has its own devices, made when the first process asks for one. Every process that touches a window has
 * registers of its own (a channel), so none can disturb another's request; they go when it ends, with what they have
 * pinned. fork and exec leave them behind.
 *
 * An interrupt sets a bit for the process and sends it the signal IO. Requests and timers that take time are events
 * (RiDeviceEvent), which the scheduler carries out when they are due. Everything happens on the machine's host thread.
 * Drivers include driver.h. Collects: no. */
#ifndef RI_MACHINE_DEVICE_H
#define RI_MACHINE_DEVICE_H

#include "vm/machine/file.h"

#define RI_DEVICE_NO_WINDOW UINT32_MAX
#define RI_DEVICE_NO_IRQ UINT8_MAX
#define RI_DISKS_MAX 4u              /* --disk */
#define RI_DEVICE_BYTES_MAX ((size_t)1 << 20) /* that one call moves */

/* -- Tables ---------------------------------------------------------------------------------------------------- */
typedef enum RiDeviceKind { RI_DEVICE_CHAR, RI_DEVICE_BLOCK } RiDeviceKind;

typedef struct RiDeviceInfo {
    const char *path;  /* "/dev/disk": without the number of the unit */
    const char *group; /* of registers and ioctls; "none" */
    const char *doc;
    const struct RiDeviceOps *ops; /* driver.h */
    uint32_t window;   /* offset in the device area, or RI_DEVICE_NO_WINDOW */
    uint8_t units, kind, irq; /* irq: RI_DEVICE_NO_IRQ */
    bool is_guarded;
} RiDeviceInfo;

/* Ends with a NULL path. */
extern const RiDeviceInfo ri_device_table[];

typedef enum RiRegisterAccess { RI_REGISTER_R = 1, RI_REGISTER_W = 2, RI_REGISTER_RW = 3 } RiRegisterAccess;
typedef struct RiRegister {
    const char *group, *name;
    uint32_t offset;
    uint8_t bytes, access; /* RiRegisterAccess; 0: `offset` is the value of a bit of a register */
} RiRegister;
/* Registers and bits; ends with a NULL group. */
extern const RiRegister ri_register_table[];

/* RI_REG_block_SECTOR: offsets; RI_BIT_block_STATUS_BUSY: values; RI_IOCTL_block_SIZE. */
enum {
#define REGISTER(group, id, offset, bytes, access, doc) RI_REG_##group##_##id = offset,
#define BIT(group, register, id, value, doc) RI_BIT_##group##_##register##_##id = value,
#include "vm/machine/registers.def"
#undef REGISTER
#undef BIT
};
enum {
#define IOCTL(group, id, number, bytes, argument, doc) RI_IOCTL_##group##_##id = number,
#include "vm/machine/ioctls.def"
#undef IOCTL
};

/* -- Devices of a machine -------------------------------------------------------------------------------------- */
/* Start a device with something that only who makes the machine may give it: "disk0" a file of the host; "ram0" its size
 * ("16M", at most 4G). 0; -ENOENT: there is no such device; -EBUSY: it has been started, or another machine has the
 * file; -EINVAL: bad size, no regular file, or not one sector in it; -errno of opening it; -ENOMEM. A file that must not be
 * written makes a read-only disk. */
RI_MUST_CHECK int ri_device_configure(RiMachine *machine, const char *name, const char *option);
/* All devices; dirty buffers are written first. Processes are gone. */
void ri_devices_destroy(RiMachine *machine);
/* Write dirty buffers of all disks. 0 or the first -errno. */
int ri_devices_sync(RiMachine *machine);
/* The process of the host is about to end without ri_devices_destroy: nothing that was written to a disk is lost, be it in
 * a stream's buffer yet. */
void ri_devices_finish(RiMachine *machine);

/* Carry out the events that are due; when the next one is (monotonic; 0: there is none). Cheap if there are none. */
void ri_devices_check(RiMachine *machine);
uint64_t ri_devices_next_ns(const RiMachine *machine);

/* Open "null" or "/dev/null": a file with one reference. -ENOENT: no device is called so; -ENXIO: this machine has none;
 * -EACCES, -EROFS, -EBUSY, -ENOMEM, -ENOTDIR, -EEXIST. */
RI_MUST_CHECK int64_t ri_device_open(RiTask *task, const char *name, uint32_t flags, RiFile **file);
/* Where the host has a device that does the same as that of an open file; NULL: nowhere. */
const char *ri_device_host_path(const RiFile *file);
/* What stat says of "/dev/null". -ENOENT: that is no device. Errors as for opening. */
RI_MUST_CHECK int ri_device_stat(RiProc *proc, const char *path, RiFileInfo *info);
/* Map a device's window into the process's space: its address, the same in all processes. What was mapped stays. Errors as
 * for opening; -ENODEV: it has no registers. */
int64_t ri_device_map(RiProc *proc, const char *name);
/* Put the process's registers back to what they were at first; what is under way is given up. Errors as for mapping. */
int ri_device_reset(RiProc *proc, const char *name);
/* Interrupts that this process has not acknowledged: bits by number. */
uint64_t ri_device_pending(const RiProc *proc);
/* Registers of the process are gone, with all that they hold: it ends, or runs another program. */
void ri_devices_forget(RiProc *proc);
/* The device of that name ("disk0" or "/dev/disk0"), in use or not; NULL: there is none. *unit is set. */
const RiDeviceInfo *ri_device_find(const char *name, uint32_t *unit);
/* Has the machine this device? Starts it. */
bool ri_device_exists(RiMachine *machine, const RiDeviceInfo *info, uint32_t unit);
void ri_device_name(const RiDeviceInfo *info, uint32_t unit, char out[24]); /* "disk0" */

#endif
