#include "ticks.h"

#include "sys.h"

static uint64_t first_ticks;
static int64_t first_ns;

static int64_t now_ns(void)
{
	return sys_clock_ns(CLOCK_MONOTONIC);
}

void ticks_begin(void)
{
	first_ticks = ticks_now();
	first_ns = now_ns();
}

int64_t ticks_elapsed_ns(uint64_t then)
{
	uint64_t now = ticks_now();
	uint64_t known = now - first_ticks;

	if (now <= then || known == 0)
		return 0;
	return (int64_t)((unsigned __int128)(now - then) * (uint64_t)(now_ns() - first_ns) / known);
}
