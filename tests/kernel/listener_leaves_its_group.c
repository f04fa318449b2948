/*
 * With net.ipv4.tcp_migrate_req, set at the last moment, what waits in the queue of a listener that
 * is shut down goes to another of its SO_REUSEPORT group. And it may listen again (Linux 5.14).
 */
#include "kernel.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>

#define CLIENTS 32

static void network_new(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	require(unshare(CLONE_NEWNET | (getuid() == 0 ? 0 : CLONE_NEWUSER)) == 0,
		"there is a network namespace of our own");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	require(ioctl(fd, SIOCSIFFLAGS, &loopback) == 0, "with a loopback device");
	close(fd);
}

static void setting_write(char value)
{
	int fd = open("/proc/sys/net/ipv4/tcp_migrate_req", O_WRONLY);

	require(fd >= 0 && write(fd, &value, 1) == 1, "the setting is there, and ours");
	close(fd);
}

static int group_member_new(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	require(bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
		listen(fd, CLIENTS) == 0, "several listen at an address");
	return fd;
}

static int accept_all(int fd)
{
	int n = 0;

	while (accept(fd, NULL, NULL) >= 0)
		n++;
	return n;
}

static unsigned backlog(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
	return info.tcpi_sacked;
}

int main(void)
{
	struct sockaddr_in address = { AF_INET, htons(8080), { htonl(INADDR_LOOPBACK) }, { 0 } };
	int leaving, staying;

	network_new();
	leaving = group_member_new(&address);
	staying = group_member_new(&address);
	require(backlog(leaving) == CLIENTS, "TCP_INFO of a listener tells its backlog");
	for (int i = 0; i < CLIENTS; i++)
		client_new(&address);
	require(is_readable(leaving, 0), "some clients wait in the queue of each");
	setting_write('1');
	require(shutdown(leaving, SHUT_RD) == 0, "one stops listening");
	require(accept_all(staying) == CLIENTS, "the other one has all clients");
	for (int i = 0; i < CLIENTS; i++)
		client_new(&address);
	require(accept_all(staying) == CLIENTS, "and all that come later");
	require(listen(leaving, CLIENTS) == 0, "it listens again");
	for (int i = 0; i < CLIENTS; i++)
		client_new(&address);
	require(accept_all(leaving) > 0, "and gets clients again");
	return 0;
}
