/* The file of a command, before it is run: an ELF header, a #! line, a text, or neither. */
#include "fuzz.h"
#include "target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static int fd = -1;
	char path[32], error[4400] = "";
	int code;

	if (fd < 0)
		fd = fuzz_file();
	fuzz_file_fill(fd, bytes, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	code = target_check(path, error, sizeof(error));
	CHECK(code == 0 || code == EXIT_FLIP || code == EXIT_NOT_EXECUTABLE || code == EXIT_NOT_FOUND);
	CHECK(code == 0 || (error[0] && strstr(error, path)));
	CHECK(memchr(error, '\0', sizeof(error)));
	return 0;
}
