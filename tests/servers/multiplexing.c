/*
 * The ways of waiting in which one thread waits for its listeners and its connections together.
 *
 * A loop owns listeners, connections that are being read, and connections whose work is not done
 * yet. Work takes the same time for every request, so that the last queue is in the order of the
 * deadlines. Every way of waiting is a function that waits once and tells loop_ready() what it saw.
 */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

/* Whatever is waited for: a listener, or else the first member of a connection. */
struct source {
	int fd;
	bool is_listener;
};

struct connection {
	struct source source;
	bool is_watched;		/* the epoll set knows it */
	int64_t due_ms;
	struct line line;
	TAILQ_ENTRY(connection) link;
};

TAILQ_HEAD(connection_list, connection);

struct loop;
typedef void (*loop_wait_fn)(struct loop *loop, int timeout_ms);

struct loop {
	struct server *server;
	loop_wait_fn wait;
	struct source *listeners;
	int listener_count;
	struct connection_list reading, working;
	int reading_count;
	bool uses_epoll;
	int epoll_fd;
	int inner_fd;			/* of epoll-nested: the set that holds the listeners */
	uint32_t listener_events;
	struct pollfd *wanted;		/* of poll: grows, is never given back */
	struct source **sources;
	int wanted_size;
};

static void epoll_add(int epoll_fd, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		err(3, "epoll_ctl(ADD, %d)", fd);
}

static void connection_free(struct loop *loop, struct connection *connection)
{
	TAILQ_REMOVE(&loop->reading, connection, link);
	loop->reading_count--;
	server_close(connection->source.fd);
	free(connection);
}

static void connection_set_working(struct loop *loop, struct connection *connection)
{
	TAILQ_REMOVE(&loop->reading, connection, link);
	loop->reading_count--;
	connection->due_ms = now_ms() + loop->server->options.work_ms;
	TAILQ_INSERT_TAIL(&loop->working, connection, link);
}

static void connection_set_reading(struct loop *loop, struct connection *connection)
{
	TAILQ_REMOVE(&loop->working, connection, link);
	TAILQ_INSERT_TAIL(&loop->reading, connection, link);
	loop->reading_count++;
}

/*
 * Edge-triggered, in every epoll mode: a connection at work need not be taken out for the time, and
 * what came meanwhile is read afterwards.
 */
static void connection_watch(struct loop *loop, struct connection *connection)
{
	if (!loop->uses_epoll || connection->is_watched)
		return;
	epoll_add(loop->epoll_fd, connection->source.fd, EPOLLIN | EPOLLET, connection);
	connection->is_watched = true;
}

/* Answer the line that is there. False if that was the end of the connection. */
static bool connection_answer(struct loop *loop, struct connection *connection)
{
	if (line_answer(loop->server, &connection->line, connection->source.fd) &&
	    loop->server->options.keepalive)
		return true;
	connection_free(loop, connection);
	return false;
}

/* Go on with a connection that is being read, until it would block, works, or is over. */
static void connection_advance(struct loop *loop, struct connection *connection)
{
	for (;;) {
		int result = line_read(&connection->line, connection->source.fd, MSG_DONTWAIT);

		if (result == 0) {
			connection_watch(loop, connection);
			return;
		}
		if (result == -1) {
			connection_free(loop, connection);
			return;
		}
		if (loop->server->options.work_ms > 0) {
			connection_set_working(loop, connection);
			return;
		}
		if (!connection_answer(loop, connection))
			return;
	}
}

static void connection_start(struct loop *loop, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		err(1, "calloc");
	connection->source.fd = fd;
	TAILQ_INSERT_TAIL(&loop->reading, connection, link);
	loop->reading_count++;
	/* Mostly the line is there already, and the set need never hear of the connection. */
	connection_advance(loop, connection);
}

/* A listener that blocks gives one connection a time: asking for a second could take for ever. */
static void listener_accept(struct loop *loop, const struct source *listener)
{
	bool again = loop->server->nonblocking;

	do {
		int fd = server_accept(loop->server, listener->fd, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1)
			return;
		connection_start(loop, fd);
	} while (again && !server_is_stopping());
}

static void loop_ready(struct loop *loop, struct source *source)
{
	if (source->is_listener) {
		if (!server_is_stopping())
			listener_accept(loop, source);
		return;
	}
	connection_advance(loop, (struct connection *)source);
}

static void loop_answer_due(struct loop *loop)
{
	struct connection *connection;
	int64_t now = TAILQ_EMPTY(&loop->working) ? 0 : now_ms();

	while ((connection = TAILQ_FIRST(&loop->working)) != NULL && connection->due_ms <= now) {
		connection_set_reading(loop, connection);
		if (connection_answer(loop, connection))
			connection_advance(loop, connection);
	}
}

/* With --term=graceful, threads that get no signal have to look now and then. */
static int loop_timeout_ms(const struct loop *loop)
{
	const struct connection *first = TAILQ_FIRST(&loop->working);
	int64_t left;

	if (first == NULL)
		return loop->server->options.term == TERM_GRACEFUL ? 100 : -1;
	left = first->due_ms - now_ms();
	return left > 0 ? (int)left : 0;
}

static bool loop_is_over(const struct loop *loop)
{
	return server_is_stopping() && TAILQ_EMPTY(&loop->reading) && TAILQ_EMPTY(&loop->working);
}

static void loop_run(struct loop *loop)
{
	while (!loop_is_over(loop)) {
		loop->wait(loop, loop_timeout_ms(loop));
		loop_answer_due(loop);
	}
	free(loop->listeners);
	free(loop->wanted);
	free(loop->sources);
	if (loop->uses_epoll)
		close(loop->epoll_fd);
	free(loop);
}

/* A loop for the listeners from 'first' on. */
static struct loop *loop_new(struct server *server, loop_wait_fn wait, int first, int count)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		err(1, "calloc");
	loop->server = server;
	loop->wait = wait;
	loop->listeners = calloc((size_t)count, sizeof(*loop->listeners));
	loop->listener_count = count;
	for (int i = 0; i < count; i++)
		loop->listeners[i] = (struct source){ server->listen_fds[first + i], true };
	TAILQ_INIT(&loop->reading);
	TAILQ_INIT(&loop->working);
	return loop;
}

/* poll and select: what is waited for is named anew each time. */

static void wanted_grow(struct loop *loop, int count)
{
	if (count <= loop->wanted_size)
		return;
	loop->wanted_size = 2 * count;
	loop->wanted = realloc(loop->wanted, sizeof(*loop->wanted) * (size_t)loop->wanted_size);
	loop->sources = realloc(loop->sources, sizeof(*loop->sources) * (size_t)loop->wanted_size);
	if (loop->wanted == NULL || loop->sources == NULL)
		err(1, "realloc");
}

static int wanted_fill(struct loop *loop)
{
	struct connection *connection;
	int count = 0;

	wanted_grow(loop, loop->listener_count + loop->reading_count);
	for (int i = 0; i < loop->listener_count && !server_is_stopping(); i++)
		loop->sources[count++] = &loop->listeners[i];
	TAILQ_FOREACH(connection, &loop->reading, link)
		loop->sources[count++] = &connection->source;
	for (int i = 0; i < count; i++)
		loop->wanted[i] = (struct pollfd){ .fd = loop->sources[i]->fd, .events = POLLIN };
	return count;
}

static void wanted_ready(struct loop *loop, int count)
{
	for (int i = 0; i < count; i++) {
		if (loop->wanted[i].revents != 0)
			loop_ready(loop, loop->sources[i]);
	}
}

static void wait_poll(struct loop *loop, int timeout_ms)
{
	int count = wanted_fill(loop);

	if (poll(loop->wanted, (nfds_t)count, timeout_ms) == -1)
		server_wait_failed(loop->server, "poll");
	else
		wanted_ready(loop, count);
}

static void wait_epoll(struct loop *loop, int timeout_ms);

/* The set of wait_epoll() is waited for as one descriptor among others, and then asked what it has. */
static void wait_poll_nested(struct loop *loop, int timeout_ms)
{
	if (poll(&(struct pollfd){ .fd = loop->epoll_fd, .events = POLLIN }, 1, timeout_ms) == -1)
		server_wait_failed(loop->server, "poll");
	else
		wait_epoll(loop, 0);
}

static void wait_select_nested(struct loop *loop, int timeout_ms)
{
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(loop->epoll_fd, &set);
	if (select(loop->epoll_fd + 1, &set, NULL, NULL, timeout_ms < 0 ? NULL : &timeout) == -1)
		server_wait_failed(loop->server, "select");
	else
		wait_epoll(loop, 0);
}

/* Another thread waits, and the loop does what there is to do (Tcl's notifier). */
static struct {
	sem_t asked, answered;
	struct loop *loop;
	int count, timeout_ms, result;
} notifier;

static void *notifier_run(void *unused)
{
	for (;;) {
		while (sem_wait(&notifier.asked) == -1)
			;
		notifier.result = poll(notifier.loop->wanted, (nfds_t)notifier.count, notifier.timeout_ms);
		sem_post(&notifier.answered);
	}
	return unused;
}

static void wait_poll_elsewhere(struct loop *loop, int timeout_ms)
{
	notifier.loop = loop;
	notifier.count = wanted_fill(loop);
	notifier.timeout_ms = timeout_ms;
	sem_post(&notifier.asked);
	while (sem_wait(&notifier.answered) == -1)
		;
	if (notifier.result == -1)
		server_wait_failed(loop->server, "poll");
	else
		wanted_ready(loop, notifier.count);
}

/* NULL, for ever, is what a negative time means. */
static struct timespec *timeout_fill(struct timespec *timeout, int timeout_ms)
{
	*timeout = (struct timespec){ timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	return timeout_ms < 0 ? NULL : timeout;
}

/* During the call: what was blocked before is not, or everything is. */
static void mask_fill(const struct loop *loop, sigset_t *mask)
{
	if (loop->server->options.full_mask)
		sigfillset(mask);
	else
		sigemptyset(mask);
}

static void wait_ppoll(struct loop *loop, int timeout_ms)
{
	struct timespec timeout;
	int count = wanted_fill(loop);
	sigset_t mask;

	mask_fill(loop, &mask);
	if (ppoll(loop->wanted, (nfds_t)count, timeout_fill(&timeout, timeout_ms), &mask) == -1)
		server_wait_failed(loop->server, "ppoll");
	else
		wanted_ready(loop, count);
}

static int set_fill(struct loop *loop, fd_set *set, int *count)
{
	int fd_max = -1;

	FD_ZERO(set);
	*count = wanted_fill(loop);
	for (int i = 0; i < *count; i++) {
		int fd = loop->wanted[i].fd;

		if (fd >= FD_SETSIZE)
			errx(3, "descriptor %d is too big for select", fd);
		FD_SET(fd, set);
		fd_max = fd > fd_max ? fd : fd_max;
	}
	return fd_max;
}

static void set_ready(struct loop *loop, const fd_set *set, int count)
{
	for (int i = 0; i < count; i++)
		loop->wanted[i].revents = FD_ISSET(loop->wanted[i].fd, set) ? POLLIN : 0;
	wanted_ready(loop, count);
}

static void wait_select(struct loop *loop, int timeout_ms)
{
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	fd_set set;
	int count, fd_max = set_fill(loop, &set, &count);

	if (select(fd_max + 1, &set, NULL, NULL, timeout_ms < 0 ? NULL : &timeout) == -1)
		server_wait_failed(loop->server, "select");
	else
		set_ready(loop, &set, count);
}

static void wait_pselect(struct loop *loop, int timeout_ms)
{
	struct timespec timeout;
	fd_set set;
	sigset_t mask;
	int count, fd_max = set_fill(loop, &set, &count);

	mask_fill(loop, &mask);
	if (pselect(fd_max + 1, &set, NULL, NULL, timeout_fill(&timeout, timeout_ms), &mask) == -1)
		server_wait_failed(loop->server, "pselect");
	else
		set_ready(loop, &set, count);
}

/* Every signal goes to the main thread. */
static void thread_start(void *(*run)(void *), void *argument)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	errno = pthread_create(&thread, NULL, run, argument);
	if (errno != 0)
		err(1, "pthread_create");
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void run_poll(struct server *server)
{
	loop_run(loop_new(server, wait_poll, 0, server->listen_count));
}

void run_ppoll(struct server *server)
{
	loop_run(loop_new(server, wait_ppoll, 0, server->listen_count));
}

void run_select(struct server *server)
{
	loop_run(loop_new(server, wait_select, 0, server->listen_count));
}

void run_pselect(struct server *server)
{
	loop_run(loop_new(server, wait_pselect, 0, server->listen_count));
}

/* epoll */

enum { EVENTS_MAX = 64 };

static void events_ready(struct loop *loop, const char *call, struct epoll_event *events, int count)
{
	if (count == -1)
		server_wait_failed(loop->server, call);
	for (int i = 0; i < count; i++)
		loop_ready(loop, events[i].data.ptr);
}

static void wait_epoll(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, timeout_ms);

	events_ready(loop, "epoll_wait", events, count);
}

static void wait_epoll_pwait(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	sigset_t mask;
	int count;

	mask_fill(loop, &mask);
	count = epoll_pwait(loop->epoll_fd, events, EVENTS_MAX, timeout_ms, &mask);
	events_ready(loop, "epoll_pwait", events, count);
}

static void wait_epoll_pwait2(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	struct timespec timeout;
	int count = epoll_pwait2(loop->epoll_fd, events, EVENTS_MAX,
				 timeout_fill(&timeout, timeout_ms), NULL);

	events_ready(loop, "epoll_pwait2", events, count);
}

/* The outer set says that the inner one has something: its listeners come without data of ours. */
static void wait_epoll_nested(struct loop *loop, int timeout_ms)
{
	struct epoll_event outer[EVENTS_MAX], inner[EVENTS_MAX];
	int count = epoll_wait(loop->epoll_fd, outer, EVENTS_MAX, timeout_ms);

	if (count == -1)
		server_wait_failed(loop->server, "epoll_wait");
	for (int i = 0; i < count; i++) {
		if (outer[i].data.ptr != NULL) {
			loop_ready(loop, outer[i].data.ptr);
			continue;
		}
		events_ready(loop, "epoll_wait", inner,
			     epoll_wait(loop->inner_fd, inner, EVENTS_MAX, 0));
	}
}

static struct loop *epoll_loop_new(struct server *server, loop_wait_fn wait, uint32_t events,
				   int first, int count)
{
	struct loop *loop = loop_new(server, wait, first, count);

	loop->uses_epoll = true;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->inner_fd = loop->epoll_fd;
	if (loop->epoll_fd == -1)
		err(1, "epoll_create1");
	if (wait == wait_epoll_nested) {
		loop->inner_fd = epoll_create1(EPOLL_CLOEXEC);
		epoll_add(loop->epoll_fd, loop->inner_fd, EPOLLIN, NULL);
	}
	for (int i = 0; i < count; i++)
		epoll_add(loop->inner_fd, loop->listeners[i].fd, EPOLLIN | events,
			  &loop->listeners[i]);
	return loop;
}

void run_epoll(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_epoll, 0, 0, server->listen_count));
}

void run_epoll_pwait(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_epoll_pwait, 0, 0, server->listen_count));
}

void run_epoll_pwait2(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_epoll_pwait2, 0, 0, server->listen_count));
}

void run_epoll_et(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_epoll, EPOLLET, 0, server->listen_count));
}

void run_poll_nested(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_poll_nested, 0, 0, server->listen_count));
}

void run_select_nested(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_select_nested, 0, 0, server->listen_count));
}

void run_poll_elsewhere(struct server *server)
{
	sem_init(&notifier.asked, 0, 0);
	sem_init(&notifier.answered, 0, 0);
	thread_start(notifier_run, NULL);
	loop_run(loop_new(server, wait_poll_elsewhere, 0, server->listen_count));
}

void run_epoll_nested(struct server *server)
{
	loop_run(epoll_loop_new(server, wait_epoll_nested, 0, 0, server->listen_count));
}

static void *loop_thread(void *argument)
{
	loop_run(argument);
	return NULL;
}

static void loop_start(struct loop *loop)
{
	thread_start(loop_thread, loop);
}

/* Several threads, a set each, all with the same listeners. */
void run_epoll_exclusive(struct server *server)
{
	int count = server->listen_count;

	for (int i = 1; i < server->options.threads; i++)
		loop_start(epoll_loop_new(server, wait_epoll, EPOLLEXCLUSIVE, 0, count));
	loop_run(epoll_loop_new(server, wait_epoll, EPOLLEXCLUSIVE, 0, count));
}

/* Several threads, a set and a listener each. */
void run_epoll_many(struct server *server)
{
	for (int i = 1; i < server->listen_count; i++)
		loop_start(epoll_loop_new(server, wait_epoll, 0, i, 1));
	loop_run(epoll_loop_new(server, wait_epoll, 0, 0, 1));
}
