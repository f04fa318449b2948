/* How the supervisor knows who connects to its abstract socket. */
#include "kernel.h"

#include <stddef.h>
#include <sys/un.h>

static pid_t peer_pid(int fd)
{
	struct ucred credentials = { 0 };

	require(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials,
			   &(socklen_t){ sizeof(credentials) }) == 0, "SO_PEERCRED can be asked");
	require(credentials.uid == getuid() && credentials.gid == getgid(), "the ids are right");
	return credentials.pid;
}

int main(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd;
	pid_t pid, parent = getpid();

	/* Autobind: an abstract name that is free. */
	require(bind(listen_fd, (struct sockaddr *)&address,
		     offsetof(struct sockaddr_un, sun_path)) == 0 && listen(listen_fd, 4) == 0,
		"an abstract SEQPACKET socket can listen");
	getsockname(listen_fd, (struct sockaddr *)&address, &length);
	pid = fork();
	if (pid == 0) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&address, length) == -1)
			_exit(2);
		_exit(peer_pid(fd) == parent ? 0 : 3);
	}
	fd = accept(listen_fd, NULL, NULL);
	require(fd != -1 && peer_pid(fd) == pid, "the listener sees who connected");
	require(child_wait(pid) == 0, "the one who connected sees who listens");
	return 0;
}
