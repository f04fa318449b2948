/*
 * Who waits on which listener: readiness is told from it, and what a wait call has just told
 * 'readable' decides what an accept() that finds nothing is to say.
 */
#pragma once

#include "session.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/select.h>
#include <sys/single_threaded.h>

/* Before a wait, while session_is_watching(): reports the listeners among them. Any thread. */
void waiting_on(int fd);
void waiting_on_poll(const struct pollfd *fds, nfds_t n);
void waiting_on_select(int n, const fd_set *reads);
void waiting_on_epoll(int set);

#define TOLD_MAX 16

/*
 * What the last wait call of this thread said, for the accept() after it: noted always, for a
 * hand-over may come between the two, hence at the price of a few stores. One a thread;
 * initial-exec, so that it is there without an allocation.
 */
struct told {
	int accepted; /* plus 1: the last accept() since was on this one; or 0 */
	int taken;    /* the same of the last read, while there is a shared blocking listener */
	/*
	 * Entries in fds[]; more than fit: as many as that are elsewhere. Below 0, the complement of an epoll set:
	 * epoll_wait() tells the program's data, not descriptors.
	 */
	int n;
	struct pollfd fds[TOLD_MAX];
};
extern __thread struct told told __attribute__((tls_model("initial-exec")));

/* A wait call has returned: what was told before it counts no more. */
static inline void told_anew(int n)
{
	told.accepted = 0;
	told.taken = 0;
	told.n = n;
}

/*
 * Is what one thread is told by poll() or select() to be known to the others? One may wait and another one accept
 * (Tcl), and where a listener blocks, that one would be left in accept() if the client is another generation's by
 * then. Of epoll sets, which do not say of what they tell, it is not known. Noted when a thread is new to us, so that
 * it costs a process of one thread no more than to look here.
 */
extern _Atomic bool told_has_threads;

static inline bool told_concerns_others(void)
{
	return unlikely(atomic_load_explicit(&told_has_threads, memory_order_relaxed));
}

/* By a thread that has not been looked at yet. */
static inline void told_note_thread(void)
{
	if (!__libc_single_threaded && !told_concerns_others())
		atomic_store_explicit(&told_has_threads, true, memory_order_relaxed);
}

/* A client was accepted. */
void told_any_accepted(int fd);

/* This number names another socket from now on, which may be a listener: what was told was of the one before. */
void told_forget(int fd);

static inline void told_by_epoll(int set, int result)
{
	told_anew(result > 0 ? ~set : 0);
}

/* More descriptors than fit, or several threads: only those that something was said of. */
void told_by_many(const struct pollfd *fds, nfds_t n);

/*
 * All that poll() said, as it is: to copy an entry costs less than to look at it, and by the time
 * that an accept() asks the program's array may be gone. Two at a time, for that is one load.
 */
static inline void told_by_poll(const struct pollfd *fds, nfds_t n, int result)
{
	if (result <= 0) {
		told_anew(0);
		return;
	}
	if (n > TOLD_MAX || told_concerns_others()) {
		told_by_many(fds, n);
		return;
	}
	told_anew((int)n);
	if (n % 2 == 1) {
		n--;
		told.fds[n] = fds[n];
		if (n == 0)
			return;
	}
	do {
		n -= 2;
		__builtin_memcpy(&told.fds[n], &fds[n], 2 * sizeof(*fds));
	} while (n > 0);
}

void told_by_select(int n, const fd_set *reads, int result);

/*
 * An accept() was made on fd: a second one in a row is the program's own wish to wait. Not written
 * again, for one that forks after each would copy the page each time.
 */
static inline void told_accepted(int fd)
{
	if (told.accepted != fd + 1)
		told.accepted = fd + 1;
	if (told_concerns_others())
		told_any_accepted(fd);
}

static inline void told_taken(int fd)
{
	told.taken = fd + 1;
}

/* Did this thread's last wait call say that fd is readable? */
bool told_readable(int fd);

/*
 * Has any thread been told that fd is readable, and none has accepted since? Then this one is about to, and not to
 * wait. True once: a second accept() in a row is the program's own wish to wait.
 */
bool told_to_another(int fd);

/*
 * poll(), going on with the time left after an interruption by flip. In hook_wait.c; blocks.
 */
int wait_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
