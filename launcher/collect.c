/*
 * The current generation hands over its listeners: its members are asked for those that they have (COLLECT),
 * which arrive in the pool.
 *
 * A listener that the generation has told of may be open and yet in no member: a master that closes it once
 * its workers run, where the worker that had told of it is gone. Then the processes that have it are called,
 * and asked when they have joined.
 */
#include "service.h"

#include <stdio.h>

#define TIMEOUT_MS 5000
#define AGAIN_MS 200
/* What does not come when it is called is halted, or a mere helper. Nobody waits longer for that. */
#define CALLED_TIMEOUT_MS 1000

static struct timer again;
static int64_t began_ns;
static bool has_called; /* those that are no members */

static void set_silent_failure(void)
{
	const struct member *member;
	char who[40] = "";

	TAILQ_FOREACH(member, &service.current->members, link)
		if (!member->answered && !who[0])
			snprintf(who, sizeof(who), "process %d of ", (int)member->pid);
	service_set_failure("%sgeneration %u did not hand over its listeners within %d ms", who,
			    service.current->number, TIMEOUT_MS);
}

static void look_again(struct timer *timer)
{
	/* Who was called may have ended, or was too young for it yet. */
	if (has_called && clock_elapsed_ms(began_ns) < CALLED_TIMEOUT_MS)
		generation_gather(service.current);
	else if (has_called)
		generation_forget_elsewhere(service.current);
	timer_set(timer, AGAIN_MS, look_again);
	/* As well if who was asked is gone, and the server has not ended. */
	if (generation_all_answered(service.current)) {
		if (TAILQ_EMPTY(&service.current->ending)) /* that may be all, and its end is told in a moment */
			collect_check();
	} else if (clock_elapsed_ms(began_ns) < TIMEOUT_MS) {
		generation_nudge(service.current);
	} else {
		set_silent_failure();
		service_collected(false);
	}
}

void collect_begin(void)
{
	service.is_collecting = true;
	service.current->is_confined = false;
	has_called = false;
	began_ns = clock_now_ns();
	timer_set(&again, AGAIN_MS, look_again);
	if (generation_ask(service.current, MESSAGE_COLLECT, 0, 0) == 0)
		collect_check();
}

void collect_check(void)
{
	struct generation *generation = service.current;

	if (!generation_all_answered(generation))
		return;
	if (!has_called && generation_has_left_out(generation)) {
		has_called = true;
		generation_gather(generation);
		if (!generation_all_answered(generation))
			return;
	}
	service_collected(true);
}

void collect_end(void)
{
	timer_clear(&again);
	service.is_collecting = false;
	if (has_called && service.current)
		generation_forget_elsewhere(service.current);
	has_called = false;
}
