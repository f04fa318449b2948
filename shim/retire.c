#include "retire.h"

#include "channel.h"
#include "core/address.h"
#include "core/procfs.h"
#include "listener.h"
#include "registration.h"
#include "session.h"
#include "synchronous.h"
#include "sys.h"
#include "transfer.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* Address space only: pages are taken when they are written to. */
#define HELD_MAX 16384
#define SAVED_MAX 65536
/* One for each thread, mostly. Where a process has more of them, the others go on. */
#define RINGS_MAX 64
/* Most processes have no more listeners than that, and no need for a map of their own. */
#define HELD_FEW 4

/* A program whose threads close listeners all the time is asked again; then the hand-over fails. */
#define COLLECT_TRIES_MAX 20

struct held { /* a descriptor of a listener */
	int fd;
	int sender_fd;	/* of datagrams: the real one, for what is still owed; or -1 */
	int timeout_ms; /* its SO_RCVTIMEO; -1: none */
	int type;	/* SOCK_STREAM ... */
	int protocol;	/* IPPROTO_TCP ... */
	uint64_t inode;
	socklen_t length;
	struct sockaddr_storage address; /* where it is bound */
};

static struct held few[HELD_FEW];

static struct {
	struct held *held; /* few, or a map */
	unsigned n_held;
	struct registration *saved; /* of those, in epoll sets */
	unsigned n_saved;
	int proc_fd;
	unsigned n_threads; /* of this process, when they were last asked to look up */
	bool has_others; /* open sockets that are no listeners, when they were last let go of */
	bool is_wanted; /* told to retire, done or not */
	bool is_alone;	/* in place: nobody else reads meanwhile */
	int spare_fd;	/* a placeholder of our own, for retire_bind() */
	/* Inherited by children together with the placeholders themselves. 0: never retired. */
	_Atomic uint64_t placeholder_inode;
	_Atomic int changing_pid; /* the process whose registrations are taken out, and not put back yet; or another, or 0 */
} retire = { .held = few };

static struct {
	uint64_t inodes[PROTOCOL_FDS_MAX]; /* of listeners that are not let go of */
	unsigned n;
} kept;

static struct {
	int fds[RINGS_MAX]; /* of io_uring(7), when this process was last looked through */
	unsigned n;
} rings;

static void retire_prepare(int proc_fd)
{
	retire.proc_fd = proc_fd;
	retire.n_saved = 0;
}

/* False: no memory. */
static bool held_make_room(void)
{
	struct held *many;

	if (retire.n_held < HELD_FEW || retire.held != few)
		return true;
	many = sys_map(HELD_MAX * sizeof(*many), MAP_PRIVATE | MAP_NORESERVE);
	if (!many)
		return false;
	memcpy(many, few, sizeof(few));
	retire.held = many;
	return true;
}

static bool saved_make_room(void)
{
	if (!retire.saved)
		retire.saved = sys_map(SAVED_MAX * sizeof(*retire.saved), MAP_PRIVATE | MAP_NORESERVE);
	return retire.saved;
}

static int timeout_of(int fd)
{
	struct timeval timeout = { 0 };
	socklen_t length = sizeof(timeout);

	(void)SYS_CALL(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length);
	if ((!timeout.tv_sec && !timeout.tv_usec) || timeout.tv_sec >= INT32_MAX / 1000)
		return -1;
	return (int)(timeout.tv_sec * 1000 + (timeout.tv_usec + 999) / 1000);
}

typedef bool (*registration_action)(const struct registration *registration, void *unused);

struct look {
	bool for_listeners;	    /* into retire.held */
	registration_action action; /* for each of an epoll set; NULL: none */
	bool has_others;	    /* sockets that are no listeners, our own apart */
	int error;		    /* 0, or a negative errno value: no descriptor to look with, or no memory */
};

static bool is_kept(uint64_t inode)
{
	for (unsigned i = 0; i < kept.n; i++)
		if (kept.inodes[i] == inode)
			return true;
	return false;
}

static bool is_to_go(uint64_t inode)
{
	return listeners_find(&session.family->listeners, inode) && !is_kept(inode);
}

static void hold_if_listener(int fd, bool accepts, struct look *look)
{
	uint64_t inode = accepts || listener_is_datagram(fd) ? sys_inode(fd) : 0;
	struct held *held;

	if (!is_to_go(inode)) {
		look->has_others |= !session_owns(fd);
		return;
	}
	if (!held_make_room())
		look->error = -ENOMEM;
	if (look->error || retire.n_held == HELD_MAX)
		return;
	held = &retire.held[retire.n_held];
	*held = (struct held){
		.fd = fd, .sender_fd = -1, .timeout_ms = timeout_of(fd), .inode = inode,
		.type = sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE),
		.protocol = sys_getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL), .length = sizeof(held->address),
	};
	(void)SYS_CALL(SYS_getsockname, fd, &held->address, &held->length);
	retire.n_held++;
}

static bool look_at(int fd, void *argument)
{
	struct look *look = argument;
	int accepts = sys_getsockopt_int(fd, SOL_SOCKET, SO_ACCEPTCONN);
	enum descriptor_kind kind;
	int error;

	/* No question here may reach a file system (fstat() does), which might not answer. */
	if (accepts >= 0 && look->for_listeners)
		hold_if_listener(fd, accepts, look);
	if (accepts != -ENOTSOCK || !look->action)
		return !look->error;
	kind = descriptor_kind(retire.proc_fd, fd);
	if (kind == DESCRIPTOR_RING && rings.n < RINGS_MAX)
		rings.fds[rings.n++] = fd;
	if (kind != DESCRIPTOR_EPOLL)
		return true;
	error = saved_make_room() ? registration_each(retire.proc_fd, fd, look->action, NULL) : -ENOMEM;
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM) /* else just closed */
		look->error = error;
	return !look->error;
}

/*
 * What this process has open right now: which of it are listeners, and what its epoll sets hold. 0, or a
 * negative errno value: no descriptor is left to ask with, or no memory.
 */
static int look_through(bool for_listeners, registration_action action)
{
	struct look look = { .for_listeners = for_listeners, .action = action };
	int error;

	if (for_listeners)
		retire.n_held = 0;
	rings.n = 0;
	error = descriptor_each(retire.proc_fd, look_at, &look);
	if (error || look.error)
		return error ? error : look.error;
	if (for_listeners)
		retire.has_others = look.has_others;
	return 0;
}

/* Another thread may have closed it since it was looked for, and something else may have its number. */
static bool is_there(const struct held *held)
{
	return sys_inode(held->fd) == held->inode;
}

/* The program may have closed that as well, and have something else there. */
static int sender_of(const struct held *held)
{
	return held->sender_fd >= 0 && sys_inode(held->sender_fd) == held->inode ? held->sender_fd : -1;
}

/* Was this inode among the ones before? A listener under several numbers is sent once. */
static bool is_repeated(unsigned at)
{
	for (unsigned i = 0; i < at && i < 64; i++)
		if (retire.held[i].inode == retire.held[at].inode)
			return true;
	return false;
}

static void answer(int channel_fd, enum message_type type, uint32_t flags, uint64_t value,
		   uint32_t count)
{
	struct message message;

	if (!session_has_channel(channel_fd))
		return;
	message_init(&message, type);
	message.flags = flags;
	message.count = count;
	message.value[0] = value;
	(void)transfer_send(channel_fd, &message, NULL, 0);
}

/* 0, or a negative errno value. -EBADF: another thread has closed one of them since they were looked for. */
static int send_held(int channel_fd)
{
	struct message message;
	int fds[PROTOCOL_FDS_MAX];
	int result;

	message_init(&message, MESSAGE_LISTENERS);
	for (unsigned i = 0; i < retire.n_held; i++) {
		const struct held *held = &retire.held[i];
		struct listener *entry = listeners_find(&session.family->listeners, held->inode);

		if (is_repeated(i))
			continue;
		if (!is_there(held))
			return -EBADF;
		listener_share(entry, held->fd);
		if (message.count == PROTOCOL_FDS_MAX) {
			message.flags = MESSAGE_MORE;
			result = transfer_send(channel_fd, &message, fds, message.count);
			if (result != 0)
				return result;
			message.count = 0;
		}
		message.value[message.count] =
			held->inode |
			(atomic_load(&entry->flags) & LISTENER_EPHEMERAL ? PROTOCOL_EPHEMERAL : 0);
		fds[message.count++] = held->fd;
	}
	message.flags = 0;
	return transfer_send(channel_fd, &message, fds, message.count);
}

void retire_keep(const uint64_t *inodes, unsigned n)
{
	memcpy(kept.inodes, inodes, n * sizeof(*inodes));
	kept.n = n;
}

void retire_collect(int channel_fd, int proc_fd)
{
	int result = -EBADF;

	kept.n = 0;
	atomic_store(&session.family->sole, 0);
	/* From here on: what is closed and bound again by another thread may have been sent already. */
	atomic_store(&session.family->handed_over, 1);
	session_note_pooled(true);
	atomic_store(&session.family->files_own, 0);
	retire_prepare(proc_fd);
	for (int tries = 0; tries < COLLECT_TRIES_MAX && result == -EBADF; tries++) {
		/* What letting go will need is made sure of before anything has begun. */
		result = saved_make_room() ? look_through(true, NULL) : -ENOMEM;
		if (result == 0)
			result = send_held(channel_fd);
	}
	if (result != 0)
		answer(channel_fd, MESSAGE_UNABLE, 0, (uint64_t)-result, 1);
}

/* Registrations of listeners: taken out here, put back for whatever has their number then. */

static bool take_registration(const struct registration *registration, void *unused)
{
	struct registration *saved = &retire.saved[retire.n_saved];
	uint64_t inode;

	(void)unused;
	/* A number that was reused since is no way to reach a registration: leave that alone. */
	if (retire.n_saved == SAVED_MAX || !is_to_go(registration->inode) ||
	    !listener_of(registration->fd, &inode) || inode != registration->inode)
		return true;
	if (sys_epoll_ctl(registration->set, EPOLL_CTL_DEL, registration->fd, NULL) == 0) {
		*saved = *registration;
		retire.n_saved++;
	}
	return true;
}

static bool take_placeholder(const struct registration *registration, void *unused)
{
	(void)unused;
	if (retire.n_saved == SAVED_MAX ||
	    registration->inode != atomic_load(&retire.placeholder_inode))
		return true;
	if (sys_epoll_ctl(registration->set, EPOLL_CTL_DEL, registration->fd, NULL) == 0)
		retire.saved[retire.n_saved++] = *registration;
	return true;
}

/*
 * Where nobody else reads, a socket of datagrams stays: an answer that is owed may leave by a system
 * call of the program's own (libuv's does), which no hook sees. It is only told of no more of them.
 */
static bool stays(const struct held *held)
{
	return retire.is_alone && held->type == SOCK_DGRAM;
}

bool retire_quietens(int fd, const struct epoll_event *event, struct epoll_event *quiet)
{
	if (!retire.is_alone)
		return false;
	for (unsigned i = 0; i < retire.n_held; i++)
		if (retire.held[i].fd == fd && stays(&retire.held[i])) {
			*quiet = *event;
			quiet->events &= ~(uint32_t)(EPOLLIN | EPOLLRDNORM);
			return true;
		}
	return false;
}

static void put_registrations(uint32_t events_without)
{
	for (unsigned i = 0; i < retire.n_saved; i++) {
		const struct registration *saved = &retire.saved[i];
		struct epoll_event event = { .events = saved->events };

		if (!retire_quietens(saved->fd, &event, &event))
			event.events &= ~events_without;
		event.data.u64 = saved->data;
		sys_epoll_ctl(saved->set, EPOLL_CTL_ADD, saved->fd, &event);
	}
}

/* Gives the number fd to what `replacement` refers to, close-on-exec or not as it was. */
static void put_at(int replacement, int fd)
{
	int flags = sys_fcntl(fd, F_GETFD, 0);

	sys_dup3(replacement, fd, flags > 0 && flags & FD_CLOEXEC ? O_CLOEXEC : 0);
}

static bool spare_is_there(void)
{
	uint64_t inode = atomic_load(&retire.placeholder_inode);

	return inode && sys_inode(retire.spare_fd) == inode;
}

/* A listener to which every way is closed: a filter drops what would open a connection. */
static int make_idle_listener(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &drop };
	int fd = sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && SYS_CALL(SYS_setsockopt, fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0 &&
	    SYS_CALL(SYS_bind, fd, &address, sizeof(address)) == 0 && SYS_CALL(SYS_listen, fd, 0) == 0)
		return fd;
	if (fd >= 0)
		sys_close(fd);
	return -1;
}

/*
 * Silent: an unbound datagram socket is never readable and nobody can reach it. accept() on it says EOPNOTSUPP,
 * which the hook turns into what an idle listener does. Where there is no hook, in a ring, it has to be one.
 */
static int make_placeholder(void)
{
	int fd = rings.n ? make_idle_listener() : -1;

	return fd >= 0 ? fd : sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/*
 * A request that waits in a ring holds the socket, not its number: it ends with ECANCELED, and what the program
 * asks for next finds what is at the number by then. (Linux 6.0; not of a ring that is another thread's alone,
 * IORING_SETUP_SINGLE_ISSUER, and not of a registered file.)
 */
static void rings_cancel(int socket_fd)
{
	struct { /* struct io_uring_sync_cancel_reg */
		uint64_t data;
		int32_t fd;
		uint32_t flags;
		int64_t seconds, nanoseconds;
		uint64_t padding[4];
	} cancel = {
		.fd = socket_fd,
		.flags = 3, /* IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD */
	};

	for (unsigned i = 0; i < rings.n && socket_fd >= 0; i++)
		SYS_CALL(SYS_io_uring_register, rings.fds[i], 24 /* IORING_REGISTER_SYNC_CANCEL */, &cancel, 1);
}

static bool put_placeholders(void)
{
	int placeholder = make_placeholder(), listener_fd;

	if (placeholder < 0)
		return false;
	sys_setsockopt_int(placeholder, SOL_SOCKET, SO_RCVLOWAT, PLACEHOLDER_MARK);
	atomic_store(&retire.placeholder_inode, sys_inode(placeholder));
	retire.spare_fd = session_duplicate(placeholder);
	for (unsigned i = 0; i < retire.n_held; i++) {
		struct held *held = &retire.held[i];

		if (stays(held) || !is_there(held))
			continue;
		if (!listener_accepts(held->fd))
			held->sender_fd = session_duplicate(held->fd);
		/* Of one that was not asked for it, it is still to be noted whether it blocks. */
		listener_share(listeners_find(&session.family->listeners, held->inode), held->fd);
		listener_fd = rings.n ? session_duplicate(held->fd) : -1;
		put_at(placeholder, held->fd);
		if (listener_fd >= 0) {
			rings_cancel(listener_fd);
			sys_close(listener_fd);
		}
	}
	sys_close(placeholder);
	return true;
}

/* Threads that may be inside a call on a listener: these have to look up once. */

static bool is_call_on_listeners(long number)
{
	switch (number) {
	case SYS_accept:
	case SYS_accept4:
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_select
	case SYS_select:
#endif
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
		return true;
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_read:
	case SYS_readv:
		return atomic_load(&session.family->datagrams) != 0;
	}
	/* Running, or not to be known: it may be about to leave accept() with a client. */
	return number == -2 || number == -3;
}

static bool wake_thread(int tid, void *epoch)
{
	struct process *process = session.process;

	retire.n_threads++;
	if (tid == sys_gettid() || !is_call_on_listeners(task_call(retire.proc_fd, tid)))
		return true;
	atomic_fetch_add(&process->threads_due, 1);
	if (sys_signal_thread(sys_getpid(), tid, SESSION_SIGNAL, SESSION_MARK | *(uint32_t *)epoch) < 0)
		atomic_fetch_sub(&process->threads_due, 1); /* it has ended meanwhile */
	return true;
}

static void threads_wake(void)
{
	uint32_t epoch = atomic_fetch_add(&session.process->epoch, 1) + 1;

	/* One too many, so that nobody answers before the last one is asked. */
	atomic_store(&session.process->threads_due, 1);
	retire.n_threads = 0;
	task_each(retire.proc_fd, wake_thread, &epoch);
	retire_thread_passed(epoch);
}

static void answer_passed(int channel_fd)
{
	/* Alone, it has taken no client since it looked; but the kernel may have, for a ring of its. */
	bool has_none = !retire.has_others && retire.n_threads == 1 && !rings.n;

	if (retire_is_retired())
		answer(channel_fd, MESSAGE_RETIRED, has_none ? MESSAGE_MORE : 0, 0, 1);
	else
		answer(channel_fd, MESSAGE_RESUMED, 0, 0, 0);
}

void retire_thread_passed(uint32_t epoch)
{
	struct process *process = session.process;

	if (epoch != atomic_load(&process->epoch))
		return;
	if (atomic_fetch_sub(&process->threads_due, 1) == 1 && !atomic_load(&process->leaving))
		answer_passed(atomic_load(&process->channel_fd));
}

/* All of it, or nothing: a registration that stayed would fire for ever. */
static bool let_go(void)
{
	bool done;

	atomic_store(&session.family->handed_over, 1);
	atomic_store(&session.family->files_own, 0);
	done = look_through(true, take_registration) == 0 && put_placeholders();
	/* The placeholder is always writable. */
	put_registrations(done ? EPOLLOUT : 0);
	return done;
}

void retire_begin(int channel_fd, int proc_fd, bool is_alone)
{
	bool is_gone;

	/* Who joins only now was not told that its generation is the current one. */
	if (!atomic_load(&session.family->current))
		session_commit(false);
	atomic_store(&retire.changing_pid, sys_getpid()); /* who sees that it is to let go waits until it has */
	atomic_store(&session.family->retired, 1);
	retire_prepare(proc_fd);
	retire.is_wanted = true;
	retire.is_alone = is_alone;
	retire.has_others |= retire_is_retired(); /* for all that we know by now */
	is_gone = retire_is_retired() || let_go();
	atomic_store(&retire.changing_pid, 0);
	if (is_gone)
		threads_wake();
}

static int listener_with(uint64_t inode, const int *listeners, const uint64_t *inodes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (inodes[i] == inode)
			return listeners[i];
	return -1;
}

void retire_resume(int proc_fd, const int *listeners, const uint64_t *inodes,
		   unsigned n, bool more)
{
	retire_prepare(proc_fd);
	retire.is_wanted = false;
	atomic_store(&retire.changing_pid, sys_getpid());
	/* The program may have deleted or changed registrations since: as they are now, so back. */
	look_through(false, take_placeholder);
	for (unsigned i = 0; i < retire.n_held; i++) {
		int listener_fd = listener_with(retire.held[i].inode, listeners, inodes, n);

		if (listener_fd < 0)
			continue;
		if (retire_inode_behind(retire.held[i].fd))
			put_at(listener_fd, retire.held[i].fd);
		if (sender_of(&retire.held[i]) >= 0)
			sys_close(retire.held[i].sender_fd);
		retire.held[i].sender_fd = -1;
	}
	put_registrations(0);
	if (!more && spare_is_there()) {
		rings_cancel(retire.spare_fd);
		sys_close(retire.spare_fd);
	}
	atomic_store(&retire.changing_pid, 0);
	/* More listeners than fit one message: the last one clears the state. */
	if (!more) {
		atomic_store(&retire.placeholder_inode, 0);
		atomic_store(&session.family->retired, 0);
	}
	threads_wake();
}

static bool rearm_registration(const struct registration *registration, void *unused)
{
	struct epoll_event event = { .events = registration->events };
	uint64_t inode;

	(void)unused;
	event.data.u64 = registration->data;
	if (!(registration->events & EPOLLIN) || !listener_of(registration->fd, &inode) ||
	    inode != registration->inode)
		return true;
	/* Changing an entry makes the kernel look at it; an exclusive one cannot be changed. */
	if (registration->events & EPOLLEXCLUSIVE) {
		sys_epoll_ctl(registration->set, EPOLL_CTL_DEL, registration->fd, NULL);
		sys_epoll_ctl(registration->set, EPOLL_CTL_ADD, registration->fd, &event);
	} else {
		sys_epoll_ctl(registration->set, EPOLL_CTL_MOD, registration->fd, &event);
	}
	return true;
}

void retire_rearm(int proc_fd)
{
	retire_prepare(proc_fd);
	look_through(false, rearm_registration);
}

/* Connections, while draining. */

struct count {
	bool all;
	uint64_t open;
};

/* The connection seen last: while it lives there is nothing more to ask. */
static struct {
	int fd;
	uint64_t inode;
} witness;

/*
 * Processes of one server that talk with each other by its Unix listeners would keep each other
 * alive. What they have in common is the process group that the supervisor started them in; the one
 * of a server that was started without it may be anybody's.
 */
static bool is_from_within(int fd, const struct sockaddr_storage *address)
{
	pid_t peer = address->ss_family == AF_UNIX && !session.bare ? sys_peer(fd) : 0;

	return peer > 0 && sys_getpgid(peer) == sys_getpgid(0);
}

static bool is_connection(int fd)
{
	struct sockaddr_storage address, peer;
	int type = sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE);

	/* A connection that was accepted from a Unix listener bears that one's name. */
	return (type == SOCK_STREAM || type == SOCK_SEQPACKET) && !session_owns(fd) &&
	       sys_getsockname(fd, &address) == 0 &&
	       listeners_has_key(&session.family->listeners, address_key(&address)) &&
	       sys_getpeername(fd, &peer) == 0 && !is_from_within(fd, &address);
}

static bool count_connection(int fd, void *argument)
{
	struct count *count = argument;

	if (!is_connection(fd))
		return true;
	witness.fd = fd;
	witness.inode = sys_inode(fd);
	count->open++;
	return count->all;
}

uint64_t retire_count(int proc_fd, bool count_all)
{
	struct count count = { .all = count_all };

	if (!count_all && witness.inode && sys_inode(witness.fd) == witness.inode &&
	    is_connection(witness.fd))
		return 1;
	/* Where they cannot be looked through there are some: all descriptors are taken. */
	return descriptor_each(proc_fd, count_connection, &count) == 0 ? count.open : 1;
}

void retire_probe(int channel_fd, int proc_fd, bool count_all)
{
	uint64_t open;

	if (retire.is_wanted && !retire_is_retired())
		retire_begin(channel_fd, proc_fd, retire.is_alone);
	open = retire_count(proc_fd, count_all);
	/* Still taking clients, it has not drained. */
	if (open == 0 && retire.is_wanted && !retire_is_retired())
		open = 1;
	answer(channel_fd, MESSAGE_CONNECTIONS, 0, open, 1);
}

/* The end. */

static bool count_task(int tid, void *n)
{
	(void)tid;
	return ++*(unsigned *)n < 2;
}

/*
 * exit() runs what a program does at its end (a file that it removes, what it has not written yet), as the signal
 * would not. Beside other threads, who go on meanwhile, it is not safe to run where the program has not asked for
 * it: static objects that they use are destroyed.
 */
static bool has_other_threads(int proc_fd)
{
	unsigned n = 0;

	return task_each(proc_fd, count_task, &n) != 0 || n != 1;
}

bool retire_end(int proc_fd, int stop_signal)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)sigaction(stop_signal, NULL, &action);
	if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
		return false;
	/* One that takes the signal by sigwait(): that is its way to end. */
	if (synchronous_has(stop_signal) || (action.sa_handler == SIG_DFL && has_other_threads(proc_fd)))
		return false;
	atomic_store(&session.process->leaving, 1);
	return true;
}

void retire_leave(int channel_fd, int proc_fd, int stop_signal)
{
	bool ends_itself = retire_end(proc_fd, stop_signal);

	if (!ends_itself)
		atomic_store(&session.process->ending, 1);
	answer(channel_fd, MESSAGE_LEAVING, 0, ends_itself, 1);
}

void retire_leave_now(void)
{
	if (unlikely(atomic_load(&session.process->leaving)) && sys_gettid() == sys_getpid())
		exit(EXIT_SUCCESS);
}

/* A child that another thread has forked meanwhile is not. */
static bool is_changing(void)
{
	int pid = atomic_load(&retire.changing_pid);

	return pid && pid == sys_getpid();
}

bool retire_has_changed(void)
{
	bool was_changing = is_changing();

	for (int i = 0; i < 1000 && is_changing(); i++)
		(void)sys_poll_wait(-1, 0, 1);
	return was_changing || retire_is_retired();
}

bool retire_is_retired(void)
{
	return atomic_load(&retire.placeholder_inode) != 0;
}

/* What the placeholder fd stands for; NULL if it is none. */
BY_CHILDREN static const struct held *held_behind(int fd)
{
	uint64_t placeholder = atomic_load(&retire.placeholder_inode);
	bool is = placeholder && fd != retire.spare_fd && sys_inode(fd) == placeholder;

	for (unsigned i = 0; is && i < retire.n_held; i++)
		if (retire.held[i].fd == fd)
			return &retire.held[i];
	/* A copy under a number that the program made since: as the first one. */
	return is && retire.n_held ? &retire.held[0] : NULL;
}

static struct held *held_at(const struct sockaddr *address, int type)
{
	for (unsigned i = 0; i < retire.n_held; i++)
		if (retire.held[i].type == type &&
		    address_equal((struct sockaddr *)&retire.held[i].address, address))
			return &retire.held[i];
	return NULL;
}

bool retire_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_storage wanted = { 0 };
	struct held *held;

	memcpy(&wanted, address, length);
	held = held_at((struct sockaddr *)&wanted, sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE));
	if (!held || !spare_is_there())
		return false;
	put_at(retire.spare_fd, fd);
	if (!held_behind(held->fd))
		held->fd = fd;
	return true;
}

void retire_let_go_of(int fd)
{
	struct look look = { .for_listeners = true };

	if (!spare_is_there() || held_behind(fd))
		return;
	hold_if_listener(fd, listener_accepts(fd), &look);
	put_at(retire.spare_fd, fd);
}

/* That is a socket that neither listens nor is connected: EINVAL of accept(), POLLHUP of poll(). */
void retire_shut(int fd)
{
	int closed = retire_inode_behind(fd) ? sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC) : -1;

	if (closed < 0)
		return;
	put_at(closed, fd);
	sys_close(closed);
	retire.proc_fd = -1;
	threads_wake();
}

void retire_forget(void)
{
	if (spare_is_there())
		sys_close(retire.spare_fd);
	retire.is_alone = false;
	atomic_store(&retire.placeholder_inode, 0);
}

uint64_t retire_inode_behind(int fd)
{
	const struct held *held = held_behind(fd);

	return held ? held->inode : 0;
}

const struct sockaddr_storage *retire_address(int fd, socklen_t *length)
{
	const struct held *held = held_behind(fd);

	if (held)
		*length = held->length;
	return held ? &held->address : NULL;
}

int retire_option(int fd, int name)
{
	const struct held *held;

	/* The others, often asked of connections, cost nothing. */
	if (name != SO_TYPE && name != SO_DOMAIN && name != SO_PROTOCOL && name != SO_ACCEPTCONN)
		return -1;
	held = held_behind(fd);
	if (!held)
		return -1;
	return name == SO_TYPE	   ? held->type :
	       name == SO_DOMAIN   ? held->address.ss_family :
	       name == SO_PROTOCOL ? held->protocol :
				     held->type != SOCK_DGRAM;
}

int retire_sender(int fd)
{
	const struct held *held = held_behind(fd);

	return held ? sender_of(held) : -1;
}

int retire_timeout_ms(int fd)
{
	const struct held *held = held_behind(fd);

	return held ? held->timeout_ms : timeout_of(fd);
}
