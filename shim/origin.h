/*
 * How this program was started, for the bare face: there the supervisor comes later than the
 * server and cannot know. Noted in the constructor, before the program changes any of it.
 */
#pragma once

#include <stdbool.h>

/* Copies what it needs: a program may overwrite its argv and environment (setproctitle). */
void origin_note(char **argv, char **environment);

/*
 * Starts `flip attach` for this process, from its first listen(): no child of the program, no
 * SIGCHLD, nothing for wait(). Where a process of the same image, parent or child, has done so, that
 * one's serves all. Sets the session's channel address. False: said why in the log.
 * Not async-signal-safe; blocks until the helper runs (about a millisecond). One thread.
 */
bool origin_summon(void);

/*
 * Replaces this process, all its threads, by `flip hold`: it stays process 1 of its namespace,
 * whose end would be everybody's, and passes signals on to the supervisor. Returns only on
 * failure. Async-signal-safe.
 */
void origin_hold(int supervisor_pid);
