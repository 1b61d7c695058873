/* Programs of the host, started by a shell command, and waiting for them without blocking the host thread.
 * Results >= 0 or -errno. */
#ifndef RI_HOST_CHILD_H
#define RI_HOST_CHILD_H

#include <stdbool.h>
#include <stdint.h>

/* Run `sh -c command`, in directory `directory` (a descriptor; -1: where the host process is), with descriptors `standard` as
 * its standard streams. `pipe_end`: if not NULL, the command's standard output (`writes` false) or input (true) is a pipe
 * instead, and this its other end, closed on exec.
 * The process id. */
int ri_host_child_start(const char *command, int directory, const int standard[3], bool writes, int *pipe_end);
/* Wait for a child: 1, *wait_status and the processor time it has used (*cpu_ns, else 0), or 0 if it still runs and `blocks` is false; -errno. */
int ri_host_child_wait(int pid, bool blocks, int *wait_status, uint64_t *cpu_ns);
/* A descriptor that can be read when the child has ended; -ENOSYS: the host has no such thing. */
int ri_host_child_fd(int pid);
/* Kill a child that nobody waits for, and take its status. */
void ri_host_child_discard(int pid);

#endif
