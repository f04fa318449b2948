/*
 * How a listener's registrations are found: the kernel lists them, with all it takes to restore
 * them.
 */
#include "kernel.h"

#include <sys/epoll.h>
#include <sys/stat.h>

int main(void)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLET, .data.u64 = 0x123456789abcdefULL,
	};
	struct sockaddr_in address;
	int listen_fd = listener_new(&address), epoll_fd = epoll_create1(EPOLL_CLOEXEC), tfd = -1;
	unsigned long long data = 0, inode = 0;
	unsigned events = 0;
	char path[64], line[256];
	struct stat status;
	FILE *file;

	require(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == 0, "ADD works");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll_fd);
	file = fopen(path, "re");
	require(file != NULL, "there is /proc/self/fdinfo");
	while (tfd == -1 && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%llx", &tfd, &events,
			   &data, &inode) != 4)
			tfd = -1;
	}
	fstat(listen_fd, &status);
	require(tfd == listen_fd, "fdinfo of an epoll set lists the number");
	require((events & (EPOLLIN | EPOLLET)) == (EPOLLIN | EPOLLET), "the events");
	require(data == event.data.u64, "the data");
	require(inode == status.st_ino, "and the inode, in hexadecimal digits");
	return 0;
}
