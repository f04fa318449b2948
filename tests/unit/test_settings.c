#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/settings.h"

static struct settings settings;
static char error[256];

static void fixture_init(void)
{
	settings_init(&settings);
	error[0] = '\0';
}

TestSuite(settings, .init = fixture_init);

static const struct setting *find(const char *option)
{
	for (const struct setting *setting = settings_table; setting->option; setting++)
		if (strcmp(setting->option, option) == 0)
			return setting;
	cr_assert_fail("no setting %s", option);
	return NULL;
}

static bool set(const char *option, const char *text)
{
	return settings_set(&settings, find(option), text, error, sizeof(error));
}

static void assert_ready_timeout(const char *text, uint32_t ms)
{
	cr_assert(set("ready-timeout", text), "%s: %s", text, error);
	cr_assert_eq(settings.ready_timeout_ms, ms, "%s: %u", text, settings.ready_timeout_ms);
}

static void assert_refused(const char *option, const char *text)
{
	struct settings before = settings;

	error[0] = '\0';
	cr_assert_not(set(option, text), "%s: '%s' was taken", option, text);
	cr_assert_eq(memcmp(&before, &settings, sizeof(before)), 0, "'%s' changed it", text);
	cr_assert_eq(strncmp(error, option, strlen(option)), 0, "%s", error);
	cr_assert_eq(error[strlen(option)], ':', "%s", error);
}

Test(settings, begins_with_the_documented_defaults)
{
	cr_assert_null(settings.name);
	cr_assert_null(settings.pid_file);
	cr_assert_eq(settings.ready_timeout_ms, 60000);
	cr_assert_eq(settings.drain_timeout_ms, 0);
	cr_assert_eq(settings.stop_timeout_ms, 10000);
	cr_assert_eq(settings.max_draining, 2);
	cr_assert_eq(settings.restart_signal, SIGHUP);
	cr_assert_eq(settings.stop_signal, 0);
	cr_assert_eq(settings.verbosity, 0);
	cr_assert_eq(settings.in_place, 0);
	cr_assert_null(settings.fallback);
	cr_assert_null(settings.precheck);
	cr_assert_eq(settings.check_timeout_ms, 30000);
	cr_assert_eq(settings.on_crash, ON_CRASH_EXIT);
	cr_assert_eq(settings.max_crashes, 5);
	cr_assert_eq(settings.crash_window_ms, 60000);
}

Test(settings, in_place_waits_neither_for_ever_nor_too_short)
{
	cr_assert(set("in-place", NULL));
	settings_complete(&settings);
	cr_assert_eq(settings.drain_timeout_ms, 1000);
	cr_assert_eq(settings.stop_timeout_ms, 90000);
}

Test(settings, in_place_takes_the_times_that_are_given)
{
	cr_assert(set("in-place", NULL));
	cr_assert(set("drain-timeout", "0"));
	cr_assert(set("stop-timeout", "10s"));
	settings_complete(&settings);
	cr_assert_eq(settings.drain_timeout_ms, 0);
	cr_assert_eq(settings.stop_timeout_ms, 10000);
}

Test(settings, takes_a_choice_by_its_word)
{
	cr_assert_eq(settings.on_crash, ON_CRASH_EXIT);
	cr_assert(set("on-crash", "restart"));
	cr_assert_eq(settings.on_crash, ON_CRASH_RESTART);
	cr_assert(set("on-crash", "exit"));
	cr_assert_eq(settings.on_crash, ON_CRASH_EXIT);
}

Test(settings, refuses_what_is_no_choice)
{
	static const char *const texts[] = {
		"", "|", "exi", "exit ", "exit|", "exit|restart", "xit", "t|restart", "EXIT", "1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused("on-crash", texts[i]);
	cr_assert_not_null(strstr(error, "is not among exit|restart"), "%s", error);
}

Test(settings, knows_what_was_given)
{
	size_t drain = offsetof(struct settings, drain_timeout_ms);
	size_t in_place = offsetof(struct settings, in_place);

	cr_assert_not(settings_has(&settings, drain));
	assert_refused("drain-timeout", "soon");
	cr_assert_not(settings_has(&settings, drain));
	cr_assert(set("drain-timeout", "0"));
	cr_assert(settings_has(&settings, drain));
	cr_assert_not(settings_has(&settings, in_place));
	/* Either of two options of one field. */
	cr_assert(set("overlap", NULL));
	cr_assert(settings_has(&settings, in_place));
	cr_assert_eq(settings.in_place, 0);
}

Test(settings, variables_are_named_after_options)
{
	for (const struct setting *setting = settings_table; setting->option; setting++) {
		char variable[64];

		snprintf(variable, sizeof(variable), "FLIP_%s", setting->option);
		for (char *at = variable + 5; *at; at++)
			*at = *at == '-' ? '_' : (char)(*at - 'a' + 'A');
		cr_assert_str_eq(setting->variable, variable);
		cr_assert_not_null(setting->help);
		cr_assert_eq(setting->kind == SETTING_FLAG, setting->placeholder == NULL);
	}
}

Test(settings, reads_plain_seconds)
{
	assert_ready_timeout("60", 60000);
	assert_ready_timeout("007", 7000);
}

Test(settings, reads_units)
{
	assert_ready_timeout("5s", 5000);
	assert_ready_timeout("500ms", 500);
	assert_ready_timeout("2m", 120000);
	assert_ready_timeout("1h", 3600000);
}

Test(settings, reads_fractions)
{
	assert_ready_timeout("1.5s", 1500);
	assert_ready_timeout("1.5", 1500);
	assert_ready_timeout("0.25m", 15000);
	assert_ready_timeout("0.000000001h", 1);
}

Test(settings, rounds_up_so_that_little_is_not_never)
{
	cr_assert(set("drain-timeout", "0.1ms"));
	cr_assert_eq(settings.drain_timeout_ms, 1);
	assert_ready_timeout("1.0001s", 1001);
}

Test(settings, refuses_what_is_no_time)
{
	static const char *const texts[] = {
		"", " ", "-1", "+1", " 1", "1 ", "1 s", "5 parsecs", "s", "ms", ".5", "5.", "5.s",
		"1.2.3", "1,5", "1e3", "0x10", "1S", "1d", "1m30s", "inf", "nan", "1.0000000001",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused("ready-timeout", texts[i]);
}

Test(settings, says_what_would_be_a_time)
{
	assert_refused("ready-timeout", "5 parsecs");
	cr_assert_str_eq(error,
			 "ready-timeout: '5 parsecs' is not a time; try 500ms, 30s or 2m");
}

Test(settings, refuses_times_that_overflow)
{
	static const char *const texts[] = {
		"597h", "2147483648ms", "2147484s", "4294967296", "4294967297ms",
		"18446744073709551616", "18446744073709551617ms", "99999999999999999999999h",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused("stop-timeout", texts[i]);
	assert_ready_timeout("2147483647ms", INT_MAX);
	assert_ready_timeout("596h", 596u * 3600000u);
}

Test(settings, zero_means_never_only_where_it_may)
{
	cr_assert(set("drain-timeout", "0"));
	cr_assert(set("stop-timeout", "0"));
	assert_refused("ready-timeout", "0");
	assert_refused("ready-timeout", "0.0ms");
}

Test(settings, reads_counts_within_bounds)
{
	cr_assert(set("max-draining", "1"));
	cr_assert_eq(settings.max_draining, 1);
	cr_assert(set("max-draining", "64"));
	cr_assert_eq(settings.max_draining, 64);
}

Test(settings, refuses_counts_out_of_bounds)
{
	static const char *const texts[] = { "65", "0", "-1", "", "2x", " 2", "4294967296",
					     "18446744073709551617" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused("max-draining", texts[i]);
	cr_assert_not_null(strstr(error, "from 1 to 64"), "%s", error);
}

Test(settings, keeps_text_as_it_is)
{
	const char *text = "web server";

	cr_assert(set("name", text));
	cr_assert_eq(settings.name, text);
	cr_assert(set("pid-file", "/run/web.pid"));
	cr_assert_str_eq(settings.pid_file, "/run/web.pid");
	assert_refused("name", "");
}

Test(settings, reads_flags)
{
	cr_assert(set("verbose", NULL));
	cr_assert_eq(settings.verbosity, 1);
	cr_assert(set("quiet", "1"));
	cr_assert_eq(settings.verbosity, -1);
	cr_assert(set("verbose", "yes"));
	cr_assert(set("verbose", "2"));
	cr_assert_eq(settings.verbosity, 1);
}

Test(settings, empty_and_zero_flags_are_not_set)
{
	cr_assert(set("verbose", ""));
	cr_assert(set("quiet", "0"));
	cr_assert(set("quiet", "No"));
	cr_assert(set("verbose", "false"));
	cr_assert(set("in-place", "off"));
	cr_assert_eq(settings.verbosity, 0);
	cr_assert_eq(settings.in_place, 0);
}

Test(settings, refuses_flags_that_are_neither)
{
	assert_refused("in-place", "maybe");
	assert_refused("verbose", "2x");
	assert_refused("verbose", "-1");
	cr_assert_not_null(strstr(error, "neither yes nor no"), "%s", error);
}

Test(settings, reads_signals)
{
	cr_assert(set("restart-signal", "usr2"));
	cr_assert_eq(settings.restart_signal, SIGUSR2);
	cr_assert(set("stop-signal", "15"));
	cr_assert_eq(settings.stop_signal, SIGTERM);
	assert_refused("stop-signal", "KILL");
	assert_refused("stop-signal", "");
}

Test(settings, leaves_errno_alone)
{
	errno = 4242;
	set("ready-timeout", "99999999999999999999999999h");
	set("ready-timeout", "x");
	set("restart-signal", "RTMIN+99999999999999999999");
	cr_assert_eq(errno, 4242);
}

Test(settings, cuts_a_sentence_that_does_not_fit)
{
	char small[8] = "xxxxxxx";

	cr_assert_not(settings_set(&settings, find("max-draining"), "x", small, sizeof(small)));
	cr_assert_str_eq(small, "max-dra");
}

Test(settings, long_garbage_keeps_its_hint)
{
	char text[5000];

	memset(text, '9', sizeof(text) - 2);
	text[sizeof(text) - 2] = 'x';
	text[sizeof(text) - 1] = '\0';
	assert_refused("ready-timeout", text);
	cr_assert_not_null(strstr(error, "try 500ms"), "%s", error);
}

Test(signal, is_read_by_name_and_number)
{
	cr_assert_eq(signal_parse("HUP"), SIGHUP);
	cr_assert_eq(signal_parse("SIGHUP"), SIGHUP);
	cr_assert_eq(signal_parse("hup"), SIGHUP);
	cr_assert_eq(signal_parse("sigUsr1"), SIGUSR1);
	cr_assert_eq(signal_parse("1"), SIGHUP);
	cr_assert_eq(signal_parse("12"), SIGUSR2);
}

Test(signal, is_read_from_the_real_time_range)
{
	char text[16];

	cr_assert_eq(signal_parse("RTMIN"), SIGRTMIN);
	cr_assert_eq(signal_parse("SIGRTMIN+3"), SIGRTMIN + 3);
	cr_assert_eq(signal_parse("rtmax-2"), SIGRTMAX - 2);
	cr_assert_eq(signal_parse("RTMAX"), SIGRTMAX);
	snprintf(text, sizeof(text), "%d", SIGRTMIN + 5);
	cr_assert_eq(signal_parse(text), SIGRTMIN + 5);
	snprintf(text, sizeof(text), "RTMIN+%d", SIGRTMAX - SIGRTMIN);
	cr_assert_eq(signal_parse(text), SIGRTMAX);
}

Test(signal, refuses_what_is_no_choice)
{
	static const char *const texts[] = { "KILL", "STOP", "SEGV", "BUS",  "FPE", "ILL", "TRAP",
					     "ABRT", "SYS",  "CHLD", "9",    "11",  "19",  "17" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(signal_parse(texts[i]), 0, "%s", texts[i]);
}

Test(signal, refuses_garbage)
{
	static const char *const texts[] = {
		"", "SIG", "SIGSIGHUP", "SIG1", "0", "-1", "+1", "1x", " HUP", "HUP ", "32", "33",
		"65", "999", "4294967297", "18446744073709551617", "RTMIN+", "RTMIN-1", "RTMIN+31", "61", "rtmin+27",
		"RTMAX+1", "RTMAX-31", "RTMIN+4294967296", "RTMIN3", "HUPHUPHUPHUPHUPHUPHUP", "RT",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(signal_parse(texts[i]), 0, "'%s'", texts[i]);
}

Test(signal, has_a_short_name)
{
	char buffer[32];

	cr_assert_str_eq(signal_name(SIGHUP, buffer, sizeof(buffer)), "HUP");
	cr_assert_str_eq(signal_name(SIGKILL, buffer, sizeof(buffer)), "KILL");
	cr_assert_str_eq(signal_name(61, buffer, sizeof(buffer)), "signal 61");
	cr_assert_str_eq(signal_name(0, buffer, sizeof(buffer)), "signal 0");
	cr_assert_str_eq(signal_name(-3, buffer, sizeof(buffer)), "signal -3");
}

Test(signal, names_of_choices_are_read_back)
{
	char buffer[32];

	for (int signal = 1; signal < 32; signal++) {
		int read = signal_parse(signal_name(signal, buffer, sizeof(buffer)));

		cr_assert(read == signal || read == 0, "%d", signal);
	}
}

Test(signal, is_a_command_if_somebody_may_send_it)
{
	cr_assert(signal_is_command(SIGHUP));
	cr_assert(signal_is_command(SIGWINCH));
	cr_assert(signal_is_command(SIGRTMAX));
	cr_assert_not(signal_is_command(SIGCHLD));
	cr_assert_not(signal_is_command(SIGSEGV));
	cr_assert_not(signal_is_command(32), "glibc's own");
	cr_assert_not(signal_is_command(0));
	cr_assert_not(signal_is_command(SIGRTMAX + 1));
}
