#include "profile.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the next word off [*at, end): its length, 0 if there is none. *word is where it begins. */
static size_t word_take(const char **at, const char *end, const char **word)
{
	while (*at < end && is_blank(**at))
		++*at;
	*word = *at;
	while (*at < end && !is_blank(**at))
		++*at;
	return (size_t)(*at - *word);
}

static const struct setting *setting_named(const char *name, size_t length)
{
	for (const struct setting *setting = settings_table; setting->option; setting++)
		if (strlen(setting->option) == length && memcmp(setting->option, name, length) == 0)
			return setting;
	return NULL;
}

/* One "name" or "name=value", checked; sets it in `settings`. */
static bool option_set(const char *word, struct settings *settings, char *error, size_t size)
{
	const char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : strlen(word);
	const struct setting *setting = setting_named(word, length);

	if (!setting)
		snprintf(error, size, "'%.40s' is no option of flip run", word);
	else if (setting->kind == SETTING_TEXT)
		snprintf(error, size, "%s belongs to one service, and not to a kind of program",
			 setting->option);
	else if (setting->kind == SETTING_FLAG && value)
		snprintf(error, size, "%s takes no value", setting->option);
	else if (setting->kind != SETTING_FLAG && !value)
		snprintf(error, size, "%s needs a value: %s=%s", setting->option, setting->option,
			 setting->placeholder);
	else
		return settings_set(settings, setting, value ? value + 1 : NULL, error, size);
	return false;
}

static bool program_take(const char *word, size_t length, struct profile *profile, char *error,
			 size_t size)
{
	memcpy(profile->program, word, length);
	profile->program[length] = '\0';
	if (strchr(profile->program, '/'))
		snprintf(error, size, "'%.40s' is to be the name of a program without its directory",
			 profile->program);
	else if (strchr(profile->program, '='))
		snprintf(error, size, "'%.40s' is no name of a program; that comes first",
			 profile->program);
	else
		return true;
	return false;
}

static bool options_take(const char *at, const char *end, struct profile *profile, char *error,
			 size_t size)
{
	struct settings scratch;
	size_t used = 0, length;
	const char *word;

	settings_init(&scratch);
	while ((length = word_take(&at, end, &word)) > 0) {
		char *copy = profile->options + used + (used > 0);

		if (used > 0)
			profile->options[used] = ' ';
		memcpy(copy, word, length);
		copy[length] = '\0';
		used = (size_t)(copy - profile->options) + length;
		if (!option_set(copy, &scratch, error, size))
			return false;
	}
	if (used == 0)
		snprintf(error, size, "no option follows the program '%.40s'", profile->program);
	return used > 0;
}

static bool has_control_character(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return true;
	return false;
}

/* What stands behind '#', without the blanks around it. */
static void reason_take(const char *at, const char *end, struct profile *profile)
{
	while (at < end && is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	memcpy(profile->reason, at, (size_t)(end - at));
	profile->reason[end - at] = '\0';
}

enum profile_verdict profile_parse(const char *line, size_t length, struct profile *profile,
				   char *error, size_t error_size)
{
	const char *end, *hash, *word, *at = line;
	size_t n;

	memset(profile, 0, sizeof(*profile));
	if (length >= PROFILE_LINE_MAX) {
		snprintf(error, error_size, "it is longer than %d characters", PROFILE_LINE_MAX - 1);
		return PROFILE_BAD;
	}
	if (has_control_character(line, length)) {
		snprintf(error, error_size, "it has a control character in it");
		return PROFILE_BAD;
	}
	hash = length ? memchr(line, '#', length) : NULL;
	end = hash ? hash : line + length;
	n = word_take(&at, end, &word);
	if (n == 0)
		return PROFILE_EMPTY;
	if (!program_take(word, n, profile, error, error_size) ||
	    !options_take(at, end, profile, error, error_size))
		return PROFILE_BAD;
	if (hash)
		reason_take(hash + 1, line + length, profile);
	return PROFILE_GOOD;
}

bool profile_matches(const struct profile *profile, const char *command)
{
	const char *slash = strrchr(command, '/');

	return strcmp(profile->program, slash ? slash + 1 : command) == 0;
}

void profile_apply(const struct profile *profile, struct settings *settings)
{
	const struct settings before = *settings;
	const char *at = profile->options, *end = at + strlen(at), *word;
	char option[PROFILE_LINE_MAX], error[256];
	size_t length;

	while ((length = word_take(&at, end, &word)) > 0) {
		const struct setting *setting = setting_named(word, strcspn(word, "= "));

		if (!setting || settings_has(&before, setting->offset))
			continue;
		memcpy(option, word, length);
		option[length] = '\0';
		option_set(option, settings, error, sizeof(error));
	}
}
