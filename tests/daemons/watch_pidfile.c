/*
 * watch_pidfile FILE STOP_FILE: look at a pidfile again and again until STOP_FILE exists; print how
 * often, and how often it was missing, held no pid, or named no running process.
 *
 * A server that writes its pidfile empties it first: no pid counts if it still is none 20 ms later.
 */
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 200000
#define WRITING_LOOKS 100

enum look { LOOK_RUNNING, LOOK_MISSING, LOOK_EMPTY, LOOK_DEAD, LOOK_COUNT };

static ssize_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd == -1)
		return -1;
	length = read(fd, text, size - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

/* It exists, and is no zombie that only waits to be waited for. */
static bool is_running(int pid)
{
	char path[32], text[512];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (kill(pid, 0) == -1 || file_read(path, text, sizeof(text)) <= 0)
		return false;
	state = strrchr(text, ')');
	return state != NULL && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}

static enum look look_once(const char *path)
{
	char text[64];
	int pid;

	if (file_read(path, text, sizeof(text)) == -1)
		return LOOK_MISSING;
	pid = atoi(text);
	if (pid <= 0)
		return LOOK_EMPTY;
	return is_running(pid) ? LOOK_RUNNING : LOOK_DEAD;
}

static void pause_shortly(void)
{
	nanosleep(&(struct timespec){ 0, PAUSE_NS }, NULL);
}

static enum look look(const char *path)
{
	enum look seen = look_once(path);

	for (int i = 0; seen == LOOK_EMPTY && i < WRITING_LOOKS; i++) {
		pause_shortly();
		seen = look_once(path);
	}
	/* The file may name another by now, and the first may have ended in between. */
	return seen == LOOK_DEAD ? look_once(path) : seen;
}

int main(int argc, char *argv[])
{
	long count[LOOK_COUNT] = { 0 }, looks = 0;

	if (argc != 3)
		errx(2, "usage: watch_pidfile FILE STOP_FILE");
	for (; access(argv[2], F_OK) == -1; looks++) {
		count[look(argv[1])]++;
		pause_shortly();
	}
	printf("looks=%ld missing=%ld empty=%ld dead=%ld\n", looks, count[LOOK_MISSING],
	       count[LOOK_EMPTY], count[LOOK_DEAD]);
	return looks > 0 && count[LOOK_RUNNING] == looks ? 0 : 1;
}
