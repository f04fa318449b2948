#include "log.h"

#include <stdio.h>
#include <unistd.h>

static int log_level;

void log_set_level(int level)
{
	log_level = level;
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
	(void)!write(STDERR_FILENO, line, (size_t)length);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line_v(level, format, arguments);
	va_end(arguments);
}
