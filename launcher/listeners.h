/*
 * The sockets that wait for clients, as the kernel tells of them: that costs no server anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener_seen {
	const char *address; /* as `flip status` shows it; valid in found() only */
	uint64_t inode;
	bool is_datagram; /* and may as well be a client's */
};

/*
 * Calls found() for each listener and each socket of datagrams in the network namespace of a process,
 * whosever they are. Blocks for as long as the kernel needs to tell.
 */
void listeners_each(pid_t pid, void (*found)(const struct listener_seen *listener, void *argument),
		    void *argument);
