#include "log.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define PATIENCE_MS 100

static int log_level;

void log_set_level(int level)
{
	log_level = level;
}

/*
 * A pipe that nobody empties, or a terminal that is halted, is waited for a moment, and not again until there is
 * room: what it would hold up is the service.
 */
static bool has_room(void)
{
	struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
	static bool is_stalled;

	is_stalled = poll(&log, 1, is_stalled ? 0 : PATIENCE_MS) == 0;
	return !is_stalled;
}

void log_line_v(enum log_level level, const char *format, va_list arguments)
{
	char line[1200];
	int length, more;

	if ((int)level > log_level)
		return;
	length = snprintf(line, sizeof(line) - 1, "flip[%d]: ", (int)getpid());
	more = vsnprintf(line + length, sizeof(line) - 1 - (size_t)length, format, arguments);
	if (more < 0)
		return;
	length += more;
	if (length > (int)sizeof(line) - 2)
		length = (int)sizeof(line) - 2;
	line[length++] = '\n';
	if (has_room())
		(void)!write(STDERR_FILENO, line, (size_t)length);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line_v(level, format, arguments);
	va_end(arguments);
}
