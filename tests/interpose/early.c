/* A program that is linked to a library whose constructor makes calls before any of flip's ran. */
#include "observe.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

int allocator_calls(void);

int main(void)
{
	int listen_fd = listener(8080), client_fd, fd;
	void *memory = malloc(100);

	settle(listen_fd);
	say("calls %d", allocator_calls() > 20);
	client_fd = client(8080);
	told("poll", poll(&(struct pollfd){ .fd = listen_fd, .events = POLLIN }, 1, 2000));
	fd = accept(listen_fd, NULL, NULL);
	say("served %d", fd >= 0);
	close(fd);
	close(client_fd);
	free(memory);
	say("the end");
	return 0;
}
