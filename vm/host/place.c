/* Names of the host's files: finding the directory that holds something and keeping it open, so that what is checked is
 * what is used, whatever others rename meanwhile. See files.h.
 *
 * The directory is found by one openat2 call where the kernel has it (RESOLVE_BENEATH), else component by component. A
 * symbolic link at the end is followed here, by its text: links of /proc that lead elsewhere than their text says are
 * taken at their word. */
#define _GNU_SOURCE /* O_PATH */
#include "vm/host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/host/host_flags.h"

#define LINKS_MAX 40 /* followed in one path */

static inline int result(int status)
{
    return status < 0 ? -errno : status;
}

/* -- Walking, component by component -------------------------------------------------------------------------------- */

#define DEPTH_MAX 256

/* Directories from the root down to the current one, all open: `..` is a step back, never a look at the host's. */
typedef struct Walk {
    int dirs[DEPTH_MAX];
    int depth;
    int links;
} Walk;

static int walk(Walk *w, const char *path);

/* The symbolic link `name` in the current directory: go where it says. */
static int walk_link(Walk *w, const char *name)
{
    char target[RI_PATH_SIZE];
    ssize_t size = readlinkat(w->dirs[w->depth], name, target, sizeof target - 1);
    if (size < 0)
        return -errno;
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    target[size] = '\0';
    return walk(w, target);
}

static int walk_step(Walk *w, const char *name)
{
    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0) {
        if (w->depth == 0)
            return -EXDEV;
        close(w->dirs[w->depth--]);
        return 0;
    }
    if (w->depth + 1 == DEPTH_MAX)
        return -ENAMETOOLONG;
    int fd = openat(w->dirs[w->depth], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat s;
    int status = fstat(fd, &s) == 0 ? 0 : -errno;
    if (status == 0 && S_ISDIR(s.st_mode)) {
        w->dirs[++w->depth] = fd;
        return 0;
    }
    close(fd);
    return status != 0 ? status : S_ISLNK(s.st_mode) ? walk_link(w, name) : -ENOTDIR;
}

static int walk(Walk *w, const char *path)
{
    if (*path == '/')
        return -EXDEV;
    while (*path != '\0') {
        char name[RI_NAME_SIZE];
        size_t size = strcspn(path, "/");
        if (size >= sizeof name)
            return -ENAMETOOLONG;
        if (size > 0) {
            memcpy(name, path, size);
            name[size] = '\0';
            int status = walk_step(w, name);
            if (status < 0)
                return status;
        }
        path += size + (path[size] == '/');
    }
    return 0;
}

static int open_by_walking(int root, const char *path)
{
    Walk w = {.depth = 0};
    w.dirs[0] = result(openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (w.dirs[0] < 0)
        return w.dirs[0];
    int status = walk(&w, path);
    int fd = status == 0 ? w.dirs[w.depth--] : status;
    while (w.depth >= 0)
        close(w.dirs[w.depth--]);
    return fd;
}

/* -- Finding a place -------------------------------------------------------------------------------------------------- */

/* A directory, only to start from (O_PATH). */
static int open_directory(int root, const char *path, unsigned how)
{
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    if (!(how & RI_PLACE_BENEATH))
        return result(openat(root == RI_ROOT_HOST ? AT_FDCWD : root, path, flags));
    if (!(how & RI_PLACE_WALK)) {
        struct open_how open_how = {.flags = (uint64_t)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
        for (int tries = 0; tries < 100; tries++) { /* EAGAIN: something was renamed while it looked */
            int fd = (int)syscall(SYS_openat2, root, path, &open_how, sizeof open_how);
            if (fd >= 0)
                return fd;
            if (errno == ENOSYS || errno == EPERM)
                return open_by_walking(root, path);
            if (errno != EAGAIN)
                return -errno;
        }
    }
    return open_by_walking(root, path);
}

typedef struct Split {
    char parent[RI_PATH_SIZE];
    const char *name; /* within the path that was split */
    size_t name_size;
    bool has_slash; /* after the name */
} Split;

/* "a/b/" is "a/" and "b"; "b" is "" and "b"; "a/.." and "/" are directories themselves: all of it and "". */
static int split_path(const char *path, Split *s)
{
    size_t end = strlen(path);
    if (end == 0)
        return -ENOENT;
    if (end >= RI_PATH_SIZE)
        return -ENAMETOOLONG;
    while (end > 0 && path[end - 1] == '/')
        end--;
    s->has_slash = path[end] == '/';
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    s->name = path + start;
    s->name_size = end - start;
    bool is_dots = (s->name_size == 1 && path[start] == '.') || (s->name_size == 2 && memcmp(path + start, "..", 2) == 0);
    if (is_dots)
        s->name_size = 0;
    if (s->name_size >= RI_NAME_SIZE)
        return -ENAMETOOLONG;
    size_t parent_size = s->name_size == 0 ? strlen(path) : start;
    memcpy(s->parent, path, parent_size);
    s->parent[parent_size] = '\0';
    return 0;
}

/* If `name` in `dir` is a symbolic link, write the path that stands for it, seen from where `parent` is. 1: it is one. */
static int follow(int dir, const Split *s, const char *name, char *path)
{
    char target[RI_PATH_SIZE];
    ssize_t size = readlinkat(dir, name, target, sizeof target - 1);
    if (size < 0)
        return errno == EINVAL || errno == ENOENT || errno == EACCES ? 0 : -errno;
    target[size] = '\0';
    if (size == 0)
        return -ENOENT;
    size_t before = target[0] == '/' ? 0 : strlen(s->parent);
    if (before + (size_t)size + 2 > RI_PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(path, s->parent, before);
    memcpy(path + before, target, (size_t)size + 1);
    if (s->has_slash)
        strcat(path, "/");
    return 1;
}

static int fill_real(RiPlace *place)
{
    int size = ri_host_path_of(place->dir, place->real);
    if (size < 0)
        return size;
    if (place->name[0] == '.' && place->name[1] == '\0')
        return 0;
    size_t name_size = strlen(place->name);
    if ((size_t)size + name_size + 2 > RI_PATH_SIZE)
        return -ENAMETOOLONG;
    if (size > 1)
        place->real[size++] = '/';
    memcpy(place->real + size, place->name, name_size + 1);
    return 0;
}

/* `path` and, while the end is a symbolic link to be followed, what it stands for. */
static int find(int root, char *path, unsigned how, RiPlace *place)
{
    Split s;
    for (int links = 0; links <= LINKS_MAX; links++) {
        int status = split_path(path, &s);
        if (status < 0)
            return status;
        if ((how & RI_PLACE_BENEATH) && path[0] == '/')
            return -EXDEV;
        place->dir = open_directory(root, s.parent[0] != '\0' ? s.parent : ".", how);
        if (place->dir < 0)
            return place->dir;
        place->must_be_directory = s.has_slash || s.name_size == 0;
        memcpy(place->name, s.name_size > 0 ? s.name : ".", s.name_size > 0 ? s.name_size : 1);
        place->name[s.name_size > 0 ? s.name_size : 1] = '\0';
        if (s.name_size == 0 || ((how & RI_PLACE_NOFOLLOW) && !s.has_slash))
            return 0;
        status = follow(place->dir, &s, place->name, path);
        if (status == 0)
            return 0;
        close(place->dir);
        if (status < 0)
            return status;
    }
    return -ELOOP;
}

int ri_place_find(int root, const char *path, unsigned how, RiPlace *place)
{
    char text[RI_PATH_SIZE];
    size_t size = strlen(path);
    if (size >= sizeof text)
        return -ENAMETOOLONG;
    memcpy(text, path, size + 1);
    place->real[0] = '\0';
    int status = find(root, text, how, place);
    if (status < 0)
        return status == -EXDEV ? -EACCES : status; /* it would have left the root */
    if (how & RI_PLACE_REAL) {
        status = fill_real(place);
        if (status < 0)
            close(place->dir);
    }
    return status;
}

void ri_place_close(RiPlace *place)
{
    close(place->dir);
    place->dir = -1;
}

int ri_host_path_of(int fd, char out[RI_PATH_SIZE])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, out, RI_PATH_SIZE - 1);
    if (size < 0)
        return -errno;
    out[size] = '\0';
    return out[0] == '/' ? (int)size : -ENOENT; /* a file without a name: a pipe, a socket */
}

int ri_host_real_path(const char *path, char out[RI_PATH_SIZE])
{
    RiPlace place;
    size_t size = strlen(path);
    int status = ri_place_find(RI_ROOT_HOST, path, RI_PLACE_REAL, &place);
    if (status == 0) {
        ri_place_close(&place);
        memcpy(out, place.real, RI_PATH_SIZE);
        return (int)strlen(out);
    }
    if (status != -ENOENT || size == 0 || size >= RI_PATH_SIZE)
        return status;
    /* Its directory does not exist either: the same for that, and the rest as it is written. */
    char parent[RI_PATH_SIZE];
    while (size > 0 && path[size - 1] == '/')
        size--;
    size_t start = size;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (start == 0)
        return status;
    memcpy(parent, path, start);
    parent[start] = '\0';
    int length = ri_host_real_path(parent, out);
    if (length < 0 || (size_t)length + (size - start) + 2 > RI_PATH_SIZE)
        return length < 0 ? length : -ENAMETOOLONG;
    if (length > 1)
        out[length++] = '/';
    memcpy(out + length, path + start, size - start);
    out[(size_t)length + size - start] = '\0';
    return length + (int)(size - start);
}

/* -- Using a place -------------------------------------------------------------------------------------------------------- */

int ri_place_open(const RiPlace *place, uint32_t flags, uint32_t mode)
{
    int host = ri_host_open_flags(flags) | O_NOFOLLOW;
    if (place->must_be_directory) {
        if (flags & RI_O_CREAT)
            return -EISDIR;
        host |= O_DIRECTORY;
    }
    return result(openat(place->dir, place->name, host, (mode_t)(mode & 07777)));
}

int ri_place_info(const RiPlace *place, RiFileInfo *info)
{
    struct stat s;
    if (fstatat(place->dir, place->name, &s, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    if (place->must_be_directory && !S_ISDIR(s.st_mode))
        return -ENOTDIR;
    ri_host_fill_info(info, &s);
    return 0;
}

int ri_place_unlink(const RiPlace *place, bool is_directory)
{
    if (!is_directory && place->must_be_directory)
        return -EISDIR;
    return result(unlinkat(place->dir, place->name, is_directory ? AT_REMOVEDIR : 0));
}

int ri_place_make_directory(const RiPlace *place, uint32_t mode)
{
    return result(mkdirat(place->dir, place->name, (mode_t)(mode & 07777)));
}

int ri_place_rename(const RiPlace *from, const RiPlace *to)
{
    return result(renameat(from->dir, from->name, to->dir, to->name));
}

int ri_place_link(const RiPlace *from, const RiPlace *to)
{
    return result(linkat(from->dir, from->name, to->dir, to->name, 0));
}

int ri_place_symlink(const char *target, const RiPlace *place)
{
    return result(symlinkat(target, place->dir, place->name));
}

int ri_place_read_link(const RiPlace *place, char *out, size_t size)
{
    ssize_t length = readlinkat(place->dir, place->name, out, size);
    return length < 0 ? -errno : (int)length;
}
