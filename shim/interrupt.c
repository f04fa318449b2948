#include "interrupt.h"

#include "signals.h"
#include "sys.h"
#include "waiting.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/single_threaded.h>

/* A thread that lost the signal to another one runs again within this time, mostly, or the next tick. */
#define STOLEN_WINDOW_NS 20000000ll
/* Of so many new threads one looks whether the program has set handlers past libc. */
#define HANDLERS_EVERY 32

__thread enum interrupt interrupt_state = INTERRUPT_NEW;
__thread int interrupt_errno;

static _Atomic int64_t command_ns;

/* The handlers are the process's, and where threads come and go each call counts. */
static bool is_turn(void)
{
	static _Atomic uint32_t looks;

	return atomic_fetch_add(&looks, 1) % HANDLERS_EVERY == 0;
}

static void look_at_new(bool handlers_too)
{
	told_note_thread();
	if (signals_admit(handlers_too))
		interrupt_state = INTERRUPT_NONE;
}

void interrupt_look(void)
{
	if (interrupt_state == INTERRUPT_NEW)
		look_at_new(is_turn());
	else
		interrupt_state = INTERRUPT_NONE;
}

/*
 * A new thread that only reads and writes, one for each connection, is mostly spared the look: it is none of
 * those that flip's signals have to wake. Unless clients come by datagrams, or threads block signals past libc.
 */
void interrupt_look_at_transfer(void)
{
	bool turn;

	if (interrupt_state != INTERRUPT_NEW) {
		interrupt_state = INTERRUPT_NONE;
		return;
	}
	turn = is_turn();
	if (turn || atomic_load(&session.family->datagrams) || atomic_load(&signals_found_blocked))
		look_at_new(turn);
}

void interrupt_note_command(void)
{
	atomic_store(&command_ns, sys_clock_ns(CLOCK_MONOTONIC_COARSE));
}

bool interrupt_was_stolen(void)
{
	int64_t then_ns = atomic_load(&command_ns);

	/* With one thread, there is none that could have taken it. */
	if (errno != EINTR || !then_ns || interrupt_state == INTERRUPT_PROGRAM || __libc_single_threaded)
		return false;
	return (sys_clock_ns(CLOCK_MONOTONIC_COARSE) - then_ns < STOLEN_WINDOW_NS || !signals_has_handler());
}

/* What a context has of a system call: its instruction, its number and its result. */
#if defined(__x86_64__)
#define CALL_SIZE 2
#define CALL_NUMBER(context) ((context)->uc_mcontext.gregs[REG_RAX])
#define CALL_RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#define CALL_SECOND(context) ((context)->uc_mcontext.gregs[REG_RSI])
#define CALL_NEXT(context) ((context)->uc_mcontext.gregs[REG_RIP])

static bool is_call(const unsigned char *at)
{
	return at[0] == 0x0f && at[1] == 0x05;
}
#elif defined(__aarch64__)
#define CALL_SIZE 4
#define CALL_NUMBER(context) ((context)->uc_mcontext.regs[8])
#define CALL_RESULT(context) ((context)->uc_mcontext.regs[0])
#define CALL_SECOND(context) ((context)->uc_mcontext.regs[1])
#define CALL_NEXT(context) ((context)->uc_mcontext.pc)

static bool is_call(const unsigned char *at)
{
	uint32_t instruction;

	memcpy(&instruction, at, sizeof(instruction));
	return instruction == 0xd4000001;
}
#else
#error "say here how a system call instruction and its result look on this architecture"
#endif

#define PAGE_SMALLEST 4096

/* Does it stand right behind a system call? At the begin of a page there may be nothing before it. */
static bool context_is_behind_call(const ucontext_t *context)
{
	const unsigned char *at = (const unsigned char *)CALL_NEXT(context) - CALL_SIZE;

	return ((uintptr_t)CALL_NEXT(context) % PAGE_SMALLEST >= CALL_SIZE || sys_is_readable(at, CALL_SIZE)) && is_call(at);
}

/* Did the system call before this context end with EINTR? */
static bool context_is_interrupted_call(const ucontext_t *context)
{
	return (long)CALL_RESULT(context) == -EINTR && context_is_behind_call(context);
}

/* Or has it told of something that it had done by then? */
static bool context_is_ended_call(const ucontext_t *context)
{
	return (long)CALL_RESULT(context) > 0 && context_is_behind_call(context);
}

/* Others go on after every signal, and who makes them knows no EINTR (FUTEX_LOCK_PI). */
static bool is_wait(long futex_operation)
{
	long command = futex_operation & FUTEX_CMD_MASK;

	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

/*
 * Is one about to be made again that SA_RESTART of flip's handler restarts (signal(7))? Or for the first
 * time: the signals came just before it, and for all that anybody can tell just after.
 */
static bool context_is_restarted_call(const ucontext_t *context)
{
	if (!is_call((const unsigned char *)CALL_NEXT(context)))
		return false;
	switch (CALL_NUMBER(context)) {
	case SYS_accept:
	case SYS_accept4:
	case SYS_connect:
	case SYS_flock:
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmmsg:
	case SYS_recvmsg:
	case SYS_sendmmsg:
	case SYS_sendmsg:
	case SYS_sendto:
	case SYS_wait4:
	case SYS_waitid:
	case SYS_write:
	case SYS_writev:
		return true;
	case SYS_futex:
		return is_wait((long)CALL_SECOND(context));
	}
	return false;
}

static bool is_by(int signal, bool is_restartable)
{
	struct sigaction action;

	return REAL(sigaction)(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
	       action.sa_handler != SIG_IGN && !(is_restartable && action.sa_flags & SA_RESTART);
}

bool interrupt_is_by_one_of(uint64_t signals, bool is_restartable)
{
	int saved = errno;
	bool found = false;

	for (int signal = 1; signal < NSIG && !found; signal++)
		found = signals & sys_signal_bit(signal) && is_by(signal, is_restartable);
	errno = saved;
	return found;
}

/* By a handler. A new thread has let it in; that there is one is to be known yet (look_at_new). */
static void note(enum interrupt interrupt)
{
	if (interrupt_state == INTERRUPT_NEW)
		told_note_thread();
	interrupt_errno = errno;
	interrupt_state = interrupt;
}

void interrupt_note_program(void)
{
	note(INTERRUPT_PROGRAM);
}

void interrupt_note_signal(ucontext_t *context, uint64_t own_signals)
{
	bool is_interrupted = context_is_interrupted_call(context);
	bool is_restarted = !is_interrupted && context_is_restarted_call(context);
	bool is_cut = !is_interrupted && !is_restarted && context_is_ended_call(context);
	uint64_t pending = 0, blocked;

	if (!is_interrupted && !is_restarted && !is_cut)
		return;
	memcpy(&blocked, &context->uc_sigmask, sizeof(blocked));
	sys_sigpending(&pending);
	if (interrupt_is_by_one_of(pending & ~blocked & ~own_signals, is_restarted)) {
		interrupt_note_program();
		if (is_restarted) {
			CALL_RESULT(context) = -EINTR;
			CALL_NEXT(context) += CALL_SIZE;
		}
	} else if (!is_restarted) {
		note(is_cut ? INTERRUPT_CUT : INTERRUPT_OURS);
	}
}
