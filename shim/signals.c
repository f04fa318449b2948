#include "signals.h"

#include "channel.h"
#include "core/protocol.h"
#include "interrupt.h"
#include "log.h"
#include "orphan.h"
#include "real.h"
#include "retire.h"
#include "session.h"
#include "synchronous.h"
#include "sys.h"

#include <stdatomic.h>
#include <string.h>

/* A signal of flip's, and what the program believes to have set for it. */
struct taken {
	_Atomic int signal; /* 0: not taken */
	bool ours;	    /* the program cannot take it back */
	void (*handler)(int, siginfo_t *, void *);
	struct sigaction program;
};

static struct taken taken[SLOT_END];

/* Which thread told last where its stack for handlers is, and whether two of them had the same. */
static struct {
	_Atomic uintptr_t begin;
	_Atomic int tid;
	_Atomic bool is_shared;
} stacks;

static _Atomic int taking_back; /* the process in which a thread is at it; or another one, or 0 */

static struct taken *taken_find(int signal)
{
	for (int slot = 0; slot < SLOT_END; slot++)
		if (signal > 0 && atomic_load(&taken[slot].signal) == signal)
			return &taken[slot];
	return NULL;
}

static uint64_t own_signals(void)
{
	uint64_t set = 0;

	for (int slot = 0; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		set |= signal ? sys_signal_bit(signal) : 0;
	}
	return set;
}

/* SA_SIGINFO says nothing of these two: the kernel looks at the pointer first. */
static bool has_handler(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* As the kernel would: with the mask that the program has asked for, and once, if it has asked for that. */
static void call_handler(struct taken *mine, const struct sigaction *action, int signal, siginfo_t *info,
			 void *context)
{
	uint64_t mask = ((ucontext_t *)context)->uc_sigmask.__val[0] | action->sa_mask.__val[0], all;

	if (action->sa_flags & SA_RESETHAND) {
		mine->program.sa_flags &= ~SA_SIGINFO;
		mine->program.sa_handler = SIG_DFL;
	}
	if (!(action->sa_flags & SA_NODEFER))
		mask |= sys_signal_bit(signal);
	sys_sigmask(SIG_SETMASK, mask, &all);
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(signal, info, context);
	else
		action->sa_handler(signal);
	sys_sigmask(SIG_SETMASK, all, NULL);
}

/* The signal was not meant for flip: do with it what would have happened without us. */
static void act_as_program(int signal, siginfo_t *info, void *context)
{
	struct taken *mine = taken_find(signal);
	struct sigaction action = { .sa_handler = SIG_DFL };

	if (mine)
		action = mine->program;
	if (has_handler(&action)) {
		call_handler(mine, &action, signal, info, context);
	} else if (action.sa_handler == SIG_DFL) {
		REAL(sigaction)(signal, &action, NULL);
		sys_kill(sys_getpid(), signal);
		((ucontext_t *)context)->uc_sigmask.__val[0] &= ~sys_signal_bit(signal);
	}
}

/* Does the signal come of flip, and not of a program that uses its number for itself? */
static bool is_from_flip(const siginfo_t *info)
{
	uint64_t value = (uintptr_t)info->si_value.sival_ptr;

	if (info->si_code == SI_QUEUE || info->si_code == SI_TIMER)
		return (value & SESSION_MARK_BITS) == SESSION_MARK;
	/* O_ASYNC (F_SETSIG in fcntl(2)). */
	return info->si_code > 0 && info->si_fd > 0 &&
	       info->si_fd == atomic_load(&session.process->channel_fd);
}

static void act_for_flip(const siginfo_t *info)
{
	uint32_t epoch = info->si_code == SI_QUEUE ? (uint32_t)(uintptr_t)info->si_value.sival_ptr : 0;

	if (!epoch && (info->si_code == SI_TIMER || sys_gettid() != sys_getpid()))
		interrupt_note_command(); /* it was sent to the process */
	if (info->si_code == SI_TIMER)
		orphan_tick();
	else if (epoch)
		retire_thread_passed(epoch);
	else if (session_join(true))
		channel_process();
}

/* A stray one that the program is not prepared for is taken for flip's: it would end the program. */
static void handle_channel(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	if (!is_from_flip(info) && has_handler(&taken[SLOT_CHANNEL].program)) {
		interrupt_note_program();
		errno = saved;
		act_as_program(signal, info, context);
		return;
	}
	act_for_flip(info);
	interrupt_note_signal(context, own_signals());
	errno = saved;
}

/* Who asks for a restart does not want the server to die of it. */
static bool is_alone_restart(int signal)
{
	return atomic_load(&session.process->state) == PROCESS_ALONE &&
	       atomic_load(&taken[SLOT_RESTART].signal) == signal && taken[SLOT_RESTART].ours;
}

/*
 * SIGHUP or SIGQUIT. The kernel's own (si_code > 0: the terminal hung up, or its quit key) are
 * the terminal's word to the program; a plain child that only inherited our handler dies or not
 * as it would have without it.
 */
static void handle_command(int signal, siginfo_t *info, void *context)
{
	int saved = errno;
	bool member = atomic_load(&session.process->state) == PROCESS_MEMBER;

	if (is_alone_restart(signal)) {
		log_once("the supervisor is gone, so there is no restart; stop the server and"
			 " start it anew",
			 NULL, 0);
		interrupt_note_signal(context, own_signals());
	} else if (member && info->si_code <= 0 && !atomic_load(&session.process->ending)) {
		interrupt_note_command();
		session_tell_signal(MESSAGE_SIGNAL, (uint64_t)signal);
		interrupt_note_signal(context, own_signals());
	} else {
		interrupt_note_program();
		errno = saved;
		act_as_program(signal, info, context);
		return;
	}
	errno = saved;
}

static void install(const struct taken *mine, int signal)
{
	struct sigaction action = {
		.sa_sigaction = mine->handler,
		.sa_flags = SA_SIGINFO | SA_RESTART | (atomic_load(&stacks.is_shared) ? 0 : SA_ONSTACK),
	};

	sigfillset(&action.sa_mask);
	REAL(sigaction)(signal, &action, NULL);
}

static void take(enum session_signal_slot slot, int signal, bool ours,
		 void (*handler)(int, siginfo_t *, void *))
{
	struct taken *mine = &taken[slot];
	struct sigaction now;

	if (atomic_load(&mine->signal) == signal)
		return; /* a child that joins: inherited */
	REAL(sigaction)(signal, NULL, &now);
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == handler)
		return; /* another thread is at it */
	mine->program = now;
	if (!ours && mine->program.sa_handler != SIG_DFL)
		return;
	mine->ours = ours;
	mine->handler = handler;
	atomic_store(&mine->signal, signal);
	install(mine, signal);
}

static bool is_there(const struct taken *mine, int signal, struct sigaction *now)
{
	return REAL(sigaction)(signal, NULL, now) != 0 ||
	       (now->sa_flags & SA_SIGINFO && now->sa_sigaction == mine->handler);
}

/*
 * A handler that the program has set past libc is as good as one that it has set by it. By one thread
 * at a time, or flip's own would be taken for the program's.
 */
static void take_back(struct taken *mine, int signal)
{
	struct sigaction now;
	int pid, at_it;

	if (is_there(mine, signal, &now))
		return;
	pid = sys_getpid();
	at_it = atomic_load(&taking_back);
	if (at_it == pid || !atomic_compare_exchange_strong(&taking_back, &at_it, pid))
		return;
	if (!is_there(mine, signal, &now)) {
		mine->program = now;
		install(mine, signal);
	}
	atomic_store(&taking_back, 0);
}

/* The handlers that are there already leave that stack. */
static void stacks_leave(void)
{
	struct sigaction now;

	atomic_store(&stacks.is_shared, true);
	for (int slot = 0; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		if (!signal || REAL(sigaction)(signal, NULL, &now) != 0 ||
		    now.sa_sigaction != taken[slot].handler)
			continue;
		now.sa_flags &= ~SA_ONSTACK;
		REAL(sigaction)(signal, &now, NULL);
	}
}

void signals_note_stack(const stack_t *stack)
{
	int tid = sys_gettid();
	uintptr_t begin = stack->ss_flags & SS_DISABLE ? 0 : (uintptr_t)stack->ss_sp;
	uintptr_t last_begin = atomic_exchange(&stacks.begin, begin);
	int last_tid = atomic_exchange(&stacks.tid, tid);

	/* One that has ended may have left its stack to this one. */
	if (begin && begin == last_begin && tid != last_tid && !atomic_load(&stacks.is_shared) &&
	    SYS_CALL(SYS_tgkill, sys_getpid(), last_tid, 0) == 0)
		stacks_leave();
}

/* SIGIO of the kernel's own: instead of flip's signal, for which there was no room in the queue. */
static void handle_overflow(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	/* A child that only inherited the handler has no channel. */
	if (info->si_code <= 0 || atomic_load(&session.process->state) != PROCESS_MEMBER) {
		act_as_program(signal, info, context);
		return;
	}
	channel_process();
	interrupt_note_signal(context, own_signals());
	errno = saved;
}

void signals_take_channel(void)
{
	take(SLOT_CHANNEL, SESSION_SIGNAL, true, handle_channel);
	/* Its default is to end the program (O_ASYNC in fcntl(2)). */
	take(SLOT_OVERFLOW, SIGIO, false, handle_overflow);
}

void signals_take_commands(int restart_signal, int stop_signal, bool ours)
{
	if (restart_signal)
		take(SLOT_RESTART, restart_signal, ours, handle_command);
	if (stop_signal)
		take(SLOT_STOP, stop_signal, ours, handle_command);
	if (ours)
		synchronous_refit();
}

bool signals_has_handler(void)
{
	int saved = errno;
	bool found = false;

	for (int signal = 1; signal < NSIG && !found; signal++) {
		const struct taken *mine = taken_find(signal);
		struct sigaction now;

		if (mine)
			found = has_handler(&mine->program);
		else
			found = REAL(sigaction)(signal, NULL, &now) == 0 && has_handler(&now);
	}
	errno = saved;
	return found;
}

uint64_t signals_ours(void)
{
	uint64_t set = 0;

	for (int slot = 0; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		set |= signal && taken[slot].ours ? sys_signal_bit(signal) : 0;
	}
	return set;
}

/*
 * Those of flip's signals that this thread believes to have blocked, for they are kept unblocked. A
 * new thread believes it of none: it gets the kernel's mask, not its maker's belief.
 */
static __thread uint64_t believed_blocked __attribute__((tls_model("initial-exec")));

/* A vfork child has its parent's memory, and not its channel. */
static bool is_member_itself(void)
{
	return atomic_load(&session.process->state) == PROCESS_MEMBER &&
	       atomic_load(&session.process->pid) == sys_getpid();
}

/* Its handlers are its own, and what is noted of them here would be its parent's. */
static bool is_vfork_child(void)
{
	int pid = atomic_load(&session.process->pid);

	return pid && pid != sys_getpid();
}

/* What exec keeps of the restart and the stop signal is what the program has set: that it ignores or blocks one. */
static void commands_hand_back(void)
{
	uint64_t blocked = 0;

	for (int slot = SLOT_RESTART; slot < SLOT_OVERFLOW; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		if (!signal || !taken[slot].ours)
			continue;
		if (taken[slot].program.sa_handler == SIG_IGN)
			REAL(sigaction)(signal, &taken[slot].program, NULL);
		blocked |= believed_blocked & sys_signal_bit(signal);
	}
	if (blocked)
		sys_sigmask(SIG_BLOCK, blocked, NULL);
}

/*
 * The channel raises the signal no more, what is pending is dropped with SIG_IGN (sigaction(2)), and the
 * supervisor calls only who is seen to catch it.
 */
void signals_exec_begin(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct taken *mine = &taken[SLOT_CHANNEL];

	if (!atomic_load(&mine->signal))
		return;
	if (is_member_itself())
		sys_fcntl(atomic_load(&session.process->channel_fd), F_SETFL, O_NONBLOCK);
	REAL(sigaction)(SESSION_SIGNAL, &ignore, NULL);
	REAL(sigaction)(SESSION_SIGNAL, &mine->program, NULL);
	commands_hand_back();
}

void signals_exec_failed(void)
{
	if (!atomic_load(&taken[SLOT_CHANNEL].signal))
		return;
	install(&taken[SLOT_CHANNEL], SESSION_SIGNAL);
	for (int slot = SLOT_RESTART; slot < SLOT_OVERFLOW; slot++)
		if (atomic_load(&taken[slot].signal) && taken[slot].ours)
			install(&taken[slot], atomic_load(&taken[slot].signal));
	sys_sigmask(SIG_UNBLOCK, believed_blocked & signals_ours(), NULL);
	if (is_member_itself()) {
		sys_fcntl(atomic_load(&session.process->channel_fd), F_SETFL, O_NONBLOCK | O_ASYNC);
		/* What came meanwhile raised nothing. */
		sys_signal_thread(sys_getpid(), sys_gettid(), SESSION_SIGNAL, SESSION_MARK);
	}
}

BY_CHILDREN void signals_forked(void)
{
	uint64_t blocked = 0;

	for (int slot = SLOT_RESTART; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		/* One that would end it does so by our handler, too (act_as_program): that costs a child nothing. */
		if (!signal || !taken[slot].ours)
			continue;
		atomic_store(&taken[slot].signal, 0);
		REAL(sigaction)(signal, &taken[slot].program, NULL);
		blocked |= believed_blocked & sys_signal_bit(signal);
	}
	/* What the program has blocked is blocked now. */
	if (blocked)
		sys_sigmask(SIG_BLOCK, blocked, NULL);
}

void signals_release(void)
{
	for (int slot = SLOT_RESTART; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		/* In the bare face a restart stays a wish that is answered, not a death. */
		if (slot == SLOT_RESTART && taken[slot].ours)
			continue;
		atomic_store(&taken[slot].signal, 0);
		if (signal)
			REAL(sigaction)(signal, &taken[slot].program, NULL);
	}
}

bool signals_answer(int signal, const struct sigaction *action, struct sigaction *old)
{
	struct taken *mine = taken_find(signal);
	struct sigaction set = action ? *action : (struct sigaction){ 0 };

	if (!mine || is_vfork_child())
		return false;
	if (old)
		*old = mine->program;
	if (action)
		mine->program = set;
	if (action && !mine->ours) {
		/* The program takes the signal itself: from now on it is its own. */
		atomic_store(&mine->signal, 0);
		REAL(sigaction)(signal, &set, NULL);
	}
	return true;
}

static bool strip_needed(const sigset_t *set)
{
	if (!set)
		return false;
	for (int slot = 0; slot < SLOT_END; slot++) {
		int signal = atomic_load_explicit(&taken[slot].signal, memory_order_relaxed);

		if (signal && taken[slot].ours && sigismember(set, signal) == 1)
			return true;
	}
	return sigismember(set, SESSION_SIGNAL) == 1;
}

_Atomic bool signals_found_blocked;

bool signals_admit(bool handlers_too)
{
	uint32_t state = atomic_load(&session.process->state);
	uint64_t blocked = 0;

	if (!session.enabled || state != PROCESS_MEMBER)
		return !session.enabled || state == PROCESS_ALONE;
	for (int slot = 0; handlers_too && slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		if (signal && taken[slot].ours)
			take_back(&taken[slot], signal);
	}
	if (sys_sigmask(SIG_UNBLOCK, signals_ours(), &blocked) == 0)
		believed_blocked |= blocked & signals_ours();
	if (blocked & sys_signal_bit(SESSION_SIGNAL))
		atomic_store(&signals_found_blocked, true);
	return true;
}

/* flip's signals in this set. */
static uint64_t flip_bits(const sigset_t *set)
{
	uint64_t bits = sigismember(set, SESSION_SIGNAL) == 1 ? sys_signal_bit(SESSION_SIGNAL) : 0;

	for (int slot = SLOT_RESTART; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		if (signal && taken[slot].ours && sigismember(set, signal) == 1)
			bits |= sys_signal_bit(signal);
	}
	return bits;
}

const sigset_t *signals_mask_begin(int how, const sigset_t *set, sigset_t *copy)
{
	return how == SIG_UNBLOCK ? set : signals_strip(set, copy);
}

void signals_mask_end(int how, const sigset_t *set, sigset_t *old)
{
	uint64_t before = believed_blocked, bits;

	if (!session.enabled || (!before && !set))
		return;
	/* In this order: set and old may be one. */
	bits = set ? flip_bits(set) : 0;
	for (int signal = 1; old && before && signal < NSIG; signal++)
		if (before & sys_signal_bit(signal))
			sigaddset(old, signal);
	if (!set)
		return;
	believed_blocked = how == SIG_BLOCK ? before | bits : how == SIG_UNBLOCK ? before & ~bits : bits;
}

const sigset_t *signals_strip(const sigset_t *set, sigset_t *copy)
{
	if (!session.enabled || !strip_needed(set))
		return set;
	*copy = *set;
	sigdelset(copy, SESSION_SIGNAL);
	for (int slot = SLOT_RESTART; slot < SLOT_END; slot++) {
		int signal = atomic_load(&taken[slot].signal);

		if (signal && taken[slot].ours)
			sigdelset(copy, signal);
	}
	return copy;
}
