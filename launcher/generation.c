#include "generation.h"

#include <stddef.h>

#define STAY(state) { SERVICE_##state, ACTION_NONE }
#define GO(state, action) { SERVICE_##state, ACTION_##action }

/* clang-format off */
static const struct transition transitions[SERVICE_STATE_END][EVENT_END] = {
	[SERVICE_STARTING] = {
		[EVENT_RESTART]            = GO(STARTING, REFUSE_NOT_READY),
		[EVENT_RESTART_CROWDED]    = GO(STARTING, REFUSE_NOT_READY),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = STAY(STARTING),
		[EVENT_CHECK_FAILED]       = STAY(STARTING),
		[EVENT_COLLECTED]          = STAY(STARTING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(STARTING),
		[EVENT_COLLECT_FAILED]     = STAY(STARTING),
		[EVENT_READY]              = GO(SERVING, COMMIT),
		[EVENT_NEW_FAILED]         = STAY(STARTING),
		[EVENT_RETIRED]            = STAY(STARTING),
		[EVENT_RETRY]              = STAY(STARTING),
		[EVENT_GIVE_UP]            = STAY(STARTING),
		[EVENT_CURRENT_EXITED]     = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]    = GO(ENDED, END),
	},
	[SERVICE_SERVING] = {
		[EVENT_RESTART]            = GO(CHECKING, CHECK),
		[EVENT_RESTART_CROWDED]    = GO(SERVING, REFUSE_CROWDED),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = STAY(SERVING),
		[EVENT_CHECK_FAILED]       = STAY(SERVING),
		[EVENT_COLLECTED]          = STAY(SERVING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(SERVING),
		[EVENT_COLLECT_FAILED]     = STAY(SERVING),
		[EVENT_READY]              = STAY(SERVING),
		[EVENT_NEW_FAILED]         = STAY(SERVING),
		[EVENT_RETIRED]            = STAY(SERVING),
		[EVENT_RETRY]              = STAY(SERVING),
		[EVENT_GIVE_UP]            = STAY(SERVING),
		[EVENT_CURRENT_EXITED]     = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]    = GO(WAITING, REVIVE),
	},
	[SERVICE_CHECKING] = {
		[EVENT_RESTART]            = GO(CHECKING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]    = GO(CHECKING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = GO(COLLECTING, COLLECT),
		[EVENT_CHECK_FAILED]       = GO(SERVING, FAIL),
		[EVENT_COLLECTED]          = STAY(CHECKING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(CHECKING),
		[EVENT_COLLECT_FAILED]     = STAY(CHECKING),
		[EVENT_READY]              = STAY(CHECKING),
		[EVENT_NEW_FAILED]         = STAY(CHECKING),
		[EVENT_RETIRED]            = STAY(CHECKING),
		[EVENT_RETRY]              = STAY(CHECKING),
		[EVENT_GIVE_UP]            = STAY(CHECKING),
		[EVENT_CURRENT_EXITED]     = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]    = GO(WAITING, REVIVE),
	},
	[SERVICE_COLLECTING] = {
		[EVENT_RESTART]            = GO(COLLECTING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]    = GO(COLLECTING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = STAY(COLLECTING),
		[EVENT_CHECK_FAILED]       = STAY(COLLECTING),
		[EVENT_COLLECTED]          = GO(UPGRADING, SPAWN),
		[EVENT_COLLECTED_IN_PLACE] = GO(VACATING, VACATE),
		[EVENT_COLLECT_FAILED]     = GO(SERVING, FAIL),
		[EVENT_READY]              = STAY(COLLECTING),
		[EVENT_NEW_FAILED]         = STAY(COLLECTING),
		[EVENT_RETIRED]            = STAY(COLLECTING),
		[EVENT_RETRY]              = STAY(COLLECTING),
		[EVENT_GIVE_UP]            = STAY(COLLECTING),
		[EVENT_CURRENT_EXITED]     = GO(FILLING, REPLACE),
		[EVENT_CURRENT_CRASHED]    = GO(FILLING, REPLACE),
	},
	[SERVICE_UPGRADING] = {
		[EVENT_RESTART]            = GO(UPGRADING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]    = GO(UPGRADING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = STAY(UPGRADING),
		[EVENT_CHECK_FAILED]       = STAY(UPGRADING),
		[EVENT_COLLECTED]          = STAY(UPGRADING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(UPGRADING),
		[EVENT_COLLECT_FAILED]     = STAY(UPGRADING),
		[EVENT_READY]              = GO(RETIRING, RETIRE),
		[EVENT_NEW_FAILED]         = GO(SERVING, FAIL),
		[EVENT_RETIRED]            = STAY(UPGRADING),
		[EVENT_RETRY]              = STAY(UPGRADING),
		[EVENT_GIVE_UP]            = STAY(UPGRADING),
		[EVENT_CURRENT_EXITED]     = GO(FILLING, PROMOTE),
		[EVENT_CURRENT_CRASHED]    = GO(FILLING, PROMOTE),
	},
	[SERVICE_RETIRING] = {
		[EVENT_RESTART]            = GO(RETIRING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]    = GO(RETIRING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]               = GO(RETIRING, STOP_LATER),
		[EVENT_CHECKED]            = STAY(RETIRING),
		[EVENT_CHECK_FAILED]       = STAY(RETIRING),
		[EVENT_COLLECTED]          = STAY(RETIRING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(RETIRING),
		[EVENT_COLLECT_FAILED]     = STAY(RETIRING),
		[EVENT_READY]              = STAY(RETIRING),
		[EVENT_NEW_FAILED]         = GO(SERVING, RESUME),
		[EVENT_RETIRED]            = GO(SERVING, SUCCEED),
		[EVENT_RETRY]              = STAY(RETIRING),
		[EVENT_GIVE_UP]            = STAY(RETIRING),
		[EVENT_CURRENT_EXITED]     = GO(SERVING, SUCCEED),
		[EVENT_CURRENT_CRASHED]    = GO(SERVING, SUCCEED),
	},
	[SERVICE_VACATING] = {
		[EVENT_RESTART]            = GO(VACATING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]    = GO(VACATING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = STAY(VACATING),
		[EVENT_CHECK_FAILED]       = STAY(VACATING),
		[EVENT_COLLECTED]          = STAY(VACATING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(VACATING),
		[EVENT_COLLECT_FAILED]     = STAY(VACATING),
		[EVENT_READY]              = STAY(VACATING),
		[EVENT_NEW_FAILED]         = STAY(VACATING),
		[EVENT_RETIRED]            = GO(VACATING, DRAIN),
		[EVENT_RETRY]              = STAY(VACATING),
		[EVENT_GIVE_UP]            = STAY(VACATING),
		[EVENT_CURRENT_EXITED]     = GO(FILLING, FILL),
		[EVENT_CURRENT_CRASHED]    = GO(FILLING, FILL),
	},
	[SERVICE_FILLING] = {
		[EVENT_RESTART]            = GO(FILLING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED]    = GO(FILLING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]               = GO(STOPPING, STOP),
		[EVENT_CHECKED]            = STAY(FILLING),
		[EVENT_CHECK_FAILED]       = STAY(FILLING),
		[EVENT_COLLECTED]          = STAY(FILLING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(FILLING),
		[EVENT_COLLECT_FAILED]     = STAY(FILLING),
		[EVENT_READY]              = GO(SERVING, OCCUPY),
		[EVENT_NEW_FAILED]         = GO(WAITING, BACK_OFF),
		[EVENT_RETIRED]            = STAY(FILLING),
		[EVENT_RETRY]              = STAY(FILLING),
		[EVENT_GIVE_UP]            = STAY(FILLING),
		[EVENT_CURRENT_EXITED]     = STAY(FILLING),
		[EVENT_CURRENT_CRASHED]    = STAY(FILLING),
	},
	[SERVICE_WAITING] = {
		[EVENT_RESTART]            = GO(FILLING, FILL),
		[EVENT_RESTART_CROWDED]    = GO(FILLING, FILL),
		[EVENT_STOP]               = GO(ENDED, STOP_VACANT),
		[EVENT_CHECKED]            = STAY(WAITING),
		[EVENT_CHECK_FAILED]       = STAY(WAITING),
		[EVENT_COLLECTED]          = STAY(WAITING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(WAITING),
		[EVENT_COLLECT_FAILED]     = STAY(WAITING),
		[EVENT_READY]              = STAY(WAITING),
		[EVENT_NEW_FAILED]         = STAY(WAITING),
		[EVENT_RETIRED]            = STAY(WAITING),
		[EVENT_RETRY]              = GO(FILLING, FILL),
		[EVENT_GIVE_UP]            = GO(ENDED, END),
		[EVENT_CURRENT_EXITED]     = STAY(WAITING),
		[EVENT_CURRENT_CRASHED]    = STAY(WAITING),
	},
	[SERVICE_STOPPING] = {
		[EVENT_RESTART]            = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_RESTART_CROWDED]    = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_STOP]               = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_CHECKED]            = STAY(STOPPING),
		[EVENT_CHECK_FAILED]       = STAY(STOPPING),
		[EVENT_COLLECTED]          = STAY(STOPPING),
		[EVENT_COLLECTED_IN_PLACE] = STAY(STOPPING),
		[EVENT_COLLECT_FAILED]     = STAY(STOPPING),
		[EVENT_READY]              = STAY(STOPPING),
		[EVENT_NEW_FAILED]         = STAY(STOPPING),
		[EVENT_RETIRED]            = STAY(STOPPING),
		[EVENT_RETRY]              = STAY(STOPPING),
		[EVENT_GIVE_UP]            = STAY(STOPPING),
		[EVENT_CURRENT_EXITED]     = GO(ENDED, END),
		[EVENT_CURRENT_CRASHED]    = GO(ENDED, END),
	},
	[SERVICE_ENDED] = {
		[EVENT_RESTART]            = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_RESTART_CROWDED]    = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_STOP]               = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_CHECKED]            = STAY(ENDED),
		[EVENT_CHECK_FAILED]       = STAY(ENDED),
		[EVENT_COLLECTED]          = STAY(ENDED),
		[EVENT_COLLECTED_IN_PLACE] = STAY(ENDED),
		[EVENT_COLLECT_FAILED]     = STAY(ENDED),
		[EVENT_READY]              = STAY(ENDED),
		[EVENT_NEW_FAILED]         = STAY(ENDED),
		[EVENT_RETIRED]            = STAY(ENDED),
		[EVENT_RETRY]              = STAY(ENDED),
		[EVENT_GIVE_UP]            = STAY(ENDED),
		[EVENT_CURRENT_EXITED]     = STAY(ENDED),
		[EVENT_CURRENT_CRASHED]    = STAY(ENDED),
	},
};
/* clang-format on */

struct transition service_transition(enum service_state state, enum service_event event)
{
	return transitions[state][event];
}

const char *service_state_name(enum service_state state)
{
	static const char *const names[SERVICE_STATE_END] = {
		"starting", "serving", "checking", "collecting", "upgrading", "retiring",
		"vacating", "filling", "waiting",  "stopping",	 "ended",
	};

	return names[state];
}

const char *service_event_name(enum service_event event)
{
	static const char *const names[EVENT_END] = {
		"restart",	      "restart-crowded", "stop",	   "checked",
		"check-failed",	      "collected",	 "collected-in-place", "collect-failed",
		"ready",	      "new-failed",	 "retired",	   "retry",
		"give-up",	      "current-exited",	 "current-crashed",
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
