/*
 * The life of a service as data: what happens in which state. Pure: no system call, no clock.
 *
 * The *current* generation serves; during an upgrade there is a *new* one. Generations that were
 * retired drain on their own and are no part of this table.
 *
 * In place, for a program that must not run twice at a time, and after a crash there is a time in
 * which nobody serves: the listeners stay open, and clients wait in their queues.
 */
#pragma once

enum service_state {
	SERVICE_STARTING,   /* the current generation is not ready yet */
	SERVICE_SERVING,
	SERVICE_CHECKING,   /* a restart was asked for: --precheck runs */
	SERVICE_COLLECTING, /* an upgrade: the current one hands its listeners over, the new one begins */
	SERVICE_UPGRADING,  /* the new one may have them, but is not ready */
	SERVICE_RETIRING,   /* the new one is ready; the current one lets go */
	SERVICE_PROBATION,  /* the new one serves; the one before it can come back yet */
	SERVICE_VACATING,   /* in place: the current one lets go, drains and ends, without a new one */
	SERVICE_FILLING,    /* nobody serves; the new one runs, but is not ready */
	SERVICE_WAITING,    /* nobody serves; a while later it is tried again */
	SERVICE_STOPPING,   /* no more clients; the last connections end */
	SERVICE_ENDED,
	SERVICE_STATE_END
};

enum service_event {
	EVENT_RESTART,		/* asked for */
	EVENT_RESTART_CROWDED,	/* asked for, while as many drain as may */
	EVENT_STOP,
	EVENT_CHECKED,		/* nothing speaks against it */
	EVENT_CHECK_FAILED,
	EVENT_COLLECTED,	/* every member has answered */
	EVENT_COLLECTED_IN_PLACE, /* the same, and two must not run at a time */
	EVENT_COLLECT_FAILED,	/* or did not, or has nothing */
	EVENT_READY,		/* the generation that starts waits on its listeners */
	EVENT_NEW_FAILED,	/* the new one exited, crashed, or was not ready in time */
	EVENT_RETIRED,		/* every member has let go */
	EVENT_RETRY,		/* the wait is over */
	EVENT_GIVE_UP,		/* it has failed too often */
	EVENT_CURRENT_EXITED,
	EVENT_CURRENT_CRASHED,	/* the same, not of its own will, and --on-crash=restart */
	EVENT_CONFIRMED,	/* the new one has stood the test */
	EVENT_END
};

enum service_action {
	ACTION_NONE,
	ACTION_REFUSE_NOT_READY,
	ACTION_REFUSE_IN_PROGRESS,
	ACTION_REFUSE_CROWDED,
	ACTION_REFUSE_TERMINATING,
	ACTION_CHECK,	 /* run --precheck, if there is one */
	ACTION_COLLECT,	 /* ask for the listeners, and start the new generation unless it is in place */
	ACTION_ADMIT,	 /* the new generation may ask for them, and join */
	ACTION_COMMIT,	 /* the first generation is ready */
	ACTION_RETIRE,	 /* commit the new one, then the current one lets go */
	ACTION_SUCCEED,	 /* the new one is the current one, the old one drains */
	ACTION_CONFIRM,	 /* the old one may end */
	ACTION_ROLL_BACK, /* the old one takes back its listeners, the new one is ended */
	ACTION_FAIL,	 /* nothing happened: the current one serves on */
	ACTION_RESUME,	 /* the current one takes back what it has let go of */
	ACTION_PROMOTE,	 /* the current one died: the new one goes on in its place */
	ACTION_REPLACE,	 /* the current one died before all was handed over: the new one has what there is */
	ACTION_VACATE,	 /* the current one lets go */
	ACTION_DRAIN,	 /* it finishes its connections and ends */
	ACTION_FILL,	 /* start the next one, while nobody serves */
	ACTION_OCCUPY,	 /* it is the current one */
	ACTION_BACK_OFF, /* it failed: wait a while */
	ACTION_REVIVE,	 /* the current one crashed: wait a while, maybe not at all */
	ACTION_STOP_VACANT, /* there is nobody to stop */
	ACTION_STOP,	 /* kill the new one, drain the current one, then all */
	ACTION_STOP_LATER, /* a moment too late to undo, too early to stop */
	ACTION_END,	 /* the last one has exited by itself */
};

struct transition {
	enum service_state next;
	enum service_action action;
};

/* What an event leads to. Every pair has an answer. */
struct transition service_transition(enum service_state state, enum service_event event);

const char *service_state_name(enum service_state state);
const char *service_event_name(enum service_event event);

/* The sentence of a refusal; NULL for an action that is none. */
const char *service_refusal(enum service_action action);
