#include "listeners.h"

#include "cleanup.h"
#include "core/address.h"
#include "net_table.h"
#include "process.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

struct walk {
	void (*found)(const struct listener_seen *listener, void *argument);
	void *argument;
};

static FILE *table_open(pid_t pid, const char *table)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)process_thread(pid), table);
	return fopen(path, "re");
}

/* Listeners come first; to read on, through every closed connection, takes seconds. */
static void each_inet(const struct walk *walk, pid_t pid, const char *table)
{
	bool is_v6 = strchr(table, '6'), is_datagram = table[0] == 'u';
	char text[512], host[ADDRESS_TEXT_MAX], address[ADDRESS_TEXT_MAX + 4];
	CLEANUP_FILE FILE *file = table_open(pid, table);
	struct net_inet socket;

	if (file)
		(void)!fgets(text, sizeof(text), file); /* the heading */
	while (file && fgets(text, sizeof(text), file) && net_parse_inet(text, is_v6, &socket) &&
	       (is_datagram || socket.state == TCP_LISTEN)) {
		snprintf(address, sizeof(address), "%s%s", is_datagram ? "udp:" : "",
			 address_format((struct sockaddr *)&socket.address, host, sizeof(host)));
		walk->found(&(struct listener_seen){ address, socket.inode, is_datagram }, walk->argument);
	}
}

static void each_unix(const struct walk *walk, pid_t pid)
{
	CLEANUP_FILE FILE *file = table_open(pid, "unix");
	struct net_unix socket;
	char text[512], address[sizeof(socket.address) + 5];

	while (file && fgets(text, sizeof(text), file)) {
		if (!net_parse_unix(text, &socket) || (!socket.is_listening && socket.type != SOCK_DGRAM))
			continue;
		snprintf(address, sizeof(address), "unix:%s", socket.address);
		walk->found(&(struct listener_seen){ address, socket.inode, !socket.is_listening },
			    walk->argument);
	}
}

void listeners_each(pid_t pid, void (*found)(const struct listener_seen *listener, void *argument),
		    void *argument)
{
	const struct walk walk = { found, argument };

	each_inet(&walk, pid, "tcp");
	each_inet(&walk, pid, "tcp6");
	each_inet(&walk, pid, "udp");
	each_inet(&walk, pid, "udp6");
	each_unix(&walk, pid);
}
