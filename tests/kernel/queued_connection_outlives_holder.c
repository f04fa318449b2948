/* The hand-over loses nobody: who was queued before one holder let go is served by the other. */
#include "kernel.h"

int main(void)
{
	struct sockaddr_in address;
	int listen_fd = listener_new(&address), ready[2];
	int client_fd;
	char byte;
	pid_t pid;

	require(pipe(ready) == 0, "there are pipes");
	pid = fork();
	if (pid == 0) {
		/* Only when the parent has let go. */
		(void)!read(ready[0], &byte, 1);
		_exit(accepted_byte(listen_fd) == 'c' ? 0 : 1);
	}
	client_fd = client_new(&address);
	byte_send(client_fd, 'c');
	close(listen_fd);
	byte_send(ready[1], '!');
	require(child_wait(pid) == 0, "a queued connection is served by the holder that is left");
	require(read(client_fd, &byte, 1) == 0, "in order");
	return 0;
}
