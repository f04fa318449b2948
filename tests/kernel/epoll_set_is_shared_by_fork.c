/* A worker that deletes a listener from an epoll set it inherited takes it from its parent, too. */
#include "kernel.h"

#include <sys/epoll.h>

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pid_t pid;

	require(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == 0, "ADD works");
	client_new(&address);
	require(epoll_wait(epoll_fd, &event, 1, 1000) == 1, "the listener fires");
	pid = fork();
	if (pid == 0)
		_exit(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, listen_fd, NULL) == 0 ? 0 : 1);
	require(child_wait(pid) == 0, "a child can delete from an inherited set");
	require(epoll_wait(epoll_fd, &event, 1, 50) == 0,
		"after fork a child's DEL takes the parent's registration");
	return 0;
}
