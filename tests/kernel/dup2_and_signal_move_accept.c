/* What retire rests on: dup2() and then a signal with SA_RESTART makes accept() go on elsewhere. */
#include "kernel.h"

#include <signal.h>
#include <sys/syscall.h>

int main(void)
{
	struct sockaddr_in address;
	struct caller caller;
	int listen_fd = listener_new(&address);
	int kept_fd = dup(listen_fd);
	int client_fd;

	handler_count(SIGRTMIN + 3, SA_RESTART);
	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	require(dup2(silent_listener_new(), listen_fd) == listen_fd, "dup2() works");
	thread_signal(caller.tid, SIGRTMIN + 3);
	while (handler_calls() == 0)
		sleep_ms(1);
	client_fd = client_new(&address);
	byte_send(client_fd, 's');
	require(!caller_returns(&caller, 50), "the thread sees neither the signal nor the client");
	require(thread_blocks_in(caller.tid, SYS_accept),
		"accept() was restarted, on the placeholder");
	require(is_readable(kept_fd, 1000) && accepted_byte(kept_fd) == 's',
		"the connection is the other holder's");
	return 0;
}
