/* Hooks: programs that close or take over every number there is meet flip's own descriptor. */
#include "hooks.h"
#include "listener.h"
#include "session.h"
#include "sys.h"
#include "waiting.h"

#include <limits.h>

/* The listener that fd is, if anybody wants to know; 0: none. */
BY_CHILDREN static uint64_t listener_if_held(int fd)
{
	return session_is_held() && listener_is(fd) ? sys_inode(fd) : 0;
}

int hook_close(int fd)
{
	uint64_t inode;
	int result;

	/* Not open, as far as the program knows. */
	if (session_owns(fd)) {
		errno = EBADF;
		return -1;
	}
	inode = listener_if_held(fd);
	result = REAL(close)(fd);
	if (inode && result == 0)
		session_tell(MESSAGE_CLOSED, inode);
	return result;
}

/* Leaves the number to the program. A vfork child has our memory but descriptors of its own. */
static void make_way(int from, int fd)
{
	struct process *process = session.process;
	int moved;

	if (!session_owns(fd) || sys_getpid() != atomic_load(&process->pid))
		return;
	/* A call that fails replaces nothing: our number would stay open, as the program's. */
	if (sys_fcntl(from, F_GETFD, 0) < 0)
		return;
	moved = sys_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
	if (moved < 0)
		moved = session_duplicate(fd);
	if (moved >= 0) {
		atomic_store(&process->channel_fd, moved);
		atomic_store(&session.channel_fd, moved);
	}
}

int hook_dup2(int from, int to)
{
	uint64_t inode;
	int result;

	if (session_owns(from)) {
		errno = EBADF;
		return -1;
	}
	make_way(from, to);
	inode = listener_if_held(to);
	result = REAL(dup2)(from, to);
	if (result >= 0 && from != to)
		told_forget(to);
	if (inode && result >= 0)
		session_tell(MESSAGE_CLOSED, inode);
	return result;
}

int hook_dup3(int from, int to, int flags)
{
	uint64_t inode;
	int result;

	if (session_owns(from)) {
		errno = EBADF;
		return -1;
	}
	if (!(flags & ~O_CLOEXEC))
		make_way(from, to);
	inode = listener_if_held(to);
	result = REAL(dup3)(from, to, flags);
	if (result >= 0)
		told_forget(to);
	if (inode && result >= 0)
		session_tell(MESSAGE_CLOSED, inode);
	return result;
}

int hook_close_range(unsigned first, unsigned last, int flags)
{
	int own = atomic_load(&session.process->channel_fd);
	int result = 0;

	if (own < 0 || !session_owns(own) || (unsigned)own < first || (unsigned)own > last ||
	    flags & CLOSE_RANGE_CLOEXEC)
		return REAL(close_range)(first, last, flags);
	if (first < (unsigned)own)
		result = REAL(close_range)(first, (unsigned)own - 1, flags);
	if (result == 0 && last > (unsigned)own)
		result = REAL(close_range)((unsigned)own + 1, last, flags);
	if (session_is_held())
		session_tell(MESSAGE_CLOSED, 0);
	return result;
}

void hook_closefrom(int first)
{
	int own = atomic_load(&session.process->channel_fd);

	if (!session_owns(own) || own < first) {
		REAL(closefrom)(first);
		return;
	}
	first = first > 0 ? first : 0;
	/* Where the kernel has none (before Linux 5.9, or by a filter), one by one, as libc does. */
	if (first < own && REAL(close_range)((unsigned)first, (unsigned)own - 1, 0) != 0)
		for (int fd = first; fd < own; fd++)
			sys_close(fd);
	REAL(closefrom)(own + 1);
	if (session_is_held())
		session_tell(MESSAGE_CLOSED, 0);
}
