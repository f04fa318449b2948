/* Hooks: how a program comes by its listeners, takes clients from them and ends them. */
#include "blocking.h"
#include "core/address.h"
#include "channel.h"
#include "environment.h"
#include "file.h"
#include "hooks.h"
#include "interrupt.h"
#include "listener.h"
#include "mute.h"
#include "retire.h"
#include "session.h"
#include "sys.h"
#include "waiting.h"

#include <string.h>
#include <sys/ioctl.h>
#include <netinet/in.h>

/*
 * Sockets bound to port 0 lately, until they listen: their address is nobody's wish, so it is not
 * handed on. A few at a time in any program; an old one forgotten is only handed on in vain.
 */
static _Atomic uint64_t ephemeral[64];
static _Atomic uint32_t ephemeral_next;

static void ephemeral_add(uint64_t inode)
{
	atomic_store(&ephemeral[atomic_fetch_add(&ephemeral_next, 1) % 64], inode);
}

static bool ephemeral_has(uint64_t inode)
{
	for (int i = 0; i < 64; i++)
		if (atomic_load(&ephemeral[i]) == inode)
			return true;
	return false;
}

static bool is_internet(int fd, int type, int protocol)
{
	int family = sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN);

	return (family == AF_INET || family == AF_INET6) &&
	       sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE) == type &&
	       sys_getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL) == protocol;
}

static bool is_internet_stream(int fd)
{
	return is_internet(fd, SOCK_STREAM, IPPROTO_TCP) ||
	       is_internet(fd, SOCK_STREAM, IPPROTO_MPTCP);
}

static bool is_stream(int fd)
{
	int type;

	if (is_internet_stream(fd))
		return true;
	type = sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE);
	return (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
	       sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX;
}

/* LISTENER_DATAGRAM and what else is to be noted of such a one; 0: it is none. */
static uint32_t datagram_flags(int fd)
{
	if (is_internet(fd, SOCK_DGRAM, IPPROTO_UDP))
		return LISTENER_DATAGRAM;
	if (sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM &&
	    sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX)
		return LISTENER_DATAGRAM | LISTENER_LOCAL;
	return 0;
}

static bool is_service_kind(int fd)
{
	return is_stream(fd) || datagram_flags(fd);
}

/*
 * Sockets that are put into an epoll set before they are bound, in a generation that is not the
 * current one: a registration is of the socket, not of its number, and would be gone with it when
 * fd becomes a listener. The last few are kept; a program that has made many is past its start.
 */
#define EARLY_KEPT 16
#define EARLY_MAX 256

static struct {
	_Atomic uint64_t inode; /* 0: free, or being written */
	int set;
	struct epoll_event event;
} early[EARLY_KEPT];
static _Atomic uint32_t early_count;

static void early_note(int set, uint64_t inode, const struct epoll_event *event)
{
	uint32_t at = atomic_fetch_add(&early_count, 1) % EARLY_KEPT;

	atomic_store(&early[at].inode, 0);
	early[at].set = set;
	early[at].event = *event;
	atomic_store(&early[at].inode, inode);
}

static void early_forget(int set, uint64_t inode)
{
	for (int i = 0; i < EARLY_KEPT; i++)
		if (atomic_load(&early[i].inode) == inode && early[i].set == set)
			atomic_store(&early[i].inode, 0);
}

/* fd was the socket with this inode. */
static void early_put_back(int fd, uint64_t inode)
{
	for (int i = 0; i < EARLY_KEPT; i++)
		if (atomic_load(&early[i].inode) == inode) {
			sys_epoll_ctl(early[i].set, EPOLL_CTL_ADD, fd, &early[i].event);
			atomic_store(&early[i].inode, 0);
		}
}

static bool is_early(void)
{
	return session_may_claim() && atomic_load(&early_count) < EARLY_MAX;
}

int hook_epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
	struct epoll_event quiet;
	bool is_muted = unlikely(session.waits) && mute_begins(set, operation, fd, event, &quiet);
	bool is_quiet = is_muted || (event && retire_quietens(fd, event, &quiet));
	int result = REAL(epoll_ctl)(set, operation, fd, is_quiet ? &quiet : event);

	if (is_muted)
		mute_done(set, fd, event, result != 0);
	/* libuv aborts if what it has put into the set is not there. */
	if (result != 0 && errno == ENOENT && operation == EPOLL_CTL_MOD && retire_has_changed())
		result = REAL(epoll_ctl)(set, operation, fd, is_quiet ? &quiet : event);
	if (result != 0 || !is_early())
		return result;
	early_forget(set, sys_inode(fd));
	if (operation != EPOLL_CTL_DEL && is_service_kind(fd) && listener_key(fd) == 0)
		early_note(set, sys_inode(fd), event);
	return 0;
}

/* Takes the listener in place of fd: it has fd's number and all that was set on fd. */
static void adopt(int fd, int listener_fd)
{
	struct family *family = session.family;
	int status = sys_fcntl(fd, F_GETFL, 0);
	int flags = sys_fcntl(fd, F_GETFD, 0);
	uint64_t fresh_inode = sys_inode(fd);
	uint32_t kind = datagram_flags(fd);
	struct listener *listener =
		listener_note(sys_inode(listener_fd), LISTENER_CLAIMED | kind);

	if (listener)
		listener_set_blocks(listener, !(status & O_NONBLOCK));
	listener_mark_blocks(listener_fd, !(status & O_NONBLOCK));
	/* haproxy sees that it listens already, and does not call listen(). */
	if (!kind)
		listeners_add_key(&family->listeners, listener_key(listener_fd));
	atomic_store(&family->handed_over, 1);
	session_note_pooled(true);
	/* Before the fresh one goes: what both have joined the machine never leaves. */
	membership_carry(fresh_inode, listener_fd);
	sys_dup3(listener_fd, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
	sys_close(listener_fd);
	early_put_back(fd, fresh_inode);
}

/* A request about a socket at this address. The path's file goes along: names are but names. */
static void bound_init(struct message *request, enum message_type type,
		       const struct sockaddr *address, socklen_t length)
{
	struct file_identity file = file_at(address, length);

	message_init(request, type);
	request->count = length;
	memcpy(request->bound.address, address, length);
	request->bound.device = file.device;
	request->bound.inode = file.inode;
}

/* Asks for the listener of the old generation that has this address. True: fd is it now. */
static bool claim(int fd, const struct sockaddr *address, socklen_t length)
{
	struct message request, reply;
	int listener_fd;

	bound_init(&request, MESSAGE_CLAIM, address, length);
	if (channel_request(&request, &fd, 1, &reply, &listener_fd) != 0 || listener_fd < 0)
		return false;
	if (address_is_path(address, length))
		file_note(sys_inode(listener_fd), file_at(address, length));
	adopt(fd, listener_fd);
	return true;
}

/* Is fd a socket, so far unbound, and the address one, that a listener may have? */
static bool may_become_listener(int fd, const struct sockaddr *address, socklen_t length)
{
	return is_service_kind(fd) && listener_key(fd) == 0 &&
	       length <= sizeof(struct sockaddr_storage) && sys_is_readable(address, length) &&
	       address_is_service(address, length);
}

/* Could fd and address be a listener that is to be had from the supervisor? */
static bool is_claimable(int fd, const struct sockaddr *address, socklen_t length)
{
	/* While the supervisor has the listeners, one that is closed and bound again is there. */
	bool is_held = session_is_pooled() && is_internet_stream(fd);

	return session.channel_length && (session.generation > 1 || is_held) &&
	       may_become_listener(fd, address, length) && session_begin() &&
	       (session_is_new() || is_held);
}

/* Is fd, instead of being bound, what the service has at this address? */
static bool is_provided(int fd, const struct sockaddr *address, socklen_t length)
{
	if (!session.enabled || !address)
		return false;
	if (retire_is_retired() && may_become_listener(fd, address, length) &&
	    retire_bind(fd, address, length))
		return true;
	if (!is_claimable(fd, address, length) || !claim(fd, address, length))
		return false;
	/* It was closed when the process let go of all, or does so just now. */
	if (atomic_load(&session.family->retired) && retire_has_changed())
		retire_let_go_of(fd);
	return true;
}

/*
 * Bound: a stream is heard of when it listens. A socket of datagrams that is bound to a port of its
 * own choice while the program starts is for clients, or one that it listens on, too; later ones are ports that a
 * client, such as a resolver, takes at random. A new generation's Unix socket that it has not got from the old one is its own.
 */
static void note_bound(int fd, const struct sockaddr *address, socklen_t length)
{
	bool is_service = address_is_service(address, length);
	uint32_t flags = is_service ? datagram_flags(fd) : 0;

	if (!is_service && is_stream(fd))
		ephemeral_add(sys_inode(fd));
	if (flags && (session.generation <= 1 || !(flags & LISTENER_LOCAL)) && session_begin() &&
	    (!atomic_load(&session.family->current) ||
	     (!(flags & LISTENER_LOCAL) && listeners_has_key(&session.family->listeners, listener_key(fd)))))
		listener_note(sys_inode(fd), flags);
	else
		flags = 0;
	if (address_is_path(address, length) && (flags || is_stream(fd)))
		file_note(sys_inode(fd), file_at(address, length));
}

int hook_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	bool provided = is_provided(fd, address, length);
	int result = provided ? 0 : REAL(bind)(fd, address, length);

	/* A socket of datagrams listens from here on, and a stream that is provided, for which not each calls listen(). */
	if (result == 0)
		told_forget(fd);
	if (result == 0 && !provided && session.enabled && address)
		note_bound(fd, address, length);
	return result;
}

/*
 * A listener of a client's session (FTP's passive mode) and not of the service: made while the
 * generation serves, on port 0 or, on a port of its own choice, by a process that was forked for that
 * client and has its connection. A worker that was forked late listens where others of the service do.
 */
static bool is_of_session(int fd, bool is_ephemeral)
{
	return atomic_load(&session.family->current) &&
	       (is_ephemeral || (atomic_load(&session.process->state) != PROCESS_MEMBER &&
				 !listeners_has_key(&session.family->listeners, listener_key(fd)) &&
				 retire_count(-1, false) > 0));
}

/* A new listener: the family's table has it, and the supervisor hears of it. */
static void announce(int fd, bool is_ephemeral)
{
	uint64_t inode = sys_inode(fd);
	struct family *family = session.family;
	struct file_identity file = file_of(inode);
	struct listener *listener;

	if (is_of_session(fd, is_ephemeral))
		return;
	listener = listener_note(inode, is_ephemeral ? LISTENER_EPHEMERAL : 0);
	if (!listener)
		return;
	listeners_add_key(&family->listeners, listener_key(fd));
	if (!(atomic_fetch_or(&listener->flags, LISTENER_ANNOUNCED) & LISTENER_ANNOUNCED))
		session_tell_values(MESSAGE_LISTENING,
				    (uint64_t[]){ inode, file.device, file.inode }, 3);
}

int hook_listen(int fd, int backlog)
{
	bool is_ephemeral = session.enabled && listener_key(fd) == 0;
	int result;

	if (retire_inode_behind(fd))
		return 0;
	result = REAL(listen)(fd, backlog);
	if (result != 0 || !session.enabled || !is_stream(fd) || !session_begin())
		return result;
	session_summon();
	environment_hide();
	announce(fd, is_ephemeral || ephemeral_has(sys_inode(fd)));
	told_forget(fd);
	return 0;
}

/* Where a listener was that this process has let go of: servers ask at their end what to unlink. */
int hook_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
	socklen_t room = 0, whole = 0;
	const struct sockaddr_storage *bound = NULL;
	int result;

	if (session_is_emulating() && sys_is_readable(length, sizeof(*length))) {
		room = *length;
		bound = retire_address(fd, &whole);
	}
	result = REAL(getsockname)(fd, address, length);
	/* The kernel has found that it can be written to. */
	if (result == 0 && bound) {
		memcpy(address, bound, room < whole ? room : whole);
		*length = whole;
	}
	return result;
}

static int option_behind(int fd, int level, int name)
{
	return level == SOL_SOCKET && session_is_emulating() ? retire_option(fd, name) : -1;
}

/* What kind of socket that was: perl's Net::Server asks before each accept(). */
int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	int answer = option_behind(fd, level, name);
	int result = REAL(getsockopt)(fd, level, name, value, length);

	/* A handler may have let go of it, or taken it back, in between: it was asked before, and is after. */
	if (result == 0 && answer < 0)
		answer = option_behind(fd, level, name);
	if (result == 0 && answer >= 0)
		memcpy(value, &answer, *length < sizeof(answer) ? *length : sizeof(answer));
	return result;
}

/*
 * Programs probe by connect() whether another instance lives at their Unix socket, and then refuse to start or to
 * unlink it, or whether their port is free. What the old generation has, and this one is about to get, is refused.
 */
static bool knock_is_hidden(int fd, const struct sockaddr *address, socklen_t length)
{
	struct message request, reply;
	int none;

	if (length <= sizeof(sa_family_t) || length > sizeof(struct sockaddr_storage) ||
	    !is_stream(fd) || !sys_is_readable(address, length) || !address_is_service(address, length))
		return false;
	bound_init(&request, MESSAGE_KNOCK, address, length);
	return channel_request(&request, &fd, 1, &reply, &none) == 0 &&
	       reply.value[0] == VERDICT_HIDE;
}

int hook_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (session_is_starting() && !atomic_load(&session.family->current) &&
	    knock_is_hidden(fd, address, length)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return REAL(connect)(fd, address, length);
}

struct accept_call {
	int (*function)(int fd, struct sockaddr *address, socklen_t *length, int flags);
	int fd;
	int flags;
	struct sockaddr *address;
	socklen_t *length;
};

/* libc's own: a tracer or a library beneath us sees the call that the program made. */
static int accept_without_flags(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	(void)flags;
	return REAL(accept)(fd, address, length);
}

static int accept4_itself(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return REAL(accept4)(fd, address, length, flags);
}

/*
 * accept() failed. On a listener that generations share, the description is non-blocking whatever
 * the program wants: a blocking program waits here. If a wait call has just told it 'readable',
 * another generation was quicker: a program that waits by poll(), in this thread or another, must not be
 * parked in accept(), and ECONNABORTED is what accept(2) has for a client that is gone.
 * Returns 0 to try again, or the errno value for the program.
 */
static int accept_failed(int fd, int error)
{
	bool is_placeholder;

	if (error == EINTR && interrupt_state == INTERRUPT_OURS) {
		retire_leave_now();
		return 0;
	}
	if (error == EINTR || !(session_is_emulating() || (error == EAGAIN && listener_learn(fd))))
		return error;
	is_placeholder = retire_inode_behind(fd) != 0;
	/* Only a placeholder says that: the listener has come back since (retire_resume). */
	if (!is_placeholder && error == EOPNOTSUPP && listener_accepts(fd))
		return 0;
	if (!is_placeholder && error != EAGAIN)
		return error;
	if (!listener_blocks(fd))
		return EAGAIN;
	/* On a placeholder as well: the listener may have gone between the wait and this call. */
	if (told_readable(fd)) {
		told_accepted(fd);
		return ECONNABORTED;
	}
	if (told_to_another(fd))
		return ECONNABORTED;
	if (!is_placeholder && blocking_let(fd))
		return 0;
	return blocking_wait(fd);
}

/* Has a wait call said something to this thread, and could it be parked in accept() all the same? */
static inline bool is_told(void)
{
	return unlikely(session_has_blocking() && told.n != 0 &&
			!atomic_load_explicit(&session.family->polls, memory_order_relaxed));
}

/*
 * An accept with all that may be to do around it. `first` says that a plain call has just failed.
 * accept() is accept4() without flags (accept(2)).
 */
static __attribute__((noinline)) int accept_with_care(const volatile struct accept_call *call,
						       bool first)
{
	int saved = errno, error, fd = -1;

	if (!first && session_is_watching()) {
		waiting_on(call->fd);
		error = listener_is_withheld(call->fd) ?
				blocking_trial(call->fd, false, ECONNABORTED) :
				0;
		if (error) {
			errno = error;
			return -1;
		}
	}
	if (!first) {
		if (is_told())
			blocking_note_polls();
		interrupt_clear();
	}
	while (first || (fd = call->function(call->fd, call->address, call->length, call->flags)) < 0) {
		error = accept_failed(call->fd, errno);
		if (error) {
			errno = error;
			return -1;
		}
		first = false;
		interrupt_clear();
	}
	told_accepted(call->fd);
	errno = saved;
	return fd;
}

/*
 * Where no listener has to be played, EAGAIN is what the program is to hear. Asked after the call,
 * for the listener may have become non-blocking (retire_collect) just before it.
 */
static inline bool accept_is_over(int fd, int result)
{
	if (unlikely(result < 0))
		return errno == EAGAIN && !session_has_blocking();
	told_accepted(fd);
	return true;
}

#define ACCEPT_CALL(name, call_function, call_fd, call_address, call_length, call_flags)   \
	/* Volatile: on the stack, and not in registers that each call saves and restores. */  \
	volatile struct accept_call name;                                                      \
	name.function = call_function;                                                         \
	name.fd = call_fd;                                                                     \
	name.flags = call_flags;                                                               \
	name.address = call_address;                                                           \
	name.length = call_length

int hook_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	ACCEPT_CALL(call, accept_without_flags, fd, address, length, 0);
	int result;

	if (interrupt_or_watching() || is_told())
		return accept_with_care(&call, false);
	result = real.accept(fd, address, length);
	return accept_is_over(fd, result) ? result : accept_with_care(&call, true);
}

int hook_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	ACCEPT_CALL(call, accept4_itself, fd, address, length, flags);
	int result;

	if (interrupt_or_watching() || is_told())
		return accept_with_care(&call, false);
	result = real.accept4(fd, address, length, flags);
	return accept_is_over(fd, result) ? result : accept_with_care(&call, true);
}

int hook_shutdown(int fd, int how)
{
	bool is_listener;
	int result;

	if (session_owns(fd)) {
		errno = EBADF;
		return -1;
	}
	is_listener = how != SHUT_WR && (atomic_load(&session.family->shared) || session_is_held()) &&
		      (retire_inode_behind(fd) || listener_accepts(fd));
	if (is_listener && (how == SHUT_RD || how == SHUT_RDWR) && atomic_load(&session.family->shared)) {
		retire_shut(fd);
		return 0;
	}
	result = REAL(shutdown)(fd, how);
	if (is_listener && result == 0 && session_is_held())
		session_tell(MESSAGE_CLOSED, 0);
	return result;
}

/*
 * O_NONBLOCK of a listener that was handed over: the kernel's stays set, and this generation's own is kept
 * in the table. It may be handed over in this very moment, by our signal or another thread: the program's
 * word is the last one, and what was done the plain way is done again.
 */
struct status {
	bool may_be_foreign, is_emulated;
	struct listener *listener;
};

/* Is the kernel's to be set? */
static bool status_begin(struct status *status, int fd, bool nonblocking)
{
	bool is_emulating = session_is_emulating();

	status->may_be_foreign = !is_emulating && listener_may_be_foreign(fd);
	if (status->may_be_foreign && !nonblocking)
		listener_note_said(fd, true); /* a mark is its own then */
	status->is_emulated = is_emulating || (status->may_be_foreign && listener_learn(fd));
	status->listener = status->is_emulated && (!nonblocking || atomic_load(&session.family->blocking)) ?
				   listener_behind(fd) :
				   NULL;
	return nonblocking || status->listener;
}

/* True: once more. */
static bool status_end(const struct status *status, int fd, bool nonblocking, int result)
{
	if (result >= 0 && status->listener) {
		listener_set_blocks(status->listener, !nonblocking);
		listener_mark_blocks(fd, !nonblocking);
	} else if (result >= 0 && status->may_be_foreign && !status->is_emulated && nonblocking) {
		listener_note_said(fd, false);
	}
	return !status->is_emulated && atomic_load(&session.family->handed_over);
}

static int set_flags(int (*call)(int, int, ...), int fd, int flags)
{
	bool nonblocking = flags & O_NONBLOCK;
	struct status status;
	int result;

	do {
		bool kernels = status_begin(&status, fd, nonblocking);

		result = call(fd, F_SETFL, kernels ? flags | O_NONBLOCK : flags);
	} while (status_end(&status, fd, nonblocking, result));
	return result;
}

static int fcntl_with(int (*call)(int, int, ...), int fd, int command, void *argument)
{
	int result;

	if (session_owns(fd)) {
		errno = EBADF;
		return -1;
	}
	if (command == F_SETFL)
		return set_flags(call, fd, (int)(intptr_t)argument);
	result = call(fd, command, argument);
	if (command == F_GETFL && result >= 0 && result & (O_NONBLOCK | LISTENER_BLOCKS) &&
	    (session_is_emulating() || listener_learn(fd)) && listener_blocks(fd))
		result &= ~(O_NONBLOCK | LISTENER_BLOCKS);
	return result;
}

int hook_fcntl(int fd, int command, void *argument)
{
	return fcntl_with(REAL(fcntl), fd, command, argument);
}

int hook_fcntl64(int fd, int command, void *argument)
{
	return fcntl_with(REAL(fcntl64), fd, command, argument);
}

int hook_ioctl(int fd, unsigned long request, void *argument)
{
	int result, on;
	struct status status;
	bool nonblocking;

	if (request == FIONBIO && !session_is_emulating() && !listener_may_be_foreign(fd)) {
		result = REAL(ioctl)(fd, request, argument);
		if (result < 0 || !atomic_load(&session.family->handed_over))
			return result;
	}
	if (request != FIONBIO || !sys_is_readable(argument, sizeof(on)))
		return REAL(ioctl)(fd, request, argument);
	nonblocking = *(int *)argument;
	do {
		on = status_begin(&status, fd, nonblocking);
		result = REAL(ioctl)(fd, request, &on);
	} while (status_end(&status, fd, nonblocking, result));
	return result;
}
