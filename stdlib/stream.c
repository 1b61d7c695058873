/* Streams: opening, refilling and flushing stdio files for Lua programs. */
#include "stdlib/stream.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/call.h"
#include "vm/exec/clone.h"
#include "vm/host/child.h"
#include "vm/host/host.h"
#include "vm/machine/gate.h"
#include "vm/machine/sched.h"

/* -- Life ------------------------------------------------------------------------------------------------------ */

int ri_stream_close_file(void *state)
{
    (void)state;
    return 0;
}

int ri_stream_close_command(void *state)
{
    (void)state;
    return 1; /* bodies differ so that no linker folds the marks into one */
}

int ri_stream_close_standard(void *state)
{
    (void)state;
    return 2;
}

static FILE *stream_of_file(RiFile *file, const char *mode);
static const char *mode_of(const RiFile *file);

static bool fork_stream(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why)
{
    const RiStream *source = (const RiStream *)(const void *)from->data;
    RiStream *stream = ri_stream_of(u);
    *stream = *source;
    if (source->close == NULL || source->close == ri_stream_close_standard)
        return true;
    if (source->close != ri_stream_close_file && source->close != ri_stream_close_command) {
        *why = "a C module closes it";
        return false;
    }
    RiProc *parent = ri_clone_parent(clone)->proc;
    RiFile *behind = ri_files_behind(parent, source->file);
    stream->close = ri_stream_close_file;
    if (behind != NULL && fflush(source->file) == 0)
        stream->file = stream_of_file(ri_file_retain(behind), mode_of(behind));
    else
        stream->file = behind == NULL ? ri_host_duplicate(source->file) : NULL;
    if (stream->file == NULL)
        *why = strerror(errno);
    else
        ri_files_note_forked(parent, source->file, stream->file);
    return stream->file != NULL;
}

static void drop_stream(RiUserdata *u)
{
    RiStream *stream = ri_stream_of(u);
    if (stream->close == ri_stream_close_file)
        fclose(stream->file);
    stream->close = NULL;
}

const RiUserType ri_stream_type = {.name = RI_STREAM_TYPE, .fork = fork_stream, .drop = drop_stream};

RiUserdata *ri_stream_new(RiThread *T)
{
    RiUserdata *u = ri_udata_new(T->heap, sizeof(RiOwnStream), 0);
    u->type = &ri_stream_type;
    u->meta = ri_stdlib(T)->stream_meta;
    if (!T->process->closing) {
        ri_heap_register_finalizer(T->heap, ri_object(u, RI_TAG_USERDATA));
        u->object.flags |= RI_UDATA_FINALIZER;
    }
    return u;
}

/* -- The gate ---------------------------------------------------------------------------------------------------
 * Everything below that may block goes through one of these. */

static RiProc *proc_of(const RiThread *T)
{
    return T->process->proc;
}

#define STREAM_BYTES 5120 /* of the C library's memory, buffer included */
#define STREAM_ROOM_BYTES (16 * STREAM_BYTES) /* wanted for opening one, with the objects it takes */

/* It is charged to the process, and so are its open files. */
static int count_stream(RiThread *T, FILE *file, RiFile *behind)
{
    RiProc *proc = proc_of(T);
    if (proc == NULL)
        return 0;
    if (!ri_account_charge(&T->process->account, STREAM_BYTES))
        return -ENOMEM;
    int status = ri_files_add_stream(proc, file, behind);
    if (status < 0)
        (void)ri_account_charge(&T->process->account, -STREAM_BYTES);
    return status;
}

void ri_stream_make_room(RiThread *T)
{
    RiAccount *account = &T->process->account;
    if (ri_account_charge(account, STREAM_ROOM_BYTES)) {
        (void)ri_account_charge(account, -STREAM_ROOM_BYTES);
        return;
    }
    if (!ri_heap_has_finalizable(T->heap))
        ri_heap_collect(T->heap); /* the limit may have been content with the last collection, before its finalizers had run */
    ri_run_finalizers(T);
}

/* A file has been opened by the host: count it, or close it again. */
static bool opened_over(RiThread *T, RiStream *stream, FILE *file, RiFile *behind, RiStreamClose close)
{
    int status = file != NULL ? count_stream(T, file, behind) : 0;
    if (status < 0) {
        ri_host_stream_discard(file);
        file = NULL;
        errno = -status;
    }
    stream->file = file;
    stream->close = file != NULL ? close : NULL;
    return file != NULL;
}

static bool opened(RiThread *T, RiStream *stream, FILE *file, RiStreamClose close)
{
    return opened_over(T, stream, file, NULL, close);
}

void ri_stream_forget(RiThread *T, FILE *file)
{
    RiAccount *account = &T->process->account;
    bool was_counted = proc_of(T) != NULL && ri_files_remove_stream(proc_of(T), file);
    if (was_counted && account->extra_bytes >= STREAM_BYTES) /* who was forked with it has not paid */
        (void)ri_account_charge(account, -STREAM_BYTES);
}

static FILE *stream_of_descriptor(int fd, const char *mode)
{
    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    FILE *file = ri_host_stream_of(fd, mode);
    if (file == NULL) {
        int reason = errno;
        ri_host_fd_close(fd);
        errno = reason;
    }
    return file;
}

/* fopen's flags; the mode has been checked. */
static uint32_t open_flags(const char *mode)
{
    bool both = strchr(mode, '+') != NULL;
    switch (*mode) {
    case 'r':
        return both ? RI_O_RDWR : RI_O_RDONLY;
    case 'w':
        return (both ? RI_O_RDWR : RI_O_WRONLY) | RI_O_CREAT | RI_O_TRUNC;
    default:
        return (both ? RI_O_RDWR : RI_O_WRONLY) | RI_O_CREAT | RI_O_APPEND;
    }
}

/* Bytes: what a pipe takes that is ready to be written. */
#define AT_ONCE 4096

/* -- Files of the machine (devices, pipes) as streams -- */

static int64_t cookie_wait(RiFile *file)
{
    RiProc *proc = file->machine->current->proc;
    if (!ri_gate_switch(proc))
        return -EINTR;
    return ri_sched_take_deadlock(proc->machine) ? -EDEADLK : 0;
}

static int64_t cookie_read(void *cookie, char *to, size_t size)
{
    RiFile *file = cookie;
    int64_t result, status = 0;
    while (status == 0 && (result = ri_file_read(file->machine->current, file, to, size)) == RI_SYS_BLOCK)
        status = cookie_wait(file); /* after a failure no new wait must be declared */
    return status < 0 ? status : result;
}

/* What a stream has taken counts as output already. */
static int64_t write_counted_before(RiFile *file, const char *from, size_t size)
{
    RiTask *task = file->machine->current;
    uint64_t *counted = &task->proc->usage.output_bytes, before = *counted;
    *counted = before > size ? before - size : 0;
    int64_t result = ri_file_write(task, file, from, size);
    *counted = before;
    return result;
}

/* All of it: stdio takes less for an error. */
static int64_t cookie_write(void *cookie, const char *from, size_t size)
{
    RiFile *file = cookie;
    size_t done = 0;
    while (done < size) {
        int64_t result = write_counted_before(file, from + done, size - done);
        if (result == RI_SYS_BLOCK)
            result = cookie_wait(file);
        if (result < 0)
            return result;
        done += (size_t)result;
    }
    return (int64_t)size;
}

static int64_t cookie_seek(void *cookie, int64_t offset, int whence)
{
    RiFile *file = cookie;
    return file->ops->seek != NULL ? file->ops->seek(file->machine->current, file, offset, whence) : -ESPIPE;
}

static void cookie_close(void *cookie)
{
    ri_file_release(cookie);
}

/* Takes the reference over. */
static FILE *stream_of_file(RiFile *file, const char *mode)
{
    static const RiStreamOps ops = {cookie_read, cookie_write, cookie_seek, cookie_close};
    FILE *stream = ri_host_stream_custom(file, &ops, mode);
    if (stream == NULL)
        ri_file_release(file);
    else
        setvbuf(stream, NULL, _IOFBF, AT_ONCE);
    return stream;
}

bool ri_stream_open_descriptor(RiThread *T, RiStream *stream, int64_t descriptor, const char *mode)
{
    RiFile *file = ri_files_get(proc_of(T), descriptor);
    errno = EBADF;
    if (file == NULL)
        return false;
    if (file->ops == &ri_host_file_ops)
        return opened(T, stream, stream_of_descriptor(ri_host_fd_duplicate(file->host_fd), mode), ri_stream_close_file);
    return opened_over(T, stream, stream_of_file(ri_file_retain(file), mode), file, ri_stream_close_file);
}

/* -- Standard streams -- */

static const char *mode_of(const RiFile *file)
{
    static const char *const modes[] = {"r", "w", "r+", "r"};
    return modes[file->flags & RI_O_ACCESS];
}

static int64_t refuse_read(void *cookie, char *to, size_t size)
{
    (void)cookie, (void)to, (void)size;
    return -EBADF;
}

static int64_t refuse_write(void *cookie, const char *from, size_t size)
{
    (void)cookie, (void)from, (void)size;
    return -EBADF;
}

static int64_t refuse_seek(void *cookie, int64_t offset, int whence)
{
    (void)cookie, (void)offset, (void)whence;
    return -EBADF;
}

static void close_nothing(void *cookie)
{
    (void)cookie;
}

/* Of a standard descriptor that is closed. */
static FILE *stream_of_nothing(void)
{
    static const RiStreamOps ops = {refuse_read, refuse_write, refuse_seek, close_nothing};
    return ri_host_stream_custom(NULL, &ops, "r+");
}

/* A stream over what descriptor n refers to. NULL: no memory, or no descriptor of the host left. */
static FILE *new_standard_stream(RiFile *file, int n)
{
    FILE *stream;
    if (file == NULL)
        stream = stream_of_nothing();
    else if (file->ops == &ri_host_file_ops)
        stream = stream_of_descriptor(ri_host_fd_duplicate(file->host_fd), mode_of(file));
    else
        stream = stream_of_file(ri_file_retain(file), mode_of(file));
    if (stream != NULL && (n == 2 || file == NULL))
        setvbuf(stream, NULL, _IONBF, 0);
    return stream;
}

/* The stream for descriptor n from now on is `stream`; what was made for it before goes. */
static void set_standard_stream(RiThread *T, RiProc *proc, RiStream *standard, int n, FILE *stream, RiFile *file)
{
    if (standard->file == stream)
        return;
    if (proc == proc_of(T) && n > 0)
        ri_stream_flush(T, standard->file);
    standard->file = stream;
    if (proc->files->standard[n].stream == stream)
        return; /* made for the program that was there before exec */
    ri_files_drop_standard(proc->files, n, n == 0);
    if (file == NULL || !ri_file_is_standard(file))
        proc->files->standard[n] = (struct RiStandardStream){stream, file != NULL ? ri_file_retain(file) : NULL};
}

void ri_stream_follow_descriptors(RiThread *T, RiProc *proc, RiStdlib *state)
{
    FILE *const hosts[] = {stdin, stdout, stderr};
    RiFiles *files = proc->files;
    if (files == NULL || !files->standard_changed || state->standard[0] == NULL)
        return;
    files->standard_changed = false;
    for (int n = 0; n < 3; n++) {
        RiFile *file = files->table[n].file;
        const struct RiStandardStream *own = &files->standard[n];
        FILE *stream;
        if (file != NULL && ri_file_is_standard(file))
            stream = hosts[file->host_fd];
        else
            stream = own->stream != NULL && own->file == file ? own->stream : new_standard_stream(file, n);
        if (stream != NULL)
            set_standard_stream(T, proc, ri_stream_of(state->standard[n]), n, stream, file);
        else
            files->standard_changed = true; /* another time */
    }
}

RiFile *ri_stream_to_file(RiThread *T, RiStream *stream)
{
    RiProc *proc = proc_of(T);
    FILE *const hosts[] = {stdin, stdout, stderr};
    if (ri_host_stream_pending(stream->file) > 0 && !ri_stream_flush(T, stream->file))
        return NULL;
    for (int n = 0; n < 3 && stream->close == ri_stream_close_standard; n++) {
        RiFile *file = ri_files_get(proc, n);
        bool is_hosts = stream->file == hosts[n] && file != NULL && ri_file_is_standard(file);
        if (is_hosts || (proc->files->standard[n].stream == stream->file && file != NULL))
            return ri_file_retain(file);
    }
    RiFile *behind = ri_files_behind(proc, stream->file);
    if (behind != NULL)
        return ri_file_retain(behind);
    int fd = ri_host_stream_fd(stream->file), copy = fd >= 0 ? ri_host_fd_duplicate(fd) : -EBADF;
    int flags = copy >= 0 ? ri_host_fd_access(copy) : copy;
    RiFile *file = flags >= 0 ? ri_file_new_host(proc->machine, copy, (uint32_t)flags) : NULL;
    if (file == NULL && copy >= 0)
        ri_host_fd_close(copy);
    errno = flags < 0 ? -flags : file == NULL ? ENOMEM : 0;
    return file;
}

bool ri_stream_open_over(RiThread *T, RiStream *stream, RiFile *file)
{
    return opened_over(T, stream, stream_of_file(file, mode_of(file)), file, ri_stream_close_file);
}

bool ri_stream_files_forked(RiThread *T, RiProcess *child, uint32_t count)
{
    if (count > 0 && !ri_account_charge(&child->account, (int64_t)count * STREAM_BYTES))
        return false;
    if (child->io != NULL)
        ri_stream_follow_descriptors(T, child->proc, child->io);
    return true;
}

void ri_stream_files_end(RiThread *T)
{
    RiProc *proc = proc_of(T);
    for (int n = 1; proc != NULL && proc->files != NULL && n < 3; n++) {
        FILE *stream = proc->files->standard[n].stream;
        if (stream != NULL && ri_host_stream_pending(stream) > 0)
            ri_stream_flush(T, stream);
    }
}

/* -- Opening -- */

static FILE *open_path(RiThread *T, const char *path, const char *mode, RiFile **behind, bool *waits)
{
    RiProc *proc = proc_of(T);
    RiTask *task = ri_current_task(T);
    RiFile *device = NULL;
    int64_t status = task != NULL ? ri_gate_open_device(task, path, open_flags(mode), &device) : -ENOENT;
    *behind = device;
    *waits = false;
    if (status >= 0)
        return stream_of_file(device, mode);
    if (status != -ENOENT) {
        errno = (int)-status;
        return NULL;
    }
    int fd = ri_gate_open(proc, path, open_flags(mode), 0666);
    *waits = fd == RI_GATE_WAITS; /* for the other end of a named pipe */
    if (*waits)
        return NULL;
    return stream_of_descriptor(fd == RI_GATE_MOUNT_LIST ? -EISDIR : fd, mode);
}

RiOpenStatus ri_stream_try_open(RiThread *T, RiStream *stream, const char *path, const char *mode)
{
    char quoted[160];
    uint64_t start = ri_gate_trace_start(proc_of(T));
    errno = 0;
    RiFile *behind = NULL;
    bool waits;
    FILE *file = open_path(T, path, mode, &behind, &waits);
    if (waits)
        return RI_OPEN_WAITS;
    bool ok = opened_over(T, stream, file, behind, ri_stream_close_file);
    int reason = errno;
    if (RI_UNLIKELY(start != 0))
        ri_gate_trace(proc_of(T), start, "open", "file", ok ? ri_host_stream_fd(stream->file) : -reason, "%s, \"%s\"",
                      ri_gate_quote(path, strlen(path), quoted), mode);
    errno = reason;
    return ok ? RI_OPEN_DONE : RI_OPEN_FAILED;
}

bool ri_stream_open_file(RiThread *T, RiStream *stream, const char *path, const char *mode)
{
    RiOpenStatus status;
    while ((status = ri_stream_try_open(T, stream, path, mode)) == RI_OPEN_WAITS)
        ri_poll_slow(T);
    return status == RI_OPEN_DONE;
}

/* What is buffered here must come out before what a command writes. */
void ri_stream_flush_all(RiThread *T)
{
    RiProc *proc = proc_of(T);
    if (!ri_gate_is_busy(proc)) {
        fflush(NULL);
        return;
    }
    ri_stream_flush(T, stdout);
    ri_stream_flush(T, stderr);
    ri_stream_files_end(T);
    for (uint32_t i = 0; proc->files != NULL && i < proc->files->stream_count; i++) {
        if (ri_host_stream_pending(proc->files->streams[i].stream) > 0)
            ri_stream_flush(T, proc->files->streams[i].stream);
    }
}

int ri_stream_start_command(RiThread *T, const char *command, const char *mode, int *pipe_end)
{
    char quoted[160];
    uint64_t start = ri_gate_trace_start(proc_of(T));
    int status = ri_gate_run(proc_of(T), command);
    if (status == 0) {
        ri_stream_flush_all(T);
        status = ri_gate_start(proc_of(T), command, mode[0] == 'w', pipe_end);
    }
    if (RI_UNLIKELY(start != 0))
        ri_gate_trace(proc_of(T), start, pipe_end != NULL ? "popen" : "execute", "process", status, "%s",
                      ri_gate_quote(command, strlen(command), quoted));
    return status;
}

bool ri_stream_open_command(RiThread *T, RiStream *stream, const char *command, const char *mode)
{
    int pipe_end = -1;
    errno = 0;
    int pid = ri_stream_start_command(T, command, mode, &pipe_end);
    if (pid < 0) {
        errno = -pid;
        return false;
    }
    ((RiOwnStream *)stream)->pid = pid;
    return opened(T, stream, stream_of_descriptor(pipe_end, mode), ri_stream_close_command);
}

int32_t ri_stream_wait_command(RiThread *T, int pid, int *status)
{
    enum { RETRY_NS = 5000000 };
    RiProc *proc = proc_of(T);
    uint64_t cpu_ns;
    int ended = ri_host_child_wait(pid, !ri_gate_is_busy(proc), status, &cpu_ns);
    if (ended == 0) {
        int fd = ri_files_child_fd(proc, pid);
        uint64_t wake_ns = fd < 0 ? ri_host_monotonic_ns() + RETRY_NS : 0;
        if (ri_task_wait(proc->machine->current, NULL, wake_ns, fd, fd >= 0 ? RI_POLL_READ : 0) == 0)
            return RI_LIB_BLOCK;
        ended = ri_host_child_wait(pid, true, status, &cpu_ns);
    }
    if (proc != NULL) {
        ri_files_remove_child(proc, pid);
        ri_proc_charge_cpu(proc, cpu_ns);
    }
    errno = ended < 0 ? -ended : 0;
    if (ended < 0)
        *status = -1;
    return 0;
}

bool ri_stream_open_temporary(RiThread *T, RiStream *stream)
{
    int status = ri_gate_temporary(proc_of(T));
    errno = -status;
    if (status != 0 || !opened(T, stream, ri_host_open_temporary(), ri_stream_close_file))
        return false;
    if (proc_of(T) != NULL)
        ri_files_note_temporary(proc_of(T), stream->file);
    return true;
}

/* -- Waiting -- */

bool ri_stream_is_ready(RiThread *T, FILE *file, unsigned event)
{
    RiProc *proc = proc_of(T);
    if (!ri_gate_is_busy(proc))
        return true;
    int fd = ri_host_stream_fd(file);
    if (fd >= 0)
        return ri_gate_is_ready(proc, fd, event);
    RiFile *behind = ri_files_behind(proc, file);
    return behind == NULL || ri_file_poll(behind, event) != 0 ||
           ri_file_wait(proc->machine->current, behind, event) != RI_SYS_BLOCK;
}

/* The next byte of a file whose buffer is empty; refills it. EOF at the end. */
static int refill(FILE *file)
{
    return getc_unlocked(file);
}

static size_t fill_block(FILE *file, char *to, size_t size)
{
    return fread(to, 1, size, file);
}

/* What can be had without waiting more than once; the file is ready. */
static size_t fill_some(FILE *file, char *to, size_t size)
{
    int c = getc(file);
    if (c == EOF)
        return 0;
    to[0] = (char)c;
    size_t more = ri_host_stream_readable(file);
    if (more > size - 1)
        more = size - 1;
    return 1 + (more > 0 ? fread(to + 1, 1, more, file) : 0);
}

static bool is_regular(FILE *file)
{
    RiFileInfo info;
    int fd = ri_host_stream_fd(file);
    return fd >= 0 && ri_host_fd_info(fd, &info) == 0 && (info.mode & RI_S_TYPE) == RI_S_FILE;
}

/* Write some of what is pending, which is more than AT_ONCE. What failed is for fflush to report. */
static RiWriteStatus write_part(RiThread *T, FILE *file)
{
    const char *bytes = ri_host_stream_pending_bytes(file);
    RiFile *behind = ri_files_behind(proc_of(T), file);
    int fd = ri_host_stream_fd(file);
    int64_t result = -ENOSYS;
    if (bytes != NULL && fd >= 0)
        result = ri_host_fd_write(fd, bytes, AT_ONCE);
    else if (bytes != NULL && behind != NULL)
        result = write_counted_before(behind, bytes, AT_ONCE);
    if (result == RI_SYS_BLOCK)
        return RI_WRITE_WAITS;
    if (result > 0)
        ri_host_stream_drop_pending(file, (size_t)result);
    return result > 0 || fflush(file) == 0 ? RI_WRITE_DONE : RI_WRITE_FAILED;
}

/* Flush a buffer of whatever size, no more at once than what is taken without waiting. */
static RiWriteStatus flush_politely(RiThread *T, FILE *file)
{
    size_t pending;
    RiWriteStatus status = RI_WRITE_DONE;
    while (status == RI_WRITE_DONE && (pending = ri_host_stream_pending(file)) > 0) {
        if (!ri_stream_is_ready(T, file, RI_EVENT_OUT))
            return RI_WRITE_WAITS;
        if (pending > AT_ONCE)
            status = write_part(T, file);
        else
            return fflush(file) == 0 ? RI_WRITE_DONE : RI_WRITE_FAILED;
    }
    return status;
}

/* Write while others may run: whatever calls the host is preceded by a look whether it would block. */
static RiWriteStatus write_politely(RiThread *T, FILE *file, const char *bytes, size_t size, size_t *done)
{
    bool never_blocks = is_regular(file);
    while (*done < size) {
        size_t room = ri_host_stream_room(file), part = size - *done;
        if (part > room && !never_blocks) {
            if (ri_host_stream_pending(file) > 0) {
                RiWriteStatus status = flush_politely(T, file);
                if (status != RI_WRITE_DONE)
                    return status;
                continue;
            }
            if (!ri_stream_is_ready(T, file, RI_EVENT_OUT))
                return RI_WRITE_WAITS;
            part = part < AT_ONCE ? part : AT_ONCE;
        }
        if (fwrite(bytes + *done, 1, part, file) != part)
            return RI_WRITE_FAILED;
        *done += part;
    }
    return RI_WRITE_DONE;
}

/* A program whose output nobody reads ends as it would alone: `rille prog.lua | head`. Only its own pipes are an error. */
static RiWriteStatus note_failure(RiThread *T, FILE *file)
{
    RiProc *proc = proc_of(T);
    int reason = errno, fd = ri_host_stream_fd(file);
    if (reason == EPIPE && proc != NULL && proc == proc->machine->init && (fd == 1 || fd == 2))
        ri_host_end_by_broken_pipe();
    errno = reason;
    return RI_WRITE_FAILED;
}

static RiWriteStatus write_counted(RiThread *T, FILE *file, const char *bytes, size_t size, size_t *done)
{
    RiProc *proc = proc_of(T);
    size_t allowed = proc != NULL && *done == 0 ? ri_files_count_output(proc, size) : size;
    if (RI_UNLIKELY(ri_gate_is_busy(proc)) && allowed - *done > ri_host_stream_room(file)) {
        RiWriteStatus status = write_politely(T, file, bytes, allowed, done);
        if (status == RI_WRITE_FAILED)
            return note_failure(T, file);
        return status == RI_WRITE_DONE && allowed < size ? RI_WRITE_FAILED : status;
    }
    size_t left = allowed - *done;
    bool ok = fwrite(bytes + *done, 1, left, file) == left;
    *done = size;
    if (RI_UNLIKELY(!ok))
        return note_failure(T, file);
    return allowed == size ? RI_WRITE_DONE : RI_WRITE_FAILED;
}

RiWriteStatus ri_stream_put(RiThread *T, FILE *file, const char *bytes, size_t size, size_t *done)
{
    RiProc *proc = proc_of(T);
    if (RI_LIKELY(!ri_gate_is_traced(proc))) {
        ri_gate_count_call(proc);
        return write_counted(T, file, bytes, size, done);
    }
    char quoted[160];
    uint64_t start = ri_gate_trace_start(proc);
    RiWriteStatus status = write_counted(T, file, bytes, size, done);
    int reason = errno;
    if (status != RI_WRITE_WAITS)
        ri_gate_trace(proc, start, "write", "desc", status == RI_WRITE_DONE ? (int64_t)size : -reason, "%d, %s, %zu",
                      ri_host_stream_fd(file), ri_gate_quote(bytes, size, quoted), size);
    errno = reason;
    return status;
}

bool ri_stream_write(RiThread *T, FILE *file, const char *bytes, size_t size)
{
    size_t done = 0;
    RiWriteStatus status;
    while ((status = ri_stream_put(T, file, bytes, size, &done)) == RI_WRITE_WAITS)
        ri_poll_slow(T);
    return status == RI_WRITE_DONE;
}

RiWriteStatus ri_stream_try_flush(RiThread *T, FILE *file)
{
    if (RI_UNLIKELY(ri_gate_is_busy(proc_of(T))) && ri_host_stream_pending(file) > 0 && !is_regular(file)) {
        RiWriteStatus status = flush_politely(T, file);
        return status == RI_WRITE_FAILED ? note_failure(T, file) : status;
    }
    return fflush(file) == 0 ? RI_WRITE_DONE : note_failure(T, file);
}

bool ri_stream_flush(RiThread *T, FILE *file)
{
    RiWriteStatus status;
    while ((status = ri_stream_try_flush(T, file)) == RI_WRITE_WAITS)
        ri_poll_slow(T);
    return status == RI_WRITE_DONE;
}

/* -- Reading --------------------------------------------------------------------------------------------------- */

typedef enum RiLineEnd { LINE_GOES_ON, LINE_NEWLINE, LINE_EOF } RiLineEnd;

/* Move bytes of the current line to `to` until the newline (consumed, not stored), the end of the file, or `room` bytes;
 * with `is_polite` not beyond what one call of the host gives. The file is locked. */
static RiLineEnd take_line(FILE *file, char *to, size_t room, size_t *taken, bool is_polite)
{
    size_t count = 0;
    RiLineEnd end = LINE_GOES_ON;
    while (count < room) {
#ifdef __GLIBC__
        /* Look into the buffer that getc_unlocked reads from: memchr beats a loop of it many times over. */
        size_t ready = (size_t)(file->_IO_read_end - file->_IO_read_ptr);
        if (ready > 0) {
            size_t part = ready < room - count ? ready : room - count;
            char *newline = memchr(file->_IO_read_ptr, '\n', part);
            if (newline != NULL)
                part = (size_t)(newline - file->_IO_read_ptr);
            memcpy(to + count, file->_IO_read_ptr, part);
            file->_IO_read_ptr += part;
            count += part;
            if (newline != NULL) {
                file->_IO_read_ptr++;
                end = LINE_NEWLINE;
                break;
            }
            continue;
        }
#endif
        if (RI_UNLIKELY(is_polite) && count > 0)
            break;
        int c = refill(file);
        if (c == EOF || c == '\n') {
            end = c == EOF ? LINE_EOF : LINE_NEWLINE;
            break;
        }
        to[count++] = (char)c;
    }
    *taken = count;
    return end;
}

RiReadStatus ri_stream_take_line(RiThread *T, FILE *file, RiSbuf *sb, bool keep_newline)
{
    bool is_polite = ri_gate_is_busy(proc_of(T));
    RiLineEnd end;
    do { /* memory grows only while the file is not locked: a throw must not leave the lock behind */
        char *to = ri_sbuf_reserve(sb, 500);
        size_t taken;
        if (RI_UNLIKELY(is_polite) && ri_host_stream_readable(file) == 0 && !ri_stream_is_ready(T, file, RI_EVENT_IN))
            return RI_READ_WAITS;
        flockfile(file);
        end = take_line(file, to, sb->capacity - sb->size, &taken, is_polite);
        funlockfile(file);
        sb->size += taken;
    } while (end == LINE_GOES_ON);
    if (end == LINE_EOF && sb->size == 0)
        return RI_READ_END;
    if (keep_newline && end == LINE_NEWLINE)
        ri_sbuf_add_char(sb, '\n');
    return RI_READ_DONE;
}

/* Read at most `count` bytes more than what `sb` holds already, in calls of the host that do not wait twice. */
static RiReadStatus take_politely(RiThread *T, FILE *file, RiSbuf *sb, size_t count)
{
    enum { STEP = 4096 };
    while (sb->size < count) {
        size_t step = count - sb->size < STEP ? count - sb->size : STEP;
        char *to = ri_sbuf_reserve(sb, step);
        if (ri_host_stream_readable(file) == 0 && !ri_stream_is_ready(T, file, RI_EVENT_IN))
            return RI_READ_WAITS;
        size_t got = fill_some(file, to, step);
        sb->size += got;
        if (got == 0)
            break;
    }
    return sb->size > 0 ? RI_READ_DONE : RI_READ_END;
}

RiReadStatus ri_stream_take_chars(RiThread *T, FILE *file, RiSbuf *sb, size_t count)
{
    if (RI_UNLIKELY(ri_gate_is_busy(proc_of(T))) && !is_regular(file))
        return take_politely(T, file, sb, count);
    while (sb->size < count) { /* by steps: a huge count must not cost memory that the file does not fill */
        size_t step = sb->size < 65536 ? 65536 : sb->size;
        if (step > count - sb->size)
            step = count - sb->size;
        size_t got = fill_block(file, ri_sbuf_reserve(sb, step), step);
        sb->size += got;
        if (got < step)
            break;
    }
    return sb->size > 0 ? RI_READ_DONE : RI_READ_END;
}

RiReadStatus ri_stream_take_all(RiThread *T, FILE *file, RiSbuf *sb)
{
    if (RI_UNLIKELY(ri_gate_is_busy(proc_of(T))) && !is_regular(file))
        return take_politely(T, file, sb, SIZE_MAX) == RI_READ_WAITS ? RI_READ_WAITS : RI_READ_DONE;
    size_t step = ri_host_remaining_size(file) + 1; /* one more, to see the end in the same call */
    if (step < 4096)
        step = sizeof sb->inline_bytes;
    for (;;) {
        size_t got = fill_block(file, ri_sbuf_reserve(sb, step), step);
        sb->size += got;
        if (got < step)
            return RI_READ_DONE;
        step = sb->size < 4096 ? 4096 : sb->size;
    }
}

/* For callers that cannot leave and come again. */
#define UNTIL_READ(call)                                                                                               \
    RiSbuf sb;                                                                                                         \
    RiReadStatus status;                                                                                               \
    ri_sbuf_init(&sb, T->heap);                                                                                        \
    while ((status = (call)) == RI_READ_WAITS)                                                                         \
        ri_poll_slow(T);                                                                                               \
    return status == RI_READ_DONE ? ri_sbuf_finish(&sb) : NULL

RiString *ri_stream_read_line(RiThread *T, FILE *file, bool keep_newline)
{
    UNTIL_READ(ri_stream_take_line(T, file, &sb, keep_newline));
}

RiString *ri_stream_read_chars(RiThread *T, FILE *file, size_t count)
{
    UNTIL_READ(ri_stream_take_chars(T, file, &sb, count));
}

RiString *ri_stream_read_all(RiThread *T, FILE *file)
{
    UNTIL_READ(ri_stream_take_all(T, file, &sb));
}

RiReadStatus ri_stream_look(RiThread *T, FILE *file)
{
    if (RI_UNLIKELY(ri_gate_is_busy(proc_of(T))) && ri_host_stream_readable(file) == 0 &&
        !ri_stream_is_ready(T, file, RI_EVENT_IN))
        return RI_READ_WAITS;
    int c = getc(file);
    ungetc(c, file); /* nothing if c is EOF */
    return c != EOF ? RI_READ_DONE : RI_READ_END;
}

#define NUMERAL_SIZE_MAX 200 /* bytes; longer numerals are not read */

typedef struct RiNumeral {
    RiThread *T;
    FILE *file;
    RiSbuf *raw;    /* every byte taken from the file, for another attempt when more has come; NULL: it waits in the host */
    size_t replayed; /* bytes of raw that this attempt has looked at */
    int next; /* look-ahead */
    size_t size;
    bool too_long, waits;
    char text[NUMERAL_SIZE_MAX];
} RiNumeral;

/* Nothing can be had now: no byte continues the numeral, and the attempt is given up. */
static int next_byte_politely(RiNumeral *numeral)
{
    RiSbuf *raw = numeral->raw;
    if (numeral->replayed < raw->size)
        return (unsigned char)raw->data[numeral->replayed++];
    if (numeral->waits || (ri_host_stream_readable(numeral->file) == 0 &&
                           !ri_stream_is_ready(numeral->T, numeral->file, RI_EVENT_IN))) {
        numeral->waits = true;
        return EOF;
    }
    int c = refill(numeral->file);
    if (c != EOF) {
        ri_sbuf_add_char(raw, (char)c);
        numeral->replayed++;
    }
    return c;
}

static int next_byte(RiNumeral *numeral)
{
    return RI_UNLIKELY(numeral->raw != NULL) ? next_byte_politely(numeral) : refill(numeral->file);
}

/* Keep the look-ahead and read another; false when the numeral is too long. */
static bool accept(RiNumeral *numeral)
{
    if (numeral->size >= NUMERAL_SIZE_MAX) {
        numeral->too_long = true;
        return false;
    }
    numeral->text[numeral->size++] = (char)numeral->next;
    numeral->next = next_byte(numeral);
    return true;
}

static bool accept_either(RiNumeral *numeral, int a, int b)
{
    return (numeral->next == a || numeral->next == b) && accept(numeral);
}

static uint32_t accept_digits(RiNumeral *numeral, bool hex)
{
    uint32_t count = 0;
    while ((hex ? isxdigit(numeral->next) : isdigit(numeral->next)) && accept(numeral))
        count++;
    return count;
}

static void scan_numeral(RiNumeral *numeral)
{
    uint32_t digits = 0;
    bool hex = false;
    char point = localeconv()->decimal_point[0];
    do
        numeral->next = next_byte(numeral);
    while (isspace(numeral->next));
    accept_either(numeral, '+', '-');
    if (accept_either(numeral, '0', '0')) {
        if (accept_either(numeral, 'x', 'X'))
            hex = true;
        else
            digits = 1;
    }
    digits += accept_digits(numeral, hex);
    if (accept_either(numeral, (unsigned char)point, '.'))
        digits += accept_digits(numeral, hex);
    if (digits > 0 && accept_either(numeral, hex ? 'p' : 'e', hex ? 'P' : 'E')) {
        accept_either(numeral, '+', '-');
        accept_digits(numeral, false);
    }
}

RiReadStatus ri_stream_take_number(RiThread *T, FILE *file, RiSbuf *sb, RiValue *number)
{
    bool is_polite = ri_gate_is_busy(proc_of(T));
    RiNumeral numeral = {.T = T, .file = file, .raw = is_polite ? sb : NULL};
    int64_t i;
    double n;
    if (!is_polite) /* then it may throw, which must not leave the lock behind */
        flockfile(file);
    scan_numeral(&numeral);
    if (!is_polite)
        funlockfile(file);
    if (numeral.waits)
        return RI_READ_WAITS;
    ungetc(numeral.next, file); /* nothing if it is EOF */
    if (numeral.too_long)
        return RI_READ_END;
    switch (ri_num_parse(numeral.text, numeral.size, &i, &n)) {
    case RI_NUM_INT:
        *number = ri_int(i);
        return RI_READ_DONE;
    case RI_NUM_FLOAT:
        *number = ri_float(n);
        return RI_READ_DONE;
    default:
        return RI_READ_END;
    }
}

bool ri_stream_read_number(RiThread *T, FILE *file, RiValue *number)
{
    RiSbuf sb;
    RiReadStatus status;
    ri_sbuf_init(&sb, T->heap);
    while ((status = ri_stream_take_number(T, file, &sb, number)) == RI_READ_WAITS)
        ri_poll_slow(T);
    return status == RI_READ_DONE;
}

/* -- Results --------------------------------------------------------------------------------------------------- */

int32_t ri_return_file_result(RiThread *T, bool ok, const char *name)
{
    int reason = errno; /* before anything changes it */
    if (ok)
        return ri_return_bool(T->base, true);
    if (reason == EINTR && T->process->interrupt) /* Ctrl-C has ended the wait: that is not the program's to handle */
        ri_serve_interrupt(T);
    char why[100];
    const char *text = reason != 0 ? ri_error_text(proc_of(T), reason, why, sizeof why) : "(no extra info)";
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    if (name != NULL) {
        ri_sbuf_add(&sb, name, strlen(name));
        ri_sbuf_add(&sb, ": ", 2);
    }
    ri_sbuf_add(&sb, text, strlen(text));
    RiString *message = ri_sbuf_finish(&sb);
    return ri_return3(T->base, ri_nil(), ri_string_value(message), ri_int(reason));
}

int32_t ri_return_child_result(RiThread *T, int wait_status)
{
    if (wait_status != 0 && errno != 0)
        return ri_return_file_result(T, false, NULL);
    const char *what;
    int code = ri_host_child_result(wait_status, &what);
    bool ok = *what == 'e' && code == 0;
    RiString *how = ri_str_from_cstr(T->heap, what);
    return ri_return3(T->base, ok ? ri_bool(true) : ri_nil(), ri_string_value(how), ri_int(code));
}

/* -- Chunks from files ------------------------------------------------------------------------------------------- */

/* Where the chunk proper begins in the bytes of a file. `line_skipped`: a first line with '#' was left out. */
static size_t chunk_start(const char *bytes, size_t size, bool *line_skipped)
{
    size_t start = 0;
    *line_skipped = false;
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        start = 3;
    if (start < size && bytes[start] == '#') {
        *line_skipped = true;
        const char *newline = memchr(bytes + start, '\n', size - start);
        start = newline != NULL ? (size_t)(newline - bytes) : size;
    }
    return start;
}

static int push_file_error(RiThread *T, const char *what, const char *name, int reason)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    char why[100];
    const char *text = reason != 0 ? ri_error_text(proc_of(T), reason, why, sizeof why) : "";
    const char *parts[] = {"cannot ", what, " ", name, reason != 0 ? ": " : "", text};
    for (size_t i = 0; i < RI_COUNTOF(parts); i++)
        ri_sbuf_add(&sb, parts[i], strlen(parts[i]));
    ri_push(T, ri_string_value(ri_sbuf_finish(&sb)));
    errno = reason;
    return RI_ERRFILE;
}

/* The file has been read, if that has not failed. */
static int load_contents(RiThread *T, RiString *text, const char *path, const char *mode)
{
    const char *name = path != NULL ? path : "stdin";
    RiSbuf chunkname;
    ri_sbuf_init(&chunkname, T->heap);
    ri_sbuf_add_char(&chunkname, path != NULL ? '@' : '=');
    ri_sbuf_add(&chunkname, name, strlen(name) + 1);

    /* On the stack while it is being compiled: `bytes` alone does not keep it alive. */
    ri_push(T, ri_string_value(text));
    bool line_skipped;
    const char *bytes = ri_str_cstr(T->heap, text);
    size_t start = chunk_start(bytes, text->size, &line_skipped);
    /* The newline of a skipped line stays, to keep line numbers right; but a saved chunk begins after it. */
    if (line_skipped && start + 1 < text->size && bytes[start + 1] == '\x1b')
        start++;
    int status = (int)ri_load(T, bytes + start, text->size - start, chunkname.data, mode != NULL ? mode : "bt");
    ri_copy(T->top - 2, T->top - 1);
    T->top--;
    return status;
}

/* `file` has been read for `path`, which is done with it. Has that failed? Then errno is as before. */
static bool close_loaded(RiThread *T, FILE *file, const char *path)
{
    int reason = errno;
    bool failed = ferror(file);
    if (path != NULL) {
        ri_stream_forget(T, file);
        fclose(file);
    }
    errno = reason;
    return failed;
}

/* `file` has been opened for `path`; NULL and errno if that went wrong. */
static int load_stream(RiThread *T, FILE *file, const char *path, const char *mode)
{
    const char *name = path != NULL ? path : "stdin";
    if (file == NULL)
        return push_file_error(T, "open", name, errno);
    errno = 0;
    /* A memory error in here leaks the open file; there is no one who could close it earlier than exit does. */
    RiString *text = ri_stream_read_all(T, file);
    if (close_loaded(T, file, path))
        return push_file_error(T, "read", name, errno);
    return load_contents(T, text, path, mode);
}

int ri_load_file(RiThread *T, const char *path, const char *mode)
{
    return load_stream(T, path != NULL ? ri_host_open(path, "r") : stdin, path, mode);
}

int ri_load_guest_file(RiThread *T, const char *path, const char *mode)
{
    RiStream stream = {.file = ri_stream_standard(T, 0)};
    if (path != NULL)
        ri_stream_open_file(T, &stream, path, "r");
    return load_stream(T, stream.file, path, mode);
}

/* Above the arguments of a function that loads a file while others run. */
enum { LOADING_STREAM, LOADING_TEXT, LOADING_SLOTS };
enum { LOADING_OPENS = 0xffff0, LOADING_READS = 0xffff1 }; /* its steps */

typedef struct Loading {
    RiObject object; /* RI_TAG_BLOCK */
    RiSbuf sb;
} Loading;

bool ri_is_loading(const RiThread *T)
{
    return ri_lib_step(T) == LOADING_OPENS || ri_lib_step(T) == LOADING_READS;
}

static void begin_loading(RiThread *T, bool opens)
{
    ri_push(T, ri_object(ri_stream_new(T), RI_TAG_USERDATA));
    Loading *loading = ri_heap_alloc_block(T->heap, sizeof *loading);
    ri_block_describe(loading, offsetof(Loading, sb.inline_bytes), false);
    ri_sbuf_init(&loading->sb, T->heap);
    ri_push(T, ri_object(loading, RI_TAG_BLOCK));
    ri_lib_set_step(T, opens ? LOADING_OPENS : LOADING_READS);
}

/* RI_LIB_BLOCK, or 0: the function or a message is on top. */
static int32_t go_on_loading(RiThread *T, const RiValue *slots, const char *path, const char *mode, int *status)
{
    RiStream *stream = ri_stream_of(slots[LOADING_STREAM].p);
    Loading *loading = slots[LOADING_TEXT].p;
    const char *name = path != NULL ? path : "stdin";
    if (ri_lib_step(T) == LOADING_OPENS) {
        RiOpenStatus opened_as = ri_stream_try_open(T, stream, path, "r");
        if (opened_as == RI_OPEN_WAITS)
            return RI_LIB_BLOCK;
        if (opened_as == RI_OPEN_FAILED) {
            *status = push_file_error(T, "open", name, errno);
            return 0;
        }
        ri_lib_set_step(T, LOADING_READS);
    }
    FILE *file = path != NULL ? stream->file : ri_stream_standard(T, 0);
    errno = 0;
    if (ri_stream_take_all(T, file, &loading->sb) == RI_READ_WAITS)
        return RI_LIB_BLOCK;
    stream->close = NULL;
    if (close_loaded(T, file, path))
        *status = push_file_error(T, "read", name, errno);
    else
        *status = load_contents(T, ri_sbuf_finish(&loading->sb), path, mode);
    return 0;
}

int32_t ri_load_in_frame(RiThread *T, uint32_t nargs, const char *path, const char *mode, int *status)
{
    if (!ri_is_loading(T)) {
        T->top = T->base + nargs;
        if (!ri_gate_is_busy(proc_of(T))) {
            *status = ri_load_guest_file(T, path, mode);
            return 0;
        }
        begin_loading(T, path != NULL);
    }
    int32_t signal = go_on_loading(T, T->base + nargs, path, mode, status);
    if (signal == RI_LIB_BLOCK)
        return signal;
    ri_lib_set_step(T, 0);
    ri_copy(&T->base[nargs], T->top - 1);
    T->top = T->base + nargs + 1;
    return 0;
}
