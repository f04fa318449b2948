#include "generation.h"

#include <stddef.h>

/* A cell that is not there: the event means nothing in that state, which stays. */
#define GO(state, action) { SERVICE_##state + 1, ACTION_##action }

struct cell {
	int next; /* plus 1; 0: there is none */
	enum service_action action;
};

/* clang-format off */
static const struct cell transitions[SERVICE_STATE_END][EVENT_END] = {
	[SERVICE_STARTING] = {
		[EVENT_RESTART]           = GO(STARTING, REFUSE_NOT_READY),
		[EVENT_RESTART_CROWDED]   = GO(STARTING, REFUSE_NOT_READY),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_READY]             = GO(SERVING, COMMIT),
		[EVENT_CURRENT_EXITED]    = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]   = GO(ENDED, END),
	},
	[SERVICE_SERVING] = {
		[EVENT_RESTART]           = GO(CHECKING, CHECK),
		[EVENT_RESTART_CROWDED]   = GO(SERVING, REFUSE_CROWDED),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_CURRENT_EXITED]    = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]   = GO(WAITING, REVIVE),
	},
	[SERVICE_CHECKING] = {
		[EVENT_RESTART]           = GO(CHECKING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(CHECKING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_CHECKED]           = GO(COLLECTING, COLLECT),
		[EVENT_CHECK_FAILED]      = GO(SERVING, FAIL),
		[EVENT_NEW_FAILED]        = GO(SERVING, FAIL),
		[EVENT_CURRENT_EXITED]    = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]   = GO(WAITING, REVIVE),
	},
	[SERVICE_COLLECTING] = {
		[EVENT_RESTART]           = GO(COLLECTING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(COLLECTING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_COLLECTED]         = GO(UPGRADING, ADMIT),
		[EVENT_COLLECTED_IN_PLACE] = GO(VACATING, VACATE),
		[EVENT_COLLECT_FAILED]    = GO(SERVING, FAIL),
		[EVENT_NEW_FAILED]        = GO(SERVING, FAIL),
		[EVENT_CURRENT_EXITED]    = GO(FILLING, REPLACE),
		[EVENT_CURRENT_CRASHED]   = GO(FILLING, REPLACE),
	},
	[SERVICE_UPGRADING] = {
		[EVENT_RESTART]           = GO(UPGRADING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(UPGRADING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_READY]             = GO(RETIRING, RETIRE),
		[EVENT_NEW_FAILED]        = GO(SERVING, FAIL),
		[EVENT_CURRENT_EXITED]    = GO(FILLING, PROMOTE),
		[EVENT_CURRENT_CRASHED]   = GO(FILLING, PROMOTE),
	},
	[SERVICE_RETIRING] = {
		[EVENT_RESTART]           = GO(RETIRING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(RETIRING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]              = GO(RETIRING, STOP_LATER),
		[EVENT_NEW_FAILED]        = GO(SERVING, RESUME),
		[EVENT_RETIRED]           = GO(PROBATION, SUCCEED),
		[EVENT_CURRENT_EXITED]    = GO(PROBATION, SUCCEED),
		[EVENT_CURRENT_CRASHED]   = GO(PROBATION, SUCCEED),
	},
	[SERVICE_PROBATION] = {
		[EVENT_RESTART]           = GO(PROBATION, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(PROBATION, REFUSE_CROWDED),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_CHECK_FAILED]      = GO(SERVING, ROLL_BACK),
		[EVENT_CURRENT_EXITED]    = GO(SERVING, ROLL_BACK),
		[EVENT_CURRENT_CRASHED]   = GO(SERVING, ROLL_BACK),
		[EVENT_CONFIRMED]         = GO(SERVING, CONFIRM),
	},
	[SERVICE_VACATING] = {
		[EVENT_RESTART]           = GO(VACATING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(VACATING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_RETIRED]           = GO(VACATING, DRAIN),
		[EVENT_CURRENT_EXITED]    = GO(FILLING, FILL),
		[EVENT_CURRENT_CRASHED]   = GO(FILLING, FILL),
	},
	[SERVICE_FILLING] = {
		[EVENT_RESTART]           = GO(FILLING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]   = GO(FILLING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]              = GO(STOPPING, STOP),
		[EVENT_READY]             = GO(SERVING, OCCUPY),
		[EVENT_NEW_FAILED]        = GO(WAITING, BACK_OFF),
	},
	[SERVICE_WAITING] = {
		[EVENT_RESTART]           = GO(FILLING, FILL),
		[EVENT_RESTART_CROWDED]   = GO(FILLING, FILL),
		[EVENT_STOP]              = GO(ENDED, STOP_VACANT),
		[EVENT_RETRY]             = GO(FILLING, FILL),
		[EVENT_GIVE_UP]           = GO(ENDED, END),
	},
	[SERVICE_STOPPING] = {
		[EVENT_RESTART]           = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_RESTART_CROWDED]   = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_STOP]              = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_CURRENT_EXITED]    = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]   = GO(ENDED, END),
	},
	[SERVICE_ENDED] = {
		[EVENT_RESTART]           = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_RESTART_CROWDED]   = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_STOP]              = GO(ENDED, REFUSE_TERMINATING),
	},
};
/* clang-format on */

struct transition service_transition(enum service_state state, enum service_event event)
{
	const struct cell *cell = &transitions[state][event];

	if (!cell->next)
		return (struct transition){ state, ACTION_NONE };
	return (struct transition){ (enum service_state)(cell->next - 1), cell->action };
}

const char *service_state_name(enum service_state state)
{
	static const char *const names[SERVICE_STATE_END] = {
		"starting", "serving", "checking", "collecting", "upgrading", "retiring",
		"probation", "vacating", "filling", "waiting",  "stopping",	 "ended",
	};

	return names[state];
}

const char *service_event_name(enum service_event event)
{
	static const char *const names[EVENT_END] = {
		"restart",	      "restart-crowded", "stop",	   "checked",
		"check-failed",	      "collected",	 "collected-in-place", "collect-failed",
		"ready",	      "new-failed",	 "retired",	   "retry",
		"give-up",	      "current-exited",	 "current-crashed", "confirmed",
	};

	return names[event];
}

const char *service_refusal(enum service_action action)
{
	switch (action) {
	case ACTION_REFUSE_NOT_READY:
		return "not ready yet: the first generation is still starting";
	case ACTION_REFUSE_IN_PROGRESS:
		return "upgrade in progress: another restart is under way";
	case ACTION_REFUSE_CROWDED:
		return "old generation has not exited";
	case ACTION_REFUSE_TERMINATING:
		return "terminating: the service is being stopped";
	default:
		return NULL;
	}
}
