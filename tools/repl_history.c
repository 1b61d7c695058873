/* The file of what was typed. */
#include "tools/repl_history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/host/files.h"
#include "vm/host/host.h"

#define LOCK_TRIES 100 /* of 10 ms: then without it */
#define READ_MAX ((size_t)64 << 20)

struct RiHistory {
    char path[RI_PATH_SIZE];
};

bool ri_history_path(char *out, size_t size)
{
    const char *state = ri_host_getenv("XDG_STATE_HOME"), *home = ri_host_getenv("HOME");
    int length = -1;
    if (state != NULL && state[0] == '/') /* relative ones are to be ignored */
        length = snprintf(out, size, "%s/rille/history", state);
    else if (home != NULL && home[0] != '\0')
        length = snprintf(out, size, "%s/.local/state/rille/history", home);
    return length > 0 && (size_t)length < size;
}

/* Make the folders on the way to `path`; those that are there already are no error. */
static void make_folders(const char *path)
{
    char part[RI_PATH_SIZE];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        RiPlace place;
        *slash = '\0';
        if (ri_place_find(RI_ROOT_HOST, part, 0, &place) >= 0) {
            (void)ri_place_make_directory(&place, 0700);
            ri_place_close(&place);
        }
        *slash = '/';
    }
}

/* Open the file that has the name once it is locked: another session may just have put a new one there. */
static int open_locked(const char *path)
{
    for (int tries = 0;; tries++) {
        int fd = ri_host_fd_open(path, RI_O_RDWR | RI_O_CREAT | RI_O_APPEND, 0600);
        if (fd < 0)
            return fd;
        RiFileInfo mine, named;
        RiPlace place;
        bool is_locked = ri_host_fd_lock(fd, true) >= 0;
        bool is_same = ri_host_fd_info(fd, &mine) >= 0 && ri_place_find(RI_ROOT_HOST, path, 0, &place) >= 0;
        if (is_same) {
            is_same = ri_place_info(&place, &named) >= 0 && named.inode == mine.inode && named.device == mine.device;
            ri_place_close(&place);
        }
        if ((is_locked && is_same) || tries >= LOCK_TRIES)
            return fd;
        ri_host_fd_close(fd);
        ri_host_poll(NULL, 0, 10 * 1000 * 1000);
    }
}

/* All that is in the file, NUL-terminated and malloc'ed. */
static char *read_all(int fd, size_t *size)
{
    RiFileInfo info;
    if (ri_host_fd_info(fd, &info) < 0 || (uint64_t)info.size > READ_MAX)
        return NULL;
    char *text = malloc((size_t)info.size + 1);
    *size = 0;
    while (text != NULL && *size < (size_t)info.size) {
        int64_t got = ri_host_fd_pread(fd, text + *size, (size_t)info.size - *size, (int64_t)*size);
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    if (text != NULL)
        text[*size] = '\0';
    return text;
}

/* Where the entry after the one at `at` begins; the end if there is none. */
static char *next_entry(char *at, const char *end)
{
    while (at < end) {
        if (*at++ == '\n' && at < end && *at != '\t')
            break;
    }
    return at;
}

/* Tell of the entry in [at, end), as it was typed. */
static void tell_entry(char *at, char *end, void (*tell)(const char *entry))
{
    char *to = at, *start = at;
    for (; at < end; at++) {
        *to++ = *at;
        if (*at == '\n' && at + 1 < end && at[1] == '\t')
            at++;
    }
    while (to > start && to[-1] == '\n')
        to--;
    char kept = *to;
    *to = '\0';
    if (to > start)
        tell(start);
    *to = kept;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        int64_t done = ri_host_fd_write(fd, text, size);
        if (done == -EINTR)
            continue;
        if (done <= 0)
            return false;
        text += done;
        size -= (size_t)done;
    }
    return true;
}

/* Put a file with these entries in the place of the old one, whose lock is held. */
static void replace(const char *path, const char *text, size_t size)
{
    char fresh[RI_PATH_SIZE + 40];
    snprintf(fresh, sizeof fresh, "%s.%llu", path, (unsigned long long)ri_host_process_id());
    int fd = ri_host_fd_open(fresh, RI_O_WRONLY | RI_O_CREAT | RI_O_TRUNC, 0600);
    if (fd < 0)
        return;
    bool ok = write_all(fd, text, size);
    ri_host_fd_close(fd);
    if (!ok || !ri_host_rename(fresh, path))
        ri_host_remove(fresh);
}

static void tell_newest(int fd, const char *path, uint32_t limit, void (*tell)(const char *entry))
{
    size_t size;
    char *text = read_all(fd, &size);
    if (text == NULL)
        return;
    uint64_t count = 0;
    char *end = text + size, *at;
    for (at = text; at < end; at = next_entry(at, end))
        count++;
    at = text;
    for (uint64_t skipped = 0; count > limit && skipped < count - limit; skipped++)
        at = next_entry(at, end);
    if (count > 2 * (uint64_t)limit)
        replace(path, at, (size_t)(end - at));
    while (at < end) {
        char *next = next_entry(at, end);
        tell_entry(at, next, tell);
        at = next;
    }
    free(text);
}

RiHistory *ri_history_open(const char *path, uint32_t limit, void (*tell)(const char *entry), const char **problem)
{
    RiHistory *history = malloc(sizeof *history);
    if (history == NULL || strlen(path) >= sizeof history->path) {
        *problem = "no memory";
        free(history);
        return NULL;
    }
    strcpy(history->path, path);
    make_folders(path);
    int fd = open_locked(path);
    if (fd < 0) {
        *problem = strerror(-fd);
        free(history);
        return NULL;
    }
    tell_newest(fd, path, limit, tell);
    ri_host_fd_close(fd);
    return history;
}

void ri_history_add(RiHistory *history, const char *text)
{
    text += strspn(text, "\t\n"); /* a tab would make it part of the entry before */
    size_t size = 0, newlines = 0;
    for (; text[size] != '\0'; size++)
        newlines += text[size] == '\n';
    char *entry = size > 0 ? malloc(size + newlines + 1) : NULL, *to = entry;
    if (entry == NULL)
        return;
    for (size_t i = 0; i < size; i++) {
        *to++ = text[i];
        if (text[i] == '\n')
            *to++ = '\t';
    }
    *to++ = '\n';
    int fd = open_locked(history->path);
    if (fd >= 0) {
        (void)write_all(fd, entry, (size_t)(to - entry)); /* a full disk does not stop the session */
        ri_host_fd_close(fd);
    }
    free(entry);
}

void ri_history_close(RiHistory *history)
{
    free(history);
}
