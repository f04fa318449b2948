/*
 * A retired process whose supervisor is gone: nobody will tell it when its last connection has
 * ended, so a timer of its own asks, and then it ends. Async-signal-safe.
 */
#pragma once

/* Starts the timer. */
void orphan_begin(void);

/* By the handler, when that has fired. */
void orphan_tick(void);
