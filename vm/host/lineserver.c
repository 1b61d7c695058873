/* A server of lines: see lineserver.h. */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "vm/host/lineserver.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vm/host/host.h"

#define ANSWER_SIZE_MAX ((size_t)64 << 20)
#define PATIENCE_MS 10000 /* with a client that does not take its answer */

typedef enum ClientState {
    CLIENT_NONE,    /* the place is free */
    CLIENT_READING, /* no whole line has come */
    CLIENT_ASKING,  /* its line waits for ri_lineserver_step */
    CLIENT_WRITING  /* an answer is under way */
} ClientState;

typedef struct Client {
    int fd;
    ClientState state;
    uint64_t since_ns; /* of ASKING and WRITING */
    char line[RI_LINE_SIZE];
    size_t size, line_size; /* bytes that have come; of the first line, its newline included */
    char *answer;
    size_t answer_size, written;
} Client;

struct RiLineServer {
    RiLineServerConfig config;
    pthread_t thread;
    pthread_mutex_t mutex; /* of the clients */
    int listener, wake;    /* sockets: for connections; an eventfd of the program's */
    dev_t device;          /* of the socket in the file system: it is removed if it is still this one */
    ino_t inode;
    bool ends;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    Client clients[RI_LINESERVER_CLIENTS];
};

/* -- Clients: with the mutex held
 * -------------------------------------------------------------------------------------- */

static void drop(Client *client)
{
    close(client->fd);
    free(client->answer);
    *client = (Client){.fd = -1};
}

/* Is there a whole line? Then the program is to answer it. True: tell it. */
static bool look_for_line(Client *client)
{
    const char *end = memchr(client->line, '\n', client->size);
    client->state = end != NULL ? CLIENT_ASKING : CLIENT_READING;
    if (end == NULL)
        return false;
    client->line_size = (size_t)(end + 1 - client->line);
    client->since_ns = ri_host_monotonic_ns();
    return true;
}

static bool read_from(Client *client)
{
    ssize_t got = recv(client->fd, client->line + client->size, sizeof client->line - client->size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        drop(client);
        return false;
    }
    client->size += (size_t)got;
    if (look_for_line(client))
        return true;
    if (client->size == sizeof client->line)
        drop(client); /* too long */
    return false;
}

static bool write_to(Client *client)
{
    ssize_t put = send(client->fd, client->answer + client->written, client->answer_size - client->written,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (ri_host_monotonic_ns() - client->since_ns > PATIENCE_MS * (uint64_t)1000000)
            drop(client);
        return false;
    }
    if (put < 0) {
        drop(client);
        return false;
    }
    client->written += (size_t)put;
    client->since_ns = ri_host_monotonic_ns();
    if (client->written < client->answer_size)
        return false;
    free(client->answer);
    client->answer = NULL;
    client->size -= client->line_size;
    memmove(client->line, client->line + client->line_size, client->size);
    return look_for_line(client);
}

/* `answer` (malloc'ed; NULL: nothing, the client goes) becomes what the client is sent. */
static void set_answer(Client *client, char *answer)
{
    if (answer == NULL) {
        drop(client);
        return;
    }
    client->answer = answer;
    client->answer_size = strlen(answer);
    client->written = 0;
    client->state = CLIENT_WRITING;
    client->since_ns = ri_host_monotonic_ns();
}

/* Of the same user, or root? */
static bool is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

static void accept_client(RiLineServer *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (uint32_t i = 0; i < RI_LINESERVER_CLIENTS && is_trusted(fd); i++) {
        if (server->clients[i].state == CLIENT_NONE) {
            server->clients[i] = (Client){.fd = fd, .state = CLIENT_READING};
            return;
        }
    }
    close(fd);
}

/* -- The thread
 * -------------------------------------------------------------------------------------------------------- */

static short events_of(const Client *client)
{
    return client->state == CLIENT_READING ? POLLIN : client->state == CLIENT_WRITING ? POLLOUT : 0;
}

/* Who has asked, and waits for too long, gets the answer that there is none. */
static void answer_late(RiLineServer *server, Client *client)
{
    uint64_t waited = ri_host_monotonic_ns() - client->since_ns;
    if (client->state == CLIENT_ASKING && waited > server->config.patience_ms * (uint64_t)1000000)
        set_answer(client, strdup(server->config.late));
}

/* One turn over all clients; is the program to be told? */
static bool serve_clients(RiLineServer *server, const struct pollfd *polls)
{
    bool asks = false;
    for (uint32_t i = 0; i < RI_LINESERVER_CLIENTS; i++) {
        Client *client = &server->clients[i];
        short come = polls[i].revents;
        if (client->state == CLIENT_NONE || polls[i].fd != client->fd)
            continue;
        if (client->state == CLIENT_READING && come != 0)
            asks |= read_from(client);
        else if (client->state == CLIENT_WRITING)
            asks |= write_to(client);
        else if (client->state == CLIENT_ASKING && (come & (POLLERR | POLLHUP)) != 0)
            drop(client);
        else
            answer_late(server, client);
    }
    return asks;
}

static void *run(void *argument)
{
    RiLineServer *server = argument;
    struct pollfd polls[RI_LINESERVER_CLIENTS + 2];
    for (;;) {
        bool is_asked = false;
        pthread_mutex_lock(&server->mutex);
        bool ends = server->ends;
        for (uint32_t i = 0; i < RI_LINESERVER_CLIENTS; i++) {
            const Client *client = &server->clients[i];
            polls[i] =
                (struct pollfd){.fd = client->state != CLIENT_NONE ? client->fd : -1, .events = events_of(client)};
            is_asked |= client->state == CLIENT_ASKING || client->state == CLIENT_WRITING;
        }
        pthread_mutex_unlock(&server->mutex);
        if (ends)
            return NULL;
        polls[RI_LINESERVER_CLIENTS] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        polls[RI_LINESERVER_CLIENTS + 1] = (struct pollfd){.fd = server->wake, .events = POLLIN};
        poll(polls, RI_LINESERVER_CLIENTS + 2, is_asked ? 100 : -1);
        if (polls[RI_LINESERVER_CLIENTS + 1].revents != 0)
            ri_host_notify_clear(server->wake);
        pthread_mutex_lock(&server->mutex);
        bool asks = serve_clients(server, polls);
        if (polls[RI_LINESERVER_CLIENTS].revents != 0)
            accept_client(server);
        pthread_mutex_unlock(&server->mutex);
        if (asks)
            server->config.notify(server->config.argument);
    }
}

/* -- For the program
 * --------------------------------------------------------------------------------------------------- */

/* Is there a socket of that name that nobody serves any more? */
static bool is_stale(const struct sockaddr_un *address, socklen_t size)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const void *)address, size) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int fill_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    if (path[0] == '\0')
        return -ENOENT;
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

/* A listening socket with mode 0600 from its first moment on: bind takes the mode of the socket itself. */
static int listen_at(const struct sockaddr_un *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int status = fchmod(fd, S_IRUSR | S_IWUSR);
    if (status == 0)
        status = bind(fd, (const void *)address, size);
    if (status != 0 && errno == EADDRINUSE && is_stale(address, size) && unlink(address->sun_path) == 0)
        status = bind(fd, (const void *)address, size);
    if (status == 0 && (chmod(address->sun_path, S_IRUSR | S_IWUSR) != 0 || listen(fd, 128) != 0)) {
        status = -1;
        unlink(address->sun_path);
    }
    if (status != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int start_thread(RiLineServer *server)
{
    sigset_t all, before; /* signals are for the program's threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&server->thread, NULL, run, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

RiLineServer *ri_lineserver_new(const RiLineServerConfig *config, int *error)
{
    struct sockaddr_un address;
    struct stat info;
    RiLineServer *server = calloc(1, sizeof *server);
    if (server == NULL) {
        *error = -ENOMEM;
        return NULL;
    }
    server->config = *config;
    server->listener = -1;
    *error = fill_address(config->path, &address);
    if (*error == 0)
        *error = server->listener = listen_at(&address);
    if (*error < 0) {
        free(server);
        return NULL;
    }
    strcpy(server->path, address.sun_path);
    if (lstat(server->path, &info) == 0) {
        server->device = info.st_dev;
        server->inode = info.st_ino;
    }
    pthread_mutex_init(&server->mutex, NULL);
    server->wake = ri_host_notifier();
    *error = server->wake < 0 ? -EMFILE : start_thread(server);
    if (*error == 0)
        return server;
    unlink(server->path);
    close(server->listener);
    free(server);
    return NULL;
}

void ri_lineserver_step(RiLineServer *server)
{
    char line[RI_LINE_SIZE];
    bool has_answered = false;
    for (uint32_t i = 0; i < RI_LINESERVER_CLIENTS; i++) {
        Client *client = &server->clients[i];
        pthread_mutex_lock(&server->mutex);
        bool asks = client->state == CLIENT_ASKING;
        uint64_t since_ns = client->since_ns;
        int fd = client->fd;
        size_t size = asks ? client->line_size - 1 : 0;
        memcpy(line, client->line, size);
        pthread_mutex_unlock(&server->mutex);
        if (!asks)
            continue;
        line[size] = '\0';
        char *answer = server->config.answer(server->config.argument, line, size);
        pthread_mutex_lock(&server->mutex);
        if (client->state == CLIENT_ASKING && client->fd == fd && client->since_ns == since_ns)
            set_answer(client, answer);
        else
            free(answer); /* it has gone, or was told that it is too late */
        pthread_mutex_unlock(&server->mutex);
        has_answered = true;
    }
    if (has_answered)
        ri_host_notify(server->wake);
}

void ri_lineserver_free(RiLineServer *server)
{
    struct stat info;
    if (server == NULL)
        return;
    pthread_mutex_lock(&server->mutex);
    server->ends = true;
    pthread_mutex_unlock(&server->mutex);
    ri_host_notify(server->wake);
    pthread_join(server->thread, NULL);
    if (lstat(server->path, &info) == 0 && info.st_dev == server->device && info.st_ino == server->inode)
        unlink(server->path);
    for (uint32_t i = 0; i < RI_LINESERVER_CLIENTS; i++) {
        if (server->clients[i].state == CLIENT_WRITING)
            write_to(&server->clients[i]);
        if (server->clients[i].state != CLIENT_NONE)
            drop(&server->clients[i]);
    }
    close(server->listener);
    close(server->wake);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

/* -- For clients
 * --------------------------------------------------------------------------------------------------------- */

int ri_lineserver_connect(const char *path)
{
    struct sockaddr_un address;
    int status = fill_address(path, &address);
    if (status < 0)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const void *)&address, sizeof address) == 0)
        return fd;
    status = -errno;
    close(fd);
    return status;
}

static bool send_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t put = send(fd, text, size, MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR)
            return false;
        text += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* Wait for more until `end_ns`, and read it. 0 and errno: there is none to come. */
static size_t receive_some(int fd, char *to, size_t size, uint64_t end_ns)
{
    uint64_t now = ri_host_monotonic_ns();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, now < end_ns ? (int)((end_ns - now) / 1000000) + 1 : 0);
    if (ready <= 0) {
        errno = ready == 0 ? ETIMEDOUT : errno;
        return 0;
    }
    ssize_t got = recv(fd, to, size, 0);
    if (got == 0)
        errno = EPIPE;
    return got > 0 ? (size_t)got : 0;
}

char *ri_lineserver_ask(int fd, const char *line, uint32_t timeout_ms)
{
    uint64_t end_ns = ri_host_monotonic_ns() + timeout_ms * (uint64_t)1000000;
    size_t size = 0, capacity = 16384;
    if (!send_all(fd, line, strlen(line)) || !send_all(fd, "\n", 1))
        return NULL;
    char *answer = malloc(capacity);
    while (answer != NULL) {
        size_t got = receive_some(fd, answer + size, capacity - size, end_ns);
        size += got;
        if (got > 0 && answer[size - 1] == '\n') {
            answer[size - 1] = '\0';
            return answer;
        }
        if (got == 0 || capacity >= ANSWER_SIZE_MAX) {
            int error = got == 0 ? errno : EMSGSIZE;
            free(answer);
            errno = error;
            return NULL;
        }
        if (size == capacity) {
            char *larger = realloc(answer, capacity *= 2);
            if (larger == NULL)
                free(answer);
            answer = larger;
        }
    }
    errno = ENOMEM;
    return NULL;
}
