/*
 * Readiness: when a generation that starts may take over.
 */
#include "log.h"
#include "service.h"

#include <stddef.h>
#include <stdlib.h>

/*
 * How long a generation that lacks some of the old one's listeners must be quiet before it counts
 * as ready: it may be about to bind them yet.
 */
#define SETTLE_MS 1000
/* Messages come in a row: processes are looked through when no more have come for this time. */
#define PROBE_LOOK_MS 10

static struct heard *heard_find(struct generation *generation, uint64_t inode)
{
	struct heard *heard;

	TAILQ_FOREACH(heard, &generation->heard, link)
		if (heard->inode == inode)
			return heard;
	heard = calloc(1, sizeof(*heard));
	if (!heard) {
		log_line(LOG_LEVEL_ERROR, "no memory to note a listener");
		return NULL;
	}
	heard->inode = inode;
	TAILQ_INSERT_TAIL(&generation->heard, heard, link);
	return heard;
}

/* One that listened once, was never waited on, and is open in no process any more: a probe. */
static bool is_probe(const struct generation *generation, const struct heard *heard)
{
	return !process_tree_holds(generation->pid, heard->inode);
}

static bool all_waited(const struct generation *generation)
{
	const struct heard *heard;

	TAILQ_FOREACH(heard, &generation->heard, link)
		if (!heard->waited)
			return false;
	return !TAILQ_EMPTY(&generation->heard);
}

/* The same, less those that were but a probe. Looks through the processes. */
static bool all_waited_but_probes(const struct generation *generation)
{
	const struct heard *heard;
	unsigned waited = 0;

	TAILQ_FOREACH(heard, &generation->heard, link)
		waited += heard->waited;
	TAILQ_FOREACH(heard, &generation->heard, link)
		if (waited == 0 || (!heard->waited && !is_probe(generation, heard)))
			return false;
	return waited > 0;
}

/* Quiet for the settle time: what it has not bound or waited on by now it does not want. */
static void settled(struct timer *timer)
{
	struct generation *generation = (void *)((char *)timer - offsetof(struct generation, again));

	if (generation->phase == PHASE_STARTING && all_waited_but_probes(generation))
		service_ready(generation);
}

static void look_for_probes(struct timer *timer)
{
	struct generation *generation = (void *)((char *)timer - offsetof(struct generation, again));

	if (!all_waited_but_probes(generation) || pool_unclaimed(&service.pool) > 0)
		timer_set(timer, SETTLE_MS, settled);
	else
		service_ready(generation);
}

void generation_check_ready(struct generation *generation)
{
	if (generation->phase != PHASE_STARTING)
		return;
	if (!all_waited(generation) || pool_unclaimed(&service.pool) > 0) {
		timer_set(&generation->again, PROBE_LOOK_MS, look_for_probes);
		return;
	}
	timer_clear(&generation->again);
	service_ready(generation);
}

void generation_note_listener(struct generation *generation, uint64_t inode, bool waited)
{
	struct heard *heard = heard_find(generation, inode);

	if (heard && waited)
		heard->waited = true;
	generation_check_ready(generation);
}

void heard_free(struct generation *generation)
{
	struct heard *heard;

	while ((heard = TAILQ_FIRST(&generation->heard))) {
		TAILQ_REMOVE(&generation->heard, heard, link);
		free(heard);
	}
}
