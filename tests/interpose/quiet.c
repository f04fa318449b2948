/* A program that never listens. */
#include "observe.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say_file(const char *path, const char *const prefixes[])
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (fgets(line, sizeof(line), file))
		for (int i = 0; prefixes[i]; i++)
			if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0)
				say("%.*s", (int)strcspn(line, "\n"), line);
	fclose(file);
}

int main(int argc, char **argv)
{
	static const char *const prefixes[] = { "SigCgt", "SigBlk", "SigIgn", "Threads", "FDSize", "Umask", NULL };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int kind = argc > 1 ? atoi(argv[1]) : 0;

	say("socket %d", fd);
	told("bind", bind(fd, loopback(8080), ADDRESS_LENGTH));
	told("poll", poll(&(struct pollfd){ .fd = 0, .events = POLLIN }, 1, 10));
	say_file("/proc/self/status", prefixes);
	say("the end");
	if (kind == 1)
		abort();
	if (kind == 2)
		kill(getpid(), SIGHUP);
	if (kind == 3)
		kill(getpid(), 61);
	return 11;
}
