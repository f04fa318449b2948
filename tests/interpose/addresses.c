/* Which addresses can be bound, what is said of one that is taken, and sockets that are none of flip's business. */
#include "observe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int fresh(int family, int type)
{
	return must(socket(family, type | SOCK_CLOEXEC, 0), "socket");
}

static void set(int fd, int level, int option)
{
	int one = 1;

	must(setsockopt(fd, level, option, &one, sizeof(one)), "setsockopt");
}

static void bind_again(const char *how, int option, int port, bool listening)
{
	int fd = fresh(AF_INET, SOCK_STREAM);
	char text[80];

	if (option)
		set(fd, SOL_SOCKET, option);
	snprintf(text, sizeof(text), "bind %s, %s", how, listening ? "to a listener's" : "bound only");
	told(text, bind(fd, loopback(port), ADDRESS_LENGTH));
	snprintf(text, sizeof(text), "listen %s", how);
	/* Where it was not bound, this finds a port of its own. */
	told(text, listen(fd, 4));
	say("same port: %d", port_of(fd) == port);
	close(fd);
}

static void taken_addresses(int listen_fd)
{
	int bound_fd = fresh(AF_INET, SOCK_STREAM), any_fd = fresh(AF_INET, SOCK_STREAM);
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(8080) };

	say("- taken addresses");
	must(bind(bound_fd, loopback(8081), ADDRESS_LENGTH), "bind");
	bind_again("plainly", 0, port_of(listen_fd), true);
	bind_again("SO_REUSEADDR", SO_REUSEADDR, port_of(listen_fd), true);
	bind_again("SO_REUSEPORT", SO_REUSEPORT, port_of(listen_fd), true);
	bind_again("plainly", 0, 8081, false);
	bind_again("SO_REUSEADDR", SO_REUSEADDR, 8081, false);
	told("bind 0.0.0.0", bind(any_fd, (struct sockaddr *)&any, sizeof(any)));
	told("bind twice", bind(bound_fd, loopback(8082), ADDRESS_LENGTH));
	told("listen", listen(bound_fd, 3));
	told("bind when listening", bind(bound_fd, loopback(8082), ADDRESS_LENGTH));
	close(bound_fd);
	close(any_fd);
	any_fd = fresh(AF_INET, SOCK_STREAM);
	any.sin_addr.s_addr = htonl(0x01020304);
	told("bind elsewhere's", bind(any_fd, (struct sockaddr *)&any, sizeof(any)));
	any.sin_family = AF_UNIX;
	told("bind of another family", bind(any_fd, (struct sockaddr *)&any, sizeof(any)));
	any.sin_family = AF_UNSPEC;
	told("bind of no family", bind(any_fd, (struct sockaddr *)&any, sizeof(any)));
	close(any_fd);
}

static void ports(void)
{
	int one = fresh(AF_INET, SOCK_STREAM), other = fresh(AF_INET, SOCK_STREAM);
	int unbound = fresh(AF_INET, SOCK_STREAM);

	say("- port 0");
	told("bind", bind(one, loopback(0), ADDRESS_LENGTH));
	told("bind", bind(other, loopback(0), ADDRESS_LENGTH));
	say("differ %d", port_of(one) != port_of(other));
	told("listen", listen(one, 1));
	told("listen", listen(other, 1));
	told("listen unbound", listen(unbound, 1));
	say("it has a port: %d", port_of(unbound) != 0);
	for (int i = 0; i < 3; i++) {
		int listen_fd = i == 0 ? one : i == 1 ? other : unbound;
		int client_fd = client(port_of(listen_fd)), fd = accept(listen_fd, NULL, NULL);

		say("served %d", fd >= 0 && port_of(fd) == port_of(listen_fd));
		close(fd);
		close(client_fd);
	}
	close(one);
	close(other);
	close(unbound);
}

static void datagrams(int port)
{
	int fd = fresh(AF_INET, SOCK_DGRAM), other = fresh(AF_INET, SOCK_DGRAM);
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	char text[16] = "";
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	say("- UDP on the port of TCP");
	told("bind", bind(fd, loopback(port), ADDRESS_LENGTH));
	told("bind again", bind(other, loopback(port), ADDRESS_LENGTH));
	told("poll", poll(&wait, 1, 50));
	told("recv", recv(fd, text, sizeof(text), MSG_DONTWAIT));
	told("sendto", sendto(other, "hello", 5, 0, loopback(port), ADDRESS_LENGTH));
	told("poll", poll(&wait, 1, 2000));
	told("recvfrom", recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &length));
	say("'%s' from its port %d", text, ntohs(from.sin_port) == port_of(other));
	say("flags %x", (unsigned)fcntl(fd, F_GETFL));
	told("connect", connect(fd, loopback(port_of(other)), ADDRESS_LENGTH));
	told("send", send(fd, "again", 5, 0));
	told("recv", recv(other, text, sizeof(text), 0));
	told("listen", listen(fd, 1));
	told("shutdown", shutdown(fd, SHUT_RDWR));
	told("recv", recv(fd, text, sizeof(text), 0));
	close(fd);
	close(other);
}

static void six(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(8083) };
	int four = fresh(AF_INET, SOCK_STREAM), only = fresh(AF_INET6, SOCK_STREAM);
	int both = fresh(AF_INET6, SOCK_STREAM), zero = 0, fd, client_fd;
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);

	say("- IPv6");
	set(only, IPPROTO_IPV6, IPV6_V6ONLY);
	must(setsockopt(both, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)), "IPV6_V6ONLY");
	told("bind, IPv4", bind(four, loopback(8083), ADDRESS_LENGTH));
	told("listen", listen(four, 1));
	told("bind, IPv6 only", bind(only, (struct sockaddr *)&any, sizeof(any)));
	told("listen", listen(only, 1));
	told("bind, both", bind(both, (struct sockaddr *)&any, sizeof(any)));
	any.sin6_port = htons(8084);
	told("bind, both", bind(both, (struct sockaddr *)&any, sizeof(any)));
	told("listen", listen(both, 1));
	client_fd = client(8084);
	fd = accept(both, (struct sockaddr *)&from, &length);
	say("mapped: %d %u", fd >= 0, length);
	close(fd);
	close(client_fd);
	told("bind, short", bind(fresh(AF_INET6, SOCK_STREAM), (struct sockaddr *)&any, 23));
	close(four);
	close(only);
	close(both);
}

static void outgoing(int listen_fd)
{
	int fd = fresh(AF_INET, SOCK_STREAM), accepted;
	struct sockaddr_in from = { 0 };
	socklen_t length = sizeof(from);
	char text[8] = "";

	say("- outgoing");
	told("connect, refused", connect(fd, loopback(9), ADDRESS_LENGTH));
	close(fd);
	fd = fresh(AF_INET, SOCK_STREAM);
	told("bind", bind(fd, loopback(8085), ADDRESS_LENGTH));
	told("connect", connect(fd, loopback(port_of(listen_fd)), ADDRESS_LENGTH));
	accepted = accept(listen_fd, (struct sockaddr *)&from, &length);
	say("from %d, length %u", ntohs(from.sin_port), length);
	told("send", send(fd, "abc", 3, 0));
	told("recv", recv(accepted, text, sizeof(text), 0));
	told("shutdown", shutdown(fd, SHUT_WR));
	told("recv", recv(accepted, text, sizeof(text), 0));
	told("send", send(accepted, "de", 2, 0));
	told("recv", recv(fd, text, sizeof(text), 0));
	told("shutdown", shutdown(accepted, SHUT_RDWR));
	told("shutdown", shutdown(accepted, SHUT_RDWR));
	told("recv", recv(fd, text, sizeof(text), 0));
	told("accept", accept(fd, NULL, NULL));
	close(fd);
	close(accepted);
}

static void local(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "observed.socket" };
	int fd = fresh(AF_UNIX, SOCK_STREAM), other = fresh(AF_UNIX, SOCK_STREAM), accepted;

	say("- Unix");
	unlink(address.sun_path);
	told("bind", bind(fd, (struct sockaddr *)&address, sizeof(address)));
	told("bind again", bind(other, (struct sockaddr *)&address, sizeof(address)));
	told("connect", connect(other, (struct sockaddr *)&address, sizeof(address)));
	told("listen", listen(fd, 2));
	told("connect", connect(other, (struct sockaddr *)&address, sizeof(address)));
	accepted = accept(fd, NULL, NULL);
	told("write", write(accepted, "x", 1));
	say("flags %x", (unsigned)fcntl(fd, F_GETFL));
	told("shutdown", shutdown(fd, SHUT_RDWR));
	told("accept", accept(fd, NULL, NULL));
	close(fd);
	close(other);
	close(accepted);
	told("unlink", unlink(address.sun_path));
}

/* A listener that is this program's alone is ended by shutdown(), as ever. */
static void ended(void)
{
	int fd = listener(8086), other;

	say("- shutdown of a listener");
	told("shutdown", shutdown(fd, SHUT_RDWR));
	told("accept", accept(fd, NULL, NULL));
	other = fresh(AF_INET, SOCK_STREAM);
	told("connect", connect(other, loopback(8086), ADDRESS_LENGTH));
	told("listen again", listen(fd, 3));
	close(other);
	close(fd);
	fd = listener(8086);
	say("bound again after close");
	close(fd);
}

int main(int argc, char **argv)
{
	/* Never-listening sockets, before flip has come to life. */
	if (generation() == 2)
		datagrams(8099);
	int listen_fd = listener(8080);

	settle(listen_fd);
	taken_addresses(listen_fd);
	ports();
	datagrams(8080);
	six();
	outgoing(listen_fd);
	local();
	if (argc == 1)
		ended();
	say("the end");
	return 0;
}
