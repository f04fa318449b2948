/*
 * How a registration is deleted whose number the program has closed, or reused for something else.
 */
#include "kernel.h"

#include <sys/epoll.h>

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	int kept_fd = dup(listen_fd);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	require(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == 0, "ADD works");
	/* The number is in use again, by something else. */
	require(dup2(silent_listener_new(), listen_fd) == listen_fd, "dup2() works");
	client_new(&address);
	require(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, listen_fd, NULL) == -1 && errno == ENOENT,
		"DEL of a reused number fails");
	require(dup2(kept_fd, listen_fd) == listen_fd, "the description can be placed back");
	require(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, listen_fd, NULL) == 0,
		"a stale registration can be deleted once its description is back at its number");
	require(epoll_wait(epoll_fd, &event, 1, 50) == 0, "it does not fire any more");
	return 0;
}
