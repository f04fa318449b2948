/* errno of every replaced call: on descriptors that are bad, closed or of another kind. */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)8) /* mapped nowhere */

static char buffer[16];
static struct iovec vector = { buffer, sizeof(buffer) };
static volatile int minus = -1;

/* A call that fails in one run and not in the other must not end it: say what, then go on. */
#define TRY(call)                                       \
	do {                                             \
		errno = 0;                               \
		told(#call, (long)(call));               \
	} while (0)

static void try_sockets(const char *kind, int fd)
{
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct mmsghdr messages = { .msg_hdr = message };
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	say("- sockets: %s", kind);
	TRY(accept(fd, NULL, NULL));
	TRY(accept(fd, (struct sockaddr *)&address, &length));
	TRY(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	TRY(accept4(fd, NULL, NULL, 0x1234));
	TRY(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT));
	TRY(recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL, NULL));
	TRY(recvmsg(fd, &message, MSG_DONTWAIT));
	TRY(recvmmsg(fd, &messages, 1, MSG_DONTWAIT, NULL));
	TRY(send(fd, buffer, 0, MSG_NOSIGNAL | MSG_DONTWAIT));
	TRY(sendto(fd, buffer, 0, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0));
	TRY(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static void try_changes(const char *kind, int fd)
{
	int on = 1;

	say("- changes: %s", kind);
	TRY(bind(fd, loopback(0), 3));
	TRY(bind(fd, loopback(0), 0));
	TRY(bind(fd, loopback(0), 4096));
	TRY(bind(fd, NULL, ADDRESS_LENGTH));
	TRY(fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	TRY(fcntl(fd, F_GETFD));
	TRY(fcntl(fd, 12345, 0));
	TRY(ioctl(fd, FIONBIO, &on));
	TRY(fcntl(fd, F_GETFL) & O_NONBLOCK);
	on = 0;
	TRY(ioctl(fd, FIONBIO, &on));
	TRY(fcntl(fd, F_GETFL) & O_NONBLOCK);
	TRY(ioctl(fd, 0x12345678, BAD));
}

static void try_files(const char *kind, int fd)
{
	say("- files: %s", kind);
	TRY(read(fd, buffer, 0));
	TRY(readv(fd, &vector, minus));
	TRY(write(fd, buffer, 0));
	TRY(writev(fd, &vector, minus));
	TRY(dup3(fd, fd, 0));
	TRY(dup2(fd, -1));
	TRY(dup2(fd, 1 << 30));
	TRY(dup3(fd, 40, 0x1234));
}

static void try_waits(const char *kind, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct timespec none = { 0 }, bad = { 0, -1 };
	struct epoll_event event;
	struct timeval odd = { -1, 0 };

	say("- waits: %s", kind);
	TRY(poll(&wait, 1, 0));
	say("revents %x", (unsigned)wait.revents);
	TRY(ppoll(&wait, 1, &none, NULL));
	TRY(ppoll(&wait, 1, &bad, NULL));
	TRY(epoll_wait(fd, &event, 1, 0));
	TRY(epoll_wait(fd, &event, 0, 0));
	TRY(epoll_pwait(fd, &event, 1, 0, NULL));
	TRY(epoll_pwait2(fd, &event, 1, &none, NULL));
	TRY(epoll_pwait2(fd, &event, 1, &bad, NULL));
	TRY(select(0, NULL, NULL, NULL, &odd));
	TRY(select(-1, NULL, NULL, NULL, NULL));
	TRY(pselect(-1, NULL, NULL, NULL, &none, NULL));
	TRY(pselect(0, NULL, NULL, NULL, &bad, NULL));
}

static void try_select(const char *kind, int fd)
{
	struct timeval none = { 0 };
	fd_set set;

	say("- select: %s", kind);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	TRY(select(fd + 1, &set, NULL, NULL, &none));
	say("set: %d", FD_ISSET(fd, &set) != 0);
}

static void try_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	struct timespec none = { 0 }, bad = { 0, 1000000000 };
	sigset_t set;

	say("- signals");
	sigemptyset(&set);
	TRY(sigaction(0, &action, NULL));
	TRY(sigaction(65, &action, NULL));
	TRY(sigaction(SIGKILL, &action, NULL));
	TRY(sigaction(SIGKILL, NULL, &action));
	TRY(sigaction(32, &action, NULL));
	TRY(signal(SIGKILL, SIG_IGN));
	TRY(signal(0, SIG_IGN));
	TRY(signal(SIGUSR1, SIG_ERR));
	TRY(sigprocmask(99, &set, NULL));
	TRY(sigprocmask(99, NULL, NULL));
	say("pthread_sigmask: %s", strerrorname_np(pthread_sigmask(99, &set, NULL)));
	TRY(signalfd(-2, &set, 0));
	TRY(signalfd(0, &set, 0));
	TRY(signalfd(-1, &set, 0x1234));
	TRY(sigtimedwait(&set, NULL, &none));
	TRY(sigtimedwait(&set, NULL, &bad));
}

static void try_sleeps(void)
{
	struct timespec bad = { 0, 1000000000 }, left = { 7, 7 };

	say("- sleeps");
	TRY(nanosleep(&bad, &left));
	TRY(nanosleep(BAD, NULL));
	TRY(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, &left));
	TRY(clock_nanosleep(12345, 0, &left, NULL));
	say("left %ld %ld", (long)left.tv_sec, left.tv_nsec);
	TRY(usleep(0));
	TRY(sleep(0));
	TRY(semop(-1, BAD, 1));
}

static void try_ranges(void)
{
	say("- ranges");
	TRY(close(-1));
	TRY(close(77));
	TRY(close(1 << 30));
	TRY(close_range(5, 3, 0));
	TRY(close_range(70, 80, 0x1234));
	TRY(dup2(-1, 70));
	TRY(dup2(77, 77));
	TRY(dup2(77, 63));
	TRY(fcntl(63, F_GETFD));
	TRY(shutdown(63, SHUT_RDWR));
	TRY(listen(-1, 1));
	TRY(listen(0, 1));
	TRY(shutdown(-1, SHUT_RDWR));
	TRY(shutdown(0, SHUT_RDWR));
}

static void try_bad_pointers(int listen_fd)
{
	struct sockaddr_storage address;
	socklen_t length = (socklen_t)-5;
	int fd;

	say("- pointers");
	TRY(bind(listen_fd, BAD, ADDRESS_LENGTH));
	fd = client(port_of(listen_fd));
	TRY(accept(listen_fd, BAD, BAD));
	close(fd);
	fd = client(port_of(listen_fd));
	TRY(accept(listen_fd, (struct sockaddr *)&address, &length));
	close(fd);
	TRY(recv(listen_fd, BAD, 8, MSG_DONTWAIT));
}

static void try_all(int listen_fd)
{
	int pair[2], ends[2], null_fd = must(open("/dev/null", O_RDWR), "open");
	int udp_fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int fresh_fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	int unix_fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	must(pipe(ends), "pipe");
	struct {
		const char *kind;
		int fd;
	} kinds[] = {
		{ "-1", -1 },	     { "closed", 60 },	     { "1500", 1500 },
		{ "null", null_fd }, { "pipe", ends[0] },    { "udp", udp_fd },
		{ "fresh", fresh_fd }, { "unix", unix_fd },  { "pair", pair[0] },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		try_sockets(kinds[i].kind, kinds[i].fd);
		try_changes(kinds[i].kind, kinds[i].fd);
		try_waits(kinds[i].kind, kinds[i].fd);
		if (strcmp(kinds[i].kind, "pipe") != 0)
			try_files(kinds[i].kind, kinds[i].fd);
		if (kinds[i].fd >= 0 && kinds[i].fd < FD_SETSIZE)
			try_select(kinds[i].kind, kinds[i].fd);
	}
	/* The listener is in use: what would take a client or shut it down comes elsewhere. */
	try_waits("listener", listen_fd);
	try_select("listener", listen_fd);
	try_changes("listener", listen_fd);
	TRY(listen(udp_fd, 1));
	TRY(listen(pair[0], 1));
	TRY(shutdown(fresh_fd, SHUT_RDWR));
	TRY(shutdown(pair[0], 99));
	TRY(fcntl(listen_fd, F_SETFL, O_NONBLOCK));
	TRY(recv(listen_fd, buffer, sizeof(buffer), 0));
	TRY(send(listen_fd, buffer, 1, MSG_NOSIGNAL));
	TRY(read(listen_fd, buffer, 1));
	TRY(bind(listen_fd, loopback(8099), ADDRESS_LENGTH));
	TRY(listen(listen_fd, 16));
	TRY(accept4(listen_fd, NULL, NULL, 0x1234));
	TRY(accept(listen_fd, NULL, NULL));
	try_bad_pointers(listen_fd);
	for (int fd = listen_fd + 1; fd < 64; fd++)
		close(fd);
}

static void try_prctl(void)
{
	char name[16] = "observed", was[16] = "";

	say("- prctl");
	TRY(prctl(minus, 0, 0, 0, 0));
	TRY(prctl(PR_SET_SECCOMP, 77, 0, 0, 0));
	TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, BAD, 0, 0));
	TRY(prctl(PR_SET_NAME, name));
	TRY(prctl(PR_GET_NAME, was));
	told(was, 0);
	TRY(prctl(PR_GET_SECCOMP));
}

/* Who joins twice hears that, also on a socket of a generation that has listeners of another one. */
static void try_memberships(int listen_fd)
{
	struct ip_mreq group = { { htonl(0xef4d0001) }, { htonl(INADDR_LOOPBACK) } };
	struct ip_mreq_source source = { { htonl(0xef4d0002) }, { htonl(INADDR_LOOPBACK) }, { htonl(INADDR_LOOPBACK) } };
	struct ipv6_mreq six = { IN6ADDR_LOOPBACK_INIT, 1 };
	struct group_source_req nowhere = { .gsr_interface = 1 };
	int udp_fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int six_fd = must(socket(AF_INET6, SOCK_DGRAM, 0), "socket");

	say("- memberships");
	six.ipv6mr_multiaddr.s6_addr[0] = 0xff;
	six.ipv6mr_multiaddr.s6_addr[1] = 1;
	for (int i = 0; i < 2; i++) {
		TRY(setsockopt(udp_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
		TRY(setsockopt(udp_fd, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &source, sizeof(source)));
		TRY(setsockopt(six_fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six)));
		TRY(bind(udp_fd, loopback(8098), ADDRESS_LENGTH));
	}
	TRY(setsockopt(udp_fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
	TRY(setsockopt(udp_fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
	TRY(setsockopt(udp_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, 3));
	TRY(setsockopt(udp_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, BAD, sizeof(group)));
	TRY(setsockopt(minus, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	TRY(setsockopt(udp_fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &nowhere, sizeof(nowhere)));
	TRY(setsockopt(listen_fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &nowhere, sizeof(nowhere)));
	TRY(setsockopt(listen_fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, BAD, sizeof(nowhere)));
	TRY(setsockopt(listen_fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six)));
	TRY(setsockopt(udp_fd, SOL_SOCKET, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	close(udp_fd);
	close(six_fd);
}

int main(void)
{
	int listen_fd;

	if (generation() == 2) {
		listen_fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
		must(bind(listen_fd, loopback(0), ADDRESS_LENGTH), "bind");
		must(listen(listen_fd, 4), "listen");
		close(listen_fd);
	}
	signal(SIGPIPE, SIG_IGN);
	listen_fd = listener(8080);
	settle(listen_fd);
	try_all(listen_fd);
	try_memberships(listen_fd);
	try_signals();
	try_sleeps();
	try_ranges();
	try_prctl();
	say("the end");
	return 7;
}
