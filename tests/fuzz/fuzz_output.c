/*
 * The last lines of what a new server wrote to its standard output, which is a file. Input: how
 * many lines, from where, the content.
 */
#include "fuzz.h"
#include "output.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define TAIL_BYTES 4096

static unsigned lines_n;
static size_t bytes_n;

static void line(const char *text, void *argument)
{
	CHECK(!strchr(text, '\n'));
	lines_n++;
	bytes_n += strlen(text) + 1;
}

/* Newlines that something follows, and one line more if there is anything at all. */
static unsigned count(const uint8_t *bytes, size_t size)
{
	unsigned n = size > 0;

	for (size_t i = 0; i + 1 < size; i++)
		n += bytes[i] == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool is_set_up;
	struct output_mark mark = { .size = { 0, -1 } };
	size_t from;
	unsigned n, wanted;

	if (size < 2)
		return 0;
	if (!is_set_up)
		CHECK(dup2(fuzz_file(), STDOUT_FILENO) == STDOUT_FILENO);
	is_set_up = true;
	n = bytes[0];
	from = bytes[1];
	bytes += 2;
	size -= 2;
	fuzz_file_fill(STDOUT_FILENO, bytes, size);
	mark.size[0] = (off_t)from;
	lines_n = 0;
	bytes_n = 0;
	output_tail(&mark, n, line, NULL);
	from = size > from + TAIL_BYTES ? size - TAIL_BYTES : from;
	wanted = from < size ? count(bytes + from, size - from) : 0;
	CHECK(lines_n == (wanted < n ? wanted : n));
	CHECK(bytes_n <= TAIL_BYTES + 1);
	return 0;
}
