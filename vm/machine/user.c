/* Guest memory for system calls: see user.h. */
#include "vm/machine/user.h"

#include <errno.h>

#include "vm/machine/space.h"

static bool may(RiProc *proc, RiAddr addr, uint32_t size, unsigned access, RiAccess asked)
{
    RiTrap trap;
    return (access & asked) == 0 || ri_space_check(proc->space, addr, size, asked, &trap);
}

int ri_user_pin(RiProc *proc, RiAddr addr, uint32_t size, unsigned access, void **host)
{
    RiTrap trap;
    if (proc->space == NULL || !may(proc, addr, size, access, RI_ACCESS_READ) ||
        !may(proc, addr, size, access, RI_ACCESS_WRITE))
        return -EFAULT;
    char *copy = malloc(size);
    if (copy == NULL)
        return -ENOMEM;
    if ((access & RI_USER_READ) != 0 && !ri_space_copyin(proc->space, addr, copy, size, &trap)) {
        free(copy);
        return -EFAULT;
    }
    *host = copy;
    return 0;
}

void ri_user_unpin(RiProc *proc, RiAddr addr, uint32_t written, unsigned access, void *host)
{
    RiTrap trap;
    /* The call may have taken the mapping away; then nobody can look. */
    if ((access & RI_USER_WRITE) != 0 && written > 0 && proc->space != NULL)
        (void)!ri_space_copyout(proc->space, addr, host, written, &trap);
    free(host);
}

int ri_user_text(RiProc *proc, RiAddr addr, char *out, uint32_t size)
{
    RiTrap trap;
    return proc->space != NULL ? (int)ri_space_copyin_string(proc->space, addr, out, size, &trap) : -EFAULT;
}
