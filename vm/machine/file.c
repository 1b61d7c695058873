/* Descriptors and what they refer to: see file.h. */
#include "vm/machine/file.h"

#include <errno.h>
#include <string.h>

#include "vm/host/child.h"
#include "vm/machine/device.h"
#include "vm/machine/sched.h"

/* -- Open file descriptions ------------------------------------------------------------------------------------------ */

RiFile *ri_file_new(RiMachine *machine, const RiFileOps *ops, uint32_t flags, void *data)
{
    RiFile *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->ops = ops;
    file->machine = machine;
    file->refs = 1;
    file->flags = flags;
    file->host_fd = -1;
    file->data = data;
    return file;
}

void ri_file_release(RiFile *file)
{
    if (file == NULL || --file->refs > 0)
        return;
    if (file->ops->close != NULL)
        file->ops->close(file);
    if (file->host_fd >= 0 && !file->keeps_host_fd)
        ri_host_fd_close(file->host_fd);
    free(file);
}

/* A call that would wait: not in files that have O_NONBLOCK. */
static int64_t answer(RiTask *task, const RiFile *file, int64_t result)
{
    if (result != RI_SYS_BLOCK || !(file->flags & RI_O_NONBLOCK))
        return result;
    ri_task_ready(task); /* takes back the wait that it has declared */
    return -EAGAIN;
}

int64_t ri_file_read(RiTask *task, RiFile *file, void *to, size_t size)
{
    if ((file->flags & RI_O_ACCESS) == RI_O_WRONLY || file->ops->read == NULL)
        return -EBADF;
    if ((file->flags & RI_O_NONBLOCK) && !ri_file_poll(file, RI_EVENT_IN))
        return -EAGAIN;
    return answer(task, file, file->ops->read(task, file, to, size));
}

int64_t ri_file_write(RiTask *task, RiFile *file, const void *from, size_t size)
{
    if ((file->flags & RI_O_ACCESS) == RI_O_RDONLY || file->ops->write == NULL)
        return -EBADF;
    if ((file->flags & RI_O_NONBLOCK) && !ri_file_poll(file, RI_EVENT_OUT))
        return -EAGAIN;
    return answer(task, file, file->ops->write(task, file, from, size));
}

unsigned ri_file_poll(RiFile *file, unsigned events)
{
    unsigned always = RI_EVENT_ERROR | RI_EVENT_HANGUP | RI_EVENT_INVALID;
    if (file->ops->poll != NULL)
        return file->ops->poll(file) & (events | always);
    if (file->host_fd < 0)
        return events & (RI_EVENT_IN | RI_EVENT_OUT);
    int found = ri_host_fd_poll(file->host_fd, events, 0);
    return found < 0 ? 0 : (unsigned)found;
}

int64_t ri_file_wait(RiTask *task, RiFile *file, unsigned events)
{
    bool is_host = file->ops->poll == NULL && file->host_fd >= 0;
    uint32_t wanted = (events & RI_EVENT_IN ? RI_POLL_READ : 0) | (events & RI_EVENT_OUT ? RI_POLL_WRITE : 0);
    int status = ri_task_wait(task, is_host ? NULL : file, 0, is_host ? file->host_fd : -1, is_host ? wanted : 0);
    return status < 0 ? status : RI_SYS_BLOCK;
}

void ri_file_changed(RiFile *file)
{
    ri_wake(file->machine, file, UINT32_MAX);
    if (file->is_polled) {
        file->is_polled = false;
        ri_wake(file->machine, &file->machine->trace_data, UINT32_MAX); /* the channel of those who poll several files */
    }
}

/* -- The table ----------------------------------------------------------------------------------------------------------- */

static int make_standard_files(RiMachine *machine, RiFiles *files)
{
    for (int i = 0; i < 3; i++) {
        RiFile *file = ri_file_new_host(machine, i, i == 0 ? RI_O_RDONLY : RI_O_WRONLY);
        if (file == NULL)
            return -ENOMEM;
        file->keeps_host_fd = true;
        files->table[i].file = file;
    }
    files->count = files->lowest_free = 3;
    return 0;
}

static RiFiles *new_files(uint32_t capacity)
{
    RiFiles *files = calloc(1, sizeof *files);
    if (files == NULL)
        return NULL;
    files->directory_fd = files->denied = -1;
    files->capacity = capacity;
    files->table = calloc(capacity, sizeof *files->table);
    if (files->table == NULL) {
        free(files);
        return NULL;
    }
    return files;
}

void ri_files_drop_standard(RiFiles *files, int n, bool discards)
{
    struct RiStandardStream own = files->standard[n];
    files->standard[n] = (struct RiStandardStream){NULL, NULL};
    if (own.stream == NULL)
        return;
    if (discards)
        ri_host_stream_discard(own.stream);
    else
        fclose(own.stream);
    ri_file_release(own.file);
}

static void free_files(RiMachine *machine, RiFiles *files)
{
    for (uint32_t i = 0; i < files->capacity; i++)
        ri_file_release(files->table[i].file);
    for (uint32_t i = 0; i < files->stream_count; i++) {
        ri_host_stream_discard(files->streams[i].stream);
        machine->temporary_count -= files->streams[i].is_temporary;
    }
    for (int n = 0; n < 3; n++)
        ri_files_drop_standard(files, n, true);
    for (uint32_t i = 0; i < files->watch_count; i++)
        ri_host_fd_close(files->watches[i].set);
    if (files->directory_fd >= 0)
        ri_host_fd_close(files->directory_fd);
    for (uint32_t i = 0; i < files->child_count; i++) {
        ri_host_child_discard(files->children[i].pid);
        if (files->children[i].fd >= 0)
            ri_host_fd_close(files->children[i].fd);
    }
    free(files->children);
    free(files->watches);
    free(files->streams);
    free(files->directory);
    free(files->table);
    free(files);
}

RiFiles *ri_files_of(RiProc *proc)
{
    if (proc->files != NULL)
        return proc->files;
    RiFiles *files = new_files(4);
    if (files != NULL && make_standard_files(proc->machine, files) < 0) {
        free_files(proc->machine, files);
        return NULL;
    }
    proc->files = files;
    ri_machine_on_death(proc->machine, ri_files_destroy);
    return files;
}

int ri_files_copy(RiProc *parent, RiProc *child, bool all)
{
    RiFiles *from = parent->files;
    if (child->files != NULL)
        ri_files_destroy(child); /* those of a spawned process, before it becomes a fork */
    if (from == NULL)
        return 0;
    uint32_t count = all ? from->capacity : 3;
    RiFiles *files = new_files(count > 4 ? count : 4);
    if (files == NULL)
        return -ENOMEM;
    if (from->directory != NULL) {
        files->directory = strdup(from->directory);
        files->directory_fd = from->directory_fd >= 0 ? ri_host_fd_duplicate(from->directory_fd) : -1;
        if (files->directory == NULL || files->directory_fd < -1) {
            int status = files->directory == NULL ? -ENOMEM : files->directory_fd;
            free_files(child->machine, files);
            return status;
        }
    }
    for (uint32_t i = 0; i < count && i < from->capacity; i++) {
        if (from->table[i].file == NULL)
            continue;
        files->table[i] = from->table[i];
        ri_file_retain(files->table[i].file);
        files->count++;
    }
    files->standard_changed = true;
    child->files = files;
    return 0;
}

void ri_files_exec(RiProc *proc)
{
    RiFiles *files = proc->files;
    for (uint32_t i = 0; files != NULL && i < files->capacity; i++) {
        if (files->table[i].file != NULL && files->table[i].closes_on_exec)
            ri_files_close(proc, i);
    }
}

void ri_files_destroy(RiProc *proc)
{
    RiFiles *files = proc->files;
    proc->files = NULL;
    if (files != NULL)
        free_files(proc->machine, files);
}

RiFile *ri_files_get(RiProc *proc, int64_t descriptor)
{
    RiFiles *files = ri_files_of(proc);
    if (files == NULL || descriptor < 0 || descriptor >= files->capacity)
        return NULL;
    return files->table[descriptor].file;
}

/* Numbers up to `descriptor` can be used. */
static int grow_table(RiFiles *files, uint32_t descriptor)
{
    if (descriptor < files->capacity)
        return 0;
    uint32_t capacity = files->capacity;
    while (capacity <= descriptor)
        capacity *= 2;
    RiDescriptor *table = realloc(files->table, capacity * sizeof *table);
    if (table == NULL)
        return -ENOMEM;
    memset(table + files->capacity, 0, (capacity - files->capacity) * sizeof *table);
    files->table = table;
    files->capacity = capacity;
    return 0;
}

int ri_files_check_room(RiProc *proc)
{
    RiFiles *files = ri_files_of(proc);
    if (files == NULL)
        return -ENOMEM;
    uint64_t open = (uint64_t)files->count + files->stream_count;
    return open < RI_DESCRIPTOR_MAX && open < proc->limits[RI_LIMIT_DESCRIPTORS] ? 0 : -EMFILE;
}

static int set_descriptor(RiProc *proc, RiFile *file, uint32_t descriptor, bool closes_on_exec)
{
    RiFiles *files = proc->files;
    int status = grow_table(files, descriptor);
    if (status < 0)
        return status;
    files->table[descriptor] = (RiDescriptor){file, closes_on_exec};
    files->count++;
    files->standard_changed |= descriptor < 3;
    if (descriptor == files->lowest_free)
        files->lowest_free++;
    return (int)descriptor;
}

int ri_files_add(RiProc *proc, RiFile *file, uint32_t from, bool closes_on_exec)
{
    int status = ri_files_check_room(proc);
    if (status == 0) {
        RiFiles *files = proc->files;
        uint32_t n = from > files->lowest_free ? from : files->lowest_free;
        while (n < files->capacity && files->table[n].file != NULL)
            n++;
        if (from <= files->lowest_free)
            files->lowest_free = n;
        status = n < RI_DESCRIPTOR_MAX ? set_descriptor(proc, file, n, closes_on_exec) : -EMFILE;
    }
    if (status < 0)
        ri_file_release(file);
    return status;
}

int ri_files_put(RiProc *proc, RiFile *file, int64_t descriptor, bool closes_on_exec)
{
    int status = descriptor < 0 || descriptor >= RI_DESCRIPTOR_MAX ? -EBADF : 0;
    if (status == 0 && ri_files_get(proc, descriptor) != NULL)
        status = ri_files_close(proc, descriptor);
    if (status == 0)
        status = ri_files_check_room(proc);
    if (status == 0)
        status = set_descriptor(proc, file, (uint32_t)descriptor, closes_on_exec);
    if (status < 0)
        ri_file_release(file);
    return status;
}

int ri_files_close(RiProc *proc, int64_t descriptor)
{
    RiFile *file = ri_files_get(proc, descriptor);
    if (file == NULL)
        return -EBADF;
    RiFiles *files = proc->files;
    files->table[descriptor] = (RiDescriptor){NULL, false};
    files->count--;
    files->standard_changed |= descriptor < 3;
    if (descriptor < files->lowest_free)
        files->lowest_free = (uint32_t)descriptor;
    ri_file_release(file);
    return 0;
}

int ri_files_host_fd(RiProc *proc, int64_t descriptor)
{
    const RiFile *file = ri_files_get(proc, descriptor);
    return file != NULL ? file->host_fd : -1;
}

/* -- Streams ------------------------------------------------------------------------------------------------------------- */

int ri_files_add_stream(RiProc *proc, FILE *stream, RiFile *file)
{
    int status = ri_files_check_room(proc);
    if (status < 0)
        return status;
    RiFiles *files = proc->files;
    if (files->stream_count == files->stream_capacity) {
        uint32_t capacity = files->stream_capacity > 0 ? 2 * files->stream_capacity : 4;
        struct RiOpenStream *streams = realloc(files->streams, capacity * sizeof *streams);
        if (streams == NULL)
            return -ENOMEM;
        files->streams = streams;
        files->stream_capacity = capacity;
    }
    files->streams[files->stream_count++] = (struct RiOpenStream){.stream = stream, .file = file};
    return 0;
}

void ri_files_note_forked(RiProc *parent, FILE *stream, FILE *forked)
{
    RiFiles *files = parent->files;
    for (uint32_t i = files != NULL ? files->stream_count : 0; i-- > 0;) {
        if (files->streams[i].stream == stream)
            files->streams[i].forked = forked;
    }
}

int ri_files_take_forked(RiProc *parent, RiProc *child)
{
    RiFiles *from = parent->files;
    int count = 0, status = 0;
    for (uint32_t i = 0; from != NULL && i < from->stream_count; i++) {
        FILE *forked = from->streams[i].forked;
        from->streams[i].forked = NULL;
        if (forked == NULL)
            continue;
        if (status == 0)
            status = ri_files_add_stream(child, forked, from->streams[i].file);
        if (status != 0)
            ri_host_stream_discard(forked);
        count++;
    }
    return status == 0 ? count : status;
}

void ri_files_forget_forked(RiProc *parent)
{
    const RiFiles *files = parent->files;
    for (uint32_t i = 0; files != NULL && i < files->stream_count; i++)
        files->streams[i].forked = NULL;
}

void ri_files_note_temporary(RiProc *proc, const FILE *stream)
{
    RiFiles *files = proc->files;
    if (files == NULL || files->stream_count == 0 || files->streams[files->stream_count - 1].stream != stream)
        return; /* in a bare process streams are not counted */
    files->streams[files->stream_count - 1].is_temporary = true;
    proc->machine->temporary_count++;
}

bool ri_files_remove_stream(RiProc *proc, FILE *stream)
{
    RiFiles *files = proc->files;
    for (uint32_t i = files != NULL ? files->stream_count : 0; i-- > 0;) {
        if (files->streams[i].stream == stream) { /* the latest ones are usually closed first */
            proc->machine->temporary_count -= files->streams[i].is_temporary;
            files->streams[i] = files->streams[--files->stream_count];
            return true;
        }
    }
    return false;
}

RiFile *ri_files_behind(RiProc *proc, FILE *stream)
{
    RiFiles *files = proc->files;
    for (uint32_t i = files != NULL ? files->stream_count : 0; i-- > 0;) {
        if (files->streams[i].stream == stream)
            return files->streams[i].file;
    }
    for (int n = 0; files != NULL && n < 3; n++) {
        RiFile *file = files->standard[n].file;
        if (files->standard[n].stream == stream && file != NULL && file->ops != &ri_host_file_ops)
            return file;
    }
    return NULL;
}

bool ri_files_standard_is_hosts(const RiProc *proc, int n)
{
    const RiFiles *files = proc != NULL ? proc->files : NULL;
    const RiFile *file = files != NULL ? files->table[n].file : NULL;
    return files == NULL || (file != NULL && file->host_fd == n);
}

int ri_files_standard_fd(RiProc *proc, int n, bool *opened)
{
    RiFiles *files = proc != NULL ? proc->files : NULL;
    RiFile *file = files != NULL ? files->table[n].file : NULL;
    *opened = false;
    if (files == NULL)
        return n;
    if (file != NULL && file->host_fd < 0 && file->ops->to_host != NULL) {
        int status = file->ops->to_host(file);
        if (status < 0)
            return status;
    }
    if (file != NULL && file->host_fd >= 0)
        return file->host_fd;
    const char *path = file != NULL ? ri_device_host_path(file) : "/dev/null";
    if (path == NULL)
        return -EOPNOTSUPP;
    int fd = ri_host_fd_open(path, n == 0 ? RI_O_RDONLY : RI_O_WRONLY, 0);
    *opened = fd >= 0;
    return fd;
}

size_t ri_files_limit_output(RiProc *proc, size_t size)
{
    uint64_t limit = proc->limits[RI_LIMIT_OUTPUT], written = proc->usage.output_bytes;
    uint64_t left = written < limit ? limit - written : 0;
    if (size > left) {
        size = (size_t)left;
        ri_proc_doom(proc, RI_DOOM_OUTPUT, 0);
    }
    proc->usage.output_bytes += size;
    return size;
}

int ri_files_add_child(RiProc *proc, int pid)
{
    RiFiles *files = ri_files_of(proc);
    struct RiHostChild *children =
        files != NULL ? realloc(files->children, (files->child_count + 1) * sizeof *children) : NULL;
    if (children == NULL)
        return -ENOMEM;
    files->children = children;
    children[files->child_count++] = (struct RiHostChild){pid, -1};
    return 0;
}

static struct RiHostChild *find_child(RiProc *proc, int pid)
{
    RiFiles *files = proc->files;
    for (uint32_t i = 0; files != NULL && i < files->child_count; i++) {
        if (files->children[i].pid == pid)
            return &files->children[i];
    }
    return NULL;
}

int ri_files_child_fd(RiProc *proc, int pid)
{
    struct RiHostChild *child = find_child(proc, pid);
    if (child == NULL)
        return -1;
    if (child->fd < 0)
        child->fd = ri_host_child_fd(pid);
    return child->fd >= 0 ? child->fd : -1;
}

void ri_files_remove_child(RiProc *proc, int pid)
{
    struct RiHostChild *child = find_child(proc, pid);
    if (child == NULL)
        return;
    if (child->fd >= 0)
        ri_host_fd_close(child->fd);
    *child = proc->files->children[--proc->files->child_count];
}
