#include "blocking.h"

#include "interrupt.h"
#include "listener.h"
#include "registration.h"
#include "retire.h"
#include "session.h"
#include "sys.h"
#include "turns.h"
#include "waiting.h"

#include <pthread.h>

/* While a program waits by poll() or epoll, it may have more to do than to wait for a client. */
#define TRIAL_TICK_MS 2
#define TRIAL_BLOCKED_MS 100

/*
 * A handler ran while we waited in poll(), which never restarts; the program's own call would
 * have, if that handler has SA_RESTART. Which one ran is not to be known: a program with but one
 * handler that does not restart is prepared for EINTR.
 */
static bool call_restarts(void)
{
	return !interrupt_is_by_one_of(UINT64_MAX, true);
}

int blocking_wait(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int timeout_ms = retire_timeout_ms(fd);
	struct listener *listener = timeout_ms < 0 && !retire_is_retired() ? listener_behind(fd) : NULL;
	int n, turn = listener ? turn_take(&listener->turns) : 0;

	if (turn)
		return turn == EINTR && !call_restarts() ? EINTR : 0;
	n = wait_poll(&poll_fd, 1, timeout_ms);
	turn_leave();
	if (n == 0)
		return EAGAIN;
	/* With a time-out such a call is never restarted (signal(7)). */
	if (n < 0 && errno == EINTR && timeout_ms < 0 && call_restarts())
		return 0;
	return n < 0 ? errno : 0;
}

static void set_nonblocking(int fd, bool nonblocking)
{
	int flags = sys_fcntl(fd, F_GETFL, 0);

	if (flags >= 0)
		sys_fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static bool may_block(void)
{
	return atomic_load(&session.family->sole) && !atomic_load(&session.family->polls);
}

bool blocking_let(int fd)
{
	if (!may_block() || retire_is_retired() || retire_timeout_ms(fd) >= 0)
		return false;
	set_nonblocking(fd, false);
	atomic_store(&session.family->unblocked, 1);
	if (may_block())
		return true;
	set_nonblocking(fd, true); /* in this moment that has ended */
	return false;
}

static bool block_no_more(int fd, void *unused)
{
	(void)unused;
	if (listener_accepts(fd) && listener_blocks(fd))
		set_nonblocking(fd, true);
	return true;
}

void blocking_note_polls(void)
{
	if (!atomic_exchange(&session.family->polls, 1) && atomic_load(&session.family->unblocked))
		descriptor_each(-1, block_no_more, NULL);
}

int blocking_trial(int fd, bool dontwait, int nobody)
{
	bool blocks = !dontwait &&
		      (listener_blocks(fd) || !(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK));

	atomic_store(&session.family->withheld, 1);
	while (session_is_on_trial()) {
		int result;

		interrupt_clear();
		result = sys_wait_change(&session.family->current, 0,
					 blocks ? TRIAL_BLOCKED_MS : TRIAL_TICK_MS);
		if (!session_is_on_trial())
			break;
		if (!blocks)
			return EAGAIN;
		pthread_testcancel(); /* the program's call would be a cancellation point */
		if (result == -EINTR && interrupt_state != INTERRUPT_OURS && !call_restarts())
			return EINTR;
		if (result == -ETIMEDOUT && told_readable(fd)) {
			told_taken(fd);
			return nobody;
		}
	}
	return 0;
}
