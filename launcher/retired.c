/*
 * A generation on its way out: it lets go of its listeners, finishes its connections, ends.
 *
 *   RETIRING -> DRAINING -> LEAVING -> TERMINATING -> (killed) -> gone
 */
#include "core/address.h"
#include "log.h"
#include "service.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A thread that was asked may end instead of answering, a process that was called as well: look
 * again, soon at first, and give up in the end.
 */
#define RETIRE_AGAIN_FIRST_MS 2
#define RETIRE_AGAIN_LAST_MS 50
#define RETIRE_TRIES 40
#define RETIRE_TRIES_CONFINED 5 /* it cannot, but its processes are to be known, to be ended */
/* Between two counts of the connections; doubled while there are some. */
#define PROBE_FIRST_MS 5
#define PROBE_LAST_MS 100
#define PROBE_IN_PLACE_MS 1 /* the first: nobody serves meanwhile */
#define PROBE_AGAIN_MS 300
#define COUNT_PATIENCE_MS 1000
#define SESSION_END_MS 200
/* What it has read of datagrams it may still answer: as long as a resolver waits (resolv.conf(5)). */
#define DATAGRAM_LINGER_MS 5000
#define DATAGRAM_LINGER_IN_PLACE_MS 20 /* nobody serves meanwhile */
/* For who is in flip's handler to leave it: so often at once, then 1 ms later each. */
#define LEAVE_LOOKS_AT_ONCE 4
#define LEAVE_LOOKS 24
/* A process that does not come by a wait call is sent the signal; one that gets no processor is given time. */
#define LEAVE_SIGNAL_MS 300
#define LEAVE_BUSY_MS 2000
#define LEAVE_AGAIN_MS 50
#define LEAVE_SIGNAL_IN_PLACE_MS 6 /* nobody serves meanwhile: it is time that clients wait */

static struct generation *generation_of(struct timer *timer, size_t offset)
{
	return (void *)((char *)timer - offset);
}

#define OF_AGAIN(timer) generation_of(timer, offsetof(struct generation, again))
#define OF_DEADLINE(timer) generation_of(timer, offsetof(struct generation, deadline))

static int64_t retire_delay_ms(const struct generation *generation)
{
	int64_t delay_ms = (int64_t)RETIRE_AGAIN_FIRST_MS << (generation->tries < 10 ? generation->tries : 10);

	return delay_ms < RETIRE_AGAIN_LAST_MS ? delay_ms : RETIRE_AGAIN_LAST_MS;
}

static void retire_wait(struct generation *generation);

static void retire_again(struct timer *timer)
{
	struct generation *generation = OF_AGAIN(timer);

	if (generation->is_confined && generation->tries == RETIRE_TRIES_CONFINED) {
		/* It would serve on, and a drain never be over. Only a stop comes here: who cannot hand over is not restarted. */
		service_tell("generation %u may not look at its own descriptors: it is sent the stop signal without a drain",
			     generation->number);
		generation_terminate(generation);
		return;
	}
	if (++generation->tries > RETIRE_TRIES) {
		log_line(LOG_LEVEL_INFO,
			 "generation %u has threads that do not say whether they let go of its"
			 " listeners; going on",
			 generation->number);
		service_retired(generation);
		return;
	}
	generation_ask_again(generation, MESSAGE_RETIRE, service_is_vacant() ? MESSAGE_MORE : 0);
	generation_nudge(generation);
	retire_wait(generation);
}

/*
 * Calls those that are no members, and waits for all. To look at many processes takes its time, in which
 * nobody is heard: most of it is left to them.
 */
static void retire_wait(struct generation *generation)
{
	int64_t begun_ns = clock_now_ns(), delay_ms = retire_delay_ms(generation), rest_ms;

	generation_gather(generation);
	/* Who was called may have ended instead of joining, when all others had answered. */
	if (generation_all_answered(generation)) {
		service_retired(generation);
		return;
	}
	rest_ms = 4 * (clock_now_ns() - begun_ns) / 1000000;
	timer_set(&generation->again, rest_ms > delay_ms ? rest_ms : delay_ms, retire_again);
}

/* Whose connections count in the drain of programs that the shim is not in. */
static void note_ports(struct generation *generation)
{
	const struct pool_entry *entry;
	uint32_t key;

	/* One that was resumed and retires again has it already. */
	if (!generation->ports)
		generation->ports = calloc(1, sizeof(*generation->ports));
	if (generation->ports)
		generation->ports->group = generation->kin.is_ours ? getpgid(generation->kin.root) : 0;
	TAILQ_FOREACH(entry, &service.pool.entries, link) {
		generation->has_datagrams |= entry->datagram && !pool_is_private(&service.pool, entry);
		key = address_key(&entry->address);
		if (generation->ports && key)
			generation->ports->word[key / 64] |= 1ull << (key % 64);
	}
}

/*
 * By such a listener the processes of a server talk with each other (uwsgi's router with its workers, the
 * managers of python's multiprocessing), and need it to finish what they have begun. As well if it is at a path
 * that the new generation has not asked for, and that has another one instead.
 */
static bool is_internal(const struct pool_entry *entry)
{
	return pool_is_private(&service.pool, entry) ||
	       (!entry->claims && entry->file.exists && service.new && generation_has_own_file(service.new));
}

static void note_kept(struct generation *generation)
{
	const struct pool_entry *entry;

	generation->n_kept = 0;
	TAILQ_FOREACH(entry, &service.pool.entries, link)
		if (is_internal(entry) && generation->n_kept < PROTOCOL_FDS_MAX)
			generation->kept[generation->n_kept++] = entry->inode;
}

void generation_retire(struct generation *generation)
{
	log_line(LOG_LEVEL_DEBUG, "generation %u is to let go of its listeners", generation->number);
	note_ports(generation);
	note_kept(generation);
	generation->phase = PHASE_RETIRING;
	generation->tries = 0;
	generation->retired_ns = clock_now_ns();
	generation->is_probing = false;
	generation->others = UINT_MAX;
	timer_clear(&generation->deadline);
	/* First, so that they let go while we look at the others. */
	generation_ask(generation, MESSAGE_RETIRE, service_is_vacant() ? MESSAGE_MORE : 0, 0);
	retire_wait(generation);
}

/* UINT64_MAX: it does not say how many. */
static void tell_first_count(struct generation *generation, uint64_t connections)
{
	if (generation->drain_told)
		return;
	generation->drain_told = true;
	generation->drain_count = connections;
	service_drain_counted(generation, connections);
}

static void probe_again(struct timer *timer);

static int64_t probe_delay_ms(const struct generation *generation)
{
	int64_t delay_ms = service_is_vacant() ? PROBE_IN_PLACE_MS : PROBE_FIRST_MS;

	for (unsigned i = 1; i < generation->tries && delay_ms < PROBE_LAST_MS; i++)
		delay_ms *= 2;
	return delay_ms < PROBE_LAST_MS ? delay_ms : PROBE_LAST_MS;
}

/* While one connection is known that is not over yet, nobody needs to be disturbed. */
static bool has_witness(const struct generation *generation)
{
	return generation->drain_told && generation->witness && generation->ports &&
	       process_is_connected(generation->witness, generation->ports);
}

static int64_t left_ms(int64_t since_ns, int64_t span_ms)
{
	int64_t left = span_ms - (clock_now_ns() - since_ns) / 1000000;

	return left > 0 ? left : 0;
}

/*
 * It has no connection, and is given time. For answers to datagrams, for nobody can see one coming; for sessions
 * whose connection is closed and that have something to do yet, and for their master to clean up after them
 * (helpers that stay look the same).
 */
static int64_t time_left_ms(const struct generation *generation)
{
	int64_t linger_ms = service_is_vacant() ? DATAGRAM_LINGER_IN_PLACE_MS : DATAGRAM_LINGER_MS;
	int64_t owed_ms = generation->has_datagrams ? left_ms(generation->retired_ns, linger_ms) : 0;
	int64_t ending_ms = generation->others && !service_is_vacant() ?
				    left_ms(generation->quiet_ns, SESSION_END_MS) : 0;

	if (generation == service.reserve)
		return PROBE_LAST_MS;
	return owed_ms > ending_ms ? owed_ms : ending_ms;
}

/* So long nobody needs to be disturbed: then they are asked once more. */
static int64_t quiet_left_ms(struct generation *generation)
{
	if (has_witness(generation))
		return PROBE_LAST_MS;
	if (!generation->is_over)
		return 0;
	if (generation != service.reserve)
		generation_count_others(generation);
	if (!generation->quiet_ns)
		generation->quiet_ns = clock_now_ns();
	return time_left_ms(generation);
}

static void probe(struct timer *timer)
{
	struct generation *generation = OF_AGAIN(timer);
	int64_t quiet_ms = quiet_left_ms(generation), delay_ms;

	if (quiet_ms) {
		generation->tries++;
		delay_ms = probe_delay_ms(generation);
		timer_set(timer, delay_ms < quiet_ms ? delay_ms : quiet_ms, probe);
		return;
	}
	generation->is_probing = true;
	generation->probed_ns = clock_now_ns();
	generation_gather(generation);
	timer_set(timer, PROBE_AGAIN_MS, probe_again);
	generation_probe(generation);
	if (generation_all_answered(generation))
		generation_probe_answered(generation);
}

/* Who was called may have ended instead of joining; but nobody is asked twice the same. */
static void probe_again(struct timer *timer)
{
	struct generation *generation = OF_AGAIN(timer);

	generation_gather(generation);
	timer_set(timer, PROBE_AGAIN_MS, probe_again);
	if (generation_all_answered(generation)) {
		generation_probe_answered(generation);
		return;
	}
	generation_nudge(generation);
	/* Halted, or in a long call: whoever waits for the restart is not to wait for that. */
	if (clock_now_ns() - generation->retired_ns > COUNT_PATIENCE_MS * 1000000ll)
		tell_first_count(generation, UINT64_MAX);
}

/* A forked session goes on when its server has ended, unless it is ended as well. */
static void cut_one(pid_t pid, const struct procfs_stat *unused, void *argument)
{
	const struct generation *generation = argument;

	(void)unused;
	if (pid != generation->pid && process_is_connected(pid, generation->ports))
		kill(pid, service_stop_signal());
}

static void drain_timeout(struct timer *timer)
{
	struct generation *generation = OF_DEADLINE(timer);

	if (generation == service.reserve) { /* to be there counts for more than to end in time */
		timer_set(timer, PROBE_LAST_MS, drain_timeout);
		return;
	}
	log_line(LOG_LEVEL_INFO, "generation %u still has connections after %u ms: ending it",
		 generation->number, service.settings->drain_timeout_ms);
	if (generation->ports)
		kin_each(&generation->kin, cut_one, generation);
	generation_leave(generation);
}

void generation_drain(struct generation *generation)
{
	generation->phase = PHASE_DRAINING;
	generation->tries = 0;
	generation->quiet_ns = 0;
	generation->is_over = false;
	if (service.settings->drain_timeout_ms)
		timer_set(&generation->deadline, service.settings->drain_timeout_ms, drain_timeout);
	timer_clear(&generation->again);
	probe(&generation->again);
}

bool generation_is_lingering(const struct generation *generation)
{
	return generation->phase == PHASE_DRAINING && generation->drain_told &&
	       generation_connections(generation) == 0;
}

void generation_probe_answered(struct generation *generation)
{
	uint64_t connections = generation_connections(generation);

	/* If but `flip status` wants to know, and that often, the drain has a pace of its own. */
	if (generation->phase != PHASE_DRAINING || !generation->is_probing) {
		asker_counted();
		return;
	}
	generation->is_probing = false;
	tell_first_count(generation, connections);
	asker_counted();
	/* Twice none: a connection may be on its way from one process to another. */
	generation->is_over = connections == 0 && generation->quiet_ns;
	if (connections != 0)
		generation->quiet_ns = 0;
	else if (!generation->quiet_ns)
		generation->quiet_ns = clock_now_ns();
	if (generation->is_over && !time_left_ms(generation)) {
		generation_leave(generation);
		return;
	}
	generation->tries = connections == 0 && !generation->is_over ? 0 : generation->tries + 1;
	timer_set(&generation->again, probe_delay_ms(generation), probe);
}

void generation_release(struct generation *generation)
{
	if (generation_is_lingering(generation) && !generation->is_probing)
		timer_set(&generation->again, PROBE_FIRST_MS, probe);
}

/* The first process, unless that has ended or is no member (sh -c). */
static struct member *first_member(const struct generation *generation)
{
	return generation->exited ? NULL : generation_member(generation, generation->pid);
}

/*
 * Is the first process the master, though no member, because only its workers listen? Behind a
 * wrapper (sh -c) that is another program than the server.
 */
static bool has_silent_master(const struct generation *generation)
{
	const struct member *member;

	if (generation->exited || first_member(generation))
		return false;
	TAILQ_FOREACH(member, &generation->members, link)
		if (process_is_program_of(generation->pid, member->pid))
			return true;
	return false;
}

/* A master is asked alone: how its workers end is its own business. */
static void ask_to_leave(struct generation *generation)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (member_is_head(member))
			member_tell(member, MESSAGE_LEAVE, 0, (uint64_t)service_stop_signal());
}

static bool is_in_handler(pid_t pid)
{
	struct process_marks marks;

	return process_catches(pid, SESSION_SIGNAL, &marks) && marks.first_blocks;
}

/*
 * A signal that is sent to a process goes to its first thread, if that does not block it, and ends what that waits
 * for: programs rely on it (Python's handlers run in that thread only). But who has just answered us has done so
 * in flip's handler, which blocks all.
 */
static bool would_miss_signal(const struct generation *generation)
{
	const struct member *member;

	if (!generation->exited)
		return is_in_handler(generation->pid);
	TAILQ_FOREACH(member, &generation->members, link)
		if (is_in_handler(member->pid))
			return true;
	return false;
}

static void leave_by_signal(struct timer *timer)
{
	struct generation *generation = OF_AGAIN(timer);

	if (generation->tries < LEAVE_LOOKS && would_miss_signal(generation))
		timer_set(timer, generation->tries++ < LEAVE_LOOKS_AT_ONCE ? 0 : 1, leave_by_signal);
	else
		generation_terminate(generation);
}

static void leave_if_asleep(struct timer *timer)
{
	const struct generation *generation = OF_AGAIN(timer);
	struct procfs_stat stat;

	if (clock_elapsed_ms(generation->leaving_ns) < LEAVE_BUSY_MS && process_stat(generation->pid, &stat) &&
	    stat.state == 'R' && !service_is_vacant())
		timer_set(timer, LEAVE_AGAIN_MS, leave_if_asleep);
	else
		leave_by_signal(timer);
}

void generation_leave(struct generation *generation)
{
	struct member *first = first_member(generation);

	generation->phase = PHASE_LEAVING;
	generation->tries = 0;
	timer_clear(&generation->deadline);
	if (service.bare && generation->pid == 1 && first) {
		generation->exited = true;
		generation->status = -1;
		member_tell(first, MESSAGE_HOLD, 0, (uint64_t)getpid());
		return;
	}
	if (generation->exited && TAILQ_EMPTY(&generation->members)) {
		generation_check_gone(generation);
		return;
	}
	if (TAILQ_EMPTY(&generation->members) || has_silent_master(generation)) {
		generation_terminate(generation);
		return;
	}
	ask_to_leave(generation);
	generation->leaving_ns = clock_now_ns();
	timer_set(&generation->again, service_is_vacant() ? LEAVE_SIGNAL_IN_PLACE_MS : LEAVE_SIGNAL_MS,
		  leave_if_asleep);
}

void generation_leave_answered(struct generation *generation, bool ends_itself)
{
	if (generation->phase == PHASE_LEAVING && !ends_itself)
		leave_by_signal(&generation->again);
}

static void stop_timeout(struct timer *timer)
{
	struct generation *generation = OF_DEADLINE(timer);

	log_line(LOG_LEVEL_INFO, "generation %u did not end within %u ms of the stop signal: killing it",
		 generation->number, service.settings->stop_timeout_ms);
	kin_kill(&generation->kin);
}

void generation_signal(const struct generation *generation, int signal)
{
	const struct member *member;

	bool is_led = first_member(generation) || has_silent_master(generation);

	if (!generation->exited)
		kill(generation->pid, signal);
	TAILQ_FOREACH(member, &generation->members, link)
		if (!is_led && member_is_head(member))
			kill(member->pid, signal);
}

void generation_terminate(struct generation *generation)
{
	log_line(LOG_LEVEL_DEBUG, "generation %u is sent the stop signal", generation->number);
	generation->phase = PHASE_TERMINATING;
	timer_clear(&generation->again);
	timer_set(&generation->deadline, service.settings->stop_timeout_ms, stop_timeout);
	generation_signal(generation, service_stop_signal());
}

/* Its master has ended, and no member is left: do sessions go on that it has forked? */
static bool has_survivors(struct generation *generation)
{
	if (generation->ports)
		generation_count_elsewhere(generation);
	return generation_connections(generation) > 0;
}

void generation_check_gone(struct generation *generation)
{
	char text[80];

	if (generation->exited && !TAILQ_EMPTY(&generation->members) && !generation->rest_asked &&
	    generation->phase >= PHASE_LEAVING) {
		generation->rest_asked = true;
		generation_leave(generation);
	}
	if (!generation->exited || !TAILQ_EMPTY(&generation->members) || !TAILQ_EMPTY(&generation->ending))
		return;
	if (generation == service.current || generation == service.new) {
		service_exited(generation);
		return;
	}
	if (generation->phase < PHASE_LEAVING && has_survivors(generation)) {
		if (generation->phase != PHASE_DRAINING)
			generation_drain(generation);
		return;
	}
	log_line(LOG_LEVEL_INFO, "generation %u (pid %d) is gone: it %s", generation->number,
		 (int)generation->pid,
		 generation->status < 0 ? "ended" :
					  process_status_text(generation->status, text, sizeof(text)));
	tell_first_count(generation, 0);
	TAILQ_REMOVE(&service.retired, generation, link);
	if (generation == service.reserve)
		probation_reserve_gone();
	generation_free(generation);
}
