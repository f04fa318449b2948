/* What a supervisor answers to flip restart, stop and status: a report, and what is read in its text. */
#include "ancestry.h"
#include "core/protocol.h"
#include "fuzz.h"

#include <string.h>

static void read_text(const char *text)
{
	static const struct ancestry ancestry = { { 300, 200, 100, 1 }, 4 };
	size_t nearest = ancestry_find_in(&ancestry, text);
	char name[24];

	CHECK(nearest <= ancestry.count);
	if (nearest == ancestry.count)
		return;
	snprintf(name, sizeof(name), "%d", (int)ancestry.pid[nearest]);
	CHECK(strstr(text, "pid ") && strstr(text, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = fuzz_text(bytes, size);
	struct report report;

	/* Any text, and not only one that the magic number stands before. */
	read_text(text);
	free(text);
	if (report_check(bytes, size, 0))
		return 0;
	CHECK(report_check(bytes, size, 1));
	CHECK(size == sizeof(report));
	memcpy(&report, bytes, size);
	read_text(report.text);
	report_clean(&report);
	CHECK(!report_check(&report, sizeof(report), 0));
	CHECK(!strpbrk(report.text, "\033\n\r\b\177"));
	return 0;
}
