#include "notification.h"

#include <stdint.h>
#include <string.h>

/* What makes a value of this name worth passing on. */
enum value { VALUE_NUMBER, VALUE_WATCHDOG };

static const struct {
	const char *name;
	enum value value;
} passed_on[] = {
	{ "ERRNO=", VALUE_NUMBER },
	{ "EXTEND_TIMEOUT_USEC=", VALUE_NUMBER },
	{ "WATCHDOG=", VALUE_WATCHDOG },
	{ "WATCHDOG_USEC=", VALUE_NUMBER },
};

struct line {
	const char *text;
	size_t length;
};

static bool line_is(const struct line *line, const char *text)
{
	return line->length == strlen(text) && memcmp(line->text, text, line->length) == 0;
}

static bool line_begins(const struct line *line, const char *text)
{
	return line->length >= strlen(text) && memcmp(line->text, text, strlen(text)) == 0;
}

/* How many bytes the character has that begins here; 0: it is none (RFC 3629). */
static size_t character_length(const unsigned char *text, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = text[0] < 0x80	 ? 1 :
			text[0] >> 5 == 6  ? 2 :
			text[0] >> 4 == 14 ? 3 :
			text[0] >> 3 == 30 ? 4 : 0;
	uint32_t code;

	if (length == 0 || length > left)
		return 0;
	code = length == 1 ? text[0] : text[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < least[length] || code > 0x10ffff || code >> 11 == 0x1b ? 0 : length;
}

static bool is_number(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return length > 0;
}

static bool is_passed_on(const struct line *line)
{
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++) {
		size_t length = strlen(passed_on[i].name);

		if (!line_begins(line, passed_on[i].name))
			continue;
		if (passed_on[i].value == VALUE_NUMBER)
			return is_number(line->text + length, line->length - length);
		return line_is(line, "WATCHDOG=1") || line_is(line, "WATCHDOG=trigger");
	}
	return false;
}

/* systemd drops one that is no UTF-8, and so would what is put together with it. */
static void take_status(struct notification *notification, const char *text, size_t length)
{
	size_t kept = 0, step;

	for (size_t at = 0; at < length; at += step) {
		step = character_length((const unsigned char *)text + at, length - at);
		if (step == 0)
			return;
		if (at + step < sizeof(notification->status))
			kept = at + step;
	}
	memcpy(notification->status, text, kept);
	notification->status[kept] = '\0';
	notification->has_status = true;
}

static void pass_on(struct notification *notification, const struct line *line)
{
	size_t used = strlen(notification->pass_on);

	if (used)
		notification->pass_on[used++] = '\n';
	memcpy(notification->pass_on + used, line->text, line->length);
	notification->pass_on[used + line->length] = '\0';
}

static void take_line(struct notification *notification, const struct line *line)
{
	if (line_is(line, "READY=1"))
		notification->ready = true;
	else if (line_begins(line, "STATUS="))
		take_status(notification, line->text + strlen("STATUS="), line->length - strlen("STATUS="));
	else if (is_passed_on(line))
		pass_on(notification, line);
}

const char *notification_parse(const void *bytes, size_t length, struct notification *notification)
{
	const char *text = bytes;
	struct line line;

	memset(notification, 0, sizeof(*notification));
	/* Some send the end of their string along. */
	if (length > 0 && text[length - 1] == '\0')
		length--;
	if (length == 0)
		return "empty";
	if (length > NOTIFICATION_MAX)
		return "too long";
	if (memchr(text, '\0', length))
		return "not a text";
	for (const char *end = text + length; text < end; text += line.length + 1) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		line = (struct line){ text, (size_t)((newline ? newline : end) - text) };
		take_line(notification, &line);
	}
	return NULL;
}
