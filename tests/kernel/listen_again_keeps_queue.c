/*
 * A claimed listener gets the program's own listen(): the queue must outlive it, and bind() is
 * faked.
 */
#include "kernel.h"

int main(void)
{
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	int client_fd = client_new(&address);

	byte_send(client_fd, 'q');
	require(listen(listen_fd, 7) == 0, "listen() on a listening socket works");
	require(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) == -1 &&
		errno == EINVAL, "bind() on a listening socket gives EINVAL");
	require(is_readable(listen_fd, 0), "a second listen() keeps the queue");
	require(accepted_byte(listen_fd) == 'q', "a second listen() keeps the connection's data");
	return 0;
}
