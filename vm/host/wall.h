/* The second wall (--os-sandbox): what this host process will not need is taken from it by the kernel, for good, so that a
 * mistake in the first wall, the machine's own checks, gains little. Two filters of Linux, both by raw system calls:
 *
 * - Landlock: files can be opened only below paths that are named; signals and abstract sockets do not reach other processes.
 * - seccomp: only system calls of wall_calls.def; a refused one fails with EPERM, as if the user lacked the right.
 *
 * doc/security.md says what is left open. */
#ifndef RI_HOST_WALL_H
#define RI_HOST_WALL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RI_WALL_READ = 1,
    RI_WALL_WRITE = 2,   /* and make, rename, remove */
    RI_WALL_RUN = 4,     /* as a program */
    RI_WALL_SOCKETS = 8, /* make and remove sockets in a folder */
};

#define RI_WALL_PATHS_MAX 200

/* What stays possible. Zeroed: nothing but what every program needs: memory, threads, time, descriptors it has. */
typedef struct RiWall {
    bool may_write; /* calls that change the tree of files */
    bool has_net, serves;
    bool is_wide;   /* code of the host runs as well (programs, C libraries): everything but WALL_DENY */
    bool no_code;   /* no memory becomes executable any more */
    uint32_t count;
    struct {
        const char *path; /* must stay until ri_host_wall returns */
        unsigned access;  /* RI_WALL_… */
    } paths[RI_WALL_PATHS_MAX];
} RiWall;

/* Allow `access` at and below `path`, which need not exist. -ENOSPC: too many. */
int ri_wall_add(RiWall *wall, const char *path, unsigned access);

/* Raise it, for the calling thread, which must be the only one, and all threads and programs that it will start. 0 or -errno;
 * then *what says what could not be had. After an error half of it may stand: the host process should end. */
int ri_host_wall(const RiWall *wall, const char **what);

#endif
