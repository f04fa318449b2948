/*
 * After ready: for --probation the generation before can still come back. It is retired and drains,
 * but does not end, and the listeners stay in the pool: whatever becomes of the new one, clients
 * wait in their queues and are not refused. If the new one ends, or fails --check, the old one takes
 * its listeners back.
 *
 * A listener that the new version dropped is kept as well (but for one of a group, whose clients go to
 * the others), with new clients kept out: they try again and are refused when the time is over, or
 * served if the old one comes back.
 */
#include "check.h"
#include "core/address.h"
#include "files.h"
#include "log.h"
#include "service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct timer over_timer;
static bool is_checking, is_over;

bool probation_is_checking(void)
{
	return is_checking;
}

static void confirm_if_done(void)
{
	if (is_over && !is_checking)
		service_event(EVENT_CONFIRMED);
}

static void over(struct timer *timer)
{
	timer_clear(timer);
	is_over = true;
	confirm_if_done();
}

static void checked(bool ok)
{
	is_checking = false;
	if (!ok && service.reserve) {
		service_event(EVENT_CHECK_FAILED);
		return;
	}
	if (!ok)
		service_conclude(1, "%s; generation %u serves on, for the one before has ended", service.failure,
				 service.current->number);
	/* Otherwise the result is told when the connections of the old one are counted. */
	else if (!service.reserve || service.reserve->drain_told)
		service_conclude_again(0);
	confirm_if_done();
}

/* For --check: "127.0.0.1:80 [::1]:80", those that the new one has claimed. */
static void tell_check(void)
{
	const struct pool_entry *entry;
	char pid[16], addresses[4096] = "", one[ADDRESS_TEXT_MAX];
	size_t length = 0;

	TAILQ_FOREACH(entry, &service.pool.entries, link) {
		if (!entry->claims || length + sizeof(one) + 2 > sizeof(addresses))
			continue;
		address_format((const struct sockaddr *)&entry->address, one, sizeof(one));
		length += (size_t)snprintf(addresses + length, sizeof(addresses) - length, "%s%s",
					   length ? " " : "", one);
	}
	snprintf(pid, sizeof(pid), "%d", (int)service.current->pid);
	setenv("FLIP_CHECK_PID", pid, 1);
	setenv("FLIP_CHECK_ADDRESSES", addresses, 1);
}

void probation_begin(struct generation *old)
{
	const struct settings *settings = service.settings;

	service.reserve = old;
	is_over = false;
	timer_set(&over_timer, settings->probation_ms, over);
	if (!settings->check)
		return;
	is_checking = true;
	tell_check();
	check_start("check", settings->check, settings->check_timeout_ms, checked);
}

void probation_end(void)
{
	bool was_held = over_timer.active || service.reserve;

	timer_clear(&over_timer);
	if (is_checking)
		check_abort();
	is_checking = false;
	service.reserve = NULL;
	if (was_held)
		service_release_pool();
}

void probation_reserve_gone(void)
{
	service.reserve = NULL;
	is_over = true;
	confirm_if_done();
}

void probation_confirm(void)
{
	struct generation *old = service.reserve;

	timer_clear(&over_timer);
	if (is_checking) {
		check_abort();
		service_conclude(1, "generation %u ends before check '%.100s' was done", service.current->number,
				 service.settings->check);
	}
	is_checking = false;
	service.reserve = NULL;
	if (old)
		generation_release(old);
	service_release_pool();
}

static void bring_back(struct generation *old)
{
	TAILQ_REMOVE(&service.retired, old, link);
	service.current = old;
	service.reserve = NULL;
	generation_resume(old);
}

/* One that has failed its check only finishes what it has begun. */
static void let_go(struct generation *bad)
{
	TAILQ_INSERT_TAIL(&service.retired, bad, link);
	bad->drain_told = true; /* nobody waits to hear of it */
	generation_retire(bad);
}

static void bury(struct generation *bad)
{
	char text[80] = "ended";

	if (bad->status >= 0)
		process_status_text(bad->status, text, sizeof(text));
	service_set_failure("generation %u (pid %d) %s within the probation", bad->number,
			    (int)bad->pid, text);
	service_tell_output(bad, true);
	kin_kill(&bad->kin);
	generation_free(bad);
}

void probation_roll_back(void)
{
	struct generation *bad = service.current, *old = service.reserve;

	timer_clear(&over_timer);
	if (is_checking)
		check_abort();
	is_checking = false;
	files_forget();
	bring_back(old);
	if (bad->exited)
		bury(bad);
	else
		let_go(bad);
	service_conclude(1, "%s; generation %u serves again", service.failure, old->number);
}
