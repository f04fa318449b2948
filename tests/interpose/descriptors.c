/* The numbers of descriptors that a program gets, takes over and closes. */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HIGHEST
#define HIGHEST 1100
#endif

/* What the program can find open, by the numbers it may use. */
static void say_open(const char *when)
{
	char text[400] = "";
	size_t length = 0;

	for (int fd = 3; fd < HIGHEST && length < sizeof(text) - 12; fd++)
		if (fcntl(fd, F_GETFD) != -1) {
			if (fd >= 10)
				text[length++] = (char)('0' + fd / 10 % 10);
			text[length++] = (char)('0' + fd % 10);
			text[length++] = ' ';
		}
	text[length] = '\0';
	say("open %s: %s", when, text);
}

static void serve_one(int listen_fd, const char *when)
{
	int client_fd = client(port_of(listen_fd)), fd;
	struct pollfd wait = { .fd = listen_fd, .events = POLLIN };

	told("poll", poll(&wait, 1, 2000));
	fd = accept(listen_fd, NULL, NULL);
	say("served %s as %d", when, fd);
	close(fd);
	close(client_fd);
}

/* Numbers around the one where flip's descriptor lives. */
static void take_over(int first, int last)
{
	int file_fd = must(open("/dev/null", O_RDONLY), "open");

	for (int fd = first; fd <= last; fd++) {
		if (dup2(file_fd, fd) != fd)
			say("dup2 onto %d: %s", fd, strerrorname_np(errno));
		if (fcntl(fd, F_GETFD) != 0)
			say("%d is close-on-exec", fd);
	}
	told("dup3", dup3(file_fd, last, O_CLOEXEC) - last);
	told("its flag", fcntl(last, F_GETFD));
	for (int fd = first; fd <= last; fd++)
		if (close(fd) != 0)
			say("close %d: %s", fd, strerrorname_np(errno));
	close(file_fd);
}

/* A number that only a failed dup2() named must not be open afterwards. */
static void miss(int first, int last)
{
	for (int fd = first; fd <= last; fd++)
		if (dup2(HIGHEST - 1, fd) != -1 || errno != EBADF || fcntl(fd, F_GETFD) != -1)
			say("dup2 of nothing onto %d left something", fd);
}

static void close_loop(int from, int listen_fd)
{
	int closed = 0;

	for (int fd = from; fd < HIGHEST; fd++)
		if (fd != listen_fd && close(fd) == 0)
			closed++;
	say("close loop from %d: %d", from, closed);
}

static void child_closes(int way, int listen_fd)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (way == 0)
			closefrom(3);
		else if (way == 1)
			told("close_range", close_range(3, ~0u, 0));
		else
			close_loop(3, -1);
		say_open("in the child");
		told("open", open("/dev/null", O_RDONLY));
		_exit(fcntl(listen_fd, F_GETFD) == -1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	say("child: %d", status);
}

/* Around the number where flip's own descriptor lives: as it is, with 48, and with 66 descriptors. */
static const struct range {
	const char *name;
	int first, last, first_of_many, last_of_many;
} ranges[] = {
	{ "", 55, 105, 20, 400 },
	{ "low", 36, 45, 10, 45 },
	{ "edge", 56, 65, 20, 65 },
};

int main(int argc, char **argv)
{
	const struct range *range = ranges;
	int listen_fd, set;

	while (argc > 1 && strcmp(argv[1], range->name) != 0)
		range++;

	if (generation() == 2)
		say_open("at the start");
	listen_fd = listener(8080);
	settle(listen_fd);
	say("listener %d", listen_fd);
	say_open("after listen");
	told("socket", socket(AF_INET, SOCK_STREAM, 0));
	told("open", open("/dev/null", O_RDONLY));
	told("dup", dup(0));
	told("F_DUPFD", fcntl(0, F_DUPFD, 100));
	set = epoll_create1(0);
	say("epoll %d", set);
	serve_one(listen_fd, "first");
	say_open("after serving");
	take_over(range->first, range->last);
	serve_one(listen_fd, "after dup2 over much");
	miss(range->first, range->last);
	serve_one(listen_fd, "after dup2 of nothing");
	for (int way = 0; way < 3; way++)
		child_closes(way, listen_fd);
	close_loop(listen_fd + 1, listen_fd);
	serve_one(listen_fd, "after the close loop");
	take_over(range->first_of_many, range->last_of_many);
	told("close_range", close_range((unsigned)listen_fd + 1, ~0u, 0));
	serve_one(listen_fd, "after close_range");
	told("close_range cloexec",
	     close_range((unsigned)listen_fd + 1, 2000, CLOSE_RANGE_CLOEXEC));
	told("close_range unshare",
	     close_range((unsigned)listen_fd + 1, 2000, CLOSE_RANGE_UNSHARE));
	closefrom(listen_fd + 1);
	serve_one(listen_fd, "after closefrom");
	say_open("at the end");
	say("the end");
	return 3;
}
