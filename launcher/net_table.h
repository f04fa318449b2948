/*
 * Lines of the kernel's tables of sockets, /proc/net/tcp, tcp6, udp, udp6 and unix (proc(5)).
 * Pure: no system call, no errno. Trusts no text: a Unix address may contain anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct net_inet {
	struct sockaddr_storage address; /* the local one */
	unsigned state;			 /* TCP_LISTEN; of a datagram socket without a peer, TCP_CLOSE */
	uint64_t inode;
};

struct net_unix {
	bool is_listening; /* what comes of a listener bears its address, too */
	unsigned type;	   /* SOCK_STREAM... */
	uint64_t inode;
	char address[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1]; /* '@' for NUL; "": none */
};

/* False: it is no such line, but a heading, say. The line ends with a NUL or a newline and a NUL. */
bool net_parse_inet(const char *line, bool is_v6, struct net_inet *socket);
bool net_parse_unix(const char *line, struct net_unix *socket);
