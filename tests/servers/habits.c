/*
 * A server with one habit of real ones, named on its command line, before it accepts by epoll, mostly. It
 * answers "TAG PID LINE", as the other test servers do.
 *
 *   habits HABIT PORT TAG-FILE
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address;
static int listen_fd, set;
static bool blocks; /* in accept(), without a wait call before it */
static char tag[64];

static void must(int result, const char *what)
{
	if (result == -1)
		err(1, "%s", what);
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void option_set(int level, int option, int value)
{
	must(setsockopt(listen_fd, level, option, &value, sizeof(value)), "setsockopt");
}

static void fresh(void)
{
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocks ? 0 : SOCK_NONBLOCK), 0);
	must(listen_fd, "socket");
	option_set(SOL_SOCKET, SO_REUSEADDR, 1);
}

static void bind_it(void)
{
	must(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)), "bind");
}

static void listen_it(void)
{
	must(listen(listen_fd, 511), "listen");
}

static void as_nobody(void)
{
	must(setgid(65534), "setgid");
	must(setuid(65534), "setuid");
}

static void plain(void)
{
	fresh();
	bind_it();
	listen_it();
}

static void close_loop(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 3; fd < (int)limit.rlim_cur && fd < 4096; fd++)
		close(fd);
	set = epoll_create1(EPOLL_CLOEXEC);
	plain();
}

static void close_from(void)
{
	closefrom(3);
	set = epoll_create1(EPOLL_CLOEXEC);
	plain();
}

static void close_by_range(void)
{
	must(close_range(3, ~0u, 0), "close_range");
	set = epoll_create1(EPOLL_CLOEXEC);
	plain();
}

static void clear_environment(void)
{
	clearenv();
	plain();
}

extern char **environ;

static void overwrite_environment(void)
{
	for (char **variable = environ; *variable; variable++)
		memset(*variable, 'x', strlen(*variable));
	plain();
}

static void root_changed_before(void)
{
	must(chroot("/dev"), "chroot");
	must(chdir("/"), "chdir");
	plain();
}

static void root_changed_after(void)
{
	plain();
	must(chroot("/dev"), "chroot");
	must(chdir("/"), "chdir");
}

static void user_changed_before(void)
{
	as_nobody();
	plain();
}

static void user_changed_after(void)
{
	plain();
	as_nobody();
}

static void no_new_privileges(void)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	plain();
}

static void probes(void)
{
	plain();
	close(listen_fd);
	fresh();
	bind_it();
	close(listen_fd);
	plain();
}

static void *bind_in_thread(void *unused)
{
	bind_it();
	return unused;
}

static void listens_in_another_thread(void)
{
	pthread_t thread;

	fresh();
	pthread_create(&thread, NULL, bind_in_thread, NULL);
	pthread_join(thread, NULL);
	listen_it();
}

static void asks_for_its_name(void)
{
	struct sockaddr_in name;
	socklen_t length = sizeof(name);

	fresh();
	bind_it();
	must(getsockname(listen_fd, (struct sockaddr *)&name, &length), "getsockname");
	if (name.sin_port != address.sin_port)
		errx(1, "bound to port %d", ntohs(name.sin_port));
	listen_it();
}

static bool watched;

static void watches_before_bind(void)
{
	fresh();
	watch(listen_fd);
	watched = true;
	bind_it();
	listen_it();
}

static void listens_twice(void)
{
	plain();
	listen_it();
}

static void on_descriptor_0(void)
{
	int fd;

	plain();
	fd = listen_fd;
	must(dup2(fd, 0), "dup2");
	close(fd);
	listen_fd = 0;
}

static void defers_before_bind(void)
{
	fresh();
	option_set(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
	option_set(IPPROTO_TCP, TCP_FASTOPEN, 16);
	bind_it();
	listen_it();
}

static void defers_after_listen(void)
{
	plain();
	option_set(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
	option_set(IPPROTO_TCP, TCP_FASTOPEN, 16);
}

/* Others were ready before it serves by accept() alone. */
static int polled(nfds_t n)
{
	struct pollfd fds[32];

	for (nfds_t i = 0; i < n; i++) {
		int pair[2];

		must(pipe2(pair, O_CLOEXEC), "pipe2");
		must((int)write(pair[1], "x", 1), "write");
		fds[i] = (struct pollfd){ .fd = pair[0], .events = POLLIN };
	}
	must(poll(fds, n, 1000), "poll");
	return fds[0].fd;
}

static void polls_its_number_before(void)
{
	int fd = polled(1);

	close(fd);
	blocks = true;
	plain();
	if (listen_fd != fd)
		errx(1, "the listener is %d, and not %d", listen_fd, fd);
}

static void polls_many_before(void)
{
	polled(20);
	blocks = true;
	plain();
}

static const struct {
	const char *name;
	void (*begin)(void);
} habits[] = {
	{ "plain", plain },
	{ "close-loop", close_loop },
	{ "closefrom", close_from },
	{ "close-range", close_by_range },
	{ "clear-environment", clear_environment },
	{ "overwrite-environment", overwrite_environment },
	{ "chroot-before-bind", root_changed_before },
	{ "chroot-after-listen", root_changed_after },
	{ "setuid-before-bind", user_changed_before },
	{ "setuid-after-listen", user_changed_after },
	{ "no-new-privs", no_new_privileges },
	{ "probes", probes },
	{ "listen-in-another-thread", listens_in_another_thread },
	{ "getsockname", asks_for_its_name },
	{ "epoll-before-bind", watches_before_bind },
	{ "listen-twice", listens_twice },
	{ "on-descriptor-0", on_descriptor_0 },
	{ "defer-before-bind", defers_before_bind },
	{ "defer-after-listen", defers_after_listen },
	{ "polls-its-number-before", polls_its_number_before },
	{ "polls-many-before", polls_many_before },
};

static void begin(const char *habit)
{
	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++) {
		if (strcmp(habits[i].name, habit) == 0) {
			habits[i].begin();
			return;
		}
	}
	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++)
		puts(habits[i].name);
	exit(2);
}

static void serve(int fd)
{
	char line[512], reply[600];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	if (n > 0) {
		line[n] = '\0';
		n = snprintf(reply, sizeof(reply), "%s %d %s", tag, (int)getpid(), line);
		if (write(fd, reply, (size_t)n) != n)
			warn("write");
	}
	close(fd);
}

static void tag_read(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file || fscanf(file, "%63s", tag) != 1)
		err(1, "cannot read %s", path);
	fclose(file);
}

int main(int argc, char *argv[])
{
	if (argc != 4)
		begin("none");
	tag_read(argv[3]);
	address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	set = epoll_create1(EPOLL_CLOEXEC);
	begin(argv[1]);
	if (!watched && !blocks)
		watch(listen_fd);
	for (;;) {
		struct epoll_event event;
		int fd;

		if (!blocks)
			must(epoll_wait(set, &event, 1, -1), "epoll_wait");
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(fd);
		else if (errno != EAGAIN)
			err(1, "accept4");
	}
}
