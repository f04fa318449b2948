/*
 * How often something failed lately, and how long to wait before it is tried again. Pure: the
 * clock is the caller's.
 */
#pragma once

#include "core/settings.h"

#include <stdint.h>

/* The last ones, in a ring. */
struct crashes {
	int64_t at_ns[SETTINGS_CRASHES_MAX];
	unsigned next;
};

/* Notes one more. Returns how many there were within the window, this one included. */
unsigned crashes_add(struct crashes *crashes, int64_t now_ns, uint32_t window_ms);

/* After that many failures in a row: 0 for none, then 100 ms, doubled each time up to 10 s. */
uint32_t back_off_ms(unsigned failures);
