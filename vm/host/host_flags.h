/* What files.c and place.c share: guests' flags and records in terms of the host's. */
#ifndef RI_HOST_HOST_FLAGS_H
#define RI_HOST_HOST_FLAGS_H

#include <stdint.h>

struct stat;
struct RiFileInfo;

int ri_host_open_flags(uint32_t flags); /* RI_O_… to O_…, with close-on-exec and without a controlling terminal */
void ri_host_fill_info(struct RiFileInfo *info, const struct stat *s);

#endif
