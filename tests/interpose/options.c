/*
 * What a listener is like when the program has set it up. `options set` and `options unset`: the
 * generation that prints sets much or nothing, the other one the opposite.
 */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static const struct option {
	const char *name;
	int level, option, value;
	enum { EARLY, LATE, BOTH_TIMES } when; /* before bind(), after listen() */
} options[] = {
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1, EARLY },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 50000, EARLY },
	{ "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 60000, LATE },
	{ "SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 3, EARLY },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, 7, EARLY },
	{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1, LATE },
	{ "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 5, EARLY },
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1, EARLY },
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1, EARLY },
	{ "TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 3, LATE },
	{ "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 77, EARLY },
	{ "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 7, LATE },
	{ "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 4, EARLY },
	{ "TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 3, EARLY },
	{ "TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 1000, EARLY },
	{ "TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 20, EARLY },
	{ "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, LATE },
	{ "TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, 5, EARLY },
	{ "TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4096, EARLY },
	{ "IP_TOS", IPPROTO_IP, IP_TOS, 0x10, EARLY },
	{ "IP_TTL", IPPROTO_IP, IP_TTL, 33, LATE },
	{ "IP_FREEBIND", IPPROTO_IP, IP_FREEBIND, 1, EARLY },
	{ "IP_RECVTOS", IPPROTO_IP, IP_RECVTOS, 1, EARLY },
	{ "IP_PKTINFO", IPPROTO_IP, IP_PKTINFO, 1, EARLY },
	{ "SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1, EARLY },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1, EARLY },
	{ "SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, 1, EARLY },
};

static void set_all(int fd, int when)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if ((int)options[i].when == when)
			must(setsockopt(fd, options[i].level, options[i].option, &options[i].value,
					sizeof(int)),
			     options[i].name);
}

static void set_rest(int fd)
{
	struct linger linger = { 1, 5 };
	struct timeval timeout = { 3, 0 };

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), "SO_LINGER");
	must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)), "SO_SNDTIMEO");
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), "SO_RCVTIMEO");
	must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), "TCP_CONGESTION");
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), "SO_BINDTODEVICE");
}

static void print(const char *what, int fd)
{
	struct linger linger = { 0 };
	struct timeval receive = { 0 }, send = { 0 };
	char congestion[16] = "", device[16] = "";
	socklen_t length;
	int value;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		value = 0;
		length = sizeof(value);
		if (getsockopt(fd, options[i].level, options[i].option, &value, &length) != 0)
			say("%s %s: %s", what, options[i].name, strerrorname_np(errno));
		else
			say("%s %s: %d", what, options[i].name, value);
	}
	length = sizeof(linger);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length);
	length = sizeof(receive);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, &length);
	length = sizeof(send);
	getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, &length);
	length = sizeof(congestion);
	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
	length = sizeof(device);
	getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length);
	/* Without l_onoff the time means nothing, and setting it changes nothing. */
	say("%s SO_LINGER: %d %d", what, linger.l_onoff, linger.l_onoff ? linger.l_linger : 0);
	say("%s timeouts: %ld %ld", what, (long)receive.tv_sec, (long)send.tv_sec);
	say("%s TCP_CONGESTION: %s, SO_BINDTODEVICE: %s", what, congestion, device);
	say("%s flags: %x %x", what, (unsigned)fcntl(fd, F_GETFD), (unsigned)fcntl(fd, F_GETFL));
}

/* The kernel's word for the length of the queue (tcp(7)). */
static void print_backlog(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
	say("backlog %u, waiting %u", info.tcpi_sacked, info.tcpi_unacked);
}

int main(int argc, char **argv)
{
	bool set = (argc > 1 && strcmp(argv[1], "set") == 0) == (generation() == 2);
	int type = SOCK_STREAM | (set ? SOCK_CLOEXEC | SOCK_NONBLOCK : 0);
	int listen_fd = must(socket(AF_INET, type, 0), "socket"), client_fd, fd;

	if (set) {
		set_all(listen_fd, EARLY);
		set_rest(listen_fd);
	}
	must(bind(listen_fd, loopback(8080), ADDRESS_LENGTH), "bind");
	if (generation() == 2)
		print("bound", listen_fd);
	must(listen(listen_fd, set ? 7 : 40), "listen");
	if (set)
		set_all(listen_fd, LATE);
	settle(listen_fd);
	print("listener", listen_fd);
	print_backlog(listen_fd);
	must(listen(listen_fd, 9), "listen");
	print_backlog(listen_fd);
	fd = 0;
	must(setsockopt(listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &fd, sizeof(fd)), "setsockopt");
	client_fd = client(8080);
	usleep(50000);
	fd = must(accept(listen_fd, NULL, NULL), "accept");
	print("connection", fd);
	close(client_fd);
	say("the end");
	return 0;
}
