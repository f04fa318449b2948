/*
 * From a command to the first answer of a new process, in microseconds, as a client sees it:
 *
 *     first_answer ADDR:PORT start CMD...     from the exec of a server that is not running
 *     first_answer ADDR:PORT restart PID [TAG] from SIGHUP to PID, to an answer with another pid in it,
 *                                             or with this tag
 *
 * Both ask in the same loop, so that what the asking costs is in both figures.
 */
#include "client.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_NS 10000000000

static struct target target;
static unsigned source;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The pid that an answer ("TAG PID LINE") names; 0 if there was none, or not with this tag. */
static pid_t ask(const char *tag)
{
	char answer[ANSWER_SIZE], answered[32];
	enum outcome outcome;
	pid_t pid = 0;
	int fd = client_connect(&target, source++, 5000, &outcome);

	if (fd == -1)
		return 0;
	if (client_ask(fd, "hello\n", answer) != OUTCOME_OK ||
	    sscanf(answer, "%31s %d", answered, &pid) != 2 || (tag && strcmp(tag, answered) != 0))
		pid = 0;
	client_expect_end(fd);
	close(fd);
	return pid;
}

/* Ask until another than 'old' answers; print how long after begin_ns that was. */
static void wait_print(pid_t old, const char *tag, int64_t begin_ns)
{
	pid_t pid;

	while ((pid = ask(tag)) == 0 || pid == old) {
		if (now_ns() - begin_ns > DEADLINE_NS)
			errx(1, "no new process answers within 10 s");
		/* On a machine of two cores a loop without a pause takes one from those it waits for. */
		nanosleep(&(struct timespec){ 0, 20000 }, NULL);
	}
	printf("%lld\n", (long long)(now_ns() - begin_ns) / 1000);
}

static void start(char *argv[])
{
	posix_spawnattr_t group;
	int64_t begin_ns;
	pid_t child;

	posix_spawnattr_init(&group);
	posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
	begin_ns = now_ns();
	/* No copy of us is made, as flip makes none of itself. */
	errno = posix_spawnp(&child, argv[0], NULL, &group, argv, environ);
	if (errno)
		err(1, "cannot run %s", argv[0]);
	wait_print(0, NULL, begin_ns);
	kill(-child, SIGKILL); /* its workers, too */
	waitpid(child, NULL, 0);
}

static void restart(pid_t pid, const char *tag)
{
	pid_t old = ask(NULL);
	int64_t begin_ns = now_ns();

	if (old == 0 || kill(pid, SIGHUP) == -1)
		err(1, "nothing to restart");
	wait_print(old, tag, begin_ns);
}

int main(int argc, char *argv[])
{
	if (argc < 4 || !target_parse(&target, argv[1]))
		errx(2, "usage: first_answer ADDR:PORT start CMD... | restart PID [TAG]");
	source = (unsigned)getpid();
	if (strcmp(argv[2], "start") == 0)
		start(argv + 3);
	else if (strcmp(argv[2], "restart") == 0)
		restart((pid_t)atoi(argv[3]), argv[4]);
	else
		errx(2, "'%s' is neither start nor restart", argv[2]);
	return 0;
}
