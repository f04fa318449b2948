/* The control clients: who asks, and who waits for which answer. */
#include "log.h"
#include "service.h"
#include "transfer.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Members that do not answer must not keep `flip status` waiting. */
#define STATUS_TIMEOUT_MS 500

/* One that does not read is not told more than that. */
#define UNSENT_MAX 10000

struct unsent {
	struct report report;
	STAILQ_ENTRY(unsent) link;
};

struct asker {
	struct source source;
	struct timer timeout;
	enum message_type request; /* 0: has not asked yet; MESSAGE_TYPE_END: has its answer, but for what is unsent */
	STAILQ_HEAD(, unsent) unsent; /* for which there was no room; the last one may be the answer */
	unsigned n_unsent;
	TAILQ_ENTRY(asker) link;
};

static TAILQ_HEAD(, asker) askers = TAILQ_HEAD_INITIALIZER(askers);
static struct source listener;
static struct asker *serving; /* whose request is being looked after right now */

static void drop_first_unsent(struct asker *asker)
{
	struct unsent *unsent = STAILQ_FIRST(&asker->unsent);

	STAILQ_REMOVE_HEAD(&asker->unsent, link);
	asker->n_unsent--;
	free(unsent);
}

static void asker_close(struct asker *asker)
{
	while (!STAILQ_EMPTY(&asker->unsent))
		drop_first_unsent(asker);
	TAILQ_REMOVE(&askers, asker, link);
	loop_close(&asker->source);
	timer_clear(&asker->timeout);
	if (serving == asker)
		serving = NULL;
	free(asker);
}

/* False: there is no room for it. */
static bool send_now(const struct asker *asker, const struct report *report)
{
	return send(asker->source.fd, report, sizeof(*report), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static void keep_unsent(struct asker *asker, const struct report *report)
{
	struct unsent *unsent = asker->n_unsent < UNSENT_MAX ? malloc(sizeof(*unsent)) : NULL;

	if (!unsent)
		return;
	unsent->report = *report;
	STAILQ_INSERT_TAIL(&asker->unsent, unsent, link);
	asker->n_unsent++;
	loop_watch(&asker->source, POLLIN | POLLOUT);
}

static void send_unsent(struct asker *asker)
{
	while (!STAILQ_EMPTY(&asker->unsent)) {
		if (!send_now(asker, &STAILQ_FIRST(&asker->unsent)->report))
			return;
		drop_first_unsent(asker);
	}
	/* Its answer may have found no room in memory: then it hears that there is none. */
	if (asker->request == MESSAGE_TYPE_END)
		asker_close(asker);
	else
		loop_watch(&asker->source, POLLIN);
}

static void send_report(struct asker *asker, bool final, int exit_code, const char *format,
			va_list arguments)
{
	struct report report = {
		.magic = PROTOCOL_MAGIC,
		.version = PROTOCOL_VERSION,
		.final = final,
		.exit_code = (uint8_t)exit_code,
	};

	vsnprintf(report.text, sizeof(report.text), format, arguments);
	if (asker->n_unsent || !send_now(asker, &report))
		keep_unsent(asker, &report);
}

__attribute__((format(printf, 2, 3))) static void line(void *to, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_report(to, false, 0, format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void answer(struct asker *asker, int exit_code,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_report(asker, true, exit_code, format, arguments);
	va_end(arguments);
	asker->request = MESSAGE_TYPE_END;
	timer_clear(&asker->timeout);
	if (serving == asker)
		serving = NULL;
	if (!asker->n_unsent)
		asker_close(asker);
}

static bool is_waiting(const struct asker *asker)
{
	return asker->request == MESSAGE_CONTROL_RESTART || asker->request == MESSAGE_CONTROL_STOP;
}

/* Of a restart, while a stop may wait for its end; or of the service. */
static bool awaits_result(const struct asker *asker)
{
	return asker->request == MESSAGE_CONTROL_RESTART ||
	       (asker->request == MESSAGE_CONTROL_STOP && service.state == SERVICE_ENDED);
}

void asker_progress(const char *format, ...)
{
	struct asker *asker;
	va_list arguments;

	TAILQ_FOREACH(asker, &askers, link) {
		if (!is_waiting(asker))
			continue;
		va_start(arguments, format);
		send_report(asker, false, 0, format, arguments);
		va_end(arguments);
	}
}

void asker_result(int exit_code, const char *format, ...)
{
	struct asker *asker, *next;
	char text[800];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (asker = TAILQ_FIRST(&askers); asker; asker = next) {
		next = TAILQ_NEXT(asker, link);
		if (awaits_result(asker))
			answer(asker, exit_code, "%s", text);
	}
}

void asker_result_before(int exit_code, const char *text)
{
	struct asker *asker, *next;

	for (asker = TAILQ_FIRST(&askers); asker; asker = next) {
		next = TAILQ_NEXT(asker, link);
		if (asker->request == MESSAGE_CONTROL_RESTART && asker != serving)
			answer(asker, exit_code, "%s", text);
	}
}

void asker_abandon_restarts(const char *reason)
{
	struct asker *asker, *next;

	for (asker = TAILQ_FIRST(&askers); asker; asker = next) {
		next = TAILQ_NEXT(asker, link);
		if (asker->request == MESSAGE_CONTROL_RESTART)
			answer(asker, 1, "%s", reason);
	}
}

void asker_refuse(const char *reason)
{
	log_line(LOG_LEVEL_INFO, "refused: %s", reason);
	if (serving)
		answer(serving, 1, "%s", reason);
}

static void show_status(struct asker *asker)
{
	service_show_status(line, asker);
	answer(asker, 0, "%s", "");
}

static void status_timeout(struct timer *timer)
{
	show_status((void *)((char *)timer - offsetof(struct asker, timeout)));
}

static bool all_counted(void)
{
	const struct generation *generation;

	TAILQ_FOREACH(generation, &service.retired, link)
		if (!generation_all_answered(generation))
			return false;
	return !service.current || generation_all_answered(service.current);
}

void asker_counted(void)
{
	struct asker *asker, *next;

	if (!all_counted())
		return;
	for (asker = TAILQ_FIRST(&askers); asker; asker = next) {
		next = TAILQ_NEXT(asker, link);
		if (asker->request == MESSAGE_CONTROL_STATUS)
			show_status(asker);
	}
}

static void serve_status(struct asker *asker)
{
	struct generation *generation;

	timer_set(&asker->timeout, STATUS_TIMEOUT_MS, status_timeout);
	/* Counting takes members' time; while they do something more important they are left alone. */
	if (service_is_serving() || service.state == SERVICE_STARTING) {
		generation_count(service.current);
		TAILQ_FOREACH(generation, &service.retired, link)
			if (generation->phase == PHASE_DRAINING) {
				generation_gather(generation);
				generation_count(generation);
			}
	}
	asker_counted();
}

static void serve(struct asker *asker, enum message_type request)
{
	asker->request = request;
	serving = asker;
	if (request == MESSAGE_CONTROL_RESTART)
		service_request_restart();
	else if (request == MESSAGE_CONTROL_STOP)
		service_event(EVENT_STOP);
	else if (request == MESSAGE_CONTROL_STATUS)
		serve_status(asker);
	else
		answer(asker, 125, "this is no request to a supervisor");
	serving = NULL;
}

static void asker_ready(struct source *source, short revents)
{
	struct asker *asker = (void *)((char *)source - offsetof(struct asker, source));
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds;
	struct message message;
	int result;

	if (revents & POLLOUT) {
		send_unsent(asker);
		return;
	}
	result = transfer_receive(source->fd, &message, fds, &n_fds);
	if (result == -EAGAIN)
		return;
	transfer_close(fds, n_fds);
	if (result == 0 && !asker->request) {
		serve(asker, message.type);
		return;
	}
	if (result != -EPIPE)
		log_line(LOG_LEVEL_INFO, "rejected a message on the control socket: not one of flip's");
	asker_close(asker);
}

static bool may_ask(int fd, struct ucred *peer)
{
	socklen_t length = sizeof(*peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length) == 0 &&
	       (peer->uid == 0 || peer->uid == getuid());
}

static void listener_ready(struct source *source, short revents)
{
	struct asker *asker = calloc(1, sizeof(*asker));
	int fd = asker ? accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
	struct ucred peer = { 0 };

	(void)revents;
	if (fd < 0) {
		loop_cannot_accept(source, asker ? errno : ENOMEM);
		free(asker);
		return;
	}
	STAILQ_INIT(&asker->unsent);
	TAILQ_INSERT_TAIL(&askers, asker, link);
	loop_add(&asker->source, fd, POLLIN, asker_ready);
	if (!may_ask(fd, &peer)) {
		log_line(LOG_LEVEL_INFO, "rejected user %u (pid %d) on the control socket",
			 (unsigned)peer.uid, (int)peer.pid);
		answer(asker, 125, "this service belongs to another user");
	}
}

void asker_listen(int listen_fd)
{
	loop_add(&listener, listen_fd, POLLIN, listener_ready);
}
