#include "peer.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "cleanup.h"
#include "net_table.h"
#include "target.h"

#define CONNECT_SECONDS 5

bool peer_connect(struct peer *service, uid_t *owner)
{
	struct sockaddr_un address;
	socklen_t length = peer_address(&address, service->uid, service->name);
	struct timeval limit = { .tv_sec = CONNECT_SECONDS };
	struct ucred peer;
	socklen_t peer_length = sizeof(peer);

	service->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (service->fd < 0)
		return false;
	/* A stopped supervisor, its backlog full, would hold connect(2) for ever. */
	setsockopt(service->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(service->fd, (const struct sockaddr *)&address, length) != 0 ||
	    getsockopt(service->fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_length) != 0) {
		close(service->fd);
		return false;
	}
	service->pid = peer.pid;
	*owner = peer.uid;
	return true;
}

/* Connected sockets bear the address of the listener they come of: only those that listen count. */
static bool service_parse(const char *line, struct peer *service)
{
	struct net_unix socket;

	return net_parse_unix(line, &socket) && socket.is_listening &&
	       socket.type == SOCK_SEQPACKET &&
	       peer_parse(socket.address, &service->uid, service->name);
}

void peers_free(struct peer **services)
{
	while (*services) {
		struct peer *service = *services;

		*services = service->next;
		close(service->fd);
		free(service);
	}
}

static int peer_compare(const struct peer *a, const struct peer *b)
{
	int by_name = strcmp(a->name, b->name);

	return by_name ? by_name : (a->uid > b->uid) - (a->uid < b->uid);
}

/*
 * Takes its connection. A Unix address may have newlines in it: anybody may make it look as if there
 * were lines in /proc/net/unix for a service that is there already.
 */
static void peers_insert(struct peer **services, const struct peer *service)
{
	struct peer *copy;

	while (*services && peer_compare(*services, service) < 0)
		services = &(*services)->next;
	if (*services && peer_compare(*services, service) == 0) {
		close(service->fd);
		return;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		err(EXIT_FLIP, "cannot list the services");
	*copy = *service;
	copy->next = *services;
	*services = copy;
}

void peers_find(struct peer **services, const char *name)
{
	CLEANUP_FILE FILE *file = fopen("/proc/net/unix", "re");
	CLEANUP_FREE char *line = NULL;
	struct peer service;
	size_t size = 0;
	uid_t owner;

	if (!file)
		err(EXIT_FLIP, "cannot read /proc/net/unix, where flip finds its services");
	while (getline(&line, &size, file) > 0) {
		if (!service_parse(line, &service))
			continue;
		if (geteuid() != 0 && service.uid != geteuid())
			continue;
		if (name && strcmp(name, service.name) != 0)
			continue;
		if (!peer_connect(&service, &owner)) {
			if (service.fd < 0)
				err(EXIT_FLIP, "cannot ask the service %s", service.name);
			continue;
		}
		/* Anybody may bind any abstract name: nobody squats somebody else's. */
		if (owner == service.uid)
			peers_insert(services, &service);
		else
			close(service.fd);
	}
}

void peer_print(const struct peer *service, FILE *stream)
{
	fputs(service->name, stream);
	if (service->uid != geteuid())
		fprintf(stream, " (uid %u, pid %d)", (unsigned)service->uid, (int)service->pid);
}

void peers_list(const struct peer *services, char *list, size_t size)
{
	FILE *stream = fmemopen(list, size - 1, "w");

	if (!stream)
		err(EXIT_FLIP, "cannot list the services");
	for (; services; services = services->next) {
		peer_print(services, stream);
		fputs(services->next ? ", " : "", stream);
	}
	fclose(stream);
}
