/* Sockets: see sockets.h. */
#define _GNU_SOURCE /* accept4 */
#include "vm/host/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline int result(int status)
{
    return status < 0 ? -errno : status;
}

/* -- Addresses ----------------------------------------------------------------------------------------------------- */

/* Guests' families and the host's are the same numbers on Linux; checked all the same. */
_Static_assert(RI_AF_UNIX == AF_UNIX && RI_AF_INET == AF_INET && RI_AF_INET6 == AF_INET6, "Linux's numbers");
_Static_assert(RI_SOCK_STREAM == (int)SOCK_STREAM && RI_SOCK_DGRAM == (int)SOCK_DGRAM, "Linux's numbers");
_Static_assert(sizeof(struct sockaddr_storage) == RI_ADDRESS_SIZE, "room for every address");

static bool is_address(const void *address, size_t size)
{
    sa_family_t family;
    if (size < sizeof family || size > RI_ADDRESS_SIZE)
        return false;
    memcpy(&family, address, sizeof family);
    switch (family) {
    case AF_INET:
        return size == sizeof(struct sockaddr_in);
    case AF_INET6:
        return size == sizeof(struct sockaddr_in6);
    case AF_UNIX:
        return size <= sizeof(struct sockaddr_un);
    default:
        return false;
    }
}

bool ri_host_address_text(const void *address, size_t size, char *out, size_t out_size)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_storage storage = {0};
    if (!is_address(address, size))
        return false;
    memcpy(&storage, address, size);
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&storage;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(out, out_size, "%s:%u", text, ntohs(in->sin_port));
    } else if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)&storage;
        if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) { /* the same machine as by version 4, so the same rule */
            inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, sizeof text);
            snprintf(out, out_size, "%s:%u", text, ntohs(in->sin6_port));
        } else {
            inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
            snprintf(out, out_size, "[%s]:%u", text, ntohs(in->sin6_port));
        }
    } else {
        const struct sockaddr_un *un = (const void *)&storage;
        size_t room = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
        snprintf(out, out_size, "%.*s", (int)room, un->sun_path);
    }
    return true;
}

/* Split "host:port" in place; *port "" if there is none. */
static char *split_port(char *text, char **port)
{
    char *end = text + strlen(text), *colon = strrchr(text, ':');
    *port = end;
    if (text[0] == '[') {
        char *close = strchr(text, ']');
        if (close != NULL) {
            *close = '\0';
            if (close[1] == ':')
                *port = close + 2;
            return text + 1;
        }
    }
    if (colon != NULL && strchr(text, ':') == colon) { /* more than one: an address of version 6 */
        *colon = '\0';
        *port = colon + 1;
    }
    return text;
}

int ri_host_each_address(const char *text, int (*each)(void *argument, const char *address), void *argument)
{
    char copy[300], item[400], *port;
    if (strlen(text) >= sizeof copy)
        return -ENAMETOOLONG;
    strcpy(copy, text);
    char *host = split_port(copy, &port);
    if (*host == '\0')
        return each(argument, text);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return -ENOENT;
    int status = 0;
    for (struct addrinfo *a = found; a != NULL && status >= 0; a = a->ai_next) {
        if (!ri_host_address_text(a->ai_addr, a->ai_addrlen, item, sizeof item - 64))
            continue;
        char *colon = strrchr(item, ':'); /* before the port, which is 0 here */
        if (*port != '\0')
            snprintf(colon + 1, 60, "%s", port);
        else
            *colon = '\0';
        status = each(argument, item);
    }
    freeaddrinfo(found);
    return status;
}

size_t ri_host_parse_address(const char *text, char out[RI_ADDRESS_SIZE])
{
    char copy[300], *port, *end;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    size_t size = strlen(text);
    if (text[0] == '/' || text[0] == '.') {
        if (size >= sizeof un.sun_path)
            return 0;
        memcpy(un.sun_path, text, size + 1);
        memcpy(out, &un, sizeof un);
        return sizeof un;
    }
    if (size >= sizeof copy)
        return 0;
    strcpy(copy, text);
    char *host = split_port(copy, &port);
    unsigned long number = strtoul(port, &end, 10);
    if (*port == '\0' || *end != '\0' || number > 65535)
        return 0;
    in.sin_port = in6.sin6_port = htons((uint16_t)number);
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        memcpy(out, &in6, sizeof in6);
        return sizeof in6;
    }
    return 0;
}

/* -- Calls ----------------------------------------------------------------------------------------------------------- */

int ri_host_socket(int family, int type, int protocol)
{
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
        return -EAFNOSUPPORT;
    if ((type != SOCK_STREAM && type != SOCK_DGRAM) || protocol != 0)
        return -EPROTONOSUPPORT;
    return result(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

int ri_host_socket_bind(int fd, const void *address, size_t size)
{
    return is_address(address, size) ? result(bind(fd, address, (socklen_t)size)) : -EINVAL;
}

int ri_host_socket_listen(int fd, int backlog)
{
    return result(listen(fd, backlog));
}

int ri_host_socket_accept(int fd, void *address, size_t *size)
{
    socklen_t length = (socklen_t)*size;
    int connection = accept4(fd, address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0)
        return -errno;
    *size = length < *size ? length : *size;
    return connection;
}

int ri_host_socket_connect(int fd, const void *address, size_t size)
{
    return is_address(address, size) ? result(connect(fd, address, (socklen_t)size)) : -EINVAL;
}

int ri_host_socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? -errno : -error;
}

int64_t ri_host_socket_send(int fd, const void *from, size_t size, const void *address, size_t address_size)
{
    if (address_size > 0 && !is_address(address, address_size))
        return -EINVAL;
    ssize_t n = sendto(fd, from, size, MSG_NOSIGNAL | MSG_DONTWAIT, address_size > 0 ? address : NULL,
                       (socklen_t)address_size);
    return n < 0 ? -errno : n;
}

int64_t ri_host_socket_receive(int fd, void *to, size_t size, bool peek, void *address, size_t *address_size)
{
    socklen_t length = (socklen_t)*address_size;
    ssize_t n = recvfrom(fd, to, size, MSG_DONTWAIT | (peek ? MSG_PEEK : 0), length > 0 ? address : NULL, &length);
    if (n < 0)
        return -errno;
    *address_size = length < *address_size ? length : *address_size;
    return n;
}

int ri_host_socket_shutdown(int fd, int how)
{
    static const int host[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
    return how < 0 || how > 2 ? -EINVAL : result(shutdown(fd, host[how]));
}

int ri_host_socket_set_option(int fd, int option, int32_t value)
{
    static const struct {
        int level, name;
    } host[] = {
        {0, 0},
        {SOL_SOCKET, SO_REUSEADDR},
        {SOL_SOCKET, SO_KEEPALIVE},
        {IPPROTO_TCP, TCP_NODELAY},
        {SOL_SOCKET, SO_BROADCAST},
        {SOL_SOCKET, SO_SNDBUF},
        {SOL_SOCKET, SO_RCVBUF},
        {IPPROTO_IPV6, IPV6_V6ONLY},
    };
    if (option < 1 || (size_t)option >= sizeof host / sizeof host[0])
        return -ENOPROTOOPT;
    int v = value;
    return result(setsockopt(fd, host[option].level, host[option].name, &v, sizeof v));
}

int ri_host_socket_name(int fd, bool peer, void *address, size_t *size)
{
    socklen_t length = (socklen_t)*size;
    if ((peer ? getpeername(fd, address, &length) : getsockname(fd, address, &length)) != 0)
        return -errno;
    *size = length < *size ? length : *size;
    return 0;
}
