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

/* What follows `done` bytes: the rest of one vector, or whole ones. False: nothing. */
struct rest {
	struct iovec part;
	const struct iovec *vectors;
	size_t n, bytes;
};

static bool rest_find(struct rest *rest, const struct iovec *vectors, size_t n, size_t done)
{
	size_t i = 0;

	while (i < n && done >= vectors[i].iov_len)
		done -= vectors[i++].iov_len;
	if (i == n)
		return false;
	rest->part = (struct iovec){ (char *)vectors[i].iov_base + done, vectors[i].iov_len - done };
	rest->vectors = done ? &rest->part : vectors + i;
	rest->n = done ? 1 : n - i;
	rest->bytes = 0;
	for (i = 0; i < rest->n; i++)
		rest->bytes += rest->vectors[i].iov_len;
	return true;
}

static ssize_t send_some(int fd, const struct rest *rest, int flags)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)rest->vectors, .msg_iovlen = rest->n };
	ssize_t result;

	do {
		interrupt_clear_transfer();
		result = flags < 0 ? REAL(writev)(fd, rest->vectors, (int)rest->n) : REAL(sendmsg)(fd, &message, flags);
	} while (result == -1 && interrupt_was_ours());
	return result;
}

ssize_t transfer_send_rest(int fd, const struct iovec *vectors, size_t n, ssize_t done, int flags)
{
	int saved = errno;
	struct rest rest;

	while (rest_find(&rest, vectors, n, (size_t)done)) {
		ssize_t result = send_some(fd, &rest, flags);

		if (result <= 0)
			break;
		done += result;
		if ((size_t)result < rest.bytes && interrupt_state != INTERRUPT_CUT)
			break;
	}
	errno = saved;
	return done;
}

ssize_t transfer_receive_rest(int fd, void *buffer, size_t n, ssize_t done, int flags)
{
	int saved = errno;
	ssize_t result;

	while ((flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && (size_t)done < n) {
		do {
			interrupt_clear_transfer();
			result = REAL(recv)(fd, (char *)buffer + done, n - (size_t)done, flags);
		} while (result == -1 && interrupt_was_ours());
		if (result <= 0)
			break;
		done += result;
		if (interrupt_state != INTERRUPT_CUT)
			break;
	}
	errno = saved;
	return done;
}

/* offset, if it is given, and the position of `from`, if not, are where it has come to. */
#define SENDFILE(name, type)                                                          \
	ssize_t hook_##name(int to, int from, type *offset, size_t n)                     \
	{                                                                                 \
		int saved = errno;                                                            \
		size_t done = 0;                                                              \
		ssize_t result;                                                               \
		do {                                                                          \
			interrupt_clear_transfer();                                               \
			result = REAL(name)(to, from, offset, n - done);                          \
			done += result > 0 ? (size_t)result : 0;                                  \
		} while (result > 0 ? done < n && interrupt_state == INTERRUPT_CUT :          \
				      result == -1 && interrupt_was_ours());                      \
		if (done == 0)                                                                \
			return result;                                                            \
		errno = saved;                                                                \
		return (ssize_t)done;                                                         \
	}

SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)
