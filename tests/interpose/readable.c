/*
 * What an accept() that finds nobody does after each way to wait, on a blocking listener that
 * another generation has, too. After a wait call that said 'readable' of it, somebody else was
 * quicker: the program is not parked. After one that spoke of something else, it waits, as it does
 * without flip.
 */
#include "observe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N_MAX 40

static int listen_fd, idle_fd, busy_fd;

static int other_than(int fd)
{
	return fd == listen_fd ? idle_fd : listen_fd;
}

/* Each returns how many are ready, of n descriptors among which `fd` is the last. */

static int by_poll(int fd, nfds_t n)
{
	static struct pollfd fds[N_MAX];
	int result;

	for (nfds_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = i < n - 1 ? other_than(fd) : fd, .events = POLLIN };
	result = poll(fds, n, 2000);
	/* By the time of the accept() there may be anything in that place. */
	for (nfds_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = other_than(fd), .revents = POLLIN };
	return result;
}

static int by_ppoll(int fd, nfds_t n)
{
	struct pollfd fds[N_MAX];

	for (nfds_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = i < n - 1 ? other_than(fd) : fd, .events = POLLIN };
	return ppoll(fds, n, NULL, NULL);
}

static int by_select(int fd, nfds_t n)
{
	fd_set reads;

	(void)n;
	FD_ZERO(&reads);
	FD_SET(fd, &reads);
	return select(FD_SETSIZE, &reads, NULL, NULL, NULL);
}

static int by_epoll(int fd, nfds_t n)
{
	static int set_of_listener, set_of_other;
	int *set = fd == listen_fd ? &set_of_listener : &set_of_other;
	struct epoll_event event = { .events = EPOLLIN };

	(void)n;
	if (*set == 0) {
		*set = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
		must(epoll_ctl(*set, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
	}
	return epoll_wait(*set, &event, 1, 2000);
}

static void *visit(void *unused)
{
	(void)unused;
	usleep(200000);
	close(client(8080));
	return NULL;
}

static void say_accept(const char *what)
{
	int64_t start_ms = now_ms();
	int fd = accept(listen_fd, NULL, NULL);

	if (fd < 0)
		say("%s: %s %s", what, strerrorname_np(errno), since(start_ms));
	else
		say("%s: a client %s", what, since(start_ms));
	close(fd);
}

/* `fd` is ready, or is the listener, whose client somebody else takes. */
static void round_of(const char *name, int (*wait)(int, nfds_t), int fd, nfds_t n)
{
	char what[64];
	pthread_t thread;
	int client_fd = -1, ready;

	if (fd == listen_fd)
		client_fd = client(8080);
	ready = wait(fd, n);
	if (fd == listen_fd) {
		close((int)syscall(SYS_accept4, listen_fd, NULL, NULL, 0));
		close(client_fd);
	}
	snprintf(what, sizeof(what), "%s of %lu, %d ready, %s", name, n, ready,
		 fd == listen_fd ? "the listener" : "another");
	must(-pthread_create(&thread, NULL, visit, NULL), "pthread_create");
	say_accept(what);
	if (fd == listen_fd)
		say_accept("  again");
	pthread_join(thread, NULL);
}

int main(void)
{
	static const nfds_t numbers[] = { 1, 2, 3, 4, 15, 16, 17, N_MAX };
	int pipe_fds[2];

	listen_fd = listener(8080);
	must(pipe(pipe_fds), "pipe");
	idle_fd = pipe_fds[0];
	busy_fd = must(eventfd(1, 0), "eventfd");
	settle(listen_fd);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		round_of("poll", by_poll, busy_fd, numbers[i]);
		round_of("poll", by_poll, listen_fd, numbers[i]);
	}
	for (nfds_t n = 1; n < 3; n++) {
		round_of("ppoll", by_ppoll, busy_fd, n);
		round_of("ppoll", by_ppoll, listen_fd, n);
	}
	round_of("select", by_select, busy_fd, 1);
	round_of("select", by_select, listen_fd, 1);
	round_of("epoll_wait", by_epoll, busy_fd, 1);
	round_of("epoll_wait", by_epoll, listen_fd, 1);
	say("the end");
	return 0;
}
