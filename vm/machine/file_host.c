/* Files, folders, terminals and pipes of the host as open file descriptions. One host thread runs all processes, so nothing
 * here may block it: what could is asked with poll first, and the caller waits in the scheduler. */
#include <errno.h>
#include <string.h>

#include "vm/machine/file.h"
#include "vm/machine/mount.h"

/* A pipe that can be written takes at least so much without blocking (PIPE_BUF of Linux). */
#define WRITE_BYTES_MAX 4096

static bool may_block(int host_fd)
{
    RiFileInfo info;
    if (ri_host_fd_info(host_fd, &info) < 0)
        return true;
    uint32_t type = info.mode & RI_S_TYPE;
    return type != RI_S_FILE && type != RI_S_DIRECTORY && type != RI_S_BLOCK;
}

RiFile *ri_file_new_host(RiMachine *machine, int host_fd, uint32_t flags)
{
    RiFile *file = ri_file_new(machine, &ri_host_file_ops, flags, NULL);
    if (file == NULL)
        return NULL;
    file->host_fd = host_fd;
    file->may_block = may_block(host_fd);
    return file;
}

/* Can `event` be served now? Else the task waits for it, or the result says why not. */
static int64_t ready(RiTask *task, RiFile *file, unsigned event)
{
    if (!file->may_block || ri_file_poll(file, event) != 0)
        return 0;
    int64_t status = ri_file_wait(task, file, event);
    return status == -EAGAIN ? 0 : status; /* of a kind that the host does not watch, and that does not block */
}

static int64_t read_host(RiTask *task, RiFile *file, void *to, size_t size)
{
    int64_t status = ready(task, file, RI_EVENT_IN);
    return status != 0 ? status : ri_host_fd_read(file->host_fd, to, size);
}

static int64_t write_host(RiTask *task, RiFile *file, const void *from, size_t size)
{
    int64_t status = ready(task, file, RI_EVENT_OUT);
    if (status != 0)
        return status;
    if (file->may_block && size > WRITE_BYTES_MAX)
        size = WRITE_BYTES_MAX;
    size_t allowed = ri_files_count_output(task->proc, size);
    if (allowed == 0 && size > 0)
        return -EFBIG;
    return ri_host_fd_write(file->host_fd, from, allowed);
}

static int64_t pread_host(RiTask *task, RiFile *file, void *to, size_t size, int64_t offset)
{
    (void)task;
    return ri_host_fd_pread(file->host_fd, to, size, offset);
}

static int64_t pwrite_host(RiTask *task, RiFile *file, const void *from, size_t size, int64_t offset)
{
    size_t allowed = ri_files_count_output(task->proc, size);
    if (allowed == 0 && size > 0)
        return -EFBIG;
    return ri_host_fd_pwrite(file->host_fd, from, allowed, offset);
}

static int64_t seek_host(RiTask *task, RiFile *file, int64_t offset, int whence)
{
    (void)task;
    return ri_host_fd_seek(file->host_fd, offset, whence);
}

static int64_t control_host(RiTask *task, RiFile *file, uint32_t request, void *argument, size_t size)
{
    enum { TERMINAL_SIZE = 0x5413 };
    uint16_t out[4];
    (void)task;
    if (request != TERMINAL_SIZE || size < sizeof out)
        return -ENOTTY;
    int status = ri_host_fd_terminal_size(file->host_fd, out);
    if (status == 0)
        memcpy(argument, out, sizeof out);
    return status;
}

static int info_host(RiFile *file, RiFileInfo *info)
{
    return ri_host_fd_info(file->host_fd, info);
}

static int64_t entries_host(RiFile *file, void *to, size_t size)
{
    return ri_host_fd_entries(file->host_fd, to, size);
}

static int truncate_host(RiFile *file, int64_t size)
{
    return ri_host_fd_truncate(file->host_fd, size);
}

static int sync_host(RiTask *task, RiFile *file)
{
    (void)task;
    return ri_host_fd_sync(file->host_fd);
}

const RiFileOps ri_host_file_ops = {
    .kind = "file",
    .read = read_host,
    .write = write_host,
    .pread = pread_host,
    .pwrite = pwrite_host,
    .seek = seek_host,
    .ioctl = control_host,
    .info = info_host,
    .entries = entries_host,
    .truncate = truncate_host,
    .sync = sync_host,
};

/* -- Folders that only mounts make ------------------------------------------------------------------------------------ */

#define ENTRY_HEADER 19 /* u64, i64, u16, u8 */
#define ENTRY_DIRECTORY 4 /* type */

static size_t put_entry(char *to, size_t room, const char *name, uint64_t number)
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
    to[18] = ENTRY_DIRECTORY;
    strcpy(to + ENTRY_HEADER, name);
    return size;
}

static int64_t mount_list_entries(RiFile *file, void *to, size_t size)
{
    size_t used = 0;
    char name[RI_NAME_SIZE];
    for (;;) {
        if (file->position < 2)
            strcpy(name, file->position == 0 ? "." : "..");
        else if (!ri_mount_name(file->machine, file->data, (uint32_t)file->position - 2, name))
            return (int64_t)used;
        size_t more = put_entry((char *)to + used, size - used, name, file->position);
        if (more == 0)
            return used > 0 ? (int64_t)used : -EINVAL;
        used += more;
        file->position++;
    }
}

static int64_t mount_list_seek(RiTask *task, RiFile *file, int64_t offset, int whence)
{
    (void)task;
    if (whence != RI_SEEK_SET || offset < 0)
        return -EINVAL;
    file->position = (uint64_t)offset;
    return offset;
}

static int mount_list_info(RiFile *file, RiFileInfo *info)
{
    (void)file;
    *info = (RiFileInfo){.mode = RI_S_DIRECTORY | 0555, .links = 2, .block_size = 4096};
    return 0;
}

static int64_t mount_list_read(RiTask *task, RiFile *file, void *to, size_t size)
{
    (void)task;
    (void)file;
    (void)to;
    (void)size;
    return -EISDIR;
}

static void mount_list_close(RiFile *file)
{
    free(file->data);
}

static const RiFileOps mount_list_ops = {
    .kind = "folder",
    .read = mount_list_read,
    .seek = mount_list_seek,
    .info = mount_list_info,
    .entries = mount_list_entries,
    .close = mount_list_close,
};

RiFile *ri_mount_list_new(RiMachine *machine, const char *guest)
{
    char *copy = strdup(strcmp(guest, "/") == 0 ? "" : guest);
    RiFile *file = copy != NULL ? ri_file_new(machine, &mount_list_ops, RI_O_RDONLY, copy) : NULL;
    if (file == NULL)
        free(copy);
    return file;
}
