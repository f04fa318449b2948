/* Hooks: what the program sets and waits for in signals. */
#include "hooks.h"
#include "interrupt.h"
#include "session.h"
#include "signals.h"
#include "synchronous.h"

#include <errno.h>

int hook_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	if (signals_answer(signal, action, old))
		return 0;
	return REAL(sigaction)(signal, action, old);
}

sighandler_t hook_signal(int signal, sighandler_t handler)
{
	/* signal(3) of glibc: BSD semantics. */
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, signal);
	if (handler != SIG_ERR && signals_answer(signal, &action, &old))
		return old.sa_handler;
	return REAL(signal)(signal, handler);
}

/* libc's two ways to change the calling thread's mask; both return 0 when they have. */
static int change_mask(int (*function)(int, const sigset_t *, sigset_t *), int how,
		       const sigset_t *set, sigset_t *old)
{
	sigset_t copy, wanted;
	int result;

	/* set and old may be one. */
	if (set)
		wanted = *set;
	result = function(how, signals_mask_begin(how, set, &copy), old);
	if (result == 0)
		signals_mask_end(how, set ? &wanted : NULL, old);
	return result;
}

int hook_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return change_mask(REAL(sigprocmask), how, set, old);
}

int hook_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return change_mask(REAL(pthread_sigmask), how, set, old);
}

int hook_sigaltstack(const stack_t *stack, stack_t *old)
{
	int result = REAL(sigaltstack)(stack, old);

	if (result == 0 && stack)
		signals_note_stack(stack);
	return result;
}

int hook_signalfd(int fd, const sigset_t *mask, int flags)
{
	sigset_t copy;

	synchronous_note(mask);
	return REAL(signalfd)(fd, signals_strip(mask, &copy), flags);
}

int hook_sigsuspend(const sigset_t *mask)
{
	sigset_t copy;
	int result;

	mask = signals_strip(mask, &copy);
	do {
		interrupt_clear();
		result = REAL(sigsuspend)(mask);
	} while (interrupt_was_ours());
	return result;
}

/* Each time anew: flip may have taken one of them meanwhile (synchronous_refit). */
int hook_sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t copy;
	int result;

	synchronous_note(set);
	do {
		interrupt_clear();
		result = REAL(sigwaitinfo)(signals_strip(set, &copy), info);
	} while (result == -1 && interrupt_was_ours());
	return result;
}

/* Returns the error, leaves errno alone, and goes on after any handler. */
int hook_sigwait(const sigset_t *set, int *signal)
{
	int saved = errno, result;
	siginfo_t info;

	do
		result = hook_sigwaitinfo(set, &info);
	while (result == -1 && errno == EINTR);
	if (result == -1) {
		result = errno;
		errno = saved;
		return result;
	}
	*signal = info.si_signo;
	errno = saved;
	return 0;
}
