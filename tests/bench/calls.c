/*
 * calls PORT CALL TIMEOUT_MS FILE [blocking]: a server of one listener that makes one and the same call for
 * ever, for count_instructions to step through. CALL: poll, epoll_wait, accept4 (a client is taken
 * each time) or accept4-none (nobody is there). FILE gets "PID ADDRESS": the function that is called
 * once in a round. The listener is non-blocking unless the last word is there.
 *
 * Everything else in a round is made by system calls that pass no library, so that what is counted
 * twice, bare and preloaded, differs by the one call.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int listen_fd, ready_fd, epoll_fd, timeout_ms, is_blocking;
static struct sockaddr_in address;

/* A mark in the code; the tracer counts from one pass to the next. */
static void __attribute__((noinline)) mark(void)
{
	__asm__ volatile("");
}

static void round_poll(void)
{
	struct pollfd fds[2] = { { .fd = listen_fd, .events = POLLIN },
				 { .fd = ready_fd, .events = POLLIN } };

	if (poll(fds, 2, timeout_ms) != 1)
		_exit(1);
}

static void round_epoll_wait(void)
{
	struct epoll_event events[4];

	if (epoll_wait(epoll_fd, events, 4, timeout_ms) != 1)
		_exit(1);
}

static void round_accept4(void)
{
	long client_fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	int fd;

	if (syscall(SYS_connect, client_fd, &address, sizeof(address)) != 0)
		_exit(1);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd == -1)
		_exit(1);
	syscall(SYS_close, fd);
	syscall(SYS_close, client_fd);
}

static void round_accept4_none(void)
{
	if (accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC) != -1)
		_exit(1);
}

static const struct {
	const char *name;
	void (*run)(void);
} rounds[] = {
	{ "poll", round_poll },
	{ "epoll_wait", round_epoll_wait },
	{ "accept4", round_accept4 },
	{ "accept4-none", round_accept4_none },
};

static void listener_open(const char *port)
{
	struct epoll_event event = { .events = EPOLLIN };

	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port = htons((uint16_t)atoi(port)),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listen_fd = socket(AF_INET, SOCK_STREAM | (is_blocking ? 0 : SOCK_NONBLOCK), 0);
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listen_fd, 16) != 0)
		err(1, "cannot listen on port %s", port);
	ready_fd = eventfd(1, 0);
	epoll_fd = epoll_create1(0);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ready_fd, &event);
}

static void file_write(const char *path)
{
	char text[64], temporary[4096];
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.%d", path, getpid());
	snprintf(text, sizeof(text), "%d %lu\n", getpid(), (unsigned long)(uintptr_t)mark);
	file = fopen(temporary, "we");
	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0 ||
	    rename(temporary, path) != 0)
		err(1, "cannot write %s", path);
}

int main(int argc, char *argv[])
{
	void (*run)(void) = NULL;

	for (size_t i = 0; (argc == 5 || argc == 6) && i < sizeof(rounds) / sizeof(*rounds); i++) {
		if (strcmp(rounds[i].name, argv[2]) == 0)
			run = rounds[i].run;
	}
	if (run == NULL)
		errx(2, "usage: calls PORT poll|epoll_wait|accept4|accept4-none TIMEOUT_MS FILE "
		     "[blocking]");
	is_blocking = argc == 6;
	timeout_ms = atoi(argv[3]);
	listener_open(argv[1]);
	file_write(argv[4]);
	for (;;) {
		mark();
		run();
	}
}
