/*
 * A filter that drops everything holds new clients off a listener without refusing them: their SYN
 * is sent again, a second later. Who is queued already can still be accepted. Newer kernels let
 * nobody without CAP_NET_ADMIN filter a TCP socket, so that this may only ever be a help, not a
 * need.
 */
#include "kernel.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>

int main(void)
{
	struct sock_filter drop_all = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { .len = 1, .filter = &drop_all };
	struct sockaddr_in address;
	int listen_fd = listener_new(&address), queued_fd = client_new(&address);
	int late_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd late = { .fd = late_fd, .events = POLLOUT };

	if (setsockopt(listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == -1) {
		require(errno == EPERM && geteuid() != 0,
			"at most the lack of a privilege keeps a filter off a listener");
		return 0;
	}
	require(connect(late_fd, (struct sockaddr *)&address, sizeof(address)) == -1 &&
		errno == EINPROGRESS, "a new client waits");
	require(poll(&late, 1, 200) == 0, "it is neither connected nor refused");
	byte_send(queued_fd, 'q');
	require(accepted_byte(listen_fd) == 'q', "a queued client is accepted all the same");
	fcntl(listen_fd, F_SETFL, O_NONBLOCK);
	require(accept(listen_fd, NULL, NULL) == -1 && errno == EAGAIN, "nobody else is queued");
	require(setsockopt(listen_fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int)) == 0,
		"the filter can be taken off");
	require(poll(&late, 1, 5000) == 1 && late.revents == POLLOUT,
		"then the client that waited gets through by itself");
	return 0;
}
