#include "profile.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct profile profile;
static struct settings settings;
static char error[256];

static void fixture_init(void)
{
	settings_init(&settings);
	error[0] = '\0';
}

TestSuite(profile, .init = fixture_init);

static enum profile_verdict parse(const char *line)
{
	return profile_parse(line, strlen(line), &profile, error, sizeof(error));
}

static void assert_bad(const char *line, const char *why)
{
	error[0] = '\0';
	cr_assert_eq(parse(line), PROFILE_BAD, "'%s' was taken", line);
	cr_assert_not_null(strstr(error, why), "'%s': %s", line, error);
}

Test(profile, reads_a_line)
{
	cr_assert_eq(parse("  redis-server\tin-place   stop-timeout=15m  #  no lock # at all "),
		     PROFILE_GOOD, "%s", error);
	cr_assert_str_eq(profile.program, "redis-server");
	cr_assert_str_eq(profile.options, "in-place stop-timeout=15m");
	cr_assert_str_eq(profile.reason, "no lock # at all");
	cr_assert_eq(parse("a in-place"), PROFILE_GOOD);
	cr_assert_str_eq(profile.reason, "");
	cr_assert_eq(parse("a in-place #"), PROFILE_GOOD);
	cr_assert_str_eq(profile.reason, "");
	cr_assert_eq(parse("a overlap#because"), PROFILE_GOOD);
	cr_assert_str_eq(profile.options, "overlap");
}

Test(profile, passes_over_lines_that_mean_nothing)
{
	static const char *const lines[] = { "", " ", "\t", "#", "# redis-server in-place", "  #x" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_assert_eq(parse(lines[i]), PROFILE_EMPTY, "'%s'", lines[i]);
}

Test(profile, says_what_is_wrong_with_a_line)
{
	assert_bad("redis-server", "no option follows the program 'redis-server'");
	assert_bad("redis-server # in-place", "no option follows");
	assert_bad("/usr/bin/redis-server in-place", "without its directory");
	assert_bad("stop-signal=INT postgres", "no name of a program");
	assert_bad("a in-plac", "'in-plac' is no option of flip run");
	assert_bad("a --in-place", "'--in-place' is no option of flip run");
	assert_bad("a =", "'=' is no option");
	assert_bad("a =x", "'=x' is no option");
	assert_bad("a in-place=1", "in-place takes no value");
	assert_bad("a in-place=", "in-place takes no value");
	assert_bad("a stop-signal", "stop-signal needs a value: stop-signal=SIGNAL");
	assert_bad("a stop-signal=", "stop-signal: '' is not a signal");
	assert_bad("a stop-signal=KILL", "stop-signal: 'KILL' is not a signal");
	assert_bad("a in-place drain-timeout=soon", "drain-timeout: 'soon' is not a time");
	assert_bad("a on-crash=perhaps", "on-crash: 'perhaps' is not among exit|restart");
	assert_bad("a max-draining=65", "max-draining: '65' is not a number");
	assert_bad("a in-place\x01", "control character");
	assert_bad("a in-place\r", "control character");
}

Test(profile, takes_no_option_that_belongs_to_one_service)
{
	for (const struct setting *setting = settings_table; setting->option; setting++) {
		char line[128];

		snprintf(line, sizeof(line), "a %s=x", setting->option);
		if (setting->kind == SETTING_TEXT)
			assert_bad(line, "belongs to one service");
	}
}

Test(profile, takes_a_line_of_any_length_or_says_so)
{
	char line[2 * PROFILE_LINE_MAX];

	for (size_t length = 12; length < sizeof(line); length++) {
		memset(line, 'x', sizeof(line));
		memcpy(line, "a in-place #", 12);
		cr_assert_eq(profile_parse(line, length, &profile, error, sizeof(error)),
			     length < PROFILE_LINE_MAX ? PROFILE_GOOD : PROFILE_BAD, "%zu", length);
		cr_assert(length >= PROFILE_LINE_MAX || strlen(profile.reason) == length - 12);
	}
	memset(line, 'p', sizeof(line));
	cr_assert_eq(profile_parse(line, PROFILE_LINE_MAX - 1, &profile, error, sizeof(error)),
		     PROFILE_BAD);
}

Test(profile, reads_no_byte_beyond_its_line)
{
	/* A page's end, so to speak: valgrind and ASan see any byte too many. */
	static const char text[] = "named in-place # why";

	for (size_t length = 0; length < sizeof(text); length++) {
		char *copy = malloc(length ? length : 1);

		memcpy(copy, text, length);
		(void)profile_parse(copy, length, &profile, error, sizeof(error));
		free(copy);
	}
	cr_assert_eq(profile_parse(NULL, 0, &profile, error, sizeof(error)), PROFILE_EMPTY);
	cr_assert_eq(profile_parse("a in-place\0b", 12, &profile, error, sizeof(error)), PROFILE_BAD);
}

Test(profile, survives_any_byte_anywhere)
{
	for (int byte = 0; byte < 256; byte++)
		for (size_t at = 0; at < 12; at++) {
			char line[] = "b overlap#c";

			line[at < 11 ? at : 0] = (char)byte;
			enum profile_verdict verdict =
				profile_parse(line, 11, &profile, error, sizeof(error));

			cr_assert(verdict == PROFILE_GOOD || verdict == PROFILE_EMPTY ||
				  verdict == PROFILE_BAD);
			if (verdict == PROFILE_GOOD)
				profile_apply(&profile, &settings);
		}
}

Test(profile, matches_the_name_of_the_file)
{
	cr_assert_eq(parse("redis-server in-place"), PROFILE_GOOD);
	cr_assert(profile_matches(&profile, "redis-server"));
	cr_assert(profile_matches(&profile, "/usr/bin/redis-server"));
	cr_assert(profile_matches(&profile, "./redis-server"));
	cr_assert_not(profile_matches(&profile, "redis-server2"));
	cr_assert_not(profile_matches(&profile, "redis-serve"));
	cr_assert_not(profile_matches(&profile, "redis-server/x"));
	cr_assert_not(profile_matches(&profile, ""));
}

Test(profile, sets_what_nobody_has_set)
{
	cr_assert_eq(parse("postgres in-place stop-signal=INT drain-timeout=2s"), PROFILE_GOOD);
	profile_apply(&profile, &settings);
	settings_complete(&settings);
	cr_assert_eq(settings.in_place, 1);
	cr_assert_eq(settings.stop_signal, SIGINT);
	cr_assert_eq(settings.drain_timeout_ms, 2000);
	cr_assert_eq(settings.stop_timeout_ms, 90000);
}

static void set(const char *option, const char *value)
{
	for (const struct setting *setting = settings_table; setting->option; setting++)
		if (strcmp(setting->option, option) == 0)
			cr_assert(settings_set(&settings, setting, value, error, sizeof(error)), "%s",
				  error);
}

Test(profile, gives_way_to_what_is_set)
{
	cr_assert_eq(parse("postgres in-place stop-signal=INT drain-timeout=2s"), PROFILE_GOOD);
	set("overlap", NULL);
	set("stop-signal", "USR1");
	profile_apply(&profile, &settings);
	cr_assert_eq(settings.in_place, 0);
	cr_assert_eq(settings.stop_signal, SIGUSR1);
	cr_assert_eq(settings.drain_timeout_ms, 2000);
}

/* The table that comes with flip. */
static const struct {
	const char *program, *options, *reason;
} builtin[] = {
#define PROFILE(program, options, reason) { program, options, reason },
#include "profiles.def"
#undef PROFILE
};

Test(profile, those_of_flip_are_good_and_sorted_and_say_why)
{
	char line[2 * PROFILE_LINE_MAX];

	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		snprintf(line, sizeof(line), "%s %s # %s", builtin[i].program, builtin[i].options,
			 builtin[i].reason);
		cr_assert_eq(parse(line), PROFILE_GOOD, "%s: %s", builtin[i].program, error);
		cr_assert_str_eq(profile.reason, builtin[i].reason);
		cr_assert(builtin[i].reason[0] != '\0');
		if (i > 0)
			cr_assert(strcmp(builtin[i - 1].program, builtin[i].program) < 0, "%s",
				  builtin[i].program);
	}
}
