/* Guest memory for system calls: see user.h. Until a process has an address space, every address is wrong. */
#include "vm/machine/user.h"

#include <errno.h>

int ri_user_pin(RiProc *proc, RiAddr addr, uint32_t size, unsigned access, void **host)
{
    (void)proc;
    (void)addr;
    (void)size;
    (void)access;
    (void)host;
    return -EFAULT;
}

void ri_user_unpin(RiProc *proc, RiAddr addr, uint32_t size, unsigned access, void *host)
{
    (void)proc;
    (void)addr;
    (void)size;
    (void)access;
    (void)host;
}

int ri_user_text(RiProc *proc, RiAddr addr, char *out, uint32_t size)
{
    (void)proc;
    (void)addr;
    (void)out;
    (void)size;
    return -EFAULT;
}
