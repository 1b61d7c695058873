/* What the libraries io, os and package ask the machine before they turn to the host: may the process do that, where does
 * this path lead, is it time to let others run. Every function takes the process, NULL for states that belong to no machine:
 * then everything is allowed, and nobody waits for anybody.
 *
 * These are the same checks as of the system calls; only that the caller has C strings and wants the host's descriptor. */
#ifndef RI_MACHINE_GATE_H
#define RI_MACHINE_GATE_H

#include "vm/machine/mount.h"
#include "vm/machine/syscall.h"

/* Has the machine others to run, limits to watch, or questions to answer, while this process waits? Then it must not block the
 * host thread. */
static inline bool ri_gate_is_busy(const RiProc *proc)
{
    return proc != NULL &&
           (proc->machine->process_count > 1 || proc->task_count > 1 || proc->machine->tick_users > 0 ||
            proc->machine->control != NULL);
}
static inline bool ri_gate_is_traced(const RiProc *proc)
{
    return RI_UNLIKELY(proc != NULL && proc->machine->trace != NULL);
}

enum { RI_GATE_WAITS = -5000, RI_GATE_MOUNT_LIST = -5001 };
/* A host descriptor, closed on exec; or -errno; or RI_GATE_WAITS: the current task has been made to wait (for the other end
 * of a named pipe), ask again when it runs; or RI_GATE_MOUNT_LIST: a folder that only mounts make. */
int ri_gate_open(RiProc *proc, const char *path, uint32_t flags, uint32_t mode);
/* The guest's name of such a folder. */
int ri_gate_mount_list(RiProc *proc, const char *path, char out[RI_PATH_SIZE]);
/* "/dev/NAME", if there is such a device; else -ENOENT. */
int64_t ri_gate_open_device(RiTask *task, const char *path, uint32_t flags, RiFile **file);

enum { RI_GATE_FILE = 1, RI_GATE_FOLDER = 2 };
int ri_gate_remove(RiProc *proc, const char *path, unsigned kinds);
int ri_gate_rename(RiProc *proc, const char *from, const char *to);
/* May the process make and remove files of its own in the host's folder for temporary files? */
int ri_gate_temporary(RiProc *proc);

int ri_gate_run(RiProc *proc, const char *command);         /* may it run that shell command? 0 or -EACCES */
int ri_gate_environment(RiProc *proc, const char *name);    /* may it see that variable? */
/* May it load the C library `path`? Writes the host's name of it (the path itself if it has no slash). */
int ri_gate_library(RiProc *proc, RiCapability capability, const char *path, char out[RI_PATH_SIZE]);
void ri_gate_broken_pipe(RiTask *task); /* signal PIPE */

/* Wait until host descriptor `fd` has one of `events` (RI_EVENT_…), or for `ns` nanoseconds (0: for ever): others run
 * meanwhile, and the native stack is kept. At once if the machine is not busy. False: the process is to end. */
bool ri_gate_wait_here(RiProc *proc, int fd, unsigned events, uint64_t ns);
/* The current task has declared a wait: let others run, the native stack is kept. False: the process is to end. */
bool ri_gate_switch(RiProc *proc);
/* Is `fd` ready? If not, the current task waits for it: the caller parks (RI_LIB_BLOCK) and looks again. Always true when
 * the machine is not busy. */
bool ri_gate_is_ready(RiProc *proc, int fd, unsigned events);

/* Start a shell command: ri_host_child_start in the process's directory, with its standard files as far as they are the
 * host's, counted as its child. Policy has been asked. */
int ri_gate_start(RiProc *proc, const char *command, bool writes, int *pipe_end);

/* A library begins one of its calls: counted. 0 if nobody traces. */
uint64_t ri_gate_trace_start(const RiProc *proc);
static inline void ri_gate_count_call(const RiProc *proc) /* the same for who knows that nobody does */
{
    if (proc != NULL)
        proc->machine->stats.library_calls++;
}
/* Tell the tracer; nothing if start_ns is 0. The format makes the arguments' text; %s arguments are quoted by the caller. */
void ri_gate_trace(RiProc *proc, uint64_t start_ns, const char *name, const char *group, int64_t result, const char *format,
                   ...) RI_PRINTF(6, 7);
/* `text` in quotes, cut, for such a format. */
const char *ri_gate_quote(const char *text, size_t size, char out[160]);

#endif
