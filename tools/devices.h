/* The options that give the machine devices of the host: --disk FILE, --ramdisk SIZE. */
#ifndef RI_TOOLS_DEVICES_H
#define RI_TOOLS_DEVICES_H

#include "vm/machine/device.h"

typedef struct RiDeviceOptions {
    const char *disks[RI_DISKS_MAX]; /* NULL: not given; disk 0 first */
    const char *ram_size;
} RiDeviceOptions;

#define RI_DEVICE_PROBLEM_BYTES 400

/* As ri_limits_take_option and ri_limits_skip_option. */
int ri_device_options_take(RiDeviceOptions *options, char **argv, int *i);
void ri_device_options_skip(char **argv, int *i);
/* Make them, for the machine of its first process, which may use them whatever else its policy says. False: `problem` has a
 * message. */
bool ri_device_options_apply(const RiDeviceOptions *options, RiProc *proc, char problem[RI_DEVICE_PROBLEM_BYTES]);

#endif
