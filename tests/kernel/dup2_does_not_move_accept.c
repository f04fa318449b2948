/*
 * Why retire wakes every thread: dup2() over a listener leaves who is blocked in accept() where he
 * is.
 */
#include "kernel.h"

#include <sys/syscall.h>

int main(void)
{
	struct sockaddr_in address;
	struct caller caller;
	int listen_fd = listener_new(&address);
	int kept_fd = dup(listen_fd);

	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	require(dup2(silent_listener_new(), listen_fd) == listen_fd, "dup2() works");
	require(!caller_returns(&caller, 50), "dup2() does not wake accept()");
	client_new(&address);
	require(caller_returns(&caller, 2000) && caller.result >= 0,
		"a thread blocked in accept() takes a connection of the socket that was replaced");
	require(!is_readable(kept_fd, 0), "the other holder does not get it");
	return 0;
}
