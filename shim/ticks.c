#include "ticks.h"

#include <time.h>

static uint64_t first_ticks;
static int64_t first_ns;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
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
