/*
 * A line on standard error: "flip[pid]: text". One write(2), async-signal-safe.
 * Only what flip cannot do is said, once a process; the rest is the supervisor's to tell.
 */
#pragma once

/* By the constructor: if standard error is closed, number 2 will be a file or client of the program's. */
void log_begin(void);

/* text, then what it was about (may be NULL) and the name of an errno value (0: none). */
void log_once(const char *text, const char *about, int error);
