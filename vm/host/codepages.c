/* Two views of shared memory, or one that is switched; and forks. */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "vm/host/codepages.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm/base/check.h"

#ifdef __linux__

/* -- Forks: handlers get no argument, so all pages with two views are in a list ------------------------------------- */

static struct {
    pthread_mutex_t lock; /* held during a fork */
    RiCodePages *first;
    bool has_handlers;
} ri_code_forks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void before_fork(void)
{
    pthread_mutex_lock(&ri_code_forks.lock);
    for (RiCodePages *pages = ri_code_forks.first; pages; pages = pages->next) {
        size_t tail = pages->size - pages->high;
        void *copy = mmap(NULL, pages->low + tail, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pages->copy = copy == MAP_FAILED ? NULL : copy;
        if (pages->copy) {
            memcpy(pages->copy, pages->write, pages->low);
            memcpy((char *)pages->copy + pages->low, pages->write + pages->high, tail);
        }
    }
}

static void drop_copies(void)
{
    for (RiCodePages *pages = ri_code_forks.first; pages; pages = pages->next) {
        if (pages->copy)
            munmap(pages->copy, pages->low + pages->size - pages->high);
        pages->copy = NULL;
    }
    pthread_mutex_unlock(&ri_code_forks.lock);
}

/* Fresh shared memory at the addresses of both views. */
static bool map_anew(RiCodePages *pages)
{
    void *run = (void *)(uintptr_t)pages->run;
    void *write = mmap(pages->write, pages->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return write != MAP_FAILED && mremap(write, 0, pages->size, MREMAP_MAYMOVE | MREMAP_FIXED, run) != MAP_FAILED &&
           mprotect(run, pages->size, PROT_READ | PROT_EXEC) == 0;
}

static void in_child(void)
{
    for (RiCodePages *pages = ri_code_forks.first; pages; pages = pages->next) {
        if (!pages->copy) {
            pages->is_lost = true;
        } else if (!map_anew(pages)) {
            ri_panic_no_memory("a forked process has lost its machine code"); /* half of it is gone */
        } else {
            memcpy(pages->write, pages->copy, pages->low);
            memcpy(pages->write + pages->high, (char *)pages->copy + pages->low, pages->size - pages->high);
        }
    }
    drop_copies();
}

static bool watch_forks(RiCodePages *pages)
{
    pthread_mutex_lock(&ri_code_forks.lock);
    if (!ri_code_forks.has_handlers)
        ri_code_forks.has_handlers = pthread_atfork(before_fork, drop_copies, in_child) == 0;
    bool ok = ri_code_forks.has_handlers;
    if (ok) {
        pages->next = ri_code_forks.first;
        ri_code_forks.first = pages;
    }
    pthread_mutex_unlock(&ri_code_forks.lock);
    return ok;
}

/* -- Mapping ------------------------------------------------------------------------------------------------------ */

/* Pages of no file: a profiler takes them for code made at run time, of which it has to ask elsewhere. */
static bool map_two(RiCodePages *pages)
{
    void *write = mmap(NULL, pages->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (write == MAP_FAILED)
        return false;
    void *run = mremap(write, 0, pages->size, MREMAP_MAYMOVE); /* of shared memory, from 0 bytes: a second view */
    pages->write = write;
    pages->run = run;
    if (run != MAP_FAILED && mprotect(run, pages->size, PROT_READ | PROT_EXEC) == 0 && watch_forks(pages))
        return true;
    if (run != MAP_FAILED)
        munmap(run, pages->size);
    munmap(write, pages->size);
    return false;
}

/* Switching takes time with each page in use. */
#define SWITCHED_BYTES_MAX ((size_t)2 << 20)

static bool map_switched(RiCodePages *pages)
{
    if (pages->size > SWITCHED_BYTES_MAX)
        pages->size = pages->high = SWITCHED_BYTES_MAX;
    void *memory = mmap(NULL, pages->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    if (mprotect(memory, pages->size, PROT_READ | PROT_EXEC) != 0) {
        munmap(memory, pages->size);
        return false;
    }
    pages->write = memory;
    pages->run = memory;
    return true;
}

bool ri_host_code_map(RiCodePages *pages, size_t size, RiCodeViews views)
{
    size_t page = page_size();
    *pages = (RiCodePages){.size = (size + page - 1) / page * page};
    pages->high = pages->size;
    if (views == RI_CODE_NONE) {
        errno = ENOMEM;
        return false;
    }
    return (views != RI_CODE_SWITCHED && map_two(pages)) || (views != RI_CODE_TWO && map_switched(pages));
}

void ri_host_code_unmap(RiCodePages *pages)
{
    pthread_mutex_lock(&ri_code_forks.lock);
    RiCodePages **at = &ri_code_forks.first;
    while (*at && *at != pages)
        at = &(*at)->next;
    if (*at)
        *at = pages->next;
    pthread_mutex_unlock(&ri_code_forks.lock);
    munmap((void *)(uintptr_t)pages->run, pages->size);
    if (pages->write != pages->run)
        munmap(pages->write, pages->size);
    memset(pages, 0, sizeof *pages);
}

static void protect(RiCodePages *pages, int protection)
{
    if (pages->write == pages->run && mprotect(pages->write, pages->size, protection) != 0)
        ri_panic_no_memory("machine code cannot be written or run any more"); /* what was allowed when it was mapped */
}

void ri_host_code_begin(RiCodePages *pages)
{
    protect(pages, PROT_READ | PROT_WRITE);
}
void ri_host_code_end(RiCodePages *pages)
{
    protect(pages, PROT_READ | PROT_EXEC);
}

void ri_host_code_touch(RiCodePages *pages, size_t offset, size_t size)
{
    size_t end = offset + size < pages->size ? offset + size : pages->size;
    if (offset <= pages->low)
        pages->low = end > pages->low ? end : pages->low;
    else if (offset < pages->high)
        pages->high = offset;
#ifdef MADV_POPULATE_WRITE
    if (pages->write != pages->run && end == offset + size && madvise(pages->write + offset, size, MADV_POPULATE_WRITE) == 0)
        (void)madvise((void *)(uintptr_t)(pages->run + offset), size, MADV_POPULATE_READ);
#endif
}

void ri_host_code_clear(RiCodePages *pages, size_t low)
{
    size_t page = page_size(), from = (low + page - 1) / page * page;
    int advice = pages->write == pages->run ? MADV_DONTNEED : MADV_REMOVE;
    pages->low = low;
    pages->high = pages->size;
    if (from < pages->size && madvise(pages->write + from, pages->size - from, advice) != 0) {
        ri_host_code_begin(pages);
        memset(pages->write + from, 0, pages->size - from);
        ri_host_code_end(pages);
    }
}

#else

bool ri_host_code_map(RiCodePages *pages, size_t size, RiCodeViews views)
{
    (void)size;
    (void)views;
    memset(pages, 0, sizeof *pages);
    errno = ENOTSUP;
    return false;
}
void ri_host_code_unmap(RiCodePages *pages)
{
    (void)pages;
}
void ri_host_code_begin(RiCodePages *pages)
{
    (void)pages;
}
void ri_host_code_end(RiCodePages *pages)
{
    (void)pages;
}
void ri_host_code_touch(RiCodePages *pages, size_t offset, size_t size)
{
    (void)pages;
    (void)offset;
    (void)size;
}
void ri_host_code_clear(RiCodePages *pages, size_t low)
{
    (void)pages;
    (void)low;
}

#endif
