/*
 * Sockets of datagrams that an epoll set is to say nothing of yet.
 *
 * A generation that tells itself when it is ready (session.waits) is to read no datagram before. Its
 * own calls are hooked, but some read by system calls of their own: libuv does, and with it named,
 * which answers wrongly until its zones are loaded. Such a program asks epoll first.
 *
 * Any thread; mute_end() also in a handler.
 */
#pragma once

#include <stdbool.h>
#include <sys/epoll.h>

/*
 * Before epoll_ctl(set, operation, fd, event): true if `quiet` is to be given instead. What the
 * program asked for is kept, and the supervisor hears that it waits for this socket.
 */
bool mute_begins(int set, int operation, int fd, const struct epoll_event *event,
		 struct epoll_event *quiet);

/* After that call: it has been done, or has failed. */
void mute_done(int set, int fd, const struct epoll_event *event, bool failed);

/* The generation is the current one: all is as the program asked for. */
void mute_end(void);
