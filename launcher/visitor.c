/*
 * Who connects to a generation's channel: a process that becomes a member, or a bind() that claims
 * a listener.
 */
#include "core/address.h"
#include "files.h"
#include "log.h"
#include "service.h"
#include "spare.h"
#include "transfer.h"

#include <bsd/stdlib.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connection that has not said yet what it is; a silent one is closed after this time. */
#define VISITOR_TIMEOUT_MS 5000
#define JOIN_AGAIN_MS 20
#define VISITORS_AT_ONCE 16

struct visitor {
	struct generation *generation;
	int fd; /* -1: it is a member's */
	struct source source;
	struct timer timeout;
	struct ucred peer;
	pid_t joins; /* a process that is to be a member, and waits for memory */
	TAILQ_ENTRY(visitor) link;
};

static TAILQ_HEAD(, visitor) visitors = TAILQ_HEAD_INITIALIZER(visitors);

int generation_listen(char *channel_name, size_t size, unsigned number)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "flip-%d-%08x%08x",
			      (int)getpid(), arc4random(), arc4random());

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) != 0 ||
	    listen(fd, 512) != 0) {
		close(fd);
		return -1;
	}
	/* What WELCOME says, too; but a process may have sockets before it joins. */
	snprintf(channel_name, size, "%s/%u%s%s%s", address.sun_path + 1, number,
		 service_is_vacant() ? "a" : "", vacancy_expects_ready() ? "w" : "",
		 service_holds() ? "+" : "");
	return fd;
}

static void visitor_close(struct visitor *visitor)
{
	loop_remove(&visitor->source);
	if (visitor->fd >= 0)
		close(visitor->fd);
	timer_clear(&visitor->timeout);
	TAILQ_REMOVE(&visitors, visitor, link);
	free(visitor);
}

static void visitor_timeout(struct timer *timer)
{
	struct visitor *visitor = (void *)((char *)timer - offsetof(struct visitor, timeout));

	log_line(LOG_LEVEL_INFO, "closed a connection to the channel that said nothing for %d s",
		 VISITOR_TIMEOUT_MS / 1000);
	visitor_close(visitor);
}

static void join(struct timer *timer)
{
	struct visitor *visitor = (void *)((char *)timer - offsetof(struct visitor, timeout));

	if (!member_new(visitor->generation, visitor->joins, visitor->fd)) {
		timer_set(timer, JOIN_AGAIN_MS, join);
		return;
	}
	visitor->fd = -1;
	visitor_close(visitor);
}

/* It joins when it listens, and may fail before that: so a claim counts as well. */
static void note_first(struct generation *generation, pid_t pid)
{
	if (!generation->first_heard)
		generation->first_heard = pid;
}

static void visitor_joins(struct visitor *visitor, pid_t pid)
{
	note_first(visitor->generation, pid);
	loop_remove(&visitor->source);
	visitor->joins = pid;
	join(&visitor->timeout);
}

static struct pool_place place_of(const struct message *request)
{
	struct pool_place place = {
		.length = request->count,
		.device = request->bound.device,
		.inode = request->bound.inode,
	};

	memcpy(&place.address, request->bound.address, request->count);
	return place;
}

/* bind(2) takes the scope of a link-local address from SO_BINDTODEVICE, too; getsockname(2) always tells it. */
static void complete_scope(struct pool_place *place, int fresh_fd)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&place->address;
	int device = 0;
	socklen_t length = sizeof(device);

	if (six->sin6_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) && !six->sin6_scope_id &&
	    getsockopt(fresh_fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &length) == 0)
		six->sin6_scope_id = (uint32_t)device;
}

/* What a hook asks about a file; true if it was such a question. */
static bool answer_about_file(const struct visitor *visitor, const struct message *request, const int *fds)
{
	static const char *const names[] = { "go on", "hide", "fail", "keep" };
	const struct ucred *peer = &visitor->peer;
	struct generation *by = visitor->generation;
	enum verdict verdict = VERDICT_GO_ON;
	int former_fd = -1, error = 0;
	struct pool_place place;
	struct message reply;

	switch (request->type) {
	case MESSAGE_KNOCK:
		place = place_of(request);
		verdict = files_knock(by, fds[0], &place);
		break;
	case MESSAGE_UNLINK:
		verdict = files_unlink(by, peer, fds[0], fds[1]);
		break;
	case MESSAGE_WRITE:
		verdict = files_write(by, peer, fds, (int)request->value[0], &former_fd, &error);
		break;
	case MESSAGE_RENAME:
		verdict = files_rename(by, peer, fds);
		break;
	case MESSAGE_LOOK:
		verdict = files_look(by, fds[0], request->flags & MESSAGE_MORE, &former_fd);
		break;
	case MESSAGE_KILL:
		verdict = files_kill(by, (pid_t)request->value[0]);
		break;
	default:
		return false;
	}
	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u asks for %s: %s", (int)peer->pid, by->number,
		 message_name(request->type), names[verdict]);
	message_init(&reply, former_fd >= 0 ? MESSAGE_STAGED : MESSAGE_VERDICT);
	reply.flags = files_are_its_own(by) ? MESSAGE_MORE : 0;
	reply.count = former_fd >= 0 ? 0 : 2;
	reply.value[0] = verdict;
	reply.value[1] = (uint64_t)error;
	(void)transfer_send(visitor->fd, &reply, &former_fd, former_fd >= 0);
	return true;
}

/* What `by` is to have instead of a socket that it wants to bind; NULL: it may bind that. */
static struct pool_entry *claimed(struct generation *by, int fresh_fd, const struct pool_place *place)
{
	struct pool_entry *entry =
		by->phase == PHASE_STARTING || by == service.new ?
			pool_take(&service.pool, fresh_fd, place, &by->kin) :
			pool_take_back(&service.pool, fresh_fd, place, &by->kin);

	/* A retired one gets it to have a placeholder for it. */
	if (!entry || by->phase >= PHASE_RETIRING)
		return entry;
	/* One that the current generation takes back is still to be claimed by the next. */
	entry->claims += by == service.new || !service.new;
	entry->lost_ns = 0;
	entry->backlog = 0; /* a listen() follows, if it does not listen */
	pool_let_in(entry);
	pool_unblock(entry);
	files_claimed(entry);
	pool_carry_options(entry, fresh_fd);
	return entry;
}

/* Closes fresh_fd. */
static void answer_claim(const struct visitor *visitor, const struct message *request, int fresh_fd)
{
	struct generation *by = visitor->generation;
	struct pool_place place = place_of(request);
	struct pool_entry *entry;
	struct message reply;
	char text[ADDRESS_TEXT_MAX];

	complete_scope(&place, fresh_fd);
	entry = claimed(by, fresh_fd, &place);

	log_line(LOG_LEVEL_DEBUG, "generation %u claims %s: %s", by->number,
		 address_format((struct sockaddr *)&place.address, text, sizeof(text)),
		 entry ? "it gets it" : "it binds it itself");
	message_init(&reply, MESSAGE_CLAIMED);
	reply.count = entry != NULL;
	reply.value[0] = entry ? entry->inode : 0;
	/* Before the answer: it is the program's socket, whose address would be in use here when that has closed it. */
	close(fresh_fd);
	(void)transfer_send(visitor->fd, &reply, entry ? &entry->fd : NULL, reply.count);
}

/* Asked at once: anybody on this machine can connect. */
static bool visitor_may(struct visitor *visitor, int fd)
{
	struct ucred *peer = &visitor->peer;
	socklen_t length = sizeof(*peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length) != 0)
		return false;
	return peer->uid == 0 || peer->uid == getuid() ||
	       kin_has(&visitor->generation->kin, peer->pid);
}

/* Is what it is going to say a claim? */
static bool claims(int fd)
{
	struct message message;

	return recv(fd, &message, sizeof(message), MSG_PEEK | MSG_DONTWAIT) == sizeof(message) &&
	       message.type == MESSAGE_CLAIM;
}

/* False: it has said nothing yet. Else it is gone, or waits for memory. */
static bool visitor_talk(struct visitor *visitor)
{
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds;
	struct message message;
	int result;

	/* It may have closed that since, and has handed it over by what is not read yet. */
	if (visitor->generation == service.current && service_is_handing_over() && claims(visitor->fd) &&
	    generation_has_unread(service.current))
		return false;
	result = transfer_receive(visitor->fd, &message, fds, &n_fds);
	if (result == -EAGAIN)
		return false;
	if (result == 0 && message.type == MESSAGE_HELLO) {
		visitor_joins(visitor, visitor->peer.pid);
		return true;
	} else if (result == 0 && message.type == MESSAGE_CLAIM) {
		/* Behind a wrapper it is another program than was started; one that joins is noted then. */
		if (!visitor->generation->first_heard)
			kin_note(&visitor->generation->kin, visitor->peer.pid);
		note_first(visitor->generation, visitor->peer.pid);
		answer_claim(visitor, &message, fds[0]);
		n_fds = 0;
	} else if (result == 0 && answer_about_file(visitor, &message, fds))
		; /* answered */
	else if (result != -EPIPE)
		log_line(LOG_LEVEL_INFO, "rejected a message on the channel: not one that opens a talk");
	transfer_close(fds, n_fds);
	visitor_close(visitor);
	return true;
}

static void visitor_ready(struct source *source, short revents)
{
	(void)revents;
	(void)visitor_talk((void *)((char *)source - offsetof(struct visitor, source)));
}

/* Said once of each, and not as often as it comes. */
static void visitor_reject(const struct ucred *peer)
{
	static pid_t last;

	log_line(peer->pid == last ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		 "rejected process %d of user %u: not one of this service", (int)peer->pid, (unsigned)peer->uid);
	last = peer->pid;
}

static bool accept_one(struct source *source)
{
	struct generation *generation =
		(void *)((char *)source - offsetof(struct generation, channel));
	struct visitor *visitor = calloc(1, sizeof(*visitor));
	int fd = visitor ? accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

	if (fd < 0) {
		loop_cannot_accept(source, visitor ? errno : ENOMEM);
		free(visitor);
		return false;
	}
	visitor->generation = generation;
	visitor->fd = fd;
	if (!visitor_may(visitor, fd)) {
		visitor_reject(&visitor->peer);
		close(fd);
		free(visitor);
		return true;
	}
	TAILQ_INSERT_TAIL(&visitors, visitor, link);
	/* Mostly it has spoken already. */
	if (!visitor_talk(visitor)) {
		loop_add(&visitor->source, fd, POLLIN, visitor_ready);
		timer_set(&visitor->timeout, VISITOR_TIMEOUT_MS, visitor_timeout);
	}
	return true;
}

void visitor_accept(struct source *source, short revents)
{
	(void)revents;
	/* The workers of a family come together; others are not to wait for all of them. */
	for (int n = 0; n < VISITORS_AT_ONCE && accept_one(source); n++)
		spare_keep();
}

void visitors_close(const struct generation *generation)
{
	struct visitor *visitor, *next;

	for (visitor = TAILQ_FIRST(&visitors); visitor; visitor = next) {
		next = TAILQ_NEXT(visitor, link);
		if (visitor->generation == generation)
			visitor_close(visitor);
	}
}
