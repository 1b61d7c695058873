/* /dev/disk0 …: disks that are files of the host, named on the command line (--disk FILE) and held under a lock, as two
 * machines with one disk would each trust a cache of their own. What does not fill a sector at the end of a file is left
 * alone. */
#include <errno.h>

#include "vm/machine/driver.h"

static int disk_fd(const RiDevice *device)
{
    return (int)(intptr_t)device->data - 1;
}

/* The file for reading and writing, or for reading only. */
static int open_file(RiDevice *device)
{
    int fd = ri_host_fd_open(device->option, RI_O_RDWR | RI_O_NONBLOCK, 0);
    device->block.is_read_only = fd == -EACCES || fd == -EROFS || fd == -EPERM;
    if (device->block.is_read_only)
        fd = ri_host_fd_open(device->option, RI_O_RDONLY | RI_O_NONBLOCK, 0);
    return fd == -EISDIR ? -EINVAL : fd;
}

static int start_disk(RiDevice *device)
{
    RiFileInfo info;
    if (device->option == NULL)
        return -ENXIO;
    int fd = open_file(device);
    if (fd < 0)
        return fd;
    int status = ri_host_fd_info(fd, &info);
    if (status == 0 && ((info.mode & RI_S_TYPE) != RI_S_FILE || info.size < (int64_t)RI_SECTOR_BYTES))
        status = -EINVAL;
    if (status == 0)
        status = ri_host_fd_lock(fd, !device->block.is_read_only);
    if (status < 0) {
        ri_host_fd_close(fd);
        return status == -EAGAIN ? -EBUSY : status;
    }
    device->block.sector_count = (uint64_t)info.size / RI_SECTOR_BYTES;
    device->data = (void *)(intptr_t)(fd + 1);
    return 0;
}

static void stop_disk(RiDevice *device)
{
    ri_host_fd_close(disk_fd(device));
}

static int move_disk(RiBlockDevice *block, const RiBlockRequest *request)
{
    int fd = disk_fd(block->data);
    size_t size = (size_t)request->count * RI_SECTOR_BYTES;
    int64_t offset = (int64_t)(request->sector * RI_SECTOR_BYTES);
    if (size == 0)
        return ri_host_fd_sync(fd);
    for (size_t done = 0; done < size;) {
        char *bytes = (char *)request->bytes + done;
        int64_t moved = request->is_write ? ri_host_fd_pwrite(fd, bytes, size - done, offset + (int64_t)done) :
                                            ri_host_fd_pread(fd, bytes, size - done, offset + (int64_t)done);
        if (moved <= 0)
            return moved < 0 ? (int)moved : -EIO; /* the file has become shorter */
        done += (size_t)moved;
    }
    return 0;
}

const RiDeviceOps ri_disk_ops = {.start = start_disk, .stop = stop_disk, .strategy = move_disk, RI_BLOCK_DEVICE_OPS};
