/* POSIX implementation of host.h. */
#define _GNU_SOURCE 1
#include "vm/host/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/auxv.h>
#include <sys/random.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* -- Time ------------------------------------------------------------------------------------------------------ */

int64_t ri_host_time_s(void)
{
    return (int64_t)time(NULL);
}

double ri_host_cpu_s(void)
{
    return (double)clock() / (double)CLOCKS_PER_SEC;
}

static uint64_t read_clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t ri_host_thread_cpu_ns(void)
{
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t ri_host_thread_clock(void)
{
    clockid_t clock;
    return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? clock : -1;
}

uint64_t ri_host_thread_clock_ns(int64_t clock)
{
    return clock != -1 ? read_clock_ns((clockid_t)clock) : 0;
}

uint64_t ri_host_process_cpu_ns(void)
{
    return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t ri_host_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool ri_host_split_time(int64_t time_s, bool utc, struct tm *out)
{
    time_t host_time = (time_t)time_s;
    return (utc ? gmtime_r(&host_time, out) : localtime_r(&host_time, out)) != NULL;
}

int64_t ri_host_join_time(struct tm *parts)
{
    return (int64_t)mktime(parts);
}

void ri_host_say(const char *text, size_t size)
{
    int error = errno;
    ssize_t ignored = write(STDERR_FILENO, text, size);
    (void)ignored;
    errno = error;
}

uint64_t ri_host_process_id(void)
{
    return (uint64_t)getpid();
}

uint64_t ri_host_address_space(void)
{
    struct rlimit limit;
    bool is_limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_limited ? (uint64_t)limit.rlim_cur : UINT64_MAX;
}

uint64_t ri_host_random_seed(void)
{
    uint64_t seed = 0;
#ifdef __linux__
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
        return seed;
#endif
    /* Without a source of entropy: time, process and the place of the stack, spread by a multiplicative mix. */
    seed = ri_host_monotonic_ns() ^ (uint64_t)ri_host_time_s() << 32 ^ (uint64_t)getpid() << 16 ^ (uint64_t)(uintptr_t)&seed;
    seed = (seed ^ seed >> 31) * 0x9e3779b97f4a7c15u;
    return seed ^ seed >> 29;
}

/* The second and the third number of /proc/self/statm, in pages: resident, and of these shared. */
static void read_statm(uint64_t *resident, uint64_t *shared)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    *resident = *shared = 0;
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return;
    text[size] = '\0';
    char *rest = text;
    (void)strtoull(rest, &rest, 10);
    *resident = strtoull(rest, &rest, 10);
    *shared = strtoull(rest, &rest, 10);
}

uint64_t ri_host_resident_bytes(void)
{
    uint64_t resident, shared;
    read_statm(&resident, &shared);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t ri_host_own_bytes(void)
{
    uint64_t resident, shared;
    read_statm(&resident, &shared);
    return (resident > shared ? resident - shared : 0) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void ri_host_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

/* -- Environment and processes --------------------------------------------------------------------------------- */

const char *ri_host_getenv(const char *name)
{
    return getenv(name);
}

int ri_host_system(const char *command)
{
    return system(command);
}

int ri_host_child_result(int wait_status, const char **what)
{
    *what = "exit";
    if (WIFEXITED(wait_status))
        return WEXITSTATUS(wait_status);
    if (WIFSIGNALED(wait_status)) {
        *what = "signal";
        return WTERMSIG(wait_status);
    }
    return wait_status;
}

static void *end_soon(void *status)
{
    static const struct timespec patience = {.tv_sec = 1};
    nanosleep(&patience, NULL);
    _exit((int)(intptr_t)status);
}

void ri_host_flush_and_end(int status)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_soon, (void *)(intptr_t)status) == 0) /* else nothing is flushed: it may block */
        fflush(NULL);
    _exit(status);
}

void ri_host_end(int status)
{
    _exit(status);
}

void ri_host_sleep_for_ever(void)
{
    for (;;)
        pause();
}

void ri_host_exit(int status)
{
    exit(status);
}

/* -- Files ----------------------------------------------------------------------------------------------------- */

FILE *ri_host_open(const char *path, const char *mode)
{
    return fopen(path, mode);
}

FILE *ri_host_open_self(void)
{
    FILE *file = fopen("/proc/self/exe", "rbe");
#ifdef __linux__
    const char *name = (const char *)getauxval(AT_EXECFN); /* as exec was given it */
    if (file == NULL && name != NULL)
        file = fopen(name, "rbe");
#endif
    return file;
}

FILE *ri_host_open_temporary(void)
{
    return tmpfile();
}

FILE *ri_host_duplicate(FILE *file)
{
    if (fflush(file) != 0 && errno != ESPIPE)
        return NULL;
    int flags = fcntl(fileno(file), F_GETFL);
    int fd = flags >= 0 ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        return NULL;
    bool appends = flags & O_APPEND, updates = (flags & O_ACCMODE) == O_RDWR;
    const char *mode = (flags & O_ACCMODE) == O_RDONLY ? "r" : updates ? (appends ? "a+" : "r+") : appends ? "a" : "w";
    FILE *copy = fdopen(fd, mode);
    if (copy == NULL)
        close(fd);
    else if (__flbf(file))
        setvbuf(copy, NULL, _IOLBF, BUFSIZ);
    else if (__fbufsize(file) == 1) /* as glibc has it for no buffer */
        setvbuf(copy, NULL, _IONBF, 0);
    return copy;
}

bool ri_host_takes_output(FILE *file, int timeout_ms)
{
    struct pollfd poll_of = {.fd = fileno(file), .events = POLLOUT};
    return poll(&poll_of, 1, timeout_ms) != 0;
}

void ri_host_flush_if_free(FILE *file, int timeout_ms)
{
    signal(SIGPIPE, SIG_IGN);
    if (ftrylockfile(file) != 0)
        return;
    if (__fpending(file) > 0 && ri_host_takes_output(file, timeout_ms))
        fflush(file);
    funlockfile(file);
}

/* A handler, not SIG_IGN: this would be inherited by all programs that are started. */
static void live_on(int number)
{
    (void)number;
}

void ri_host_survive_broken_pipes(void)
{
    struct sigaction now, then = {.sa_handler = live_on, .sa_flags = SA_RESTART};
    if (sigaction(SIGPIPE, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        (void)sigaction(SIGPIPE, &then, NULL);
}

void ri_host_end_by_broken_pipe(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == live_on) {
        signal(SIGPIPE, SIG_DFL);
        (void)raise(SIGPIPE);
    }
}

FILE *ri_host_open_command(const char *command, const char *mode)
{
    /* What is still buffered here must come out before what the child writes. */
    fflush(NULL);
    return popen(command, mode);
}

int ri_host_close_command(FILE *file)
{
    return pclose(file);
}

bool ri_host_temporary_name(char out[RI_HOST_TEMPORARY_NAME_SIZE])
{
    strcpy(out, "/tmp/lua_XXXXXX");
    int descriptor = mkstemp(out);
    if (descriptor == -1)
        return false;
    close(descriptor);
    return true;
}

bool ri_host_remove(const char *path)
{
    return remove(path) == 0;
}

bool ri_host_rename(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool ri_host_is_readable(const char *path)
{
    /* Opened, not asked with access(2): only that tells what a later open will do. */
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    fclose(file);
    return true;
}

bool ri_host_seek(FILE *file, int64_t offset, int whence)
{
    return fseeko(file, (off_t)offset, whence) == 0;
}

int64_t ri_host_tell(FILE *file)
{
    return (int64_t)ftello(file);
}

size_t ri_host_remaining_size(FILE *file)
{
    struct stat info;
    int saved = errno;
    size_t remaining = 0;
    int descriptor = fileno(file);
    if (descriptor >= 0 && fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode)) {
        off_t position = ftello(file);
        if (position >= 0 && position < info.st_size)
            remaining = (size_t)(info.st_size - position);
    }
    errno = saved;
    return remaining;
}

/* -- Shared libraries ------------------------------------------------------------------------------------------ */

/* A host program may have loaded Rille's own library privately, by dlopen: modules need its symbols all the same. */
static void export_own_symbols(void)
{
    Dl_info info;
    if (dladdr((const void *)(uintptr_t)&ri_host_load_library, &info) == 0)
        return;
    void *own = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL);
    if (own != NULL) /* the command itself has no name that dlopen knows, and needs nothing */
        dlclose(own);
}

void *ri_host_load_library(const char *path, bool symbols_global, const char **error)
{
    export_own_symbols();
    void *library = dlopen(path, RTLD_NOW | (symbols_global ? RTLD_GLOBAL : RTLD_LOCAL));
    if (library == NULL)
        *error = dlerror();
    return library;
}

void *ri_host_find_symbol(void *library, const char *symbol, const char **error)
{
    void *address = dlsym(library, symbol);
    if (address == NULL)
        *error = dlerror();
    return address;
}

void ri_host_unload_library(void *library)
{
    dlclose(library);
}

/* -- Waiting ---------------------------------------------------------------------------------------------------- */

_Static_assert(sizeof(RiHostPoll) == sizeof(struct pollfd) && RI_HOST_READ == POLLIN && RI_HOST_WRITE == POLLOUT &&
                   RI_HOST_ERROR == POLLERR,
               "a RiHostPoll is a struct pollfd");

int ri_host_notifier(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void ri_host_notify(int notifier)
{
    uint64_t one = 1;
    int error = errno; /* of whom a signal handler has interrupted */
    ssize_t written = write(notifier, &one, sizeof one);
    (void)written; /* full: it is readable already */
    errno = error;
}

void ri_host_notify_clear(int notifier)
{
    uint64_t count;
    ssize_t got = read(notifier, &count, sizeof count);
    (void)got;
}

int ri_host_poll(RiHostPoll *polls, unsigned count, int64_t timeout_ns)
{
    const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000), .tv_nsec = (long)(timeout_ns % 1000000000)};
    int n = ppoll((struct pollfd *)(void *)polls, count, timeout_ns < 0 ? NULL : &timeout, NULL);
    return n < 0 ? 0 : n;
}

void ri_host_symbol_at(const void *address, char name[64], char file[64])
{
    Dl_info info;
    name[0] = file[0] = '\0';
    if (dladdr(address, &info) == 0)
        return;
    const char *slash = info.dli_fname != NULL ? strrchr(info.dli_fname, '/') : NULL;
    snprintf(name, 64, "%s", info.dli_sname != NULL ? info.dli_sname : "");
    snprintf(file, 64, "%s", slash != NULL ? slash + 1 : info.dli_fname != NULL ? info.dli_fname : "");
}

/* -- Signals --------------------------------------------------------------------------------------------------- */

#define STACK_BYTES ((size_t)64 << 10)

bool ri_host_give_signal_stack(void)
{
    stack_t stack;
    if (sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE))
        return true;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack.ss_size = STACK_BYTES;
    return stack.ss_sp != MAP_FAILED && sigaltstack(&stack, NULL) == 0;
}
