/* Files, folders and names of the host, by descriptor: what the machine's system calls stand on. Every function returns a
 * result >= 0 or a negated errno; none of them touches the host's working directory. Flags and modes are those that guests
 * use (Linux's numbers) and are translated here.
 *
 * A path is walked from a root: an open directory that cannot be left (`..`, absolute and symbolic links that would lead out
 * of it are refused), or RI_ROOT_HOST, the host's own tree. */
#ifndef RI_HOST_FILES_H
#define RI_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RI_PATH_SIZE 4096 /* bytes of a path, NUL included */
#define RI_NAME_SIZE 256  /* of one component */

enum { /* open */
    RI_O_RDONLY = 0,
    RI_O_WRONLY = 1,
    RI_O_RDWR = 2,
    RI_O_ACCESS = 3, /* mask of the three */
    RI_O_CREAT = 0100,
    RI_O_EXCL = 0200,
    RI_O_TRUNC = 01000,
    RI_O_APPEND = 02000,
    RI_O_NONBLOCK = 04000,
    RI_O_DIRECTORY = 0200000,
    RI_O_NOFOLLOW = 0400000,
    RI_O_CLOEXEC = 02000000,
    RI_O_ALL = 02707703
};
enum { RI_SEEK_SET, RI_SEEK_CUR, RI_SEEK_END };
enum { /* type, in the mode of RiFileInfo */
    RI_S_TYPE = 0170000,
    RI_S_FIFO = 0010000,
    RI_S_CHARACTER = 0020000,
    RI_S_DIRECTORY = 0040000,
    RI_S_BLOCK = 0060000,
    RI_S_FILE = 0100000,
    RI_S_LINK = 0120000,
    RI_S_SOCKET = 0140000
};
enum { /* poll */
    RI_EVENT_IN = 1,
    RI_EVENT_OUT = 4,
    RI_EVENT_ERROR = 8,
    RI_EVENT_HANGUP = 16,
    RI_EVENT_INVALID = 32
};

typedef struct RiFileInfo { /* as guests see it, too: 80 bytes */
    uint64_t device, inode;
    uint32_t mode, links, uid, gid;
    int64_t size;
    int64_t atime_ns, mtime_ns, ctime_ns; /* since 1970 */
    int64_t blocks;                       /* of 512 bytes */
    uint32_t block_size, reserved;
} RiFileInfo;

/* -- Where a path leads ---------------------------------------------------------------------------------------- */
#define RI_ROOT_HOST (-100) /* the host's tree; relative paths begin at its working directory */

enum {
    RI_PLACE_NOFOLLOW = 1, /* a symbolic link at the end is meant itself */
    RI_PLACE_BENEATH = 2,  /* never leave the root */
    RI_PLACE_REAL = 4,     /* fill in `real` */
    RI_PLACE_WALK = 8      /* component by component even where the host can do it in one call: for tests */
};

/* The directory that holds something, kept open, and its name there. Nothing that others rename or link meanwhile can
 * change what it means: `name` is used with O_NOFOLLOW. */
typedef struct RiPlace {
    int dir;
    char name[RI_NAME_SIZE];  /* "." for the directory itself */
    bool must_be_directory;   /* the path ended with a slash */
    char real[RI_PATH_SIZE];  /* of the host, absolute, without symbolic links; the name last */
} RiPlace;

/* Find where `path` leads, which need not exist (its directory must). Close it with ri_place_close after success. */
int ri_place_find(int root, const char *path, unsigned how, RiPlace *place);
void ri_place_close(RiPlace *place);
/* The path of an open file or directory, as the host calls it. The length. */
int ri_host_path_of(int fd, char out[RI_PATH_SIZE]);
/* An absolute path without symbolic links; components at the end that do not exist are kept as they are. */
int ri_host_real_path(const char *path, char out[RI_PATH_SIZE]);

int ri_place_open(const RiPlace *place, uint32_t flags, uint32_t mode); /* a descriptor, closed on exec */
int ri_place_info(const RiPlace *place, RiFileInfo *info);
int ri_place_unlink(const RiPlace *place, bool is_directory);
int ri_place_make_directory(const RiPlace *place, uint32_t mode);
int ri_place_rename(const RiPlace *from, const RiPlace *to);
int ri_place_link(const RiPlace *from, const RiPlace *to);
int ri_place_symlink(const char *target, const RiPlace *place);
int ri_place_read_link(const RiPlace *place, char *out, size_t size); /* length, cut to size; no NUL */

/* -- Open files ------------------------------------------------------------------------------------------------ */
int ri_host_fd_open(const char *path, uint32_t flags, uint32_t mode); /* in the host's tree, closed on exec */
int ri_host_fd_open_root(const char *path); /* a directory, only to start from */
int64_t ri_host_fd_read(int fd, void *to, size_t size);
int64_t ri_host_fd_write(int fd, const void *from, size_t size);
int64_t ri_host_fd_pread(int fd, void *to, size_t size, int64_t offset);
int64_t ri_host_fd_pwrite(int fd, const void *from, size_t size, int64_t offset);
int64_t ri_host_fd_seek(int fd, int64_t offset, int whence);
int ri_host_fd_close(int fd);
int ri_host_fd_duplicate(int fd); /* closed on exec */
int ri_host_fd_info(int fd, RiFileInfo *info);
int ri_host_fd_truncate(int fd, int64_t size);
int ri_host_fd_sync(int fd);
/* Lock the file as a whole, against others who lock it, until it is closed. -EAGAIN: it is locked. */
int ri_host_fd_lock(int fd, bool exclusive);
int ri_host_fd_access(int fd); /* RI_O_RDONLY, RI_O_WRONLY or RI_O_RDWR, and RI_O_APPEND */
int ri_host_fd_set_flags(int fd, uint32_t flags); /* RI_O_APPEND, RI_O_NONBLOCK */
/* Events of `events` (RI_EVENT_…) that are so now, after at most `timeout_ms` (-1: for ever). */
int ri_host_fd_poll(int fd, unsigned events, int timeout_ms);
/* Entries of a directory, as many whole ones as fit: {u64 inode, i64 position, u16 size, u8 type, name, NUL}, each padded
 * to 8 bytes. Bytes written, 0 at the end. */
int64_t ri_host_fd_entries(int fd, void *to, size_t size);
int ri_host_make_executable(const char *path); /* by whoever may read it */
int ri_host_fd_terminal_size(int fd, uint16_t out[4]); /* rows, columns, width, height */
int ri_host_pipe(int ends[2]);

/* Several descriptors as one that can be waited for: made empty, closed like any other. */
int ri_host_fd_set_new(void);
int ri_host_fd_set_add(int set, int fd, unsigned events);

/* -- The host itself ------------------------------------------------------------------------------------------- */
int64_t ri_host_random(void *to, size_t size);
int64_t ri_host_clock_ns(int clock); /* 0: since 1970; 1: monotonic; 2, 3: processor time of the host process, thread */
const char *ri_host_node_name(char *out, size_t size);
int ri_host_working_directory(char out[RI_PATH_SIZE]);
int ri_host_change_directory(const char *path);

/* -- stdio ----------------------------------------------------------------------------------------------------- */
FILE *ri_host_stream_of(int fd, const char *mode); /* takes fd over; NULL: it is still the caller's, errno */
int ri_host_stream_fd(FILE *file);                 /* -1: none behind it */
size_t ri_host_stream_readable(FILE *file);        /* bytes in the buffer that can be read without the host */
size_t ri_host_stream_pending(FILE *file);         /* bytes in the buffer still to be written */
size_t ri_host_stream_room(FILE *file);            /* bytes that a write can add without calling the host */
/* The bytes that are still to be written, for the caller to write the first of them himself; NULL: the library does not show
 * them. Then `size` of them, fewer than all, are dropped as written. Not for files with a position. */
const char *ri_host_stream_pending_bytes(FILE *file);
void ri_host_stream_drop_pending(FILE *file, size_t size);
void ri_host_stream_discard(FILE *file);           /* close it; what is pending is lost */
typedef struct RiStreamOps {
    int64_t (*read)(void *cookie, char *to, size_t size); /* bytes or -errno */
    int64_t (*write)(void *cookie, const char *from, size_t size);
    int64_t (*seek)(void *cookie, int64_t offset, int whence);
    void (*close)(void *cookie);
} RiStreamOps;
FILE *ri_host_stream_custom(void *cookie, const RiStreamOps *ops, const char *mode); /* NULL, errno */

#endif
