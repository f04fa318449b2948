/*
 * How a call blocks on a listener that generations share: the kernel's description never blocks
 * any more, so what this generation's program asked for is done here. By hooks only; keeps nothing.
 */
#pragma once

#include <stdbool.h>

/*
 * Waits until fd is readable, as a blocking call on it would: for its SO_RCVTIMEO, and until a
 * handler runs that does not restart calls. 0: try again; otherwise the call's errno.
 */
int blocking_wait(int fd);

/*
 * accept() on fd, which blocks for the program, has found nobody. Where no other generation accepts, the
 * kernel lets it block again: of many threads that wait so, one is woken for a client, and not all, as in
 * poll(). True: it does now, try again. Not with a SO_RCVTIMEO, whose end looks the same.
 */
bool blocking_let(int fd);

/*
 * But not where a wait call comes before: others may have been told of the same client, be it a moment
 * ago and in another generation, and who comes too late would be parked. Before such an accept(). Keeps
 * errno.
 */
void blocking_note_polls(void);

/*
 * Until this generation is the current one, clients are the old one's: one that was taken now
 * would be lost if the upgrade were given up. A call that blocks waits, any other (the listener is
 * non-blocking, or `dontwait`) finds nobody. A wait call may have told the program that fd is
 * readable; then a call that would block must not be parked for long, and gets `nobody`.
 * Returns 0 when the call may be made, or the errno value for the program.
 */
int blocking_trial(int fd, bool dontwait, int nobody);
