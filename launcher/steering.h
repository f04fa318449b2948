/*
 * Clients that connect to a SO_REUSEPORT group go to some of its listeners only, and nobody notices:
 * the others can be left alone until their queues are empty. A program at the kernel's lookup of a
 * listener (BPF_PROG_TYPE_SK_LOOKUP, Linux 5.9) says so, which is gone when this process is.
 *
 * Needs CAP_BPF and CAP_NET_ADMIN (of the machine, not of a user namespace). One thread. Blocks no longer
 * than to read the kernel's table of listeners takes.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* A group of TCP at an address of this process's own network. */
struct steering {
	const struct sockaddr *address;
	bool v6only;	 /* of ::, to which clients of IPv4 come else, too */
	const int *fds;	 /* those that stay */
	unsigned n_fds;
	unsigned n_all;	 /* of the whole group */
};

/*
 * Until steering_end() the clients of this group go to `fds`. False: it may not be, the kernel is older,
 * or others than these listen there, too, whom a client may mean.
 */
bool steering_add(const struct steering *steering);
void steering_end(void);
