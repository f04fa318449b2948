/*
 * spawn ROUNDS LIBRARY CMD...: what a process costs with LIBRARY preloaded and without. The two take
 * turns. Prints the medians in microseconds: "bare preloaded difference".
 */
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 100000 };

static double elapsed_us(char *argv[])
{
	struct timespec begin, end;
	int status;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (errno != 0)
		err(1, "cannot run %s", argv[0]);
	waitpid(pid, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (status != 0)
		errx(1, "%s failed", argv[0]);
	return (double)(end.tv_sec - begin.tv_sec) * 1e6 +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

int main(int argc, char *argv[])
{
	static double bare[ROUNDS_MAX], preloaded[ROUNDS_MAX];
	int rounds = argc > 3 ? atoi(argv[1]) : 0;
	double bare_us, preloaded_us;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		errx(2, "usage: spawn ROUNDS LIBRARY CMD...");
	for (int i = 0; i < rounds; i++) {
		unsetenv("LD_PRELOAD");
		bare[i] = elapsed_us(argv + 3);
		setenv("LD_PRELOAD", argv[2], 1);
		preloaded[i] = elapsed_us(argv + 3);
	}
	bare_us = median(bare, rounds);
	preloaded_us = median(preloaded, rounds);
	printf("%.1f %.1f %.1f\n", bare_us, preloaded_us, preloaded_us - bare_us);
	return 0;
}
