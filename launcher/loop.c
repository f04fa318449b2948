#include "loop.h"

#include "log.h"
#include "spare.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* What takes memory or a descriptor is tried again after this time. */
#define PAUSE_MS 20
#define TELL_AGAIN_NS 1000000000ll
#define DUE_MAX 64

static TAILQ_HEAD(, source) sources = TAILQ_HEAD_INITIALIZER(sources);
static TAILQ_HEAD(, timer) timers = TAILQ_HEAD_INITIALIZER(timers);
/* What is handed out right now. A source may go, and its memory with it, while others are called. */
static struct epoll_event due[DUE_MAX];
static int n_due;

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

static int loop_fd(void)
{
	static int fd = -1;

	if (fd < 0 && (fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		err(125, "epoll_create1");
	return fd;
}

static void pause_source(struct source *source);

/* Each of them costs the kernel some memory: without that it is tried again. */
static void watch(struct source *source)
{
	struct epoll_event event = {
		.events = source->is_paused ? 0 : (uint32_t)source->events,
		.data.ptr = source,
	};

	if (epoll_ctl(loop_fd(), source->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, source->fd, &event) == 0)
		source->is_watched = true;
	else if (errno != ENOMEM && errno != ENOSPC)
		err(125, "epoll_ctl");
	else if (!source->is_paused)
		pause_source(source);
}

static void resume_all(struct timer *timer)
{
	struct source *source;

	(void)timer;
	TAILQ_FOREACH(source, &sources, link) {
		if (!source->is_paused)
			continue;
		source->is_paused = false;
		watch(source);
	}
}

static void pause_source(struct source *source)
{
	static struct timer resume_timer;

	source->is_paused = true;
	if (source->is_watched)
		watch(source);
	if (!resume_timer.active)
		timer_set(&resume_timer, PAUSE_MS, resume_all);
}

void loop_add(struct source *source, int fd, short events,
	      void (*ready)(struct source *source, short revents))
{
	source->fd = fd;
	source->events = events;
	source->ready = ready;
	source->active = true;
	source->is_paused = source->is_watched = false;
	TAILQ_INSERT_TAIL(&sources, source, link);
	watch(source);
}

void loop_watch(struct source *source, short events)
{
	if (!source->active || source->events == events)
		return;
	source->events = events;
	watch(source);
}

void loop_remove(struct source *source)
{
	if (!source->active)
		return;
	if (source->is_watched)
		epoll_ctl(loop_fd(), EPOLL_CTL_DEL, source->fd, NULL);
	source->active = false;
	TAILQ_REMOVE(&sources, source, link);
	for (int i = 0; i < n_due; i++)
		if (due[i].data.ptr == source)
			due[i].data.ptr = NULL;
}

void loop_close(struct source *source)
{
	int fd = source->fd;

	if (!source->active)
		return;
	loop_remove(source);
	close(fd);
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
	spare_keep();
	n_due = epoll_wait(loop_fd(), due, DUE_MAX, wait_ms());
	if (n_due < 0 && errno != EINTR)
		err(125, "epoll_wait");
	for (int i = 0; i < n_due; i++) {
		struct source *source = due[i].data.ptr;

		if (source)
			source->ready(source, (short)due[i].events);
	}
	n_due = 0;
	fire_timers();
}
