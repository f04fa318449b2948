/*
 * A server of datagrams: answers "TAG PID TEXT" to TEXT. Like the other test servers it is an
 * ordinary program that knows nothing of what it is used for.
 *
 *   datagram [--wait=recv|poll|epoll|mmsg|forward] [--listen=ADDR:PORT] [--sockets=N]
 *            [--work-ms=N] [--tag-file=FILE] [--fail-file=FILE] [--poll-first]
 *
 * --wait=forward asks itself, as an upstream, in a thread that answers after --work-ms: a query may
 * be on its way for that long while others come, as in a DNS forwarder.
 * --sockets=N: a SO_REUSEPORT group of N sockets, a thread for each.
 * --poll-first: something else was ready at the number that the socket gets.
 * --fail-file: exit with status 1 once everything is bound, if that file exists.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_SIZE = 512, SOCKETS_MAX = 64, PENDING_MAX = 256 };

struct peer {
	struct sockaddr_in address;
	socklen_t length;
};

static const char *wait_name = "recv", *tag_path, *fail_path;
static struct sockaddr_in listen_address;
static int socket_count = 1, work_ms;
static bool poll_first;
static char tag[64] = "v1";

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

static void poll_another(void)
{
	int pair[2];

	if (pipe(pair) == -1 || write(pair[1], "x", 1) != 1 ||
	    poll(&(struct pollfd){ .fd = pair[0], .events = POLLIN }, 1, 1000) != 1)
		err(1, "cannot poll");
	close(pair[0]);
}

static int bound(const struct sockaddr_in *address)
{
	if (poll_first)
		poll_another();
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = socket_count > 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) == -1)
		err(1, "cannot bind");
	return fd;
}

static void answer(int fd, const char *text, size_t length, const struct peer *to)
{
	char reply[TEXT_SIZE + 100];
	int n = snprintf(reply, sizeof(reply), "%s %d %.*s", tag, (int)getpid(), (int)length, text);

	if (sendto(fd, reply, (size_t)n, 0, (const struct sockaddr *)&to->address, to->length) != n)
		err(1, "cannot answer");
}

/* Nothing there is no failure of a socket that somebody else reads, too. */
static ssize_t receive(int fd, char *text, struct peer *from, int flags)
{
	ssize_t n;

	from->length = sizeof(from->address);
	n = recvfrom(fd, text, TEXT_SIZE, flags, (struct sockaddr *)&from->address, &from->length);
	if (n == -1 && errno != EAGAIN)
		err(1, "recvfrom");
	return n;
}

/* False: nothing was there, which a call that blocks does not say. */
static bool serve_one(int fd, int flags)
{
	char text[TEXT_SIZE];
	struct peer from;
	ssize_t n = receive(fd, text, &from, flags);

	if (n < 0)
		return false;
	sleep_ms(work_ms);
	answer(fd, text, (size_t)n, &from);
	return true;
}

static void run_recv(int fd)
{
	while (serve_one(fd, 0))
		;
	err(1, "recvfrom");
}

static void run_poll(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (;;) {
		if (poll(&poll_fd, 1, -1) == -1)
			err(1, "poll");
		serve_one(fd, 0);
	}
}

static void run_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };
	int set = epoll_create1(0);
	char text[TEXT_SIZE];
	struct peer from;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == -1)
		err(1, "epoll_ctl");
	for (;;) {
		if (epoll_wait(set, &event, 1, -1) == -1)
			err(1, "epoll_wait");
		while ((n = receive(fd, text, &from, 0)) >= 0)
			answer(fd, text, (size_t)n, &from);
	}
}

static void run_mmsg(int fd)
{
	char texts[8][TEXT_SIZE], reply[TEXT_SIZE + 100];
	struct sockaddr_in from[8];

	for (;;) {
		struct iovec vectors[8], out;
		struct mmsghdr messages[8] = { 0 }, one = { 0 };

		for (int i = 0; i < 8; i++) {
			vectors[i] = (struct iovec){ texts[i], TEXT_SIZE };
			messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
							       .msg_namelen = sizeof(from[i]),
							       .msg_iov = &vectors[i],
							       .msg_iovlen = 1 };
		}
		int n = recvmmsg(fd, messages, 8, MSG_WAITFORONE, NULL);

		if (n == -1 && errno != EAGAIN)
			err(1, "recvmmsg");
		for (int i = 0; i < n; i++) {
			out.iov_base = reply;
			out.iov_len = (size_t)snprintf(reply, sizeof(reply), "%s %d %.*s", tag,
						       (int)getpid(), (int)messages[i].msg_len,
						       texts[i]);
			one.msg_hdr = (struct msghdr){ .msg_name = &from[i],
						       .msg_namelen = sizeof(from[i]),
						       .msg_iov = &out, .msg_iovlen = 1 };
			if (sendmmsg(fd, &one, 1, 0) != 1)
				err(1, "sendmmsg");
		}
	}
}

/* The upstream: an echo that takes its time, and looks after many queries at once. */
static void *upstream(void *argument)
{
	int fd = *(int *)argument;
	static struct { char text[TEXT_SIZE]; ssize_t n; struct peer from; int64_t at_ms; } queue[PENDING_MAX];
	unsigned first = 0, last = 0;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (;;) {
		struct timespec now;
		int64_t now_ms;
		int wait_ms;

		clock_gettime(CLOCK_MONOTONIC, &now);
		now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
		while (first != last && queue[first % PENDING_MAX].at_ms <= now_ms) {
			sendto(fd, queue[first % PENDING_MAX].text, (size_t)queue[first % PENDING_MAX].n, 0,
			       (struct sockaddr *)&queue[first % PENDING_MAX].from.address,
			       queue[first % PENDING_MAX].from.length);
			first++;
		}
		wait_ms = first == last ? -1 : (int)(queue[first % PENDING_MAX].at_ms - now_ms);
		if (poll(&poll_fd, 1, wait_ms) < 1)
			continue;
		queue[last % PENDING_MAX].n = receive(fd, queue[last % PENDING_MAX].text,
						      &queue[last % PENDING_MAX].from, 0);
		queue[last % PENDING_MAX].at_ms = now_ms + work_ms;
		last++;
	}
	return NULL;
}

/* Asks the upstream on a port of its own for each query, as resolvers do, and answers in any order. */
static void run_forward(int fd)
{
	static struct { int fd; struct peer from; } pending[PENDING_MAX];
	struct pollfd fds[PENDING_MAX + 1];
	struct sockaddr_in up = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(up);
	int up_fd = socket(AF_INET, SOCK_DGRAM, 0), count = 0;
	char text[TEXT_SIZE];
	pthread_t thread;

	if (bind(up_fd, (struct sockaddr *)&up, sizeof(up)) == -1 ||
	    getsockname(up_fd, (struct sockaddr *)&up, &length) == -1)
		err(1, "upstream");
	pthread_create(&thread, NULL, upstream, &up_fd);
	for (;;) {
		struct peer from;
		ssize_t n;

		fds[0] = (struct pollfd){ .fd = count < PENDING_MAX ? fd : -1, .events = POLLIN };
		for (int i = 0; i < count; i++)
			fds[i + 1] = (struct pollfd){ .fd = pending[i].fd, .events = POLLIN };
		if (poll(fds, (nfds_t)count + 1, -1) == -1)
			err(1, "poll");
		for (int i = count - 1; i >= 0; i--) {
			if (!fds[i + 1].revents || (n = receive(pending[i].fd, text, &from, 0)) < 0)
				continue;
			answer(fd, text, (size_t)n, &pending[i].from);
			close(pending[i].fd);
			pending[i] = pending[--count];
		}
		if (!fds[0].revents || (n = receive(fd, text, &from, MSG_DONTWAIT)) < 0)
			continue;
		pending[count].fd = socket(AF_INET, SOCK_DGRAM, 0);
		pending[count].from = from;
		sendto(pending[count].fd, text, (size_t)n, 0, (struct sockaddr *)&up, sizeof(up));
		count++;
	}
}

static const struct {
	const char *name;
	void (*run)(int fd);
} modes[] = {
	{ "recv", run_recv }, { "poll", run_poll }, { "epoll", run_epoll }, { "mmsg", run_mmsg },
	{ "forward", run_forward },
};

static void *run(void *argument)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(modes[i].name, wait_name) == 0)
			modes[i].run(*(int *)argument);
	errx(2, "no way to wait is called '%s'", wait_name);
}

static void options_parse(int argc, char *argv[])
{
	static const struct option table[] = {
		{ "wait", required_argument, NULL, 'w' }, { "listen", required_argument, NULL, 'l' },
		{ "sockets", required_argument, NULL, 's' }, { "work-ms", required_argument, NULL, 'm' },
		{ "tag-file", required_argument, NULL, 't' }, { "fail-file", required_argument, NULL, 'f' },
		{ "poll-first", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	char host[20] = "127.0.0.1";
	unsigned short port = 5353;
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'w')
			wait_name = optarg;
		else if (option == 'l' && sscanf(optarg, "%19[^:]:%hu", host, &port) != 2)
			errx(2, "'%s' is no address", optarg);
		else if (option == 's')
			socket_count = atoi(optarg);
		else if (option == 'm')
			work_ms = atoi(optarg);
		else if (option == 't')
			tag_path = optarg;
		else if (option == 'p')
			poll_first = true;
		else if (option == 'f')
			fail_path = optarg;
		else if (option == '?')
			exit(2);
	}
	listen_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
					       .sin_addr.s_addr = inet_addr(host) };
}

/* The file of the next version: its tag and, if it differs, its number of sockets. */
static void tag_read(void)
{
	FILE *file = tag_path ? fopen(tag_path, "re") : NULL;

	if (file == NULL)
		return;
	if (fscanf(file, "%63s %d", tag, &socket_count) < 1)
		errx(1, "no tag in %s", tag_path);
	fclose(file);
}

int main(int argc, char *argv[])
{
	static int fds[SOCKETS_MAX];
	pthread_t thread;

	options_parse(argc, argv);
	tag_read();
	if (socket_count < 1 || socket_count > SOCKETS_MAX)
		errx(2, "from 1 to %d sockets", SOCKETS_MAX);
	for (int i = 0; i < socket_count; i++)
		fds[i] = bound(&listen_address);
	if (fail_path && access(fail_path, F_OK) == 0)
		errx(1, "told to fail");
	for (int i = 1; i < socket_count; i++)
		pthread_create(&thread, NULL, run, &fds[i]);
	run(&fds[0]);
}
