#include "registration.h"

#include "core/procfs.h"
#include "sys.h"

#include <string.h>

#define LINE_MAX_BYTES 256

static int open_in_proc(int proc_fd, const char *name)
{
	char path[64] = "/proc/thread-self/";

	if (proc_fd >= 0)
		return sys_openat(proc_fd, name, O_RDONLY);
	strncat(path, name, sizeof(path) - strlen(path) - 1);
	return sys_openat(AT_FDCWD, path, O_RDONLY);
}

static const char *name_number(char *buffer, const char *directory, int fd)
{
	size_t length = strlen(directory);

	memcpy(buffer, directory, length);
	procfs_format_number(buffer + length, (unsigned)fd);
	return buffer;
}

int registration_each(int proc_fd, int set,
		       bool (*found)(const struct registration *registration, void *argument),
		       void *argument)
{
	/* In a handler, perhaps on a stack of 8 KiB (SIGSTKSZ; Rust's runtime makes such), half of which the kernel takes. */
	char name[40], buffer[2 * LINE_MAX_BYTES];
	size_t have = 0;
	long n;
	int fd = open_in_proc(proc_fd, name_number(name, "fdinfo/", set));
	bool more = true;

	if (fd < 0)
		return fd;
	/* Whole lines are taken from the front; the rest moves up to meet the next read. */
	while (more && (n = sys_read(fd, buffer + have, sizeof(buffer) - have)) > 0) {
		char *line = buffer, *end;

		have += (size_t)n;
		while (more && (end = memchr(line, '\n', have - (size_t)(line - buffer)))) {
			struct registration registration = { .set = set };

			if (procfs_parse_epoll(line, (size_t)(end - line), &registration.fd,
					       &registration.events, &registration.data,
					       &registration.inode))
				more = found(&registration, argument);
			line = end + 1;
		}
		have -= (size_t)(line - buffer);
		if (have == sizeof(buffer))
			break; /* no line of the kernel's is that long */
		memmove(buffer, line, have);
	}
	sys_close(fd);
	return 0;
}

struct directory_entry { /* getdents64(2) */
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static int entry_each(int proc_fd, const char *directory, bool (*found)(int number, void *argument),
		       void *argument)
{
	_Alignas(8) char buffer[1024]; /* on the stack of a thread of somebody else's */
	int directory_fd = open_in_proc(proc_fd, directory);
	bool more = true;
	long n;

	if (directory_fd < 0)
		return directory_fd;
	while (more && (n = sys_getdents(directory_fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; more && at < n;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			int number = procfs_parse_number(entry->name);

			if (number >= 0)
				more = found(number, argument);
			at += entry->length;
		}
	sys_close(directory_fd);
	return 0;
}

int descriptor_each(int proc_fd, bool (*found)(int fd, void *argument), void *argument)
{
	return entry_each(proc_fd, "fd", found, argument);
}

int task_each(int proc_fd, bool (*found)(int tid, void *argument), void *argument)
{
	return entry_each(proc_fd, "..", found, argument);
}

long task_call(int proc_fd, int tid)
{
	char path[40] = "../", text[128];
	uint64_t argument;
	int fd;
	long n;

	procfs_format_number(path + 3, (unsigned)tid);
	strcat(path, "/syscall");
	fd = sys_openat(proc_fd, path, O_RDONLY);
	if (fd < 0)
		return -3;
	n = sys_read(fd, text, sizeof(text));
	sys_close(fd);
	return n > 0 ? procfs_parse_syscall(text, (size_t)n, &argument) : -3;
}

enum descriptor_kind descriptor_kind(int proc_fd, int fd)
{
	static const char links[][24] = {
		[DESCRIPTOR_EPOLL] = "anon_inode:[eventpoll]",
		[DESCRIPTOR_RING] = "anon_inode:[io_uring]",
		[DESCRIPTOR_SIGNALS] = "anon_inode:[signalfd]",
	};
	const char *directory = proc_fd < 0 ? "/proc/thread-self/fd/" : "fd/";
	char name[40], target[32];
	long n;

	/* All of these are open for both ways (fs/eventpoll.c in Linux): a log, a pipe need not be asked for their name. */
	if ((sys_fcntl(fd, F_GETFL, 0) & O_ACCMODE) != O_RDWR)
		return DESCRIPTOR_OTHER;
	n = sys_readlinkat(proc_fd, name_number(name, directory, fd), target, sizeof(target));
	for (int kind = DESCRIPTOR_EPOLL; kind <= DESCRIPTOR_SIGNALS; kind++)
		if (n == (long)strlen(links[kind]) && memcmp(target, links[kind], (size_t)n) == 0)
			return (enum descriptor_kind)kind;
	return DESCRIPTOR_OTHER;
}

bool descriptor_signals(int proc_fd, int fd, uint64_t *mask)
{
	char name[40], text[512];
	int info_fd;
	long n;

	if (descriptor_kind(proc_fd, fd) != DESCRIPTOR_SIGNALS)
		return false;
	info_fd = open_in_proc(proc_fd, name_number(name, "fdinfo/", fd));
	if (info_fd < 0)
		return false;
	n = sys_read(info_fd, text, sizeof(text));
	sys_close(info_fd);
	return n > 0 && procfs_parse_signals(text, (size_t)n, "sigmask:\t", mask);
}
