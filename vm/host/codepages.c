/* Two mappings of the same shared memory; and a page that a fork wipes, to tell parent and child apart. */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "vm/host/codepages.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__linux__) && defined(MADV_WIPEONFORK)

/* Pages of no file: a profiler takes them for code made at run time, of which it has to ask elsewhere. */
static bool map_views(RiCodePages *pages)
{
    void *write = mmap(NULL, pages->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (write == MAP_FAILED)
        return false;
    void *run = mremap(write, 0, pages->size, MREMAP_MAYMOVE); /* of shared memory, from 0 bytes: a second view */
    if (run == MAP_FAILED || mprotect(run, pages->size, PROT_READ | PROT_EXEC) != 0) {
        if (run != MAP_FAILED)
            munmap(run, pages->size);
        munmap(write, pages->size);
        return false;
    }
    pages->write = write;
    pages->run = run;
    return true;
}

bool ri_host_code_map(RiCodePages *pages, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *pages = (RiCodePages){.size = (size + page - 1) / page * page};
    void *mark = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mark == MAP_FAILED)
        return false;
    if (madvise(mark, page, MADV_WIPEONFORK) != 0 || !map_views(pages)) {
        munmap(mark, page);
        return false;
    }
    pages->native = mark;
    *pages->native = 1;
    return true;
}

void ri_host_code_unmap(RiCodePages *pages)
{
    munmap(pages->write, pages->size);
    munmap((void *)(uintptr_t)pages->run, pages->size);
    munmap((void *)(uintptr_t)pages->native, (size_t)sysconf(_SC_PAGESIZE));
    memset(pages, 0, sizeof *pages);
}

void ri_host_code_touch(RiCodePages *pages, size_t offset, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    if (offset + size <= pages->size && madvise(pages->write + offset, size, MADV_POPULATE_WRITE) == 0)
        (void)madvise((void *)(uintptr_t)(pages->run + offset), size, MADV_POPULATE_READ);
#else
    (void)pages;
    (void)offset;
    (void)size;
#endif
}

void ri_host_code_clear(RiCodePages *pages)
{
    if (madvise(pages->write, pages->size, MADV_REMOVE) != 0)
        memset(pages->write, 0, pages->size);
}

#else

bool ri_host_code_map(RiCodePages *pages, size_t size)
{
    (void)size;
    memset(pages, 0, sizeof *pages);
    errno = ENOTSUP;
    return false;
}
void ri_host_code_unmap(RiCodePages *pages)
{
    (void)pages;
}
void ri_host_code_touch(RiCodePages *pages, size_t offset, size_t size)
{
    (void)pages;
    (void)offset;
    (void)size;
}
void ri_host_code_clear(RiCodePages *pages)
{
    (void)pages;
}

#endif
