/*
 * Was a system call interrupted by flip's signal alone? Then its hook hides that and goes on.
 *
 * Calls such as poll() fail with EINTR for any handler, SA_RESTART or not (signal(7)). The
 * handler of flip's signal looks at the context that it interrupted: only when that stands right
 * behind a system call instruction with -EINTR as its result did our signal end that call. When a
 * signal of the program's was delivered at the same moment, our frame lies on top of the entry of
 * its handler instead, or it is still pending when our handler ends: then the EINTR is the
 * program's. (A signal that arrives later finds the program in user space, as if it had come just
 * before the call; one that is blocked outside the call, as with ppoll, waits for the next one.)
 *
 * Calls such as accept() and wait() are restarted after flip's handler (SA_RESTART). When one of the
 * program's without that is pending at the end of it, the call would not come to hear of it, and a
 * program that looks at a flag after EINTR would sleep on: such a call is made to end.
 *
 * A blocking transfer that is interrupted when it has begun is not restarted: it tells how much was transferred
 * by then. The rest of it is for its hook to transfer.
 */
#pragma once

#include "real.h"
#include "retire.h"
#include "session.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

enum interrupt {
	INTERRUPT_NONE,
	INTERRUPT_OURS, /* the last call of this thread was interrupted by flip alone */
	INTERRUPT_NEW,	/* this thread has not been looked at yet: does it let flip's signals in? */
	INTERRUPT_PROGRAM, /* flip's handler has called the program's own */
	INTERRUPT_CUT,	/* flip alone came at the end of one: if that transferred less than it was to, there lies the reason */
};

/*
 * One a thread. Initial-exec: reading it never allocates, so that a handler may. Not volatile, for
 * the compiler to read it where it compares it: between two looks at it there is a call.
 */
extern __thread enum interrupt interrupt_state __attribute__((tls_model("initial-exec")));

/* What errno was before the call that flip interrupted: its libc has not set it yet when the handler runs. */
extern __thread int interrupt_errno __attribute__((tls_model("initial-exec")));

/* Makes it INTERRUPT_NONE, when a new thread has been looked at. */
void interrupt_look(void);

/*
 * What the shortest ways ask, at once and in one comparison: do they have to report readiness
 * (session_is_watching), or to call interrupt_clear()?
 */
static inline bool interrupt_or_watching(void)
{
	uint32_t settled = atomic_load_explicit(&session.settled, memory_order_relaxed);

	return unlikely((settled ^ 1) | interrupt_state);
}

/* Before the call. Any context. */
static inline void interrupt_clear(void)
{
	if (unlikely(interrupt_state != INTERRUPT_NONE))
		interrupt_look();
}

/* The same before a transfer. */
void interrupt_look_at_transfer(void);
static inline void interrupt_clear_transfer(void)
{
	if (unlikely(interrupt_state != INTERRUPT_NONE))
		interrupt_look_at_transfer();
}

/*
 * After a call that returned -1: true if it is to be made again. Where a process that was told to
 * end comes by here, it ends.
 */
static inline bool interrupt_was_ours(void)
{
	if (errno != EINTR || interrupt_state != INTERRUPT_OURS)
		return false;
	errno = interrupt_errno;
	retire_leave_now();
	return true;
}

/*
 * After an epoll_wait() that failed: it returns EINTR as soon as a signal is on its way to the
 * process, even when another thread then takes that (ep_poll in Linux; poll() restarts). True if
 * a command of flip's to the whole process was taken a moment ago, or at any time where the program has
 * no handler at all: then it is not the program's. (But that of SIGSTOP and SIGCONT, which needs none.)
 */
bool interrupt_was_stolen(void);

/* By the handler of a signal that was sent to the process. Async-signal-safe. */
void interrupt_note_command(void);

/*
 * By the handler, at its end. own_signals: those of flip, a bit each (sys_signal_bit); one of them
 * that is pending too does not make the interruption the program's. Async-signal-safe.
 */
void interrupt_note_signal(ucontext_t *context, uint64_t own_signals);

/*
 * Has one of these signals (sys_signal_bit) a handler that ends a call with EINTR? is_restartable: a call
 * that SA_RESTART would restart. Async-signal-safe.
 */
bool interrupt_is_by_one_of(uint64_t signals, bool is_restartable);

/* By a handler of flip's that has called the program's own. Async-signal-safe. */
void interrupt_note_program(void);
