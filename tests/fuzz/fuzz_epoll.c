/*
 * The fdinfo of an epoll set, read as a whole, in pieces of any size. Input: the size of the pieces,
 * at how many to stop, the text. The linker has syscall() come here (--wrap): what is opened is the
 * input.
 */
#include "core/procfs.h"
#include "fuzz.h"
#include "registration.h"

#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#define OUR_FD 12345
#define LINE_MAX_BYTES 2048 /* no line of the kernel's is as long */

long __wrap_syscall(long number, ...);

static const uint8_t *text;
static size_t text_size, text_at, piece;
static bool is_open;

static struct {
	struct registration all[4096];
	size_t n;
} seen;

static long read_piece(void *buffer, size_t size)
{
	size_t n = text_size - text_at;

	n = n > size ? size : n;
	n = n > piece ? piece : n;
	memcpy(buffer, text + text_at, n);
	text_at += n;
	return (long)n;
}

static long open_input(va_list arguments)
{
	CHECK(va_arg(arguments, int) == 3);
	CHECK(strcmp(va_arg(arguments, const char *), "fdinfo/7") == 0);
	CHECK(!is_open);
	is_open = true;
	return OUR_FD;
}

static long read_input(va_list arguments)
{
	CHECK(is_open && va_arg(arguments, int) == OUR_FD);

	void *buffer = va_arg(arguments, void *);

	return read_piece(buffer, va_arg(arguments, size_t));
}

static long close_input(va_list arguments)
{
	CHECK(is_open && va_arg(arguments, int) == OUR_FD);
	is_open = false;
	return 0;
}

long __wrap_syscall(long number, ...)
{
	va_list arguments;
	long result;

	CHECK(number == SYS_openat || number == SYS_read || number == SYS_close);
	va_start(arguments, number);
	result = number == SYS_openat ? open_input(arguments) :
		 number == SYS_read   ? read_input(arguments) :
					close_input(arguments);
	va_end(arguments);
	return result;
}

static bool note(const struct registration *registration, void *limit)
{
	CHECK(seen.n < sizeof(seen.all) / sizeof(*seen.all));
	seen.all[seen.n++] = *registration;
	return seen.n < *(const size_t *)limit;
}

/* The same, line by line out of the whole. */
static void check_seen(size_t limit)
{
	const char *at = (const char *)text, *end = at + text_size, *newline;
	struct registration line;
	size_t n = 0;

	while (n < limit && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		if (newline - at > LINE_MAX_BYTES)
			return;
		if (procfs_parse_epoll(at, (size_t)(newline - at), &line.fd, &line.events,
				       &line.data, &line.inode)) {
			CHECK(n < seen.n && seen.all[n].set == 7);
			CHECK(line.fd == seen.all[n].fd && line.events == seen.all[n].events);
			CHECK(line.data == seen.all[n].data && line.inode == seen.all[n].inode);
			n++;
		}
		at = newline + 1;
	}
	CHECK(n == seen.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	size_t limit;

	if (size < 2 || size > 100000)
		return 0;
	piece = bytes[0] ? bytes[0] * 20u : 1;
	limit = bytes[1] ? bytes[1] : sizeof(seen.all) / sizeof(*seen.all);
	text = bytes + 2;
	text_size = size - 2;
	text_at = 0;
	seen.n = 0;
	CHECK(registration_each(3, 7, note, &limit) == 0);
	CHECK(!is_open);
	check_seen(limit);
	return 0;
}
