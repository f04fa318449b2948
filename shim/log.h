/*
 * A line on standard error: "flip[pid]: text". One write(2), async-signal-safe.
 * Only what flip cannot do is said, once a process; the rest is the supervisor's to tell.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* By the constructor: if standard error is closed, number 2 will be a file or client of the program's. */
void log_begin(void);

/*
 * Has the program a file of its own at this number by now, which it reads as well: its data? begun: the inode that
 * was there when it started.
 */
bool log_is_data(int fd, uint64_t begun);

/* text, then what it was about (may be NULL) and the name of an errno value (0: none). */
void log_once(const char *text, const char *about, int error);
