/*
 * What a failed generation said last. Our standard output and error are the server's own, so
 * nothing stands between; where they are files, what was appended since its start can be read.
 */
#pragma once

#include <sys/types.h>

struct output_mark {
	off_t size[2]; /* of standard output and error; -1: not a regular file */
};

/* Notes where the files end now. */
void output_note(struct output_mark *mark);

/* Calls line() for each of the last `n` lines since then. May read a file; keeps no state. */
void output_tail(const struct output_mark *mark, unsigned n,
		 void (*line)(const char *text, void *argument), void *argument);

/* NUL bytes, which would hide all that follows, become '?'. */
void output_clean(char *text, size_t length);
