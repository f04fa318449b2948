#include "log.h"

#include "sys.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

struct line {
	size_t length;
	char text[512];
};

static void line_add(struct line *line, const char *text)
{
	size_t room = sizeof(line->text) - 1 - line->length;
	size_t length = strlen(text);

	if (length > room)
		length = room;
	memcpy(line->text + line->length, text, length);
	line->length += length;
}

static void line_add_number(struct line *line, unsigned number)
{
	char digits[12];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	line_add(line, digits + at);
}

static bool is_muted;

void log_begin(void)
{
	is_muted = sys_inode(STDERR_FILENO) == 0;
}

/* Not to a client either, where the program has closed it since. */
static bool is_internet(int fd)
{
	int family = sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN);

	return family == AF_INET || family == AF_INET6;
}

void log_once(const char *text, const char *about, int error)
{
	static atomic_bool said;
	struct line line = { 0 };

	if (atomic_exchange(&said, true) || is_muted || is_internet(STDERR_FILENO))
		return;
	line_add(&line, "flip[");
	line_add_number(&line, (unsigned)sys_getpid());
	line_add(&line, "]: ");
	line_add(&line, text);
	if (about) {
		line_add(&line, " ");
		line_add(&line, about);
	}
	if (error) {
		/* Async-signal-safe since glibc 2.32: a pointer into a table, without translation. */
		const char *name = strerrordesc_np(error);

		line_add(&line, ": ");
		line_add(&line, name ? name : "unknown error");
	}
	line_add(&line, "\n");
	(void)SYS_CALL(SYS_write, STDERR_FILENO, line.text, line.length);
}
