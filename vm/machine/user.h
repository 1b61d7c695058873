/* Guest memory for system calls: a range of it as host memory while a call uses it. */
#ifndef RI_MACHINE_USER_H
#define RI_MACHINE_USER_H

#include "vm/machine/proc.h"

enum { RI_USER_READ = 1, RI_USER_WRITE = 2 };

/* [addr, addr + size) of the process, size > 0, within 4 GiB, as contiguous host memory: a copy. With RI_USER_READ it holds
 * what is there now; with RI_USER_WRITE what it holds then is stored by ri_user_unpin, from the start on, `written` bytes.
 * 0; -EFAULT if a page is missing or must not be used so; -ENOMEM. */
RI_MUST_CHECK int ri_user_pin(RiProc *proc, RiAddr addr, uint32_t size, unsigned access, void **host);
void ri_user_unpin(RiProc *proc, RiAddr addr, uint32_t written, unsigned access, void *host);
/* Copy a text with its NUL, at most `size` bytes. Its length; -EFAULT; -ENAMETOOLONG. */
RI_MUST_CHECK int ri_user_text(RiProc *proc, RiAddr addr, char *out, uint32_t size);

#endif
