/*
 * A profile: how a known program is run. One line, in the table that comes with flip (profiles.def)
 * and in an administrator's file alike:
 *
 *	PROGRAM OPTION... [# REASON]
 *
 * PROGRAM is the name of a file without its directory. An OPTION is one of flip run's, without
 * dashes: "in-place", "stop-signal=INT". Those that belong to one service and not to a kind of
 * program (names, files, commands) are none here. Blanks separate; empty lines and lines that begin
 * with '#' mean nothing.
 *
 * Pure: no system call, no clock, no errno. The text of a line comes from outside and is not trusted.
 */
#pragma once

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>

#define PROFILE_LINE_MAX 512 /* bytes, without the newline */

struct profile {
	char program[PROFILE_LINE_MAX];
	char options[PROFILE_LINE_MAX]; /* separated by one blank each */
	char reason[PROFILE_LINE_MAX];	/* "" if there is none */
};

enum profile_verdict { PROFILE_GOOD, PROFILE_EMPTY, PROFILE_BAD };

/*
 * Reads one line of `length` bytes, without its newline. PROFILE_BAD: why, in `error`, as the rest
 * of a sentence that begins with the place of the line.
 */
enum profile_verdict profile_parse(const char *line, size_t length, struct profile *profile,
				   char *error, size_t error_size);

/* Is it the one of this command, which may stand with its directory? */
bool profile_matches(const struct profile *profile, const char *command);

/* Sets what has not been set yet. `profile` is a good one. */
void profile_apply(const struct profile *profile, struct settings *settings);
