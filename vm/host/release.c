/* What giving back memory takes: measured with small pieces. */
#define _GNU_SOURCE
#include "vm/host/release.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm/host/host.h"

#define TRIAL_PAGES 256u
#define TRIALS 3 /* the best of */

/* Nanoseconds per page to unmap TRIAL_PAGES touched pages of the file (-1: of no file) and close it; 0: not to be had. */
static uint32_t try_release(int fd, size_t page_bytes)
{
    size_t size = TRIAL_PAGES * page_bytes;
    int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    if (fd >= 0 && ftruncate(fd, (off_t)size) != 0)
        return 0;
    volatile char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (pages == MAP_FAILED)
        return 0;
    for (size_t i = 0; i < size; i += page_bytes)
        pages[i] = 1;
    uint64_t start = ri_host_thread_cpu_ns();
    munmap((void *)(uintptr_t)pages, size);
    if (fd >= 0 && ftruncate(fd, 0) != 0)
        return 0;
    return (uint32_t)((ri_host_thread_cpu_ns() - start) / TRIAL_PAGES);
}

static uint32_t best_release(int fd)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint32_t best = 0;
    for (int i = 0; i < TRIALS; i++) {
        uint32_t found = try_release(fd, page_bytes);
        if (found != 0 && (best == 0 || found < best))
            best = found;
    }
    return best;
}

void ri_host_measure_release(RiReleaseCost *cost)
{
    cost->own_ns = best_release(-1);
    int fd = memfd_create("rille trial", MFD_CLOEXEC);
    cost->file_ns = fd >= 0 ? best_release(fd) : 0;
    if (fd >= 0)
        close(fd);
}
