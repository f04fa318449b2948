/*
 * The one loop: descriptors that are watched (epoll(7)), and timers. One thread; handlers do not block.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

/* Embedded in what it serves. A source that is removed while the loop hands out is not called. */
struct source {
	int fd;
	short events; /* of poll(2); those of epoll(7) are the same */
	void (*ready)(struct source *source, short revents);
	bool active;
	bool is_paused;
	bool is_watched; /* the kernel knows of it */
	TAILQ_ENTRY(source) link;
};

struct timer {
	int64_t at_ns; /* CLOCK_MONOTONIC */
	void (*fire)(struct timer *timer);
	bool active;
	TAILQ_ENTRY(timer) link;
};

void loop_add(struct source *source, int fd, short events,
	      void (*ready)(struct source *source, short revents));
/* From now on it is watched for these. */
void loop_watch(struct source *source, short events);
/* Before the descriptor is closed: where a child has a copy, it would be watched on. Twice is harmless. */
void loop_remove(struct source *source);
/* The same, and closes the descriptor. */
void loop_close(struct source *source);

/*
 * accept() failed with this error. What is for want of descriptors or memory is told, and tried again a
 * little later, without turning round and round meanwhile: who connects waits.
 */
void loop_cannot_accept(struct source *source, int error);

/* Fires once, delay_ms from now; setting it again moves it. */
void timer_set(struct timer *timer, int64_t delay_ms, void (*fire)(struct timer *timer));
void timer_clear(struct timer *timer);

/* Waits once and calls what is due. */
void loop_turn(void);

int64_t clock_now_ns(void);
long clock_elapsed_ms(int64_t since_ns);
