/*
 * Hooks: multicast groups. A membership is of the socket, and a new generation's bind() is answered with the old
 * one's (hook_socket.c): what that has joined is joined already, and what was joined before bind() goes with the
 * socket that it was joined on.
 */
#include "hooks.h"
#include "listener.h"
#include "session.h"
#include "sys.h"

#include <netinet/in.h>
#include <string.h>

/*
 * What was joined lately on sockets that may yet give their place to the old generation's. The kernel grants a
 * socket 20 groups (net.ipv4.igmp_max_memberships). Who leaves one before bind() has it again afterwards: that
 * is rare, and costs some datagrams that nobody asked for.
 */
#define MEMBERSHIPS_KEPT 32

static struct {
	_Atomic uint64_t inode; /* 0: free, or being written */
	int level, name;
	socklen_t length;
	char value[sizeof(struct group_source_req)];
} memberships[MEMBERSHIPS_KEPT] APART;
static _Atomic uint32_t memberships_next;

/* How much the kernel reads to join; 0: this is no join. */
static size_t join_size(int level, int name)
{
	if (level == IPPROTO_IP && name == IP_ADD_MEMBERSHIP)
		return sizeof(struct ip_mreqn);
	if (level == IPPROTO_IP && name == IP_ADD_SOURCE_MEMBERSHIP)
		return sizeof(struct ip_mreq_source);
	if (level == IPPROTO_IPV6 && name == IPV6_JOIN_GROUP)
		return sizeof(struct ipv6_mreq);
	if (level != IPPROTO_IP && level != IPPROTO_IPV6)
		return 0;
	if (name == MCAST_JOIN_GROUP)
		return sizeof(struct group_req);
	return name == MCAST_JOIN_SOURCE_GROUP ? sizeof(struct group_source_req) : 0;
}

static bool is_leave(int level, int name)
{
	if (level == IPPROTO_IP && (name == IP_DROP_MEMBERSHIP || name == IP_DROP_SOURCE_MEMBERSHIP))
		return true;
	if (level == IPPROTO_IPV6 && name == IPV6_LEAVE_GROUP)
		return true;
	return (level == IPPROTO_IP || level == IPPROTO_IPV6) &&
	       (name == MCAST_LEAVE_GROUP || name == MCAST_LEAVE_SOURCE_GROUP);
}

static void note(uint64_t inode, int level, int name, const void *value, size_t length)
{
	uint32_t at = atomic_fetch_add(&memberships_next, 1) % MEMBERSHIPS_KEPT;

	atomic_store(&memberships[at].inode, 0);
	memberships[at].level = level;
	memberships[at].name = name;
	memberships[at].length = (socklen_t)length;
	memcpy(memberships[at].value, value, length);
	atomic_store(&memberships[at].inode, inode);
}

void membership_carry(uint64_t inode, int listener_fd)
{
	for (int i = 0; i < MEMBERSHIPS_KEPT; i++)
		if (atomic_load(&memberships[i].inode) == inode)
			sys_setsockopt(listener_fd, memberships[i].level, memberships[i].name,
				       memberships[i].value, memberships[i].length);
}

/* To addresses that are none of its family's the kernel says the same as to a source that is there. */
static bool is_of_level(const void *value, int level)
{
	int family = level == IPPROTO_IP ? AF_INET : AF_INET6;
	struct group_source_req request;

	memcpy(&request, value, sizeof(request)); /* it may lie anywhere */
	return request.gsr_group.ss_family == family && request.gsr_source.ss_family == family;
}

/* Does this error of a join, which the kernel has read, say that there is such a one? */
static bool is_joined(int error, int level, int name, const void *value)
{
	if (name == MCAST_JOIN_SOURCE_GROUP)
		return error == EADDRNOTAVAIL && is_of_level(value, level);
	return error == (level == IPPROTO_IP && name == IP_ADD_SOURCE_MEMBERSHIP ? EADDRNOTAVAIL : EADDRINUSE);
}

int hook_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	size_t size = join_size(level, name);
	int saved, result;

	/* The old generation is in that group yet, and may have to serve on. */
	if (unlikely(is_leave(level, name)) && listener_is_withheld(fd))
		return 0;
	if (likely(!size))
		return REAL(setsockopt)(fd, level, name, value, length);
	saved = errno;
	result = REAL(setsockopt)(fd, level, name, value, length);
	if (result == 0 && session_may_claim() && listener_key(fd) == 0)
		note(sys_inode(fd), level, name, value, length < size ? length : size);
	/* Whose it is cannot be told: a second one of the program's own is granted as well. */
	if (result != 0 && listener_is_claimed(fd) && is_joined(errno, level, name, value)) {
		errno = saved;
		return 0;
	}
	return result;
}
