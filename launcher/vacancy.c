/*
 * Nobody serves: the current generation was retired in place, because two of its kind must not run
 * at a time, or it has died. The listeners stay open in the pool, so that clients wait in their
 * queues, and the next generation gets them as in any other restart.
 *
 *   VACATING -> FILLING -> SERVING
 *                 | ^
 *                 v |
 *               WAITING
 *
 * There is no way back: a next one that fails is tried again, or the fallback instead.
 */
#include "check.h"
#include "crashes.h"
#include "log.h"
#include "service.h"

#include <stdio.h>
#include <sys/wait.h>

/* The channels of a process that has ended are seen to be closed by then. */
#define ORPHANED_AFTER_MS 100

static struct timer retry_timer, orphaned_timer;
static struct crashes crashes;
static unsigned tries;	   /* of this vacancy that have failed */
static unsigned n_crashes; /* within the window, at the last one */
static int64_t began_ns;
static bool is_planned; /* it was retired, and did not die */
static unsigned said_by; /* the number of the one before, if it has sent READY=1 */

static void note_crash(void)
{
	n_crashes = crashes_add(&crashes, clock_now_ns(), service.settings->crash_window_ms);
}

void vacancy_open(bool planned)
{
	tries = 0;
	began_ns = clock_now_ns();
	is_planned = planned;
	said_by = 0;
	if (!planned)
		note_crash();
}

/* Retired in place. */

void vacancy_begin(void)
{
	vacancy_open(true);
	service_tell("generation %u (pid %d) is to end, clients wait for the next one",
		     service.current->number, (int)service.current->pid);
	pool_deepen(&service.pool);
	said_by = service.current->said_ready ? service.current->number : 0;
	generation_retire(service.current);
}

unsigned vacancy_expects_ready(void)
{
	return service_is_vacant() && !service.on_fallback ? said_by : 0;
}

static void drop_current(void)
{
	struct generation *old = service.current;
	char text[80] = "ended";

	service.current = NULL;
	if (old->status >= 0)
		process_status_text(old->status, text, sizeof(text));
	service_tell("generation %u (pid %d) %s after %ld ms", old->number, (int)old->pid, text,
		     clock_elapsed_ms(old->retired_ns));
	generation_free(old);
}

void vacancy_fill(void)
{
	timer_clear(&retry_timer);
	if (service.current)
		drop_current();
	pool_unclaim(&service.pool);
	service_spawn_into(&service.new);
}

/* Somebody serves again. */

static void tell_success(void)
{
	const struct generation *current = service.current;

	if (current->is_fallback)
		service_conclude(1, "%s; generation %u (pid %d), the fallback, serves instead",
				 service.failure, current->number, (int)current->pid);
	else if (is_planned)
		service_conclude(0, "generation %u (pid %d) ready in %ld ms, in place; nobody served for"
				 " %ld ms",
				 current->number, (int)current->pid, clock_elapsed_ms(service.asked_ns),
				 clock_elapsed_ms(began_ns));
	else
		service_conclude(0, "generation %u (pid %d) ready in %ld ms; before, %s",
				 current->number, (int)current->pid, clock_elapsed_ms(began_ns),
				 service.failure);
}

void vacancy_occupy(void)
{
	generation_commit(service.new);
	pool_quiesce_unclaimed(&service.pool, 0); /* those in their queues have waited: no longer than REARM_MS */
	service_enthrone_new();
	tell_success();
}

/* Nobody does, yet. */

static void retry(struct timer *timer)
{
	(void)timer;
	service_event(EVENT_RETRY);
}

static bool is_crash_loop(void)
{
	const struct settings *settings = service.settings;

	return !is_planned && settings->max_crashes && n_crashes >= settings->max_crashes;
}

static bool may_try_again(void)
{
	const struct settings *settings = service.settings;

	return (settings->in_place || settings->on_crash == ON_CRASH_RESTART) && !is_crash_loop();
}

/* service.failure says why; the last one's output comes before. */
static void give_up(void)
{
	char reason[sizeof(service.failure)];

	if (is_crash_loop() && service.settings->on_crash == ON_CRASH_RESTART) {
		snprintf(reason, sizeof(reason), "%s", service.failure);
		service_set_failure("%s; that were %u crashes within %u s: giving up", reason, n_crashes,
				    service.settings->crash_window_ms / 1000);
	}
	service_event(EVENT_GIVE_UP);
}

/* Tries again after a while: the last good command at once, if the new one has just failed. */
static void wait_and_retry(uint32_t delay_ms)
{
	pool_deepen(&service.pool);
	service.on_fallback = service.settings->fallback && !service.on_fallback;
	if (service.on_fallback) {
		timer_set(&retry_timer, 0, retry);
		service_tell("%s; the fallback is started", service.failure);
		return;
	}
	timer_set(&retry_timer, delay_ms, retry);
	service_conclude(1, "%s; nobody serves, clients wait, and it is tried again in %u ms",
			 service.failure, delay_ms);
}

void vacancy_back_off(void)
{
	tries++;
	if (!is_planned)
		note_crash();
	if (service.new)
		service_tell_output(service.new, !may_try_again());
	service_discard_new();
	if (may_try_again())
		wait_and_retry(back_off_ms(is_planned ? tries : n_crashes));
	else
		give_up();
}

/* Crashes. */

/* As systemd has it: who is told to end by one of these has ended in order. */
static bool is_orderly(int signal)
{
	return signal == SIGHUP || signal == SIGINT || signal == SIGTERM || signal == SIGPIPE;
}

bool vacancy_is_crash(const struct generation *generation)
{
	int status = generation->status;

	/* How one ended that is no child of ours is not known (-1). */
	if (service.settings->on_crash != ON_CRASH_RESTART || status < 0 || generation->told_to_end)
		return false;
	return WIFSIGNALED(status) ? !is_orderly(WTERMSIG(status)) : WEXITSTATUS(status) != 0;
}

void vacancy_revive(void)
{
	struct generation *dead = service.current;
	uint32_t delay_ms;
	char text[80];

	check_abort();
	holding_end();
	collect_end();
	vacancy_open(false);
	service_set_failure("generation %u (pid %d) %s", dead->number, (int)dead->pid,
			    process_status_text(dead->status, text, sizeof(text)));
	service_set_exit(dead);
	said_by = dead->said_ready ? dead->number : 0;
	service_tell_output(dead, is_crash_loop());
	service.current = NULL;
	generation_free(dead);
	if (is_crash_loop()) {
		give_up();
		return;
	}
	delay_ms = back_off_ms(n_crashes - 1);
	pool_restore(&service.pool); /* it may have closed some on its way out */
	pool_deepen(&service.pool);
	timer_set(&retry_timer, delay_ms, retry);
	service_tell("%s; clients wait, and the next one is started in %u ms", service.failure, delay_ms);
}

/* Its workers serve on, and are replaced as in any restart. */
static void orphaned(struct timer *timer)
{
	const struct generation *current = service.current;
	char text[80];

	(void)timer;
	if (service.state != SERVICE_SERVING || !current->exited || TAILQ_EMPTY(&current->members))
		return;
	note_crash();
	log_line(LOG_LEVEL_INFO, "generation %u (pid %d) %s, and what it has left behind serves on",
		 current->number, (int)current->pid,
		 process_status_text(current->status, text, sizeof(text)));
	if (!service.settings->max_crashes || n_crashes < service.settings->max_crashes)
		service_request_restart();
}

void vacancy_orphaned(void)
{
	timer_set(&orphaned_timer, ORPHANED_AFTER_MS, orphaned);
}

/* The end. */

void vacancy_end(void)
{
	timer_clear(&retry_timer);
	timer_clear(&orphaned_timer);
}

void vacancy_show(void (*line)(void *to, const char *format, ...), void *to)
{
	if (service.state != SERVICE_WAITING && service.state != SERVICE_FILLING)
		return;
	if (retry_timer.active)
		line(to, "nobody serves for %ld ms: clients wait; the next try follows in %ld ms",
		     clock_elapsed_ms(began_ns), (long)((retry_timer.at_ns - clock_now_ns()) / 1000000));
	else
		line(to, "nobody serves for %ld ms: clients wait", clock_elapsed_ms(began_ns));
	if (service.failure[0])
		line(to, "because %s", service.failure);
}
