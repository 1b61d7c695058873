/* The name space of files: see mount.h. */
#include "vm/machine/mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/planted.h"
#include "vm/machine/file.h"

struct RiMount {
    char *guest; /* absolute, clean; "" for "/", so that guest + "/…" is always a path */
    char *host;  /* real path */
    int root;
    bool is_read_only;
};

typedef struct RiMounts { /* machine->mounts; NULL: none */
    uint32_t count;
    RiMount *items; /* longest guest names first */
} RiMounts;

/* -- Paths as text ------------------------------------------------------------------------------------------------- */

/* Take ".", ".." and double slashes out of the absolute path `path`; "" for the root. -ENAMETOOLONG if it does not fit. */
static int clean_path(const char *path, char out[RI_PATH_SIZE])
{
    size_t length = 0;
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            while (length > 0 && out[--length] != '/')
                continue;
        } else if (size > 0 && !(size == 1 && path[0] == '.')) {
            if (length + size + 2 > RI_PATH_SIZE)
                return -ENAMETOOLONG;
            out[length++] = '/';
            memcpy(out + length, path, size);
            length += size;
        }
        path += size + (path[size] == '/');
    }
    out[length] = '\0';
    return (int)length;
}

static int join_paths(const char *directory, const char *path, char out[RI_PATH_SIZE])
{
    if (*path == '/')
        directory = "";
    size_t before = strlen(directory), after = strlen(path);
    if (before + after + 2 > RI_PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(out, directory, before);
    out[before] = '/';
    memcpy(out + before + 1, path, after + 1);
    return (int)(before + 1 + after);
}

/* The rest of `path` below `folder` (both clean, "" the root): begins with '/' or is empty; NULL if it lies elsewhere. */
static const char *rest_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (strncmp(path, folder, size) != 0 || (path[size] != '\0' && path[size] != '/'))
        return NULL;
    return path + size;
}

/* -- Mounts ---------------------------------------------------------------------------------------------------------- */

static void free_mount(RiMount *mount)
{
    if (mount->root >= 0)
        ri_host_fd_close(mount->root);
    free(mount->guest);
    free(mount->host);
}

static int make_mount(RiMount *mount, const char *host, const char *guest, bool read_only)
{
    char text[RI_PATH_SIZE];
    *mount = (RiMount){.root = -1, .is_read_only = read_only};
    if (*guest != '/')
        return -EINVAL;
    int status = clean_path(guest, text);
    if (status < 0)
        return status;
    mount->guest = strdup(text);
    mount->root = ri_host_fd_open_root(host);
    if (mount->root < 0)
        return mount->root;
    status = ri_host_path_of(mount->root, text);
    if (status < 0)
        return status;
    mount->host = strdup(text);
    return mount->guest == NULL || mount->host == NULL ? -ENOMEM : 0;
}

static int insert_mount(RiMounts *mounts, const RiMount *mount)
{
    uint32_t at = 0;
    for (; at < mounts->count && strlen(mounts->items[at].guest) >= strlen(mount->guest); at++) {
        if (strcmp(mounts->items[at].guest, mount->guest) == 0) {
            free_mount(&mounts->items[at]);
            mounts->items[at] = *mount;
            return 0;
        }
    }
    RiMount *items = realloc(mounts->items, (mounts->count + 1) * sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    mounts->items = items;
    memmove(&items[at + 1], &items[at], (mounts->count - at) * sizeof *items);
    items[at] = *mount;
    mounts->count++;
    return 0;
}

int ri_mount_add(RiMachine *machine, const char *host, const char *guest, bool read_only)
{
    RiMount mount;
    if (machine->mounts == NULL && (machine->mounts = calloc(1, sizeof(RiMounts))) == NULL)
        return -ENOMEM;
    int status = make_mount(&mount, host, guest, read_only);
    if (status == 0)
        status = insert_mount(machine->mounts, &mount);
    if (status < 0)
        free_mount(&mount);
    return status;
}

int ri_mount_parse(RiMachine *machine, const char *word, const char **error)
{
    char host[RI_PATH_SIZE];
    size_t size = strlen(word);
    bool read_only = size > 3 && strcmp(word + size - 3, ":ro") == 0;
    bool writes = size > 3 && strcmp(word + size - 3, ":rw") == 0;
    if (size >= sizeof host) {
        *error = strerror(ENAMETOOLONG);
        return -ENAMETOOLONG;
    }
    memcpy(host, word, size + 1);
    if (read_only || writes)
        host[size - 3] = '\0';
    char *guest = strrchr(host, ':');
    if (guest == NULL || guest[1] != '/' || guest == host) {
        *error = "not HOST:/GUEST or HOST:/GUEST:ro";
        return -EINVAL;
    }
    *guest++ = '\0';
    int status = ri_mount_add(machine, host, guest, read_only);
    if (status < 0)
        *error = strerror(-status);
    return status;
}

void ri_mounts_destroy(RiMachine *machine)
{
    RiMounts *mounts = machine->mounts;
    if (mounts == NULL)
        return;
    for (uint32_t i = 0; i < mounts->count; i++)
        free_mount(&mounts->items[i]);
    free(mounts->items);
    free(mounts);
    machine->mounts = NULL;
}

void ri_mount_each(const RiMachine *machine, void (*each)(void *argument, const char *guest, const char *host, bool read_only),
                   void *argument)
{
    const RiMounts *mounts = machine->mounts;
    for (uint32_t i = 0; mounts != NULL && i < mounts->count; i++)
        each(argument, mounts->items[i].guest, mounts->items[i].host, mounts->items[i].is_read_only);
}

static const RiMounts *mounts_of(const RiProc *proc)
{
    const RiMounts *mounts = proc != NULL ? proc->machine->mounts : NULL;
    return mounts != NULL && mounts->count > 0 ? mounts : NULL;
}

static const RiMount *mount_of(const RiMounts *mounts, const char *guest)
{
    for (uint32_t i = 0; i < mounts->count; i++) {
        if (rest_below(guest, mounts->items[i].guest) != NULL)
            return &mounts->items[i];
    }
    return NULL;
}

/* The n-th distinct first component of the names of mounts that lie below `guest`. */
bool ri_mount_name(const RiMachine *machine, const char *guest, uint32_t n, char out[RI_NAME_SIZE])
{
    const RiMounts *mounts = machine->mounts;
    for (uint32_t i = 0; mounts != NULL && i < mounts->count; i++) {
        const char *rest = rest_below(mounts->items[i].guest, guest);
        if (rest == NULL || *rest == '\0')
            continue;
        size_t size = strcspn(rest + 1, "/");
        bool seen = size >= RI_NAME_SIZE;
        for (uint32_t k = 0; k < i && !seen; k++) {
            const char *other = rest_below(mounts->items[k].guest, guest);
            seen = other != NULL && strncmp(other, rest, size + 1) == 0 && (other[size + 1] == '\0' || other[size + 1] == '/');
        }
        if (seen || n-- > 0)
            continue;
        memcpy(out, rest + 1, size);
        out[size] = '\0';
        return true;
    }
    return false;
}

/* -- Asking a policy --------------------------------------------------------------------------------------------------- */

static void forget_policy(RiProc *proc)
{
    ri_policy_release(proc->policy);
    proc->policy = NULL;
}

void ri_policy_set(RiProc *proc, RiPolicy *policy)
{
    ri_machine_on_death(proc->machine, forget_policy);
    ri_policy_release(proc->policy);
    proc->policy = policy;
}

int ri_files_inherit(RiProc *parent, RiProc *child)
{
    child->policy = ri_policy_retain(parent->policy);
    int status = ri_files_copy(parent, child, false);
    if (status < 0)
        forget_policy(child);
    return status;
}

static int refuse(RiProc *proc, RiCapability capability)
{
    RiFiles *files = ri_files_of(proc);
    if (files != NULL)
        files->denied = (int16_t)capability;
    return -EACCES;
}

int ri_require(RiProc *proc, RiCapability capability, const char *what)
{
    if (proc == NULL || ri_policy_allows(proc->policy, capability, what))
        return 0;
    return refuse(proc, capability);
}

int ri_denied(const RiProc *proc)
{
    return proc != NULL && proc->files != NULL ? proc->files->denied : -1;
}

void ri_clear_denied(RiProc *proc)
{
    if (proc != NULL && proc->files != NULL)
        proc->files->denied = -1;
}

const char *ri_error_text(const RiProc *proc, int error, char *out, size_t size)
{
    int denied = ri_denied(proc);
    if (error != EACCES || denied < 0)
        return strerror(error);
    const char *name = ri_capability_names[denied];
    snprintf(out, size, "permission denied (needs --allow-%s)", name);
    return out;
}

/* /proc, /sys and /dev are ways into the host process and its devices: as dangerous as a C module. */
static bool is_special(const char *path)
{
    static const char *const harmless[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};
    for (size_t i = 0; i < RI_COUNTOF(harmless); i++) {
        if (strcmp(path, harmless[i]) == 0)
            return false;
    }
    return rest_below(path, "/proc") != NULL || rest_below(path, "/sys") != NULL ||
           (rest_below(path, "/dev") != NULL && rest_below(path, "/dev/shm") == NULL);
}

/* May `proc` do `access` at real path `host`, which it calls `guest`? */
static int check_access(RiProc *proc, const char *host, const char *guest, unsigned access)
{
    int status = 0;
    if ((access & RI_MAY_READ) != 0)
        status = ri_require(proc, RI_CAP_READ, guest);
    if (status == 0 && (access & RI_MAY_WRITE) != 0)
        status = ri_require(proc, RI_CAP_WRITE, guest);
    if (status == 0 && access != 0 && is_special(host))
        status = ri_require(proc, RI_CAP_NATIVE, NULL);
    return status;
}

/* -- Where a path leads -------------------------------------------------------------------------------------------------- */

bool ri_path_is_plain(const RiProc *proc)
{
    return proc == NULL ||
           (proc->policy == NULL && mounts_of(proc) == NULL && (proc->files == NULL || proc->files->directory_fd < 0));
}

/* The path cannot be found: say so only to those who may look there. */
static int not_found(RiProc *proc, const char *path, unsigned access, int status)
{
    char real[RI_PATH_SIZE], joined[RI_PATH_SIZE];
    if (proc == NULL || proc->policy == NULL || access == 0)
        return status;
    const char *directory = proc->files != NULL ? proc->files->directory : NULL;
    if (directory != NULL && join_paths(directory, path, joined) >= 0)
        path = joined;
    if (ri_host_real_path(path, real) < 0) /* a file where a folder should be, a loop of links */
        strcpy(real, "/");
    return check_access(proc, real, real, access) < 0 ? -EACCES : status;
}

static int resolve_in_host(RiProc *proc, const char *path, unsigned how, unsigned access, RiResolved *found)
{
    bool asks = proc != NULL && proc->policy != NULL && access != 0;
    int root = proc != NULL && proc->files != NULL && proc->files->directory_fd >= 0 ? proc->files->directory_fd : RI_ROOT_HOST;
    int status = ri_place_find(root, path, how | (asks ? (unsigned)RI_PLACE_REAL : 0u), &found->place);
    if (status < 0)
        return not_found(proc, path, access, status);
    if (!asks)
        return 0;
    memcpy(found->guest, found->place.real, RI_PATH_SIZE);
    status = check_access(proc, found->place.real, found->guest, access);
    if (status < 0)
        ri_place_close(&found->place);
    return status;
}

/* What the guest calls the place that was found below a mount. */
static int name_in_mount(const RiMount *mount, RiResolved *found)
{
    const char *folder = strcmp(mount->host, "/") == 0 ? "" : mount->host;
    const char *rest = rest_below(found->place.real, folder);
    if (rest == NULL && RI_PLANTED(paths))
        rest = "";
    if (rest == NULL)
        return -EACCES; /* it has been moved out of the mount */
    size_t before = strlen(mount->guest), size = strlen(rest);
    if (before + size + 2 > RI_PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(found->guest, mount->guest, before);
    memcpy(found->guest + before, rest, size + 1);
    if (before + size == 0)
        strcpy(found->guest, "/");
    return 0;
}

static int resolve_below(RiProc *proc, const RiMount *mount, const char *guest, unsigned how, unsigned access, RiResolved *found)
{
    const char *rest = rest_below(guest, mount->guest);
    while (*rest == '/')
        rest++;
    int status = ri_place_find(mount->root, *rest != '\0' ? rest : ".", how | (RI_PLANTED(paths) ? 0u : (unsigned)RI_PLACE_BENEATH) | RI_PLACE_REAL, &found->place);
    if (status < 0) {
        bool may_know = check_access(proc, mount->host, guest, access) == 0;
        return may_know ? status : -EACCES;
    }
    status = name_in_mount(mount, found);
    if (status == 0)
        status = check_access(proc, found->place.real, found->guest, access);
    if (status == 0 && mount->is_read_only && (access & RI_MAY_WRITE) != 0)
        status = -EROFS;
    if (status < 0)
        ri_place_close(&found->place);
    found->is_read_only = mount->is_read_only;
    return status;
}

/* `path` as an absolute, clean guest path; "" the root. A slash at its end, which asks for a folder, is kept. */
static int guest_path(const RiProc *proc, const char *path, char out[RI_PATH_SIZE])
{
    char joined[RI_PATH_SIZE];
    const char *directory = proc->files != NULL && proc->files->directory != NULL ? proc->files->directory : "";
    if (*path == '\0')
        return -ENOENT;
    int size = join_paths(directory, path, joined);
    if (size < 0)
        return size;
    return clean_path(joined, out);
}

static int resolve_in_mounts(RiProc *proc, const RiMounts *mounts, const char *path, unsigned how, unsigned access,
                             RiResolved *found)
{
    char guest[RI_PATH_SIZE], name[RI_NAME_SIZE];
    int size = guest_path(proc, path, guest);
    if (size < 0)
        return size;
    const RiMount *mount = mount_of(mounts, guest);
    if (mount != NULL) {
        bool has_slash = size > 0 && path[strlen(path) - 1] == '/' && size + 1 < RI_PATH_SIZE;
        strcpy(guest + size, has_slash ? "/" : "");
        return resolve_below(proc, mount, guest, how, access, found);
    }
    if (!ri_mount_name(proc->machine, guest, 0, name))
        return -ENOENT;
    found->is_mount_list = found->is_read_only = true;
    strcpy(found->guest, size > 0 ? guest : "/");
    return (access & RI_MAY_WRITE) != 0 ? -EROFS : 0;
}

int ri_path_resolve(RiProc *proc, const char *path, unsigned how, unsigned access, RiResolved *found)
{
    const RiMounts *mounts = mounts_of(proc);
    found->guest[0] = '\0';
    found->is_read_only = found->is_mount_list = false;
    if (mounts != NULL)
        return resolve_in_mounts(proc, mounts, path, how, access, found);
    return resolve_in_host(proc, path, how, access, found);
}

void ri_resolved_close(RiResolved *found)
{
    if (!found->is_mount_list)
        ri_place_close(&found->place);
}

/* -- Working directory ------------------------------------------------------------------------------------------------------ */

/* Keep a directory; `path` is the guest's name of it, `fd` its descriptor or -1. */
static int keep_directory(RiProc *proc, const char *path, int fd)
{
    RiFiles *files = ri_files_of(proc);
    char *copy = files != NULL ? strdup(path) : NULL;
    if (copy == NULL) {
        if (fd >= 0)
            ri_host_fd_close(fd);
        return -ENOMEM;
    }
    free(files->directory);
    if (files->directory_fd >= 0)
        ri_host_fd_close(files->directory_fd);
    files->directory = copy;
    files->directory_fd = fd;
    return 0;
}

static int change_in_host(RiProc *proc, const RiResolved *found)
{
    char path[RI_PATH_SIZE];
    int fd = ri_place_open(&found->place, RI_O_RDONLY | RI_O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int status = ri_host_path_of(fd, path);
    if (status >= 0 && ri_path_is_plain(proc) && proc->machine->process_count == 1) {
        status = ri_host_change_directory(path);
        ri_host_fd_close(fd);
        return status;
    }
    return status < 0 ? status : keep_directory(proc, path, fd);
}

static int change_in_mounts(RiProc *proc, const RiResolved *found)
{
    RiFileInfo info;
    if (!found->is_mount_list) {
        int status = ri_place_info(&found->place, &info);
        if (status < 0)
            return status;
        if ((info.mode & RI_S_TYPE) != RI_S_DIRECTORY)
            return -ENOTDIR;
    }
    return keep_directory(proc, strcmp(found->guest, "/") == 0 ? "" : found->guest, -1);
}

int ri_path_change_directory(RiProc *proc, const char *path)
{
    RiResolved found;
    int status = ri_path_resolve(proc, path, 0, RI_MAY_READ, &found);
    if (status < 0)
        return status;
    status = mounts_of(proc) != NULL ? change_in_mounts(proc, &found) : change_in_host(proc, &found);
    ri_resolved_close(&found);
    return status;
}

int ri_path_working_directory(RiProc *proc, char out[RI_PATH_SIZE])
{
    const char *directory = proc->files != NULL ? proc->files->directory : NULL;
    if (directory == NULL && mounts_of(proc) == NULL) {
        int size = ri_host_working_directory(out);
        if (size < 0)
            return size;
        int status = ri_require(proc, RI_CAP_READ, out); /* its name tells about the host */
        return status < 0 ? status : size;
    }
    if (directory == NULL || *directory == '\0')
        directory = "/";
    strcpy(out, directory);
    return (int)strlen(out);
}

int ri_path_complete(void *argument, const char *path, char *out)
{
    char joined[RI_PATH_SIZE];
    RiProc *proc = argument;
    if (mounts_of(proc) != NULL) {
        int size = guest_path(proc, path, out);
        return size == 0 ? (strcpy(out, "/"), 1) : size;
    }
    const char *directory = proc != NULL && proc->files != NULL ? proc->files->directory : NULL;
    if (directory != NULL) {
        int size = join_paths(directory, path, joined);
        if (size < 0)
            return size;
        path = joined;
    }
    return ri_host_real_path(path, out);
}

int ri_path_check_link(RiProc *proc, const RiResolved *found, const char *target)
{
    char joined[RI_PATH_SIZE], clean[RI_PATH_SIZE];
    const RiMounts *mounts = mounts_of(proc);
    if (proc->policy == NULL && mounts == NULL)
        return 0;
    char folder[RI_PATH_SIZE];
    strcpy(folder, mounts != NULL ? found->guest : found->place.real);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    int status = join_paths(folder, target, joined);
    if (status < 0)
        return status;
    if (mounts != NULL) {
        /* An absolute link would mean something else to the host, one out of the mount is refused when it is used. */
        status = clean_path(joined, clean);
        if (status >= 0 && (*target == '/' || mount_of(mounts, clean) != mount_of(mounts, found->guest)))
            status = -EACCES;
    } else {
        status = ri_host_real_path(joined, clean);
    }
    return status < 0 ? status : check_access(proc, clean, clean, RI_MAY_READ | RI_MAY_WRITE);
}
