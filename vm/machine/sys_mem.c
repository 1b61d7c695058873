/* System calls on memory: what space.h and shm.h do, by the numbers of guests. */
#include <errno.h>
#include <string.h>

#include "vm/machine/shm.h"
#include "vm/machine/space.h"
#include "vm/machine/syscall.h"

/* Guests' flags of mmap: Linux's. */
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANONYMOUS = 32, MAP_ALL = 51 };
enum { PROT_ALL = 7 };

static RiAddr address_of(const RiCall *call, uint32_t i)
{
    return (RiAddr)call->args[i];
}

int64_t sys_sbrk(RiTask *task, RiCall *call)
{
    RiSpace *space = ri_space_of(task->proc);
    return space != NULL ? ri_space_sbrk(space, (int64_t)call->args[0]) : -errno;
}

int64_t sys_mmap(RiTask *task, RiCall *call)
{
    uint32_t flags = (uint32_t)call->args[3];
    bool is_shared = (flags & MAP_SHARED) != 0;
    if ((flags & ~(uint32_t)MAP_ALL) != 0 || is_shared == ((flags & MAP_PRIVATE) != 0) || call->args[2] > PROT_ALL)
        return -EINVAL;
    RiMapRequest request = {
        .address = address_of(call, 0),
        .size = call->args[1],
        .prot = (unsigned)call->args[2],
        .flags = (is_shared ? (unsigned)RI_MAP_SHARED : 0u) | (flags & MAP_FIXED ? (unsigned)RI_MAP_FIXED : 0u),
        .fd = -1,
    };
    if (!(flags & MAP_ANONYMOUS)) {
        RiFile *file = ri_files_get(task->proc, (int64_t)call->args[4]);
        if (file == NULL)
            return -EBADF;
        if (file->host_fd < 0 || file->may_block)
            return -ENODEV;
        request.fd = file->host_fd;
        request.offset = call->args[5];
    }
    RiSpace *space = ri_space_of(task->proc);
    return space != NULL ? ri_space_mmap(space, &request) : -errno;
}

int64_t sys_munmap(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    return space != NULL ? ri_space_munmap(space, address_of(call, 0), call->args[1]) : -EINVAL;
}

int64_t sys_mprotect(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    if (call->args[2] > PROT_ALL)
        return -EINVAL;
    return space != NULL ? ri_space_mprotect(space, address_of(call, 0), call->args[1], (unsigned)call->args[2]) : -ENOMEM;
}

int64_t sys_msync(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    if (call->args[2] != 0)
        return -EINVAL;
    return space != NULL ? ri_space_msync(space, address_of(call, 0), call->args[1]) : -ENOMEM;
}

int64_t sys_mincore(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    if (call->args[3] < (call->args[1] + RI_PAGE_BYTES - 1) / RI_PAGE_BYTES)
        return -EINVAL;
    return space != NULL ? ri_space_mincore(space, address_of(call, 0), call->args[1], call->pointer[2]) : -ENOMEM;
}

int64_t sys_mlock(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    return space != NULL ? ri_space_mlock(space, address_of(call, 0), call->args[1], true) : -ENOMEM;
}

int64_t sys_munlock(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    return space != NULL ? ri_space_mlock(space, address_of(call, 0), call->args[1], false) : -ENOMEM;
}

int64_t sys_shmget(RiTask *task, RiCall *call)
{
    if (call->args[2] > (RI_SHM_CREATE | RI_SHM_EXCLUSIVE | RI_SHM_PUBLIC))
        return -EINVAL;
    return ri_shm_get(task->proc, (int32_t)call->args[0], call->args[1], (unsigned)call->args[2]);
}

int64_t sys_shmat(RiTask *task, RiCall *call)
{
    enum { READ_ONLY = 1 };
    if (call->args[2] > READ_ONLY)
        return -EINVAL;
    RiSpace *space = ri_space_of(task->proc);
    if (space == NULL)
        return -errno;
    return ri_shm_attach(space, (int32_t)call->args[0], address_of(call, 1), call->args[2] == READ_ONLY);
}

int64_t sys_shmdt(RiTask *task, RiCall *call)
{
    RiSpace *space = task->proc->space;
    return space != NULL ? ri_shm_detach(space, address_of(call, 0)) : -EINVAL;
}

int64_t sys_shmctl(RiTask *task, RiCall *call)
{
    RiShmStatus status;
    int result = ri_shm_control(task->proc, (int32_t)call->args[0], (int)call->args[1], &status);
    if (result < 0)
        return result;
    return call->args[1] == RI_SHM_STATUS ? (int64_t)status.size : 0;
}
