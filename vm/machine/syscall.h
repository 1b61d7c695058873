/* System calls: the one way from a guest to what is not its own.
 *
 * A call is a number and up to six integers; syscalls.def says what each means. The gate checks the number, the range of
 * every integer, that descriptors are open, that addresses lie in pages which may be read or written, and what the policy
 * says about the call as such; the body gets host memory and files, and never sees an unchecked address. It answers >= 0,
 * -errno, or RI_SYS_BLOCK: the task waits, and the same RiCall is to be issued again when it runs. */
#ifndef RI_MACHINE_SYSCALL_H
#define RI_MACHINE_SYSCALL_H

#include "vm/machine/file.h"

enum {
#define SYSCALL(number, name, group, signature, arguments, capability, blocking, doc) RI_SYS_##name = number,
#include "vm/machine/syscalls.def"
#undef SYSCALL
};
#define RI_SYSCALL_MAX 160        /* numbers are below it */
#define RI_SYSCALL_ARGS 6
#define RI_SYSCALL_BYTES_MAX (1u << 20) /* that one call reads or writes: longer ranges are cut */

typedef struct RiSyscall {
    uint32_t number;
    const char *name, *group, *signature, *arguments, *doc;
    int8_t capability; /* RiCapability; -1: none; -2: depends on the arguments */
    bool blocks;
} RiSyscall;

/* NULL: there is none. */
const RiSyscall *ri_syscall_by_number(uint32_t number);
const RiSyscall *ri_syscall_by_name(const char *name);

/* One call under way. A caller fills in number and args and clears the rest (ri_call_init). */
typedef struct RiCall {
    uint32_t number;
    bool is_again;        /* issued before, and blocked */
    uint64_t args[RI_SYSCALL_ARGS];
    uint64_t deadline_ns; /* kept from one issue to the next: when the wait ends; 0: not set */
    /* Host memory instead of a guest address: set by callers that have the bytes at hand (the Lua library). */
    void *host[RI_SYSCALL_ARGS];
    size_t host_size[RI_SYSCALL_ARGS];
    /* Set by the gate for the body. */
    void *pointer[RI_SYSCALL_ARGS]; /* memory of p, r, w, V and structures; NULL where a guest passed an optional 0 */
    RiFile *file[RI_SYSCALL_ARGS];
} RiCall;

static inline void ri_call_init(RiCall *call, uint32_t number)
{
    *call = (RiCall){.number = number};
}

/* Make a call for `task` (the current one). See above; also -ENOSYS, -EFAULT, -EBADF, -EINVAL from the gate. */
int64_t ri_syscall_issue(RiTask *task, RiCall *call);
/* The same for callers without state: it is to be issued again with the same arguments after RI_SYS_BLOCK. Calls that wait
 * for a time begin that time anew: use ri_syscall_issue for those. */
int64_t ri_syscall(RiTask *task, uint32_t number, const uint64_t args[RI_SYSCALL_ARGS]);

/* Bodies that other parts provide; -ENOSYS where NULL. machine->sys_hooks. */
typedef struct RiSysHooks {
    int64_t (*fork)(RiTask *task);
    int64_t (*exec)(RiTask *task, const char *path, const char *args, size_t size);
} RiSysHooks;

/* Bodies: sys_NAME in sys_*.c. */
#define SYSCALL(number, name, group, signature, arguments, capability, blocking, doc)                                  \
    int64_t sys_##name(RiTask *task, RiCall *call);
#include "vm/machine/syscalls.def"
#undef SYSCALL

/* Names of errno values, for the library and the tracer: "ENOENT"; NULL if unknown. */
const char *ri_errno_name(int error);
typedef struct RiNumber {
    const char *name;
    int64_t value;
} RiNumber;
extern const RiNumber ri_errno_numbers[], ri_sys_constants[]; /* both end with a NULL name */

#endif
