#include "listener.h"

#include "core/address.h"
#include "log.h"
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
	uint32_t more = flags & (LISTENER_DATAGRAM | LISTENER_LOCAL | LISTENER_CLAIMED), before;

	if (!listener) {
		if (inode)
			log_once("more listeners were opened than can be noted: restarts do not hand over the later ones", NULL, 0);
		return NULL;
	}
	before = more ? atomic_fetch_or(&listener->flags, more) : more;
	if (more & ~before & LISTENER_DATAGRAM)
		atomic_fetch_add(&family->datagrams, 1);
	return listener;
}

void listener_note_asker(int fd)
{
	struct listener *listener =
		listener_is_datagram(fd) ? listeners_find(&session.family->listeners, sys_inode(fd)) : NULL;
	uint32_t flags = listener ? atomic_load(&listener->flags) : 0;

	if (!(flags & LISTENER_LOCAL) || flags & (LISTENER_WAITED | LISTENER_CLAIMED))
		return;
	if (atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_DATAGRAM) & LISTENER_DATAGRAM)
		atomic_fetch_sub(&session.family->datagrams, 1);
}

bool listener_is_claimed(int fd)
{
	const struct listener *listener = listeners_find(&session.family->listeners, sys_inode(fd));

	return listener && atomic_load(&listener->flags) & LISTENER_CLAIMED;
}

bool listener_is_withheld(int fd)
{
	return session_is_on_trial() && listener_is_claimed(fd);
}

bool listener_blocks(int fd)
{
	const struct listener *listener;

	if (!atomic_load(&session.family->blocking))
		return false;
	listener = listener_behind(fd);
	return listener && (atomic_load(&listener->flags) & LISTENER_BLOCKING || listener_learn(fd));
}

void listener_note_foreign(void)
{
	/* Hooks are to look: there may be one that blocks and is not known of. */
	if (!atomic_exchange(&session.family->has_foreign, 1))
		atomic_fetch_add(&session.family->blocking, 1);
}

bool listener_may_be_foreign(int fd)
{
	return atomic_load(&session.family->has_foreign) && listener_is(fd);
}

void listener_note_said(int fd, bool blocks)
{
	struct listener *listener;
	uint64_t inode;

	listener = listener_of(fd, &inode);
	if (!listener)
		return;
	if (blocks)
		atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_KNOWN);
	else
		atomic_fetch_or(&listener->flags, LISTENER_KNOWN);
}

bool listener_learn(int fd)
{
	struct listener *listener;
	uint64_t inode;
	uint32_t flags;

	if (!atomic_load(&session.family->has_foreign) || !(listener = listener_of(fd, &inode)))
		return false;
	flags = atomic_load(&listener->flags);
	/* A handler may have learned it since the caller has looked (listener_share). */
	if (flags & LISTENER_KNOWN)
		return flags & LISTENER_BLOCKING;
	if (!(sys_fcntl(fd, F_GETFL, 0) & LISTENER_BLOCKS))
		return false;
	atomic_store(&session.family->handed_over, 1);
	listener_set_blocks(listener, true);
	return true;
}

void listener_mark_blocks(int fd, bool blocks)
{
	int flags = sys_fcntl(fd, F_GETFL, 0);

	if (flags >= 0 && !!(flags & LISTENER_BLOCKS) != blocks)
		sys_fcntl(fd, F_SETFL, blocks ? flags | LISTENER_BLOCKS : flags & ~LISTENER_BLOCKS);
}

/* Unless the program has said so itself since that was asked. */
static void set_blocks_if_sharing(struct listener *listener)
{
	uint32_t flags = atomic_load(&listener->flags), next;

	do {
		if (!(flags & LISTENER_SHARING))
			return;
		next = (flags & ~(uint32_t)LISTENER_SHARING) | LISTENER_BLOCKING;
	} while (!atomic_compare_exchange_weak(&listener->flags, &flags, next));
	if (!(flags & LISTENER_BLOCKING))
		atomic_fetch_add(&session.family->blocking, 1);
}

void listener_share(struct listener *listener, int fd)
{
	bool is_known = atomic_fetch_or(&listener->flags, LISTENER_SHARING) & LISTENER_KNOWN;
	int flags;

	atomic_fetch_add(&session.family->blocking, 1); /* who changes it in this moment looks for it */
	atomic_store(&session.family->handed_over, 1);
	flags = sys_fcntl(fd, F_GETFL, 0);
	if (flags >= 0 && (!(flags & O_NONBLOCK) || (flags & LISTENER_BLOCKS && !is_known)))
		set_blocks_if_sharing(listener);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK | LISTENER_BLOCKS);
	atomic_fetch_or(&listener->flags, LISTENER_KNOWN);
	atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_SHARING);
	atomic_fetch_sub(&session.family->blocking, 1);
}

void listener_set_blocks(struct listener *listener, bool blocks)
{
	atomic_fetch_or(&listener->flags, LISTENER_KNOWN);
	atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_SHARING);
	if (blocks) {
		if (!(atomic_fetch_or(&listener->flags, LISTENER_BLOCKING) & LISTENER_BLOCKING))
			atomic_fetch_add(&session.family->blocking, 1);
	} else if (atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_BLOCKING) & LISTENER_BLOCKING) {
		atomic_fetch_sub(&session.family->blocking, 1);
	}
}
