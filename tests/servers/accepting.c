/* The ways of waiting in which a thread sits in accept(), or serves a single connection. */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>

/* What a thread is about: a listener to accept from, or a connection to serve. */
struct task {
	struct server *server;
	int fd;
	int accept_flags;
};

void connection_serve(struct server *server, int fd)
{
	struct line line = { .length = 0 };

	while (line_read(&line, fd, 0) == 1) {
		if (server->options.work_ms > 0)
			sleep_ms(server->options.work_ms);
		if (!line_answer(server, &line, fd) || !server->options.keepalive)
			break;
	}
	server_close(fd);
}

/* Every signal goes to the main thread: it alone looks at what the handlers did. */
static void thread_start(void *(*body)(void *), struct task task)
{
	struct task *copy = malloc(sizeof(*copy));
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;

	if (copy == NULL)
		err(1, "malloc");
	*copy = task;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	errno = pthread_create(&thread, &attributes, body, copy);
	if (errno != 0)
		err(1, "pthread_create");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

/* Nothing there although accept() was asked: wait for it, unless SO_RCVTIMEO is what ended it. */
static int accept_next(struct server *server, int listen_fd, int flags)
{
	struct pollfd wanted = { .fd = listen_fd, .events = POLLIN };
	int fd = server_accept(server, listen_fd, flags);
	bool would_block = server->nonblocking || server->options.toggle;

	if (fd == -1 && errno == EAGAIN && would_block && poll(&wanted, 1, -1) == -1)
		server_wait_failed(server, "poll");
	return fd;
}

static void accept_and_serve(struct task task)
{
	while (!server_is_stopping()) {
		int fd = accept_next(task.server, task.fd, task.accept_flags);

		if (fd >= 0)
			connection_serve(task.server, fd);
	}
}

/* One for all threads, which can only go well if just one of them uses it at a time. */
static void stack_share(const struct server *server)
{
	static char stack[64 * 1024];

	if (server->options.one_stack &&
	    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, NULL) == -1)
		err(1, "sigaltstack");
}

static void *accepting_thread(void *argument)
{
	struct task task = *(struct task *)argument;

	free(argument);
	stack_share(task.server);
	accept_and_serve(task);
	return NULL;
}

/* The main thread takes the first listener, a thread each takes the others. */
static void accept_everywhere(struct server *server, int accept_flags)
{
	for (int i = 1; i < server->listen_count; i++) {
		thread_start(accepting_thread,
			     (struct task){ server, server->listen_fds[i], accept_flags });
	}
	accept_and_serve((struct task){ server, server->listen_fds[0], accept_flags });
}

void run_accept(struct server *server)
{
	accept_everywhere(server, 0);
}

void run_accept4(struct server *server)
{
	accept_everywhere(server, SOCK_CLOEXEC);
}

static void *serving_thread(void *argument)
{
	struct task task = *(struct task *)argument;

	free(argument);
	connection_serve(task.server, task.fd);
	return NULL;
}

static void accept_and_start(struct task task)
{
	while (!server_is_stopping()) {
		int fd = accept_next(task.server, task.fd, 0);

		if (fd >= 0)
			thread_start(serving_thread, (struct task){ task.server, fd, 0 });
	}
}

static void *starting_thread(void *argument)
{
	struct task task = *(struct task *)argument;

	free(argument);
	accept_and_start(task);
	return NULL;
}

void run_thread(struct server *server)
{
	for (int i = 1; i < server->listen_count; i++)
		thread_start(starting_thread, (struct task){ server, server->listen_fds[i], 0 });
	accept_and_start((struct task){ server, server->listen_fds[0], 0 });
}

/* Many threads in accept() on the same listener; the main one is one of them. */
void run_threads(struct server *server)
{
	for (int i = 0; i < server->listen_count; i++) {
		for (int j = 1; j < server->options.threads; j++)
			thread_start(accepting_thread,
				     (struct task){ server, server->listen_fds[i], 0 });
	}
	accept_everywhere(server, 0);
}

/*
 * Wait for 'readable', then accept with a listener that blocks: python's socketserver, pure-ftpd
 * and postgres do. It is wrong as soon as somebody else can take the connection first.
 */
void run_poll_blocking(struct server *server)
{
	struct pollfd *wanted = calloc((size_t)server->listen_count, sizeof(*wanted));

	for (int i = 0; i < server->listen_count; i++)
		wanted[i] = (struct pollfd){ .fd = server->listen_fds[i], .events = POLLIN };
	while (!server_is_stopping()) {
		if (poll(wanted, (nfds_t)server->listen_count, 500) == -1)
			server_wait_failed(server, "poll");
		for (int i = 0; i < server->listen_count; i++) {
			int fd = wanted[i].revents & POLLIN
			       ? server_accept(server, wanted[i].fd, SOCK_CLOEXEC) : -1;

			if (fd >= 0)
				connection_serve(server, fd);
		}
	}
	free(wanted);
}

void run_select_blocking(struct server *server)
{
	while (!server_is_stopping()) {
		fd_set wanted;

		FD_ZERO(&wanted);
		for (int i = 0; i < server->listen_count; i++)
			FD_SET(server->listen_fds[i], &wanted);
		if (select(FD_SETSIZE, &wanted, NULL, NULL, NULL) == -1) {
			server_wait_failed(server, "select");
			continue;
		}
		for (int i = 0; i < server->listen_count; i++) {
			int fd = FD_ISSET(server->listen_fds[i], &wanted)
			       ? server_accept(server, server->listen_fds[i], 0) : -1;

			if (fd >= 0)
				connection_serve(server, fd);
		}
	}
}

/* Nobody sees it wait: it asks for clients again and again, by system calls of its own. */
void run_raw(struct server *server)
{
	while (!server_is_stopping()) {
		bool found = false;

		for (int i = 0; i < server->listen_count; i++) {
			int fd = server_accept_raw(server, server->listen_fds[i]);

			if (fd >= 0)
				connection_serve(server, fd);
			found |= fd >= 0;
		}
		if (!found)
			sleep_ms(1);
	}
}
