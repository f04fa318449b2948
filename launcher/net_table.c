#include "net_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The kernel's __SO_ACCEPTCON in the flags of /proc/net/unix. */
#define LISTENING_FLAG 0x10000u

/* The inode is the tenth field, the local address the second, in the machine's byte order. */
bool net_parse_inet(const char *line, bool is_v6, struct net_inet *socket)
{
	struct sockaddr_in6 *in6 = (void *)&socket->address;
	struct sockaddr_in *in = (void *)&socket->address;
	unsigned words[4], port;
	unsigned long long inode;

	memset(socket, 0, sizeof(*socket));
	if (is_v6) {
		if (sscanf(line, "%*d: %8x%8x%8x%8x:%x %*s %x %*s %*s %*s %*s %*s %llu", &words[0],
			   &words[1], &words[2], &words[3], &port, &socket->state, &inode) != 7)
			return false;
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, words, sizeof(words));
	} else {
		if (sscanf(line, "%*d: %8x:%x %*s %x %*s %*s %*s %*s %*s %llu", &words[0], &port,
			   &socket->state, &inode) != 4)
			return false;
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = words[0];
	}
	in->sin_port = htons((uint16_t)port); /* in6->sin6_port lies at the same place */
	socket->inode = inode;
	return true;
}

/* "0000000000000000: 00000002 00000000 00010000 0005 01 70931 @flip/0/web" */
bool net_parse_unix(const char *line, struct net_unix *socket)
{
	unsigned long long inode;
	unsigned flags, type;
	int at = 0;

	memset(socket, 0, sizeof(*socket));
	if (sscanf(line, "%*x: %*x %*x %x %x %*x %llu%n", &flags, &type, &inode, &at) != 3 || at == 0)
		return false;
	socket->is_listening = flags & LISTENING_FLAG;
	socket->type = type;
	socket->inode = inode;
	if (line[at] != ' ')
		return true;

	/* All of the rest: an address may have blanks in it. */
	size_t length = strcspn(line + ++at, "\n");

	if (length >= sizeof(socket->address))
		return false;
	memcpy(socket->address, line + at, length);
	return true;
}
