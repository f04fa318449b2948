/* The life of a service: every cell of the table, written down a second time and from the outside. */
#include "generation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct expected {
	const char *state, *event, *next;
	enum service_action action;
};

#define N ACTION_NONE

/* 12 states x 16 events, by the names that the log shows. */
static const struct expected expected[] = {
	/* Not ready yet: no restart; whatever else ends with it, ends the service. */
	{ "starting", "restart", "starting", ACTION_REFUSE_NOT_READY },
	{ "starting", "restart-crowded", "starting", ACTION_REFUSE_NOT_READY },
	{ "starting", "stop", "stopping", ACTION_STOP },
	{ "starting", "checked", "starting", N },
	{ "starting", "check-failed", "starting", N },
	{ "starting", "collected", "starting", N },
	{ "starting", "collected-in-place", "starting", N },
	{ "starting", "collect-failed", "starting", N },
	{ "starting", "ready", "serving", ACTION_COMMIT },
	{ "starting", "new-failed", "starting", N },
	{ "starting", "retired", "starting", N },
	{ "starting", "retry", "starting", N },
	{ "starting", "give-up", "starting", N },
	{ "starting", "current-exited", "ended", ACTION_END },
	{ "starting", "current-crashed", "ended", ACTION_END },
	{ "starting", "confirmed", "starting", N },
	/* At rest. What comes late from an upgrade that is over means nothing. */
	{ "serving", "restart", "checking", ACTION_CHECK },
	{ "serving", "restart-crowded", "serving", ACTION_REFUSE_CROWDED },
	{ "serving", "stop", "stopping", ACTION_STOP },
	{ "serving", "checked", "serving", N },
	{ "serving", "check-failed", "serving", N },
	{ "serving", "collected", "serving", N },
	{ "serving", "collected-in-place", "serving", N },
	{ "serving", "collect-failed", "serving", N },
	{ "serving", "ready", "serving", N },
	{ "serving", "new-failed", "serving", N },
	{ "serving", "retired", "serving", N },
	{ "serving", "retry", "serving", N },
	{ "serving", "give-up", "serving", N },
	{ "serving", "current-exited", "ended", ACTION_END },
	{ "serving", "current-crashed", "waiting", ACTION_REVIVE },
	{ "serving", "confirmed", "serving", N },
	/* --precheck runs: the current one serves on, whatever comes of it. */
	{ "checking", "restart", "checking", ACTION_REFUSE_IN_PROGRESS },
	{ "checking", "restart-crowded", "checking", ACTION_REFUSE_IN_PROGRESS },
	{ "checking", "stop", "stopping", ACTION_STOP },
	{ "checking", "checked", "collecting", ACTION_COLLECT },
	{ "checking", "check-failed", "serving", ACTION_FAIL },
	{ "checking", "collected", "checking", N },
	{ "checking", "collected-in-place", "checking", N },
	{ "checking", "collect-failed", "checking", N },
	{ "checking", "ready", "checking", N },
	{ "checking", "new-failed", "serving", ACTION_FAIL },
	{ "checking", "retired", "checking", N },
	{ "checking", "retry", "checking", N },
	{ "checking", "give-up", "checking", N },
	{ "checking", "current-exited", "ended", ACTION_END },
	{ "checking", "current-crashed", "waiting", ACTION_REVIVE },
	{ "checking", "confirmed", "checking", N },
	/* The listeners are being handed over; the new one has begun, and gets none yet. */
	{ "collecting", "restart", "collecting", ACTION_REFUSE_IN_PROGRESS },
	{ "collecting", "restart-crowded", "collecting", ACTION_REFUSE_IN_PROGRESS },
	{ "collecting", "stop", "stopping", ACTION_STOP },
	{ "collecting", "checked", "collecting", N },
	{ "collecting", "check-failed", "collecting", N },
	{ "collecting", "collected", "upgrading", ACTION_ADMIT },
	{ "collecting", "collected-in-place", "vacating", ACTION_VACATE },
	{ "collecting", "collect-failed", "serving", ACTION_FAIL },
	{ "collecting", "ready", "collecting", N },
	{ "collecting", "new-failed", "serving", ACTION_FAIL },
	{ "collecting", "retired", "collecting", N },
	{ "collecting", "retry", "collecting", N },
	{ "collecting", "give-up", "collecting", N },
	{ "collecting", "current-exited", "filling", ACTION_REPLACE },
	{ "collecting", "current-crashed", "filling", ACTION_REPLACE },
	{ "collecting", "confirmed", "collecting", N },
	/* The new one starts while the old one serves. */
	{ "upgrading", "restart", "upgrading", ACTION_REFUSE_IN_PROGRESS },
	{ "upgrading", "restart-crowded", "upgrading", ACTION_REFUSE_IN_PROGRESS },
	{ "upgrading", "stop", "stopping", ACTION_STOP },
	{ "upgrading", "checked", "upgrading", N },
	{ "upgrading", "check-failed", "upgrading", N },
	{ "upgrading", "collected", "upgrading", N },
	{ "upgrading", "collected-in-place", "upgrading", N },
	{ "upgrading", "collect-failed", "upgrading", N },
	{ "upgrading", "ready", "retiring", ACTION_RETIRE },
	{ "upgrading", "new-failed", "serving", ACTION_FAIL },
	{ "upgrading", "retired", "upgrading", N },
	{ "upgrading", "retry", "upgrading", N },
	{ "upgrading", "give-up", "upgrading", N },
	{ "upgrading", "current-exited", "filling", ACTION_PROMOTE },
	{ "upgrading", "current-crashed", "filling", ACTION_PROMOTE },
	{ "upgrading", "confirmed", "upgrading", N },
	/* Both serve; the old one lets go. */
	{ "retiring", "restart", "retiring", ACTION_REFUSE_IN_PROGRESS },
	{ "retiring", "restart-crowded", "retiring", ACTION_REFUSE_IN_PROGRESS },
	{ "retiring", "stop", "retiring", ACTION_STOP_LATER },
	{ "retiring", "checked", "retiring", N },
	{ "retiring", "check-failed", "retiring", N },
	{ "retiring", "collected", "retiring", N },
	{ "retiring", "collected-in-place", "retiring", N },
	{ "retiring", "collect-failed", "retiring", N },
	{ "retiring", "ready", "retiring", N },
	{ "retiring", "new-failed", "serving", ACTION_RESUME },
	{ "retiring", "retired", "probation", ACTION_SUCCEED },
	{ "retiring", "retry", "retiring", N },
	{ "retiring", "give-up", "retiring", N },
	{ "retiring", "current-exited", "probation", ACTION_SUCCEED },
	{ "retiring", "current-crashed", "probation", ACTION_SUCCEED },
	{ "retiring", "confirmed", "retiring", N },
	/* The new one serves: its end, and a failed check, bring the old one back. */
	{ "probation", "restart", "probation", ACTION_REFUSE_IN_PROGRESS },
	{ "probation", "restart-crowded", "probation", ACTION_REFUSE_CROWDED },
	{ "probation", "stop", "stopping", ACTION_STOP },
	{ "probation", "checked", "probation", N },
	{ "probation", "check-failed", "serving", ACTION_ROLL_BACK },
	{ "probation", "collected", "probation", N },
	{ "probation", "collected-in-place", "probation", N },
	{ "probation", "collect-failed", "probation", N },
	{ "probation", "ready", "probation", N },
	{ "probation", "new-failed", "probation", N },
	{ "probation", "retired", "probation", N },
	{ "probation", "retry", "probation", N },
	{ "probation", "give-up", "probation", N },
	{ "probation", "current-exited", "serving", ACTION_ROLL_BACK },
	{ "probation", "current-crashed", "serving", ACTION_ROLL_BACK },
	{ "probation", "confirmed", "serving", ACTION_CONFIRM },
	/* In place: the old one is on its way out, and then the next one is started. */
	{ "vacating", "restart", "vacating", ACTION_REFUSE_IN_PROGRESS },
	{ "vacating", "restart-crowded", "vacating", ACTION_REFUSE_IN_PROGRESS },
	{ "vacating", "stop", "stopping", ACTION_STOP },
	{ "vacating", "checked", "vacating", N },
	{ "vacating", "check-failed", "vacating", N },
	{ "vacating", "collected", "vacating", N },
	{ "vacating", "collected-in-place", "vacating", N },
	{ "vacating", "collect-failed", "vacating", N },
	{ "vacating", "ready", "vacating", N },
	{ "vacating", "new-failed", "vacating", N },
	{ "vacating", "retired", "vacating", ACTION_DRAIN },
	{ "vacating", "retry", "vacating", N },
	{ "vacating", "give-up", "vacating", N },
	{ "vacating", "current-exited", "filling", ACTION_FILL },
	{ "vacating", "current-crashed", "filling", ACTION_FILL },
	{ "vacating", "confirmed", "vacating", N },
	/* Nobody serves, and one starts: no failure ends the service by itself. */
	{ "filling", "restart", "filling", ACTION_REFUSE_IN_PROGRESS },
	{ "filling", "restart-crowded", "filling", ACTION_REFUSE_IN_PROGRESS },
	{ "filling", "stop", "stopping", ACTION_STOP },
	{ "filling", "checked", "filling", N },
	{ "filling", "check-failed", "filling", N },
	{ "filling", "collected", "filling", N },
	{ "filling", "collected-in-place", "filling", N },
	{ "filling", "collect-failed", "filling", N },
	{ "filling", "ready", "serving", ACTION_OCCUPY },
	{ "filling", "new-failed", "waiting", ACTION_BACK_OFF },
	{ "filling", "retired", "filling", N },
	{ "filling", "retry", "filling", N },
	{ "filling", "give-up", "filling", N },
	{ "filling", "current-exited", "filling", N },
	{ "filling", "current-crashed", "filling", N },
	{ "filling", "confirmed", "filling", N },
	/* Nobody serves, and none starts: whoever asks for a restart need not wait. */
	{ "waiting", "restart", "filling", ACTION_FILL },
	{ "waiting", "restart-crowded", "filling", ACTION_FILL },
	{ "waiting", "stop", "ended", ACTION_STOP_VACANT },
	{ "waiting", "checked", "waiting", N },
	{ "waiting", "check-failed", "waiting", N },
	{ "waiting", "collected", "waiting", N },
	{ "waiting", "collected-in-place", "waiting", N },
	{ "waiting", "collect-failed", "waiting", N },
	{ "waiting", "ready", "waiting", N },
	{ "waiting", "new-failed", "waiting", N },
	{ "waiting", "retired", "waiting", N },
	{ "waiting", "retry", "filling", ACTION_FILL },
	{ "waiting", "give-up", "ended", ACTION_END },
	{ "waiting", "current-exited", "waiting", N },
	{ "waiting", "current-crashed", "waiting", N },
	{ "waiting", "confirmed", "waiting", N },
	/* The way down knows no way back. */
	{ "stopping", "restart", "stopping", ACTION_REFUSE_TERMINATING },
	{ "stopping", "restart-crowded", "stopping", ACTION_REFUSE_TERMINATING },
	{ "stopping", "stop", "stopping", ACTION_REFUSE_TERMINATING },
	{ "stopping", "checked", "stopping", N },
	{ "stopping", "check-failed", "stopping", N },
	{ "stopping", "collected", "stopping", N },
	{ "stopping", "collected-in-place", "stopping", N },
	{ "stopping", "collect-failed", "stopping", N },
	{ "stopping", "ready", "stopping", N },
	{ "stopping", "new-failed", "stopping", N },
	{ "stopping", "retired", "stopping", N },
	{ "stopping", "retry", "stopping", N },
	{ "stopping", "give-up", "stopping", N },
	{ "stopping", "current-exited", "ended", ACTION_END },
	{ "stopping", "current-crashed", "ended", ACTION_END },
	{ "stopping", "confirmed", "stopping", N },
	{ "ended", "restart", "ended", ACTION_REFUSE_TERMINATING },
	{ "ended", "restart-crowded", "ended", ACTION_REFUSE_TERMINATING },
	{ "ended", "stop", "ended", ACTION_REFUSE_TERMINATING },
	{ "ended", "checked", "ended", N },
	{ "ended", "check-failed", "ended", N },
	{ "ended", "collected", "ended", N },
	{ "ended", "collected-in-place", "ended", N },
	{ "ended", "collect-failed", "ended", N },
	{ "ended", "ready", "ended", N },
	{ "ended", "new-failed", "ended", N },
	{ "ended", "retired", "ended", N },
	{ "ended", "retry", "ended", N },
	{ "ended", "give-up", "ended", N },
	{ "ended", "current-exited", "ended", N },
	{ "ended", "current-crashed", "ended", N },
	{ "ended", "confirmed", "ended", N },
};

#define N_EXPECTED (sizeof(expected) / sizeof(*expected))

static const struct expected *expected_find(enum service_state state, enum service_event event)
{
	const struct expected *found = NULL;

	for (size_t i = 0; i < N_EXPECTED; i++)
		if (strcmp(expected[i].state, service_state_name(state)) == 0 &&
		    strcmp(expected[i].event, service_event_name(event)) == 0) {
			cr_assert(found == NULL, "%s/%s stands here twice", expected[i].state,
				  expected[i].event);
			found = &expected[i];
		}
	cr_assert(found != NULL, "%s/%s is missing here", service_state_name(state),
		  service_event_name(event));
	return found;
}

#define FOR_EACH_CELL(state, event)                                               \
	for (enum service_state state = 0; state < SERVICE_STATE_END; state++)    \
		for (enum service_event event = 0; event < EVENT_END; event++)

Test(generation, does_in_every_cell_what_is_written_here)
{
	cr_assert(N_EXPECTED == (size_t)SERVICE_STATE_END * EVENT_END);
	FOR_EACH_CELL(state, event) {
		const struct expected *want = expected_find(state, event);
		struct transition got = service_transition(state, event);

		cr_expect_str_eq(service_state_name(got.next), want->next, "%s/%s leads to %s",
				 want->state, want->event, service_state_name(got.next));
		cr_expect(got.action == want->action, "%s/%s does action %d", want->state,
			  want->event, (int)got.action);
	}
}

static bool is_serving(enum service_state state)
{
	return state == SERVICE_SERVING || state == SERVICE_CHECKING ||
	       state == SERVICE_COLLECTING || state == SERVICE_UPGRADING ||
	       state == SERVICE_RETIRING || state == SERVICE_PROBATION;
}

/* Nobody serves, but the listeners are open and clients wait. */
static bool is_vacant(enum service_state state)
{
	return state == SERVICE_VACATING || state == SERVICE_FILLING || state == SERVICE_WAITING;
}

static bool is_death(enum service_event event)
{
	return event == EVENT_CURRENT_EXITED || event == EVENT_CURRENT_CRASHED;
}

/* Promise 2. The death of the one that serves is nobody's failed upgrade, and `stop` is a wish. */
Test(generation, keeps_somebody_serving_whatever_becomes_of_an_upgrade)
{
	FOR_EACH_CELL(state, event) {
		if (!is_serving(state) || is_death(event) || event == EVENT_STOP ||
		    event == EVENT_COLLECTED_IN_PLACE)
			continue;
		cr_expect(is_serving(service_transition(state, event).next), "%s/%s",
			  service_state_name(state), service_event_name(event));
	}
}

Test(generation, waits_for_somebody_who_serves_until_told_otherwise)
{
	FOR_EACH_CELL(state, event) {
		enum service_state next = service_transition(state, event).next;

		if (is_vacant(state) && event != EVENT_STOP && event != EVENT_GIVE_UP)
			cr_expect(is_vacant(next) || is_serving(next), "%s/%s",
				  service_state_name(state), service_event_name(event));
	}
}

Test(generation, ends_by_no_crash_once_it_was_ready)
{
	FOR_EACH_CELL(state, event)
		if (is_serving(state) || is_vacant(state))
			cr_expect(service_transition(state, EVENT_CURRENT_CRASHED).next !=
				  SERVICE_ENDED, "%s", service_state_name(state));
}

Test(generation, starts_the_next_one_in_place_only_when_the_old_one_is_gone)
{
	FOR_EACH_CELL(state, event)
		if (service_transition(state, event).action == ACTION_FILL)
			cr_expect(state == SERVICE_WAITING ||
				  (state == SERVICE_VACATING && is_death(event)), "%s/%s",
				  service_state_name(state), service_event_name(event));
}

Test(generation, loses_no_upgrade_by_the_death_of_the_old_one)
{
	cr_expect(service_transition(SERVICE_UPGRADING, EVENT_CURRENT_EXITED).next !=
		  SERVICE_ENDED);
	cr_expect(service_transition(SERVICE_COLLECTING, EVENT_CURRENT_EXITED).next !=
		  SERVICE_ENDED);
	cr_expect(service_transition(SERVICE_RETIRING, EVENT_CURRENT_EXITED).next ==
		  SERVICE_PROBATION);
}

Test(generation, has_a_way_back_while_on_probation)
{
	cr_expect(service_transition(SERVICE_PROBATION, EVENT_CURRENT_CRASHED).action ==
		  ACTION_ROLL_BACK);
	cr_expect(service_transition(SERVICE_PROBATION, EVENT_CHECK_FAILED).action ==
		  ACTION_ROLL_BACK);
	FOR_EACH_CELL(state, event)
		if (service_transition(state, event).action == ACTION_ROLL_BACK)
			cr_expect(state == SERVICE_PROBATION &&
				  service_transition(state, event).next == SERVICE_SERVING);
}

Test(generation, allows_a_retry_as_soon_as_an_upgrade_has_failed)
{
	FOR_EACH_CELL(state, event) {
		struct transition got = service_transition(state, event);

		if (got.action == ACTION_FAIL || got.action == ACTION_RESUME)
			cr_expect(service_transition(got.next, EVENT_RESTART).action ==
				  ACTION_CHECK, "%s/%s", service_state_name(state),
				  service_event_name(event));
	}
	cr_expect(service_transition(SERVICE_WAITING, EVENT_RESTART).action == ACTION_FILL);
}

static bool asks_for_something(enum service_event event)
{
	return event == EVENT_RESTART || event == EVENT_RESTART_CROWDED || event == EVENT_STOP;
}

Test(generation, answers_whoever_asks)
{
	FOR_EACH_CELL(state, event)
		if (asks_for_something(event))
			cr_expect(service_transition(state, event).action != ACTION_NONE, "%s/%s",
				  service_state_name(state), service_event_name(event));
}

Test(generation, refuses_only_whoever_asks_and_changes_nothing_by_it)
{
	FOR_EACH_CELL(state, event) {
		struct transition got = service_transition(state, event);

		if (!service_refusal(got.action))
			continue;
		cr_expect(asks_for_something(event) && got.next == state, "%s/%s",
			  service_state_name(state), service_event_name(event));
	}
}

Test(generation, changes_no_state_silently)
{
	FOR_EACH_CELL(state, event) {
		struct transition got = service_transition(state, event);

		cr_expect(got.next == state || got.action != ACTION_NONE, "%s/%s",
			  service_state_name(state), service_event_name(event));
	}
}

Test(generation, never_comes_back_from_the_end)
{
	FOR_EACH_CELL(state, event) {
		enum service_state next = service_transition(state, event).next;

		if (state == SERVICE_ENDED)
			cr_expect(next == SERVICE_ENDED);
		if (state == SERVICE_STOPPING)
			cr_expect(next == SERVICE_STOPPING || next == SERVICE_ENDED);
	}
}

/* Every state can be reached from the first one, and from every state the end. */
static unsigned reachable(enum service_state from)
{
	unsigned seen = 1u << from, before;

	do {
		before = seen;
		FOR_EACH_CELL(state, event)
			if (seen & 1u << state)
				seen |= 1u << service_transition(state, event).next;
	} while (seen != before);
	return seen;
}

Test(generation, has_no_state_out_of_reach_and_none_without_an_end)
{
	cr_expect(reachable(SERVICE_STARTING) == (1u << SERVICE_STATE_END) - 1);
	for (enum service_state state = 0; state < SERVICE_STATE_END; state++)
		cr_expect(reachable(state) & 1u << SERVICE_ENDED, "%s", service_state_name(state));
}

Test(generation, names_are_all_there_and_differ)
{
	for (enum service_state one = 0; one < SERVICE_STATE_END; one++)
		for (enum service_state other = 0; other < one; other++)
			cr_expect_str_neq(service_state_name(one), service_state_name(other));
	for (enum service_event one = 0; one < EVENT_END; one++)
		for (enum service_event other = 0; other < one; other++)
			cr_expect_str_neq(service_event_name(one), service_event_name(other));
}

Test(generation, says_of_each_refusal_why)
{
	cr_expect(strstr(service_refusal(ACTION_REFUSE_NOT_READY), "not ready yet") != NULL);
	cr_expect(strstr(service_refusal(ACTION_REFUSE_IN_PROGRESS), "upgrade in progress") != NULL);
	cr_expect(strstr(service_refusal(ACTION_REFUSE_CROWDED),
			 "old generation has not exited") != NULL);
	cr_expect(strstr(service_refusal(ACTION_REFUSE_TERMINATING), "terminating") != NULL);
	for (enum service_action action = ACTION_CHECK; action <= ACTION_END; action++)
		cr_expect(service_refusal(action) == NULL);
	cr_expect(service_refusal(ACTION_NONE) == NULL);
}
