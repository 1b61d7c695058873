/* The operating system as Rille needs it: clocks, environment, files, child processes, shared libraries, randomness.
 * A thin, portable-looking interface with one POSIX implementation; files are stdio's. Errors: functions that can fail
 * leave the reason in errno. Collects: no. Traps: no. */
#ifndef RI_HOST_HOST_H
#define RI_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* -- Time ------------------------------------------------------------------------------------------------------ */
int64_t ri_host_time_s(void);         /* seconds since 1970 */
double ri_host_cpu_s(void);           /* processor time used by this host process */
uint64_t ri_host_monotonic_ns(void);  /* never goes back; for measuring */
uint64_t ri_host_thread_cpu_ns(void); /* processor time, user and system, of the calling host thread */
uint64_t ri_host_process_cpu_ns(void); /* of the whole host process */
/* A clock for other threads to see the calling thread's processor time by; -1: there is none. */
int64_t ri_host_thread_clock(void);
uint64_t ri_host_thread_clock_ns(int64_t clock); /* 0 for -1 */
/* Broken-down time, UTC or local; false if the date cannot be represented. */
bool ri_host_split_time(int64_t time_s, bool utc, struct tm *out);
/* The inverse for local time; normalizes *parts. -1 if it cannot be represented. */
int64_t ri_host_join_time(struct tm *parts);

/* Bytes of memory that this host process has in use as the host sees it; 0 if it does not tell. Some microseconds. */
uint64_t ri_host_resident_bytes(void);
/* Bytes of memory of its own that this host process has resident; 0 if the host does not tell. Some microseconds. */
uint64_t ri_host_own_bytes(void);

/* Give the host what malloc keeps of memory that was freed, where it can do that. A millisecond, for tens of MiB. */
void ri_host_trim(void);

/* Bytes of address space that this host process may have (ulimit -v); UINT64_MAX: no limit. */
uint64_t ri_host_address_space(void);

/* 64 bits that differ from run to run. */
uint64_t ri_host_random_seed(void);

uint64_t ri_host_process_id(void); /* of this host process */
void ri_host_say(const char *text, size_t size); /* to its error output, from a signal handler; errors are ignored */

/* -- Environment and processes --------------------------------------------------------------------------------- */
const char *ri_host_getenv(const char *name); /* NULL if not set */
/* From now on a write to a pipe that nobody reads fails, unless SIGPIPE is handled or ignored already; programs that are started
 * are ended by it as ever. */
void ri_host_survive_broken_pipes(void);
/* End by SIGPIPE, if only ri_host_survive_broken_pipes prevents that. */
void ri_host_end_by_broken_pipe(void);
/* system(3): a wait status, or -1. With NULL: is there a shell? */
int ri_host_system(const char *command);
/* What became of a child: writes "exit" or "signal" to *what and returns the exit code or signal number. */
int ri_host_child_result(int wait_status, const char **what);
void ri_host_exit(int status) __attribute__((noreturn)); /* as exit(3) */
/* The end of what has been stopped: nothing is called. The first flushes open files, but whoever does not read what is
 * written to him is not waited for: a second at most. */
void ri_host_flush_and_end(int status) __attribute__((noreturn));
void ri_host_end(int status) __attribute__((noreturn));
void ri_host_sleep_for_ever(void) __attribute__((noreturn)); /* another thread ends the host process */

/* Wait until one of `count` descriptors has an event of its `events` (RI_HOST_READ, RI_HOST_WRITE) or an error, told in
 * `revents`; or until timeout_ns (-1: none) is over. Returns how many have. Ended early by a signal: 0. */
enum { RI_HOST_READ = 1, RI_HOST_WRITE = 4, RI_HOST_ERROR = 8 };
typedef struct RiHostPoll {
    int fd;
    short events, revents; /* laid out like struct pollfd */
} RiHostPoll;
int ri_host_poll(RiHostPoll *polls, unsigned count, int64_t timeout_ns);

/* A descriptor that other threads, and signal handlers, can make readable. -1 and errno if there is none to be had. */
int ri_host_notifier(void);
void ri_host_notify(int notifier);
void ri_host_notify_clear(int notifier);

/* -- Files ----------------------------------------------------------------------------------------------------- */
FILE *ri_host_open(const char *path, const char *mode);
/* The file that this program was started from, to be read; also where there is no /proc, if the working directory is still
 * that of the start. NULL, errno. */
FILE *ri_host_open_self(void);
FILE *ri_host_open_temporary(void); /* removed when closed */
/* A stream of its own for the file that `file` is open on, in the same mode and at the same place, which they share from
 * then on. What `file` has buffered is written, or counted as not read. NULL: reason in errno. */
FILE *ri_host_duplicate(FILE *file);
/* Will the file take what is written to it, within so many milliseconds? And, for the end of what has been stopped: flush it
 * if so, and if no other thread is busy with it; pipes that nobody reads raise no signal any more. */
bool ri_host_takes_output(FILE *file, int timeout_ms);
void ri_host_flush_if_free(FILE *file, int timeout_ms);
FILE *ri_host_open_command(const char *command, const char *mode);
int ri_host_close_command(FILE *file); /* a wait status, or -1 */
#define RI_HOST_TEMPORARY_NAME_SIZE 32
bool ri_host_temporary_name(char out[RI_HOST_TEMPORARY_NAME_SIZE]); /* creates the file */
bool ri_host_remove(const char *path);
bool ri_host_rename(const char *from, const char *to);
bool ri_host_is_readable(const char *path);
bool ri_host_seek(FILE *file, int64_t offset, int whence);
int64_t ri_host_tell(FILE *file); /* -1 on error */
/* How many bytes lie between the position of a regular file and its end; 0 if unknown. */
size_t ri_host_remaining_size(FILE *file);

/* -- Shared libraries ------------------------------------------------------------------------------------------ */
/* NULL on failure, with the reason as text that stays valid until the next call. */
void *ri_host_load_library(const char *path, bool symbols_global, const char **error);
void *ri_host_find_symbol(void *library, const char *symbol, const char **error);
void ri_host_unload_library(void *library);
/* The name of the symbol at or before an address, and the file's it is in; empty texts if they are not known. */
void ri_host_symbol_at(const void *address, char name[64], char file[64]);

/* -- Signals --------------------------------------------------------------------------------------------------- */

/* Give the calling thread a stack for handlers of signals, if it has none: guest stacks are small and have guard pages. It
 * stays for as long as the process. False: the host refuses. */
bool ri_host_give_signal_stack(void);

#endif
