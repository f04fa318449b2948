#include "listener.h"

#include "core/address.h"
#include "retire.h"
#include "session.h"
#include "sys.h"

bool listener_accepts(int fd)
{
	return sys_getsockopt_int(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

bool listener_is_datagram(int fd)
{
	struct sockaddr_storage peer;
	const struct listener *listener;

	/* The first question is free, and answers for most programs. */
	if (!atomic_load(&session.family->datagrams) ||
	    sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE) != SOCK_DGRAM)
		return false;
	listener = listeners_find(&session.family->listeners, sys_inode(fd));
	return listener && atomic_load(&listener->flags) & LISTENER_DATAGRAM &&
	       sys_getpeername(fd, &peer) != 0;
}

uint32_t listener_key(int fd)
{
	struct sockaddr_storage address;

	return sys_getsockname(fd, &address) == 0 ? address_key(&address) : 0;
}

bool listener_is(int fd)
{
	return listener_accepts(fd) || listener_is_datagram(fd);
}

struct listener *listener_of(int fd, uint64_t *inode)
{
	if (!listener_is(fd))
		return NULL;
	*inode = sys_inode(fd);
	return listeners_find(&session.family->listeners, *inode);
}

struct listener *listener_behind(int fd)
{
	uint64_t inode = retire_inode_behind(fd);

	return listeners_find(&session.family->listeners, inode ? inode : sys_inode(fd));
}

struct listener *listener_note(uint64_t inode, uint32_t flags)
{
	struct family *family = session.family;
	struct listener *listener = listeners_add(&family->listeners, inode, flags & LISTENER_EPHEMERAL);
	uint32_t more = flags & (LISTENER_DATAGRAM | LISTENER_CLAIMED), before;

	if (!listener)
		return NULL;
	before = more ? atomic_fetch_or(&listener->flags, more) : more;
	if (more & ~before & LISTENER_DATAGRAM)
		atomic_fetch_add(&family->datagrams, 1);
	return listener;
}

bool listener_is_withheld(int fd)
{
	const struct listener *listener;

	if (!session_is_on_trial())
		return false;
	listener = listeners_find(&session.family->listeners, sys_inode(fd));
	return listener && atomic_load(&listener->flags) & LISTENER_CLAIMED;
}

bool listener_blocks(int fd)
{
	const struct listener *listener;

	if (!atomic_load(&session.family->blocking))
		return false;
	listener = listener_behind(fd);
	return listener && atomic_load(&listener->flags) & LISTENER_BLOCKING;
}

void listener_set_blocks(struct listener *listener, bool blocks)
{
	if (blocks) {
		if (!(atomic_fetch_or(&listener->flags, LISTENER_BLOCKING) & LISTENER_BLOCKING))
			atomic_fetch_add(&session.family->blocking, 1);
	} else if (atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_BLOCKING) & LISTENER_BLOCKING) {
		atomic_fetch_sub(&session.family->blocking, 1);
	}
}
