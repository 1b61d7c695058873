/* Files that are written anew: see newfile.h. */
#define _GNU_SOURCE /* asprintf */
#include "vm/host/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file beside n->path, with the old one's mode; -1: it has to be written in place. */
static int open_fresh(RiNewFile *n)
{
    struct stat old;
    bool is_there = stat(n->path, &old) == 0;
    if (is_there && (!S_ISREG(old.st_mode) || old.st_uid != geteuid() || old.st_nlink > 1 || access(n->path, W_OK) != 0))
        return -1;
    if (asprintf(&n->fresh, "%s.new-%ld", n->path, (long)getpid()) < 0) {
        n->fresh = NULL;
        return -1;
    }
    int fd = open(n->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd >= 0 && is_there && fchmod(fd, old.st_mode & 07777) != 0) {
        close(fd);
        unlink(n->fresh);
        fd = -1;
    }
    return fd;
}

/* Where `path` is, whatever becomes of the working folder: links are followed; of a file that is not there yet, its folder's. */
static char *place_of(const char *path)
{
    char *real = realpath(path, NULL), *folder, *place;
    if (real != NULL || errno != ENOENT)
        return real;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    char *above = slash != NULL ? strndup(path, (size_t)(slash + 1 - path)) : strdup(".");
    folder = above != NULL ? realpath(above, NULL) : NULL;
    free(above);
    if (folder == NULL || asprintf(&place, "%s/%s", folder, name) < 0)
        place = NULL;
    free(folder);
    return place;
}

static void release(RiNewFile *n)
{
    int reason = errno;
    free(n->path);
    free(n->fresh);
    *n = (RiNewFile){0};
    errno = reason;
}

bool ri_newfile_open(RiNewFile *n, const char *path)
{
    *n = (RiNewFile){.path = place_of(path)};
    if (n->path == NULL)
        return false;
    int fd = open_fresh(n);
    if (fd < 0) {
        free(n->fresh);
        n->fresh = NULL;
        fd = open(n->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    n->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (n->file != NULL)
        return true;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (n->fresh != NULL)
        unlink(n->fresh);
    errno = reason;
    release(n);
    return false;
}

bool ri_newfile_close(RiNewFile *n, bool ok)
{
    int reason = errno;
    bool was_written = ferror(n->file) == 0;
    if (fclose(n->file) != 0) {
        reason = ok ? errno : reason;
        ok = false;
    }
    ok = ok && was_written;
    if (ok && n->fresh != NULL && rename(n->fresh, n->path) != 0) {
        reason = errno;
        ok = false;
    }
    if (!ok && n->fresh != NULL)
        unlink(n->fresh);
    errno = reason;
    release(n);
    return ok;
}
