/* Hooks: programs that close or take over every number there is meet flip's own descriptor. */
#include "hooks.h"
#include "session.h"
#include "sys.h"

#include <limits.h>

int hook_close(int fd)
{
	/* Not open, as far as the program knows. */
	if (session_owns(fd)) {
		errno = EBADF;
		return -1;
	}
	return REAL(close)(fd);
}

/* Leaves the number to the program. A vfork child has our memory but descriptors of its own. */
static void make_way(int from, int fd)
{
	struct process *process = session.process;
	int saved = errno, moved;

	if (!session_owns(fd) || sys_getpid() != atomic_load(&process->pid))
		return;
	/* A call that fails replaces nothing: our number would stay open, as the program's. */
	if (sys_fcntl(from, F_GETFD, 0) < 0) {
		errno = saved;
		return;
	}
	moved = sys_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
	if (moved < 0)
		moved = sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (moved >= 0) {
		atomic_store(&process->channel_fd, moved);
		atomic_store(&session.fork_fd, moved);
	}
	errno = saved;
}

int hook_dup2(int from, int to)
{
	if (session_owns(from)) {
		errno = EBADF;
		return -1;
	}
	make_way(from, to);
	return REAL(dup2)(from, to);
}

int hook_dup3(int from, int to, int flags)
{
	if (session_owns(from)) {
		errno = EBADF;
		return -1;
	}
	if (!(flags & ~O_CLOEXEC))
		make_way(from, to);
	return REAL(dup3)(from, to, flags);
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
	return result;
}

void hook_closefrom(int first)
{
	int own = atomic_load(&session.process->channel_fd);

	if (!session_owns(own) || own < first) {
		REAL(closefrom)(first);
		return;
	}
	if (first < own)
		(void)REAL(close_range)((unsigned)(first > 0 ? first : 0), (unsigned)own - 1, 0);
	REAL(closefrom)(own + 1);
}
