/* Why a listener is deleted from every epoll set before it is let go: afterwards it is too late. */
#include "kernel.h"

#include <sys/epoll.h>

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 42 };
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	int other_holder_fd = dup(listen_fd);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	require(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == 0, "ADD works");
	client_new(&address);
	close(listen_fd);
	for (int i = 0; i < 3; i++) {
		event.data.u64 = 0;
		require(epoll_wait(epoll_fd, &event, 1, 1000) == 1 && event.data.u64 == 42,
			"epoll goes on reporting a listener that is closed here but not elsewhere");
	}
	require(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, listen_fd, NULL) == -1 && errno == EBADF,
		"DEL after the close fails");
	require(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, other_holder_fd, NULL) == -1 &&
		errno == ENOENT, "DEL under another number fails");
	return 0;
}
