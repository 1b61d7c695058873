/* Sockets of the host, never blocking: -EAGAIN instead. Addresses are bytes in the layout of Linux's sockaddr_in (family 2),
 * sockaddr_in6 (10) and sockaddr_un (1): u16 family, then what it says. Results >= 0 or -errno. */
#ifndef RI_HOST_SOCKETS_H
#define RI_HOST_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RI_ADDRESS_SIZE 128 /* bytes of the longest address */

enum { RI_AF_UNIX = 1, RI_AF_INET = 2, RI_AF_INET6 = 10 };
enum { RI_SOCK_STREAM = 1, RI_SOCK_DGRAM = 2 };

int ri_host_socket(int family, int type, int protocol);
int ri_host_socket_bind(int fd, const void *address, size_t size);
int ri_host_socket_listen(int fd, int backlog);
int ri_host_socket_accept(int fd, void *address, size_t *size);
int ri_host_socket_connect(int fd, const void *address, size_t size); /* -EINPROGRESS: wait until it can be written */
int ri_host_socket_error(int fd); /* of a connect that was in progress: 0 or -errno */
int64_t ri_host_socket_send(int fd, const void *from, size_t size, const void *address, size_t address_size);
int64_t ri_host_socket_receive(int fd, void *to, size_t size, bool peek, void *address, size_t *address_size);
int ri_host_socket_shutdown(int fd, int how); /* 0: reading, 1: writing, 2: both */
/* Options, by number: 1 reuse address, 2 keep alive, 3 no delay, 4 broadcast, 5 send buffer, 6 receive buffer, 7 only
 * version 6. */
int ri_host_socket_set_option(int fd, int option, int32_t value);
int ri_host_socket_name(int fd, bool peer, void *address, size_t *size);

/* An address as text, "127.0.0.1:80", "[::1]:80", or the path of a socket in the file system ("" if it has none).
 * false: not an address that is understood. */
bool ri_host_address_text(const void *address, size_t size, char *out, size_t out_size);
/* The inverse, numeric addresses only: how many bytes were written to out; 0: not an address. */
size_t ri_host_parse_address(const char *text, char out[RI_ADDRESS_SIZE]);
/* Numeric forms of "host", "host:port", ":port" or "[v6]:port": every address that a name stands for. Stops at the first
 * result < 0 of `each`, and returns it; 0 if all went well; -ENOENT if the host is unknown. */
int ri_host_each_address(const char *text, int (*each)(void *argument, const char *address), void *argument);

#endif
