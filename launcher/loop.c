#include "loop.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

static TAILQ_HEAD(, source) sources = TAILQ_HEAD_INITIALIZER(sources);
static TAILQ_HEAD(, timer) timers = TAILQ_HEAD_INITIALIZER(timers);
static unsigned n_sources;
/* Counts changes, for a source may go, and its memory with it, while others are called. */
static unsigned generation;

int64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

void loop_add(struct source *source, int fd, short events,
	      void (*ready)(struct source *source, short revents))
{
	source->fd = fd;
	source->events = events;
	source->ready = ready;
	source->active = true;
	TAILQ_INSERT_TAIL(&sources, source, link);
	n_sources++;
	generation++;
}

void loop_remove(struct source *source)
{
	if (!source->active)
		return;
	source->active = false;
	TAILQ_REMOVE(&sources, source, link);
	n_sources--;
	generation++;
}

void timer_set(struct timer *timer, int64_t delay_ms, void (*fire)(struct timer *timer))
{
	timer_clear(timer);
	timer->at_ns = clock_now_ns() + delay_ms * 1000000;
	timer->fire = fire;
	timer->active = true;
	TAILQ_INSERT_TAIL(&timers, timer, link);
}

void timer_clear(struct timer *timer)
{
	if (!timer->active)
		return;
	timer->active = false;
	TAILQ_REMOVE(&timers, timer, link);
}

static struct timer *timer_first(void)
{
	struct timer *timer, *first = NULL;

	TAILQ_FOREACH(timer, &timers, link)
		if (!first || timer->at_ns < first->at_ns)
			first = timer;
	return first;
}

static void fire_timers(void)
{
	int64_t now_ns = clock_now_ns();
	struct timer *timer;

	while ((timer = timer_first()) && timer->at_ns <= now_ns) {
		timer_clear(timer);
		timer->fire(timer);
	}
}

static struct source *source_with(int fd)
{
	struct source *source;

	TAILQ_FOREACH(source, &sources, link)
		if (source->fd == fd)
			return source;
	return NULL;
}

static int wait_ms(void)
{
	const struct timer *timer = timer_first();
	int64_t left_ns = timer ? timer->at_ns - clock_now_ns() : 0;

	if (!timer)
		return -1;
	return left_ns > 0 ? (int)((left_ns + 999999) / 1000000) : 0;
}

void loop_turn(void)
{
	static struct pollfd *fds;
	static unsigned room;
	unsigned n = 0, before;
	struct source *source;

	if (n_sources > room) {
		room = n_sources + 16;
		fds = reallocarray(fds, room, sizeof(*fds));
		if (!fds)
			err(125, "no memory to watch %u descriptors", room);
	}
	TAILQ_FOREACH(source, &sources, link)
		fds[n++] = (struct pollfd){ .fd = source->fd, .events = source->events };
	if (poll(fds, n, wait_ms()) < 0 && errno != EINTR)
		err(125, "poll");
	before = generation;
	/* After a change a number may mean another source: the rest waits for the next turn. */
	for (unsigned i = 0; i < n && before == generation; i++)
		if (fds[i].revents && (source = source_with(fds[i].fd)))
			source->ready(source, fds[i].revents);
	fire_timers();
}
