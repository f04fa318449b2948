/* A server of one thread that gives a client a second to say something, by SO_RCVTIMEO. */
#include "observe.h"

#include <sys/time.h>
#include <unistd.h>

int main(void)
{
	int listen_fd = listener(8080), fd;
	struct timeval timeout = { 1, 0 };
	char byte;

	for (;;) {
		fd = accept(listen_fd, NULL, NULL);
		if (fd < 0)
			continue;
		must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), "SO_RCVTIMEO");
		told("recv", recv(fd, &byte, 1, 0));
		close(fd);
	}
}
