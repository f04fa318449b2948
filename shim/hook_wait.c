/*
 * Hooks: the ways to wait. Each reports readiness while that is asked for, hides an interruption
 * that was only flip's, and waits on for the time left. The three that servers live in have a
 * short way for when there is nothing to do, which costs them 20 to 40 instructions.
 */
#include "hooks.h"
#include "interrupt.h"
#include "session.h"
#include "signals.h"
#include "synchronous.h"
#include "sys.h"
#include "ticks.h"
#include "waiting.h"

#define NS_PER_MS 1000000ll
#define NS_PER_S 1000000000ll

/* The time left of a wait that began then; 0 and -1 (for ever) stay what they are. */
static int left_ms(int timeout_ms, uint64_t began)
{
	int64_t left_ns = timeout_ms * NS_PER_MS - ticks_elapsed_ns(began);

	if (timeout_ms <= 0)
		return timeout_ms;
	return left_ns > 0 ? (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static const struct timespec *left_timespec(struct timespec *left, const struct timespec *timeout,
					    uint64_t began)
{
	int64_t left_ns;

	/* What is longer than a lifetime, or wrong, stays what it is. */
	if (!timeout || timeout->tv_sec < 0 || timeout->tv_sec > INT32_MAX)
		return timeout;
	left_ns = timeout->tv_sec * NS_PER_S + timeout->tv_nsec - ticks_elapsed_ns(began);
	left_ns = left_ns > 0 ? left_ns : 0;
	*left = (struct timespec){ left_ns / NS_PER_S, left_ns % NS_PER_S };
	return left;
}

/*
 * The arguments of a call, in case that it has to be made again. Volatile: on the stack, where
 * they cost a store each, and not in registers that every call would have to save and restore. For
 * the same reason what is wanted of them after ticks_now() or the call is taken from here.
 */
struct poll_call {
	struct pollfd *fds;
	nfds_t n;
	int timeout_ms;
	uint64_t began;
};

/* The call has failed: makes it again as long as that was flip's doing. */
static __attribute__((noinline)) int poll_again(const volatile struct poll_call *call)
{
	while (interrupt_was_ours()) {
		int result;

		interrupt_clear();
		result = REAL(poll)(call->fds, call->n, left_ms(call->timeout_ms, call->began));
		told_by_poll(call->fds, call->n, result);
		if (result >= 0)
			return result;
	}
	return -1;
}

static inline int poll_with(int (*function)(struct pollfd *, nfds_t, int), struct pollfd *fds,
			    nfds_t n, int timeout_ms)
{
	volatile struct poll_call call;
	int result;

	call.fds = fds;
	call.n = n;
	call.timeout_ms = timeout_ms;
	call.began = ticks_now();
	result = function(fds, n, call.timeout_ms);
	told_by_poll(call.fds, call.n, result);
	return likely(result >= 0) ? result : poll_again(&call);
}

int wait_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	uint64_t began = ticks_now();
	int result;

	/* Ours, not the program's: nothing is told. */
	do {
		interrupt_clear();
		result = REAL(poll)(fds, n, left_ms(timeout_ms, began));
	} while (result < 0 && interrupt_was_ours());
	return result;
}

static __attribute__((noinline)) int poll_with_care(struct pollfd *fds, nfds_t n, int timeout)
{
	if (session_is_watching())
		waiting_on_poll(fds, n);
	interrupt_clear();
	return poll_with(REAL(poll), fds, n, timeout);
}

int hook_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (interrupt_or_watching())
		return poll_with_care(fds, n, timeout);
	return poll_with(real.poll, fds, n, timeout);
}

int hook_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t began = ticks_now();
	struct timespec left;
	sigset_t copy;
	int result;

	if (session_is_watching())
		waiting_on_poll(fds, n);
	mask = signals_strip(mask, &copy);
	for (const struct timespec *wait = timeout;; wait = left_timespec(&left, timeout, began)) {
		interrupt_clear();
		result = REAL(ppoll)(fds, n, wait, mask);
		if (likely(result >= 0) || !interrupt_was_ours())
			break;
	}
	told_by_poll(fds, n, result);
	return result;
}

/* The fortified ones check the array's size, which libc is to do and to report. */
int hook___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	if (unlikely(size / sizeof(*fds) < n))
		return REAL(__poll_chk)(fds, n, timeout, size);
	return hook_poll(fds, n, timeout);
}

int hook___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		     const sigset_t *mask, size_t size)
{
	if (unlikely(size / sizeof(*fds) < n))
		return REAL(__ppoll_chk)(fds, n, timeout, mask, size);
	return hook_ppoll(fds, n, timeout, mask);
}

int hook_select(int n, fd_set *reads, fd_set *writes, fd_set *excepts, struct timeval *timeout)
{
	int result;

	if (session_is_watching())
		waiting_on_select(n, reads);
	/* Linux leaves the sets as they were on failure and the time left in *timeout (select(2)). */
	do {
		interrupt_clear();
		result = REAL(select)(n, reads, writes, excepts, timeout);
	} while (unlikely(result < 0) && interrupt_was_ours());
	told_by_select(n, reads, result);
	return result;
}

int hook_pselect(int n, fd_set *reads, fd_set *writes, fd_set *excepts,
		 const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t began = ticks_now();
	struct timespec left;
	sigset_t copy;
	int result;

	if (session_is_watching())
		waiting_on_select(n, reads);
	mask = signals_strip(mask, &copy);
	for (const struct timespec *wait = timeout;; wait = left_timespec(&left, timeout, began)) {
		interrupt_clear();
		result = REAL(pselect)(n, reads, writes, excepts, wait, mask);
		if (likely(result >= 0) || !interrupt_was_ours())
			break;
	}
	told_by_select(n, reads, result);
	return result;
}

static bool epoll_goes_on(void)
{
	return interrupt_was_ours() || interrupt_was_stolen();
}

struct epoll_call {
	int set;
	int n;
	struct epoll_event *events;
	int timeout_ms;
	uint64_t began;
};

static __attribute__((noinline)) int epoll_again(const volatile struct epoll_call *call)
{
	while (epoll_goes_on()) {
		int result;

		interrupt_clear();
		result = REAL(epoll_wait)(call->set, call->events, call->n,
					  left_ms(call->timeout_ms, call->began));
		told_by_epoll(call->set, result);
		if (result >= 0)
			return result;
	}
	return -1;
}

static inline int epoll_with(int (*function)(int, struct epoll_event *, int, int), int set,
			     struct epoll_event *events, int n, int timeout_ms)
{
	volatile struct epoll_call call;
	int result;

	call.set = set;
	call.n = n;
	call.events = events;
	call.timeout_ms = timeout_ms;
	call.began = ticks_now();
	result = function(set, events, call.n, timeout_ms);
	told_by_epoll(call.set, result);
	return likely(result >= 0) ? result : epoll_again(&call);
}

static __attribute__((noinline)) int epoll_with_care(int set, struct epoll_event *events, int n,
						      int timeout)
{
	if (session_is_watching())
		waiting_on_epoll(set);
	interrupt_clear();
	return epoll_with(REAL(epoll_wait), set, events, n, timeout);
}

int hook_epoll_wait(int set, struct epoll_event *events, int n, int timeout)
{
	if (interrupt_or_watching())
		return epoll_with_care(set, events, n, timeout);
	return epoll_with(real.epoll_wait, set, events, n, timeout);
}

int hook_epoll_pwait(int set, struct epoll_event *events, int n, int timeout, const sigset_t *mask)
{
	uint64_t began = ticks_now();
	sigset_t copy;
	int result;

	if (session_is_watching())
		waiting_on_epoll(set);
	mask = signals_strip(mask, &copy);
	for (int wait_ms = timeout;; wait_ms = left_ms(timeout, began)) {
		interrupt_clear();
		result = REAL(epoll_pwait)(set, events, n, wait_ms, mask);
		if (likely(result >= 0) || !epoll_goes_on())
			break;
	}
	told_by_epoll(set, result);
	return result;
}

int hook_epoll_pwait2(int set, struct epoll_event *events, int n, const struct timespec *timeout,
		      const sigset_t *mask)
{
	uint64_t began = ticks_now();
	struct timespec left;
	sigset_t copy;
	int result;

	if (session_is_watching())
		waiting_on_epoll(set);
	mask = signals_strip(mask, &copy);
	for (const struct timespec *wait = timeout;; wait = left_timespec(&left, timeout, began)) {
		interrupt_clear();
		result = REAL(epoll_pwait2)(set, events, n, wait, mask);
		if (likely(result >= 0) || !epoll_goes_on())
			break;
	}
	told_by_epoll(set, result);
	return result;
}

int hook_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	uint64_t began = ticks_now();
	struct timespec left;
	sigset_t copy;
	int result;

	synchronous_note(set);
	for (const struct timespec *wait = timeout;; wait = left_timespec(&left, timeout, began)) {
		interrupt_clear();
		result = REAL(sigtimedwait)(signals_strip(set, &copy), info, wait);
		if (result >= 0 || !interrupt_was_ours())
			return result;
	}
}

int hook_semtimedop(int set, struct sembuf *operations, size_t n, const struct timespec *timeout)
{
	uint64_t began = ticks_now();
	struct timespec left;
	int result;

	for (const struct timespec *wait = timeout;; wait = left_timespec(&left, timeout, began)) {
		interrupt_clear();
		result = REAL(semtimedop)(set, operations, n, wait);
		if (result >= 0 || !interrupt_was_ours())
			return result;
	}
}

int hook_nanosleep(const struct timespec *time, struct timespec *left)
{
	struct timespec rest;
	int result;

	do {
		interrupt_clear();
		result = REAL(nanosleep)(time, &rest);
		time = &rest;
	} while (result == -1 && interrupt_was_ours());
	if (result == -1 && errno == EINTR && left)
		*left = rest;
	return result;
}

int hook_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
			 struct timespec *left)
{
	struct timespec rest;
	int saved = errno, error;

	/* Returns the error, and leaves errno alone. */
	do {
		interrupt_clear();
		error = REAL(clock_nanosleep)(clock, flags, time, &rest);
		if (!(flags & TIMER_ABSTIME))
			time = &rest;
		errno = error;
	} while (error == EINTR && interrupt_was_ours());
	errno = saved;
	if (error == EINTR && left && !(flags & TIMER_ABSTIME))
		*left = rest;
	return error;
}

unsigned hook_sleep(unsigned seconds)
{
	struct timespec time = { .tv_sec = seconds };
	int saved = errno;

	if (hook_nanosleep(&time, &time) != 0)
		return (unsigned)time.tv_sec;
	errno = saved;
	return 0;
}

int hook_usleep(useconds_t microseconds)
{
	struct timespec time = { microseconds / 1000000, microseconds % 1000000 * 1000L };

	return hook_nanosleep(&time, NULL);
}
