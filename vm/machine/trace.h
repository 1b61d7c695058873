/* Tracing: what processes ask the machine for, told to whoever set machine->trace. */
#ifndef RI_MACHINE_TRACE_H
#define RI_MACHINE_TRACE_H

#include "vm/machine/syscall.h"

typedef struct RiTraceEvent {
    RiTask *task;          /* NULL: outside of any */
    const char *name;      /* "open" */
    const char *group;     /* "file", as in syscalls.def */
    const char *arguments; /* as text: "\"data.txt\", O_RDONLY"; NULL: no call, but something that happened: see note */
    uint32_t pid;
    int64_t result;        /* >= 0 or -errno */
    const char *note;      /* a reason to be shown with an error, or NULL; or what happened: "SIGALRM" */
    uint64_t start_ns, duration_ns; /* monotonic; of a call that waited: since it was last woken */
} RiTraceEvent;

#define RI_TRACE_TEXT_SIZE 512

/* The arguments of a call as text. `call` has been through the gate (memory is pinned), or failed in it. */
void ri_trace_format(RiTask *task, const RiSyscall *row, const RiCall *call, char out[RI_TRACE_TEXT_SIZE]);
void ri_trace_emit(RiTask *task, const char *name, const char *group, const char *arguments, int64_t result,
                   uint64_t start_ns);
/* Something has happened to a process: "signal" or "process" is its group. */
void ri_trace_note(RiProc *proc, const char *group, const char *text);
/* Append `size` bytes as a quoted literal, cut after some 32. */
void ri_trace_quote(char *out, size_t out_size, const char *bytes, size_t size);

#endif
