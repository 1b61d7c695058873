/* Pages of the host, with mmap and memfd. */
#define _GNU_SOURCE /* memfd_create, fallocate */
#include "vm/host/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define MAPPINGS_MAX_USUAL 65530 /* Linux, where /proc does not say */

/* -- Address space ----------------------------------------------------------------------------------------------- */

size_t ri_pages_host_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

char *ri_pages_reserve(size_t size)
{
    void *start = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

void ri_pages_release(char *start, size_t size)
{
    munmap(start, size);
}

static int host_prot(unsigned prot)
{
    return (prot & RI_PROT_READ ? PROT_READ : 0) | (prot & RI_PROT_WRITE ? PROT_WRITE : 0);
}

bool ri_pages_map(char *at, size_t size, int fd, uint64_t offset, unsigned prot)
{
    return mmap(at, size, host_prot(prot), MAP_SHARED | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED;
}

bool ri_pages_unmap(char *at, size_t size)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    return mmap(at, size, PROT_NONE, flags, -1, 0) != MAP_FAILED;
}

bool ri_pages_protect(char *at, size_t size, unsigned prot)
{
    return mprotect(at, size, host_prot(prot)) == 0;
}

uint32_t ri_pages_mappings_max(void)
{
    unsigned long count = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu", &count) != 1)
            count = 0;
        fclose(file);
    }
    if (count == 0)
        return MAPPINGS_MAX_USUAL;
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

uint64_t ri_pages_installed(void)
{
    long count = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (count <= 0 || size <= 0)
        return UINT64_MAX >> RI_PAGE_SHIFT;
    return (uint64_t)count * (uint64_t)size >> RI_PAGE_SHIFT;
}

/* -- Memory files ------------------------------------------------------------------------------------------------ */

static int open_nameless(void)
{
#ifdef MFD_CLOEXEC
    int memory = memfd_create("rille-frames", MFD_CLOEXEC);
    if (memory >= 0)
        return memory;
#endif
    char name[] = "/tmp/rille-XXXXXX";
    int fd = mkstemp(name);
    if (fd >= 0) {
        unlink(name);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
}

int ri_pages_open_memory(uint64_t size)
{
    int fd = open_nameless();
    if (fd >= 0 && ftruncate(fd, (off_t)size) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

char *ri_pages_view(int fd, uint64_t size)
{
    void *view = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    return view == MAP_FAILED ? NULL : view;
}

void ri_pages_forget(char *view, size_t size)
{
    madvise(view, size, MADV_DONTNEED); /* of a shared mapping: the file keeps its contents */
}

bool ri_pages_punch(int fd, uint64_t offset, size_t size)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) == 0;
#else
    (void)fd, (void)offset, (void)size;
    return false;
#endif
}

/* -- Files ------------------------------------------------------------------------------------------------------- */

int ri_pages_file_open(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

int ri_pages_file_dup(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void ri_pages_file_close(int fd)
{
    close(fd);
}

bool ri_pages_file_identify(int fd, RiFileId *id)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = ENODEV;
        return false;
    }
    *id = (RiFileId){(uint64_t)status.st_dev, (uint64_t)status.st_ino};
    return true;
}

int64_t ri_pages_file_size(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? (int64_t)status.st_size : -1;
}

bool ri_pages_file_resize(int fd, uint64_t size)
{
    return ftruncate(fd, (off_t)size) == 0;
}

unsigned ri_pages_file_rights(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return RI_PROT_NONE;
    int access_mode = flags & O_ACCMODE;
    return (access_mode != O_WRONLY ? RI_PROT_READ : 0u) | (access_mode != O_RDONLY ? RI_PROT_WRITE : 0u);
}

int64_t ri_pages_file_read(int fd, void *to, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

int64_t ri_pages_file_write(int fd, const void *from, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(fd, (const char *)from + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return (int64_t)done;
}

bool ri_pages_file_sync(int fd)
{
    return fdatasync(fd) == 0;
}
