/* /dev/ram0: a disk in the host's memory, empty when the machine starts. Its blocks come with their first write. */
#include <errno.h>
#include <string.h>

#include "vm/base/quantity.h"
#include "vm/machine/driver.h"

#define RAM_BYTES_MAX ((uint64_t)1 << 32)
#define SECTORS_PER_BLOCK (RI_BLOCK_BYTES / RI_SECTOR_BYTES)

typedef struct RamDisk {
    uint64_t block_count;
    uint8_t *blocks[]; /* NULL: zeros */
} RamDisk;

static int start_ram(RiDevice *device)
{
    uint64_t bytes = RI_RAM_BYTES_USUAL;
    if (device->option != NULL && (!ri_parse_size(device->option, &bytes) || bytes > RAM_BYTES_MAX))
        return -EINVAL;
    device->block.sector_count = (bytes + RI_SECTOR_BYTES - 1) / RI_SECTOR_BYTES;
    uint64_t count = (device->block.sector_count + SECTORS_PER_BLOCK - 1) / SECTORS_PER_BLOCK;
    RamDisk *disk = calloc(1, sizeof *disk + (size_t)count * sizeof disk->blocks[0]);
    if (disk == NULL)
        return -ENOMEM;
    disk->block_count = count;
    device->data = disk;
    return 0;
}

static void stop_ram(RiDevice *device)
{
    RamDisk *disk = device->data;
    for (uint64_t i = 0; i < disk->block_count; i++)
        free(disk->blocks[i]);
    free(disk);
}

/* Requests are those of the buffer cache: within one block. */
static int move_ram(RiBlockDevice *block, const RiBlockRequest *request)
{
    RamDisk *disk = ((RiDevice *)block->data)->data;
    size_t size = (size_t)request->count * RI_SECTOR_BYTES;
    if (request->count == 0)
        return 0;
    uint8_t **place = &disk->blocks[request->sector / SECTORS_PER_BLOCK];
    ri_assert(request->sector % SECTORS_PER_BLOCK == 0 && request->count <= SECTORS_PER_BLOCK);
    if (!request->is_write && *place == NULL)
        memset(request->bytes, 0, size);
    else if (!request->is_write)
        memcpy(request->bytes, *place, size);
    else if (*place != NULL || (*place = calloc(1, RI_BLOCK_BYTES)) != NULL)
        memcpy(*place, request->bytes, size);
    else
        return -ENOMEM;
    return 0;
}

const RiDeviceOps ri_ram_ops = {.start = start_ram, .stop = stop_ram, .strategy = move_ram, RI_BLOCK_DEVICE_OPS};
