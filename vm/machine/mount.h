/* The name space of files: which folders of the host a guest sees, and under which names; where a path leads, and whether
 * the process may go there.
 *
 * Without mounts a guest sees the host's tree by the host's names. With mounts it sees nothing else than these: a path is
 * made absolute with the process's working directory, `.` and `..` are taken out of its text, the longest mount that it
 * begins with is where it is looked up; symbolic links that lead out of that are refused (EACCES).
 *
 * A capability is asked for by the path that was really found, as the guest would name it: neither `..` nor a link nor a
 * rename in between makes a difference, because what has been checked is held open and used (RiPlace). */
#ifndef RI_MACHINE_MOUNT_H
#define RI_MACHINE_MOUNT_H

#include "vm/host/files.h"
#include "vm/machine/policy.h"
#include "vm/machine/proc.h"

typedef struct RiMount RiMount;

/* Show the host's folder `host` as `guest` (absolute). 0 or -errno; a second mount of a name replaces the first. */
RI_MUST_CHECK int ri_mount_add(RiMachine *machine, const char *host, const char *guest, bool read_only);
/* "host:guest" or "host:guest:ro", as of --mount. */
RI_MUST_CHECK int ri_mount_parse(RiMachine *machine, const char *word, const char **error);
void ri_mounts_destroy(RiMachine *machine);
/* Call each(argument, guest, host, read_only) for every mount; the guest's name of the root is "". */
void ri_mount_each(const RiMachine *machine, void (*each)(void *argument, const char *guest, const char *host, bool read_only),
                   void *argument);

enum { RI_MAY_READ = 1, RI_MAY_WRITE = 2 }; /* what the process wants to do: capabilities and read-only mounts */

typedef struct RiResolved {
    RiPlace place;
    char guest[RI_PATH_SIZE]; /* where that is for the guest; "" if nobody needed to know */
    bool is_read_only;
    bool is_mount_list; /* a folder that exists only because mounts lie in it; `place` is not set */
} RiResolved;

/* Where `path` leads `proc` (NULL: the host's own view). `how`: RI_PLACE_NOFOLLOW or 0; `access`: RI_MAY_… or 0.
 * 0, and to be closed with ri_resolved_close; or -errno. -EACCES for want of a capability leaves it in ri_denied(proc);
 * -EROFS for writing to a read-only mount. */
RI_MUST_CHECK int ri_path_resolve(RiProc *proc, const char *path, unsigned how, unsigned access, RiResolved *found);
void ri_resolved_close(RiResolved *found);
/* Nothing to be asked: the host's own tree, no policy, the host's working directory. */
bool ri_path_is_plain(const RiProc *proc);

/* Working directory. Host calls are made only if the process is alone and sees the host's tree. */
RI_MUST_CHECK int ri_path_change_directory(RiProc *proc, const char *path);
RI_MUST_CHECK int ri_path_working_directory(RiProc *proc, char out[RI_PATH_SIZE]); /* its length */
/* An absolute guest path for a list of a policy: RiPathCompleter, its argument an RiProc or NULL. */
int ri_path_complete(void *proc, const char *path, char *out);
/* May symbolic link `found` have this text? Only if what it says may be read and written, too. */
RI_MUST_CHECK int ri_path_check_link(RiProc *proc, const RiResolved *found, const char *target);

/* Names of mounts in the folder `guest` that no mount covers, one for each n = 0, 1, …; false after the last. */
bool ri_mount_name(const RiMachine *machine, const char *guest, uint32_t n, char out[RI_NAME_SIZE]);

/* -- Asking a policy ------------------------------------------------------------------------------------------- */
/* Give a process its policy, taking over the reference; children made from then on have it, too. */
void ri_policy_set(RiProc *proc, RiPolicy *policy);
/* A new process gets its parent's policy, its standard descriptors and working directory. 0 or -ENOMEM. */
RI_MUST_CHECK int ri_files_inherit(RiProc *parent, RiProc *child);
/* 0, or -EACCES with the capability in ri_denied(proc). `what` as for ri_policy_allows. */
RI_MUST_CHECK int ri_require(RiProc *proc, RiCapability capability, const char *what);
/* The capability that the last refusal of this process was for, or -1; every call through the gate begins with -1. */
int ri_denied(const RiProc *proc);
void ri_clear_denied(RiProc *proc);
/* "permission denied (needs --allow-read)" for `error` == EACCES after a refusal, else the host's text. */
const char *ri_error_text(const RiProc *proc, int error, char *out, size_t size);

#endif
