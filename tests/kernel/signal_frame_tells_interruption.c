/*
 * How our handler knows that it was its signal that made a wait call return EINTR (x86-64): the
 * frame beneath it has rax == -EINTR, and rip just behind a syscall instruction. That is so exactly
 * when its signal interrupted a call that is never restarted; not in plain code, not in a call that
 * is restarted, not when the frame beneath is another handler's.
 */
#include "kernel.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

enum { UPPER = 2, LOWER = 3 };

static atomic_int calls[64], hits[64];
static atomic_bool may_stop;

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
	const ucontext_t *frame = context;
	const uint8_t *next = (const uint8_t *)(uintptr_t)frame->uc_mcontext.gregs[REG_RIP];
	bool is_behind_syscall = next[-2] == 0x0f && next[-1] == 0x05;

	(void)info;
	if (is_behind_syscall && frame->uc_mcontext.gregs[REG_RAX] == -EINTR)
		atomic_fetch_add(&hits[signal_number - SIGRTMIN], 1);
	atomic_fetch_add(&calls[signal_number - SIGRTMIN], 1);
}

static void handler_set(int number)
{
	struct sigaction action = {
		.sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO,
	};

	sigaction(SIGRTMIN + number, &action, NULL);
}

static void calls_await(int number, int count)
{
	for (int i = 0; i < 2000 && atomic_load(&calls[number]) < count; i++)
		sleep_ms(1);
	require(atomic_load(&calls[number]) == count, "the handler runs");
}

static long call_ppoll(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return ppoll(&wanted, 1, NULL, NULL);
}

/* Both signals are pending when the mask lets them in: the higher number's frame comes on top. */
static long call_ppoll_with_two(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	sigset_t two, none;

	sigemptyset(&none);
	sigemptyset(&two);
	sigaddset(&two, SIGRTMIN + UPPER);
	sigaddset(&two, SIGRTMIN + LOWER);
	pthread_sigmask(SIG_BLOCK, &two, NULL);
	thread_signal(gettid(), SIGRTMIN + UPPER);
	thread_signal(gettid(), SIGRTMIN + LOWER);
	return ppoll(&wanted, 1, NULL, &none);
}

static void *spin(void *argument)
{
	*(_Atomic pid_t *)argument = gettid();
	while (!atomic_load(&may_stop))
		continue;
	return NULL;
}

static void expect_no_hit_in_plain_code(void)
{
	_Atomic pid_t tid = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, spin, &tid);
	while (atomic_load(&tid) == 0)
		sleep_ms(1);
	for (int i = 1; i <= 50; i++) {
		thread_signal(tid, SIGRTMIN + 1);
		calls_await(1, i);
	}
	atomic_store(&may_stop, true);
	pthread_join(thread, NULL);
	require(atomic_load(&hits[1]) == 0, "plain code does not look like an interrupted call");
}

int main(void)
{
	struct sockaddr_in address;
	int listen_fd = listener_new(&address);
	struct caller caller;

	for (int i = 0; i <= 3; i++)
		handler_set(i);
	caller_start(&caller, call_ppoll, listen_fd, SYS_ppoll);
	thread_signal(caller.tid, SIGRTMIN);
	require(caller_returns(&caller, 2000) && caller.error == EINTR, "ppoll() gives EINTR");
	require(atomic_load(&hits[0]) == 1,
		"the handler sees the call that its signal interrupted");

	expect_no_hit_in_plain_code();

	caller_start(&caller, call_accept, listen_fd, SYS_accept);
	thread_signal(caller.tid, SIGRTMIN);
	calls_await(0, 2);
	require(atomic_load(&hits[0]) == 1, "a call that is restarted does not look interrupted");
	close(client_new(&address));
	require(caller_returns(&caller, 2000), "it goes on");

	/* Not caller_start(): it is not blocked for a moment. */
	require(call_ppoll_with_two(listen_fd) == -1 && errno == EINTR, "ppoll() gives EINTR");
	require(atomic_load(&calls[UPPER]) == 1 && atomic_load(&calls[LOWER]) == 1, "both ran");
	require(atomic_load(&hits[UPPER]) + atomic_load(&hits[LOWER]) == 1,
		"with two signals only the handler whose frame lies on the call sees it");
	return 0;
}
