/* Descriptors: small numbers of a process for open files, pipes, sockets, devices and folders.
 *
 * A descriptor refers to an open file description (RiFile), which dup, fork and spawn share: it has the position, the flags
 * and the operations. What reads or writes in the machine itself (pipes, devices) makes callers wait at a channel; what
 * stands for a host descriptor, in the host's poll. Closed when the last descriptor goes; all of a process's when it ends.
 *
 * Operations return a result >= 0, -errno, or RI_SYS_BLOCK: they have called ri_task_wait for the task, and are to be called
 * again when it has been woken. Memory is the host's: the gate has checked the guest's. */
#ifndef RI_MACHINE_FILE_H
#define RI_MACHINE_FILE_H

#include <stdio.h>

#include "vm/host/files.h"
#include "vm/machine/policy.h"
#include "vm/machine/proc.h"

#define RI_SYS_BLOCK INT64_MIN
#define RI_DESCRIPTOR_MAX 65536 /* numbers are below it */

typedef struct RiFile RiFile;

/* NULL members: -ENOSYS's like (EINVAL for seek and ioctl, EBADF for read and write, nothing to do for sync). */
typedef struct RiFileOps {
    const char *kind; /* "file", "pipe", … */
    int64_t (*read)(RiTask *task, RiFile *file, void *to, size_t size);
    int64_t (*write)(RiTask *task, RiFile *file, const void *from, size_t size);
    int64_t (*pread)(RiTask *task, RiFile *file, void *to, size_t size, int64_t offset);
    int64_t (*pwrite)(RiTask *task, RiFile *file, const void *from, size_t size, int64_t offset);
    int64_t (*seek)(RiTask *task, RiFile *file, int64_t offset, int whence);
    int64_t (*ioctl)(RiTask *task, RiFile *file, uint32_t request, void *argument, size_t size);
    unsigned (*poll)(RiFile *file); /* RI_EVENT_… that are so now; NULL: ask the host for host_fd */
    int (*info)(RiFile *file, RiFileInfo *info);
    int64_t (*entries)(RiFile *file, void *to, size_t size);
    int (*truncate)(RiFile *file, int64_t size);
    int (*sync)(RiTask *task, RiFile *file);
    int (*to_host)(RiFile *file); /* becomes a file of the host's, which programs of the host can have, too: 0 or -errno */
    void (*close)(RiFile *file); /* the last of it: release `data`; host_fd is closed by the caller */
} RiFileOps;

struct RiFile {
    const RiFileOps *ops;
    RiMachine *machine;
    uint32_t refs;
    uint32_t flags;   /* RI_O_ACCESS, RI_O_APPEND, RI_O_NONBLOCK */
    int32_t host_fd;  /* -1: none */
    bool keeps_host_fd; /* stays open in the host: standard input, output and error */
    bool is_polled;   /* somebody polls it together with others: ri_file_changed */
    bool may_block;   /* of a host_fd: anything but a regular file or folder */
    uint64_t position; /* where the operations keep one */
    void *data;
};

typedef struct RiDescriptor {
    RiFile *file;
    bool closes_on_exec;
} RiDescriptor;

typedef struct RiFiles {
    RiDescriptor *table;
    uint32_t capacity, count;
    uint32_t lowest_free; /* no free number is below it */
    int16_t denied;       /* RiCapability of the last refusal; -1: none */
    struct RiOpenStream { /* open stdio streams of the process's io library */
        FILE *stream;
        RiFile *file;     /* behind it, if that is none of the host's; not counted as a reference */
        FILE *forked;     /* its counterpart in a process that is being forked; else NULL */
        bool is_temporary; /* counted in temporary_count of the machine */
    } *streams;
    uint32_t stream_count, stream_capacity;
    struct RiStandardStream { /* of descriptors 0 to 2 that are not the host's standard ones; they count as the descriptor */
        FILE *stream;     /* NULL: the host's */
        RiFile *file;     /* what it was made for, a reference; NULL with a stream: the descriptor is closed */
    } standard[3];
    bool standard_changed; /* one of these descriptors is another than the streams were made for */
    struct RiHostChild {  /* programs of the host that it has started and not waited for */
        int32_t pid, fd;  /* fd: can be read when it has ended; -1: not made yet */
    } *children;
    uint32_t child_count;
    char *directory;      /* working directory, a guest path; NULL: the host's, or "/" with mounts */
    int directory_fd;     /* the same without mounts; -1: the host's */
    struct RiWatch {      /* poll calls that wait for several descriptors */
        uint32_t tid;
        int set;
    } *watches;
    uint32_t watch_count;
} RiFiles;

/* -- Open file descriptions ------------------------------------------------------------------------------------ */
/* One reference, the caller's. NULL if memory is short. */
RiFile *ri_file_new(RiMachine *machine, const RiFileOps *ops, uint32_t flags, void *data);
/* Of a host descriptor, which it owns from then on (not if it returns NULL). */
RiFile *ri_file_new_host(RiMachine *machine, int host_fd, uint32_t flags);
static inline RiFile *ri_file_retain(RiFile *file)
{
    file->refs++;
    return file;
}
void ri_file_release(RiFile *file);

extern const RiFileOps ri_host_file_ops, ri_host_pipe_ops, ri_socket_file_ops;
/* Is it one of the host's standard streams (by host_fd)? */
static inline bool ri_file_is_standard(const RiFile *file)
{
    return file->ops == &ri_host_file_ops && file->keeps_host_fd && (uint32_t)file->host_fd < 3;
}
/* A pipe within the machine: two descriptions, one reference each. 0 or -ENOMEM. */
RI_MUST_CHECK int ri_pipe_new(RiMachine *machine, RiFile *ends[2]);

/* Operations, checked against the access mode, O_NONBLOCK turned into -EAGAIN. */
int64_t ri_file_read(RiTask *task, RiFile *file, void *to, size_t size);
int64_t ri_file_write(RiTask *task, RiFile *file, const void *from, size_t size);
unsigned ri_file_poll(RiFile *file, unsigned events); /* those of `events` that are so, and errors */
/* Let `task` wait until a file may have one of `events`: RI_SYS_BLOCK, or -errno. */
int64_t ri_file_wait(RiTask *task, RiFile *file, unsigned events);
/* The state of a file has changed: wake who waits for it, and who polls. */
void ri_file_changed(RiFile *file);

/* -- Descriptors ----------------------------------------------------------------------------------------------- */
/* The process's table, made at first use with 0, 1, 2 standing for the host's standard streams. NULL: memory is short. */
RiFiles *ri_files_of(RiProc *proc);
/* `child` gets its parent's descriptors: all of them (fork), or only 0, 1, 2 (spawn); and its working directory. */
RI_MUST_CHECK int ri_files_copy(RiProc *parent, RiProc *child, bool all);
void ri_files_exec(RiProc *proc);    /* close what closes on exec */
void ri_files_destroy(RiProc *proc); /* close everything; pending output of streams is lost */

/* The file of a descriptor, not retained; NULL: not open. */
RiFile *ri_files_get(RiProc *proc, int64_t descriptor);
/* Give `file` the lowest free number >= `from`; takes over the caller's reference, also if it fails (-EMFILE, -ENOMEM). */
RI_MUST_CHECK int ri_files_add(RiProc *proc, RiFile *file, uint32_t from, bool closes_on_exec);
/* Give `file` this number, closing what had it. Takes the reference over. The number, -EBADF, -EMFILE, -ENOMEM. */
RI_MUST_CHECK int ri_files_put(RiProc *proc, RiFile *file, int64_t descriptor, bool closes_on_exec);
int ri_files_close(RiProc *proc, int64_t descriptor); /* 0 or -EBADF */
/* The host's descriptor behind one of the guest's; -1 if there is none. For mappings. */
int ri_files_host_fd(RiProc *proc, int64_t descriptor);

/* Streams of the io library count as descriptors and are closed with them. */
RI_MUST_CHECK int ri_files_add_stream(RiProc *proc, FILE *stream, RiFile *file); /* 0, -EMFILE, -ENOMEM */
RiFile *ri_files_behind(RiProc *proc, FILE *stream); /* NULL: it is the host's */
void ri_files_note_temporary(RiProc *proc, const FILE *stream); /* it was added; the host removes its file when it is closed */
bool ri_files_remove_stream(RiProc *proc, FILE *stream); /* was it there? */
/* fork: the counterpart of one of `parent`'s streams has been made; the child takes all of them over (how many; on -ENOMEM
 * they are closed), or, if it is not to be, they are forgotten. */
void ri_files_note_forked(RiProc *parent, FILE *stream, FILE *forked);
RI_MUST_CHECK int ri_files_take_forked(RiProc *parent, RiProc *child);
void ri_files_forget_forked(RiProc *parent);
/* The stream that descriptor n (0 to 2) has of its own goes, and what it has buffered with it if `discards`. */
void ri_files_drop_standard(RiFiles *files, int n, bool discards);
/* Is descriptor n (0 to 2) the host's of that number? */
bool ri_files_standard_is_hosts(const RiProc *proc, int n);
/* The host's descriptor that a program of the host gets for descriptor n (0 to 2): a pipe of the machine becomes one of the
 * host's; devices that the host has, too, and what is closed (/dev/null), are opened there, and *opened is true: to be closed.
 * -EOPNOTSUPP: the host has nothing like it; -errno. */
RI_MUST_CHECK int ri_files_standard_fd(RiProc *proc, int n, bool *opened);
RI_MUST_CHECK int ri_files_check_room(RiProc *proc); /* 0 or -EMFILE: may one more be opened? */
/* Host processes that it has started: killed if they are left over when it ends. */
RI_MUST_CHECK int ri_files_add_child(RiProc *proc, int pid); /* 0 or -ENOMEM */
int ri_files_child_fd(RiProc *proc, int pid); /* a descriptor that can be read when it has ended; -1: none to be had */
void ri_files_remove_child(RiProc *proc, int pid);

/* Count bytes about to be written, at most `size`; how many of them may be (fewer at the limit, where the process ends). */
size_t ri_files_limit_output(RiProc *proc, size_t size);
static inline size_t ri_files_count_output(RiProc *proc, size_t size)
{
    if (RI_UNLIKELY(proc->limits[RI_LIMIT_OUTPUT] != RI_NO_LIMIT))
        return ri_files_limit_output(proc, size);
    proc->usage.output_bytes += size;
    return size;
}

#endif
