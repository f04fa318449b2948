/* Texts of /proc as the shim reads them, and what is in a pid file; of the first byte: which. */
#include "core/procfs.h"
#include "fuzz.h"

#include <limits.h>
#include <string.h>

static void number(const char *text)
{
	int value = procfs_parse_number(text);
	char again[12];

	CHECK(value >= -1);
	if (value < 0)
		return;
	procfs_format_number(again, (unsigned)value);
	CHECK(strcmp(text + strspn(text, " 0"), value ? again : "") == 0);
}

static void pid(const char *bytes, size_t size)
{
	int value = procfs_parse_pid(bytes, size);

	CHECK(value == -1 || value > 0);
	CHECK(value == -1 || size <= PROCFS_PID_FILE_MAX);
}

static void call(const char *bytes, size_t size)
{
	uint64_t argument;
	long value = procfs_parse_syscall(bytes, size, &argument);

	CHECK(value >= -3 && value <= INT_MAX);
}

static void epoll(const char *bytes, size_t size)
{
	uint64_t data, inode;
	uint32_t events;
	int fd;

	if (!procfs_parse_epoll(bytes, size, &fd, &events, &data, &inode))
		return;
	CHECK(fd >= 0);
	CHECK(memmem(bytes, size, "tfd:", 4) && memmem(bytes, size, "ino:", 4));
}

/* The first numbers as libc reads them: they may be negative, of a process that is going. */
static void stat(const char *text)
{
	const char *name_end = strrchr(text, ')');
	int parent, group, session;
	struct procfs_stat stat;
	char state;

	if (!procfs_parse_stat(text, &stat))
		return;
	CHECK(name_end && sscanf(name_end, ") %c %d %d %d", &state, &parent, &group, &session) == 4);
	CHECK(stat.state == state && stat.parent == parent);
	CHECK(stat.group == group && stat.session == session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text, *copy;

	if (size == 0)
		return 0;
	text = fuzz_text(bytes + 1, size - 1);
	copy = malloc(size > 1 ? size - 1 : 1); /* the same without a NUL */
	CHECK(copy);
	memcpy(copy, bytes + 1, size - 1);
	switch (bytes[0]) {
	case 'n':
		number(text);
		break;
	case 'p':
		pid(copy, size - 1);
		break;
	case 'c':
		call(copy, size - 1);
		break;
	case 'e':
		epoll(copy, size - 1);
		break;
	case 's':
		stat(text);
		break;
	}
	free(copy);
	free(text);
	return 0;
}
