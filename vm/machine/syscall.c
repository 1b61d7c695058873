/* The gate of system calls: see syscall.h. */
#include "vm/machine/syscall.h"

#include <errno.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/host/sockets.h"
#include "vm/machine/mount.h"
#include "vm/machine/sched.h"
#include "vm/machine/trace.h"
#include "vm/machine/user.h"

/* -- The table --------------------------------------------------------------------------------------------------------- */

enum { RI_CAP_NONE = -1, RI_CAP_ANY = -2 };
enum { RETURNS, BLOCKS };

typedef int64_t (*SysBody)(RiTask *task, RiCall *call);

static const RiSyscall rows[RI_SYSCALL_MAX] = {
#define SYSCALL(number_, name_, group_, signature_, arguments_, capability_, blocking_, doc_)                          \
    [number_] = {.number = number_,                                                                                    \
                 .name = #name_,                                                                                       \
                 .group = #group_,                                                                                     \
                 .signature = signature_,                                                                              \
                 .arguments = arguments_,                                                                              \
                 .doc = doc_,                                                                                          \
                 .capability = RI_CAP_##capability_,                                                                   \
                 .blocks = blocking_ == BLOCKS},
#include "vm/machine/syscalls.def"
#undef SYSCALL
};

static const SysBody bodies[RI_SYSCALL_MAX] = {
#define SYSCALL(number, name, group, signature, arguments, capability, blocking, doc) [number] = sys_##name,
#include "vm/machine/syscalls.def"
#undef SYSCALL
};

const RiSyscall *ri_syscall_by_number(uint32_t number)
{
    return number < RI_SYSCALL_MAX && rows[number].name != NULL ? &rows[number] : NULL;
}

const RiSyscall *ri_syscall_by_name(const char *name)
{
    for (uint32_t i = 0; i < RI_SYSCALL_MAX; i++) {
        if (rows[i].name != NULL && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

const RiNumber ri_sys_constants[] = {
#define CONSTANT(name, value) {#name, value},
#include "vm/machine/constants.def"
#undef CONSTANT
    {NULL, 0},
};

#define ERROR(name) {#name, name}
const RiNumber ri_errno_numbers[] = {
    ERROR(EPERM),        ERROR(ENOENT),       ERROR(ESRCH),         ERROR(EINTR),        ERROR(EIO),
    ERROR(ENXIO),        ERROR(E2BIG),        ERROR(ENOEXEC),       ERROR(EBADF),        ERROR(ECHILD),
    ERROR(EAGAIN),       ERROR(ENOMEM),       ERROR(EACCES),        ERROR(EFAULT),       ERROR(EBUSY),
    ERROR(EEXIST),       ERROR(EXDEV),        ERROR(ENODEV),        ERROR(ENOTDIR),      ERROR(EISDIR),
    ERROR(EINVAL),       ERROR(ENFILE),       ERROR(EMFILE),        ERROR(ENOTTY),       ERROR(ETXTBSY),
    ERROR(EFBIG),        ERROR(ENOSPC),       ERROR(ESPIPE),        ERROR(EROFS),        ERROR(EMLINK),
    ERROR(EPIPE),        ERROR(EDOM),         ERROR(ERANGE),        ERROR(EDEADLK),      ERROR(ENAMETOOLONG),
    ERROR(ENOSYS),       ERROR(ENOTEMPTY),    ERROR(ELOOP),         ERROR(EOVERFLOW),    ERROR(ENOTSOCK),
    ERROR(EDESTADDRREQ), ERROR(EMSGSIZE),     ERROR(EPROTOTYPE),    ERROR(ENOPROTOOPT),  ERROR(EPROTONOSUPPORT),
    ERROR(EOPNOTSUPP),   ERROR(EAFNOSUPPORT), ERROR(EADDRINUSE),    ERROR(EADDRNOTAVAIL), ERROR(ENETUNREACH),
    ERROR(ECONNABORTED), ERROR(ECONNRESET),   ERROR(ENOBUFS),       ERROR(EISCONN),      ERROR(ENOTCONN),
    ERROR(ETIMEDOUT),    ERROR(ECONNREFUSED), ERROR(EHOSTUNREACH),  ERROR(EALREADY),     ERROR(EINPROGRESS),
    ERROR(EDQUOT),       ERROR(ECANCELED),    {NULL, 0},
};

const char *ri_errno_name(int error)
{
    for (size_t i = 0; ri_errno_numbers[i].name != NULL; i++) {
        if (ri_errno_numbers[i].value == error)
            return ri_errno_numbers[i].name;
    }
    return NULL;
}

/* -- Checking arguments -------------------------------------------------------------------------------------------------- */

enum { RI_USER_BOTH = RI_USER_READ | RI_USER_WRITE }; /* what a call leaves alone stays as it was */

typedef struct RiStructure {
    char letter;
    uint8_t size; /* bytes */
    uint8_t access;
    bool is_optional;
} RiStructure;

static const RiStructure structures[] = {
    {'S', sizeof(RiFileInfo), RI_USER_BOTH, false},
    {'T', 16, RI_USER_BOTH, true},
    {'t', 16, RI_USER_READ, false},
    {'U', 96, RI_USER_BOTH, false},
    {'W', 32, RI_USER_BOTH, false},
    {'L', 8, RI_USER_BOTH, false},
    {'Z', 4, RI_USER_BOTH, true},
    {'P', 8, RI_USER_BOTH, false},
};

#define POLL_ENTRY_SIZE 8
#define POLL_ENTRIES_MAX 4096

/* What the gate has to give back after a call. */
typedef struct RiPins {
    struct RiUse {
        void *host;
        RiAddr addr;
        uint32_t size;
        unsigned access;
        bool by_result; /* as many bytes have been written as the result says */
    } items[RI_SYSCALL_ARGS];
    uint32_t count;
    char *texts[2]; /* of paths */
    uint32_t text_count;
} RiPins;

static int pin(RiTask *task, RiCall *call, uint32_t i, uint64_t size, unsigned access, RiPins *pins)
{
    const bool by_result = access == RI_USER_WRITE;
    if (call->host[i] != NULL) {
        if (size > call->host_size[i])
            return -EFAULT;
        call->pointer[i] = call->host[i];
        return 0;
    }
    uint64_t addr = call->args[i];
    if (addr > UINT32_MAX || size > (uint64_t)UINT32_MAX + 1 - addr)
        return -EFAULT;
    if (size > RI_SYSCALL_BYTES_MAX)
        size = RI_SYSCALL_BYTES_MAX;
    if (size == 0) {
        call->pointer[i] = pins; /* not NULL; nothing is read or written there */
        return 0;
    }
    struct RiUse *item = &pins->items[pins->count];
    *item = (struct RiUse){.addr = (RiAddr)addr, .size = (uint32_t)size, .access = access, .by_result = by_result};
    int status = ri_user_pin(task->proc, item->addr, item->size, access, &item->host);
    if (status < 0)
        return status;
    pins->count++;
    call->pointer[i] = item->host;
    return 0;
}

static int check_path(RiTask *task, RiCall *call, uint32_t i, RiPins *pins)
{
    if (call->host[i] != NULL) { /* ends with a NUL that host_size does not count; none may come before */
        if (strlen(call->host[i]) != call->host_size[i])
            return -EINVAL;
        call->pointer[i] = call->host[i];
        return call->host_size[i] < RI_PATH_SIZE ? 0 : -ENAMETOOLONG;
    }
    if (call->args[i] > UINT32_MAX)
        return -EFAULT;
    char *text = malloc(RI_PATH_SIZE);
    if (text == NULL)
        return -ENOMEM;
    pins->texts[pins->text_count++] = text;
    call->pointer[i] = text;
    int size = ri_user_text(task->proc, (RiAddr)call->args[i], text, RI_PATH_SIZE);
    return size < 0 ? size : 0;
}

static int check_structure(RiTask *task, RiCall *call, uint32_t i, char letter, RiPins *pins)
{
    for (size_t k = 0; k < RI_COUNTOF(structures); k++) {
        const RiStructure *s = &structures[k];
        if (s->letter != letter)
            continue;
        if (s->is_optional && call->args[i] == 0 && call->host[i] == NULL)
            return 0;
        return pin(task, call, i, s->size, s->access, pins);
    }
    ri_unreachable();
}

static bool fits_int32(uint64_t value)
{
    int64_t i = (int64_t)value;
    return i >= INT32_MIN && i <= INT32_MAX;
}

static int check_argument(RiTask *task, RiCall *call, uint32_t i, char letter, RiPins *pins)
{
    uint64_t value = call->args[i];
    switch (letter) {
    case 'i':
    case 'g':
    case 'k':
    case 'e':
    case 'd':
        return fits_int32(value) ? 0 : -EINVAL;
    case 'u':
    case 'x':
    case 'o':
    case 'm':
        return value <= UINT32_MAX ? 0 : -EINVAL;
    case 'a':
        return value <= UINT32_MAX ? 0 : -EFAULT;
    case 'l':
    case 'n': /* has been looked at with the address before it */
    case 'c':
        return 0;
    case 'h':
        call->file[i] = ri_files_get(task->proc, (int64_t)value);
        return call->file[i] != NULL ? 0 : -EBADF;
    case 'p':
        return check_path(task, call, i, pins);
    case 'r':
    case 'w':
        return pin(task, call, i, call->args[i + 1], letter == 'r' ? RI_USER_READ : RI_USER_WRITE, pins);
    case 'b':
        return pin(task, call, i, call->args[i + 1], RI_USER_BOTH, pins);
    case 'V':
        if (call->args[i + 1] > POLL_ENTRIES_MAX)
            return -EINVAL;
        return pin(task, call, i, call->args[i + 1] * POLL_ENTRY_SIZE, RI_USER_BOTH, pins);
    default:
        return check_structure(task, call, i, letter, pins);
    }
}

static int check_arguments(RiTask *task, const RiSyscall *row, RiCall *call, RiPins *pins)
{
    for (uint32_t i = 0; row->signature[i] != '\0'; i++) {
        int status = check_argument(task, call, i, row->signature[i], pins);
        if (status < 0)
            return status;
    }
    /* Ranges were cut where they are pinned; bodies see the same. */
    for (uint32_t i = 0; row->signature[i] != '\0'; i++) {
        if (row->signature[i] == 'n' && call->args[i] > RI_SYSCALL_BYTES_MAX)
            call->args[i] = RI_SYSCALL_BYTES_MAX;
    }
    return 0;
}

static void release_pins(RiTask *task, RiPins *pins, int64_t result)
{
    while (pins->count > 0) {
        struct RiUse *item = &pins->items[--pins->count];
        uint32_t written = result == RI_SYS_BLOCK ? 0 : item->size;
        if (item->by_result && result < written)
            written = result > 0 ? (uint32_t)result : 0;
        ri_user_unpin(task->proc, item->addr, written, item->access, item->host);
    }
    while (pins->text_count > 0)
        free(pins->texts[--pins->text_count]);
}

/* A call that needs a capability which the process has nothing of need not be looked at further. */
static int check_capability(RiProc *proc, const RiSyscall *row)
{
    if (row->capability < 0 || ri_policy_allows_some(proc->policy, (RiCapability)row->capability))
        return 0;
    return ri_require(proc, (RiCapability)row->capability, NULL);
}

/* -- The gate ------------------------------------------------------------------------------------------------------------ */

static void trace(RiTask *task, const RiSyscall *row, const RiCall *call, int64_t result, uint64_t start_ns)
{
    char text[RI_TRACE_TEXT_SIZE];
    ri_trace_format(task, row, call, text);
    ri_trace_emit(task, row->name, row->group, text, result, start_ns);
}

int64_t ri_syscall_issue(RiTask *task, RiCall *call)
{
    RiMachine *machine = task->proc->machine;
    const RiSyscall *row = ri_syscall_by_number(call->number);
    if (row == NULL)
        return -ENOSYS;
    if (!call->is_again) {
        task->proc->usage.syscalls++;
        machine->stats.syscalls++;
        (void)ri_sched_take_deadlock(machine); /* of a call that has given up waiting */
    }
    uint64_t start_ns = RI_UNLIKELY(machine->trace != NULL) ? ri_host_monotonic_ns() : 0;
    RiPins pins = {.count = 0};
    ri_clear_denied(task->proc);
    int64_t result = check_capability(task->proc, row);
    if (result == 0)
        result = check_arguments(task, row, call, &pins);
    if (result == 0)
        result = bodies[call->number](task, call);
    if (RI_UNLIKELY(result == RI_SYS_BLOCK && call->is_again && ri_sched_take_deadlock(machine))) {
        ri_task_ready(task); /* takes back the wait */
        result = -EDEADLK;
    }
    if (result == RI_SYS_BLOCK)
        call->is_again = true;
    else if (RI_UNLIKELY(machine->trace != NULL))
        trace(task, row, call, result, start_ns);
    release_pins(task, &pins, result);
    return result;
}

int64_t ri_syscall(RiTask *task, uint32_t number, const uint64_t args[RI_SYSCALL_ARGS])
{
    RiCall call;
    ri_call_init(&call, number);
    memcpy(call.args, args, sizeof call.args);
    return ri_syscall_issue(task, &call);
}
