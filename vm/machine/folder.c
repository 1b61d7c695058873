/* Folders that exist only in the machine: see folder.h. A list of entries has two parts: what the host's folder has, if there
 * is one, and the names that the machine adds; the file's position counts the latter. */
#include "vm/machine/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/machine/device.h"
#include "vm/machine/mount.h"

#define ENTRY_HEADER 19 /* u64 inode, i64 position, u16 size, u8 type */
enum { ENTRY_CHARACTER = 2, ENTRY_DIRECTORY = 4, ENTRY_BLOCK = 6 };

typedef struct Folder {
    char *guest;       /* "" for the root */
    bool is_dev;
    bool host_is_done; /* all entries of the host's folder have been given */
    bool has_dev;      /* "dev" was among them */
} Folder;

bool ri_folder_is_dev(RiProc *proc, const char *path)
{
    char whole[RI_PATH_SIZE];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size < 3 || memcmp(path + size - 3, "dev", 3) != 0)
        return false;
    return ri_path_complete(proc, path, whole) >= 0 && strcmp(whole, "/dev") == 0;
}

/* -- Names that the machine adds --------------------------------------------------------------------------------------- */

/* The n-th device that there is. */
static bool device_name(RiMachine *machine, uint32_t n, char name[RI_NAME_SIZE], uint8_t *type)
{
    for (const RiDeviceInfo *info = ri_device_table; info->path != NULL; info++) {
        for (uint32_t unit = 0; unit < info->units; unit++) {
            if (!ri_device_exists(machine, info, unit) || n-- > 0)
                continue;
            ri_device_name(info, unit, name);
            *type = info->kind == RI_DEVICE_BLOCK ? ENTRY_BLOCK : ENTRY_CHARACTER;
            return true;
        }
    }
    return false;
}

static bool added_name(const RiFile *file, uint32_t n, char name[RI_NAME_SIZE], uint8_t *type)
{
    const Folder *folder = file->data;
    *type = ENTRY_DIRECTORY;
    if (file->host_fd < 0) {
        if (n < 2) {
            strcpy(name, n == 0 ? "." : "..");
            return true;
        }
        n -= 2;
        uint32_t mounts = 0;
        while (ri_mount_name(file->machine, folder->guest, mounts, name)) {
            if (strcmp(name, "dev") == 0 && *folder->guest == '\0' && n > mounts)
                return false; /* dev is the last, and it is there */
            if (mounts++ == n)
                return true;
        }
        n -= mounts;
    }
    if (folder->is_dev)
        return device_name(file->machine, n, name, type);
    strcpy(name, "dev");
    return *folder->guest == '\0' && !folder->has_dev && n == 0;
}

static size_t put_entry(char *to, size_t room, const char *name, uint8_t type, uint64_t number)
{
    size_t size = (ENTRY_HEADER + strlen(name) + 1 + 7) & ~(size_t)7;
    uint64_t inode = number + 1;
    int64_t position = (int64_t)number + 1;
    uint16_t record = (uint16_t)size;
    if (size > room)
        return 0;
    memset(to, 0, size);
    memcpy(to, &inode, 8);
    memcpy(to + 8, &position, 8);
    memcpy(to + 16, &record, 2);
    to[18] = (char)type;
    strcpy(to + ENTRY_HEADER, name);
    return size;
}

static int64_t add_names(RiFile *file, char *to, size_t size)
{
    size_t used = 0;
    char name[RI_NAME_SIZE];
    uint8_t type;
    while (added_name(file, (uint32_t)file->position, name, &type)) {
        size_t more = put_entry(to + used, size - used, name, type, file->position);
        if (more == 0)
            return used > 0 ? (int64_t)used : -EINVAL;
        used += more;
        file->position++;
    }
    return (int64_t)used;
}

/* -- What the host has ------------------------------------------------------------------------------------------------- */

/* Take out of a block of entries what the machine adds itself. What is left of it, bytes. */
static int64_t filter(const RiFile *file, char *block, size_t size)
{
    Folder *folder = file->data;
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        uint16_t record;
        uint32_t unit;
        char path[RI_NAME_SIZE + 5];
        memcpy(&record, block + at + 16, sizeof record);
        const char *name = block + at + ENTRY_HEADER;
        folder->has_dev |= strcmp(name, "dev") == 0;
        snprintf(path, sizeof path, "/dev/%s", name);
        const RiDeviceInfo *info = folder->is_dev ? ri_device_find(path, &unit) : NULL;
        if (info == NULL || !ri_device_exists(file->machine, info, unit)) {
            memmove(block + kept, block + at, record);
            kept += record;
        }
        at += record;
    }
    return (int64_t)kept;
}

static int64_t list_entries(RiFile *file, void *to, size_t size)
{
    Folder *folder = file->data;
    while (file->host_fd >= 0 && !folder->host_is_done) {
        int64_t found = ri_host_fd_entries(file->host_fd, to, size);
        if (found > 0)
            found = filter(file, to, (size_t)found);
        else
            folder->host_is_done = found == 0;
        if (found != 0)
            return found;
    }
    return add_names(file, to, size);
}

/* -- The rest ---------------------------------------------------------------------------------------------------------- */

static int64_t seek_entry(RiTask *task, RiFile *file, int64_t offset, int whence)
{
    Folder *folder = file->data;
    (void)task;
    if (whence != RI_SEEK_SET || offset < 0 || (offset > 0 && file->host_fd >= 0))
        return -EINVAL;
    file->position = (uint64_t)offset;
    folder->host_is_done = folder->has_dev = false;
    return file->host_fd >= 0 ? ri_host_fd_seek(file->host_fd, 0, RI_SEEK_SET) : offset;
}

static int tell_info(RiFile *file, RiFileInfo *info)
{
    if (file->host_fd >= 0)
        return ri_host_fd_info(file->host_fd, info);
    *info = (RiFileInfo){.mode = RI_S_DIRECTORY | 0555, .links = 2, .block_size = 4096};
    return 0;
}

static int64_t refuse_read(RiTask *task, RiFile *file, void *to, size_t size)
{
    (void)task, (void)file, (void)to, (void)size;
    return -EISDIR;
}

static void close_folder(RiFile *file)
{
    Folder *folder = file->data;
    free(folder->guest);
    free(folder);
}

static const RiFileOps folder_ops = {
    .kind = "folder",
    .read = refuse_read,
    .seek = seek_entry,
    .info = tell_info,
    .entries = list_entries,
    .close = close_folder,
};

RiFile *ri_folder_new(RiMachine *machine, const char *guest, int host_fd)
{
    Folder *folder = calloc(1, sizeof *folder);
    char *copy = strdup(strcmp(guest, "/") == 0 ? "" : guest);
    RiFile *file = folder != NULL && copy != NULL ? ri_file_new(machine, &folder_ops, RI_O_RDONLY, folder) : NULL;
    if (file == NULL) {
        free(copy);
        free(folder);
        if (host_fd >= 0)
            ri_host_fd_close(host_fd);
        return NULL;
    }
    folder->guest = copy;
    folder->is_dev = strcmp(guest, "/dev") == 0;
    file->host_fd = host_fd;
    return file;
}
