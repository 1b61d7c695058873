/* seccomp and Landlock: see wall.h. The numbers of both are part of the kernel's interface; they are given here since the headers
 * of an older system lack some. */
#define _GNU_SOURCE /* O_PATH, CLONE_… */
#include "vm/host/wall.h"

#include <errno.h>

int ri_wall_add(RiWall *wall, const char *path, unsigned access)
{
    if (wall->count == RI_WALL_PATHS_MAX)
        return -ENOSPC;
    wall->paths[wall->count].path = path;
    wall->paths[wall->count].access = access;
    wall->count++;
    return 0;
}

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))

#include <dirent.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- Landlock ------------------------------------------------------------------------------------------------------ */

enum {
    LL_CREATE = 444,
    LL_ADD_RULE = 445,
    LL_RESTRICT = 446,
    LL_ASK_VERSION = 1,
    LL_PATH_BENEATH = 1,
};

enum {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_CHAR = 1 << 6,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_MAKE_SOCK = 1 << 9,
    LL_MAKE_FIFO = 1 << 10,
    LL_MAKE_BLOCK = 1 << 11,
    LL_MAKE_SYM = 1 << 12,
    LL_REFER = 1 << 13,     /* version 2 */
    LL_TRUNCATE = 1 << 14,  /* version 3 */
    LL_IOCTL_DEV = 1 << 15, /* version 5 */
    LL_VERSION_1 = LL_REFER - 1,
    LL_OF_FILES = LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV,
    LL_SCOPE_ABSTRACT_SOCKETS = 1 << 0, /* version 6 */
    LL_SCOPE_SIGNALS = 1 << 1,
};

typedef struct Ruleset {
    uint64_t files, net, scopes;
} Ruleset;

typedef struct __attribute__((packed)) PathRule {
    uint64_t access;
    int32_t fd;
} PathRule;

static uint64_t rights_of(unsigned access)
{
    uint64_t rights = 0;
    if (access & RI_WALL_READ)
        rights |= LL_READ_FILE | LL_READ_DIR;
    if (access & RI_WALL_WRITE)
        rights |= LL_WRITE_FILE | LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_DIR | LL_MAKE_REG | LL_MAKE_SOCK | LL_MAKE_FIFO |
                  LL_MAKE_SYM | LL_REFER | LL_TRUNCATE;
    if (access & RI_WALL_RUN)
        rights |= LL_EXECUTE;
    if (access & RI_WALL_SOCKETS)
        rights |= LL_MAKE_SOCK | LL_REMOVE_FILE;
    return rights;
}

static int add_rule(int ruleset, const char *path, uint64_t rights)
{
    struct stat info;
    PathRule rule = {.access = rights, .fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno; /* what is not there needs no rule */
    if (fstat(rule.fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rule.access &= LL_OF_FILES;
    long status = rule.access != 0 ? syscall(LL_ADD_RULE, ruleset, LL_PATH_BENEATH, &rule, 0) : 0;
    int error = errno;
    close(rule.fd);
    return status == 0 ? 0 : -error;
}

static int restrict_files(const RiWall *wall, const char **what)
{
    long version = syscall(LL_CREATE, NULL, 0, LL_ASK_VERSION);
    *what = "Landlock";
    if (version < 1)
        return errno == EOPNOTSUPP ? -EOPNOTSUPP : -ENOSYS;
    if (version < 3) { /* files could be emptied by truncate(2) */
        *what = "Landlock 3 or later (Linux 6.2)";
        return -ENOSYS;
    }
    Ruleset rules = {.files = LL_VERSION_1 | LL_REFER | LL_TRUNCATE | (version >= 5 && !wall->is_wide ? LL_IOCTL_DEV : 0)};
    size_t size = offsetof(Ruleset, net);
    if (version >= 6) {
        rules.scopes = LL_SCOPE_ABSTRACT_SOCKETS | LL_SCOPE_SIGNALS;
        size = sizeof rules;
    }
    int ruleset = (int)syscall(LL_CREATE, &rules, size, 0);
    if (ruleset < 0)
        return -errno;
    int status = 0;
    for (uint32_t i = 0; i < wall->count && status == 0; i++) {
        *what = wall->paths[i].path;
        status = add_rule(ruleset, wall->paths[i].path, rights_of(wall->paths[i].access) & rules.files);
    }
    if (status == 0 && syscall(LL_RESTRICT, ruleset, 0) != 0) {
        *what = "Landlock";
        status = -errno;
    }
    close(ruleset);
    return status;
}

/* -- seccomp ------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif
#define FILTER_MAX 1000

typedef struct Filter {
    unsigned count;
    struct sock_filter words[FILTER_MAX];
} Filter;

static void emit(Filter *f, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
    if (f->count < FILTER_MAX) /* checked at the end */
        f->words[f->count] = (struct sock_filter){code, yes, no, k};
    f->count++;
}

static void load(Filter *f, size_t offset)
{
    emit(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}
static size_t argument(int n) /* its lower half; both processors have that first */
{
    return offsetof(struct seccomp_data, args) + 8 * (size_t)n;
}
static void answer(Filter *f, uint32_t how)
{
    emit(f, BPF_RET | BPF_K, 0, 0, how);
}
#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))

/* The call's number is loaded: if it is `number`, the answer is `how`. */
static void answer_for(Filter *f, long number, uint32_t how)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)number);
    answer(f, how);
}

/* Begin a piece that is skipped unless the call's number is `number`; ends with an answer for all cases. */
static unsigned begin_for(Filter *f, long number)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)number);
    return f->count - 1;
}
static void end_for(Filter *f, unsigned begin)
{
    if (f->count < FILTER_MAX)
        f->words[begin].jf = (uint8_t)(f->count - begin - 1);
}

/* Allowed if argument n, of 32 bits, is one of these; else `otherwise`. */
static void allow_values(Filter *f, long number, int n, const uint32_t *values, size_t count, uint32_t otherwise)
{
    unsigned begin = begin_for(f, number);
    load(f, argument(n));
    for (size_t i = 0; i < count; i++)
        answer_for(f, values[i], ALLOW);
    answer(f, otherwise);
    end_for(f, begin);
}
#define ALLOW_VALUES(f, number, n, otherwise, ...)                                                                             \
    do {                                                                                                                       \
        static const uint32_t values_[] = {__VA_ARGS__};                                                                       \
        allow_values(f, number, n, values_, sizeof values_ / sizeof *values_, otherwise);                                      \
    } while (0)

/* `how` if any of `bits` is set in argument n; else `otherwise`. */
static void answer_bits(Filter *f, long number, int n, uint32_t bits, uint32_t how, uint32_t otherwise)
{
    unsigned begin = begin_for(f, number);
    load(f, argument(n));
    emit(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
    answer(f, how);
    answer(f, otherwise);
    end_for(f, begin);
}

#define NAMESPACES                                                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Threads, but no processes, and none with name spaces of its own. */
static void filter_clone(Filter *f, const RiWall *wall)
{
    answer_for(f, SYS_clone3, REFUSE(ENOSYS)); /* its flags cannot be seen; libc takes clone then */
    if (wall->is_wide) {
        answer_bits(f, SYS_clone, 0, NAMESPACES, REFUSE(EPERM), ALLOW);
        return;
    }
    unsigned begin = begin_for(f, SYS_clone);
    load(f, argument(0));
    emit(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, NAMESPACES);
    answer(f, REFUSE(EPERM));
    emit(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, CLONE_THREAD);
    answer(f, ALLOW);
    answer(f, REFUSE(EPERM));
    end_for(f, begin);
}

static void filter_memory(Filter *f, const RiWall *wall)
{
    uint32_t refused = wall->no_code ? PROT_EXEC : 0;
    answer_bits(f, SYS_mmap, 2, refused, REFUSE(EPERM), ALLOW);
    answer_bits(f, SYS_mprotect, 2, refused, REFUSE(EPERM), ALLOW);
}

/* Limits can be asked for, not set: prlimit64(0, limit, NULL, …). */
static void filter_limits(Filter *f)
{
    unsigned begin = begin_for(f, SYS_prlimit64);
    load(f, argument(0));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0);
    load(f, argument(2));
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
    load(f, argument(2) + 4);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(f, ALLOW);
    answer(f, REFUSE(EPERM));
    end_for(f, begin);
}

/* Signals to this process and no other. */
static void filter_signals(Filter *f)
{
    uint32_t self = (uint32_t)getpid();
    allow_values(f, SYS_tgkill, 0, &self, 1, REFUSE(EPERM));
    allow_values(f, SYS_kill, 0, &self, 1, REFUSE(EPERM));
}

static void filter_sockets(Filter *f, const RiWall *wall)
{
    if (wall->has_net)
        ALLOW_VALUES(f, SYS_socket, 0, REFUSE(EPERM), AF_UNIX, AF_INET, AF_INET6, AF_NETLINK);
    else if (wall->serves)
        ALLOW_VALUES(f, SYS_socket, 0, REFUSE(EPERM), AF_UNIX);
}

#define SET_NAME_OF_MAPPING 0x53564d41 /* PR_SET_VMA, newer than some headers */

static void filter_narrowly(Filter *f, const RiWall *wall)
{
    const bool has[] = {true, wall->may_write, wall->has_net, wall->serves};
    enum { ALWAYS, FILES, NET, SERVE };
#define WALL_ALLOW(name, when)                                                                                                 \
    if (has[when])                                                                                                             \
        answer_for(f, SYS_##name, ALLOW);
#if defined(__aarch64__) /* calls that this processor has by another name only */
#define SYS_time -1
#define SYS_alarm -1
#define SYS_pause -1
#define SYS_dup2 -1
#define SYS_pipe -1
#define SYS_poll -1
#define SYS_select -1
#define SYS_epoll_wait -1
#define SYS_open -1
#define SYS_stat -1
#define SYS_lstat -1
#define SYS_access -1
#define SYS_readlink -1
#define SYS_unlink -1
#define SYS_rename -1
#define SYS_mkdir -1
#define SYS_rmdir -1
#define SYS_link -1
#define SYS_symlink -1
#define SYS_chmod -1
#endif
#include "vm/host/wall_calls.def"
    filter_clone(f, wall);
    filter_memory(f, wall);
    filter_limits(f);
    filter_signals(f);
    filter_sockets(f, wall);
    ALLOW_VALUES(f, SYS_ioctl, 1, REFUSE(ENOTTY), TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, FIONREAD, FIONBIO);
    ALLOW_VALUES(f, SYS_prctl, 0, REFUSE(EPERM), PR_SET_NAME, PR_GET_NAME, SET_NAME_OF_MAPPING);
    answer(f, REFUSE(EPERM));
}

static void filter_widely(Filter *f, const RiWall *wall)
{
#if defined(__aarch64__)
#define SYS_iopl -1
#define SYS_ioperm -1
#define SYS_modify_ldt -1
#define SYS_mknod -1
#endif
#define WALL_DENY(name) answer_for(f, SYS_##name, REFUSE(EPERM));
#include "vm/host/wall_calls.def"
    filter_clone(f, wall);
    unsigned begin = begin_for(f, SYS_ioctl);
    load(f, argument(1)); /* typing on the user's terminal */
    answer_for(f, TIOCSTI, REFUSE(EPERM));
    answer_for(f, TIOCLINUX, REFUSE(EPERM));
    answer(f, ALLOW);
    end_for(f, begin);
    answer(f, ALLOW);
}

static int restrict_calls(const RiWall *wall, const char **what)
{
    Filter filter = {.count = 0};
    load(&filter, offsetof(struct seccomp_data, arch));
    emit(&filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
    answer(&filter, REFUSE(EPERM));
    load(&filter, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__) /* the same calls by other numbers (x32) */
    emit(&filter, BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000);
    answer(&filter, REFUSE(EPERM));
#endif
    if (wall->is_wide)
        filter_widely(&filter, wall);
    else
        filter_narrowly(&filter, wall);
    *what = "seccomp";
    if (filter.count > FILTER_MAX)
        return -E2BIG;
    const struct sock_fprog program = {.len = (unsigned short)filter.count, .filter = filter.words};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : -errno;
}

/* -- Both ------------------------------------------------------------------------------------------------------------ */

static bool is_alone(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return true; /* nobody can tell */
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count == 1;
}

#if RI_COVERAGE
extern void __gcov_dump(void);
#endif

int ri_host_wall(const RiWall *wall, const char **what)
{
    *what = "other threads run already";
    if (!is_alone())
        return -EBUSY;
    *what = "no_new_privs";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
#if RI_COVERAGE
    __gcov_dump(); /* behind the wall there is no file to write counts to */
#endif
    int status = restrict_files(wall, what);
    return status == 0 ? restrict_calls(wall, what) : status;
}

#else

int ri_host_wall(const RiWall *wall, const char **what)
{
    (void)wall;
    *what = "seccomp and Landlock";
    return -ENOSYS;
}
#endif
