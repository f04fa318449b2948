#include "interrupt.h"

#include "signals.h"
#include "sys.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* A thread that lost the signal to another one runs again within this time, or the next tick. */
#define STOLEN_WINDOW_NS 20000000ll

__thread enum interrupt interrupt_state = INTERRUPT_NEW;

static _Atomic int64_t command_ns;

void interrupt_look(void)
{
	if (interrupt_state != INTERRUPT_NEW || signals_admit())
		interrupt_state = INTERRUPT_NONE;
}

void interrupt_note_command(void)
{
	atomic_store(&command_ns, sys_clock_ns(CLOCK_MONOTONIC_COARSE));
}

bool interrupt_was_stolen(void)
{
	int64_t then_ns = atomic_load(&command_ns);

	return errno == EINTR && then_ns && sys_clock_ns(CLOCK_MONOTONIC_COARSE) - then_ns < STOLEN_WINDOW_NS;
}

/* Did the system call before this context end with EINTR? */
static bool context_is_interrupted_call(const ucontext_t *context)
{
#if defined(__x86_64__)
	const unsigned char *next = (const unsigned char *)context->uc_mcontext.gregs[REG_RIP];

	return context->uc_mcontext.gregs[REG_RAX] == -EINTR && next[-2] == 0x0f && next[-1] == 0x05;
#elif defined(__aarch64__)
	uint32_t before;

	memcpy(&before, (const void *)(context->uc_mcontext.pc - 4), sizeof(before));
	return context->uc_mcontext.regs[0] == (unsigned long long)-EINTR && before == 0xd4000001;
#else
#error "say here how a system call instruction and its result look on this architecture"
#endif
}

void interrupt_note_program(void)
{
	interrupt_state = INTERRUPT_NONE;
}

void interrupt_note_signal(const ucontext_t *context, uint64_t own_signals)
{
	uint64_t pending = 0, blocked;

	if (!context_is_interrupted_call(context))
		return;
	memcpy(&blocked, &context->uc_sigmask, sizeof(blocked));
	sys_sigpending(&pending);
	if ((pending & ~blocked & ~own_signals) == 0)
		interrupt_state = INTERRUPT_OURS;
	else
		interrupt_note_program();
}
