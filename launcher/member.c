#include "log.h"
#include "registration.h"
#include "notify.h"
#include "service.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* After so many in vain a stranger is left in peace; after a few its handler may be another one. */
#define CALLS_MAX 20
#define CALLS_DOUBT 3
#define CALL_AGAIN_MS 20
/* The age at which a forked process is prepared: one that waits, one that computes, one that never waited. */
#define GROWN_UP_MS 30
#define BUSY_MS 200
#define BUSY_FIRST_MS 2000
/*
 * Some forty messages lie unread in a channel at most: most have a descriptor, and a user may have
 * only so many of those under way (RLIMIT_NOFILE, unix(7)).
 */
#define CHANNEL_ROOM (16 * 1024)

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		log_line(LOG_LEVEL_ERROR, "no memory for %zu bytes", size);
	return memory;
}

static int open_proc(pid_t pid)
{
	return process_open(pid, "", O_RDONLY | O_DIRECTORY);
}

/* False if there is no room for it: the member does not read, and nobody is to wait for it. */
static bool member_send(struct member *member, struct message *message, const int *fds, unsigned n)
{
	int error = transfer_try(member->source.fd, message, fds, n);

	if (error == -EAGAIN)
		return false;
	/* One that has just ended: the end of its channel says so, in a moment. */
	if (error)
		log_line(error == -EPIPE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			 "cannot tell process %d of generation %u to %s: %s", (int)member->pid,
			 member->generation->number, message_name(message->type), strerror(-error));
	return true;
}

/* Does a message of this type go with /proc/PID? */
static bool takes_proc(enum message_type type)
{
	return type == MESSAGE_COMMIT || type == MESSAGE_COLLECT || type == MESSAGE_RETIRE ||
	       type == MESSAGE_REARM || type == MESSAGE_PROBE || type == MESSAGE_LEAVE;
}

static bool tell_now(struct member *member, const struct pending *what)
{
	struct message message;
	int proc_fd = takes_proc(what->type) ? open_proc(member->pid) : -1;
	bool is_told;

	if (takes_proc(what->type) && proc_fd < 0)
		return true; /* it has ended */
	message_init(&message, what->type);
	message.flags = what->flags;
	message.count = what->type == MESSAGE_LEAVE || what->type == MESSAGE_HOLD;
	message.value[0] = what->value;
	if (what->type == MESSAGE_RETIRE) {
		message.count = member->generation->n_kept;
		memcpy(message.value, member->generation->kept, sizeof(message.value));
	}
	is_told = member_send(member, &message, &proc_fd, takes_proc(what->type));
	if (proc_fd >= 0)
		close(proc_fd);
	return is_told;
}

static bool resume_now(struct member *member, const struct pool *pool);

static void pending_drop(struct member *member, unsigned index)
{
	member->n_pending--;
	memmove(member->pending + index, member->pending + index + 1,
		(member->n_pending - index) * sizeof(*member->pending));
}

/* All that is told may be told twice: of each kind the last one counts. */
static void pending_add(struct member *member, struct pending what)
{
	if (!member->n_pending)
		log_line(LOG_LEVEL_DEBUG, "process %d of generation %u does not read what it is told",
			 (int)member->pid, member->generation->number);
	for (unsigned i = 0; i < member->n_pending; i++) {
		if (member->pending[i].type != what.type)
			continue;
		what.flags |= what.type == MESSAGE_PROBE ? member->pending[i].flags : 0;
		pending_drop(member, i);
		break;
	}
	if (member->n_pending < PENDING_MAX)
		member->pending[member->n_pending++] = what;
	loop_watch(&member->source, POLLIN | POLLOUT);
}

/* There is room again. */
static void pending_send(struct member *member)
{
	while (member->n_pending) {
		if (!(member->pending[0].type == MESSAGE_RESUME ?
			      resume_now(member, &service.pool) :
			      tell_now(member, &member->pending[0])))
			return;
		pending_drop(member, 0);
	}
	loop_watch(&member->source, POLLIN);
}

void member_tell(struct member *member, enum message_type type, uint32_t flags, uint64_t value)
{
	const struct pending what = { type, flags, value };

	if (member->n_pending || !tell_now(member, &what))
		pending_add(member, what);
}

unsigned generation_ask(struct generation *generation, enum message_type type, uint32_t flags,
			uint64_t value)
{
	struct member *member;
	unsigned n = 0;

	TAILQ_FOREACH(member, &generation->members, link) {
		member->answered = member->has_counted = false;
		member_tell(member, type, flags, value);
		n++;
	}
	return n;
}

void generation_probe(struct generation *generation)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link) {
		member->answered = member->has_counted;
		member->has_counted = false;
		if (!member->answered)
			member_tell(member, MESSAGE_PROBE, generation->drain_told ? 0 : MESSAGE_MORE, 0);
	}
}

/* Who is asked for its connections meanwhile, for `flip status`, has not answered that by these. */
static bool owes_listeners(const struct generation *generation)
{
	return service.is_collecting && generation == service.current;
}

void generation_count(struct generation *generation)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link) {
		if (member->is_counting)
			continue;
		member->is_counting = true;
		member->answered &= owes_listeners(generation);
		member_tell(member, MESSAGE_PROBE, MESSAGE_MORE, 0);
	}
}

void generation_ask_again(struct generation *generation, enum message_type type, uint32_t flags)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (!member->answered)
			member_tell(member, type, flags, 0);
}

void generation_tell(struct generation *generation, enum message_type type, uint32_t flags)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		member_tell(member, type, flags, 0);
}

/*
 * Raises flip's signal in a process, marked as flip's: in its first thread, if that takes it, for one that is
 * sent to the process may end a wait in a thread that does not get it (see interrupt_was_stolen()). Where the
 * kernel has no room to queue it, a plain one will do, which has that of kill() alone: only a program that uses
 * the signal itself takes it for its own.
 */
static int call_process(pid_t pid, const struct process_marks *marks)
{
	siginfo_t info = { .si_signo = SESSION_SIGNAL, .si_code = SI_QUEUE };
	long result;

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)SESSION_MARK;
	if (marks->first_takes)
		result = syscall(SYS_rt_tgsigqueueinfo, pid, pid, SESSION_SIGNAL, &info);
	else
		result = syscall(SYS_rt_sigqueueinfo, pid, SESSION_SIGNAL, &info);
	return result != 0 && errno == EAGAIN ? kill(pid, SESSION_SIGNAL) : (int)result;
}

void generation_nudge(const struct generation *generation)
{
	const struct member *member;
	struct process_marks marks;

	/* One that is becoming another program (exec) would die of it. */
	TAILQ_FOREACH(member, &generation->members, link)
		if (!member->answered && process_catches(member->pid, SESSION_SIGNAL, &marks))
			call_process(member->pid, &marks);
}

static struct stranger *stranger_find(struct generation *generation, pid_t pid)
{
	struct stranger *stranger;

	TAILQ_FOREACH(stranger, &generation->strangers, link)
		if (stranger->pid == pid)
			return stranger;
	return NULL;
}

static struct stranger *stranger_with(struct generation *generation, pid_t pid)
{
	struct stranger *stranger = stranger_find(generation, pid);

	if (stranger)
		return stranger;
	stranger = allocate(sizeof(*stranger));
	if (stranger) {
		stranger->pid = pid;
		stranger->first_ns = clock_now_ns();
		TAILQ_INSERT_TAIL(&generation->strangers, stranger, link);
	}
	return stranger;
}

static void stranger_free(struct generation *generation, struct stranger *stranger)
{
	TAILQ_REMOVE(&generation->strangers, stranger, link);
	free(stranger);
}

static bool is_heard(uint64_t inode, const void *argument)
{
	return generation_heard(argument, inode) != NULL;
}

static void stranger_call(struct stranger *stranger, const struct process_marks *marks)
{
	/* The runtime of Go, for one, has a handler for every signal, and it is not the shim's. */
	if (stranger->calls == CALLS_DOUBT && !process_has_mapped(stranger->pid, "/libflip.so"))
		stranger->calls = CALLS_MAX;
	if (stranger->calls == CALLS_MAX || call_process(stranger->pid, marks) != 0)
		stranger->calls = CALLS_MAX;
	else
		stranger->calls++;
	stranger->called_ns = clock_now_ns();
}

/* One that waits for something has prepared itself, one that computes may be about to. */
static bool is_grown_up(const struct procfs_stat *stat, bool has_waited)
{
	int64_t busy_ms = has_waited ? BUSY_MS : BUSY_FIRST_MS;

	return process_age_ms(stat) >= (stat->state == 'R' ? busy_ms : GROWN_UP_MS);
}

/* It lets go when it first asks for the listener; unless it was there before the supervisor and knows of none. */
static bool comes_by_itself(const struct generation *generation, pid_t pid)
{
	return (!service.bare || generation->number > 1) && process_has_mapped(pid, "/libflip.so");
}

/* Of those that a generation is looked through for while it lets go. */
static bool is_first_look(const struct generation *generation)
{
	return generation->phase == PHASE_RETIRING && !generation->tries;
}

/*
 * At the first look of a hand-over: one to which flip's library never came, or not before the listener. The first
 * process, where it has only bound that for its workers, is told to end later.
 */
static void note_out_of_reach(const struct generation *generation, pid_t pid,
			      const struct process_view *view)
{
	char text[200];

	if (!view->holds || pid == generation->pid || !is_first_look(generation) || comes_by_itself(generation, pid))
		return;
	snprintf(text, sizeof(text),
		 "process %d of generation %u has its listener, too, and cannot be told to let go of it:"
		 " if it accepts clients, it does so until it ends",
		 (int)pid, generation->number);
	log_line(LOG_LEVEL_ERROR, "%s", text);
	asker_progress("%s", text);
}

/*
 * True if this process has a listener, and is now or soon called. One that was forked a moment ago
 * may be about to close it and to confine itself to a few system calls (seccomp(2)): it would die
 * of the handler's. One that has done so is never called.
 */
static bool is_stranger(struct generation *generation, pid_t pid, const struct procfs_stat *stat,
			const struct process_view *view)
{
	struct process_marks marks;
	struct stranger *stranger;

	if (!process_catches(pid, SESSION_SIGNAL, &marks)) {
		note_out_of_reach(generation, pid, view);
		return false;
	}
	if (marks.is_filtered) {
		struct process_view seen;

		process_look(pid, NULL, is_heard, generation, &seen);
		if (!seen.holds)
			return false;
	}
	stranger = stranger_with(generation, pid);
	if (!stranger)
		return false;
	kin_note_seen(&generation->kin, pid, stat);
	stranger->seen = true;
	stranger->connections = view->connections;
	stranger->is_hidden = view->is_hidden;
	if (is_grown_up(stat, marks.has_waited))
		stranger_call(stranger, &marks);
	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u has a listener and is no member: call %u",
		 (int)pid, generation->number, stranger->calls);
	return true;
}

void generation_call(struct generation *generation, pid_t pid)
{
	struct process_view seen;
	struct process_marks marks;
	struct procfs_stat stat;

	/* As strangers are: who has closed it may confine itself by now, and the handler may be another one. */
	if (!process_stat(pid, &stat) || !process_has_mapped(pid, "/libflip.so"))
		return;
	process_look(pid, NULL, is_heard, generation, &seen);
	/* Last, for one that becomes another program meanwhile would die of it. */
	if (seen.holds && process_catches(pid, SESSION_SIGNAL, &marks) && is_grown_up(&stat, marks.has_waited))
		call_process(pid, &marks);
}

/* It was called a moment ago, and may be joining. */
static bool is_called(struct generation *generation, pid_t pid)
{
	struct stranger *stranger = stranger_find(generation, pid);

	if (!stranger || clock_now_ns() - stranger->called_ns >= CALL_AGAIN_MS * 1000000ll)
		return false;
	stranger->seen = true;
	return true;
}

/* It was forked, and has the listener where its siblings have it: mostly nothing else is to be looked at. */
static void look_for_listener(struct generation *generation, pid_t pid, struct process_view *seen)
{
	*seen = (struct process_view){ .holds = true, .listener_fd = generation->listener_fd };
	if (process_holds_at(pid, generation->listener_fd, is_heard, generation))
		return;
	process_look(pid, NULL, is_heard, generation, seen);
	if (seen->listener_fd >= 0)
		generation->listener_fd = seen->listener_fd;
}

static void look_at(struct generation *generation, pid_t pid, const struct procfs_stat *stat, bool call)
{
	bool is_member = generation_member(generation, pid);
	bool counts = !call || generation->phase == PHASE_DRAINING;
	struct process_view seen;

	/* A member tells by itself what it has; what is on its way to it is looked for in a drain that goes on. */
	if (is_member && !(counts && generation->drain_told))
		return;
	if (!counts && is_called(generation, pid))
		return;
	if (counts)
		process_look(pid, generation->ports, is_heard, generation, &seen);
	else
		look_for_listener(generation, pid, &seen);
	/* What is on its way to a process, a member too, is in nobody's hands. */
	generation->elsewhere += seen.in_flight;
	if (seen.connections)
		generation->witness = pid;
	if (is_member ||
	    (call && (seen.holds || seen.is_hidden) && is_stranger(generation, pid, stat, &seen)))
		return;
	generation->elsewhere += seen.connections;
}

static void gather_one(pid_t pid, const struct procfs_stat *stat, void *argument)
{
	struct generation *generation = argument;

	look_at(generation, pid, stat, true);
	if (is_first_look(generation))
		generation_note_unheard(generation, pid, stat);
}

static void count_one(pid_t pid, const struct procfs_stat *stat, void *generation)
{
	look_at(generation, pid, stat, false);
}

/*
 * Of `n` processes, one is the master. The others may be sessions, members or not: one that was called has
 * joined. A session that has ended is still to be waited for by its master.
 */
static void note_others(struct generation *generation, unsigned n)
{
	n = n ? n - 1 : 0;
	if (n < generation->others) {
		generation->others = n;
		generation->quiet_ns = 0;
	}
}

void generation_count_others(struct generation *generation)
{
	note_others(generation, kin_each(&generation->kin, NULL, NULL));
}

void generation_gather(struct generation *generation)
{
	struct stranger *stranger, *next;

	TAILQ_FOREACH(stranger, &generation->strangers, link)
		stranger->seen = false;
	generation->elsewhere = 0;
	generation->witness = 0;
	note_others(generation, kin_each(&generation->kin, gather_one, generation));
	for (stranger = TAILQ_FIRST(&generation->strangers); stranger; stranger = next) {
		next = TAILQ_NEXT(stranger, link);
		if (!stranger->seen)
			stranger_free(generation, stranger);
	}
}

void generation_forget_elsewhere(struct generation *generation)
{
	while (!TAILQ_EMPTY(&generation->strangers))
		stranger_free(generation, TAILQ_FIRST(&generation->strangers));
	generation->elsewhere = 0;
}

void generation_count_elsewhere(struct generation *generation)
{
	generation_forget_elsewhere(generation);
	kin_each(&generation->kin, count_one, generation);
}

/*
 * Who comes after the drain has asked for that long is not waited for: where workers crash and others are
 * forked for them, there is always one. What it has of connections is seen from outside.
 */
static bool is_late(const struct generation *generation, const struct stranger *stranger)
{
	return generation->is_probing && !stranger->is_hidden &&
	       stranger->first_ns - generation->probed_ns > BUSY_FIRST_MS * 1000000ll;
}

/* Somebody was called and is to be waited for. */
static bool has_strangers(const struct generation *generation)
{
	const struct stranger *stranger;

	TAILQ_FOREACH(stranger, &generation->strangers, link)
		if (stranger->calls < CALLS_MAX && !is_late(generation, stranger))
			return true;
	return false;
}

bool generation_all_answered(const struct generation *generation)
{
	const struct member *member;

	if (has_strangers(generation))
		return false;
	TAILQ_FOREACH(member, &generation->members, link)
		if (!member->answered)
			return false;
	return true;
}

uint64_t generation_connections(const struct generation *generation)
{
	const struct stranger *stranger;
	const struct member *member;
	uint64_t n = generation->elsewhere;

	TAILQ_FOREACH(stranger, &generation->strangers, link)
		n += stranger->connections;
	TAILQ_FOREACH(member, &generation->members, link)
		n += member->connections;
	return n;
}

struct member *generation_member(const struct generation *generation, pid_t pid)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (member->pid == pid)
			return member;
	return NULL;
}

static bool resume_now(struct member *member, const struct pool *pool)
{
	const struct pool_entry *entry = TAILQ_FIRST(&pool->entries);
	struct message message;
	int fds[PROTOCOL_FDS_MAX];
	bool is_told;

	fds[0] = open_proc(member->pid);
	if (fds[0] < 0)
		return true; /* it has ended */
	do {
		message_init(&message, MESSAGE_RESUME);
		for (; entry && message.count < PROTOCOL_FDS_MAX - 1; entry = TAILQ_NEXT(entry, link)) {
			message.value[message.count] = entry->inode;
			fds[++message.count] = entry->fd;
		}
		message.flags = entry ? MESSAGE_MORE : 0;
		is_told = member_send(member, &message, fds, message.count + 1);
	} while (entry && is_told);
	close(fds[0]);
	return is_told;
}

bool generation_is_resuming(const struct generation *generation)
{
	const struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		for (unsigned i = 0; i < member->n_pending; i++)
			if (member->pending[i].type == MESSAGE_RESUME)
				return true;
	return false;
}

bool generation_has_unread(const struct generation *generation)
{
	const struct member *member;

	TAILQ_FOREACH(member, &generation->members, link)
		if (poll(&(struct pollfd){ .fd = member->source.fd, .events = POLLIN }, 1, 0) > 0)
			return true;
	return false;
}

static void resume_member(struct member *member, const struct pool *pool)
{
	if (member->n_pending || !resume_now(member, pool))
		pending_add(member, (struct pending){ .type = MESSAGE_RESUME });
}

void generation_tell_resume(struct generation *generation, const struct pool *pool)
{
	struct member *member;

	TAILQ_FOREACH(member, &generation->members, link) {
		member->answered = false;
		resume_member(member, pool);
	}
}

/* What a member answers instead of its listeners, or what keeps them from us. */
static void member_unable(const struct member *member, int error)
{
	if (!service.is_collecting || member->generation != service.current)
		return;
	service_set_failure("process %d of generation %u cannot hand over its listeners: %s",
			    (int)member->pid, member->generation->number, strerror(error));
	member->generation->is_confined = error == EACCES;
	service_collected(false);
}

static void member_listeners(struct member *member, const struct message *message, const int *fds)
{
	bool is_complete = true;

	if (member->generation != service.current || !service_is_handing_over()) {
		transfer_close(fds, message->count);
		return;
	}
	for (uint32_t i = 0; i < message->count; i++) {
		uint64_t inode = message->value[i] & ~PROTOCOL_EPHEMERAL;
		const struct heard *heard = generation_heard(member->generation, inode);

		is_complete &= pool_add(&service.pool, fds[i], inode, message->value[i] & PROTOCOL_EPHEMERAL,
			 heard ? heard->file_device : 0, heard ? heard->file_inode : 0);
	}
	if (!is_complete) {
		member_unable(member, ENOMEM);
		return;
	}
	if (message->flags & MESSAGE_MORE)
		return;
	if (!service.is_collecting && holding_is_active())
		holding_refreshed(true);
	if (!service.is_collecting)
		return;
	member->answered = true;
	collect_check();
}

/* With the library alone it is the server that gets the signals. Else nobody but our own user may. */
static void member_signal(int signal)
{
	if (!service.bare)
		return;
	log_line(LOG_LEVEL_DEBUG, "the server received signal %d", signal);
	if (signal == (int)service.settings->restart_signal)
		service_request_restart();
	else
		service_event(EVENT_STOP);
}

static bool note_registration(const struct registration *registration, void *generation)
{
	if (generation_heard(generation, registration->inode) && registration->events & EPOLLIN)
		generation_note_listener(generation, registration->inode, true);
	return true;
}

/* After chroot() a member has no /proc, and cannot tell itself what it waits on. */
static void member_waits_on_set(struct member *member, int set)
{
	int proc_fd = open_proc(process_thread(member->pid));

	if (proc_fd < 0)
		return;
	registration_each(proc_fd, set, note_registration, member->generation);
	close(proc_fd);
}

/*
 * The file of a Unix listener, so that an older generation does not remove it. A program that sees
 * that its socket listens already calls no listen(), and nothing is told of its file then.
 */
static void note_file(struct generation *generation, const struct message *message)
{
	const struct pool_entry *entry = pool_find(&service.pool, message->value[0]);

	if (message->count == 3)
		generation_note_file(generation, message->value[0], message->value[1],
				     message->value[2]);
	else if (entry && entry->claims && entry->file.is_own)
		generation_note_file(generation, message->value[0], entry->file.was.st_dev,
				     entry->file.was.st_ino);
}

static void member_says(struct member *member, const struct message *message, const int *fds)
{
	struct generation *generation = member->generation;

	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u: %s %llu", (int)member->pid,
		 generation->number, message_name(message->type),
		 (unsigned long long)message->value[0]);
	switch (message->type) {
	case MESSAGE_LISTENING:
	case MESSAGE_WAITING:
		note_file(generation, message);
		generation_note_listener(generation, message->value[0], message->type == MESSAGE_WAITING);
		if (generation == service.current && message->type == MESSAGE_LISTENING)
			holding_refresh();
		break;
	case MESSAGE_CLOSED:
		if (generation == service.current)
			holding_closed();
		break;
	case MESSAGE_WAITING_SET:
		member_waits_on_set(member, (int)message->value[0]);
		break;
	case MESSAGE_SIGNAL:
		if (generation->phase < PHASE_LEAVING) /* else it is ours, which a master has passed on */
			member_signal((int)message->value[0]);
		break;
	case MESSAGE_LISTENERS:
		member_listeners(member, message, fds);
		break;
	case MESSAGE_RETIRED:
		if (generation->phase != PHASE_RETIRING)
			break;
		member->answered = true;
		member->has_counted = message->flags & MESSAGE_MORE;
		if (member->has_counted)
			member->connections = 0;
		if (generation_all_answered(generation))
			service_retired(generation);
		break;
	case MESSAGE_RESUMED:
		/* Late, it is no answer to what was asked since. */
		member->answered |= generation->comes_back;
		break;
	case MESSAGE_CONNECTIONS:
		member->answered |= !owes_listeners(generation);
		member->is_counting = false;
		member->connections = message->value[0];
		if (generation_all_answered(generation))
			generation_probe_answered(generation);
		break;
	case MESSAGE_UNABLE:
		member_unable(member, (int)message->value[0]);
		break;
	case MESSAGE_LEAVING:
		generation_leave_answered(generation, message->value[0]);
		break;
	default:
		break;
	}
}

static void member_free(struct member_list *list, struct member *member)
{
	TAILQ_REMOVE(list, member, link);
	loop_close(&member->source);
	loop_close(&member->pidfd);
	free(member);
}

static void ending_is_over(struct source *source, short revents)
{
	struct member *member = (void *)((char *)source - offsetof(struct member, pidfd));
	struct generation *generation = member->generation;

	(void)revents;
	member_free(&generation->ending, member);
	generation_check_gone(generation);
}

/* Its channel is no more, but it may hold a lock of the service's yet: its generation is there until it has ended. */
static void member_remove(struct member *member)
{
	struct generation *generation = member->generation;

	if (!member->pidfd.active || !process_is_ending(member->pid)) {
		member_free(&generation->members, member);
		return;
	}
	TAILQ_REMOVE(&generation->members, member, link);
	loop_close(&member->source);
	member->pidfd.ready = ending_is_over;
	TAILQ_INSERT_TAIL(&generation->ending, member, link);
}

/* Of a process that is killed the channel closes first: where nothing is left, its end is told in a moment. */
static void collect_without(const struct generation *generation)
{
	if (!TAILQ_EMPTY(&generation->members) || !TAILQ_EMPTY(&service.pool.entries))
		collect_check();
}

/* What waited for this member's answer must not wait for ever. */
static void member_gone(struct member *member)
{
	struct generation *generation = member->generation;

	log_line(LOG_LEVEL_DEBUG, "process %d of generation %u has closed its channel",
		 (int)member->pid, generation->number);
	member_remove(member);
	/* Killed: whatever it was asked last, no answer will come. */
	if (generation->exited && TAILQ_EMPTY(&generation->members))
		generation_check_gone(generation);
	else if (generation == service.current && service.is_collecting &&
	    generation_all_answered(generation))
		collect_without(generation);
	else if (generation->phase == PHASE_RETIRING && generation_all_answered(generation))
		service_retired(generation);
	else if (generation->phase == PHASE_DRAINING && generation_all_answered(generation))
		generation_probe_answered(generation);
	else
		generation_check_gone(generation);
}

static void member_ready(struct source *source, short revents)
{
	struct member *member = (void *)((char *)source - offsetof(struct member, source));
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds;
	struct message message;
	int result;

	if (revents & POLLOUT)
		pending_send(member);
	result = transfer_receive(source->fd, &message, fds, &n_fds);
	if (result == -EAGAIN)
		return;
	if (result == -EPIPE) {
		member_gone(member);
		return;
	}
	if (result == -EMFILE) {
		member_unable(member, EMFILE);
		return;
	}
	if (result != 0) {
		log_line(LOG_LEVEL_INFO, "rejected a message of process %d: not one of flip's",
			 (int)member->pid);
		return;
	}
	member_says(member, &message, fds);
	if (message.type != MESSAGE_LISTENERS) /* which takes the descriptors */
		transfer_close(fds, n_fds);
	asker_counted(); /* a count may have been waited for when this was asked */
}

/* Tells a new member who it is, and what its generation has been told already. */
static void member_welcome(struct member *member)
{
	const struct settings *settings = service.settings;
	struct generation *generation = member->generation;
	struct message message;

	message_init(&message, MESSAGE_WELCOME);
	message.flags = generation->phase >= PHASE_RETIRING ? MESSAGE_MORE : 0;
	message.count = 4;
	message.value[0] = generation->number;
	message.value[1] = settings->restart_signal;
	message.value[2] = settings->stop_signal ? settings->stop_signal : SIGQUIT;
	message.value[3] = (service.bare ? WELCOME_SIGNALS : 0) |
			   (service_is_vacant() ? WELCOME_ALONE : 0) |
			   (generation == service.new && vacancy_expects_ready() ? WELCOME_WAITS : 0) |
			   (service_holds() ? WELCOME_HELD : 0);
	(void)member_send(member, &message, NULL, 0); /* the first: there is room */
	if (generation->phase == PHASE_SERVING)
		member_commit(member);
	/* One that was current already when this process was started. */
	if (generation->number > 1 && generation == service.current && TAILQ_EMPTY(&service.pool.entries))
		member_tell(member, MESSAGE_SOLE, 0, 0);
	if (generation->phase >= PHASE_RETIRING)
		member_tell(member, MESSAGE_RETIRE, service_is_vacant() ? MESSAGE_MORE : 0, 0);
	if (generation->comes_back)
		resume_member(member, &service.pool);
	if (generation->phase >= PHASE_DRAINING)
		member_tell(member, MESSAGE_PROBE, MESSAGE_MORE, 0);
	else if (generation == service.current && service.is_collecting)
		member_tell(member, MESSAGE_COLLECT, 0, 0);
	else
		member->answered = generation->phase < PHASE_RETIRING && !generation->comes_back;
}

static void member_ended(struct source *source, short revents)
{
	struct member *member = (void *)((char *)source - offsetof(struct member, pidfd));

	(void)revents;
	/* Its last words come first. */
	if (poll(&(struct pollfd){ .fd = member->source.fd, .events = POLLIN }, 1, 0) > 0)
		member_ready(&member->source, POLLIN);
	else
		member_gone(member);
}

static void member_hear(struct member *member, int fd)
{
	int room = CHANNEL_ROOM;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	loop_add(&member->source, fd, POLLIN, member_ready);
}

/* The channel closes with the process, mostly. */
static void member_watch(struct member *member)
{
	int pidfd = process_pidfd(member->pid);

	if (pidfd >= 0)
		loop_add(&member->pidfd, pidfd, POLLIN, member_ended);
}

bool member_is_head(const struct member *member)
{
	struct procfs_stat stat;
	pid_t pid = member->pid;

	for (int depth = 0; depth < 64 && process_stat(pid, &stat) && stat.parent > 1 && stat.parent != getpid();
	     depth++) {
		pid = stat.parent;
		if (generation_member(member->generation, pid))
			return false;
	}
	return true;
}

/* True if it was one. */
static bool forget_stranger(struct generation *generation, pid_t pid)
{
	struct stranger *stranger = stranger_find(generation, pid);

	if (stranger)
		stranger_free(generation, stranger);
	return stranger;
}

bool member_new(struct generation *generation, pid_t pid, int fd)
{
	struct member *member = allocate(sizeof(*member));

	if (!member)
		return false;
	member->generation = generation;
	member->pid = pid;
	TAILQ_INSERT_TAIL(&generation->members, member, link);
	log_line(LOG_LEVEL_DEBUG, "process %d joins generation %u", (int)pid, generation->number);
	/* Before it goes on: a daemon ends next, and its heir is known by what it was. */
	if (!forget_stranger(generation, pid))
		kin_note(&generation->kin, pid);
	member_hear(member, fd);
	member_welcome(member); /* it waits for that */
	member_watch(member);
	generation->was_member |= pid == generation->pid;
	return true;
}

struct generation *generation_new(unsigned number, int listen_fd, const char *channel_name)
{
	struct generation *generation = calloc(1, sizeof(*generation));

	if (!generation)
		return NULL;
	generation->number = number;
	generation->phase = PHASE_STARTING;
	generation->started_ns = clock_now_ns();
	clock_gettime(CLOCK_REALTIME_COARSE, &generation->started_at);
	TAILQ_INIT(&generation->members);
	TAILQ_INIT(&generation->ending);
	TAILQ_INIT(&generation->strangers);
	snprintf(generation->channel_name, sizeof(generation->channel_name), "%s", channel_name);
	loop_add(&generation->channel, listen_fd, POLLIN, visitor_accept);
	return generation;
}

void generation_free(struct generation *generation)
{
	struct member *member;

	visitors_close(generation);
	while ((member = TAILQ_FIRST(&generation->members)))
		member_free(&generation->members, member);
	while ((member = TAILQ_FIRST(&generation->ending)))
		member_free(&generation->ending, member);
	generation_forget_elsewhere(generation);
	heard_free(generation);
	notify_close(generation);
	loop_close(&generation->pidfd);
	loop_close(&generation->channel);
	timer_clear(&generation->deadline);
	timer_clear(&generation->again);
	kin_fini(&generation->kin);
	free(generation->ports);
	free(generation);
}
