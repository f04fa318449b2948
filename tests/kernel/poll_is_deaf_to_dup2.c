/*
 * Why waiting threads are woken when a number comes to stand for another socket. poll() sleeps in
 * the queue of the old socket, and looks at the number afresh when that wakes it. So it does not
 * report the old socket any more, and does not notice the new one until a client of the old one
 * wakes it.
 */
#include "kernel.h"

#include <poll.h>
#include <sys/syscall.h>

static long call_ppoll(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return ppoll(&wanted, 1, NULL, NULL) == 1 ? wanted.revents : -1;
}

int main(void)
{
	struct sockaddr_in address, new_address;
	struct caller caller;
	int listen_fd = listener_new(&address), new_listen_fd = listener_new(&new_address);
	int kept_fd = dup(listen_fd);

	caller_start(&caller, call_ppoll, listen_fd, SYS_ppoll);
	require(dup2(new_listen_fd, listen_fd) == listen_fd, "dup2() works");
	require(!caller_returns(&caller, 50), "dup2() does not wake poll()");
	client_new(&address);
	require(!caller_returns(&caller, 50) && is_readable(kept_fd, 0),
		"a client of the old socket is not reported");
	client_new(&new_address);
	require(!caller_returns(&caller, 50) && is_readable(listen_fd, 0),
		"a client of the new socket goes unnoticed");
	client_new(&address);
	require(caller_returns(&caller, 2000) && caller.result == POLLIN,
		"the next client of the old socket wakes it, and what it sees is the new one");
	return 0;
}
