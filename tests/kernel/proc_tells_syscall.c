/*
 * How a thread is judged that takes no signal: /proc tells the call it is blocked in, and on what.
 */
#include "kernel.h"

#include <sys/syscall.h>

int main(void)
{
	struct sockaddr_in address;
	struct caller caller;
	unsigned long argument;
	int listen_fd = listener_new(&address);

	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	require(thread_syscall(caller.tid, &argument) == SYS_accept,
		"/proc/self/task/TID/syscall tells the number of the call");
	require((int)argument == listen_fd, "and its first argument");
	return 0;
}
