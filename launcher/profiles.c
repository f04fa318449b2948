#include "profiles.h"

#include "cleanup.h"
#include "log.h"
#include "profile.h"
#include "target.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILES_FILE "/etc/flip/profiles"

/* Calls found() for each profile, an administrator's first, until it returns false. */
typedef bool (*profile_function)(const struct profile *profile, void *argument);

static bool each_of_flip(profile_function found, void *argument)
{
	static const char *const lines[] = {
#define PROFILE(program, options, reason) program " " options " # " reason,
#include "profiles.def"
#undef PROFILE
	};
	struct profile profile;
	char error[256];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (profile_parse(lines[i], strlen(lines[i]), &profile, error, sizeof(error)) ==
			    PROFILE_GOOD &&
		    !found(&profile, argument))
			return false;
	return true;
}

/* All of the file is read even if found() has had enough: a bad line is to be known at once. */
static bool each_of_file(const char *path, profile_function found, void *argument)
{
	CLEANUP_FILE FILE *file = fopen(path ? path : PROFILES_FILE, "re");
	CLEANUP_FREE char *line = NULL;
	struct profile profile;
	unsigned number = 0;
	size_t size = 0;
	ssize_t length;
	char error[256];
	bool more = true;

	if (!file && (path || errno != ENOENT))
		err(EXIT_FLIP, "cannot read the profiles %s", path ? path : PROFILES_FILE);
	while (file && (length = getline(&line, &size, file)) >= 0) {
		enum profile_verdict verdict;

		number++;
		if (length > 0 && line[length - 1] == '\n')
			length--;
		verdict = profile_parse(line, (size_t)length, &profile, error, sizeof(error));
		if (verdict == PROFILE_BAD)
			errx(EXIT_FLIP, "%s, line %u: %s", path ? path : PROFILES_FILE, number, error);
		more = more && (verdict == PROFILE_EMPTY || found(&profile, argument));
	}
	if (file && ferror(file))
		err(EXIT_FLIP, "cannot read the profiles %s", path ? path : PROFILES_FILE);
	return more;
}

static void profiles_each(const char *path, profile_function found, void *argument)
{
	if (each_of_file(path, found, argument))
		each_of_flip(found, argument);
}

struct wanted {
	const char *command; /* as it is called */
	const char *file;    /* what that leads to; NULL: not to be found */
	struct settings *settings;
};

static bool apply_if_it(const struct profile *profile, void *argument)
{
	const struct wanted *wanted = argument;

	if (!profile_matches(profile, wanted->command) &&
	    !(wanted->file && profile_matches(profile, wanted->file)))
		return true;
	profile_apply(profile, wanted->settings);
	log_line(LOG_LEVEL_INFO, "profile %s: %s%s%s%s", profile->program, profile->options,
		 profile->reason[0] ? " (" : "", profile->reason, profile->reason[0] ? ")" : "");
	return false;
}

void profiles_apply(struct settings *settings, const char *command)
{
	char path[4096];
	CLEANUP_FREE char *file = target_find(command, path, sizeof(path)) ? realpath(path, NULL) : NULL;
	struct wanted wanted = { command, file, settings };

	log_set_level(settings->verbosity);
	profiles_each(settings->profiles, apply_if_it, &wanted);
}

static bool print_one(const struct profile *profile, void *unused)
{
	(void)unused;
	printf("%-15s %-55s # %s\n", profile->program, profile->options, profile->reason);
	return true;
}

int profiles_print(const char *path)
{
	profiles_each(path, print_one, NULL);
	return 0;
}
