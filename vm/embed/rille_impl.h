/* What the files behind rille.h share: a machine with the embedding program as its first process, and handles of
 * guests. */
#ifndef RI_EMBED_RILLE_IMPL_H
#define RI_EMBED_RILLE_IMPL_H

#include "vm/exec/native.h"
#include "vm/machine/policy.h"
#include "vm/machine/proc.h"

#pragma GCC visibility push(default)
#include "include/rille.h"
#pragma GCC visibility pop

#define RI_HOST_CALLS_MAX 64 /* of one machine: a bit each */
#define RI_HOST_DEVICES_MAX 16

typedef struct RiHostCall {
    RiLibFn fn; /* a function of the guest's is this row */
    char name[40], signature[20];
    uint32_t index; /* in rille_machine.calls */
    rille_call_fn body;
    void *data;
} RiHostCall;

struct rille_machine {
    RiThread *T; /* the embedding program's: the main thread of pid 1 */
    RiMachine *machine;
    rille_config config;      /* limits; texts are not kept */
    RiPolicy *policy;         /* of guests */
    rille_process *processes; /* handles */
    RiHostCall *calls[RI_HOST_CALLS_MAX];
    uint32_t call_count;
    rille_device devices[RI_HOST_DEVICES_MAX];
    uint32_t device_count;
    bool all_held; /* only a process that is stepped runs */
    char error[512];
};

struct rille_process {
    rille_machine *owner;
    rille_process *next; /* machine->processes */
    RiProc *proc;        /* NULL when it has gone: then `result` is what became of it */
    uint32_t pid;
    bool is_started, is_main; /* is_main: of a lua_State */
    volatile int32_t kill;    /* rille_kill was called */
    int16_t denied;           /* RiCapability that its last error was about; -1: none */
    uint64_t hidden;          /* calls that it does not have: bits by index */
    uint32_t argument_count;
    void *data;
    char *report;      /* of the error that ended it; malloc'ed */
    char message[256]; /* of any other end */
    rille_result result;
    void *received;    /* memory of the value that rille_receive gave last; malloc'ed */
    rille_stats stats; /* when it had ended */
};

/* Say why a call fails; returns false. */
bool ri_rille_fail(rille_machine *machine, const char *format, ...) RI_PRINTF(2, 3);
/* The handle of a process, or of its nearest ancestor with one; NULL: there is none. */
rille_process *ri_rille_handle(const RiProc *proc);
/* Look what has become of a process; when it has ended its last trace in the machine goes. */
void ri_rille_update(rille_process *process);

/* RiMachine.on_request */
void ri_rille_serve_requests(RiMachine *m);

/* rille_state.c: a state of the C API is about to be closed. */
void ri_rille_forget_state(RiThread *main);

/* rille_value.c */
/* A value of the program's as one of the process's, whose account is current. Collects. Traps: ENOMEM, EINVAL as an
 * error. */
RiValue ri_rille_import(RiThread *T, const rille_value *value);
/* A guest's value in one block of malloc'ed memory, *block. False: memory is short. */
bool ri_rille_export(RiThread *T, RiValue v, rille_value *out, void **block);

/* rille_call.c: what a new process finds of the embedding program. Throws. */
void ri_rille_equip(RiThread *T, rille_machine *machine, RiProc *proc);
/* RiMachine.open_device */
int64_t ri_rille_open_device(RiTask *task, const char *path, uint32_t flags, struct RiFile **file);

#endif
