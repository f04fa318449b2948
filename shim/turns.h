/*
 * Turns to wait for the next client. poll() wakes all who wait in it, so of the processes and threads that wait on
 * a listener a few are in poll(), and the others on a futex(2) until one of these leaves. Who is killed or cancelled
 * in its turn, or halted, is given up when nobody has left for TURN_MS, and others come in. By hooks only.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define TURN_MS 50

/*
 * `turns` is of one listener, in memory that a family shares; 0 at first. Blocks for TURN_MS at most. Returns 0: it
 * is this thread's turn, until turn_leave(); EINTR: a handler of the program's ran; -1: neither, look for a client.
 */
int turn_take(_Atomic uint32_t *turns);

/* Lets another one in. Keeps errno; without a turn it does nothing. */
void turn_leave(void);
