/*
 * What an administrator or the environment sets: durations, signals, counts, words. Input: lines
 * OPTION=TEXT, set one after the other.
 */
#include "core/settings.h"
#include "fuzz.h"

#include <string.h>

static const struct setting *setting_named(const char *name)
{
	for (const struct setting *setting = settings_table; setting->option; setting++)
		if (strcmp(setting->option, name) == 0)
			return setting;
	return NULL;
}

static void check_number(const struct setting *setting, uint32_t value)
{
	if (setting->kind == SETTING_DURATION || setting->kind == SETTING_COUNT)
		CHECK(value >= setting->min && value <= setting->max);
	if (setting->kind == SETTING_CHOICE)
		CHECK(value <= strlen(setting->placeholder));
	if (setting->kind == SETTING_SIGNAL)
		CHECK(signal_is_command((int)value));
}

/* What is called by a name has that name; and it may be written in three ways. */
static void check_signal(const char *text)
{
	int signal = signal_parse(text);
	char buffer[24], long_name[32];
	const char *name;

	if (signal == 0)
		return;
	CHECK(signal_is_command(signal));
	snprintf(buffer, sizeof(buffer), "%d", signal);
	CHECK(signal_parse(buffer) == signal);
	name = signal_name(signal, buffer, sizeof(buffer));
	if (name == buffer)
		return; /* a real-time one: "signal 61" */
	CHECK(signal_parse(name) == signal);
	snprintf(long_name, sizeof(long_name), "SIG%s", name);
	CHECK(signal_parse(long_name) == signal);
}

static void set(struct settings *settings, const struct setting *setting, const char *text)
{
	struct settings before;
	char error[200] = "";
	uint32_t value;

	memcpy(&before, settings, sizeof(before));
	if (settings_set(settings, setting, text, error, sizeof(error))) {
		memcpy(&value, (char *)settings + setting->offset, sizeof(value));
		check_number(setting, value);
		CHECK(settings_has(settings, setting->offset));
	} else {
		CHECK(memcmp(&before, settings, sizeof(before)) == 0);
		CHECK(strncmp(error, setting->option, strlen(setting->option)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = fuzz_text(bytes, size), *rest = text, *line;
	struct settings settings;

	settings_init(&settings);
	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, '=');
		const struct setting *setting;

		if (value)
			*value++ = '\0';
		setting = setting_named(line);
		if (setting && (value || setting->kind == SETTING_FLAG))
			set(&settings, setting, value);
		check_signal(value ? value : line);
	}
	settings_complete(&settings);
	free(text);
	return 0;
}
