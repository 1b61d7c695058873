/* System calls on memory: see space.h for what they do. */
#include <errno.h>

#include "vm/machine/syscall.h"

#define NOT_YET(name)                                                                                                  \
    int64_t sys_##name(RiTask *task, RiCall *call)                                                                     \
    {                                                                                                                  \
        (void)task;                                                                                                    \
        (void)call;                                                                                                    \
        return -ENOSYS;                                                                                                \
    }

NOT_YET(sbrk)
NOT_YET(mmap)
NOT_YET(munmap)
NOT_YET(mprotect)
NOT_YET(msync)
NOT_YET(mincore)
NOT_YET(mlock)
NOT_YET(munlock)
NOT_YET(shmget)
NOT_YET(shmat)
NOT_YET(shmdt)
NOT_YET(shmctl)
