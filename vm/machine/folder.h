/* Folders that exist only in the machine: those that mounts make, and /dev, which lists the devices (and, without mounts, what
 * else the host has there, for those who may see it). "/" shows dev. Collects: no. Traps: no. */
#ifndef RI_MACHINE_FOLDER_H
#define RI_MACHINE_FOLDER_H

#include "vm/machine/file.h"

/* Does `path` name /dev? */
bool ri_folder_is_dev(RiProc *proc, const char *path);
/* Open guest path `guest` as a folder. `host_fd`: the host's folder of that name, which it takes over, also if it fails; -1:
 * there is none. NULL: no memory. */
RiFile *ri_folder_new(RiMachine *machine, const char *guest, int host_fd);

#endif
