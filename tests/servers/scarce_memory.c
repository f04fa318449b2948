/*
 * A library for LD_PRELOAD that lets one allocation of `flip run` fail: the file $SCARCE_MEMORY begins
 * with a number (int32_t); it counts down with each allocation, and the one that makes it 0 fails.
 * Then it is -1, and nothing fails any more until it is set again. In other programs it does nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static _Atomic int32_t *left;

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	const char *path = getenv("SCARCE_MEMORY"), *slash = strrchr(argv[0], '/');
	int fd;

	if (!path || argc < 2 || strcmp(slash ? slash + 1 : argv[0], "flip") != 0 ||
	    strcmp(argv[1], "run") != 0)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	left = fd < 0 ? NULL : mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (left == MAP_FAILED)
		left = NULL;
	if (fd >= 0)
		close(fd);
}

static bool is_to_fail(void)
{
	if (!left || atomic_load(left) <= 0 || atomic_fetch_sub(left, 1) != 1)
		return false;
	atomic_store(left, -1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return is_to_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return is_to_fail() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
	return is_to_fail() ? NULL : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t n, size_t size)
{
	return is_to_fail() ? NULL : __libc_realloc(memory, n * size);
}
