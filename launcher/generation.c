#include "generation.h"

#include <stddef.h>

#define STAY(state) { SERVICE_##state, ACTION_NONE }
#define GO(state, action) { SERVICE_##state, ACTION_##action }

/* clang-format off */
static const struct transition transitions[SERVICE_STATE_END][EVENT_END] = {
	[SERVICE_STARTING] = {
		[EVENT_RESTART]         = GO(STARTING, REFUSE_NOT_READY),
		[EVENT_RESTART_CROWDED] = GO(STARTING, REFUSE_NOT_READY),
		[EVENT_STOP]            = GO(STOPPING, STOP),
		[EVENT_COLLECTED]       = STAY(STARTING),
		[EVENT_COLLECT_FAILED]  = STAY(STARTING),
		[EVENT_READY]           = GO(SERVING, COMMIT),
		[EVENT_NEW_FAILED]      = STAY(STARTING),
		[EVENT_RETIRED]         = STAY(STARTING),
		[EVENT_CURRENT_EXITED]  = GO(ENDED, END),
	},
	[SERVICE_SERVING] = {
		[EVENT_RESTART]         = GO(COLLECTING, COLLECT),
		[EVENT_RESTART_CROWDED] = GO(SERVING, REFUSE_CROWDED),
		[EVENT_STOP]            = GO(STOPPING, STOP),
		[EVENT_COLLECTED]       = STAY(SERVING),
		[EVENT_COLLECT_FAILED]  = STAY(SERVING),
		[EVENT_READY]           = STAY(SERVING),
		[EVENT_NEW_FAILED]      = STAY(SERVING),
		[EVENT_RETIRED]         = STAY(SERVING),
		[EVENT_CURRENT_EXITED]  = GO(ENDED, END),
	},
	[SERVICE_COLLECTING] = {
		[EVENT_RESTART]         = GO(COLLECTING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED] = GO(COLLECTING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]            = GO(STOPPING, STOP),
		[EVENT_COLLECTED]       = GO(UPGRADING, SPAWN),
		[EVENT_COLLECT_FAILED]  = GO(SERVING, FAIL),
		[EVENT_READY]           = STAY(COLLECTING),
		[EVENT_NEW_FAILED]      = STAY(COLLECTING),
		[EVENT_RETIRED]         = STAY(COLLECTING),
		[EVENT_CURRENT_EXITED]  = GO(STARTING, REPLACE),
	},
	[SERVICE_UPGRADING] = {
		[EVENT_RESTART]         = GO(UPGRADING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED] = GO(UPGRADING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]            = GO(STOPPING, STOP),
		[EVENT_COLLECTED]       = STAY(UPGRADING),
		[EVENT_COLLECT_FAILED]  = STAY(UPGRADING),
		[EVENT_READY]           = GO(RETIRING, RETIRE),
		[EVENT_NEW_FAILED]      = GO(SERVING, FAIL),
		[EVENT_RETIRED]         = STAY(UPGRADING),
		[EVENT_CURRENT_EXITED]  = GO(STARTING, PROMOTE),
	},
	[SERVICE_RETIRING] = {
		[EVENT_RESTART]         = GO(RETIRING, REFUSE_IN_PROGRESS),
		[EVENT_RESTART_CROWDED] = GO(RETIRING, REFUSE_IN_PROGRESS),
		[EVENT_STOP]            = GO(RETIRING, STOP_LATER),
		[EVENT_COLLECTED]       = STAY(RETIRING),
		[EVENT_COLLECT_FAILED]  = STAY(RETIRING),
		[EVENT_READY]           = STAY(RETIRING),
		[EVENT_NEW_FAILED]      = GO(SERVING, RESUME),
		[EVENT_RETIRED]         = GO(SERVING, SUCCEED),
		[EVENT_CURRENT_EXITED]  = GO(SERVING, SUCCEED),
	},
	[SERVICE_STOPPING] = {
		[EVENT_RESTART]         = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_RESTART_CROWDED] = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_STOP]            = GO(STOPPING, REFUSE_TERMINATING),
		[EVENT_COLLECTED]       = STAY(STOPPING),
		[EVENT_COLLECT_FAILED]  = STAY(STOPPING),
		[EVENT_READY]           = STAY(STOPPING),
		[EVENT_NEW_FAILED]      = STAY(STOPPING),
		[EVENT_RETIRED]         = STAY(STOPPING),
		[EVENT_CURRENT_EXITED]  = GO(ENDED, END),
	},
	[SERVICE_ENDED] = {
		[EVENT_RESTART]         = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_RESTART_CROWDED] = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_STOP]            = GO(ENDED, REFUSE_TERMINATING),
		[EVENT_COLLECTED]       = STAY(ENDED),
		[EVENT_COLLECT_FAILED]  = STAY(ENDED),
		[EVENT_READY]           = STAY(ENDED),
		[EVENT_NEW_FAILED]      = STAY(ENDED),
		[EVENT_RETIRED]         = STAY(ENDED),
		[EVENT_CURRENT_EXITED]  = STAY(ENDED),
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
		"starting", "serving", "collecting", "upgrading", "retiring", "stopping", "ended",
	};

	return names[state];
}

const char *service_event_name(enum service_event event)
{
	static const char *const names[EVENT_END] = {
		"restart", "restart-crowded", "stop",	 "collected",	   "collect-failed",
		"ready",   "new-failed",      "retired", "current-exited",
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
