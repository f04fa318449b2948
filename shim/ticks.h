/*
 * A clock that costs three instructions, for a question that is hardly ever asked: how much of its
 * time-out had a wait used up when flip interrupted it? Every wait with a time-out has to note when
 * it began. The processor's counter runs at a constant rate on any machine of the last decade;
 * were it off, one interrupted wait would be, within its time-out.
 *
 * Async-signal-safe, any thread, no errno.
 */
#pragma once

#include <stdint.h>

static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
#error "say here how this architecture counts time"
#endif
}

/* Notes the counter beside CLOCK_MONOTONIC, to learn its rate by the time it is needed. Once. */
void ticks_begin(void);

/* The nanoseconds since ticks_now() returned `then`. */
int64_t ticks_elapsed_ns(uint64_t then);
