/*
 * Listeners that pass from one program to the next through exec: a master that starts its workers as
 * programs of their own, an inetd, a service manager that opens the sockets. And those that one process
 * sends to another (SCM_RIGHTS in unix(7)): one opens them that has the right to, or the port.
 *
 * A program that gets one, or a Unix socket that may bring one, is part of the service, so it gets flip as
 * well, whatever its environment was to be, and so does what a wrapper in front becomes; any other gets nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * By the constructor: is a listener open already? Then the session begins, and who waits on it
 * reports it.
 */
void inherit_begin(void);

/*
 * Of a program that this process `becomes`, or starts: how many bytes inherit_environment() needs for this
 * environment; 0: the program gets no listener of the service, now or later, and is not the server itself. Reads
 * the environment only if it may be. Async-signal-safe, also in a vfork child.
 */
size_t inherit_room(char *const *environment, bool becomes);

/* The same environment with flip in it, made in `room` bytes of memory. */
char *const *inherit_environment(char *const *environment, void *memory, size_t room);

/* A message was received: notes the listeners that came with it. May map memory. */
void inherit_received_from(const struct msghdr *message);

/* The same, for the hooks: most messages bring nothing along. */
static inline void inherit_received(const struct mmsghdr *messages, int n)
{
	for (int i = 0; i < n; i++)
		if (__builtin_expect(messages[i].msg_hdr.msg_controllen != 0, 0))
			inherit_received_from(&messages[i].msg_hdr);
}

static inline void inherit_received_one(const struct msghdr *message, ssize_t result)
{
	if (result >= 0 && __builtin_expect(message->msg_controllen != 0, 0))
		inherit_received_from(message);
}
