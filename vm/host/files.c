/* POSIX and Linux behind files.h: descriptors and stdio. Names lie in place.c. */
#define _GNU_SOURCE /* O_PATH, pipe2, fopencookie */
#include "vm/host/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<stdio_ext.h>)
#include <stdio_ext.h>
#endif

#include "vm/host/host.h"
#include "vm/host/host_flags.h"

static inline int result(int status)
{
    return status < 0 ? -errno : status;
}

static inline int64_t long_result(ssize_t status)
{
    return status < 0 ? -errno : (int64_t)status;
}

/* -- Flags and records ------------------------------------------------------------------------------------------- */

int ri_host_open_flags(uint32_t flags)
{
    static const struct {
        uint32_t guest;
        int host;
    } table[] = {
        {RI_O_CREAT, O_CREAT},       {RI_O_EXCL, O_EXCL},           {RI_O_TRUNC, O_TRUNC},       {RI_O_APPEND, O_APPEND},
        {RI_O_NONBLOCK, O_NONBLOCK}, {RI_O_DIRECTORY, O_DIRECTORY}, {RI_O_NOFOLLOW, O_NOFOLLOW},
    };
    static const int access[4] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR};
    int host = access[flags & RI_O_ACCESS] | O_CLOEXEC | O_NOCTTY;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (flags & table[i].guest)
            host |= table[i].host;
    }
    return host;
}

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void ri_host_fill_info(RiFileInfo *info, const struct stat *s)
{
    *info = (RiFileInfo){
        .device = (uint64_t)s->st_dev,
        .inode = (uint64_t)s->st_ino,
        .mode = (uint32_t)s->st_mode,
        .links = (uint32_t)s->st_nlink,
        .uid = (uint32_t)s->st_uid,
        .gid = (uint32_t)s->st_gid,
        .size = (int64_t)s->st_size,
        .atime_ns = nanoseconds(s->st_atim),
        .mtime_ns = nanoseconds(s->st_mtim),
        .ctime_ns = nanoseconds(s->st_ctim),
        .blocks = (int64_t)s->st_blocks,
        .block_size = (uint32_t)s->st_blksize,
    };
}

/* -- Open files -------------------------------------------------------------------------------------------------- */

int ri_host_fd_open(const char *path, uint32_t flags, uint32_t mode)
{
    return result(open(path, ri_host_open_flags(flags), (mode_t)(mode & 07777)));
}

int ri_host_fd_open_root(const char *path)
{
    return result(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int64_t ri_host_fd_read(int fd, void *to, size_t size)
{
    return long_result(read(fd, to, size));
}

int64_t ri_host_fd_write(int fd, const void *from, size_t size)
{
    return long_result(write(fd, from, size));
}

int64_t ri_host_fd_pread(int fd, void *to, size_t size, int64_t offset)
{
    return long_result(pread(fd, to, size, (off_t)offset));
}

int64_t ri_host_fd_pwrite(int fd, const void *from, size_t size, int64_t offset)
{
    return long_result(pwrite(fd, from, size, (off_t)offset));
}

int64_t ri_host_fd_seek(int fd, int64_t offset, int whence)
{
    static const int host[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    if (whence < 0 || whence > RI_SEEK_END)
        return -EINVAL;
    off_t at = lseek(fd, (off_t)offset, host[whence]);
    return at < 0 ? -errno : (int64_t)at;
}

int ri_host_fd_close(int fd)
{
    return result(close(fd));
}

int ri_host_fd_duplicate(int fd)
{
    return result(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

int ri_host_fd_info(int fd, RiFileInfo *info)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return -errno;
    ri_host_fill_info(info, &s);
    return 0;
}

int ri_host_fd_truncate(int fd, int64_t size)
{
    return result(ftruncate(fd, (off_t)size));
}

int ri_host_fd_sync(int fd)
{
    return result(fsync(fd));
}

int ri_host_fd_lock(int fd, bool exclusive)
{
    return result(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

int ri_host_fd_access(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    int access = (flags & O_ACCMODE) == O_RDONLY ? RI_O_RDONLY : (flags & O_ACCMODE) == O_WRONLY ? RI_O_WRONLY : RI_O_RDWR;
    return access | (flags & O_APPEND ? RI_O_APPEND : 0);
}

int ri_host_fd_set_flags(int fd, uint32_t flags)
{
    int old = fcntl(fd, F_GETFL);
    if (old < 0)
        return -errno;
    int kept = old & ~(O_APPEND | O_NONBLOCK);
    return result(fcntl(fd, F_SETFL, kept | (ri_host_open_flags(flags) & (O_APPEND | O_NONBLOCK))));
}

int ri_host_fd_poll(int fd, unsigned events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = (short)((events & RI_EVENT_IN ? POLLIN : 0) | (events & RI_EVENT_OUT ? POLLOUT : 0))};
    int count = poll(&p, 1, timeout_ms);
    if (count < 0)
        return -errno;
    int found = 0;
    found |= p.revents & POLLIN ? RI_EVENT_IN : 0;
    found |= p.revents & POLLOUT ? RI_EVENT_OUT : 0;
    found |= p.revents & POLLERR ? RI_EVENT_ERROR : 0;
    found |= p.revents & POLLHUP ? RI_EVENT_HANGUP : 0;
    found |= p.revents & POLLNVAL ? RI_EVENT_INVALID : 0;
    return found;
}

int64_t ri_host_fd_entries(int fd, void *to, size_t size)
{
    /* The kernel's own record is the one that guests see: u64, i64, u16, u8, name. */
    return long_result(syscall(SYS_getdents64, fd, to, (unsigned)(size < INT_MAX ? size : INT_MAX)));
}

int ri_host_make_executable(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return -errno;
    mode_t readers = info.st_mode & (S_IRUSR | S_IRGRP | S_IROTH);
    return chmod(path, (info.st_mode & 07777) | readers >> 2) == 0 ? 0 : -errno;
}

int ri_host_fd_terminal_size(int fd, uint16_t out[4])
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0)
        return -errno;
    out[0] = size.ws_row;
    out[1] = size.ws_col;
    out[2] = size.ws_xpixel;
    out[3] = size.ws_ypixel;
    return 0;
}

int ri_host_pipe(int ends[2])
{
    return result(pipe2(ends, O_CLOEXEC));
}

int ri_host_fd_set_new(void)
{
    return result(epoll_create1(EPOLL_CLOEXEC));
}

int ri_host_fd_set_add(int set, int fd, unsigned events)
{
    struct epoll_event event = {
        .events = (events & RI_EVENT_IN ? EPOLLIN : 0u) | (events & RI_EVENT_OUT ? EPOLLOUT : 0u),
        .data.fd = fd,
    };
    int status = epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    if (status != 0 && errno == EEXIST)
        status = epoll_ctl(set, EPOLL_CTL_MOD, fd, &(struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data.fd = fd});
    return status != 0 && errno == EPERM ? 0 : result(status); /* EPERM: always ready, nothing to wait for */
}

/* -- The host itself --------------------------------------------------------------------------------------------- */

int64_t ri_host_random(void *to, size_t size)
{
    return long_result(getrandom(to, size, 0));
}

int64_t ri_host_clock_ns(int clock)
{
    static const clockid_t host[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    struct timespec now;
    if (clock < 0 || clock > 3)
        return -EINVAL;
    return clock_gettime(host[clock], &now) == 0 ? nanoseconds(now) : -errno;
}

const char *ri_host_node_name(char *out, size_t size)
{
    if (gethostname(out, size) != 0)
        snprintf(out, size, "localhost");
    out[size - 1] = '\0';
    return out;
}

int ri_host_working_directory(char out[RI_PATH_SIZE])
{
    return getcwd(out, RI_PATH_SIZE) != NULL ? (int)strlen(out) : -errno;
}

int ri_host_change_directory(const char *path)
{
    return result(chdir(path));
}

/* -- stdio ------------------------------------------------------------------------------------------------------- */

FILE *ri_host_stream_of(int fd, const char *mode)
{
    return fdopen(fd, mode);
}

int ri_host_stream_fd(FILE *file)
{
    int saved = errno; /* a stream without a descriptor is no error of the caller's */
    int fd = fileno(file);
    errno = saved;
    return fd;
}

size_t ri_host_stream_readable(FILE *file)
{
#ifdef __GLIBC__
    return (size_t)(file->_IO_read_end - file->_IO_read_ptr);
#else
    return __freading(file) ? 1 : 0; /* nobody tells how many */
#endif
}

size_t ri_host_stream_pending(FILE *file)
{
    return __fpending(file);
}

size_t ri_host_stream_room(FILE *file)
{
    if (__flbf(file) || !__fwriting(file))
        return 0;
#ifdef __GLIBC__
    size_t left = file->_IO_write_ptr != NULL ? (size_t)(file->_IO_buf_end - file->_IO_write_ptr) : __fbufsize(file);
#else
    size_t left = __fbufsize(file) - __fpending(file);
#endif
    return left > 0 ? left - 1 : 0;
}

const char *ri_host_stream_pending_bytes(FILE *file)
{
#ifdef __GLIBC__
    return file->_IO_write_base;
#else
    (void)file;
    return NULL;
#endif
}

void ri_host_stream_drop_pending(FILE *file, size_t size)
{
#ifdef __GLIBC__
    file->_IO_write_base += size;
    /* stdio takes a difference between these for a place that it has to seek to before it writes */
    file->_IO_read_base = file->_IO_read_ptr = file->_IO_read_end = file->_IO_write_base;
#else
    (void)file;
    (void)size;
#endif
}

void ri_host_stream_discard(FILE *file)
{
    __fpurge(file);
    fclose(file);
}

typedef struct Custom {
    void *cookie;
    const RiStreamOps *ops;
} Custom;

static ssize_t custom_result(int64_t n)
{
    if (n >= 0)
        return (ssize_t)n;
    errno = (int)-n;
    return -1;
}

static ssize_t custom_read(void *cookie, char *to, size_t size)
{
    Custom *custom = cookie;
    return custom_result(custom->ops->read(custom->cookie, to, size));
}

static ssize_t custom_write(void *cookie, const char *from, size_t size)
{
    Custom *custom = cookie;
    ssize_t n = custom_result(custom->ops->write(custom->cookie, from, size));
    return n > 0 ? n : 0; /* what fopencookie wants for an error */
}

static int custom_seek(void *cookie, off64_t *offset, int whence)
{
    Custom *custom = cookie;
    int guest_whence = whence == SEEK_SET ? RI_SEEK_SET : whence == SEEK_CUR ? RI_SEEK_CUR : RI_SEEK_END;
    ssize_t at = custom_result(custom->ops->seek(custom->cookie, (int64_t)*offset, guest_whence));
    if (at < 0)
        return -1;
    *offset = at;
    return 0;
}

static int custom_close(void *cookie)
{
    Custom *custom = cookie;
    custom->ops->close(custom->cookie);
    free(custom);
    return 0;
}

FILE *ri_host_stream_custom(void *cookie, const RiStreamOps *ops, const char *mode)
{
    static const cookie_io_functions_t functions = {custom_read, custom_write, custom_seek, custom_close};
    Custom *custom = malloc(sizeof *custom);
    if (custom == NULL)
        return NULL;
    *custom = (Custom){cookie, ops};
    FILE *file = fopencookie(custom, mode, functions);
    if (file == NULL)
        free(custom);
    return file;
}
