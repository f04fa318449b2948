#include "session.h"

#include "channel.h"
#include "core/flag.h"
#include "inherit.h"
#include "log.h"
#include "mute.h"
#include "origin.h"
#include "orphan.h"
#include "real.h"
#include "signals.h"
#include "sys.h"
#include "ticks.h"
#include "transfer.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The supervisor lets nobody in before it has the old generation's listeners, for 5 s at most. */
#define JOIN_TIMEOUT_MS 8000
#define FOLLOWS_MS 20
/*
 * Where descriptors of ours live: out of the way of programs. But each fork() copies a table up to the highest
 * one, and only the first 64 lie in the process itself (NR_OPEN_DEFAULT): 247 costs it 1 us, 1000 costs 3.
 */
#define SESSION_FD_HIGH 63

static struct process process_nobody;
/* Not settled: until the constructor has run, every hook takes the long way. */
static struct family family_nobody APART;

static int first_pid; /* the process that was there when the library was loaded */
static pthread_key_t leader_key;
static __thread bool is_leader_noted __attribute__((tls_model("initial-exec")));
static _Atomic int32_t lost_leader; /* the pid of a process whose first thread has ended */

struct session session = {
	.process = &process_nobody,
	.family = &family_nobody,
	.channel_fd = -1,
};

/* Of this process, or a copy of its parent's. */
BY_CHILDREN static void channel_close(void)
{
	int fd = atomic_load(&session.channel_fd);

	if (fd >= 0 && sys_inode(fd) == atomic_load(&session.channel_inode))
		sys_close(fd);
}

/*
 * A child made by fork() holds a copy of the channel: its parent's end must not outlive that. Nothing is
 * written, for each page that is costs the child a copy of it.
 */
BY_CHILDREN static void child_forked(void)
{
	channel_close();
	/* A plain child's signals are its own until it joins as a member. */
	signals_forked();
}

/*
 * Before fork(): of a listener that is there already, and that nobody has told of yet, one of the children will
 * tell. All others, and this process, have but the handler to be called by.
 */
static void parent_forks(void)
{
	if (session_has_family() && session.channel_length &&
	    atomic_load(&session.process->state) == PROCESS_STRANGER)
		signals_take_channel();
}

/*
 * FLIP_CHANNEL=NAME/GENERATION: an abstract socket address (unix(7)) and a number from 1; behind it,
 * "a": no other generation serves, "w": but it waits until it is ready by its own word, "+": the
 * supervisor holds the listeners all the time; numbers behind other signs are listeners that are
 * inherited (inherit.c).
 */
static void channel_from_environment(void)
{
	const char *text = getenv("FLIP_CHANNEL");
	const char *slash = text ? strchr(text, '/') : NULL;
	struct sockaddr_un {
		sa_family_t family;
		char path[108];
	} *address = (void *)&session.channel_address;
	size_t length = slash ? (size_t)(slash - text) : 0;

	if (!length || length >= sizeof(address->path))
		return;
	address->family = AF_UNIX;
	memcpy(address->path + 1, text, length);
	session.channel_length = (socklen_t)(sizeof(sa_family_t) + 1 + length);
	session.generation = (uint32_t)strtoul(slash + 1, NULL, 10);
	session.held = strchr(slash, '+') != NULL;
	session.alone = strchr(slash, 'a') != NULL;
	session.waits = strchr(slash, 'w') != NULL;
}

/* LD_PRELOAD may have it relative to the directory that we start in. */
static void library_locate(void)
{
	static char path[4096] APART;
	Dl_info info;
	size_t length;

	if (!dladdr(&session, &info) || !info.dli_fname)
		return;
	if (info.dli_fname[0] == '/') {
		session.library = info.dli_fname; /* lives as long as we do */
		return;
	}
	if (!getcwd(path, sizeof(path)))
		return;
	length = strlen(path);
	if (length + 1 + strlen(info.dli_fname) < sizeof(path)) {
		path[length] = '/';
		strcpy(path + length + 1, info.dli_fname);
		session.library = path;
	}
}

bool session_has_channel(int fd)
{
	return atomic_load(&session.process->state) == PROCESS_MEMBER &&
	       fd == atomic_load(&session.process->channel_fd) &&
	       sys_inode(fd) == atomic_load(&session.process->channel_inode);
}

bool session_keeps_channel(void)
{
	struct process *process = session.process;
	uint32_t state = PROCESS_MEMBER;

	if (atomic_load(&process->state) != PROCESS_MEMBER)
		return false;
	if (session_has_channel(atomic_load(&process->channel_fd)))
		return true;
	/* A vfork child has closed but its own. */
	if (atomic_load(&process->pid) == sys_getpid())
		atomic_compare_exchange_strong(&process->state, &state, PROCESS_STRANGER);
	return false;
}

bool session_is_forked(void)
{
	return sys_getpid() != first_pid;
}

bool session_has_family(void)
{
	return session.process != &process_nobody;
}

/* Has the first thread ended, by pthread_exit(3), while others go on? Async-signal-safe. */
static bool has_lost_leader(void)
{
	return atomic_load(&lost_leader) == sys_getpid();
}

/*
 * The signal goes to one thread: one that is sent to the process may end a wait in a thread that lost
 * it. But the first thread may end while others serve, and of those any may come and go.
 */
static void channel_own(int fd)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = sys_getpid() };

	sys_fcntl(fd, F_SETOWN_EX, (long)&owner);
	owner.type = F_OWNER_PID;
	if (has_lost_leader())
		sys_fcntl(fd, F_SETOWN_EX, (long)&owner);
}

/* The destructor of leader_key: of the first thread in pthread_exit(3), not in exit(3). */
static void leader_ends(void *unused)
{
	int fd = atomic_load(&session.process->channel_fd);

	(void)unused;
	is_leader_noted = false;
	if (sys_gettid() != sys_getpid())
		return;
	atomic_store(&lost_leader, sys_getpid());
	if (session_owns(fd))
		channel_own(fd);
}

/* Whoever forks is the first thread of the child; if it was that of its parent, all is as it should be. */
BY_CHILDREN static void leader_note(void)
{
	if (!is_leader_noted)
		is_leader_noted = pthread_setspecific(leader_key, &session) == 0;
}

/* flip itself, where all that is started has the library: its own sockets are none of a service. */
static bool is_launcher(const char *name)
{
	const char *slash = name ? strrchr(name, '/') : NULL;

	return name && strcmp(slash ? slash + 1 : name, "flip") == 0;
}

__attribute__((constructor)) static void session_start(int argc, char **argv, char **environment)
{
	const char *disable = getenv("FLIP_DISABLE");
	int saved = errno;

	first_pid = sys_getpid();
	real_resolve_hot();
	atomic_store(&session.settled, 1);
	atomic_store(&family_nobody.settled, 1);
	atomic_store(&family_nobody.files_own, 1);
	if ((disable && *disable && !flag_is_off(disable)) || is_launcher(argv[0])) {
		real_resolve_all(); /* as below */
		return;
	}
	log_begin();
	channel_from_environment();
	session.bare = session.channel_length == 0;
	/* A program before the server (sh, rm) may touch its files: there the supervisor is asked. */
	atomic_store(&family_nobody.files_own, session.bare);
	atomic_store(&family_nobody.starting, session.generation > 1);
	if (session.bare)
		origin_note(argv, environment);
	pthread_atfork(parent_forks, NULL, child_forked);
	if (pthread_key_create(&leader_key, leader_ends) == 0 && pthread_atfork(NULL, NULL, leader_note) == 0)
		leader_note();
	session.enabled = true;
	library_locate();
	inherit_begin();
	errno = saved;
}

/* What is done once: 0 not yet, or the pid of the process in which a thread is at it, or one of these. */
enum { ONCE_DONE = -1, ONCE_FAILED = -2 };

/*
 * True: the caller is to do it. Else it is over, perhaps by another thread, which is waited for. In a child that was
 * forked while one was at it, that thread is not there.
 */
static bool once_begin(_Atomic int *state)
{
	int pid = sys_getpid(), seen = 0;

	while (!atomic_compare_exchange_strong(state, &seen, pid)) {
		if (seen < 0)
			return false;
		if (seen == pid) {
			sched_yield();
			seen = 0;
		}
	}
	return true;
}

bool session_begin(void)
{
	static _Atomic int state;

	if (!session.enabled || atomic_load(&state) < 0)
		return session.enabled && atomic_load(&state) == ONCE_DONE;
	/*
	 * Now, for else each process that is forked for a connection would do it; and not below, where another thread
	 * waits for us, which may be in a constructor and have the loader's lock.
	 */
	real_resolve_all();
	if (!once_begin(&state))
		return atomic_load(&state) == ONCE_DONE;
	struct process *process = sys_map(sizeof(*process), MAP_PRIVATE);
	struct family *family = sys_map(sizeof(*family), MAP_SHARED);

	if (!process || !family || SYS_CALL(SYS_madvise, process, sizeof(*process), MADV_WIPEONFORK) != 0) {
		log_once("no memory for hot restart; serving on without it", NULL, ENOMEM);
		atomic_store(&state, ONCE_FAILED);
		return false;
	}
	ticks_begin();
	atomic_store(&family->files_own, session.generation <= 1);
	atomic_store(&family->starting, session.generation > 1);
	session.process = process;
	session.family = family;
	atomic_store(&session.settled, 0);
	atomic_store(&state, ONCE_DONE);
	return true;
}

void session_summon(void)
{
	static _Atomic int state;
	int saved = errno;

	if (!session.bare || atomic_load(&state) < 0 || !once_begin(&state))
		return;
	if (session.channel_length == 0 && !origin_summon())
		session_give_up();
	atomic_store(&state, ONCE_DONE);
	errno = saved;
}

/* Says hello and learns who we are, and whether another message follows at once. */
static int greet(int fd, bool *is_told_more)
{
	int fds[PROTOCOL_FDS_MAX];
	unsigned n_fds;
	struct message message;
	int result;

	message_init(&message, MESSAGE_HELLO);
	message.count = 1;
	message.value[0] = (uint64_t)sys_getpid();
	result = transfer_send(fd, &message, NULL, 0);
	if (result == 0)
		result = channel_receive_wait(fd, &message, fds, &n_fds, JOIN_TIMEOUT_MS);
	if (result == 0 && message.type != MESSAGE_WELCOME)
		result = -EPROTO;
	if (result != 0)
		return result;
	*is_told_more = message.flags & MESSAGE_MORE;
	session.generation = (uint32_t)message.value[0];
	signals_take_channel();
	session.alone = message.value[3] & WELCOME_ALONE;
	session.held = message.value[3] & WELCOME_HELD;
	session.waits = message.value[3] & WELCOME_WAITS;
	signals_take_commands((int)message.value[1], (int)message.value[2],
			      message.value[3] & WELCOME_SIGNALS);
	return 0;
}

int session_duplicate(int fd)
{
	int high = sys_fcntl(fd, F_DUPFD_CLOEXEC, SESSION_FD_HIGH);
	struct rlimit limit;

	/* Fewer descriptors than that are allowed, or all from there on are taken: as near to the last as may be. */
	if (high < 0 && SYS_CALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0)
		for (int eighths = 7; high < 0 && eighths >= 0; eighths--)
			high = sys_fcntl(fd, F_DUPFD_CLOEXEC, 3 + ((long)limit.rlim_cur - 3) * eighths / 8);
	return high;
}

/*
 * Moves the descriptor up and makes it raise our signal whenever something arrives. What came before
 * has raised none: our handler looks for it by itself, others are made to. What is known to follow is waited for in
 * the handler: to come back for it costs more than all that is to be done.
 */
static int channel_open(int fd, bool in_handler, bool is_told_more)
{
	int high = session_duplicate(fd);
	uint64_t inode;

	if (high >= 0) {
		sys_close(fd);
		fd = high;
	}
	inode = sys_inode(fd);
	atomic_store(&session.process->channel_inode, inode);
	atomic_store(&session.process->channel_fd, fd);
	atomic_store(&session.channel_inode, inode);
	atomic_store(&session.channel_fd, fd);
	atomic_store(&session.process->pid, sys_getpid());
	atomic_store(&session.is_pooled, atomic_load(&session.family->shared));
	atomic_store(&session.process->state, PROCESS_MEMBER);
	channel_own(fd);
	sys_fcntl(fd, F_SETSIG, SESSION_SIGNAL);
	sys_fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
	if (in_handler && is_told_more)
		(void)sys_poll_wait(fd, POLLIN, FOLLOWS_MS);
	if (in_handler || sys_poll_wait(fd, POLLIN, 0) == 0)
		return 0;
	return sys_signal_thread(sys_getpid(), sys_gettid(), SESSION_SIGNAL, SESSION_MARK);
}

void session_commit(bool watch_on)
{
	atomic_store(&session.family->settled, !watch_on);
	atomic_store(&session.settled, !watch_on);
	atomic_store(&session.family->current, 1);
	sys_wake_all(&session.family->current);
	mute_end();
}

bool session_has_settled(void)
{
	/* Of that family which this process's own word belongs to (session_begin). */
	atomic_thread_fence(memory_order_acquire);
	if (!atomic_load(&session.family->settled))
		return false;
	atomic_store(&session.settled, 1);
	return true;
}

void session_own_files(void)
{
	atomic_store(&session.family->starting, 0);
	atomic_store(&session.family->files_own, 1);
}

bool session_give_up(void)
{
	atomic_store(&session.process->state, PROCESS_ALONE);
	session_commit(false);
	return false;
}

void session_leave(void)
{
	session.enabled = false;
	session.held = false;
	session.waits = false;
	atomic_store(&session.is_pooled, 0);
	atomic_store(&session.settled, 1);
	atomic_store(&family_nobody.starting, 0);
	atomic_store(&family_nobody.files_own, 1);
	channel_close();
	atomic_store(&session.channel_fd, -1);
	session.process = &process_nobody;
	session.family = &family_nobody;
}

static void join_fail(int error)
{
	atomic_store(&session.process->channel_fd, -1); /* a thread that passes answers nobody */
	session_give_up();
	if (atomic_load(&session.family->retired)) {
		orphan_retire();
		return;
	}
	log_once("cannot reach the supervisor (gone, or in another network namespace);"
		 " serving on without hot restart",
		 NULL, -error);
}

bool session_join(bool in_handler)
{
	struct process *process = session.process;
	uint32_t state = PROCESS_STRANGER;
	bool is_told_more = false;
	int fd, result;

	if (session.channel_length == 0 || process == &process_nobody)
		return false;
	(void)session_keeps_channel();
	if (!atomic_compare_exchange_strong(&process->state, &state, PROCESS_JOINING)) {
		/* Who is at it looks in the end for what has come meanwhile. */
		for (int i = 0; !in_handler && i < JOIN_TIMEOUT_MS &&
				atomic_load(&process->state) == PROCESS_JOINING; i++)
			(void)sys_poll_wait(-1, 0, 1);
		return atomic_load(&process->state) == PROCESS_MEMBER;
	}
	child_forked();
	fd = channel_connect();
	result = fd < 0 ? fd : greet(fd, &is_told_more);
	if (result == 0)
		return channel_open(fd, in_handler, is_told_more) == 0;
	if (fd >= 0)
		sys_close(fd);
	join_fail(result);
	return false;
}

static bool send_values(unsigned type, const uint64_t *values, unsigned n)
{
	int fd = atomic_load(&session.process->channel_fd);
	struct message message;

	if (!session_has_channel(fd))
		return false;
	message_init(&message, type);
	message.count = n;
	memcpy(message.value, values, n * sizeof(*values));
	return transfer_send(fd, &message, NULL, 0) == 0;
}

void session_tell_signal(unsigned type, uint64_t value)
{
	(void)send_values(type, &value, 1);
}

bool session_tell_values(unsigned type, const uint64_t *values, unsigned n)
{
	if (!session_join(false))
		return false;
	signals_admit(true);
	return send_values(type, values, n);
}

bool session_tell(unsigned type, uint64_t value)
{
	return session_tell_values(type, &value, 1);
}
