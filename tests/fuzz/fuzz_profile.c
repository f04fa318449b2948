/* An administrator's file of profiles, line by line; and the options that are taken from a good one. */
#include "fuzz.h"
#include "profile.h"

#include <string.h>

static struct profile profile;

/* Field by field: what lies between the fields is undefined. */
static bool is_same(const struct settings *one, const struct settings *other)
{
	for (const struct setting *setting = settings_table; setting->option; setting++)
		if (memcmp((const char *)one + setting->offset, (const char *)other + setting->offset,
			   setting->kind == SETTING_TEXT ? sizeof(char *) : sizeof(uint32_t)) != 0)
			return false;
	return one->given == other->given;
}

static void check_good(void)
{
	struct settings settings, again;
	struct profile same;
	char line[3 * PROFILE_LINE_MAX], error[256] = "";

	CHECK(profile.program[0] && !strpbrk(profile.program, "/= \t#"));
	CHECK(profile.options[0]);
	CHECK(profile_matches(&profile, profile.program));
	settings_init(&settings);
	profile_apply(&profile, &settings);
	CHECK(settings.given);
	/* As `flip profiles` prints it, it is the same profile. */
	snprintf(line, sizeof(line), "%s %s # %s", profile.program, profile.options, profile.reason);
	if (strlen(line) >= PROFILE_LINE_MAX)
		return;
	CHECK(profile_parse(line, strlen(line), &same, error, sizeof(error)) == PROFILE_GOOD);
	CHECK(strcmp(same.program, profile.program) == 0);
	CHECK(strcmp(same.options, profile.options) == 0);
	CHECK(strcmp(same.reason, profile.reason) == 0);
	settings_init(&again);
	profile_apply(&same, &again);
	CHECK(is_same(&settings, &again));
}

static void take_line(const char *line, size_t length)
{
	char *copy = malloc(length ? length : 1); /* no NUL: ASan sees who reads on */
	char error[256] = "";

	CHECK(copy);
	memcpy(copy, line, length);
	switch (profile_parse(copy, length, &profile, error, sizeof(error))) {
	case PROFILE_GOOD:
		check_good();
		break;
	case PROFILE_EMPTY:
		break;
	case PROFILE_BAD:
		CHECK(error[0] && memchr(error, '\0', sizeof(error)));
		break;
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *at = (const char *)bytes, *end = at + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		take_line(at, (size_t)((newline ? newline : end) - at));
		at = newline ? newline + 1 : end;
	}
	return 0;
}
