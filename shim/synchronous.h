/*
 * Signals that a program has no handler for, but fetches where it likes: by sigwait() and its like,
 * or by a signalfd.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

/* The program fetches these. Any thread. */
void synchronous_note(const sigset_t *set);

/* Has it ever fetched, or waited for, this one? Async-signal-safe. */
bool synchronous_has(int signal);

/*
 * Flip has taken signals that the program may be waiting for already: takes them out of its
 * signalfds, and makes who is in sigwait() begin again, without them. Async-signal-safe.
 */
void synchronous_refit(void);
