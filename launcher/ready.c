/*
 * Readiness: when a generation that starts may take over.
 *
 *   - It has sent READY=1 (sd_notify(3)). Whether that will still come cannot be known, so a
 *     generation follows the one that serves: if that has sent it, the new one must, too; and if
 *     that was seen to wait for clients, somebody of the new one must be, too.
 *   - Otherwise, it waits for clients on every listener that it has.
 *   - What it lacks after a settle time it does not want: a listener of the old generation that it
 *     has not asked for, one of its own that it only probed.
 *   - It listens, but nobody was ever seen to wait: it may wait by io_uring, or by system calls of
 *     its own. After a longer settle time that is taken for ready, unless the generation that
 *     serves was seen to wait. Its waiting goes on being looked for (MESSAGE_COMMIT).
 */
#include "cleanup.h"
#include "files.h"
#include "log.h"
#include "service.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * How long a generation that lacks some of the old one's listeners must be quiet before it counts
 * as ready: it may be about to bind them yet.
 */
#define SETTLE_MS 1000
/* A program that is still busy must not be taken for one whose waiting cannot be seen. */
#define UNSEEN_SETTLE_MS 2000
/* For so long its waiting is looked for afterwards. */
#define WATCH_ON_MS 60000
/* Messages come in a row: processes are looked through when no more have come for this time. */
#define PROBE_LOOK_MS 10

#define FEW_HEARD (sizeof(((struct generation *)NULL)->few_heard) / sizeof(struct heard))
#define OF_AGAIN(timer) ((struct generation *)((char *)(timer) - offsetof(struct generation, again)))

static int heard_compare(const struct heard *one, const struct heard *other)
{
	return (one->inode > other->inode) - (one->inode < other->inode);
}

/* As RB_GENERATE_STATIC, whose __unused is a name of the Linux headers. */
RB_GENERATE_INTERNAL(heard_tree, heard, by_inode, heard_compare, static __attribute__((unused)))

struct heard *generation_heard(const struct generation *generation, uint64_t inode)
{
	struct heard_tree *tree = (struct heard_tree *)&generation->heard;

	return RB_FIND(heard_tree, tree, &(struct heard){ .inode = inode });
}

bool generation_has_file(struct generation *generation, uint64_t device, uint64_t inode)
{
	struct heard *heard;

	RB_FOREACH(heard, heard_tree, &generation->heard)
		if (heard->file_inode == inode && heard->file_device == device)
			return true;
	return false;
}

static bool is_left_out(uint64_t inode, const void *generation)
{
	return generation_heard(generation, inode) && !pool_find(&service.pool, inode);
}

bool generation_has_left_out(struct generation *generation)
{
	struct heard *heard;
	bool is_complete = true;

	RB_FOREACH(heard, heard_tree, &generation->heard)
		is_complete = is_complete && pool_find(&service.pool, heard->inode);
	return !is_complete && kin_holds_any(&generation->kin, is_left_out, generation);
}

bool generation_has_own_file(struct generation *generation)
{
	struct heard *heard;

	RB_FOREACH(heard, heard_tree, &generation->heard)
		if (heard->file_inode && !pool_find(&service.pool, heard->inode))
			return true;
	return false;
}

static struct heard *heard_note(struct generation *generation, uint64_t inode)
{
	struct heard *heard = generation_heard(generation, inode);

	if (heard)
		return heard;
	heard = generation->n_heard < FEW_HEARD ? &generation->few_heard[generation->n_heard] :
						  calloc(1, sizeof(*heard));
	if (!heard) {
		log_line(LOG_LEVEL_ERROR, "no memory to note a listener");
		return NULL;
	}
	heard->inode = inode;
	RB_INSERT(heard_tree, &generation->heard, heard);
	generation->n_heard++;
	return heard;
}

/* One that listened once, was never waited on, and is open in no process any more: a probe. */
static bool is_probe(struct generation *generation, const struct heard *heard)
{
	return !kin_holds(&generation->kin, heard->inode);
}

static bool was_seen_waiting(const struct generation *generation)
{
	return generation->n_waited != 0;
}

static bool all_waited(const struct generation *generation)
{
	return generation->n_waited && generation->n_waited == generation->n_heard;
}

/* The same, less those that were but a probe. Looks through the processes. */
static bool all_waited_but_probes(struct generation *generation)
{
	struct heard *heard;

	if (!was_seen_waiting(generation))
		return false;
	RB_FOREACH(heard, heard_tree, &generation->heard)
		if (!heard->waited && !is_probe(generation, heard))
			return false;
	return true;
}

/*
 * Must it send READY=1? If the one before did: that serves, or was retired in place. But where one
 * that was started beside another has to go on alone, whatever shows that it does is good enough.
 */
static bool must_say_ready(const struct generation *generation)
{
	return generation == service.new && !generation->calls_itself &&
	       (service.current ? service.current->said_ready : vacancy_expects_ready());
}

/* A master may say that it is ready when its workers, who are to serve, are yet to start (gunicorn). */
static bool must_be_seen(const struct generation *generation)
{
	return generation == service.new && service.current && was_seen_waiting(service.current);
}

/* Has it a listener, though it was never seen to wait, and neither was the one that serves? */
static bool may_wait_unseen(struct generation *generation)
{
	struct heard *heard;

	if (must_say_ready(generation) || was_seen_waiting(generation) ||
	    must_be_seen(generation))
		return false;
	RB_FOREACH(heard, heard_tree, &generation->heard)
		if (!is_probe(generation, heard))
			return true;
	return false;
}

/*
 * Has it done what it is to do, listeners apart that it has not asked for? The program's own word
 * counts; but one without a listener does not take over from one that has.
 */
static bool has_begun(struct generation *generation, bool look_for_probes)
{
	if (generation->said_ready && !must_be_seen(generation))
		return generation != service.new || generation->n_heard;
	if (generation->said_ready)
		return was_seen_waiting(generation);
	if (must_say_ready(generation))
		return false;
	return look_for_probes ? all_waited_but_probes(generation) : all_waited(generation);
}

/* To look for its waiting costs it some time at each of its calls. */
static void watch_no_longer(struct timer *timer)
{
	struct generation *generation = OF_AGAIN(timer);

	if (generation->phase != PHASE_SERVING)
		return;
	generation->watch_over = true;
	generation_commit(generation);
}

/* It has said so, or is without flip: is that known to whom will want to restart it? */
static void say_if_out_of_sight(struct generation *generation)
{
	char blind_spot[BLIND_SPOT_MAX];

	if (!generation->n_heard && *generation_blind_spot(generation, blind_spot, sizeof(blind_spot)))
		log_line(LOG_LEVEL_ERROR, "generation %u cannot be restarted: flip knows of no listener of it%s",
			 generation->number, blind_spot);
}

static void begin(struct generation *generation)
{
	if (was_seen_waiting(generation))
		timer_clear(&generation->again);
	else
		timer_set(&generation->again, WATCH_ON_MS, watch_no_longer);
	say_if_out_of_sight(generation);
	service_ready(generation);
}

static struct generation *starting(struct timer *timer)
{
	struct generation *generation = OF_AGAIN(timer);

	return generation->phase == PHASE_STARTING ? generation : NULL;
}

static void settled_unseen(struct timer *timer)
{
	struct generation *generation = starting(timer);

	if (!generation || !may_wait_unseen(generation))
		return;
	log_line(LOG_LEVEL_INFO,
		 "generation %u listens, but was not seen to wait for clients; taken for ready",
		 generation->number);
	begin(generation);
}

/* Quiet for the settle time: what it has not bound or waited on by now it does not want. */
static void settled(struct timer *timer)
{
	struct generation *generation = starting(timer);
	unsigned awaited;

	if (generation && has_begun(generation, true)) {
		awaited = pool_awaited(&service.pool, files_is_replaced);
		log_line(LOG_LEVEL_INFO, "generation %u was quiet for %d ms, with %u listener%s not asked for; taken for ready",
			 generation->number, SETTLE_MS, awaited, awaited == 1 ? "" : "s");
		begin(generation);
	} else if (generation && may_wait_unseen(generation)) {
		timer_set(timer, UNSEEN_SETTLE_MS - SETTLE_MS, settled_unseen);
	}
}

static void look_again(struct timer *timer)
{
	struct generation *generation = starting(timer);

	if (!generation)
		return;
	if (has_begun(generation, true) && pool_awaited(&service.pool, files_is_replaced) == 0)
		begin(generation);
	else
		timer_set(timer, SETTLE_MS, settled);
}

void generation_check_ready(struct generation *generation)
{
	if (generation->phase != PHASE_STARTING)
		return;
	if (has_begun(generation, false) && pool_awaited(&service.pool, files_is_replaced) == 0)
		begin(generation);
	else
		timer_set(&generation->again, PROBE_LOOK_MS, look_again);
}

void generation_said_ready(struct generation *generation)
{
	generation->said_ready = true;
	generation_check_ready(generation);
}

/*
 * Some try their own port before they send READY=1. Beside another generation that one answers; in place
 * nobody would, for no client is taken before that: it would wait for itself.
 */
void generation_calls_itself(struct generation *generation)
{
	if (service.current || !must_say_ready(generation) || generation->said_ready)
		return;
	generation->calls_itself = true;
	log_line(LOG_LEVEL_INFO,
		 "generation %u connects to itself, and has not sent READY=1: it is ready when it waits for clients",
		 generation->number);
	generation_check_ready(generation);
}

/* Processes that cannot tell what they do. */
struct blind_spot {
	const struct generation *generation;
	pid_t without_library, disabled, elsewhere, unseen;
	struct sockaddr_storage address; /* that `unseen` listens on, of which nobody has told */
};

static bool is_it(uint64_t inode, const void *argument)
{
	return inode == *(const uint64_t *)argument;
}

/* One that it has been given counts as well: it may not have looked at that yet. */
static bool is_known(uint64_t inode, const void *generation)
{
	return generation_heard(generation, inode) || process_holds(getpid(), is_it, &inode);
}

static void look_for_unseen(struct blind_spot *found, pid_t pid)
{
	if (!found->unseen && process_listens(pid, is_known, found->generation, &found->address))
		found->unseen = pid;
}

static const char *address_of(const struct blind_spot *found, char text[ADDRESS_TEXT_MAX])
{
	return address_format((const struct sockaddr *)&found->address, text, ADDRESS_TEXT_MAX);
}

static bool is_disabled(pid_t pid)
{
	bool has_none;
	CLEANUP_FREE char *value = process_variable(pid, "FLIP_DISABLE", &has_none);

	return process_is_disabled_by(value);
}

static void look_for_blind_spot(pid_t pid, const struct procfs_stat *unused, void *argument)
{
	struct blind_spot *found = argument;

	(void)unused;
	if (!process_has_mapped(pid, "/libflip.so"))
		found->without_library = pid;
	else if (is_disabled(pid))
		found->disabled = pid;
	else if (!process_shares_network(pid))
		found->elsewhere = pid;
	/* One that is not heard yet may have told of them. */
	else if (!found->generation->n_heard && found->generation->channel.events)
		look_for_unseen(found, pid);
}

const char *generation_blind_spot(struct generation *generation, char *text, size_t size)
{
	struct blind_spot found = { .generation = generation };
	char address[ADDRESS_TEXT_MAX];

	kin_each(&generation->kin, look_for_blind_spot, &found);
	if (found.without_library)
		snprintf(text, size,
			 "; flip's library is not in its process %d: that is static, or was started with another"
			 " LD_PRELOAD (keep the old value behind it), or with the rights of two users"
			 " (secure-execution mode, ld.so(8): start the server as its own user)",
			 (int)found.without_library);
	else if (found.disabled)
		snprintf(text, size, "; FLIP_DISABLE in the environment of its process %d keeps flip out of it",
			 (int)found.disabled);
	else if (found.elsewhere)
		snprintf(text, size,
			 "; its process %d is in another network namespace, from which flip is not to be reached: start"
			 " flip in there (ip netns exec NAME flip run -- ...)",
			 (int)found.elsewhere);
	else if (found.unseen)
		snprintf(text, size,
			 "; its process %d listens on %s by system calls of its own and not by libc's, as programs in"
			 " Go do: there flip sees and hands over nothing",
			 (int)found.unseen, address_of(&found, address));
	else
		return "";
	return text;
}

void generation_note_unheard(struct generation *generation, pid_t pid, const struct procfs_stat *stat)
{
	struct blind_spot found = { .generation = generation };
	char address[ADDRESS_TEXT_MAX];

	/* At a stop nothing is handed over, and of one that has failed its check nobody asks. */
	if (service.state == SERVICE_STOPPING || generation != service.current || generation->has_unheard ||
	    kin_runs(&generation->kin, stat))
		return;
	look_for_unseen(&found, pid);
	generation->has_unheard = found.unseen;
	if (found.unseen)
		service_tell("process %d of generation %u is another program than its server, and listens on %s,"
			     " which flip was not told of: that is not handed over",
			     (int)found.unseen, generation->number, address_of(&found, address));
}

const char *generation_lacks(struct generation *generation, char *text, size_t size)
{
	char blind_spot[BLIND_SPOT_MAX];

	if (generation->found_lock)
		return "the one that serves has locked their pid file: if two must not run at a time, use --in-place";
	if (!generation->n_heard) {
		if (!*generation_blind_spot(generation, blind_spot, sizeof(blind_spot)))
			return "it does not listen on anything yet";
		snprintf(text, size, "flip knows of no listener of it%s", blind_spot);
		return text;
	}
	if (!must_say_ready(generation) || generation->said_ready)
		return generation->said_ready ? "it sent READY=1, but does not wait for clients" :
						"it listens, but does not wait for clients on all its listeners";
	snprintf(text, size, "it did not send READY=1, as generation %u had",
		 service.current ? service.current->number : vacancy_expects_ready());
	return text;
}

/* One whose waiting was not seen may begin with it yet: that is to be known at the next restart. */
static uint32_t commit_flags(const struct generation *generation)
{
	return generation->watch_over || was_seen_waiting(generation) ? 0 : MESSAGE_MORE;
}

void member_commit(struct member *member)
{
	member_tell(member, MESSAGE_COMMIT, commit_flags(member->generation), 0);
}

void generation_commit(struct generation *generation)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		member_commit(member);
}

void generation_note_listener(struct generation *generation, uint64_t inode, bool waited)
{
	bool was_seen = was_seen_waiting(generation);
	struct heard *heard = heard_note(generation, inode);
	struct pool_entry *entry = generation == service.new ? pool_find(&service.pool, inode) : NULL;

	/* One that every generation inherits, as from a service manager, is never asked for. */
	if (entry && !entry->claims)
		entry->claims = 1;
	if (heard && waited && !heard->waited) {
		heard->waited = true;
		generation->n_waited++;
	}
	if (waited && !was_seen && generation->phase == PHASE_SERVING)
		generation_commit(generation);
	generation_check_ready(generation);
}

void generation_note_file(struct generation *generation, uint64_t inode, uint64_t device,
			  uint64_t file_inode)
{
	struct heard *heard = heard_note(generation, inode);

	if (!heard)
		return;
	heard->file_device = device;
	heard->file_inode = file_inode;
}

void heard_free(struct generation *generation)
{
	struct heard *heard;

	while ((heard = RB_ROOT(&generation->heard))) {
		RB_REMOVE(heard_tree, &generation->heard, heard);
		if (heard < generation->few_heard || heard >= generation->few_heard + FEW_HEARD)
			free(heard);
	}
}
