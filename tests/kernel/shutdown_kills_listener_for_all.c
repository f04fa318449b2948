/* Why shutdown() on a shared listener is swallowed: it ends it in every process that holds it. */
#include "kernel.h"

int main(void)
{
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	int client_fd = client_new(&address);
	char byte;
	pid_t pid = fork();

	if (pid == 0)
		_exit(shutdown(listen_fd, SHUT_RDWR) == 0 ? 0 : 1);
	require(child_wait(pid) == 0, "a child can shut an inherited listener down");
	require(accept(listen_fd, NULL, NULL) == -1 && errno == EINVAL,
		"accept() gives EINVAL in the parent");
	require(connect_error(&address) == ECONNREFUSED, "new clients are refused");
	require(read(client_fd, &byte, 1) == -1 && errno == ECONNRESET,
		"clients in the queue are reset");
	return 0;
}
