/*
 * What the supervisor reads of processes in /proc: stat, status, maps, environ, children. The linker
 * has open() come here (--wrap): each file that is opened is the next piece of the input, in which
 * pieces end with an \x1e; when all are used up there is no process any more.
 */
#include "fuzz.h"
#include "kin.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEPARATOR 0x1e

int __wrap_open64(const char *path, int flags, ...);

static const uint8_t *rest;
static size_t left;
static unsigned found_n;

int __wrap_open64(const char *path, int flags, ...)
{
	const uint8_t *end = left ? memchr(rest, SEPARATOR, left) : NULL;
	size_t size = end ? (size_t)(end - rest) : left;
	int fd;

	CHECK(strncmp(path, "/proc/", 6) == 0 && flags & O_CLOEXEC);
	if (left == 0 || flags & O_DIRECTORY) {
		errno = ENOENT;
		return -1;
	}
	fd = fuzz_file();
	fuzz_file_fill(fd, rest, size);
	rest += size + (end != NULL);
	left -= size + (end != NULL);
	return fd;
}

static void found(pid_t pid, const struct procfs_stat *stat, void *argument)
{
	(void)pid;
	(void)stat;
	(void)argument;
	found_n++;
}

static void ask_of_kin(const uint8_t *bytes, size_t size)
{
	struct kin kin;

	kin_init(&kin, 4711, "flip-1-0123456789abcdef");
	rest = bytes;
	left = size;
	kin_note(&kin, 4712);
	CHECK(kin_has(&kin, 4711));
	kin_has(&kin, 4713);
	found_n = 0;
	kin_each(&kin, found, NULL);
	CHECK(found_n <= size);
	kin_fini(&kin);

	rest = bytes;
	left = size;
	kin_init_summoner(&kin, 4711, 1, 1);
	kin_has(&kin, 4713);
	kin_fini(&kin);
}

static void ask_of_process(const uint8_t *bytes, size_t size)
{
	struct procfs_stat stat;
	struct process_marks marks;
	char text[64];

	rest = bytes;
	left = size;
	CHECK(process_read(4711, "any", text, sizeof(text)) < (ssize_t)sizeof(text));
	CHECK(memchr(text, '\0', sizeof(text)));
	process_stat(4711, &stat);
	process_catches(4711, 10, &marks);
	process_has_mapped(4711, "/libflip.so");
	process_age_ms(&(struct procfs_stat){ .started = 4711 });
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int first_free = fuzz_first_free();

	ask_of_kin(bytes, size);
	ask_of_process(bytes, size);
	CHECK(fuzz_first_free() == first_free); /* nothing is left open */
	return 0;
}
