/*
 * A generation that was retired, or about to be, comes back: its members take their listeners again,
 * and so do the processes that it has forked meanwhile, which have to join before they can be told.
 */
#include "service.h"

#include <stddef.h>

/* What has come back answers when all its threads have; one that was told and ended never does. */
#define RESUME_AGAIN_MS 20
#define RESUME_TRIES 50

bool generation_resume_end(struct generation *generation)
{
	if (!generation->comes_back)
		return false;
	generation->comes_back = false;
	timer_clear(&generation->again);
	/* Nobody looks any more whether those who were called are still there. */
	generation_forget_elsewhere(generation);
	return true;
}

static void resume_again(struct timer *timer)
{
	struct generation *generation =
		(void *)((char *)timer - offsetof(struct generation, again));

	if (generation->tries++ < RESUME_TRIES && !generation_all_answered(generation)) {
		generation_gather(generation);
		generation_nudge(generation);
		timer_set(timer, RESUME_AGAIN_MS, resume_again);
		return;
	}
	generation_resume_end(generation);
	service_rearm();
}

void generation_resume(struct generation *generation)
{
	pool_restore(&service.pool);
	generation->phase = PHASE_SERVING;
	generation->comes_back = true;
	generation->retired_ns = 0;
	generation->drain_told = false;
	generation->is_probing = false;
	generation->tries = 0;
	timer_clear(&generation->deadline);
	generation_tell_resume(generation, &service.pool);
	generation_gather(generation);
	timer_set(&generation->again, RESUME_AGAIN_MS, resume_again);
}
