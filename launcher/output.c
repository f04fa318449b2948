#include "output.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES 4096

static bool is_same_file(void)
{
	struct stat out, error;

	return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &error) == 0 &&
	       out.st_dev == error.st_dev && out.st_ino == error.st_ino;
}

void output_note(struct output_mark *mark)
{
	struct stat status;

	for (int i = 0; i < 2; i++)
		mark->size[i] = fstat(STDOUT_FILENO + i, &status) == 0 && S_ISREG(status.st_mode) ?
					status.st_size :
					-1;
	if (is_same_file())
		mark->size[0] = -1;
}

/* Hands out the lines of text, except the first `skip`. */
static void hand_out(char *text, unsigned skip, void (*line)(const char *text, void *argument),
		     void *argument)
{
	char *next;

	for (char *at = text; at && *at; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = '\0';
		if (skip > 0)
			skip--;
		else
			line(at, argument);
	}
}

void output_clean(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = '?';
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (const char *at = text; at && *at; n++) {
		at = strchr(at, '\n');
		if (at)
			at++;
	}
	return n;
}

static void tail_one(int number, off_t from, unsigned n,
		     void (*line)(const char *text, void *argument), void *argument)
{
	char path[32], text[TAIL_BYTES + 1];
	struct stat status;
	ssize_t length;
	unsigned lines;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", number);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status) != 0)
		from = -1;
	if (from >= 0 && status.st_size - from > TAIL_BYTES)
		from = status.st_size - TAIL_BYTES;
	length = from >= 0 ? pread(fd, text, TAIL_BYTES, from) : 0;
	length = length > 0 ? length : 0;
	output_clean(text, (size_t)length);
	text[length] = '\0';
	lines = count_lines(text);
	hand_out(text, lines > n ? lines - n : 0, line, argument);
	if (fd >= 0)
		close(fd);
}

void output_tail(const struct output_mark *mark, unsigned n,
		 void (*line)(const char *text, void *argument), void *argument)
{
	for (int i = 0; i < 2; i++)
		if (mark->size[i] >= 0)
			tail_one(STDOUT_FILENO + i, mark->size[i], n, line, argument);
}
