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

static uint64_t begun_inode; /* of standard error; 0: it was closed */

void log_begin(void)
{
	begun_inode = sys_inode(STDERR_FILENO);
}

bool log_is_data(int fd, uint64_t begun)
{
	int flags = sys_fcntl(fd, F_GETFL, 0);
	struct stat status;

	return (flags & (O_ACCMODE | O_APPEND)) == O_RDWR && sys_fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_ino != begun;
}

/* Not to a client either, where the program has closed it since. */
static bool is_internet(int fd)
{
	int family = sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN);

	return family == AF_INET || family == AF_INET6;
}

/*
 * A pipe without a reader, a file that may not grow and a terminal that wants no output of a job in the background
 * raise a signal, which would end or stop the program.
 */
static void write_quietly(const char *text, size_t length)
{
	uint64_t raised = sys_signal_bit(SIGPIPE) | sys_signal_bit(SIGXFSZ) | sys_signal_bit(SIGTTOU);
	uint64_t mask, pending = 0;
	struct timespec now = { 0 };

	if (sys_poll_wait(STDERR_FILENO, POLLOUT, 0) == 0)
		return; /* it would block */
	sys_sigpending(&pending);
	sys_sigmask(SIG_BLOCK, raised, &mask);
	(void)SYS_CALL(SYS_write, STDERR_FILENO, text, length);
	raised &= ~pending;
	while (SYS_CALL(SYS_rt_sigtimedwait, &raised, NULL, &now, SYS_SIGSET_SIZE) > 0)
		continue;
	sys_sigmask(SIG_SETMASK, mask, NULL);
}

void log_once(const char *text, const char *about, int error)
{
	static atomic_bool said;
	struct line line = { 0 };

	if (atomic_exchange(&said, true) || !begun_inode || is_internet(STDERR_FILENO) ||
	    log_is_data(STDERR_FILENO, begun_inode))
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
	write_quietly(line.text, line.length);
}
