/*
 * The service that this supervisor runs: one object, for all files of the supervisor. One thread.
 *
 *   run.c         how the supervisor begins; signals, the ends of processes
 *   supervisor.c  decides: what an event does (the table is in generation.c)
 *   collect.c     the current generation hands over its listeners
 *   visitor.c     who connects to a generation's channel: a new member, or a claim
 *   member.c      the processes of the generations, and what they say
 *   ready.c       when a generation that starts may take over
 *   notify.c      what the generations say by sd_notify
 *   manager.c     what systemd is told by sd_notify
 *   probation.c   after ready: the generation before may come back yet
 *   resume.c      a retired generation comes back
 *   files.c       what generations do to files that another one needs
 *   retired.c     generations on their way out: drain, leave, end
 *   vacancy.c     the time in which nobody serves: a restart in place, a crash
 *   status.c      what `flip status` shows
 *   asker.c       the control clients that wait for an answer
 */
#pragma once

#include "core/protocol.h"
#include "core/settings.h"
#include "generation.h"
#include "kin.h"
#include "loop.h"
#include "notification.h"
#include "output.h"
#include "pool.h"
#include "process.h"

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <time.h>

/* What is to be told to a member that does not read what it was told before. */
struct pending {
	enum message_type type;
	uint32_t flags;
	uint64_t value;
};

/* One of each kind that the supervisor tells. */
#define PENDING_MAX 12

/* A process that has a channel: it holds or waits on a listener. */
struct member {
	struct generation *generation;
	pid_t pid;
	struct source source;
	struct source pidfd;  /* a child made by raw clone(2) keeps a copy of the channel open */
	bool answered;	      /* the question that its generation was asked last */
	bool is_counting;     /* its answer to generation_count() is to come */
	bool has_counted;     /* with RETIRED it said that it has none, and was not asked since */
	uint64_t connections; /* its last answer to PROBE */
	struct pending pending[PENDING_MAX]; /* in their order */
	unsigned n_pending;
	TAILQ_ENTRY(member) link;
};

TAILQ_HEAD(member_list, member);

/* A process that may hold a listener and is no member: called by the signal, it becomes one. */
struct stranger {
	pid_t pid;
	bool seen;	/* by the last gathering */
	bool is_hidden;	/* nobody can see what it has */
	unsigned calls; /* that it has not answered */
	int64_t first_ns;  /* when it was found */
	int64_t called_ns; /* the last time */
	uint64_t connections; /* that it has, seen from outside */
	TAILQ_ENTRY(stranger) link;
};

/* A listener that a generation has told of. */
struct heard {
	uint64_t inode;
	uint64_t file_device, file_inode; /* of a Unix socket that is bound to a path, or 0 */
	bool waited; /* somebody waits on it for clients */
	RB_ENTRY(heard) by_inode;
};

enum phase {
	PHASE_STARTING,
	PHASE_SERVING,
	PHASE_RETIRING,
	PHASE_DRAINING,
	PHASE_LEAVING,	   /* asked to end by itself */
	PHASE_TERMINATING, /* sent the stop signal */
};

struct generation {
	unsigned number;
	pid_t pid; /* of its first process, or of what that left in the background */
	struct kin kin; /* all its processes */
	enum phase phase;
	bool exited; /* the first process has; others may go on */
	bool was_member; /* the first process has been one: no mere wrapper */
	bool has_heir; /* that process has ended, and what it left in the background is in its place */
	pid_t first_heard; /* the first process that has joined, or asked for a listener; 0: none yet */
	int orphan_status; /* as of wait(2), of that one when it failed, orphaned, before the generation was ready */
	int status;  /* as of wait(2), when exited */
	int64_t started_ns, retired_ns, leaving_ns;
	struct timespec started_at; /* by the clock of time stamps of files */
	struct source channel; /* where its members connect */
	char channel_name[48]; /* as FLIP_CHANNEL has it */
	struct source pidfd;   /* of a first process that is no child of ours */
	struct source notify;  /* its NOTIFY_SOCKET */
	char notify_name[48];
	bool said_ready;	/* by READY=1 */
	bool calls_itself;	/* it connects to its own listener, where nobody else can answer */
	bool found_lock;	/* on a pid file of the one that serves */
	char said_status[NOTIFICATION_STATUS_MAX]; /* by STATUS= */
	struct member_list members;
	struct member_list ending; /* these were members, and their processes are on their way out */
	TAILQ_HEAD(, stranger) strangers;
	RB_HEAD(heard_tree, heard) heard; /* by inode */
	unsigned n_heard, n_waited;	  /* how many these are, and on how many of them somebody waits */
	struct heard few_heard[8];	  /* the first of these: what a program says comes once */
	struct output_mark output;
	struct timer deadline; /* of what its phase waits for */
	struct timer again;    /* to ask once more */
	unsigned tries;
	/* Since when it has neither a connection nor fewer other processes than before; 0: not so at the last count. */
	int64_t quiet_ns;
	bool is_over;	 /* it had no connection at the last two counts */
	unsigned others; /* processes beside the first one: sessions, maybe; the fewest since it retired */
	struct ports *ports; /* that its listeners were bound to; NULL until it retires */
	uint64_t kept[PROTOCOL_FDS_MAX]; /* inodes of listeners that it goes on with when it is retired */
	unsigned n_kept;
	int listener_fd;    /* the number of a listener in the process that was last seen to have one */
	uint64_t elsewhere; /* connections of processes that are neither, as last counted */
	pid_t witness;	    /* had a connection when they were counted; while it has one, enough is known */
	bool has_unheard; /* it has been said that another program of its listens where flip was not told of */
	bool is_confined; /* a process of it may not look at its own descriptors (landlock(7)), nor let go of any */
	bool is_fallback;
	bool told_to_end; /* by a signal that was passed on: its end is no crash */
	bool rest_asked; /* those that the first process has left behind are asked to leave, too */
	bool has_datagrams; /* it had listeners without connections */
	bool watch_over; /* its waiting was not seen, and is no longer looked for */
	bool is_probing; /* the drain itself has asked for its connections */
	int64_t probed_ns; /* when it did */
	bool comes_back; /* it was retired, and its members are told to resume */
	bool drain_told; /* the first count of its connections has been reported */
	uint64_t drain_count; /* and was this */
	TAILQ_ENTRY(generation) link;
};
TAILQ_HEAD(generations, generation);

struct service {
	const struct settings *settings;
	struct start start, fallback;
	bool on_fallback; /* it is the fallback that is to be started, or runs */
	char name[80];
	bool bare;
	enum service_state state;
	struct generation *current, *new; /* nobody serves: no current one */
	struct generations retired; /* oldest first */
	struct generation *reserve; /* of these, the one that may come back yet; or NULL */
	struct pool pool;
	bool is_collecting; /* members of the current generation are being asked */
	bool stop_pending;
	bool is_stopping; /* somebody has asked for that, and it is being done */
	int end_pending; /* a signal to be passed on when the hand-over is over; or 0 */
	bool end_is_terminals; /* with that */
	unsigned last_number, restarts;
	int64_t asked_ns;	  /* when this upgrade was asked for */
	char failure[400];	  /* why it failed, a sentence without its end */
	char last_result[540];
	int exit_code;
	int exit_signal; /* that ended the server, and is to end us as well; or 0 */
	bool has_died; /* ended, and nobody has told it to */
};

extern struct service service;

/* supervisor.c */
void service_event(enum service_event event);
/* The current generation is ready, and no other is coming. */
bool service_is_serving(void);

/* A signal for the server, or what the terminal says to all of its group; TERM and INT end the service. In run.c. */
void service_pass_on(int signal, bool is_terminals);
/* From the request to the moment in which the new generation is the current one; not in place, after the old one's end. */
bool service_is_restarting(void);
/* Starts the command, the first generation; false: it could not be (reason: service.failure, and errno). */
bool service_start(void);
/* Starts it once more, into service.current or service.new, with its deadline; or the event of its failure. */
void service_spawn_into(struct generation **place);
/* Asks the current generation for its listeners: ends in service_collected(). */
void service_collect(void);
/* Says how it goes: into the log, and to everybody who waits for the running upgrade or stop. */
void service_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The result of an upgrade: into the log, into `flip status`, and to everybody who waits. */
void service_conclude(int exit_code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with service.last_result as it is. */
void service_conclude_again(int exit_code);
/* The hand-over is over: nobody shares the listeners any more, unless we hold them all the time. */
void service_release_pool(void);
/* Before that: a wake-up for a client that is queued may have been lost. */
void service_rearm(void);
/* Ends the new generation whatever it does. */
void service_discard_new(void);
/* The new one is the current one: it is told so, and the listeners that it shares are let go. */
void service_enthrone_new(void);
/* Tells the last lines that a generation wrote to whoever waits, or else writes them to the log. */
void service_tell_output(const struct generation *generation, bool to_log);
/* We are to end as this generation did (may be NULL: with 0). */
void service_set_exit(const struct generation *generation);
/* Why the upgrade is about to fail: a sentence without its end. */
void service_set_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_request_restart(void);
/* Nobody serves, and the next generation is waited for. */
static inline bool service_is_vacant(void)
{
	return service.state == SERVICE_VACATING || service.state == SERVICE_FILLING ||
	       service.state == SERVICE_WAITING;
}
int service_stop_signal(void); /* that ends a server */
/*
 * Are listeners of the current generation to come? Late ones, too, while they change hands; but those that
 * an upgrade was to have that is given up are not kept.
 */
bool service_is_handing_over(void);
/* The current generation's listeners have all arrived, or could not be got (reason: failure). */
void service_collected(bool ok);
void service_ready(struct generation *generation);
void service_retired(struct generation *generation);
/* The generation's first process has ended. */
void service_exited(struct generation *generation);
/* A retired generation's connections were counted for the first time; UINT64_MAX: it does not answer. */
void service_drain_counted(struct generation *generation, uint64_t connections);

/* vacancy.c: what is done in the states VACATING, FILLING and WAITING */
void vacancy_open(bool planned); /* nobody serves from now on; planned: it did not just die */
bool vacancy_is_crash(const struct generation *generation); /* that has ended by itself */
/* The next one is to send READY=1, as the one with this number had, and takes no client before; 0: no. */
unsigned vacancy_expects_ready(void);
void vacancy_orphaned(void); /* its first process has, and others go on */
void vacancy_revive(void); /* the current generation crashed */
void vacancy_begin(void); /* the current generation is retired in place */
void vacancy_fill(void);  /* it is gone: the next one is started, while clients wait */
void vacancy_occupy(void); /* the next one is ready */
void vacancy_back_off(void);
void vacancy_end(void); /* no more tries */
/* For `flip status`. */
void vacancy_show(void (*line)(void *to, const char *format, ...), void *to);

/* status.c */
/* What `flip status` shows, once all members were asked for their connections. */
void service_show_status(void (*line)(void *to, const char *format, ...), void *to);

/* visitor.c */
/* Binds a channel of a random name; -1 and errno on failure. */
int generation_listen(char *channel_name, size_t size, unsigned number);
/* Somebody connects: the handler of a generation's channel. */
void visitor_accept(struct source *source, short revents);
/* Before the generation is freed. */
void visitors_close(const struct generation *generation);

/* member.c */
struct generation *generation_new(unsigned number, int listen_fd, const char *channel_name);
/* A process has said hello on this connection, which becomes its channel. False: there is no memory. */
bool member_new(struct generation *generation, pid_t pid, int fd);
/* Closes its channels and frees it. Its processes are not touched. */
void generation_free(struct generation *generation);
/* Sends one message to every member and expects an answer of each. Returns how many were asked. */
unsigned generation_ask(struct generation *generation, enum message_type type, uint32_t flags,
			uint64_t value);
/* Asks every member for its connections that has not just told them. */
void generation_probe(struct generation *generation);
/* The same for whoever wants to know; nobody is asked twice at a time. */
void generation_count(struct generation *generation);
/* Asks those again that have not answered yet. */
void generation_ask_again(struct generation *generation, enum message_type type, uint32_t flags);
/*
 * Calls the processes that are no members and have a listener: they have inherited the handler.
 * Of the others the connections are counted from outside, and nothing disturbs them.
 */
void generation_gather(struct generation *generation);
/* Only counts its processes that are no members. */
void generation_count_others(struct generation *generation);
/* Calls this one, if it has a listener and is old enough; it may become a member. */
void generation_call(struct generation *generation, pid_t pid);
/* Only counts the connections of those. */
void generation_count_elsewhere(struct generation *generation);
/* Nobody goes on gathering: who was called and has not joined is not waited for. */
void generation_forget_elsewhere(struct generation *generation);
/* Tells every member, without an answer. */
void generation_tell(struct generation *generation, enum message_type type, uint32_t flags);
/* Messages arrive by a signal to the main thread; one without such a thread is woken by this. */
void generation_nudge(const struct generation *generation);
/* Tells one. */
void member_tell(struct member *member, enum message_type type, uint32_t flags, uint64_t value);
bool generation_all_answered(const struct generation *generation);
uint64_t generation_connections(const struct generation *generation);
/* Has a member said something that waits to be read here? */
bool generation_has_unread(const struct generation *generation);
struct member *generation_member(const struct generation *generation, pid_t pid);
/* Is no other member above this one? */
bool member_is_head(const struct member *member);
/* Tells every member to take its listeners again, out of the pool, and expects an answer of each. */
void generation_tell_resume(struct generation *generation, const struct pool *pool);
/* Has one of its members no room yet for what that tells it? The listeners must be in the pool so long. */
bool generation_is_resuming(const struct generation *generation);

/* collect.c: ends in service_collected() */
void collect_begin(void);
/* A member has answered, or is gone: have all? */
void collect_check(void);
/* Whatever has arrived: nobody is waited for any more. */
void collect_end(void);

/* ready.c */
/* A listener of the generation: it listens, or somebody waits on it for clients. */
void generation_note_listener(struct generation *generation, uint64_t inode, bool waited);
/* The file of a Unix listener that it has told of. */
void generation_note_file(struct generation *generation, uint64_t inode, uint64_t device,
			  uint64_t file_inode);
/* The listener with this inode, or NULL. */
struct heard *generation_heard(const struct generation *generation, uint64_t inode);
/* Is a listener that it has told of open in one of its processes, and not in the pool? */
bool generation_has_left_out(struct generation *generation);
/* Has it a listener with a file that is not in the pool? */
bool generation_has_own_file(struct generation *generation);
/* Has it told of a listener that is bound to this file? */
bool generation_has_file(struct generation *generation, uint64_t device, uint64_t inode);
/* It has sent READY=1, now or once more. */
void generation_said_ready(struct generation *generation);
/* It is about to connect to a listener that it has claimed. */
void generation_calls_itself(struct generation *generation);
/* Is it ready? Looks again when it has been quiet. Ends in service_ready(). */
void generation_check_ready(struct generation *generation);
/* Room for the two that follow, the first of which may have the second in it. */
#define LACK_MAX 400
#define BLIND_SPOT_MAX 300
/* Why it is not: what it lacks, in words. Returns a constant or text. */
const char *generation_lacks(struct generation *generation, char *text, size_t size);
/* Is there a process of it that flip knows nothing of? In words that go on with a sentence, or "". */
const char *generation_blind_spot(struct generation *generation, char *text, size_t size);
/* Is this another program that it has started, which listens and has no flip? Says so once: that is not restarted. */
void generation_note_unheard(struct generation *generation, pid_t pid, const struct procfs_stat *stat);
/* Tells its members, or a new one, that it is the current generation. */
void generation_commit(struct generation *generation);
void member_commit(struct member *member);
void heard_free(struct generation *generation);

/* probation.c */
/* Begins when `old`, retired, drains: EVENT_CONFIRMED or EVENT_CHECK_FAILED will follow. */
void probation_begin(struct generation *old);
/* The new one is good: `old` goes its way. */
void probation_confirm(void);
/* The old one is the current one again. */
void probation_roll_back(void);
/* Whatever comes of it: the time is over. */
void probation_end(void);
/* --check runs, and the restart's result depends on it. */
bool probation_is_checking(void);
/* The one before has ended: there is no way back. A check that runs goes on, and its result is told. */
void probation_reserve_gone(void);

/* resume.c */
/* It serves again. The listeners stay in the pool until all of it does, or for a second. */
void generation_resume(struct generation *generation);
/* The next restart begins, or a stop: what follows a return is not to come into it. False: it was over. */
bool generation_resume_end(struct generation *generation);

/* retired.c */
void generation_retire(struct generation *generation); /* ends in service_retired() */
void generation_drain(struct generation *generation);  /* then leaves, then is gone */
/* It is not to come back any more: where nothing else is waited for, it leaves soon. */
void generation_release(struct generation *generation);
/* No connection is left; it may only owe answers to datagrams. */
bool generation_is_lingering(const struct generation *generation);
void generation_leave(struct generation *generation);
void generation_terminate(struct generation *generation);
/* Sends a signal to its first process and, where that is a mere wrapper, to the server behind. */
void generation_signal(const struct generation *generation, int signal);
void generation_probe_answered(struct generation *generation);
void generation_leave_answered(struct generation *generation, bool ends_itself);
/* A process of a retired generation is gone: was it the last one? */
void generation_check_gone(struct generation *generation);

/*
 * holding.c: --on-crash=restart. The supervisor has copies of the listeners all the time.
 */
bool service_holds(void);
bool holding_is_active(void); /* now, and not while they change hands */
/* Takes copies of the current generation's listeners. */
void holding_refresh(void);
/* They have all arrived. */
void holding_refreshed(bool ok);
/* The current generation may have closed one: then that is closed here, too. */
void holding_look(void);
/* It says so; this is for all modes. */
void holding_closed(void);
/* The copies are about to be closed. */
void holding_settle(void);
void holding_end(void);

/* asker.c */
/* Listens for control clients. */
void asker_listen(int listen_fd);
/* Streams a line to everybody who waits for the running upgrade or stop. */
void asker_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends their waiting. */
void asker_result(int exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the waiting of those who asked for a restart before the request that is being served. */
void asker_result_before(int exit_code, const char *text);
/* Ends the waiting of those who asked for a restart: the service is being stopped. */
void asker_abandon_restarts(const char *reason);
/* A request was refused: only the one being served hears it. */
void asker_refuse(const char *reason);
/* All members have answered a status question. */
void asker_counted(void);
