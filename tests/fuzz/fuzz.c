#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* As if by a user's ^C: libFuzzer ends with its numbers, and code 72. */
static void time_is_over(int signal)
{
	(void)signal;
	raise(SIGINT);
}

/* Time is counted by the processor (ulimit -S -t): a machine that is busy takes nothing from it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	signal(SIGXCPU, time_is_over);
	return 0;
}

char *fuzz_text(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	if (size > 0)
		memcpy(text, bytes, size);
	text[size] = '\0';
	return text;
}

int fuzz_file(void)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

void fuzz_file_fill(int fd, const uint8_t *bytes, size_t size)
{
	CHECK(ftruncate(fd, 0) == 0);
	CHECK(pwrite(fd, bytes, size, 0) == (ssize_t)size);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
}

int fuzz_first_free(void)
{
	int fd = dup(STDERR_FILENO);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}
