/*
 * pidfile_watch FILE STOP-FILE: looks at a pid file as often as it can, says so, until STOP-FILE is there, and
 * demands each time that it names a running process: neither missing, nor empty, nor of a process
 * that is gone or a zombie. The last line is the tally; the exit code is 0 if it was always so.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PID_MAX = 1000 };

static long looks, bad;
static int seen[PID_MAX], seen_count;

/* What is there, without its newline; returns the length, or -1 and errno. */
static ssize_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved_errno;
	ssize_t length = fd == -1 ? -1 : read(fd, text, size - 1);

	saved_errno = errno;
	text[length > 0 ? length : 0] = '\0';
	if (fd != -1)
		close(fd);
	errno = saved_errno;
	return length;
}

static char state_of(int pid)
{
	char path[32], text[512], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	end = file_read(path, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
	return end != NULL && end[1] == ' ' ? end[2] : '-';
}

static void complain(const char *what, const char *text)
{
	if (bad++ < 20)
		printf("look %ld: %s '%.*s'\n", looks, what, (int)strcspn(text, "\n"), text);
}

static void note(int pid)
{
	for (int i = 0; i < seen_count; i++) {
		if (seen[i] == pid)
			return;
	}
	if (seen_count < PID_MAX)
		seen[seen_count++] = pid;
}

static void look(const char *path)
{
	char text[64], again[64], *end;
	ssize_t length = file_read(path, text, sizeof(text));
	long pid = length > 0 ? strtol(text, &end, 10) : 0;
	char state;

	looks++;
	if (length <= 0) {
		complain(length == -1 ? strerrorname_np(errno) : "empty", "");
		return;
	}
	if (pid <= 0 || strspn(end, " \n") != strlen(end)) {
		complain("no pid", text);
		return;
	}
	state = state_of((int)pid);
	/* It may have been replaced, and that process have ended, between the two looks. */
	if ((state == '-' || state == 'Z' || state == 'X') &&
	    file_read(path, again, sizeof(again)) > 0 && strcmp(text, again) == 0)
		complain(state == '-' ? "gone" : "a zombie", text);
	note((int)pid);
}

int main(int argc, char *argv[])
{
	if (argc != 3)
		errx(2, "usage: pidfile_watch FILE STOP-FILE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	look(argv[1]);
	puts("looking");
	while (access(argv[2], F_OK) == -1)
		look(argv[1]);
	printf("looks=%ld bad=%ld pids=%d\n", looks, bad, seen_count);
	return bad == 0 && looks > 0 ? 0 : 1;
}
