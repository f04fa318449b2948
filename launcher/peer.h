/*
 * The services that run under flip on this machine, as `flip restart|stop|status` find them.
 * Sentences of failure end the process (err.h). One thread.
 */
#pragma once

#include "peer_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* A supervisor that was found, and a connection to it. */
struct peer {
	struct peer *next;
	int fd;
	pid_t pid;
	uid_t uid;
	char name[CONTROL_NAME_MAX + 1];
};

/* Connects to uid and name, fills in fd and pid; *owner is whose process really listens there. */
bool peer_connect(struct peer *peer, uid_t *owner);

/* All that may be asked by us, or those with this name, sorted. Free with peers_free(). */
void peers_find(struct peer **peers, const char *name);
void peers_free(struct peer **peers);

void peer_print(const struct peer *peer, FILE *stream);
/* Their names, with commas. */
void peers_list(const struct peer *peers, char *list, size_t size);
