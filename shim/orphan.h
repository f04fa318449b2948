/*
 * A retired process whose supervisor is gone: nobody will tell it when its last connection has
 * ended, so a timer of its own asks, and then it ends. Async-signal-safe.
 */
#pragma once

/* Starts the timer. */
void orphan_begin(void);

/*
 * For a process that is no member, and was halted while its generation let go and ended: lets go as well,
 * and starts the timer. In a handler or by a hook.
 */
void orphan_retire(void);

/* By the handler, when that has fired. */
void orphan_tick(void);
