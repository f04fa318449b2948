/*
 * Socket addresses as listeners are known by. Pure: no system call, no lock, no errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Is this the address of a listener that can be found again: IPv4 or IPv6 with a port, or a Unix
 * socket with a name, in a length that bind(2) takes for its family?
 */
bool address_is_service(const struct sockaddr *address, socklen_t length);

/* The port in host order; 0 for none and for other families. */
uint16_t address_port(const struct sockaddr *address);

/*
 * A small number for where a listener is, so that a bitmap tells whose connections are its own: the
 * port or, above all ports, a hash of a Unix socket's name. 0: it has neither. What lies behind the
 * name in the storage must be zero.
 */
#define ADDRESS_KEYS (2u << 16)
uint32_t address_key(const struct sockaddr_storage *address);

/* Is it of this machine alone: a Unix socket, or bound to the loopback? */
bool address_is_local(const struct sockaddr_storage *address);

/* Is it that of all addresses of IPv4 or IPv6? */
bool address_is_any(const struct sockaddr_storage *address);

/* Is it the path of a socket in a file system? */
bool address_is_path(const struct sockaddr *address, socklen_t length);

/*
 * Do two addresses name the same place to listen at? Same family, address and port and, for
 * link-local IPv6, scope; the flow label and padding do not count. Unix sockets: the same abstract
 * name, in storage that is zero behind it. A path is but a text, which tells nothing: never equal.
 */
bool address_equal(const struct sockaddr *one, const struct sockaddr *other);

/*
 * "127.0.0.1:80", "[::1]:80", "unix:/run/server.sock", "unix:@name", or "family 40"; what cannot be
 * printed becomes '?'. A Unix address lies in a whole struct sockaddr_storage. Returns text.
 */
const char *address_format(const struct sockaddr *address, char *text, size_t size);
#define ADDRESS_TEXT_MAX 120
