#include "notification.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct notification said;

/* From a copy that ends where memory does: reading behind it is a crash. */
static const char *parse_bytes(const char *bytes, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (length / page + 1) * page;
	char *pages = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *reason;

	cr_assert(pages != MAP_FAILED);
	cr_assert(mprotect(pages + room, page, PROT_NONE) == 0);
	memset(&said, 0xff, sizeof(said));
	reason = notification_parse(memcpy(pages + room - length, bytes, length), length, &said);
	munmap(pages, room + page);
	return reason;
}

static void parse(const char *text)
{
	cr_assert_null(parse_bytes(text, strlen(text)));
}

Test(notification, tells_that_the_program_is_ready)
{
	parse("READY=1");
	cr_assert(said.ready);
	cr_assert_not(said.has_status);
	cr_assert_str_eq(said.pass_on, "");
}

Test(notification, tells_ready_among_other_lines)
{
	parse("STATUS=up\nREADY=1\nMAINPID=4711\n");
	cr_assert(said.ready);
	cr_assert_str_eq(said.status, "up");
	cr_assert_str_eq(said.pass_on, "");
}

Test(notification, takes_nothing_else_for_ready)
{
	const char *const others[] = { "READY=0", "READY=", "READY", "READY=10", " READY=1", "XREADY=1",
				       "READY=1 ", "READY=1\r", "ready=1", "STATUS=READY=1" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		parse(others[i]);
		cr_assert_not(said.ready, "%s", others[i]);
	}
}

Test(notification, passes_on_what_concerns_the_service_manager)
{
	parse("WATCHDOG=1\nREADY=1\nWATCHDOG_USEC=3000000\nEXTEND_TIMEOUT_USEC=5\nERRNO=2");
	cr_assert_str_eq(said.pass_on,
			 "WATCHDOG=1\nWATCHDOG_USEC=3000000\nEXTEND_TIMEOUT_USEC=5\nERRNO=2");
	parse("WATCHDOG=trigger");
	cr_assert_str_eq(said.pass_on, "WATCHDOG=trigger");
}

Test(notification, keeps_what_flip_says_itself)
{
	parse("READY=1\nRELOADING=1\nSTOPPING=1\nMAINPID=1\nMONOTONIC_USEC=1\nFDSTORE=1\nFDNAME=x\n"
	      "FDSTOREREMOVE=1\nBARRIER=1\nNOTIFYACCESS=all\nBUSERROR=x\nEXIT_STATUS=1\nX_MINE=1");
	cr_assert(said.ready);
	cr_assert_str_eq(said.pass_on, "");
}

Test(notification, leaves_out_values_without_sense)
{
	parse("WATCHDOG=0\nWATCHDOG=\nWATCHDOG=11\nERRNO=\nERRNO=-1\nERRNO=2x\nEXTEND_TIMEOUT_USEC=1.5\n"
	      "WATCHDOG_USEC= 1\nSTATUS");
	cr_assert_str_eq(said.pass_on, "");
	cr_assert_not(said.has_status);
}

Test(notification, tells_the_status)
{
	parse("STATUS=Gr\xc3\xbc\xc3\x9f" "e = \xe2\x82\xac \xf0\x9f\x98\x80");
	cr_assert(said.has_status);
	cr_assert_str_eq(said.status, "Gr\xc3\xbc\xc3\x9f" "e = \xe2\x82\xac \xf0\x9f\x98\x80");
	parse("STATUS=");
	cr_assert(said.has_status);
	cr_assert_str_eq(said.status, "");
	parse("STATUS=first\nSTATUS=last");
	cr_assert_str_eq(said.status, "last");
}

Test(notification, leaves_out_a_status_that_is_no_text)
{
	const char *const bytes[] = { "\xff", "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80",
				      "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80" };
	char text[80];

	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		snprintf(text, sizeof(text), "STATUS=a%s\nREADY=1", bytes[i]);
		parse(text);
		cr_assert(said.ready);
		cr_assert_not(said.has_status, "bytes %zu", i);
	}
}

/* The euro sign has three bytes: wherever the room ends, a whole one is the last. */
Test(notification, cuts_a_long_status_behind_a_character)
{
	char text[1000];

	for (size_t shift = 0; shift < 3; shift++) {
		size_t length = (size_t)sprintf(text, "STATUS=%.*s", (int)shift, "ab");

		while (length + 3 < sizeof(text))
			length += (size_t)sprintf(text + length, "\xe2\x82\xac");
		parse(text);
		cr_assert_geq(strlen(said.status), NOTIFICATION_STATUS_MAX - 3);
		cr_assert_eq((strlen(said.status) - shift) % 3, 0);
		cr_assert_eq(strncmp(said.status, text + strlen("STATUS="), strlen(said.status)), 0);
	}
}

Test(notification, takes_the_longest_message_whole)
{
	static char text[NOTIFICATION_MAX + 2];

	memset(text, '1', sizeof(text));
	memcpy(text, "ERRNO=", 6);
	cr_assert_null(parse_bytes(text, NOTIFICATION_MAX));
	cr_assert_eq(strlen(said.pass_on), NOTIFICATION_MAX);
	cr_assert_str_eq(parse_bytes(text, NOTIFICATION_MAX + 1), "too long");
}

Test(notification, takes_many_lines_whole)
{
	char text[NOTIFICATION_MAX + 1];
	size_t length = 0;

	while (length + 8 <= NOTIFICATION_MAX)
		length += (size_t)sprintf(text + length, "ERRNO=%zu\n", length % 10);
	parse(text);
	text[length - 1] = '\0';
	cr_assert_str_eq(said.pass_on, text);
}

Test(notification, refuses_what_is_no_message)
{
	cr_assert_str_eq(parse_bytes("", 0), "empty");
	cr_assert_str_eq(parse_bytes("\0", 1), "empty");
	cr_assert_str_eq(parse_bytes("READY=1\0STATUS=x", 16), "not a text");
	cr_assert_str_eq(parse_bytes("READY=1\0\0", 9), "not a text");
}

Test(notification, lets_the_end_of_a_string_pass)
{
	cr_assert_null(parse_bytes("READY=1", 8));
	cr_assert(said.ready);
}

Test(notification, lets_empty_lines_pass)
{
	parse("\n\n\nREADY=1\n\n");
	cr_assert(said.ready);
	parse("\n");
	cr_assert_not(said.ready);
}

/* Whatever comes, the strings end within their room and hold whole lines of the input only. */
Test(notification, survives_anything)
{
	static const char *const words[] = { "READY=1", "STATUS=", "WATCHDOG=1", "ERRNO=", "\n", "\n", "1",
					     "=", "x", "\xe2\x82\xac", "\xff", "\xc3", "BARRIER=1" };
	char text[NOTIFICATION_MAX + 64];

	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t length = 0, wanted = (size_t)(rand() % (i % 100 ? 60 : NOTIFICATION_MAX));

		while (length < wanted)
			length += (size_t)sprintf(text + length, "%s",
						  words[rand() % (int)(sizeof(words) / sizeof(*words))]);
		if (i % 7 == 0 && length)
			text[(size_t)rand() % length] = (char)rand();
		if (parse_bytes(text, length))
			continue;
		cr_assert_leq(strnlen(said.pass_on, sizeof(said.pass_on)), length);
		cr_assert_lt(strnlen(said.status, sizeof(said.status)), sizeof(said.status));
	}
}
