/* Datagrams to NOTIFY_SOCKET. */
#include "fuzz.h"
#include "notification.h"

#include <string.h>

/* Every line that is passed on came as a line. */
static void check_passed_on(const struct notification *said, const uint8_t *bytes, size_t size)
{
	const char *line = said->pass_on;

	while (*line) {
		size_t length = strcspn(line, "\n");
		const uint8_t *at = memmem(bytes, size, line, length);

		CHECK(length > 0 && at && memchr(line, '=', length));
		line += length + (line[length] == '\n');
		CHECK(line[-1] != '\n' || *line); /* no newline behind the last */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct notification *said = malloc(sizeof(*said)), again;
	uint8_t *copy = malloc(size ? size : 1); /* ASan sees who reads on */
	const char *reason;

	CHECK(said && copy);
	if (size > 0)
		memcpy(copy, bytes, size);
	reason = notification_parse(copy, size, said);
	if (reason) {
		CHECK(reason[0]);
	} else {
		CHECK(memchr(said->status, '\0', sizeof(said->status)));
		CHECK(memchr(said->pass_on, '\0', sizeof(said->pass_on)));
		CHECK(said->has_status || !said->status[0]);
		check_passed_on(said, bytes, size);
		/* What is passed on means the same to whoever gets it. */
		if (said->pass_on[0]) {
			CHECK(!notification_parse(said->pass_on, strlen(said->pass_on), &again));
			CHECK(strcmp(again.pass_on, said->pass_on) == 0);
			CHECK(!again.ready && !again.has_status);
		}
	}
	free(copy);
	free(said);
	return 0;
}
