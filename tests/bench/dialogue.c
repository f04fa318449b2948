/* See dialogue.h. */
#include "dialogue.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One escape behind its backslash; *text is moved past it. */
static char escape_parse(const char **text)
{
	char digits[3] = "", *end, kind = *(*text)++;

	switch (kind) {
	case 'r': return '\r';
	case 'n': return '\n';
	case 't': return '\t';
	case '\\': return '\\';
	case 'x':
		digits[0] = (*text)[0];
		digits[1] = digits[0] ? (*text)[1] : '\0';
		*text += strlen(digits);
		kind = (char)strtoul(digits, &end, 16);
		if (end == digits + 2 && isxdigit((unsigned char)digits[0]))
			return kind;
	}
	errx(2, "an escape is \\r \\n \\t \\\\ or \\xHH");
}

static char *bytes_new(size_t size)
{
	char *bytes = malloc(size + 1);

	if (bytes == NULL)
		err(2, "cannot allocate");
	return bytes;
}

struct text text_parse(const char *text)
{
	struct text parsed = { .bytes = bytes_new(strlen(text)) };

	while (*text != '\0') {
		char byte = *text++;

		parsed.bytes[parsed.length++] = byte == '\\' ? escape_parse(&text) : byte;
	}
	return parsed;
}

struct text text_read(const char *path)
{
	struct text text = { .bytes = bytes_new(DIALOGUE_SIZE) };
	FILE *file = fopen(path, "re");

	if (file == NULL)
		err(2, "cannot open %s", path);
	text.length = fread(text.bytes, 1, DIALOGUE_SIZE, file);
	if (text.length == 0 || !feof(file))
		errx(2, "%s: empty, or too long", path);
	fclose(file);
	return text;
}

void dialogue_expect(struct dialogue *dialogue, const char *regex)
{
	char text[200];
	int code = regcomp(&dialogue->expect, regex, REG_EXTENDED);

	if (code != 0) {
		regerror(code, &dialogue->expect, text, sizeof(text));
		errx(2, "'%s': %s", regex, text);
	}
	dialogue->has_expect = true;
}

static enum outcome send_all(int fd, const struct text *text)
{
	size_t sent = 0;

	while (sent < text->length) {
		ssize_t part = send(fd, text->bytes + sent, text->length - sent, MSG_NOSIGNAL);

		if (part == -1)
			return outcome_of_errno(errno);
		sent += (size_t)part;
	}
	return OUTCOME_OK;
}

/* Read until the text stands somewhere behind 'from', or with no text, until the server closes. */
static enum outcome read_until(int fd, const struct text *text, char *answer, size_t *length)
{
	size_t from = *length;

	while (text == NULL ||
	       memmem(answer + from, *length - from, text->bytes, text->length) == NULL) {
		ssize_t part = recv(fd, answer + *length, DIALOGUE_SIZE - 1 - *length, 0);

		if (part == -1)
			return outcome_of_errno(errno);
		if (part == 0 && *length == DIALOGUE_SIZE - 1)
			return OUTCOME_OTHER;
		if (part == 0 && text == NULL)
			return OUTCOME_OK;
		if (part == 0)
			return *length == 0 ? OUTCOME_EMPTY : OUTCOME_SHORT;
		*length += (size_t)part;
	}
	return OUTCOME_OK;
}

static enum outcome datagram_ask(const struct dialogue *dialogue, int fd, char *answer,
				 size_t *length)
{
	enum outcome outcome = send_all(fd, &dialogue->request);
	ssize_t part;

	if (outcome != OUTCOME_OK)
		return outcome;
	part = recv(fd, answer, DIALOGUE_SIZE - 1, 0);
	if (part == -1)
		return outcome_of_errno(errno);
	*length = (size_t)part;
	return part == 0 ? OUTCOME_EMPTY : OUTCOME_OK;
}

static enum outcome stream_ask(const struct dialogue *dialogue, int fd, bool is_kept, char *answer,
			       size_t *length)
{
	enum outcome outcome = OUTCOME_OK;

	if (dialogue->greeting.length > 0)
		outcome = read_until(fd, &dialogue->greeting, answer, length);
	if (outcome == OUTCOME_OK)
		outcome = send_all(fd, &dialogue->request);
	if (outcome == OUTCOME_OK)
		outcome = read_until(fd, &dialogue->until, answer, length);
	if (outcome == OUTCOME_OK && !is_kept && !dialogue->is_hang_up)
		outcome = read_until(fd, NULL, answer, length);
	return outcome;
}

enum outcome dialogue_speak(const struct dialogue *dialogue, const struct target *target, int fd,
			    bool is_kept, char answer[static DIALOGUE_SIZE], size_t *length)
{
	enum outcome outcome;

	*length = 0;
	outcome = target->type == SOCK_DGRAM ? datagram_ask(dialogue, fd, answer, length) :
					       stream_ask(dialogue, fd, is_kept, answer, length);
	answer[*length] = '\0';
	return outcome;
}

static void group_copy(const char *answer, const regmatch_t *group, const char *otherwise,
		       char *text, size_t size)
{
	size_t length = (size_t)(group->rm_eo - group->rm_so);

	if (group->rm_so == -1)
		snprintf(text, size, "%s", otherwise);
	else
		snprintf(text, size, "%.*s", (int)length, answer + group->rm_so);
}

bool dialogue_match(const struct dialogue *dialogue, const char *answer, size_t length, char *name,
		    size_t name_size)
{
	regmatch_t groups[3] = { { 0, (regoff_t)length }, { -1, -1 }, { -1, -1 } };
	char tag[40], pid[20];

	/* REG_STARTEND: there may be a 0 in it. */
	if (dialogue->has_expect &&
	    regexec(&dialogue->expect, answer, 3, groups, REG_STARTEND) != 0)
		return false;
	group_copy(answer, &groups[1], "-", tag, sizeof(tag));
	group_copy(answer, &groups[2], "0", pid, sizeof(pid));
	snprintf(name, name_size, "%s %s", tag, pid);
	return true;
}
