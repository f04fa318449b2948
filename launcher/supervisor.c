/*
 * The supervisor: one loop, one table of states (generation.c), and what each action does.
 *
 * An upgrade: the current generation's members hand their listeners over (COLLECT) into the pool;
 * meanwhile the command is started again; its bind() calls get the listeners from the pool, once they
 * are there; when it waits on all of them it is ready, and only then the old one lets go (RETIRE),
 * drains and ends. Until that moment every failure leads back to where it began.
 *
 * In place (vacancy.c) the old one lets go, drains and ends first, and the next one is started then.
 */
#include "check.h"
#include "files.h"
#include "log.h"
#include "manager.h"
#include "notify.h"
#include "service.h"
#include "spare.h"
#include "target.h"

#include <bsd/sys/time.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* For the queue of a listener that nobody will have any more: its clients are served first. */
#define QUIESCE_TIMEOUT_MS 2000
#define QUIESCE_AGAIN_MS 2
/* Then a client that is still queued may be one whose wake-up the old generation took along. */
#define REARM_MS 3
#define RESUMING_MS 20
#define OUTPUT_LINES 10
/* The first generation has told of no listener so long: somebody may wonder why. */
#define UNHEARD_MS 5000
#define LINGERING_MAX 32
/* The channel of a generation and its NOTIFY_SOCKET, and those who connect to them at a time. */
#define DESCRIPTORS_NEEDED 10
/* What the first process is, is looked at 1, 2, 4 ... ms after its start. */
#define NOTE_LAST_MS 16

#define OF_DEADLINE(timer) ((struct generation *)((char *)(timer) - offsetof(struct generation, deadline)))

struct service service = {
	.retired = TAILQ_HEAD_INITIALIZER(service.retired),
	.pool.entries = TAILQ_HEAD_INITIALIZER(service.pool.entries),
};

static struct timer quiesce_timer, rearm_timer;
static int64_t quiesce_began_ns;
/* Of an upgrade that is done, until the old one's connections are counted. */
static bool is_result_owed;

int service_stop_signal(void)
{
	return service.settings->stop_signal ? (int)service.settings->stop_signal : SIGTERM;
}

bool service_is_restarting(void)
{
	return service.state >= SERVICE_CHECKING && service.state <= SERVICE_RETIRING;
}

bool service_is_serving(void)
{
	return service.state == SERVICE_SERVING || service.state == SERVICE_PROBATION;
}

void service_tell(const char *format, ...)
{
	char text[800];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_line(LOG_LEVEL_INFO, "%s", text);
	asker_progress("%s", text);
}

void service_set_failure(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(service.failure, sizeof(service.failure), format, arguments);
	va_end(arguments);
}

void service_conclude(int exit_code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(service.last_result, sizeof(service.last_result), format, arguments);
	va_end(arguments);
	service_conclude_again(exit_code);
}

void service_conclude_again(int exit_code)
{
	is_result_owed = false;
	log_line(exit_code ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s", service.last_result);
	asker_result(exit_code, "%s", service.last_result);
}

/* The next request comes before the count: who asked for the last one has an answer of its own. */
static void settle_result(void)
{
	if (!is_result_owed)
		return;
	is_result_owed = false;
	log_line(LOG_LEVEL_INFO, "%s", service.last_result);
	asker_result_before(0, service.last_result);
}

/* Starting. */

static void generation_ready_timeout(struct timer *timer)
{
	struct generation *generation = OF_DEADLINE(timer);
	char text[LACK_MAX];

	service_set_failure("generation %u (pid %d) timed out: it was not ready within %u ms (%s)",
		    generation->number, (int)generation->pid, service.settings->ready_timeout_ms,
		    generation_lacks(generation, text, sizeof(text)));
	service_event(EVENT_NEW_FAILED);
}

/*
 * A daemon's first process may end before anything is heard of it: its heir is known by what it was, once the exec
 * is over that it was started by, or a wrapper's.
 */
static struct timer note_timer;
static int64_t note_ms;

static void note_first_process(struct timer *timer)
{
	struct generation *generation = service.new ? service.new : service.current;

	if (!generation || generation->exited || note_ms > NOTE_LAST_MS)
		return;
	kin_note(&generation->kin, generation->pid);
	note_ms *= 2;
	timer_set(timer, note_ms, note_first_process);
}

static struct generation *service_spawn(void)
{
	const struct start *start = service.on_fallback ? &service.fallback : &service.start;
	char channel_name[48];
	const char *step = "cannot make a channel";
	int listen_fd = generation_listen(channel_name, sizeof(channel_name), ++service.last_number);
	struct generation *generation =
		listen_fd < 0 ? NULL : generation_new(service.last_number, listen_fd, channel_name);
	int error;

	if (!generation || notify_listen(generation) != 0) {
		service_set_failure("%s: %s", step, strerror(errno));
		error = errno;
		if (generation)
			generation_free(generation);
		else if (listen_fd >= 0)
			close(listen_fd);
		errno = error;
		return NULL;
	}
	output_note(&generation->output);
	generation->is_fallback = service.on_fallback;
	generation->pid = process_start(start, channel_name, generation->notify_name, &step);
	kin_init(&generation->kin, generation->pid, generation->channel_name);
	if (generation->pid > 0) {
		note_ms = 1;
		timer_set(&note_timer, note_ms, note_first_process);
		return generation;
	}
	service_set_failure("%s %s: %s", step,
		    strstr(step, "directory") ? start->directory : start->program,
		    strerror(-generation->pid));
	error = -generation->pid;
	generation_free(generation);
	errno = error;
	return NULL;
}

/* False: it could not be, and that event has been dealt with. */
static bool spawn_into(struct generation **place)
{
	*place = service_spawn();
	if (*place) {
		service_tell("generation %u (pid %d) started", (*place)->number, (int)(*place)->pid);
		return true;
	}
	service.exit_code = 1;
	service_event(place == &service.new ? EVENT_NEW_FAILED : EVENT_CURRENT_EXITED);
	return false;
}

/* Nothing will be heard of it, and nobody is to wait for that: in an incident, it must come up. */
static void begin_disabled(struct timer *timer)
{
	log_line(LOG_LEVEL_ERROR, "FLIP_DISABLE is set: the server runs without flip, and is taken for ready;"
				  " it cannot be restarted until flip run is started without FLIP_DISABLE");
	service_ready(OF_DEADLINE(timer));
}

static void say_whom_we_cannot_hear(struct timer *timer)
{
	struct generation *generation = OF_DEADLINE(timer);
	char blind_spot[BLIND_SPOT_MAX];

	if (!generation->n_heard && *generation_blind_spot(generation, blind_spot, sizeof(blind_spot)))
		log_line(LOG_LEVEL_ERROR, "generation %u is not ready%s", generation->number, blind_spot);
}

static void deadline_set(struct generation *generation, int64_t patience_ms, void (*over)(struct timer *timer))
{
	bool is_disabled = process_is_disabled_by(getenv("FLIP_DISABLE"));

	timer_set(&generation->deadline, is_disabled ? 0 : patience_ms, is_disabled ? begin_disabled : over);
}

/* The first one may take its time: nobody serves whom it would have to relieve. */
bool service_start(void)
{
	service.current = service_spawn();
	if (service.current)
		deadline_set(service.current, UNHEARD_MS, say_whom_we_cannot_hear);
	return service.current != NULL;
}

/* From now on it is heard, and has to become ready. */
static void admit(struct generation *generation)
{
	loop_watch(&generation->channel, POLLIN);
	deadline_set(generation, service.settings->ready_timeout_ms, generation_ready_timeout);
}

void service_spawn_into(struct generation **place)
{
	if (spawn_into(place))
		admit(*place);
}

/* Mostly it was started when the listeners were asked for. */
static void admit_new(void)
{
	if (service.new || spawn_into(&service.new))
		admit(service.new);
}

void service_ready(struct generation *generation)
{
	generation->phase = PHASE_SERVING;
	timer_clear(&generation->deadline);
	service_event(EVENT_READY);
}

static void rearm(struct timer *timer);

/* The hand-over is over: nobody shares the listeners any more, unless we hold them all the time. */
void service_release_pool(void)
{
	if (!service.new)
		files_settle();
	if (service.current && service.current->comes_back)
		return; /* it takes them from there */
	if (holding_is_active()) {
		holding_refresh();
		return;
	}
	if (service_holds())
		return; /* an upgrade has begun again */
	if (service.current && generation_is_resuming(service.current)) {
		timer_set(&rearm_timer, RESUMING_MS, rearm);
		return;
	}
	holding_settle();
	pool_close(&service.pool);
	if (service.current)
		generation_tell(service.current, MESSAGE_SOLE, 0);
}

void service_rearm(void)
{
	timer_clear(&rearm_timer);
	pool_leave_groups(&service.pool); /* in place they were quiesced only when this began */
	if (service.current && pool_is_readable(&service.pool))
		generation_tell(service.current, MESSAGE_REARM, 0);
	if (service.state != SERVICE_PROBATION)
		service_release_pool();
	else
		generation_tell(service.current, MESSAGE_SOLE, MESSAGE_MORE);
}

static void rearm(struct timer *timer)
{
	(void)timer;
	service_rearm();
}

static void checked(bool ok)
{
	service_event(ok ? EVENT_CHECKED : EVENT_CHECK_FAILED);
}

/* A hand-over that has begun should not come to lack them: better none than half of one. */
static unsigned descriptors_needed(void)
{
	const struct member *member;
	/* Of a Unix listener there is its file, too. */
	unsigned n = DESCRIPTORS_NEEDED + 2 * service.current->n_heard;

	TAILQ_FOREACH(member, &service.current->members, link)
		n += 2;
	return n;
}

/*
 * Could the program that is there by now be heard at all? Whether it can be run at all is seen when it is, but in place
 * the old one would have ended by then.
 */
static bool is_out_of_reach(char *error, size_t size)
{
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (here < 0)
		return false;
	if (start_enter_directory(&service.start)) {
		result = target_check(service.start.program, error, size);
	} else {
		snprintf(error, size, "cannot change to the directory %s: %s", service.start.directory, strerror(errno));
		result = EXIT_NOT_FOUND;
	}
	(void)!fchdir(here);
	close(here);
	return result == EXIT_FLIP || (result != 0 && service.settings->in_place);
}

/* A restart was asked for. */
static void check(void)
{
	const struct settings *settings = service.settings;
	char error[4400];

	settle_result();
	files_finish();
	service.asked_ns = clock_now_ns();
	service.on_fallback = false;
	service.failure[0] = '\0';
	if (!spare_has(descriptors_needed())) {
		service_set_failure("flip has no descriptors for a restart: %s", strerror(errno));
		checked(false);
		return;
	}
	/* An upgrade of flip itself, or its end. */
	if (library_check_again(error, sizeof(error)) != 0) {
		service_set_failure("flip's library is not the one that this supervisor was started with: %s", error);
		checked(false);
		return;
	}
	if (is_out_of_reach(error, sizeof(error))) {
		service_set_failure("%.300s", error);
		checked(false);
		return;
	}
	if (service.bare && manager_would_end(service.current->pid)) {
		service_set_failure("systemd takes process %d for the service, and would end all with it: give the unit"
				    " NotifyAccess=all, or 'flip run --' in ExecStart=", (int)service.current->pid);
		checked(false);
		return;
	}
	if (!settings->precheck) {
		checked(true);
		return;
	}
	service_tell("restart: precheck '%.100s' runs", settings->precheck);
	check_start("precheck", settings->precheck, settings->check_timeout_ms, checked);
}

void service_collect(void)
{
	/* Of the upgrade before. What that still needs in the pool stays there. */
	if (generation_resume_end(service.current) || rearm_timer.active)
		service_rearm();
	timer_clear(&rearm_timer);
	if (!service.is_collecting) /* since that, to hold them */
		collect_begin();
}

bool service_is_handing_over(void)
{
	return service.is_collecting || service.state == SERVICE_UPGRADING || holding_is_active();
}

/*
 * What the program does before it asks for a listener needs none: it begins while they are being handed
 * over. Whoever asks for one, or joins, waits until they are there.
 */
static void collect_for_restart(void)
{
	service_tell("restart: generation %u hands over its listeners", service.current->number);
	service_collect();
	if (service.state == SERVICE_COLLECTING && !service.settings->in_place &&
	    spawn_into(&service.new))
		loop_watch(&service.new->channel, 0);
}

/* Stopping: clients that are queued already are served, new ones are kept away meanwhile. */

static void quiesce_all(struct timer *timer)
{
	long quiet_ms = clock_elapsed_ms(quiesce_began_ns);

	if (pool_quiesce_all(&service.pool, quiet_ms) && quiet_ms < QUIESCE_TIMEOUT_MS)
		timer_set(timer, QUIESCE_AGAIN_MS, quiesce_all);
	else
		generation_retire(service.current);
}

static void quiesce_unclaimed(struct timer *timer)
{
	long quiet_ms = clock_elapsed_ms(quiesce_began_ns);

	if (pool_quiesce_unclaimed(&service.pool, quiet_ms) && quiet_ms < QUIESCE_TIMEOUT_MS)
		timer_set(timer, QUIESCE_AGAIN_MS, quiesce_unclaimed);
	else
		generation_retire(service.current);
}

void service_collected(bool ok)
{
	char blind_spot[BLIND_SPOT_MAX];

	collect_end();
	if (holding_is_active()) {
		holding_refreshed(ok);
		return;
	}
	pool_unclaim(&service.pool);
	quiesce_began_ns = clock_now_ns();
	if (service.state == SERVICE_STOPPING) {
		quiesce_all(&quiesce_timer);
		return;
	}
	if (ok && TAILQ_EMPTY(&service.pool.entries)) {
		service_set_failure("generation %u has no listener to hand over%s", service.current->number,
				    generation_blind_spot(service.current, blind_spot, sizeof(blind_spot)));
		ok = false;
	}
	if (!ok)
		service_event(EVENT_COLLECT_FAILED);
	else
		service_event(service.settings->in_place ? EVENT_COLLECTED_IN_PLACE : EVENT_COLLECTED);
}

/* The outcomes. */

void service_set_exit(const struct generation *generation)
{
	int status = generation && generation->status >= 0 ? generation->status : 0;

	service.exit_code = process_exit_code(status);
	service.exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void tell_line(const char *text, void *to_log)
{
	asker_progress("  | %s", text);
	if (*(bool *)to_log)
		log_line(LOG_LEVEL_ERROR, "  | %s", text);
}

void service_tell_output(const struct generation *generation, bool to_log)
{
	output_tail(&generation->output, OUTPUT_LINES, tell_line, &to_log);
}

void service_discard_new(void)
{
	struct generation *generation = service.new;

	files_forget();
	if (!generation)
		return;
	service.new = NULL;
	service_set_exit(generation->exited ? generation : NULL);
	if (!service.exit_code)
		service.exit_code = 1; /* it has not become ready: that is no success */
	if (!generation->exited)
		kill(generation->pid, SIGKILL);
	kin_kill(&generation->kin);
	generation_free(generation);
}

static void fail(void)
{
	check_abort();
	if (!service_holds())
		collect_end();
	if (service.new)
		service_tell_output(service.new, false);
	service_discard_new();
	pool_restore(&service.pool);
	service_release_pool();
	service_conclude(1, "%s; generation %u %s", service.failure, service.current->number,
			 service.current->exited ? "has ended" : "serves on");
}

static void resume(void)
{
	timer_clear(&quiesce_timer);
	generation_resume(service.current);
	fail();
}

static void retire_current(void)
{
	generation_commit(service.new);
	files_hand_over();
	quiesce_began_ns = clock_now_ns();
	quiesce_unclaimed(&quiesce_timer);
}

void service_retired(struct generation *generation)
{
	timer_clear(&generation->again);
	if (service.state == SERVICE_STOPPING && generation == service.current) {
		files_stop();
		pool_hang_up(&service.pool);
		pool_close(&service.pool);
		generation_drain(generation);
	} else if (generation == service.current) {
		service_event(EVENT_RETIRED);
	} else {
		generation_drain(generation); /* it has failed its check */
	}
}

void service_enthrone_new(void)
{
	service.current = service.new;
	service.new = NULL;
	service.restarts++;
	timer_set(&rearm_timer, REARM_MS, rearm);
}

static void succeed(void)
{
	struct generation *old = service.current;

	timer_clear(&quiesce_timer);
	pool_leave_groups(&service.pool);
	service_enthrone_new();
	TAILQ_INSERT_TAIL(&service.retired, old, link);
	snprintf(service.last_result, sizeof(service.last_result),
		 "generation %u (pid %d) ready in %ld ms", service.current->number,
		 (int)service.current->pid, clock_elapsed_ms(service.asked_ns));
	is_result_owed = true;
	probation_begin(old);
	if (old->exited && TAILQ_EMPTY(&old->members)) {
		probation_reserve_gone();
		generation_check_gone(old);
	} else {
		generation_drain(old);
	}
}

void service_drain_counted(struct generation *generation, uint64_t connections)
{
	char ready[sizeof(service.last_result)], draining[120];

	if (connections == UINT64_MAX)
		snprintf(draining, sizeof(draining),
			 "generation %u draining; it does not tell how many connections it has",
			 generation->number);
	else
		snprintf(draining, sizeof(draining), "generation %u draining %llu connection%s",
			 generation->number, (unsigned long long)connections,
			 connections == 1 ? "" : "s");
	if (service.state == SERVICE_STOPPING || service.state == SERVICE_VACATING) {
		service_tell("%s", draining);
		return;
	}
	if (!is_result_owed) {
		log_line(LOG_LEVEL_INFO, "%s", draining);
		return;
	}
	snprintf(ready, sizeof(ready), "%s", service.last_result);
	snprintf(service.last_result, sizeof(service.last_result), "%.300s; %s", ready, draining);
	if (probation_is_checking())
		service_tell("%s; check '%.100s' runs", service.last_result, service.settings->check);
	else
		service_conclude_again(0);
}

static void commit(void)
{
	generation_commit(service.current);
	log_line(LOG_LEVEL_INFO, "generation %u (pid %d) ready", service.current->number,
		 (int)service.current->pid);
	service_release_pool();
}

/* The current generation is dead; what it leaves is taken off the table. */
static void drop_current(void)
{
	service_set_failure("generation %u (pid %d) died during the upgrade",
			    service.current->number, (int)service.current->pid);
	service_tell("%s; the new one goes on", service.failure);
	generation_free(service.current);
	service.current = NULL;
	vacancy_open(false);
}

static void promote(void)
{
	drop_current();
	files_settle(); /* there is no way back */
	generation_check_ready(service.new); /* less is asked of the only one */
}

/* The new one has the listeners that have been handed over by now. */
static void replace(void)
{
	collect_end();
	drop_current();
	pool_unclaim(&service.pool);
	admit_new();
}

static void stop(void)
{
	if (!probation_is_checking())
		settle_result();
	service_tell("stopping");
	service.is_stopping = true;
	check_abort();
	probation_end();
	service_set_failure("the service is being stopped");
	asker_abandon_restarts("the restart was given up: the service is being stopped");
	if (!service.current) { /* nobody else serves: it ends by itself */
		service.current = service.new;
		service.new = NULL;
	}
	service_discard_new();
	generation_resume_end(service.current);
	if (service.current->phase == PHASE_STARTING)
		generation_terminate(service.current);
	else if (service.current->phase >= PHASE_RETIRING)
		return; /* it is on its way out */
	else if (!TAILQ_EMPTY(&service.pool.entries) && !rearm_timer.active && !service.is_collecting &&
		 !service_holds())
		service_collected(true);
	else if (!service.is_collecting)
		service_collect();
}

static void close_everything(void)
{
	check_abort();
	probation_end();
	holding_end();
	vacancy_end();
	collect_end();
	timer_clear(&quiesce_timer);
	timer_clear(&rearm_timer);
	pool_close(&service.pool);
}

/* Ended by the very signal that it was sent for a stop, it has done what it was told to. */
static bool has_obeyed(const struct generation *generation)
{
	return !generation->told_to_end && generation->status >= 0 && WIFSIGNALED(generation->status) &&
	       WTERMSIG(generation->status) == service_stop_signal();
}

static void end_current(struct generation *generation)
{
	char text[80] = "ended";
	bool was_leaving = generation->phase >= PHASE_RETIRING, stopped = was_leaving || service.is_stopping;

	service.current = NULL;
	service_set_exit(stopped && has_obeyed(generation) ? NULL : generation);
	if (generation->status >= 0)
		process_status_text(generation->status, text, sizeof(text));
	if (stopped)
		files_finish();
	else
		files_forget();
	service_conclude(stopped ? 0 : 1, "%s: generation %u %s", stopped ? "stopped" : "ended",
			 generation->number, text);
	/* Stopped while it started: what it has left behind would listen, and nobody would look after it. */
	if (was_leaving && !generation->retired_ns && generation->kin.is_ours)
		kin_kill(&generation->kin);
	service.has_died = !stopped && !generation->told_to_end;
	generation_free(generation);
}

static void end(void)
{
	close_everything();
	if (service.current) {
		end_current(service.current);
		return;
	}
	service.has_died = true;
	service_conclude(1, "%s", service.failure);
}

static void end_vacant(void)
{
	files_stop();
	close_everything();
	files_finish();
	service_conclude(0, "stopped: no generation was running");
}

static void drain_current(void)
{
	generation_drain(service.current);
}

static void stop_later(void)
{
	service.stop_pending = true;
}

/* Those that only linger are many while datagrams are served, and short-lived. */
static unsigned n_draining(void)
{
	const struct generation *generation;
	unsigned n = 0, lingering = 0;

	TAILQ_FOREACH(generation, &service.retired, link) {
		if (generation_is_lingering(generation) && lingering < LINGERING_MAX)
			lingering++;
		else
			n++;
	}
	return n;
}

/* With what it is that lasts, or with the oldest that drains. */
static void refuse(enum service_action action, const char *refusal)
{
	const struct generation *oldest = TAILQ_FIRST(&service.retired);
	char reason[500], lack[LACK_MAX];

	if (action == ACTION_REFUSE_NOT_READY) {
		snprintf(reason, sizeof(reason), "%s (%s)", refusal,
			 generation_lacks(service.current, lack, sizeof(lack)));
		refusal = reason;
	} else if (action == ACTION_REFUSE_CROWDED) {
		snprintf(reason, sizeof(reason),
			 "%s: %u still drain (--max-draining=%u), the oldest is generation %u (pid %d)", refusal,
			 n_draining(), service.settings->max_draining, oldest->number, (int)oldest->pid);
		refusal = reason;
	}
	asker_refuse(refusal);
}

static void perform(enum service_action action)
{
	static void (*const functions[])(void) = {
		[ACTION_CHECK] = check,
		[ACTION_COLLECT] = collect_for_restart,
		[ACTION_ADMIT] = admit_new,
		[ACTION_COMMIT] = commit,
		[ACTION_RETIRE] = retire_current,
		[ACTION_SUCCEED] = succeed,
		[ACTION_CONFIRM] = probation_confirm,
		[ACTION_ROLL_BACK] = probation_roll_back,
		[ACTION_FAIL] = fail,
		[ACTION_RESUME] = resume,
		[ACTION_PROMOTE] = promote,
		[ACTION_REPLACE] = replace,
		[ACTION_VACATE] = vacancy_begin,
		[ACTION_DRAIN] = drain_current,
		[ACTION_FILL] = vacancy_fill,
		[ACTION_OCCUPY] = vacancy_occupy,
		[ACTION_BACK_OFF] = vacancy_back_off,
		[ACTION_REVIVE] = vacancy_revive,
		[ACTION_STOP_VACANT] = end_vacant,
		[ACTION_STOP] = stop,
		[ACTION_STOP_LATER] = stop_later,
		[ACTION_END] = end,
	};
	const char *refusal = service_refusal(action);

	if (refusal)
		refuse(action, refusal);
	else if (functions[action])
		functions[action]();
}

void service_event(enum service_event event)
{
	struct transition transition = service_transition(service.state, event);

	log_line(LOG_LEVEL_DEBUG, "%s, %s: %s", service_state_name(service.state),
		 service_event_name(event), service_state_name(transition.next));
	service.state = transition.next;
	manager_tell_begin();
	perform(transition.action);
	if (service.stop_pending && service_is_serving()) {
		service.stop_pending = false;
		service_event(EVENT_STOP);
	}
	if (service.end_pending && service_is_serving()) {
		int signal = service.end_pending;

		service.end_pending = 0;
		service_pass_on(signal, service.end_is_terminals);
	}
}

void service_request_restart(void)
{
	bool is_crowded = n_draining() >= service.settings->max_draining;

	/* Who asks for the next one is content with this one. */
	if (!is_crowded && service.state == SERVICE_PROBATION && !probation_is_checking())
		service_event(EVENT_CONFIRMED);
	service_event(is_crowded ? EVENT_RESTART_CROWDED : EVENT_RESTART);
}

/*
 * A program that finds another one of its kind says so in its own way, and exits. What can be known:
 * it ended by itself, and is the very program that runs, not a new version that may be broken.
 */
static bool may_refuse_two(const struct generation *generation)
{
	struct stat status;
	char path[4096];

	return service.current && WIFEXITED(generation->status) &&
	       target_find(service.start.program, path, sizeof(path)) && stat(path, &status) == 0 &&
	       timespeccmp(&status.st_ctim, &service.current->started_at, <);
}

static bool is_killed_in_order(int status)
{
	return status >= 0 && WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT);
}

/* Somebody has told it to end, and it has. */
static bool ends_in_order(const struct generation *generation)
{
	return is_killed_in_order(generation->status) ||
	       (generation->told_to_end && generation->status >= 0 && WIFEXITED(generation->status));
}

/* What was to follow one that was told to end is not wanted; if it serves already, it is told as well. */
static void end_successor(const struct generation *generation)
{
	if (service.state == SERVICE_RETIRING) {
		service.end_pending = SIGTERM;
		return;
	}
	service_set_failure("generation %u was told to end", generation->number);
	service_event(EVENT_NEW_FAILED);
}

void service_exited(struct generation *generation)
{
	char text[80];

	if (generation == service.current) {
		if (service_is_restarting() && ends_in_order(generation))
			end_successor(generation);
		/* There is no way back, or none is wanted: somebody has told the server itself to end. */
		if (service.state == SERVICE_PROBATION && (!service.reserve || is_killed_in_order(generation->status)))
			service_event(EVENT_CONFIRMED);
		service_event(vacancy_is_crash(generation) ? EVENT_CURRENT_CRASHED :
							     EVENT_CURRENT_EXITED);
		return;
	}
	service_set_failure("generation %u (pid %d) %s %s%s", generation->number,
			    (int)generation->pid,
			    process_status_text(generation->status, text, sizeof(text)),
			    generation->phase == PHASE_SERVING ? "when it was just ready" : "before it was ready",
			    generation->phase != PHASE_SERVING && may_refuse_two(generation) ?
				    " (it is unchanged: if two must not run at a time, use --in-place)" :
				    "");
	service_event(EVENT_NEW_FAILED);
}
