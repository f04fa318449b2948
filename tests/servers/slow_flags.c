/*
 * A library for LD_PRELOAD, behind flip's: fcntl() takes some milliseconds to set the flags of a file, so
 * that a signal mostly comes between what flip's has looked at and what the kernel does.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int set_slowly(int fd, int command, void *argument)
{
	struct timespec left = { 0, 3000000 };

	/* What is left after a signal is in `left` then; libc's own is flip's. */
	while (command == F_SETFL && syscall(SYS_nanosleep, &left, &left) != 0)
		;
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

#define DEFINE(name)                                   \
	int name(int fd, int command, ...)                 \
	{                                                  \
		va_list arguments;                             \
		va_start(arguments, command);                  \
		void *argument = va_arg(arguments, void *);    \
		va_end(arguments);                             \
		return set_slowly(fd, command, argument);      \
	}

DEFINE(fcntl)
DEFINE(fcntl64)
