#include "observe.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

volatile int handled;

void say(const char *format, ...)
{
	int saved = errno, length;
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text) - 1, format, arguments);
	va_end(arguments);
	if (length > (int)sizeof(text) - 2)
		length = (int)sizeof(text) - 2;
	text[length++] = '\n';
	if (write(STDOUT_FILENO, text, (size_t)length) != length)
		_exit(99);
	errno = saved;
}

long told(const char *what, long result)
{
	if (result >= 0)
		say("%s: %ld", what, result);
	else
		say("%s: %ld %s", what, result, strerrorname_np(errno));
	return result;
}

long told_ok(const char *what, long result)
{
	if (result >= 0)
		say("%s: ok", what);
	else
		told(what, result);
	return result;
}

int must(int result, const char *what)
{
	if (result < 0)
		err(98, "%s", what);
	return result;
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* The tests wait 0, 200, 400 or 600 ms; a busy machine may add to that, but never takes off. */
const char *since(int64_t start_ms)
{
	static char text[32];
	/* 3: a timer of the kernel's, in whole milliseconds, against our clock. */
	int64_t steps = (now_ms() - start_ms + 3) / 200;

	if (steps == 0)
		return "at once";
	if (steps > 9)
		return "too long";
	snprintf(text, sizeof(text), "about %d ms", (int)steps * 200);
	return text;
}

const struct sockaddr *loopback(int port)
{
	static struct sockaddr_in address;

	address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (const struct sockaddr *)&address;
}

int port_of(int fd)
{
	struct sockaddr_in6 address = { 0 };
	socklen_t length = sizeof(address);

	must(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
	return ntohs(address.sin6_port); /* at the same place as sin_port */
}

int client(int port)
{
	int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	must(connect(fd, loopback(port), ADDRESS_LENGTH), "connect");
	return fd;
}

int listener(int port)
{
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket"), one = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	must(bind(fd, loopback(port), ADDRESS_LENGTH), "bind");
	must(listen(fd, 64), "listen");
	return fd;
}

static void count(int signal)
{
	(void)signal;
	handled = handled + 1;
}

void handle(int signal, int flags)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = flags };

	must(sigaction(signal, &action, NULL), "sigaction");
}

void alarm_in_ms(int ms)
{
	struct itimerval timer = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	must(setitimer(ITIMER_REAL, &timer, NULL), "setitimer");
}

/* OBSERVE_DIR: `parity` puts the file `second` there when the first generation is up, and `go` and
 * `end` when the hand-over and the second generation are over. */
static bool has_come(const char *name)
{
	const char *directory = getenv("OBSERVE_DIR");
	char path[4096];

	if (!directory)
		return true;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return access(path, F_OK) == 0;
}

int generation(void)
{
	return has_come("second") ? 2 : 1;
}

static void stay(int listen_fd)
{
	struct pollfd wait = { .fd = listen_fd, .events = POLLIN };
	int held = -1;

	if (getenv("OBSERVE_HOLD")) {
		/* A byte of it: a listener with TCP_DEFER_ACCEPT waits for that. */
		must((int)write(client(port_of(listen_fd)), "x", 1), "write");
		must(poll(&wait, 1, 5000) - 1, "poll");
		held = must(accept(listen_fd, NULL, NULL), "accept");
	}
	while (!has_come("end"))
		(void)poll(&wait, 1, 50);
	close(held);
	exit(0);
}

void settle(int listen_fd)
{
	struct pollfd wait = { .fd = listen_fd, .events = POLLIN };

	if (generation() == 1)
		stay(listen_fd);
	do
		(void)poll(&wait, 1, 20);
	while (!has_come("go"));
	alarm(50); /* whoever hangs from here on, fails */
}
