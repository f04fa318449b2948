#include "loop.h"

#include "log.h"
#include "spare.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What takes memory or a descriptor is tried again after this time. */
#define PAUSE_MS 20
#define TELL_AGAIN_NS 1000000000ll
#define ROOM_FIRST 64
/* Without memory, or leave, for more the sources are watched one part after the other, each for this time. */
#define IN_PARTS_MS 20

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

long clock_elapsed_ms(int64_t since_ns)
{
	return (long)((clock_now_ns() - since_ns) / 1000000);
}

void loop_add(struct source *source, int fd, short events,
	      void (*ready)(struct source *source, short revents))
{
	source->fd = fd;
	source->events = events;
	source->ready = ready;
	source->active = true;
	source->is_paused = false;
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

static void resume_all(struct timer *timer)
{
	struct source *source;

	(void)timer;
	TAILQ_FOREACH(source, &sources, link)
		source->is_paused = false;
}

static void pause_source(struct source *source)
{
	static struct timer resume_timer;

	source->is_paused = true;
	if (!resume_timer.active)
		timer_set(&resume_timer, PAUSE_MS, resume_all);
}

void loop_cannot_accept(struct source *source, int error)
{
	static int64_t told_ns;

	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	pause_source(source);
	if (!told_ns || clock_now_ns() - told_ns > TELL_AGAIN_NS)
		log_line(LOG_LEVEL_ERROR, "cannot take a connection: %s; trying again", strerror(error));
	told_ns = clock_now_ns();
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

static struct pollfd few[ROOM_FIRST], *fds = few;
static unsigned room = ROOM_FIRST;
/* poll() takes no more than RLIMIT_NOFILE allows, which may be lowered while we run. */
static unsigned most = UINT_MAX;

static void make_room(void)
{
	struct pollfd *more;

	if (n_sources <= room)
		return;
	more = reallocarray(fds == few ? NULL : fds, n_sources + 16, sizeof(*fds));
	if (!more)
		return;
	fds = more;
	room = n_sources + 16;
}

/* Those that there is no room for come first the next time. */
static unsigned gather(void)
{
	struct source *source;
	unsigned n = 0;

	while (n < n_sources && n < room && n < most) {
		source = TAILQ_FIRST(&sources);
		fds[n++] = (struct pollfd){ .fd = source->fd,
					     .events = source->is_paused ? 0 : source->events };
		TAILQ_REMOVE(&sources, source, link);
		TAILQ_INSERT_TAIL(&sources, source, link);
	}
	return n;
}

void loop_turn(void)
{
	int wait = wait_ms(), result;
	unsigned n, before;
	struct source *source;

	spare_keep();
	make_room();
	n = gather();
	if (n < n_sources && (wait < 0 || wait > IN_PARTS_MS))
		wait = IN_PARTS_MS;
	result = poll(fds, n, wait);
	if (result < 0 && !(errno == EINVAL && n > 1) && errno != EINTR && errno != ENOMEM)
		err(125, "poll");
	if (result < 0 && errno == EINVAL)
		most = n / 2;
	else if (most != UINT_MAX)
		most = most < n_sources ? most + 1 : UINT_MAX;
	if (result < 0 && errno == ENOMEM)
		usleep(IN_PARTS_MS * 1000);
	if (result <= 0)
		n = 0;
	before = generation;
	/* After a change a number may mean another source: the rest waits for the next turn. */
	for (unsigned i = 0; i < n && before == generation; i++)
		if (fds[i].revents && (source = source_with(fds[i].fd)))
			source->ready(source, fds[i].revents);
	fire_timers();
}
