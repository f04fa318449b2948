/*
 * O_NONBLOCK belongs to the description, so to both generations; who already waits is not
 * disturbed.
 */
#include "kernel.h"

#include <fcntl.h>
#include <sys/syscall.h>

int main(void)
{
	struct sockaddr_in address;
	struct caller caller;
	int listen_fd = listener_new(&address);
	pid_t pid;

	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	pid = fork();
	if (pid == 0)
		_exit(fcntl(listen_fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : 1);
	require(child_wait(pid) == 0, "a child can set O_NONBLOCK");
	require(fcntl(listen_fd, F_GETFL) & O_NONBLOCK, "O_NONBLOCK is shared by all holders");
	require(!caller_returns(&caller, 50), "accept() that already waits goes on waiting");
	client_new(&address);
	require(caller_returns(&caller, 2000) && caller.result >= 0, "and takes the next client");
	require(accept(listen_fd, NULL, NULL) == -1 && errno == EAGAIN,
		"the next accept() does not block");
	return 0;
}
