/*
 * What a service is called, and the abstract address at which it is found: "@flip/UID/NAME".
 * Pure: no system call, no errno. What others have bound is not trusted.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define CONTROL_NAME_MAX 64

/* Whether a service may be called that: [A-Za-z0-9._@-], 1 to 64 long, not digits only (a pid). */
bool control_name_ok(const char *name);

/* Makes a permitted name from a command: the last part of its path, other characters as '_'. */
void control_name_make(const char *command, char name[CONTROL_NAME_MAX + 1]);

/* The address of a user's service, whose name is a permitted one; returns its length. */
socklen_t peer_address(struct sockaddr_un *address, uid_t uid, const char *name);

/*
 * Whose service has this address, as /proc/net/unix shows it, with '@' for the NUL. False: it is
 * none that peer_address() makes.
 */
bool peer_parse(const char *address, uid_t *uid, char name[CONTROL_NAME_MAX + 1]);
