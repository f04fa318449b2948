/*
 * Nobody serves: the current generation was retired in place, because two of its kind must not run
 * at a time. The listeners stay open in the pool, so that clients wait in their queues, and the next
 * generation gets them as in any other restart.
 *
 *   VACATING -> FILLING -> SERVING
 *                 | ^
 *                 v |
 *               WAITING
 *
 * The old one is gone, so there is no way back: a next one that fails is tried again.
 */
#include "log.h"
#include "service.h"

#include <stdio.h>

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_LAST_MS 10000

static struct timer retry_timer;
static unsigned tries; /* of this vacancy that have failed */
static int64_t began_ns;
static bool is_planned; /* it was retired, and did not die */

static long since_ms(int64_t then_ns)
{
	return (long)((clock_now_ns() - then_ns) / 1000000);
}

static int64_t back_off_ms(unsigned failed)
{
	int64_t delay_ms = failed ? BACK_OFF_FIRST_MS : 0;

	for (unsigned i = 1; i < failed && delay_ms < BACK_OFF_LAST_MS; i++)
		delay_ms *= 2;
	return delay_ms < BACK_OFF_LAST_MS ? delay_ms : BACK_OFF_LAST_MS;
}

void vacancy_open(bool planned)
{
	tries = 0;
	began_ns = clock_now_ns();
	is_planned = planned;
}

void vacancy_begin(void)
{
	vacancy_open(true);
	service_tell("generation %u (pid %d) is to end, clients wait for the next one",
		     service.current->number, (int)service.current->pid);
	pool_deepen(&service.pool);
	generation_retire(service.current);
}

static void drop_current(void)
{
	struct generation *old = service.current;
	char text[80] = "ended";

	service.current = NULL;
	if (old->status >= 0)
		process_status_text(old->status, text, sizeof(text));
	service_tell("generation %u (pid %d) %s after %ld ms", old->number, (int)old->pid, text,
		     since_ms(old->retired_ns));
	generation_free(old);
}

void vacancy_fill(void)
{
	timer_clear(&retry_timer);
	if (service.current)
		drop_current();
	else
		service.asked_ns = clock_now_ns();
	pool_unclaim(&service.pool);
	service_spawn_into(&service.new);
}

void vacancy_occupy(void)
{
	generation_commit(service.new);
	service_enthrone_new();
	if (is_planned)
		service_conclude(0, "generation %u (pid %d) ready in %ld ms, in place; nobody served for %ld ms",
				 service.current->number, (int)service.current->pid,
				 since_ms(service.asked_ns), since_ms(began_ns));
	else
		service_conclude(0, "generation %u (pid %d) ready in %ld ms; the one before it had died",
				 service.current->number, (int)service.current->pid,
				 since_ms(service.asked_ns));
}

static void retry(struct timer *timer)
{
	(void)timer;
	service_event(EVENT_RETRY);
}

void vacancy_back_off(void)
{
	int64_t delay_ms = back_off_ms(++tries);

	service_discard_new();
	if (!service.settings->in_place) {
		service_event(EVENT_GIVE_UP);
		return;
	}
	pool_deepen(&service.pool);
	timer_set(&retry_timer, delay_ms, retry);
	service_conclude(1, "%s; nobody serves, clients wait, and it is tried again in %lld ms",
			 service.failure, (long long)delay_ms);
}

void vacancy_end(void)
{
	timer_clear(&retry_timer);
	service_conclude(0, "stopped: no generation was running");
}

void vacancy_show(void (*line)(void *to, const char *format, ...), void *to)
{
	if (service.current && service.state != SERVICE_VACATING)
		return;
	if (retry_timer.active)
		line(to, "nobody serves for %ld ms: clients wait; try %u follows in %ld ms",
		     since_ms(began_ns), tries + 1,
		     (long)((retry_timer.at_ns - clock_now_ns()) / 1000000));
	else
		line(to, "nobody serves for %ld ms: clients wait", since_ms(began_ns));
}
