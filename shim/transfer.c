#include "transfer.h"

#include "sys.h"

#include <string.h>

struct envelope {
	struct iovec vector;
	struct msghdr header;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PROTOCOL_FDS_MAX)];
	} control;
};

int transfer_try(int fd, const struct message *message, const int *fds, unsigned n_fds)
{
	struct envelope envelope = {
		.vector = { (void *)(uintptr_t)message, sizeof(*message) },
		.header = { .msg_iov = &envelope.vector, .msg_iovlen = 1 },
	};
	long result;

	if (n_fds) {
		envelope.header.msg_control = &envelope.control;
		envelope.header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&envelope.header);

		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(rights), fds, sizeof(int) * n_fds);
	}
	do
		result = sys_sendmsg(fd, &envelope.header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (result == -EINTR);
	return result < 0 ? (int)result : 0;
}

int transfer_send(int fd, const struct message *message, const int *fds, unsigned n_fds)
{
	int result = transfer_try(fd, message, fds, n_fds);

	for (int tries = 0; tries < 20 && result == -EAGAIN; tries++) {
		(void)sys_poll_wait(fd, POLLOUT, 50);
		result = transfer_try(fd, message, fds, n_fds);
	}
	return result;
}

void transfer_close(const int *fds, unsigned n_fds)
{
	for (unsigned i = 0; i < n_fds; i++)
		sys_close(fds[i]);
}

static void take_descriptors(struct msghdr *header, int *fds, unsigned *n_fds)
{
	*n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *n_fds * sizeof(int));
	}
}

/* Had there been a number free for each of its descriptors, would it be a message? */
static bool is_cut_short(const struct message *message, size_t length, unsigned n_fds)
{
	return length == sizeof(*message) && n_fds < message_fds(message) &&
	       !message_check(message, length, message_fds(message));
}

int transfer_receive(int fd, struct message *message, int *fds, unsigned *n_fds)
{
	struct envelope envelope = {
		.vector = { message, sizeof(*message) },
		.header = { .msg_iov = &envelope.vector,
			    .msg_iovlen = 1,
			    .msg_control = &envelope.control,
			    .msg_controllen = sizeof(envelope.control) },
	};
	bool cut_short;
	long result;

	*n_fds = 0;
	do
		result = sys_recvmsg(fd, &envelope.header,
				     MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
	while (result == -EINTR);
	if (result < 0)
		return result == -EAGAIN ? -EAGAIN : -EPIPE;
	take_descriptors(&envelope.header, fds, n_fds);
	if (!message_check(message, (size_t)result, *n_fds))
		return 0;
	cut_short = envelope.header.msg_flags & MSG_CTRUNC &&
		    is_cut_short(message, (size_t)result, *n_fds);
	transfer_close(fds, *n_fds); /* an empty message looks like the end, but may have some, too */
	*n_fds = 0;
	if (result == 0)
		return -EPIPE;
	return cut_short ? -EMFILE : -EBADMSG;
}
