#include "procfs.h"

#include <limits.h>
#include <string.h>

struct cursor {
	const char *at, *end;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 99;
}

/* Reads `label`, spaces and a number in this base; moves behind it. */
static bool take(struct cursor *cursor, const char *label, int base, uint64_t *number)
{
	size_t length = strlen(label);
	const char *start;

	while (cursor->at < cursor->end && *cursor->at == ' ')
		cursor->at++;
	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, label, length) != 0)
		return false;
	cursor->at += length;
	while (cursor->at < cursor->end && *cursor->at == ' ')
		cursor->at++;
	start = cursor->at;
	*number = 0;
	for (; cursor->at < cursor->end && digit_value(*cursor->at) < base; cursor->at++)
		if (__builtin_mul_overflow(*number, (uint64_t)base, number) ||
		    __builtin_add_overflow(*number, (uint64_t)digit_value(*cursor->at), number))
			return false;
	return cursor->at > start;
}

int procfs_parse_number(const char *text)
{
	struct cursor cursor = { text, text + strlen(text) };
	uint64_t number;

	if (!take(&cursor, "", 10, &number) || cursor.at != cursor.end || number > INT_MAX)
		return -1;
	return (int)number;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int procfs_parse_pid(const char *text, size_t length)
{
	struct cursor cursor = { text, text + length };
	uint64_t number;

	if (length > PROCFS_PID_FILE_MAX)
		return -1;
	while (cursor.at < cursor.end && is_space(*cursor.at))
		cursor.at++;
	if (!take(&cursor, "", 10, &number) || number == 0 || number > INT_MAX)
		return -1;
	while (cursor.at < cursor.end && (is_space(*cursor.at) || !*cursor.at))
		cursor.at++;
	return cursor.at == cursor.end ? (int)number : -1;
}

void procfs_format_number(char *buffer, unsigned number)
{
	char digits[12];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n > 0)
		*buffer++ = digits[--n];
	*buffer = '\0';
}

bool procfs_parse_epoll(const char *line, size_t length, int *fd, uint32_t *events, uint64_t *data,
			uint64_t *inode)
{
	struct cursor cursor = { line, line + length };
	uint64_t number, mask, position;

	if (!take(&cursor, "tfd:", 10, &number) || number > INT_MAX ||
	    !take(&cursor, "events:", 16, &mask) || mask > UINT32_MAX ||
	    !take(&cursor, "data:", 16, data) || !take(&cursor, "pos:", 10, &position) ||
	    !take(&cursor, "ino:", 16, inode))
		return false;
	*fd = (int)number;
	*events = (uint32_t)mask;
	return true;
}

long procfs_parse_syscall(const char *text, size_t length, uint64_t *argument)
{
	struct cursor cursor = { text, text + length };
	uint64_t number;

	if (length >= 7 && memcmp(text, "running", 7) == 0)
		return -2;
	if (length >= 2 && memcmp(text, "-1", 2) == 0)
		return -1;
	if (!take(&cursor, "", 10, &number) || number > INT_MAX || !take(&cursor, "0x", 16, argument))
		return -3;
	return (long)number;
}

#define FLAG_EXITING 4

/* Fields of /proc/PID/stat, counted as proc(5) does. */
enum {
	STAT_PARENT = 4,
	STAT_GROUP,
	STAT_SESSION,
	STAT_FLAGS = 9,
	STAT_THREADS = 20,
	STAT_STARTED = 22,
	STAT_CODE = 26,
	STAT_STACK = 28,
	STAT_DATA = 45,
	STAT_BREAK = 47,
	STAT_END
};

static uint64_t stir(uint64_t hash, uint64_t number)
{
	return (hash ^ number) * 0x100000001b3u;
}

/* Like take(), but what stands there may be negative. */
static bool take_signed(struct cursor *cursor, uint64_t *number)
{
	bool is_negative;

	while (cursor->at < cursor->end && *cursor->at == ' ')
		cursor->at++;
	is_negative = cursor->at < cursor->end && *cursor->at == '-';
	cursor->at += is_negative;
	if (cursor->at == cursor->end || digit_value(*cursor->at) > 9 || !take(cursor, "", 10, number))
		return false;
	if (is_negative && *number > INT64_MAX)
		return false;
	/* Some are large (rsslim); what is wanted of them is but that they are no negative numbers. */
	if (*number > INT64_MAX)
		*number = INT64_MAX;
	*number = is_negative ? -*number : *number;
	return true;
}

static bool is_int(uint64_t number)
{
	return (int64_t)number >= INT_MIN && (int64_t)number <= INT_MAX;
}

bool procfs_parse_stat(const char *text, struct procfs_stat *stat)
{
	const char *at = strrchr(text, ')'); /* the name before that may contain anything */
	uint64_t field[STAT_END] = { 0 };
	struct cursor cursor;

	if (!at || at[1] != ' ' || !((at[2] | 32) >= 'a' && (at[2] | 32) <= 'z'))
		return false;
	stat->state = at[2];
	cursor = (struct cursor){ at + 3, at + strlen(at) };
	/* The group and the session of a process that is about to vanish are -1. */
	for (int i = STAT_PARENT; i < STAT_END; i++)
		if (!take_signed(&cursor, &field[i]))
			return false;
	if (!is_int(field[STAT_PARENT]) || !is_int(field[STAT_GROUP]) ||
	    !is_int(field[STAT_SESSION]) || !is_int(field[STAT_THREADS]))
		return false;
	stat->parent = (int)field[STAT_PARENT];
	stat->group = (int)field[STAT_GROUP];
	stat->session = (int)field[STAT_SESSION];
	stat->is_ending = field[STAT_FLAGS] & FLAG_EXITING;
	stat->threads = (int)field[STAT_THREADS];
	stat->started = field[STAT_STARTED];
	stat->image = field[STAT_STACK] == 0 ? 0 :
		stir(stir(stir(stir(14695981039346656037u, field[STAT_CODE]), field[STAT_STACK]),
			  field[STAT_DATA]), field[STAT_BREAK]);
	return true;
}

bool procfs_parse_signals(const char *text, size_t length, const char *label, uint64_t *signals)
{
	const char *end = text + length, *newline;

	for (; text < end; text = newline + 1) {
		newline = memchr(text, '\n', (size_t)(end - text));
		if (!newline)
			return false;
		if (take(&(struct cursor){ text, newline }, label, 16, signals))
			return true;
	}
	return false;
}
