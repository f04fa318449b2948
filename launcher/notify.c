#include "notify.h"

#include "log.h"
#include "manager.h"
#include "notification.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel passes no more in one message (SCM_MAX_FD). */
#define DESCRIPTORS_MAX 253

struct envelope {
	struct iovec vector;
	struct msghdr header;
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
	char text[NOTIFICATION_MAX + 1]; /* one more, so that one that is too long is seen */
};

static void close_descriptors(const struct cmsghdr *rights)
{
	size_t n = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(rights) + i * sizeof(fd), sizeof(fd));
		close(fd);
	}
}

/*
 * One datagram and who sent it; its descriptors are closed: flip keeps none (FDSTORE), and who waits
 * for a barrier waits for just that (sd_notify_barrier(3)). Returns its length, or -1.
 */
static ssize_t receive(int fd, struct envelope *envelope, struct ucred *sender)
{
	ssize_t n;

	envelope->vector = (struct iovec){ envelope->text, sizeof(envelope->text) };
	envelope->header = (struct msghdr){
		.msg_iov = &envelope->vector,
		.msg_iovlen = 1,
		.msg_control = envelope->control,
		.msg_controllen = sizeof(envelope->control),
	};
	*sender = (struct ucred){ .uid = (uid_t)-1 };
	n = recvmsg(fd, &envelope->header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&envelope->header); c;
	     c = CMSG_NXTHDR(&envelope->header, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS)
			close_descriptors(c);
		else if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(sender, CMSG_DATA(c), sizeof(*sender));
	}
	return n;
}

static bool sender_may(const struct generation *generation, const struct ucred *sender)
{
	return sender->uid == 0 || sender->uid == getuid() ||
	       (sender->pid > 0 && kin_has(&generation->kin, sender->pid));
}

/* What it says of itself concerns others only while it is the one that serves, or is to (its watchdog). */
static void act_on(struct generation *generation, const struct notification *said)
{
	if (said->has_status)
		strlcpy(generation->said_status, said->status, sizeof(generation->said_status));
	if (generation == service.current || (service_is_vacant() && generation == service.new))
		manager_pass_on(said);
	if (said->ready)
		generation_said_ready(generation); /* the last: it may be the end of an upgrade */
}

static void notify_ready(struct source *source, short revents)
{
	struct generation *generation = (void *)((char *)source - offsetof(struct generation, notify));
	struct envelope envelope;
	struct notification said;
	struct ucred sender;
	ssize_t n = receive(source->fd, &envelope, &sender);
	const char *reason;

	(void)revents;
	if (n < 0)
		return;
	if (!sender_may(generation, &sender)) {
		log_line(LOG_LEVEL_INFO,
			 "rejected a notification of process %d of user %u: not one of generation %u",
			 (int)sender.pid, (unsigned)sender.uid, generation->number);
		return;
	}
	reason = notification_parse(envelope.text, (size_t)n, &said);
	if (reason) {
		log_line(LOG_LEVEL_INFO, "rejected a notification of process %d: %s", (int)sender.pid,
			 reason);
		return;
	}
	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u notifies: %s%s%s", (int)sender.pid,
		 generation->number, said.ready ? "ready" : "", said.ready && said.pass_on[0] ? ", " : "",
		 said.pass_on);
	act_on(generation, &said);
}

int notify_listen(struct generation *generation)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			      "flip.notify-%d-%08x%08x", (int)getpid(), arc4random(), arc4random());

	if (fd < 0)
		return -1;
	/* Before it has a name, so that no message comes without its sender. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) != 0) {
		close(fd);
		return -1;
	}
	snprintf(generation->notify_name, sizeof(generation->notify_name), "@%.46s",
		 address.sun_path + 1);
	loop_add(&generation->notify, fd, POLLIN, notify_ready);
	return 0;
}

void notify_close(struct generation *generation)
{
	loop_close(&generation->notify);
}
