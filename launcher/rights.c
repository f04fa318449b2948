#include "rights.h"

#include "process.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

void rights_of(struct rights *rights, const struct ucred *peer)
{
	char text[4096], *at, *end;

	*rights = (struct rights){ .are_other = geteuid() == 0 && peer->uid != 0, .uid = peer->uid, .gid = peer->gid };
	if (!rights->are_other || process_read(peer->pid, "status", text, sizeof(text)) <= 0)
		return;
	at = strstr(text, "\nGroups:");
	for (at = at ? at + strlen("\nGroups:") : NULL; at && rights->n_groups < RIGHTS_GROUPS_MAX; at = end) {
		gid_t group = (gid_t)strtoul(at, &end, 10);

		if (end == at || memchr(at, '\n', (size_t)(end - at)))
			return;
		rights->groups[rights->n_groups++] = group;
	}
}

static gid_t own_groups[NGROUPS_MAX];
static int n_own_groups;

void rights_take(const struct rights *rights)
{
	if (!rights->are_other)
		return;
	n_own_groups = getgroups(NGROUPS_MAX, own_groups);
	if (setgroups((size_t)rights->n_groups, rights->groups) != 0)
		(void)setgroups(0, NULL);
	setfsgid(rights->gid);
	setfsuid(rights->uid);
}

void rights_return(const struct rights *rights)
{
	int saved = errno;

	if (!rights->are_other)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
	(void)setgroups(n_own_groups > 0 ? (size_t)n_own_groups : 0, own_groups);
	errno = saved;
}
