/* Why a listener is not just closed: who is blocked in accept() still takes one connection. */
#include "kernel.h"

#include <sys/syscall.h>

int main(void)
{
	struct sockaddr_in address;
	struct caller caller;
	int listen_fd = listener_new(&address);
	int kept_fd = dup(listen_fd);

	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	close(listen_fd);
	require(!caller_returns(&caller, 50), "close() does not wake accept()");
	client_new(&address);
	require(caller_returns(&caller, 2000) && caller.result >= 0 && !is_readable(kept_fd, 0),
		"accept() on a descriptor that was closed meanwhile takes a connection");
	return 0;
}
