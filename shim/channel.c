#include "channel.h"

#include "origin.h"
#include "orphan.h"
#include "retire.h"
#include "session.h"
#include "signals.h"
#include "sys.h"
#include "transfer.h"

#include <string.h>

#define REQUEST_TIMEOUT_MS 10000

int channel_connect(void)
{
	int fd = sys_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK);
	int result;

	if (fd < 0)
		return fd;
	/* A full backlog is EAGAIN for a non-blocking socket: the supervisor is slow, not gone. */
	for (int tries = 0; tries < 1000; tries++) {
		result = sys_connect(fd, &session.channel_address, session.channel_length);
		if (result != -EAGAIN && result != -EINTR)
			break;
		(void)sys_poll_wait(-1, 0, 5);
	}
	if (result == 0)
		return fd;
	sys_close(fd);
	return result;
}

int channel_receive_wait(int channel_fd, struct message *message, int *fds, unsigned *n_fds,
			 int timeout_ms)
{
	struct timespec left = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	int result;

	while ((result = transfer_receive(channel_fd, message, fds, n_fds)) == -EAGAIN || result == -EBADMSG) {
		if (!left.tv_sec && !left.tv_nsec)
			return -ETIMEDOUT;
		(void)sys_poll_left(channel_fd, POLLIN, &left);
	}
	return result;
}

int channel_request(const struct message *request, const int *request_fds, unsigned n_request_fds,
		    struct message *answer, int *answer_fd)
{
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds = 0;
	int connection = channel_connect();
	int result = connection;

	*answer_fd = -1;
	if (connection < 0)
		return result;
	result = transfer_send(connection, request, request_fds, n_request_fds);
	if (result == 0)
		result = channel_receive_wait(connection, answer, fds, &n_fds, REQUEST_TIMEOUT_MS);
	sys_close(connection);
	if (n_fds == 1)
		*answer_fd = fds[0];
	else
		transfer_close(fds, n_fds);
	return result;
}

/* /proc/PID/task/TID of this thread, which lives, in place of /proc/PID. -1: no number is free. */
static int proc_enter(int proc_fd)
{
	int fd = sys_openat(proc_fd, "../thread-self", O_RDONLY | O_DIRECTORY);

	sys_close(proc_fd);
	return fd < 0 ? -1 : fd;
}

/* What a member does when told. fds[0] is of /proc wherever the protocol says so. */
static void obey(int channel_fd, const struct message *message, const int *fds, unsigned n_fds)
{
	switch (message->type) {
	case MESSAGE_COMMIT:
		session_commit(message->flags & MESSAGE_MORE);
		if (atomic_load(&session.family->withheld))
			retire_rearm(fds[0]);
		break;
	case MESSAGE_SOLE:
		atomic_store(&session.family->sole, 1);
		if (message->flags & MESSAGE_MORE)
			break;
		session_note_pooled(false);
		session_own_files();
		break;
	case MESSAGE_COLLECT:
		retire_collect(channel_fd, fds[0]);
		break;
	case MESSAGE_RETIRE:
		retire_keep(message->value, message->count);
		retire_begin(channel_fd, fds[0], message->flags & MESSAGE_MORE);
		break;
	case MESSAGE_RESUME:
		retire_resume(fds[0], fds + 1, message->value, message->count,
			      message->flags & MESSAGE_MORE);
		break;
	case MESSAGE_REARM:
		retire_rearm(fds[0]);
		break;
	case MESSAGE_PROBE:
		retire_probe(channel_fd, fds[0], message->flags & MESSAGE_MORE);
		break;
	case MESSAGE_LEAVE:
		retire_leave(channel_fd, fds[0], (int)message->value[0]);
		break;
	case MESSAGE_HOLD:
		origin_hold((int)message->value[0]);
		break;
	default:
		break;
	}
}

/*
 * The supervisor is gone. The server serves on; nobody is left to be told anything. A new
 * generation that was not yet to serve ends: the old one does not know of it.
 */
static void supervisor_lost(int channel_fd)
{
	if (session_is_on_trial() && !session.alone)
		SYS_CALL(SYS_exit_group, 1);
	session_give_up();
	if (atomic_load(&session.family->withheld))
		retire_rearm(-1);
	/* The program may get the number: a thread that passes late is not to answer there. */
	atomic_store(&session.process->channel_fd, -1);
	atomic_store(&session.channel_fd, -1);
	sys_close(channel_fd);
	if (retire_is_retired()) {
		orphan_begin();
	} else {
		session_own_files();
		signals_release();
	}
}

static void drain_messages(void)
{
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds;
	struct message message;

	while (session_keeps_channel()) {
		int channel_fd = atomic_load(&session.process->channel_fd);
		int result = transfer_receive(channel_fd, &message, fds, &n_fds);

		if (result == -EAGAIN)
			return;
		if (result == -EPIPE) {
			supervisor_lost(channel_fd);
			return;
		}
		/* No number is free for /proc/PID: each does what it can without it. */
		fds[0] = result == 0 && n_fds > 0 ? proc_enter(fds[0]) : -1;
		if (result == 0 || (result == -EMFILE && message.type != MESSAGE_RESUME))
			obey(channel_fd, &message, fds, n_fds);
		transfer_close(fds, n_fds);
	}
}

void channel_process(void)
{
	/*
	 * One thread at a time, and nobody waits: who comes second leaves a note, and the first
	 * one looks again. The handler blocks all signals, so the first one does come to its end.
	 */
	if (atomic_fetch_add(&session.process->wanted, 1) != 0)
		return;
	uint32_t seen;

	do {
		seen = atomic_load(&session.process->wanted);
		drain_messages();
	} while (atomic_fetch_sub(&session.process->wanted, seen) != seen);
}
