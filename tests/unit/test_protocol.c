#include <criterion/criterion.h>
#include <string.h>

#include "core/protocol.h"

static const char *check(const struct message *message, size_t fds)
{
	return message_check(message, sizeof(*message), fds);
}

Test(protocol, message_begins_cleared)
{
	struct message message;

	memset(&message, 0xff, sizeof(message));
	message_init(&message, MESSAGE_CONTROL_STATUS);
	cr_assert_eq(message.magic, PROTOCOL_MAGIC);
	cr_assert_eq(message.type, MESSAGE_CONTROL_STATUS);
	cr_assert_eq(message.count, 0);
	for (size_t i = 0; i < PROTOCOL_FDS_MAX; i++)
		cr_assert_eq(message.value[i], 0);
}

Test(protocol, every_type_has_a_name_and_is_known)
{
	for (unsigned type = MESSAGE_HELLO; type < MESSAGE_TYPE_END; type++) {
		struct message message;
		const char *reason;

		message_init(&message, type);
		reason = check(&message, 0);
		cr_assert_str_neq(message_name(type), "unknown");
		cr_assert(!reason || strcmp(reason, "unknown type") != 0, "%s", message_name(type));
	}
}

Test(protocol, unknown_types_have_no_name)
{
	cr_assert_str_eq(message_name(0), "unknown");
	cr_assert_str_eq(message_name(MESSAGE_TYPE_END), "unknown");
	cr_assert_str_eq(message_name(UINT32_MAX), "unknown");
}

Test(protocol, takes_a_well_formed_message)
{
	struct message message;

	message_init(&message, MESSAGE_HELLO);
	message.count = 1;
	cr_assert_null(check(&message, 0));
}

Test(protocol, refuses_any_other_length)
{
	char bytes[sizeof(struct message) + 1] = { 0 };

	message_init((struct message *)bytes, MESSAGE_CONTROL_STATUS);
	cr_assert_null(message_check(bytes, sizeof(struct message), 0));
	for (size_t length = 0; length <= sizeof(bytes); length++)
		if (length != sizeof(struct message))
			cr_assert_not_null(message_check(bytes, length, 0), "%zu", length);
}

Test(protocol, refuses_foreign_magic)
{
	struct message message;

	message_init(&message, MESSAGE_CONTROL_STATUS);
	message.magic ^= 1;
	cr_assert_str_eq(check(&message, 0), "not a message of flip");
}

Test(protocol, refuses_another_version)
{
	struct message message;

	message_init(&message, MESSAGE_CONTROL_STATUS);
	message.version++;
	cr_assert_str_eq(check(&message, 0), "another version of flip");
}

Test(protocol, refuses_unknown_types)
{
	static const uint16_t types[] = { 0, MESSAGE_TYPE_END, UINT16_MAX };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct message message;

		message_init(&message, MESSAGE_CONTROL_STATUS);
		message.type = types[i];
		cr_assert_str_eq(check(&message, 0), "unknown type");
	}
}

Test(protocol, refuses_unknown_flags)
{
	struct message message;

	message_init(&message, MESSAGE_LISTENERS);
	message.flags = MESSAGE_MORE;
	cr_assert_null(check(&message, 0));
	message.flags = MESSAGE_MORE << 1;
	cr_assert_str_eq(check(&message, 0), "unknown flag");
}

Test(protocol, refuses_a_count_beyond_the_array)
{
	struct message message;

	message_init(&message, MESSAGE_LISTENERS);
	message.count = PROTOCOL_FDS_MAX;
	cr_assert_null(check(&message, PROTOCOL_FDS_MAX));
	message.count = PROTOCOL_FDS_MAX + 1;
	cr_assert_str_eq(check(&message, PROTOCOL_FDS_MAX + 1), "wrong count");
	message.count = UINT32_MAX;
	cr_assert_str_eq(check(&message, UINT32_MAX), "wrong count");
}

Test(protocol, demands_a_descriptor_for_each_listener)
{
	struct message message;

	message_init(&message, MESSAGE_LISTENERS);
	message.count = 3;
	cr_assert_null(check(&message, 3));
	cr_assert_str_eq(check(&message, 2), "wrong number of descriptors");
	cr_assert_str_eq(check(&message, 4), "wrong number of descriptors");
}

Test(protocol, resume_carries_proc_besides_its_listeners)
{
	struct message message;

	message_init(&message, MESSAGE_RESUME);
	message.count = 2;
	cr_assert_null(check(&message, 3));
	cr_assert_not_null(check(&message, 2));
	message.count = PROTOCOL_FDS_MAX;
	cr_assert_str_eq(check(&message, PROTOCOL_FDS_MAX + 1), "wrong count");
}

Test(protocol, no_descriptor_goes_with_an_unknown_type)
{
	struct message message;

	message_init(&message, MESSAGE_LISTENERS);
	message.count = 7;
	cr_assert_eq(message_fds(&message), 7);
	message.type = MESSAGE_TYPE_END;
	cr_assert_eq(message_fds(&message), 0);
	message.type = UINT16_MAX;
	cr_assert_eq(message_fds(&message), 0);
}

Test(protocol, claim_needs_an_address_and_its_socket)
{
	struct message message;

	message_init(&message, MESSAGE_CLAIM);
	message.count = 16;
	cr_assert_null(check(&message, 1));
	cr_assert_not_null(check(&message, 0));
	message.count = 1;
	cr_assert_str_eq(check(&message, 1), "wrong count");
	message.count = 129;
	cr_assert_str_eq(check(&message, 1), "wrong count");
}

Test(protocol, a_question_about_a_file_has_it_and_its_directory)
{
	struct message message;

	message_init(&message, MESSAGE_UNLINK);
	cr_assert_null(check(&message, 2));
	cr_assert_not_null(check(&message, 1));
	message_init(&message, MESSAGE_LOOK);
	cr_assert_null(check(&message, 1));
	cr_assert_not_null(check(&message, 2));
	message_init(&message, MESSAGE_RENAME);
	cr_assert_null(check(&message, 4));
	cr_assert_not_null(check(&message, 2));
	message_init(&message, MESSAGE_WRITE);
	cr_assert_str_eq(check(&message, 3), "wrong count");
	message.count = 1;
	cr_assert_null(check(&message, 3));
	cr_assert_not_null(check(&message, 2));
}

Test(protocol, a_verdict_has_an_errno_value_or_is_a_descriptor)
{
	struct message message;

	message_init(&message, MESSAGE_VERDICT);
	message.count = 2;
	cr_assert_null(check(&message, 0));
	cr_assert_not_null(check(&message, 1));
	message.count = 1;
	cr_assert_str_eq(check(&message, 0), "wrong count");
	message_init(&message, MESSAGE_STAGED);
	cr_assert_null(check(&message, 1));
	cr_assert_not_null(check(&message, 0));
}

Test(protocol, claimed_is_one_listener_or_none)
{
	struct message message;

	message_init(&message, MESSAGE_CLAIMED);
	cr_assert_null(check(&message, 0));
	cr_assert_not_null(check(&message, 1));
	message.count = 1;
	cr_assert_null(check(&message, 1));
}

Test(protocol, control_requests_carry_no_descriptor)
{
	struct message message;

	message_init(&message, MESSAGE_CONTROL_RESTART);
	cr_assert_null(check(&message, 0));
	cr_assert_str_eq(check(&message, 1), "wrong number of descriptors");
}

static struct report report_of(const char *text)
{
	struct report report = { .magic = PROTOCOL_MAGIC, .version = PROTOCOL_VERSION };

	strncpy(report.text, text, sizeof(report.text) - 1);
	return report;
}

Test(protocol, takes_a_well_formed_report)
{
	struct report report = report_of("generation 2 (pid 4711) ready in 12 ms");

	cr_assert_null(report_check(&report, sizeof(report), 0));
	report = report_of("");
	cr_assert_null(report_check(&report, sizeof(report), 0));
}

Test(protocol, refuses_a_report_whose_text_has_no_end)
{
	struct report report = report_of("");

	memset(report.text, 'x', sizeof(report.text));
	cr_assert_str_eq(report_check(&report, sizeof(report), 0), "text without an end");
}

Test(protocol, refuses_foreign_reports)
{
	struct report report = report_of("x");

	cr_assert_not_null(report_check(&report, sizeof(report) - 1, 0));
	cr_assert_not_null(report_check(&report, sizeof(report) + 1, 0));
	cr_assert_not_null(report_check(&report, 0, 0));
	cr_assert_not_null(report_check(&report, sizeof(report), 1));
	report.version++;
	cr_assert_str_eq(report_check(&report, sizeof(report), 0), "another version of flip");
	report.magic = 0;
	cr_assert_str_eq(report_check(&report, sizeof(report), 0), "not a message of flip");
}

Test(protocol, no_report_acts_on_a_terminal)
{
	struct report report = report_of("a\tb\033[2J\177\r\n\001 \303\244");

	report_clean(&report);
	cr_assert_str_eq(report.text, "a\tb?[2J???? \303\244");
	report = report_of("");
	report_clean(&report);
	cr_assert_str_eq(report.text, "");
}
