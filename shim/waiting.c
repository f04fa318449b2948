#include "waiting.h"

#include "core/protocol.h"
#include "environment.h"
#include "file.h"
#include "listener.h"
#include "registration.h"
#include "session.h"
#include "sys.h"

#include <string.h>

/* So deep do sets lie in each other that are looked into: each takes 4 KiB of somebody else's stack. */
#define NESTS_MAX 2

__thread struct told told;
_Atomic bool told_has_threads;

/* What threads were told by poll() or select(), and no accept() has been made of since: a bit a descriptor. */
#define TOLD_FDS 1024
static _Atomic uint64_t told_to_any[TOLD_FDS / 64];
/* What this one was told, where that is more than fits. */
static __thread uint64_t told_many[TOLD_FDS / 64] __attribute__((tls_model("initial-exec")));

/* One that the program waits on is a listener of the service, however it came by it. */
static void report(uint64_t inode)
{
	/* It may be the first that this process has to do with: one that was sent to it. */
	struct listener *listener =
		session.enabled && session_begin() ? listener_note(inode, 0) : NULL;
	struct file_identity file;

	if (!listener || atomic_fetch_or(&listener->flags, LISTENER_WAITED) & LISTENER_WAITED)
		return;
	/* One that never calls listen(): of datagrams, or inherited. */
	session_summon();
	environment_hide();
	/* Of one that never called listen() its file is told now, too. */
	file = atomic_load(&listener->flags) & LISTENER_DATAGRAM ? file_of(inode) : (struct file_identity){ 0 };
	/* If it is lost, on a machine that is very busy, the next wait says it again. */
	if (!session_tell_values(MESSAGE_WAITING, (uint64_t[]){ inode, file.device, file.inode },
				 file.inode ? 3 : 1))
		atomic_fetch_and(&listener->flags, ~(uint32_t)LISTENER_WAITED);
}

void waiting_on(int fd)
{
	if (listener_is(fd))
		report(sys_inode(fd));
}

/* A set, and those that lie in it. */
struct nest {
	int depth;
	uint64_t inode; /* of all sets, and of other files that have no name */
};

static int look_into_set(int set, int depth);

static bool report_registration(const struct registration *registration, void *argument)
{
	const struct nest *nest = argument;
	int fd = registration->fd;

	if (!(registration->events & EPOLLIN))
		return true;
	/* Most are connections; the number still names the socket unless it was reused. */
	if (registration->inode == nest->inode && nest->depth < NESTS_MAX &&
	    descriptor_kind(-1, fd) == DESCRIPTOR_EPOLL)
		look_into_set(fd, nest->depth + 1);
	else if (listener_is(fd) && sys_inode(fd) == registration->inode)
		report(registration->inode);
	return true;
}

static int look_into_set(int set, int depth)
{
	struct nest nest = { depth, sys_inode(set) };

	return registration_each(-1, set, report_registration, &nest);
}

void waiting_on_epoll(int set)
{
	/* Without a /proc, after chroot(), the supervisor is to look: at this set, not at those that lie in it. */
	if (look_into_set(set, 0) != 0)
		session_tell(MESSAGE_WAITING_SET, (uint64_t)set);
}

static bool has_name(int fd)
{
	struct stat status;

	return sys_fstat(fd, &status) != 0 || status.st_mode & S_IFMT;
}

static void polling_on(int fd)
{
	if (listener_is(fd))
		report(sys_inode(fd));
	else if (!has_name(fd) && descriptor_kind(-1, fd) == DESCRIPTOR_EPOLL)
		look_into_set(fd, 0);
}

void waiting_on_poll(const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd >= 0 && fds[i].events & (POLLIN | POLLRDNORM))
			polling_on(fds[i].fd);
}

/* Of an fd_set, which is read as the kernel reads it: by whole words (select(2)). */
#define WORD_BITS ((int)(8 * sizeof(unsigned long)))

struct select_search {
	int n;
	const fd_set *reads;
	void (*found)(int fd);
};

static bool look_into_select(int fd, void *argument)
{
	const struct select_search *search = argument;

	if (fd >= FD_SETSIZE && fd < search->n && FD_ISSET(fd, search->reads))
		search->found(fd);
	return true;
}

/*
 * Programs pass getdtablesize() for n with an fd_set of 1024 bits: beyond those only the descriptors that there are
 * are looked at, as the kernel does, and only if that is worth to look for them (is_far).
 */
static void select_each(int n, const fd_set *reads, bool is_far, void (*found)(int fd))
{
	struct select_search search = { n, reads, found };

	for (int base = 0; reads && base < n && base < FD_SETSIZE; base += WORD_BITS) {
		unsigned long word = (unsigned long)reads->fds_bits[base / WORD_BITS];

		if (n - base < WORD_BITS)
			word &= (1ul << (n - base)) - 1;
		for (; word; word &= word - 1)
			found(base + __builtin_ctzl(word));
	}
	if (reads && n > FD_SETSIZE && is_far)
		descriptor_each(-1, look_into_select, &search);
}

void waiting_on_select(int n, const fd_set *reads)
{
	select_each(n, reads, true, polling_on);
}

/* Written only where it changes something: most are connections, and told again and again. */
static void tell_any(int fd)
{
	uint64_t bit = 1ull << (fd % 64);

	if (fd < TOLD_FDS && !(atomic_load_explicit(&told_to_any[fd / 64], memory_order_relaxed) & bit))
		atomic_fetch_or(&told_to_any[fd / 64], bit);
}

static void add_to_many(int fd)
{
	if (fd < TOLD_FDS)
		told_many[fd / 64] |= 1ull << (fd % 64);
}

static void told_add(int fd)
{
	if (told_concerns_others() && session_has_blocking())
		tell_any(fd);
	if (told.n < TOLD_MAX) {
		told.fds[told.n++] = (struct pollfd){ .fd = fd, .revents = POLLIN };
		return;
	}
	if (told.n == TOLD_MAX) {
		told.n = TOLD_MAX + 1;
		memset(told_many, 0, sizeof(told_many));
		for (int i = 0; i < TOLD_MAX; i++)
			add_to_many(told.fds[i].fd);
	}
	add_to_many(fd);
}

__attribute__((noinline)) void told_by_many(const struct pollfd *fds, nfds_t n)
{
	told_anew(0);
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			told_add(fds[i].fd);
}

void told_by_select(int n, const fd_set *reads, int result)
{
	told_anew(0);
	if (result > 0)
		select_each(n, reads, session_has_blocking(), told_add);
}

struct search {
	int fd;
	bool found;
};

static bool match_registration(const struct registration *registration, void *argument)
{
	struct search *search = argument;

	search->found = registration->fd == search->fd;
	return !search->found;
}

/* Was it told? No longer. */
static bool is_taken_back(int fd)
{
	uint64_t bit = 1ull << (fd % 64);

	return fd >= 0 && fd < TOLD_FDS && atomic_load_explicit(&told_to_any[fd / 64], memory_order_relaxed) & bit &&
	       atomic_fetch_and(&told_to_any[fd / 64], ~bit) & bit;
}

void told_any_accepted(int fd)
{
	is_taken_back(fd);
}

void told_forget(int fd)
{
	is_taken_back(fd);
	for (int i = 0; i < told.n && i < TOLD_MAX; i++)
		if (told.fds[i].fd == fd)
			told.fds[i].fd = -1;
	if (told.n > TOLD_MAX && fd >= 0 && fd < TOLD_FDS)
		told_many[fd / 64] &= ~(1ull << (fd % 64));
}

bool told_to_another(int fd)
{
	return told_concerns_others() && is_taken_back(fd);
}

bool told_readable(int fd)
{
	struct search search = { .fd = fd };

	if (told.accepted == fd + 1 || told.taken == fd + 1)
		return false;
	/* Without a /proc it may have been told. But not by a set that is closed: a forked child may be past that. */
	if (told.n < 0 && registration_each(-1, ~told.n, match_registration, &search) != 0)
		return sys_fcntl(~told.n, F_GETFD, 0) >= 0;
	if (told.n > TOLD_MAX)
		return fd >= TOLD_FDS || told_many[fd / 64] >> (fd % 64) & 1;
	for (int i = 0; i < told.n; i++)
		search.found |= told.fds[i].fd == fd && told.fds[i].revents;
	return search.found;
}
