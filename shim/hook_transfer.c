/*
 * Hooks: reading and writing. What they share is the loop in interpose.c, and this is what it asks.
 *
 * On most descriptors it only hides an interruption by flip. A socket of datagrams that is bound
 * for clients is a listener: its readers are the current generation alone, and an old one may
 * still answer what it has read.
 */
#include "blocking.h"
#include "hooks.h"
#include "interrupt.h"
#include "listener.h"
#include "retire.h"
#include "session.h"
#include "sys.h"
#include "ticks.h"
#include "waiting.h"

#include <sys/time.h>

#define NS_PER_MS 1000000ll
#define NS_PER_S 1000000000ll

bool transfer_begins(int fd, short events, int flags)
{
	int error = 0;

	if (events == POLLIN && listener_is_datagram(fd)) {
		waiting_on(fd);
		if (listener_is_withheld(fd))
			error = blocking_trial(fd, flags & MSG_DONTWAIT, EAGAIN);
	}
	if (events == POLLOUT && session_is_watching())
		listener_note_asker(fd);
	if (error)
		errno = error;
	return !error;
}

/*
 * Interrupted by flip: with SO_RCVTIMEO or SO_SNDTIMEO the call would begin its time-out anew each
 * time, so the rest of it is waited for here.
 */
static bool goes_on(int fd, short events, uint64_t began)
{
	struct timeval timeout = { 0 };
	socklen_t length = sizeof(timeout);
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int64_t left_ns;
	int result;

	if (!interrupt_was_ours())
		return false;
	if (SYS_CALL(SYS_getsockopt, fd, SOL_SOCKET, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO, &timeout,
		     &length) != 0 ||
	    (timeout.tv_sec == 0 && timeout.tv_usec == 0) || timeout.tv_sec > INT32_MAX / 1000)
		return true;
	left_ns = timeout.tv_sec * NS_PER_S + timeout.tv_usec * 1000 - ticks_elapsed_ns(began);
	left_ns = left_ns > 0 ? left_ns : 0;
	result = wait_poll(&poll_fd, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
	if (result == 0)
		errno = EAGAIN;
	return result > 0;
}

/*
 * No datagram is there, and the socket is shared or a placeholder, hence non-blocking: does the
 * program's own call block? One that a wait call has just told 'readable' must not be parked.
 */
static bool waits_on(int fd, int flags)
{
	int error;

	if (!session_has_blocking() || flags & MSG_DONTWAIT || !listener_blocks(fd)) {
		errno = EAGAIN;
		return false;
	}
	error = told_readable(fd) ? EAGAIN : blocking_wait(fd);
	told_taken(fd);
	if (error)
		errno = error;
	return !error;
}

int transfer_again(int fd, short events, int flags, uint64_t began)
{
	int error = errno;

	if (error == EINTR)
		return goes_on(fd, events, began) ? fd : -1;
	if (error == EAGAIN && events == POLLIN)
		return waits_on(fd, flags) ? fd : -1;
	if (events == POLLOUT && retire_is_retired()) {
		fd = retire_sender(fd);
		errno = error;
		return fd;
	}
	return -1;
}
