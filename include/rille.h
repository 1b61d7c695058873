/* rille.h: programs as processes of a machine inside a C host.
 *
 *     rille_config cfg = RILLE_CONFIG_SANDBOX;
 *     cfg.memory_bytes = 16 << 20;
 *     cfg.cpu_ms = 50;
 *     rille_machine *m = rille_machine_new(&cfg);
 *     rille_process *p = rille_spawn_file(m, "rules.lua");
 *     rille_result r = rille_run(p, RILLE_UNTIL_EXIT);
 *     if (r.status != RILLE_OK)
 *         fprintf(stderr, "rules.lua: %s: %s\n", rille_status_name(r.status), r.message);
 *     rille_machine_free(m);
 *
 * A machine has guest processes, memory, devices and a name space of files. Guests run only while the host is in
 * rille_run or rille_step; in between they stand still. Guests may do nothing but compute unless the host allows it:
 * RILLE_CONFIG_SANDBOX is what a zeroed rille_config means, too.
 *
 * Threads: a machine and all that belongs to it is used by one thread at a time; rille_kill and rille_interrupt may be
 * called from any thread and from signal handlers. Different machines are independent of each other.
 *
 * Texts that functions return belong to the machine or process they were asked of, and stay until that is asked for the
 * same again or goes. Functions that return bool or a pointer report failure as false or NULL; rille_error says why. */
#ifndef RILLE_H
#define RILLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RILLE_API __attribute__((visibility("default"))) extern
#else
#define RILLE_API extern
#endif

struct lua_State;
typedef struct rille_machine rille_machine;
typedef struct rille_process rille_process;

/* -- Machines ------------------------------------------------------------------------------------------------------ */

/* A function that gets what guests write to standard output (stream 1) and standard error (2). `process` is NULL for
 * what is not of a process that the host has a handle of (a child of a guest). */
typedef void (*rille_output_fn)(void *data, rille_process *process, int stream, const char *bytes, size_t size);

/* What a machine's guests may use, and do. All members zero: no limits, nothing allowed. Limits are those of each
 * process that the host spawns, together with the processes that this one makes. */
typedef struct rille_config {
    uint64_t memory_bytes;    /* objects and pages. The first excess is an error, the next ends the process */
    uint64_t cpu_ms;          /* processor time; 0: no limit */
    uint64_t wall_ms;         /* time since the process was made; 0: no limit */
    uint64_t fuel;            /* safe points: the same on every machine; 0: no limit */
    uint64_t output_bytes;    /* 0: no limit */
    uint32_t descriptors;     /* open at a time; 0: no limit but the machine's */
    uint32_t processes;       /* a process with its descendants; 0: no limit */
    uint32_t threads;         /* 0: no limit */
    bool allow_all;           /* allow everything that `allow` and `deny` do not name */
    const char *const *allow; /* as of the command line, without "--allow-": "read=/data", "net", …, NULL */
    const char *const *deny;  /* the same for "--deny-", which win */
    const char *const *mounts; /* "host:guest[:ro]", …, NULL: guests see nothing else. NULL: they see the host's names */
    rille_output_fn output;   /* NULL: the host's own standard output and error */
    void *output_data;
    uint64_t frames_bytes;    /* memory for pages of all guests; 0: no limit */
    const char *swap_path;    /* file to swap pages to; NULL: none */
    bool no_jit;              /* interpret */
    bool host_mmu;            /* handle SIGSEGV of guests' pages by hardware; false: in software, no signal handler */
    uint64_t reserved[8];     /* 0 */
} rille_config;

#ifdef __cplusplus
#define RILLE_CONFIG_SANDBOX rille_config()
#else
#define RILLE_CONFIG_SANDBOX ((rille_config){0})
#endif

/* NULL: memory is short, or a word of the configuration is wrong: rille_config_error says which (of the calling
 * thread's last call). Strings of the configuration are copied. */
RILLE_API rille_machine *rille_machine_new(const rille_config *config);
RILLE_API const char *rille_config_error(void);
/* All its processes end, and handles of them are gone. NULL is ignored. */
RILLE_API void rille_machine_free(rille_machine *machine);
/* Why did the last call fail? "" if it did not. */
RILLE_API const char *rille_error(const rille_machine *machine);
RILLE_API const char *rille_version(void); /* "0.1.0" */

/* -- Processes ----------------------------------------------------------------------------------------------------- */

typedef enum rille_status {
    RILLE_OK,        /* it has ended by itself: returned, or exit(0) */
    RILLE_RUNNING,   /* it has not ended, and could go on */
    RILLE_WAITING,   /* it has not ended, and waits for a time, a message, a descriptor */
    RILLE_ERROR,     /* an error nobody caught, a syntax error, or a status other than 0: exit_status, message */
    RILLE_DENIED,    /* the same, and the error was that something is not allowed: message names the capability */
    RILLE_MEMORY,    /* ended by its limit of memory … */
    RILLE_CPU,       /* … of processor time */
    RILLE_FUEL,
    RILLE_WALL,
    RILLE_OUTPUT,
    RILLE_KILLED     /* by rille_kill or a signal */
} rille_status;

typedef struct rille_result {
    rille_status status;
    int exit_status;     /* 0 … 255: what a shell would see; 0 while it has not ended */
    const char *message; /* what went wrong, with a traceback where there is one; "" otherwise */
} rille_result;

RILLE_API const char *rille_status_name(rille_status status); /* "ok", "running", "cpu limit", … */

/* A process that is to run a file of the host's, a text, or a chunk (saved bytecode is verified first). It does not run
 * yet. It has the machine's limits and rights; change them before it runs. Arguments: rille_argument. NULL: the file
 * cannot be read or compiled, or there are too many processes: rille_error. */
RILLE_API rille_process *rille_spawn_file(rille_machine *machine, const char *path);
RILLE_API rille_process *rille_spawn_text(rille_machine *machine, const char *name, const char *text, size_t size);
/* One more argument for its main chunk's `...` and `arg`. Before it runs. */
RILLE_API bool rille_argument(rille_process *process, const char *text);

/* Let the machine run until … Others that are not finished run as well, by their priorities. */
typedef enum rille_until {
    RILLE_UNTIL_EXIT,    /* `process` has ended */
    RILLE_UNTIL_WAITING, /* … or waits, and so do all others */
    RILLE_UNTIL_MESSAGE  /* … or has sent the host a message */
} rille_until;
RILLE_API rille_result rille_run(rille_process *process, rille_until until);

/* Let this process alone run for so much, and stop it there, wherever it is; the next step goes on. */
typedef enum rille_unit {
    RILLE_FUEL_UNITS,   /* calls and loop turns: the same in every run */
    RILLE_MICROSECONDS  /* of the clock; never less than some dozen safe points */
} rille_unit;
RILLE_API rille_result rille_step(rille_process *process, uint64_t amount, rille_unit unit);

/* How it stands, without running anything. */
RILLE_API rille_result rille_process_result(const rille_process *process);
RILLE_API uint32_t rille_pid(const rille_process *process);
RILLE_API void *rille_get_data(const rille_process *process); /* the host's own; NULL at first */
RILLE_API void rille_set_data(rille_process *process, void *data);
/* End it now, whatever it does. From any thread or signal handler. It has ended when rille_run or rille_step next
 * returns. */
RILLE_API void rille_kill(rille_process *process);
/* Give the handle back; the process is ended if it has not. NULL is ignored. */
RILLE_API void rille_process_free(rille_process *process);

/* -- Limits and rights --------------------------------------------------------------------------------------------- */

typedef enum rille_limit {
    RILLE_LIMIT_MEMORY_BYTES,
    RILLE_LIMIT_CPU_MS,  /* used and to be used */
    RILLE_LIMIT_FUEL,    /* from now on */
    RILLE_LIMIT_WALL_MS, /* from now on */
    RILLE_LIMIT_OUTPUT_BYTES,
    RILLE_LIMIT_DESCRIPTORS,
    RILLE_LIMIT_PROCESSES,
    RILLE_LIMIT_THREADS,
    RILLE_LIMIT_STACK_SLOTS
} rille_limit;
#define RILLE_NO_LIMIT UINT64_MAX
RILLE_API bool rille_set_limit(rille_process *process, rille_limit limit, uint64_t value);
/* A word as of rille_config.allow or deny: "read=/data". Before the process runs. */
RILLE_API bool rille_allow(rille_process *process, const char *word);
RILLE_API bool rille_deny(rille_process *process, const char *word);

typedef struct rille_stats {
    uint64_t cpu_ns, fuel, memory_bytes, output_bytes;
    uint64_t system_calls, page_faults, switches, preemptions, signals, messages_sent, messages_received;
    uint64_t collections, collection_ns;
    uint64_t reserved[8];
} rille_stats;
RILLE_API void rille_get_stats(const rille_process *process, rille_stats *out);

/* -- Values and messages ------------------------------------------------------------------------------------------- */

typedef enum rille_type {
    RILLE_NIL,
    RILLE_BOOLEAN,
    RILLE_INTEGER,
    RILLE_NUMBER,
    RILLE_STRING,
    RILLE_TABLE
} rille_type;

struct rille_pair;
typedef struct rille_value {
    rille_type type;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            const char *bytes; /* a NUL follows what the machine gives */
            size_t size;
        } string;
        struct {
            const struct rille_pair *pairs;
            size_t count;
        } table;
    } as;
} rille_value;

typedef struct rille_pair {
    rille_value key, value;
} rille_pair;

static inline rille_value rille_nil(void)
{
    rille_value v;
    v.type = RILLE_NIL;
    v.as.integer = 0;
    return v;
}
static inline rille_value rille_boolean(bool b)
{
    rille_value v = rille_nil();
    v.type = RILLE_BOOLEAN;
    v.as.boolean = b;
    return v;
}
static inline rille_value rille_integer(int64_t i)
{
    rille_value v = rille_nil();
    v.type = RILLE_INTEGER;
    v.as.integer = i;
    return v;
}
static inline rille_value rille_number(double n)
{
    rille_value v = rille_nil();
    v.type = RILLE_NUMBER;
    v.as.number = n;
    return v;
}
static inline rille_value rille_bytes(const char *bytes, size_t size)
{
    rille_value v = rille_nil();
    v.type = RILLE_STRING;
    v.as.string.bytes = bytes;
    v.as.string.size = size;
    return v;
}
static inline rille_value rille_table(const rille_pair *pairs, size_t count)
{
    rille_value v = rille_nil();
    v.type = RILLE_TABLE;
    v.as.table.pairs = pairs;
    v.as.table.count = count;
    return v;
}

/* Put a copy of a value into the process's mailbox: process.receive() there. False: it has ended, or memory is
 * short. */
RILLE_API bool rille_send(rille_process *process, rille_value value);
/* Take the next message that this process has sent to the host: process.send(process.parent(), value) there, or
 * process.parent():send(value). False: there is none. The value lives until the next call for this process. Functions,
 * threads and userdata in it become nil; a table that contains itself ends there with nil. */
RILLE_API bool rille_receive(rille_process *process, rille_value *value);

/* -- System calls of the host -------------------------------------------------------------------------------------- */

typedef struct rille_call rille_call; /* one under way */
/* Do what the guest asks for. Arguments have the types that the signature says. Results by rille_result_…, at most one;
 * return 0, or an errno value: the guest gets nil, a message and that number. A function that needs time returns EAGAIN
 * after rille_call_again: it is called again then, and others run meanwhile. */
typedef int (*rille_call_fn)(rille_call *call, const rille_value *arguments, void *data);

/* Guests find it as require("host").NAME. The signature has a letter for each argument, checked before `fn` is called:
 * i integer, n number, b boolean, s string, v any value, t table; behind `?` they may be left out (nil). Before
 * processes are spawned. */
RILLE_API bool rille_add_call(rille_machine *machine, const char *name, const char *signature, rille_call_fn fn,
                              void *data);
/* Take one of them away from a process and those that it makes. Before it runs. */
RILLE_API bool rille_hide_call(rille_process *process, const char *name);
RILLE_API rille_process *rille_call_process(const rille_call *call); /* who calls, or its nearest
                                                                              ancestor with a handle */
RILLE_API void rille_call_return(rille_call *call, rille_value value); /* copied */
RILLE_API void rille_call_message(rille_call *call, const char *text); /* for an errno that is returned */
RILLE_API int rille_call_again(rille_call *call, uint32_t after_ms); /* EAGAIN, to be returned */

/* -- Devices of the host ------------------------------------------------------------------------------------------- */

/* Guests find it as /dev/NAME. Functions return a number of bytes, or a negated errno; NULL: that is not possible. They
 * do not wait. Asked for by the capabilities read and write of that path. */
typedef struct rille_device {
    const char *name;
    int64_t (*read)(void *data, void *to, size_t size);
    int64_t (*write)(void *data, const void *from, size_t size);
    int64_t (*ioctl)(void *data, uint32_t request, void *argument, size_t size);
    int (*open)(void *data);   /* 0 or a negated errno */
    void (*close)(void *data); /* once for each successful open */
    void *data;
} rille_device;
RILLE_API bool rille_add_device(rille_machine *machine, const rille_device *device);

/* -- Processes of the C API ---------------------------------------------------------------------------------------- */

/* The process that a lua_State is of: the first of a machine of its own, which the C API made. For rille_set_limit,
 * rille_allow, rille_get_stats and rille_kill; what a limit ends comes back as an error of the outermost lua_pcall or
 * lua_resume, which the program cannot catch. Belongs to the state: never freed. NULL if memory is short. */
RILLE_API rille_process *rille_process_of(struct lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
