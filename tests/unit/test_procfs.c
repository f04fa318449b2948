#include "core/procfs.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A copy that ends where memory does: reading behind it is a crash. */
static const char *at_the_edge(const char *text, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(pages != MAP_FAILED);
	cr_assert(mprotect(pages + page, page, PROT_NONE) == 0);
	return memcpy(pages + page - length, text, length);
}

struct entry {
	int fd;
	uint32_t events;
	uint64_t data, inode;
};

static bool parse(const char *line, struct entry *entry)
{
	size_t length = strlen(line);

	return procfs_parse_epoll(at_the_edge(line, length), length, &entry->fd, &entry->events,
				  &entry->data, &entry->inode);
}

static const char line_of_linux_6[] =
	"tfd:        5 events:       19 data:     7ffe00000005  pos:0 ino:2b sdev:8";

Test(procfs, reads_a_line_of_an_epoll_set)
{
	struct entry entry = { 0 };

	cr_assert(parse(line_of_linux_6, &entry));
	cr_expect(entry.fd == 5 && entry.events == 0x19);
	cr_expect(entry.data == 0x7ffe00000005 && entry.inode == 0x2b);
}

Test(procfs, reads_the_greatest_numbers)
{
	struct entry entry = { 0 };

	cr_assert(parse("tfd: 2147483647 events: ffffffff data: ffffffffffffffff  pos:0 "
			"ino:ffffffffffffffff sdev:ffffffff", &entry));
	cr_expect(entry.fd == INT_MAX && entry.events == UINT32_MAX);
	cr_expect(entry.data == UINT64_MAX && entry.inode == UINT64_MAX);
}

Test(procfs, reads_a_position_that_is_far)
{
	struct entry entry = { 0 };

	cr_expect(parse("tfd: 1 events: 1 data: 1  pos:9223372036854775807 ino:1 sdev:1", &entry));
}

Test(procfs, takes_no_other_line_for_one)
{
	static const char *const lines[] = {
		"", " ", "pos:\t0", "flags:\t02", "mnt_id:\t15", "ino:\t1057",
		"tfd:", "tfd: ", "tfd: x", "tfd: -5 events: 19 data: 5 pos:0 ino:2b",
		"tfd: 2147483648 events: 19 data: 5 pos:0 ino:2b",
		"tfd: 5 events: 100000000 data: 5 pos:0 ino:2b",
		"tfd: 5 events: 19 data: 10000000000000000000000 pos:0 ino:2b",
		"tfd: 99999999999999999999999999999 events: 19 data: 5 pos:0 ino:2b",
		"tfd: 5 events: 19 data: 5",         /* before Linux 4.11 */
		"tfd: 5 events: 19 data: 5 pos:0",
		"tfd: 5 events: 19 data: 5 pos:0 ino:",
		"tfd: 5 events: 19 data: 5 pos:0 ino:xyz",
		"tfd: 5 data: 5 events: 19 pos:0 ino:2b",
		"xtfd: 5 events: 19 data: 5 pos:0 ino:2b",
		"tfd: 5 events: 19 data: 5\tpos:0 ino:2b",
		"inotify wd:1 ino:2b sdev:8 mask:2 ignored_mask:0",
		"tfd: 5\nevents: 19 data: 5 pos:0 ino:2b",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct entry entry = { 0 };

		cr_expect(!parse(lines[i], &entry), "taken: '%s'", lines[i]);
	}
}

/* However much of a line there is: never read on, and never half a line for a whole one. */
Test(procfs, knows_half_a_line)
{
	size_t inode_begins = (size_t)(strstr(line_of_linux_6, "ino:2") - line_of_linux_6) + 5;

	for (size_t length = 0; length < sizeof(line_of_linux_6); length++) {
		struct entry entry;
		bool ok = procfs_parse_epoll(at_the_edge(line_of_linux_6, length), length, &entry.fd,
					     &entry.events, &entry.data, &entry.inode);

		cr_expect(ok == (length >= inode_begins), "%zu", length);
	}
}

Test(procfs, survives_any_bytes)
{
	unsigned seed = 1;

	for (int i = 0; i < 20000; i++) {
		char line[sizeof(line_of_linux_6)];
		size_t length = 1 + (size_t)rand_r(&seed) % (sizeof(line) - 1);
		struct entry entry;

		memcpy(line, line_of_linux_6, sizeof(line));
		for (int n = rand_r(&seed) % 6; n > 0; n--)
			line[(size_t)rand_r(&seed) % length] = (char)rand_r(&seed);
		(void)procfs_parse_epoll(line, length, &entry.fd, &entry.events, &entry.data,
					 &entry.inode);
		line[length - 1] = '\0';
		(void)procfs_parse_number(line);
		(void)procfs_parse_syscall(line, length, &entry.data);
	}
}

Test(procfs, reads_a_number_that_is_all_of_the_text)
{
	cr_expect(procfs_parse_number("0") == 0);
	cr_expect(procfs_parse_number("1") == 1);
	cr_expect(procfs_parse_number("1023") == 1023);
	cr_expect(procfs_parse_number("2147483647") == INT_MAX);
}

Test(procfs, takes_nothing_else_for_a_number)
{
	static const char *const texts[] = { "", ".", "..", "-1", "+1", "1 ", "1x", "x1", "0x1", "a",
					     "2147483648", "99999999999999999999999", "1.0",
					     "18446744073709551616", "18446744073709551617" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_expect(procfs_parse_number(texts[i]) == -1, "'%s'", texts[i]);
}

Test(procfs, writes_what_it_can_read)
{
	static const unsigned numbers[] = { 0, 1, 9, 10, 99, 1000, 123456789, INT_MAX };
	char text[12];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		procfs_format_number(text, numbers[i]);
		cr_expect(procfs_parse_number(text) == (int)numbers[i]);
	}
	procfs_format_number(text, UINT_MAX);
	cr_expect_str_eq(text, "4294967295");
}

static long parse_call(const char *text, uint64_t *argument)
{
	size_t length = strlen(text);

	return procfs_parse_syscall(at_the_edge(text, length), length, argument);
}

Test(procfs, reads_the_call_a_thread_is_in)
{
	uint64_t argument = 99;

	cr_expect(parse_call("43 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffd 0x7f00\n", &argument) == 43);
	cr_expect(argument == 3);
	cr_expect(parse_call("0 0xffffffffffffffff 0x0\n", &argument) == 0);
	cr_expect(argument == UINT64_MAX);
	cr_expect(parse_call("running\n", &argument) == -2);
	cr_expect(parse_call("running", &argument) == -2);
	cr_expect(parse_call("-1 0x7ffd 0x7f00\n", &argument) == -1);
}

Test(procfs, takes_no_other_text_for_a_call)
{
	static const char *const texts[] = { "", "\n", "-", "runnin", "x", "43", "43 ", "43 3", "43 0x",
					     "43 0xg", "99999999999 0x3", "4 3 0x3" };
	uint64_t argument;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_expect(parse_call(texts[i], &argument) == -3, "'%s'", texts[i]);
}

static int parse_pid(const char *text)
{
	size_t length = strlen(text);

	return procfs_parse_pid(at_the_edge(text, length), length);
}

Test(procfs, reads_what_is_nothing_but_a_pid)
{
	cr_expect(parse_pid("1") == 1);
	cr_expect(parse_pid("4711\n") == 4711);
	cr_expect(parse_pid(" \t4711\r\n\n") == 4711);
	cr_expect(parse_pid("0004711") == 4711);
	cr_expect(parse_pid("2147483647\n") == INT_MAX);
	cr_expect(procfs_parse_pid("1\0", 2) == 1);
}

Test(procfs, takes_nothing_else_for_a_pid)
{
	static const char *const texts[] = {
		"", " ", "\n", "0", "-1", "+1", "x", "1x", "1 2", "1\n2\n", "1.0", "0x10",
		"2147483648", "18446744073709551617", "99999999999999999999999999999999",
		"1                                ",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_expect(parse_pid(texts[i]) == -1, "'%s'", texts[i]);
	cr_expect(procfs_parse_pid("1\0" "2", 3) == -1);
	cr_expect(procfs_parse_pid("\0" "1", 2) == -1);
}

static const char stat_of_linux_6[] =
	"4711 (nginx: worker) S 4700 4699 4698 0 -1 4194368 105 0 0 0 3 5 0 0 20 0 4 0 13590 6598656 1075 "
	"18446744073709551615 94250271268864 94250272105641 140728013364384 0 0 0 0 1073745920 402745863 0 0 0 "
	"17 1 0 0 0 0 0 94250272413936 94250272537936 94250285748224 140728013367084 140728013367117 "
	"140728013367117 140728013369312 0\n";

/* The text with another name in it. */
static bool parse_stat_named(const char *name, struct procfs_stat *stat)
{
	char text[600];

	snprintf(text, sizeof(text), "4711 (%s%s", name, strchr(stat_of_linux_6, ')'));
	return procfs_parse_stat(at_the_edge(text, strlen(text) + 1), stat);
}

Test(procfs, reads_what_stat_tells_of_a_process)
{
	struct procfs_stat stat;

	cr_assert(procfs_parse_stat(stat_of_linux_6, &stat));
	cr_expect(stat.state == 'S');
	cr_expect(!stat.is_ending);
	cr_expect(stat.parent == 4700);
	cr_expect(stat.group == 4699);
	cr_expect(stat.session == 4698);
	cr_expect(stat.threads == 4);
	cr_expect(stat.started == 13590);
	cr_expect(stat.image != 0);
}

Test(procfs, lets_a_process_have_any_name)
{
	static const char *const names[] = { "", ")", "a) S 1 1 1", "a\nb", "(", " ", "\n) R 2 2 2\n" };
	struct procfs_stat stat;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		cr_assert(parse_stat_named(names[i], &stat), "'%s'", names[i]);
		cr_expect(stat.state == 'S' && stat.parent == 4700, "'%s'", names[i]);
	}
}

Test(procfs, takes_no_part_of_stat)
{
	char text[sizeof(stat_of_linux_6)];
	size_t data_ends = (size_t)(strstr(stat_of_linux_6, " 140728013367084") - stat_of_linux_6);
	struct procfs_stat stat;

	for (size_t length = 0; length < sizeof(text); length++) {
		memcpy(text, stat_of_linux_6, length);
		text[length] = '\0';
		if (procfs_parse_stat(at_the_edge(text, length + 1), &stat))
			cr_expect(length > data_ends - strlen("94250285748224"), "%zu", length);
	}
}

/* 1 would be the group of the init process, and all of it might be taken for the service. */
Test(procfs, tells_a_missing_group_from_group_1)
{
	struct procfs_stat stat;

	cr_assert(procfs_parse_stat("4712 (server) X 0 -1 -1 0 -1 4228108 0 0 0 0 0 0 0 0 20 -5 0 0 1554063 0 0 "
				    "18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
				    "0\n", &stat));
	cr_expect(stat.is_ending);
	cr_expect(stat.parent == 0);
	cr_expect(stat.group == -1);
	cr_expect(stat.session == -1);
	cr_expect(stat.image == 0);
}

Test(procfs, takes_no_stat_with_numbers_that_are_none)
{
	static const char rest[] = " 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
				   "0 0 0 0 0 0 0\n";
	static const char *const starts[] = { "1 (a) S 2147483648 1 1", "1 (a) S 1 4294967297 1",
					      "1 (a) S 1 1 9223372036854775808", "1 (a) S 1 - 1",
					      "1 (a) S 1 18446744073709551610 1",
					      "1 (a) S 1 1 -18446744073709551615",
					      "1 (a) S 1 x 1", "1 (a) S 1 --1 1", "1 (a)  1 1 1",
					      "1 (a) 1 1 1 1" };
	struct procfs_stat stat;
	char text[300];

	snprintf(text, sizeof(text), "1 (a) S 2147483647 1 1%s", rest);
	cr_assert(procfs_parse_stat(text, &stat));
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		snprintf(text, sizeof(text), "%s%s", starts[i], rest);
		cr_expect(!procfs_parse_stat(text, &stat), "%s", starts[i]);
	}
}

Test(procfs, reads_a_set_of_signals_behind_its_label)
{
	static const char text[] = "Name:\tSigIgn\nSigBlk:\t0000000000000001\nSigIgn:\t8000000000001003\nSigCgt:\t0";
	uint64_t signals = 0;

	cr_assert(procfs_parse_signals(text, sizeof(text) - 1, "SigIgn:\t", &signals));
	cr_expect(signals == 0x8000000000001003);
	cr_expect(!procfs_parse_signals(text, sizeof(text) - 1, "SigCgt:\t", &signals), "cut off");
	cr_expect(!procfs_parse_signals(text, sizeof(text) - 1, "sigmask:\t", &signals));
}
