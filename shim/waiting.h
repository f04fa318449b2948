/*
 * Who waits on which listener: readiness is told from it, and what a wait call has just told
 * 'readable' decides what an accept() that finds nothing is to say.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <sys/select.h>

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
	int epoll_set; /* plus 1: epoll_wait() tells the program's data, not descriptors; or 0 */
	int accepted;  /* plus 1: the last accept() since was on this one; or 0 */
	int taken;     /* the same of the last read, while there is a shared blocking listener */
	int n;	       /* descriptors in fd[]; more than fit: any may be meant */
	int fd[TOLD_MAX + 1];
};
extern __thread struct told told __attribute__((tls_model("initial-exec")));

static inline void told_by_epoll(int set, int result)
{
	told.epoll_set = result > 0 ? set + 1 : 0;
	told.accepted = 0;
	told.taken = 0;
	told.n = 0;
}

/* poll() while no listener has to be played: how many, not which. */
static inline void told_by_some(int result)
{
	told.epoll_set = 0;
	told.accepted = 0;
	told.taken = 0;
	told.n = result > 0 ? TOLD_MAX + 1 : 0;
}

static inline void told_by_poll(const struct pollfd *fds, nfds_t n, int result)
{
	struct told *mine = &told;
	int found = 0;

	mine->epoll_set = 0;
	mine->accepted = 0;
	mine->taken = 0;
	for (nfds_t i = 0; found < result && i < n && found <= TOLD_MAX; i++) {
		mine->fd[found] = fds[i].fd;
		found += fds[i].revents != 0;
	}
	mine->n = found;
}

void told_by_select(int n, const fd_set *reads, int result);

/* An accept() was made on fd: a second one in a row is the program's own wish to wait. */
static inline void told_accepted(int fd)
{
	told.accepted = fd + 1;
}

static inline void told_taken(int fd)
{
	told.taken = fd + 1;
}

/* Did this thread's last wait call say that fd is readable? */
bool told_readable(int fd);

/*
 * poll(), going on with the time left after an interruption by flip. In hook_wait.c; blocks.
 */
int wait_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
