/* A server of lines on a socket in the file system, for a program that is busy with something else.
 *
 * A thread accepts connections and reads and writes them; whoever connects must be of the same user (or root), and the socket
 * is made with mode 0600. When a whole line has come, `notify` is called in that thread, and the program, at a moment of its
 * own choice, calls ri_lineserver_step, which calls `answer` for each line that waits. So `answer` runs in the program's own
 * thread, and the program never waits for a client: neither a slow one nor one that says nothing takes anything of its time.
 *
 * Each answer is one line, sent to who has asked; a client's next line is looked at when it has been answered. A client that
 * sends a line that is too long, or does not take its answers, is disconnected. */
#ifndef RI_HOST_LINESERVER_H
#define RI_HOST_LINESERVER_H

#include <stddef.h>
#include <stdint.h>

#define RI_LINE_SIZE 4096          /* of a line, its end included */
#define RI_LINESERVER_CLIENTS 32   /* at a time; further ones are turned away */

typedef struct RiLineServer RiLineServer;

typedef struct RiLineServerConfig {
    const char *path;             /* of the socket; copied */
    /* Answer a line (without its end, but with a NUL): a malloc'ed text ending with a newline; NULL: nothing is said. */
    char *(*answer)(void *argument, const char *line, size_t size);
    void (*notify)(void *argument); /* in the server's thread: ri_lineserver_step is to be called soon */
    void *argument;
    const char *late;             /* said, if not answered after patience_ms: a line with its end */
    uint32_t patience_ms;
} RiLineServerConfig;

/* A socket left over by a program that has ended is replaced. NULL, with a negated errno in *error: EADDRINUSE if another
 * program serves it or there is something else of that name, ENAMETOOLONG, EACCES, … */
RiLineServer *ri_lineserver_new(const RiLineServerConfig *config, int *error);
void ri_lineserver_step(RiLineServer *server);
/* Removes the socket. Answers that have been given are sent first, if the clients take them at once. NULL is ignored. */
void ri_lineserver_free(RiLineServer *server);

/* For clients: a connection to such a socket, or a negated errno. Then ri_lineserver_ask: the answer, malloc'ed, without its
 * newline; NULL, errno: EPIPE if the other side has closed, ETIMEDOUT, EMSGSIZE if it is longer than 64 MiB. */
int ri_lineserver_connect(const char *path);
char *ri_lineserver_ask(int fd, const char *line, uint32_t timeout_ms);

#endif
