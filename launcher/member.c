#include "log.h"
#include "registration.h"
#include "notify.h"
#include "service.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		log_line(LOG_LEVEL_ERROR, "no memory for %zu bytes", size);
	return memory;
}

static int open_proc(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void member_send(struct member *member, struct message *message, const int *fds, unsigned n)
{
	int error = transfer_send(member->source.fd, message, fds, n);

	/* One that has just ended: the end of its channel says so, in a moment. */
	if (error)
		log_line(error == -EPIPE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			 "cannot tell process %d of generation %u to %s: %s", (int)member->pid,
			 member->generation->number, message_name(message->type), strerror(-error));
}

/* Does a message of this type go with /proc/PID? */
static bool takes_proc(enum message_type type)
{
	return type == MESSAGE_COMMIT || type == MESSAGE_COLLECT || type == MESSAGE_RETIRE ||
	       type == MESSAGE_REARM || type == MESSAGE_PROBE || type == MESSAGE_LEAVE;
}

void member_tell(struct member *member, enum message_type type, uint32_t flags,
			uint64_t value)
{
	struct message message;
	int proc_fd = takes_proc(type) ? open_proc(member->pid) : -1;

	if (takes_proc(type) && proc_fd < 0)
		return; /* it has ended */

	message_init(&message, type);
	message.flags = flags;
	message.count = type == MESSAGE_LEAVE || type == MESSAGE_HOLD;
	message.value[0] = value;
	member_send(member, &message, &proc_fd, takes_proc(type));
	if (proc_fd >= 0)
		close(proc_fd);
}

unsigned generation_ask(struct generation *generation, enum message_type type, uint32_t flags,
			uint64_t value)
{
	struct member *member;
	unsigned n = 0;

	TAILQ_FOREACH(member, &generation->members, link) {
		member->answered = false;
		member_tell(member, type, flags, value);
		n++;
	}
	return n;
}

void generation_ask_again(struct generation *generation, enum message_type type, uint32_t flags)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (!member->answered)
			member_tell(member, type, flags, 0);
}

void generation_tell(struct generation *generation, enum message_type type)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		member_tell(member, type, 0, 0);
}

void generation_nudge(const struct generation *generation)
{
	const struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (!member->answered)
			kill(member->pid, SESSION_SIGNAL);
}

static void call_stranger(pid_t pid, void *argument)
{
	struct generation *generation = argument;

	if (generation_member(generation, pid))
		return;
	if (!process_catches(pid, SESSION_SIGNAL)) {
		generation->elsewhere += process_connections(pid, generation->ports);
		return;
	}
	if (kill(pid, SESSION_SIGNAL) == 0)
		generation->strangers++;
}

void generation_gather(struct generation *generation)
{
	generation->strangers = 0;
	generation->elsewhere = 0;
	process_each(generation->pid, call_stranger, generation);
}

bool generation_all_answered(const struct generation *generation)
{
	const struct member *member;

	if (generation->strangers > 0)
		return false;

	TAILQ_FOREACH(member, &generation->members, link)
		if (!member->answered)
			return false;
	return true;
}

uint64_t generation_connections(const struct generation *generation)
{
	const struct member *member;
	uint64_t n = generation->elsewhere;

	TAILQ_FOREACH(member, &generation->members, link)
		n += member->connections;
	return n;
}

struct member *generation_member(const struct generation *generation, pid_t pid)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (member->pid == pid)
			return member;
	return NULL;
}

static void resume_member(struct member *member, const struct pool *pool)
{
	const struct pool_entry *entry = TAILQ_FIRST(pool);
	struct message message;
	int fds[PROTOCOL_FDS_MAX];

	fds[0] = open_proc(member->pid);
	do {
		message_init(&message, MESSAGE_RESUME);
		for (; entry && message.count < PROTOCOL_FDS_MAX - 1; entry = TAILQ_NEXT(entry, link)) {
			message.value[message.count] = entry->inode;
			fds[++message.count] = entry->fd;
		}
		message.flags = entry ? MESSAGE_MORE : 0;
		member_send(member, &message, fds, message.count + 1);
	} while (entry);
	if (fds[0] >= 0)
		close(fds[0]);
}

void generation_resume(struct generation *generation, const struct pool *pool)
{
	struct member *member;

	generation->phase = PHASE_SERVING;
	generation->retired_ns = 0;
	generation->drain_told = false;
	generation->tries = 0;
	timer_clear(&generation->again);
	timer_clear(&generation->deadline);
	TAILQ_FOREACH(member, &generation->members, link) {
		member->answered = false;
		resume_member(member, pool);
	}
}

static void member_listeners(struct member *member, const struct message *message, const int *fds)
{
	for (uint32_t i = 0; i < message->count; i++) {
		uint64_t inode = message->value[i] & ~PROTOCOL_EPHEMERAL;
		const struct heard *heard = generation_heard(member->generation, inode);

		pool_add(&service.pool, fds[i], inode, message->value[i] & PROTOCOL_EPHEMERAL,
			 heard ? heard->file_device : 0, heard ? heard->file_inode : 0);
	}
	if (message->flags & MESSAGE_MORE)
		return;
	member->answered = true;
	if (service.is_collecting && member->generation == service.current &&
	    generation_all_answered(service.current))
		service_collected(true);
}

/* What a member answers instead of its listeners, or what keeps them from us. */
static void member_unable(const struct member *member, int error)
{
	if (!service.is_collecting || member->generation != service.current)
		return;
	service_set_failure("process %d of generation %u cannot hand over its listeners: %s",
			    (int)member->pid, member->generation->number, strerror(error));
	service_collected(false);
}

static void member_signal(int signal)
{
	log_line(LOG_LEVEL_DEBUG, "the server received signal %d", signal);
	if (signal == (int)service.settings->restart_signal)
		service_request_restart();
	else
		service_event(EVENT_STOP);
}

static bool note_registration(const struct registration *registration, void *generation)
{
	if (generation_heard(generation, registration->inode) && registration->events & EPOLLIN)
		generation_note_listener(generation, registration->inode, true);
	return true;
}

/* After chroot() a member has no /proc, and cannot tell itself what it waits on. */
static void member_waits_on_set(struct member *member, int set)
{
	int proc_fd = open_proc(member->pid);

	if (proc_fd < 0)
		return;
	registration_each(proc_fd, set, note_registration, member->generation);
	close(proc_fd);
}

/*
 * The file of a Unix listener, so that an older generation does not remove it. A program that sees
 * that its socket listens already calls no listen(), and nothing is told of its file then.
 */
static void note_file(struct generation *generation, const struct message *message)
{
	const struct pool_entry *entry = pool_find(&service.pool, message->value[0]);

	if (message->count == 3)
		generation_note_file(generation, message->value[0], message->value[1],
				     message->value[2]);
	else if (entry && entry->claims && entry->file.exists)
		generation_note_file(generation, message->value[0], entry->file.was.st_dev,
				     entry->file.was.st_ino);
}

static void member_says(struct member *member, const struct message *message, const int *fds)
{
	struct generation *generation = member->generation;

	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u: %s %llu", (int)member->pid,
		 generation->number, message_name(message->type),
		 (unsigned long long)message->value[0]);
	switch (message->type) {
	case MESSAGE_LISTENING:
	case MESSAGE_WAITING:
		note_file(generation, message);
		generation_note_listener(generation, message->value[0], message->type == MESSAGE_WAITING);
		if (generation == service.current && message->type == MESSAGE_LISTENING)
			holding_refresh();
		break;
	case MESSAGE_CLOSED:
		if (generation == service.current)
			holding_look();
		break;
	case MESSAGE_WAITING_SET:
		member_waits_on_set(member, (int)message->value[0]);
		break;
	case MESSAGE_SIGNAL:
		member_signal((int)message->value[0]);
		break;
	case MESSAGE_LISTENERS:
		member_listeners(member, message, fds);
		break;
	case MESSAGE_RETIRED:
		if (generation->phase != PHASE_RETIRING)
			break;
		member->answered = true;
		if (generation_all_answered(generation))
			service_retired(generation);
		break;
	case MESSAGE_RESUMED:
		member->answered = true;
		break;
	case MESSAGE_CONNECTIONS:
		member->answered = true;
		member->connections = message->value[0];
		if (generation_all_answered(generation))
			generation_probe_answered(generation);
		break;
	case MESSAGE_UNABLE:
		member_unable(member, (int)message->value[0]);
		break;
	case MESSAGE_LEAVING:
		generation_leave_answered(generation, message->value[0]);
		break;
	default:
		break;
	}
}

/* What waited for this member's answer must not wait for ever. */
static void member_gone(struct member *member)
{
	struct generation *generation = member->generation;

	TAILQ_REMOVE(&generation->members, member, link);
	close(member->source.fd);
	loop_remove(&member->source);
	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u has closed its channel",
		 (int)member->pid, generation->number);
	free(member);
	/* Killed: whatever it was asked last, no answer will come. */
	if (generation->exited && TAILQ_EMPTY(&generation->members))
		generation_check_gone(generation);
	else if (generation == service.current && service.is_collecting &&
	    generation_all_answered(generation))
		service_collected(true);
	else if (generation->phase == PHASE_RETIRING && generation_all_answered(generation))
		service_retired(generation);
	else if (generation->phase == PHASE_DRAINING && generation_all_answered(generation))
		generation_probe_answered(generation);
	else
		generation_check_gone(generation);
}

static void member_ready(struct source *source, short revents)
{
	struct member *member = (void *)((char *)source - offsetof(struct member, source));
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds;
	struct message message;
	int result = transfer_receive(source->fd, &message, fds, &n_fds);

	(void)revents;
	if (result == -EAGAIN)
		return;
	if (result == -EPIPE) {
		member_gone(member);
		return;
	}
	if (result == -EMFILE) {
		member_unable(member, EMFILE);
		return;
	}
	if (result != 0) {
		log_line(LOG_LEVEL_INFO, "rejected a message of process %d: not one of flip's",
			 (int)member->pid);
		return;
	}
	if (message.type == MESSAGE_LISTENERS) {
		member_says(member, &message, fds); /* takes the descriptors */
		return;
	}
	member_says(member, &message, fds);
	transfer_close(fds, n_fds);
}

/* Tells a new member who it is, and what its generation has been told already. */
static void member_welcome(struct member *member)
{
	const struct settings *settings = service.settings;
	struct generation *generation = member->generation;
	struct message message;

	message_init(&message, MESSAGE_WELCOME);
	message.count = 4;
	message.value[0] = generation->number;
	message.value[1] = settings->restart_signal;
	message.value[2] = settings->stop_signal ? settings->stop_signal : SIGQUIT;
	message.value[3] = (service.bare ? WELCOME_SIGNALS : 0) |
			   (service_is_vacant() ? WELCOME_ALONE : 0) |
			   (service_holds() ? WELCOME_HELD : 0);
	member_send(member, &message, NULL, 0);
	if (generation->phase != PHASE_STARTING)
		member_commit(member);
	/* One that was current already when this process was started. */
	if (generation->number > 1 && generation == service.current && TAILQ_EMPTY(&service.pool))
		member_tell(member, MESSAGE_SOLE, 0, 0);
	if (generation->phase >= PHASE_RETIRING)
		member_tell(member, MESSAGE_RETIRE, 0, 0);
	if (generation->comes_back)
		resume_member(member, &service.pool);
	if (generation->phase >= PHASE_DRAINING)
		member_tell(member, MESSAGE_PROBE, MESSAGE_MORE, 0);
	else if (generation == service.current && service.is_collecting)
		member_tell(member, MESSAGE_COLLECT, 0, 0);
	else
		member->answered = generation->phase < PHASE_RETIRING && !generation->comes_back;
	if (generation->strangers > 0)
		generation->strangers--;
}

void member_new(struct generation *generation, pid_t pid, int fd)
{
	struct member *member = allocate(sizeof(*member));

	if (!member) {
		close(fd);
		return;
	}
	member->generation = generation;
	member->pid = pid;
	TAILQ_INSERT_TAIL(&generation->members, member, link);
	loop_add(&member->source, fd, POLLIN, member_ready);
	log_line(LOG_LEVEL_DEBUG, "process %d joins generation %u", (int)pid, generation->number);
	member_welcome(member);
}

struct generation *generation_new(unsigned number, int listen_fd, const char *channel_name)
{
	struct generation *generation = allocate(sizeof(*generation));

	if (!generation)
		return NULL;
	generation->number = number;
	generation->phase = PHASE_STARTING;
	generation->started_ns = clock_now_ns();
	generation->started_at = time(NULL);
	TAILQ_INIT(&generation->members);
	TAILQ_INIT(&generation->heard);
	snprintf(generation->channel_name, sizeof(generation->channel_name), "%s", channel_name);
	loop_add(&generation->channel, listen_fd, POLLIN, visitor_accept);
	return generation;
}

void generation_free(struct generation *generation)
{
	struct member *member;

	visitors_close(generation);

	while ((member = TAILQ_FIRST(&generation->members))) {
		TAILQ_REMOVE(&generation->members, member, link);
		close(member->source.fd);
		loop_remove(&member->source);
		free(member);
	}
	heard_free(generation);
	notify_close(generation);
	if (generation->pidfd.active)
		close(generation->pidfd.fd);
	loop_remove(&generation->pidfd);
	close(generation->channel.fd);
	loop_remove(&generation->channel);
	timer_clear(&generation->deadline);
	timer_clear(&generation->again);
	free(generation->ports);
	free(generation);
}
