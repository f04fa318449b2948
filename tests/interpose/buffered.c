/* A server that never flushes its standard output, and ends only when it is made to. */
#include "observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void ended(void)
{
	printf("ended %d\n", (int)getpid());
}

int main(void)
{
	static char buffer[1 << 20];
	int listen_fd, fd;
	char text[512];
	ssize_t n;

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	atexit(ended);
	printf("begun %d\n", (int)getpid());
	listen_fd = listener(8080);
	for (;;) {
		fd = accept(listen_fd, NULL, NULL);
		if (fd < 0)
			continue;
		n = read(fd, text, sizeof(text));
		if (n > 0 && write(fd, text, (size_t)n) == n)
			printf("served by %d\n", (int)getpid());
		close(fd);
	}
}
