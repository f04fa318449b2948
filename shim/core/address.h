/*
 * Socket addresses as listeners are known by. Pure: no system call, no lock, no errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Is this the address of a listener that can be found again: IPv4 or IPv6 with a port, in a
 * length that bind(2) takes for its family?
 */
bool address_is_service(const struct sockaddr *address, socklen_t length);

/* The port in host order; 0 for none and for other families. */
uint16_t address_port(const struct sockaddr *address);

/*
 * Do two addresses name the same place to listen at? Same family, address and port and, for
 * link-local IPv6, scope; the flow label and padding do not count.
 */
bool address_equal(const struct sockaddr *one, const struct sockaddr *other);

/* "127.0.0.1:80", "[::1]:80", or "family 40". Returns text. */
const char *address_format(const struct sockaddr *address, char *text, size_t size);
#define ADDRESS_TEXT_MAX 80
