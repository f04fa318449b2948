#include "protocol.h"

#include <string.h>

/* How many values or bytes and how many descriptors a message of each type carries. */
struct shape {
	const char *name;
	uint32_t count_min, count_max;
	uint32_t fds; /* besides those that count says */
	bool fds_by_count;
};

static const struct shape shapes[MESSAGE_TYPE_END] = {
	[MESSAGE_HELLO] = { "HELLO", 1, 1, 0, false },
	[MESSAGE_LISTENING] = { "LISTENING", 1, 3, 0, false },
	[MESSAGE_WAITING] = { "WAITING", 1, 3, 0, false },
	[MESSAGE_WAITING_SET] = { "WAITING_SET", 1, 1, 0, false },
	[MESSAGE_SIGNAL] = { "SIGNAL", 1, 1, 0, false },
	[MESSAGE_LISTENERS] = { "LISTENERS", 0, PROTOCOL_FDS_MAX, 0, true },
	[MESSAGE_RETIRED] = { "RETIRED", 1, 1, 0, false },
	[MESSAGE_RESUMED] = { "RESUMED", 0, 0, 0, false },
	[MESSAGE_CONNECTIONS] = { "CONNECTIONS", 1, 1, 0, false },
	[MESSAGE_CLOSED] = { "CLOSED", 1, 1, 0, false },
	[MESSAGE_LEAVING] = { "LEAVING", 1, 1, 0, false },
	[MESSAGE_UNABLE] = { "UNABLE", 1, 1, 0, false },
	[MESSAGE_CLAIM] = { "CLAIM", sizeof(uint16_t), 128, 1, false },
	[MESSAGE_WELCOME] = { "WELCOME", 4, 4, 0, false },
	[MESSAGE_CLAIMED] = { "CLAIMED", 0, 1, 0, true },
	[MESSAGE_COMMIT] = { "COMMIT", 0, 0, 1, false },
	[MESSAGE_SOLE] = { "SOLE", 0, 0, 0, false },
	[MESSAGE_COLLECT] = { "COLLECT", 0, 0, 1, false },
	[MESSAGE_RETIRE] = { "RETIRE", 0, PROTOCOL_FDS_MAX, 1, false },
	[MESSAGE_RESUME] = { "RESUME", 0, PROTOCOL_FDS_MAX - 1, 1, true },
	[MESSAGE_REARM] = { "REARM", 0, 0, 1, false },
	[MESSAGE_PROBE] = { "PROBE", 0, 0, 1, false },
	[MESSAGE_LEAVE] = { "LEAVE", 1, 1, 1, false },
	[MESSAGE_HOLD] = { "HOLD", 1, 1, 0, false },
	[MESSAGE_CONTROL_RESTART] = { "CONTROL_RESTART", 0, 0, 0, false },
	[MESSAGE_CONTROL_STOP] = { "CONTROL_STOP", 0, 0, 0, false },
	[MESSAGE_CONTROL_STATUS] = { "CONTROL_STATUS", 0, 0, 0, false },
	[MESSAGE_KNOCK] = { "KNOCK", sizeof(uint16_t), 128, 1, false },
	[MESSAGE_UNLINK] = { "UNLINK", 0, 0, 2, false },
	[MESSAGE_WRITE] = { "WRITE", 1, 1, 3, false },
	[MESSAGE_RENAME] = { "RENAME", 0, 0, 4, false },
	[MESSAGE_KILL] = { "KILL", 1, 1, 0, false },
	[MESSAGE_VERDICT] = { "VERDICT", 2, 2, 0, false },
	[MESSAGE_STAGED] = { "STAGED", 0, 0, 1, false },
	[MESSAGE_LOOK] = { "LOOK", 0, 0, 1, false },
};

void message_init(struct message *message, enum message_type type)
{
	/* Inline, for in a child libc's function may be on a page that it has not looked at yet. */
	__builtin_memset(message, 0, sizeof(*message));
	message->magic = PROTOCOL_MAGIC;
	message->version = PROTOCOL_VERSION;
	message->type = (uint16_t)type;
}

const char *message_name(unsigned type)
{
	return type < MESSAGE_TYPE_END && shapes[type].name ? shapes[type].name : "unknown";
}

size_t message_fds(const struct message *message)
{
	const struct shape *shape = message->type < MESSAGE_TYPE_END ? &shapes[message->type] : &shapes[0];

	return shape->fds + (shape->fds_by_count ? message->count : 0);
}

const char *message_check(const void *bytes, size_t length, size_t fds)
{
	struct message message;

	if (length != sizeof(message))
		return "wrong length";
	__builtin_memcpy(&message, bytes, offsetof(struct message, value));
	if (message.magic != PROTOCOL_MAGIC)
		return "not a message of flip";
	if (message.version != PROTOCOL_VERSION)
		return "another version of flip";
	if (message.type >= MESSAGE_TYPE_END || !shapes[message.type].name)
		return "unknown type";

	const struct shape *shape = &shapes[message.type];

	if (message.count < shape->count_min || message.count > shape->count_max)
		return "wrong count";
	if (message.flags & ~(uint32_t)MESSAGE_MORE)
		return "unknown flag";
	if (fds != message_fds(&message))
		return "wrong number of descriptors";
	return NULL;
}

const char *report_check(const void *bytes, size_t length, size_t fds)
{
	struct report report;

	if (length != sizeof(report))
		return "wrong length";
	memcpy(&report, bytes, sizeof(report));
	if (report.magic != PROTOCOL_MAGIC)
		return "not a message of flip";
	if (report.version != PROTOCOL_VERSION)
		return "another version of flip";
	if (fds != 0)
		return "wrong number of descriptors";
	if (!memchr(report.text, '\0', sizeof(report.text)))
		return "text without an end";
	return NULL;
}

void report_clean(struct report *report)
{
	for (char *at = report->text; *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
			*at = '?';
}
