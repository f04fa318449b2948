/* The placeholder that stands where a retired listener was. */
#include "kernel.h"

#include <poll.h>
#include <sys/epoll.h>

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd wanted = { .fd = fd, .events = POLLIN | POLLRDHUP };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	char byte;

	require(poll(&wanted, 1, 50) == 0,
		"an unbound datagram socket polls neither readable nor hung up");
	require(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 &&
		epoll_wait(epoll_fd, &event, 1, 50) == 0, "nor does epoll report it");
	require(accept(fd, NULL, NULL) == -1 && errno == EOPNOTSUPP,
		"accept() on it gives EOPNOTSUPP");
	require(recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN,
		"recv() on it finds nothing");
	return 0;
}
