#include "output.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct output_mark mark = { .size = { 0, -1 } };
static char lines[8192];

/* As in a server's log, lines end with a bar. */
static void note_line(const char *text, void *unused)
{
	(void)unused;
	strcat(strcat(lines, text), "|");
}

/* The last `n` lines of what is written to standard output, as a file. */
static const char *tail(const void *bytes, size_t size, unsigned n)
{
	int fd = memfd_create("output", 0);

	cr_assert(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	lines[0] = '\0';
	output_tail(&mark, n, note_line, NULL);
	close(fd);
	return lines;
}

Test(output, tells_the_last_lines)
{
	static const char text[] = "one\ntwo\n\nfour\n";

	cr_assert_str_eq(tail(text, strlen(text), 2), "|four|");
	cr_assert_str_eq(tail(text, strlen(text), 99), "one|two||four|");
	cr_assert_str_eq(tail(text, strlen(text) - 1, 1), "four|");
	cr_assert_str_eq(tail(text, strlen(text), 0), "");
	cr_assert_str_eq(tail("", 0, 5), "");
}

Test(output, tells_what_was_written_since)
{
	mark.size[0] = 4;
	cr_assert_str_eq(tail("one\ntwo\n", 8, 5), "two|");
	mark.size[0] = 8;
	cr_assert_str_eq(tail("one\ntwo\n", 8, 5), "");
	mark.size[0] = 100; /* it was truncated */
	cr_assert_str_eq(tail("one\ntwo\n", 8, 5), "");
}

Test(output, tells_what_comes_after_a_nul)
{
	cr_assert_str_eq(tail("one\0\ntwo\n\0", 10, 5), "one?|two|?|");
	cr_assert_str_eq(tail("\0\0\nlast\n", 8, 1), "last|");
}

Test(output, tells_no_more_than_a_page)
{
	char text[10000];

	memset(text, 'x', sizeof(text));
	cr_assert_eq(strlen(tail(text, sizeof(text), 1)), 4096 + strlen("|"));
}
