/*
 * The exported symbols, made from the table. No logic lives here: an INTERPOSE forwards to its
 * hook, an INTERPOSE_RETRY or _TRANSFER is the one loop that they share.
 */
#include "hooks.h"
#include "inherit.h"
#include "interrupt.h"
#include "real.h"
#include "session.h"
#include "ticks.h"
#include "waiting.h"

#include <alloca.h>
#include <stdarg.h>

#define VISIBLE __attribute__((visibility("default")))
#define EXPORT VISIBLE BY_CHILDREN

VISIBLE const char flip_version[] = FLIP_VERSION;

#define INTERPOSE(type, name, params, args, why) \
	EXPORT type name params;                      \
	EXPORT type name params { return hook_##name args; }
#define INTERPOSE_RETRY(type, name, params, args, why)             \
	EXPORT type name params;                                        \
	EXPORT type name params                                         \
	{                                                               \
		type result;                                                \
		do {                                                        \
			interrupt_clear();                                      \
			result = REAL(name) args;                               \
		} while (unlikely(result == -1) && interrupt_was_ours());  \
		return result;                                              \
	}
/* Volatile: noted on the stack, where it costs no register that would have to be saved. */
#define TRANSFER(type, name, params, args, events, flags, after)                                   \
	EXPORT type name params;                                                                       \
	EXPORT type name params                                                                        \
	{                                                                                              \
		volatile uint64_t began = ticks_now();                                                     \
		type result;                                                                               \
		if (session_is_watching() && !transfer_begins(fd, events, flags))                          \
			return -1;                                                                             \
		do {                                                                                       \
			interrupt_clear_transfer();                                                            \
			result = REAL(name) args;                                                              \
		} while (unlikely(result == -1) && (fd = transfer_again(fd, events, flags, began)) >= 0);  \
		if ((events) == POLLIN && told.n && session_has_blocking())                                \
			told_taken(fd);                                                                        \
		after;                                                                                     \
		return result;                                                                             \
	}
#define INTERPOSE_TRANSFER(type, name, params, args, events, flags, why) \
	TRANSFER(type, name, params, args, events, flags, )
#define INTERPOSE_RECEIVE(type, name, params, args, flags, after, why) \
	TRANSFER(type, name, params, args, POLLIN, flags, after)
#define INTERPOSE_WHOLE(type, name, params, args, events, flags, rest, why) \
	TRANSFER(type, name, params, args, events, flags,                        \
		 if (unlikely(interrupt_state == INTERRUPT_CUT) && result > 0) result = rest)
#define INTERPOSE_VARIADIC(type, name, params, why) EXPORT type name params;
#include "interpose.def"

/* All commands and requests that libc knows take one argument that fits a pointer, or none. */
#define FORWARD_VARIADIC(name, selector)                     \
	{                                                         \
		va_list arguments;                                    \
		va_start(arguments, selector);                        \
		void *argument = va_arg(arguments, void *);           \
		va_end(arguments);                                    \
		return hook_##name(fd, selector, argument);           \
	}

int fcntl(int fd, int command, ...) FORWARD_VARIADIC(fcntl, command)
int fcntl64(int fd, int command, ...) FORWARD_VARIADIC(fcntl64, command)
int ioctl(int fd, unsigned long request, ...) FORWARD_VARIADIC(ioctl, request)

/* As libc's own: up to four, whether they are there or not (prctl(2)). */
int prctl(int option, ...)
{
	va_list arguments;
	unsigned long a, b, c, d;

	va_start(arguments, option);
	a = va_arg(arguments, unsigned long);
	b = va_arg(arguments, unsigned long);
	c = va_arg(arguments, unsigned long);
	d = va_arg(arguments, unsigned long);
	va_end(arguments);
	return hook_prctl(option, a, b, c, d);
}

/* The mode is there only if a file may be created (open(2)); otherwise nobody looks at it. */
#define FORWARD_OPEN(call)                                   \
	{                                                         \
		va_list arguments;                                    \
		va_start(arguments, flags);                           \
		mode_t mode = va_arg(arguments, mode_t);              \
		va_end(arguments);                                    \
		return call;                                          \
	}

int open(const char *path, int flags, ...) FORWARD_OPEN(hook_open(path, flags, mode))
int open64(const char *path, int flags, ...) FORWARD_OPEN(hook_open64(path, flags, mode))
int openat(int directory, const char *path, int flags, ...)
	FORWARD_OPEN(hook_openat(directory, path, flags, mode))
int openat64(int directory, const char *path, int flags, ...)
	FORWARD_OPEN(hook_openat64(directory, path, flags, mode))

/* The arguments up to NULL as an array; what stands behind that is still in `arguments`. */
#define FORWARD_EXECL(call)                                           \
	{                                                                 \
		size_t n = 1;                                                 \
		va_list arguments;                                            \
		va_start(arguments, argument);                                \
		while (va_arg(arguments, char *))                             \
			n++;                                                      \
		va_end(arguments);                                            \
		char **argv = alloca((n + 1) * sizeof(*argv));                \
		argv[0] = (char *)(uintptr_t)argument;                        \
		va_start(arguments, argument);                                \
		for (size_t i = 1; i <= n; i++)                               \
			argv[i] = va_arg(arguments, char *);                      \
		int result = call;                                            \
		va_end(arguments);                                            \
		return result;                                                \
	}

int execl(const char *path, const char *argument, ...) FORWARD_EXECL(hook_execv(path, argv))
int execlp(const char *file, const char *argument, ...) FORWARD_EXECL(hook_execvp(file, argv))
int execle(const char *path, const char *argument, ...)
	FORWARD_EXECL(hook_execve(path, argv, va_arg(arguments, char *const *)))
