/*
 * What servers do with signals: with every one that there is, so that those which somebody else may
 * want are among them. All but the late ones do it before the first listener.
 *
 *   block              blocked in every thread, and nobody asks for them
 *   block-raw          the same by a system call of its own, past libc; -late: after listen()
 *   handlers           each has a handler, for which the program is prepared by SA_RESTART
 *   handlers-raw-late  the same past libc, after listen()
 *   sigwait ...        blocked; the main thread takes them one by one, another one runs the server
 *   signalfd           the same by a descriptor, read while it blocks
 */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_int seen_count, seen_last;
static int signal_fd = -1;

static void note(int signal_number)
{
	atomic_store(&seen_last, signal_number);
	atomic_fetch_add(&seen_count, 1);
}

int signals_seen(int *last)
{
	int count = atomic_load(&seen_count);

	*last = atomic_load(&seen_last);
	return count;
}

/* Those that a fault raises, and those that tell of children and sockets, keep their meaning. */
static bool is_special(int signal_number)
{
	static const int special[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
				       SIGABRT, SIGSYS, SIGCHLD, SIGPIPE };

	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		if (signal_number == special[i])
			return true;
	}
	return false;
}

static void on_signal(int signal_number)
{
	note(signal_number);
	if (signal_number == SIGTERM || signal_number == SIGINT)
		_exit(0);
}

static void handlers_set(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	for (int i = 1; i <= SIGRTMAX; i++) {
		if (!is_special(i))
			sigaction(i, &action, NULL);	/* but for the two that are libc's own */
	}
}

/*
 * The kernel's own form, with what libc gives as the way back. The signals of real time only: those
 * are what a runtime that does so wants, and the others may be left to whoever sends them.
 */
static void handlers_set_raw(void)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} action;

	syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, sizeof(action.mask));
	action.handler = on_signal;
	for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
		syscall(SYS_rt_sigaction, i, &action, NULL, sizeof(action.mask));
}

static void block_raw(void)
{
	uint64_t every = ~0ull;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, NULL, sizeof(every));
}

static void on_nothing(int signal_number)
{
	(void)signal_number;
}

static void signals_begin_late(const struct server *server)
{
	if (server->options.signals == SIGNALS_BLOCK_RAW_LATE)
		block_raw();
	if (server->options.signals == SIGNALS_HANDLERS_RAW_LATE) {
		signal(SIGUSR1, on_nothing);	/* so that there is a way back to be copied */
		handlers_set_raw();
	}
}

void signals_begin(const struct server *server)
{
	enum signals signals = server->options.signals;
	sigset_t all;

	sigfillset(&all);
	if (signals == SIGNALS_HANDLERS)
		handlers_set();
	else if (signals == SIGNALS_BLOCK_RAW)
		block_raw();
	else if (signals == SIGNALS_BLOCK || signals >= SIGNALS_SIGWAIT)
		pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (signals == SIGNALS_SIGNALFD)
		signal_fd = signalfd(-1, &all, SFD_CLOEXEC);
}

/* The next signal; -1: none, yet. Whoever waits for a signal has one, or it is an error (--strict). */
static int signal_take(const struct server *server)
{
	struct timespec timeout = { .tv_sec = 1 };
	struct signalfd_siginfo info;
	int result = -1;
	sigset_t all;

	sigfillset(&all);
	switch (server->options.signals) {
	case SIGNALS_SIGWAIT:
		errno = sigwait(&all, &result);
		return errno == 0 ? result : -1;
	case SIGNALS_SIGWAITINFO:
		return sigwaitinfo(&all, NULL);
	case SIGNALS_SIGTIMEDWAIT:
		result = sigtimedwait(&all, NULL, &timeout);
		if (result == -1 && errno == EAGAIN)
			return 0;
		return result;
	default:
		if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
			return (int)info.ssi_signo;
		return -1;
	}
}

struct job {
	struct server *server;
	void (*run)(struct server *server);
};

static void *run_job(void *argument)
{
	struct job *job = argument;

	job->run(job->server);
	return NULL;
}

void signals_run(struct server *server, void (*run)(struct server *server))
{
	struct job job = { server, run };
	pthread_t thread;

	signals_begin_late(server);
	if (server->options.signals < SIGNALS_SIGWAIT) {
		run(server);
		return;
	}
	errno = pthread_create(&thread, NULL, run_job, &job);
	if (errno != 0)
		err(1, "pthread_create");
	for (;;) {
		int signal_number = signal_take(server);

		if (signal_number == -1)
			server_wait_failed(server, "waiting for a signal");
		if (signal_number > 0)
			note(signal_number);
		if (signal_number == SIGTERM || signal_number == SIGINT) {
			log_line("told to end by signal %d", signal_number);
			server_stop();
			server_finish(server);
		}
	}
}
