/*
 * With whose rights a file is changed: those of the process that has asked for it. A supervisor of root's does for
 * a worker that has given up its rights no more than that could do by itself.
 *
 * One thread: between rights_take() and rights_return() nothing else is done.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define RIGHTS_GROUPS_MAX 32 /* of more the first ones */

struct rights {
	bool are_other; /* than our own; else the rest is void */
	uid_t uid;
	gid_t gid;
	int n_groups;
	gid_t groups[RIGHTS_GROUPS_MAX];
};

/* Those of the process at the other end of a connection, as it was when it connected; of its groups as it is. */
void rights_of(struct rights *rights, const struct ucred *peer);

/* For access to files (setfsuid(2)). rights_return() leaves errno as it is. */
void rights_take(const struct rights *rights);
void rights_return(const struct rights *rights);
