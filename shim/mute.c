#include "mute.h"

#include "listener.h"
#include "session.h"
#include "sys.h"
#include "waiting.h"

#include <stdatomic.h>

/* Of one too many nothing is kept, and it is not muted. */
#define MUTED_MAX 256

static struct {
	_Atomic int fd; /* plus 1; 0: free, -1: being written */
	int set;
	uint64_t inode; /* a number may be another socket's by the end */
	struct epoll_event event;
} muted[MUTED_MAX] APART;
static atomic_bool was_noted; /* anything, ever: the table is worth a look */

static void forget(int set, int fd)
{
	for (int i = 0; i < MUTED_MAX; i++)
		if (atomic_load(&muted[i].fd) == fd + 1 && muted[i].set == set)
			atomic_store(&muted[i].fd, 0);
}

static bool note(int set, int fd, const struct epoll_event *event)
{
	for (int i = 0; i < MUTED_MAX; i++) {
		int expected = 0;

		if (!atomic_compare_exchange_strong(&muted[i].fd, &expected, -1))
			continue;
		atomic_store(&was_noted, true);
		muted[i].set = set;
		muted[i].inode = sys_inode(fd);
		muted[i].event = *event;
		atomic_store(&muted[i].fd, fd + 1);
		return true;
	}
	return false;
}

bool mute_begins(int set, int operation, int fd, const struct epoll_event *event,
		 struct epoll_event *quiet)
{
	if (!session.waits || !session_is_on_trial())
		return false;
	forget(set, fd);
	if (operation == EPOLL_CTL_DEL || !event || !(event->events & (EPOLLIN | EPOLLRDNORM)) ||
	    !listener_is_datagram(fd) || !listener_is_withheld(fd) || !note(set, fd, event))
		return false;
	*quiet = *event;
	quiet->events &= ~(uint32_t)(EPOLLIN | EPOLLRDNORM);
	/* Each process that has muted something has to hear when that is over, also if it is not news. */
	if (session_join(false))
		waiting_on(fd);
	return true;
}

void mute_done(int set, int fd, const struct epoll_event *event, bool failed)
{
	struct epoll_event wanted = *event;

	if (failed && errno != EEXIST)
		forget(set, fd);
	else if (!failed && !session_is_on_trial()) /* that moment has come in between */
		sys_epoll_ctl(set, EPOLL_CTL_MOD, fd, &wanted);
}

void mute_end(void)
{
	for (int i = 0; atomic_load(&was_noted) && i < MUTED_MAX; i++) {
		int fd = atomic_load(&muted[i].fd);

		/* One that is being written is looked at by its writer. */
		if (fd <= 0 || !atomic_compare_exchange_strong(&muted[i].fd, &fd, -1))
			continue;
		if (sys_inode(fd - 1) == muted[i].inode)
			sys_epoll_ctl(muted[i].set, EPOLL_CTL_MOD, fd - 1, &muted[i].event);
		atomic_store(&muted[i].fd, 0);
	}
}
