/* Pipes within the machine: a ring of bytes between two open file descriptions. A write of at most RI_PIPE_ATOMIC bytes is
 * never mixed with another. The ring is made when the first byte comes, so an idle pipe is small. */
#include <errno.h>
#include <string.h>

#include "vm/machine/file.h"

#define PIPE_SIZE 65536u /* bytes, a power of two */
#define PIPE_ATOMIC 4096u

typedef struct RiPipe {
    RiFile *ends[2]; /* reader, writer; NULL when closed */
    char *ring;
    uint32_t head, count; /* where the oldest byte is, and how many there are */
    uint32_t payer;       /* process that is charged for the ring: who wrote first */
} RiPipe;

static RiPipe *pipe_of(const RiFile *file)
{
    return file->data;
}

static int make_ring(RiPipe *pipe, RiProc *payer)
{
    if (ri_proc_charge(payer, PIPE_SIZE) != 0)
        return -ENOMEM;
    pipe->ring = malloc(PIPE_SIZE);
    if (pipe->ring == NULL) {
        (void)ri_proc_charge(payer, -(int64_t)PIPE_SIZE);
        return -ENOMEM;
    }
    pipe->payer = payer->pid;
    return 0;
}

static void free_ring(RiPipe *pipe, RiMachine *machine)
{
    RiProc *payer = pipe->ring != NULL ? ri_proc_find(machine, pipe->payer) : NULL;
    if (payer != NULL && payer->memory_bytes >= PIPE_SIZE)
        (void)ri_proc_charge(payer, -(int64_t)PIPE_SIZE);
    free(pipe->ring);
}

static int64_t pipe_read(RiTask *task, RiFile *file, void *to, size_t size)
{
    RiPipe *pipe = pipe_of(file);
    if (size == 0)
        return 0;
    if (pipe->count == 0)
        return pipe->ends[1] == NULL ? 0 : ri_file_wait(task, file, RI_EVENT_IN);
    uint32_t taken = size < pipe->count ? (uint32_t)size : pipe->count;
    uint32_t first = PIPE_SIZE - pipe->head < taken ? PIPE_SIZE - pipe->head : taken;
    memcpy(to, pipe->ring + pipe->head, first);
    memcpy((char *)to + first, pipe->ring, taken - first);
    pipe->head = (pipe->head + taken) % PIPE_SIZE;
    pipe->count -= taken;
    if (pipe->ends[1] != NULL)
        ri_file_changed(pipe->ends[1]);
    return taken;
}

static int64_t pipe_write(RiTask *task, RiFile *file, const void *from, size_t size)
{
    RiPipe *pipe = pipe_of(file);
    uint32_t room = PIPE_SIZE - pipe->count;
    if (pipe->ends[0] == NULL)
        return -EPIPE;
    if (size == 0)
        return 0;
    if (room == 0 || (size <= PIPE_ATOMIC && size > room))
        return ri_file_wait(task, file, RI_EVENT_OUT);
    if (pipe->ring == NULL && make_ring(pipe, task->proc) != 0)
        return -ENOMEM;
    uint32_t put = size < room ? (uint32_t)size : room;
    put = (uint32_t)ri_files_count_output(task->proc, put);
    uint32_t tail = (pipe->head + pipe->count) % PIPE_SIZE;
    uint32_t first = PIPE_SIZE - tail < put ? PIPE_SIZE - tail : put;
    memcpy(pipe->ring + tail, from, first);
    memcpy(pipe->ring, (const char *)from + first, put - first);
    pipe->count += put;
    ri_file_changed(pipe->ends[0]);
    return put > 0 ? (int64_t)put : -EFBIG;
}

static unsigned pipe_poll(RiFile *file)
{
    const RiPipe *pipe = pipe_of(file);
    if (pipe->ends[0] == file)
        return (pipe->count > 0 ? RI_EVENT_IN : 0u) | (pipe->ends[1] == NULL ? RI_EVENT_HANGUP : 0u);
    bool has_room = PIPE_SIZE - pipe->count >= PIPE_ATOMIC;
    return (has_room ? RI_EVENT_OUT : 0u) | (pipe->ends[0] == NULL ? RI_EVENT_ERROR : 0u);
}

static int pipe_info(RiFile *file, RiFileInfo *info)
{
    *info = (RiFileInfo){.mode = RI_S_FIFO | 0600, .links = 1, .size = pipe_of(file)->count, .block_size = PIPE_ATOMIC};
    return 0;
}

static void pipe_close(RiFile *file)
{
    RiPipe *pipe = pipe_of(file);
    int end = pipe->ends[1] == file;
    pipe->ends[end] = NULL;
    if (pipe->ends[!end] != NULL) {
        ri_file_changed(pipe->ends[!end]);
        return;
    }
    free_ring(pipe, file->machine);
    free(pipe);
}

/* What is in the ring goes into a pipe of the host, which has room for as much, unless the host is short of memory. */
static int pour(const RiPipe *pipe, int fd)
{
    uint32_t head = pipe->head;
    for (uint32_t left = pipe->count; left > 0;) {
        uint32_t part = PIPE_SIZE - head < left ? PIPE_SIZE - head : left;
        if (part > PIPE_ATOMIC)
            part = PIPE_ATOMIC;
        if ((ri_host_fd_poll(fd, RI_EVENT_OUT, 0) & RI_EVENT_OUT) == 0)
            return -ENOMEM;
        int64_t put = ri_host_fd_write(fd, pipe->ring + head, part);
        if (put <= 0)
            return put < 0 ? (int)put : -EIO;
        head = (head + (uint32_t)put) % PIPE_SIZE;
        left -= (uint32_t)put;
    }
    return 0;
}

/* Both ends become those of a pipe of the host. Who waits at one of them asks again, and waits for the host then. */
static int pipe_to_host(RiFile *file)
{
    RiPipe *pipe = pipe_of(file);
    int fds[2];
    int status = ri_host_pipe(fds);
    if (status < 0)
        return status;
    status = pour(pipe, fds[1]);
    if (status < 0) {
        ri_host_fd_close(fds[0]);
        ri_host_fd_close(fds[1]);
        return status;
    }
    free_ring(pipe, file->machine);
    for (int n = 0; n < 2; n++) {
        RiFile *end = pipe->ends[n];
        if (end == NULL) {
            ri_host_fd_close(fds[n]);
            continue;
        }
        end->ops = &ri_host_pipe_ops;
        end->host_fd = fds[n];
        end->may_block = true;
        end->data = NULL;
        ri_file_changed(end);
    }
    free(pipe);
    return 0;
}

static const RiFileOps pipe_ops = {
    .kind = "pipe",
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .info = pipe_info,
    .to_host = pipe_to_host,
    .close = pipe_close,
};

int ri_pipe_new(RiMachine *machine, RiFile *ends[2])
{
    RiPipe *pipe = calloc(1, sizeof *pipe);
    ends[0] = pipe != NULL ? ri_file_new(machine, &pipe_ops, RI_O_RDONLY, pipe) : NULL;
    ends[1] = pipe != NULL ? ri_file_new(machine, &pipe_ops, RI_O_WRONLY, pipe) : NULL;
    if (ends[0] == NULL || ends[1] == NULL) {
        free(ends[0]);
        free(ends[1]);
        free(pipe);
        return -ENOMEM;
    }
    pipe->ends[0] = ends[0];
    pipe->ends[1] = ends[1];
    return 0;
}
