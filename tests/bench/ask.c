/* ask TARGET [TEXT]: one request; prints the answer, or says what became of it. */
#include "client.h"

#include <err.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct target target;
	char line[1024], answer[ANSWER_SIZE];
	enum outcome outcome;
	int fd;

	if (argc < 2 || argc > 3 || !target_parse(&target, argv[1]))
		errx(2, "usage: ask ADDR:PORT|unix:PATH [TEXT]");
	snprintf(line, sizeof(line), "%s\n", argc == 3 ? argv[2] : "hello");
	fd = client_connect(&target, (unsigned)getpid(), 5000, &outcome);
	if (fd != -1)
		outcome = client_ask(fd, line, answer);
	if (outcome != OUTCOME_OK)
		errx(1, "%s: %s", argv[1], outcome_name(outcome));
	puts(answer);
	return 0;
}
