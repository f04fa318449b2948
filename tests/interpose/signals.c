/* What a program has set for signals is what it is told, and what happens. */
#include "observe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void first(int signal)
{
	(void)signal;
	handled = handled + 1;
}

static void second(int signal)
{
	(void)signal;
	handled = handled + 10;
}

static void with_info(int signal, siginfo_t *info, void *context)
{
	(void)context;
	handled = handled + (info->si_signo == signal && info->si_pid == getpid() ? 100 : 1000);
}

static const char *name(sighandler_t handler)
{
	return handler == SIG_DFL ? "default" :
	       handler == SIG_IGN ? "ignored" :
	       handler == SIG_ERR ? "error" :
	       handler == first	  ? "first" :
	       handler == second  ? "second" :
	       handler == (sighandler_t)(void *)with_info ? "with info" : "UNKNOWN";
}

static void say_action(const char *what, int signal)
{
	struct sigaction action;
	char mask[200] = "";
	size_t length = 0;

	must(sigaction(signal, NULL, &action), "sigaction");
	for (int i = 1; i <= SIGRTMAX; i++)
		if (sigismember(&action.sa_mask, i) == 1)
			length += (size_t)snprintf(mask + length, sizeof(mask) - length, " %d", i);
	say("%s %d: %s, flags %x, mask%s", what, signal, name(action.sa_handler),
	    (unsigned)action.sa_flags & ~0x04000000u, mask);
}

static void actions(int signal_number)
{
	struct sigaction action = { .sa_handler = first, .sa_flags = SA_NODEFER }, old;

	say_action("at first", signal_number);
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	sigaddset(&action.sa_mask, 61);
	told("sigaction", sigaction(signal_number, &action, &old));
	say("old: %s", name(old.sa_handler));
	say_action("then", signal_number);
	say("signal: %s", name(signal(signal_number, second)));
	say_action("then", signal_number);
	say("signal: %s", name(signal(signal_number, SIG_IGN)));
	say_action("then", signal_number);
	action.sa_sigaction = with_info;
	action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESETHAND;
	told("sigaction", sigaction(signal_number, &action, &old));
	say("old: %s, %x", name(old.sa_handler), (unsigned)old.sa_flags & ~0x04000000u);
	say_action("then", signal_number);
	say("signal: %s", name(signal(signal_number, SIG_DFL)));
	say_action("at last", signal_number);
}

static void say_mask(const char *what)
{
	char text[300] = "";
	size_t length = 0;
	sigset_t set;

	must(sigprocmask(SIG_BLOCK, NULL, &set), "sigprocmask");
	for (int i = 1; i <= SIGRTMAX; i++)
		if (sigismember(&set, i) == 1)
			length += (size_t)snprintf(text + length, sizeof(text) - length, " %d", i);
	say("%s:%s", what, text);
}

static void masks(void)
{
	sigset_t set, old;

	say_mask("blocked");
	sigfillset(&set);
	told("block all", sigprocmask(SIG_BLOCK, &set, &old));
	say_mask("blocked");
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, 61);
	told("unblock two", sigprocmask(SIG_UNBLOCK, &set, &old));
	say("old had HUP %d QUIT %d 61 %d 60 %d", sigismember(&old, SIGHUP),
	    sigismember(&old, SIGQUIT), sigismember(&old, 61), sigismember(&old, 60));
	say_mask("blocked");
	say("pthread_sigmask %d", pthread_sigmask(SIG_SETMASK, &set, &old));
	say_mask("blocked");
	sigemptyset(&set);
	told("none", sigprocmask(SIG_SETMASK, &set, NULL));
	say_mask("blocked");
}

static int blocks_term;

static void look_at_mask(int signal)
{
	sigset_t set;

	(void)signal;
	sigprocmask(SIG_BLOCK, NULL, &set);
	blocks_term = sigismember(&set, SIGTERM);
}

static void delivered(int signal_number)
{
	handled = 0;
	signal(signal_number, first);
	raise(signal_number);
	kill(getpid(), signal_number);
	say("signal %d: handled %d", signal_number, handled);
	struct sigaction action = { .sa_sigaction = with_info, .sa_flags = SA_SIGINFO };
	sigaction(signal_number, &action, NULL);
	raise(signal_number);
	kill(getpid(), signal_number);
	sigqueue(getpid(), signal_number, (union sigval){ .sival_int = 3 });
	say("signal %d: handled %d", signal_number, handled);
	action.sa_handler = SIG_IGN; /* and with SA_SIGINFO */
	sigaction(signal_number, &action, NULL);
	raise(signal_number);
	action = (struct sigaction){ .sa_handler = look_at_mask, .sa_flags = SA_RESETHAND };
	sigaction(signal_number, &action, NULL);
	raise(signal_number);
	sigaction(signal_number, NULL, &action);
	say("once: then %s; in it TERM was blocked %d", name(action.sa_handler), blocks_term);
	signal(signal_number, SIG_IGN);
	raise(signal_number);
	signal(signal_number, SIG_DFL);
	say("signal %d: handled %d", signal_number, handled);
}

static void waited(int signal_number)
{
	struct signalfd_siginfo info;
	struct timespec time = { 0, 200000000 };
	siginfo_t about;
	sigset_t set;
	int got = 0, fd;

	sigemptyset(&set);
	sigaddset(&set, signal_number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), signal_number);
	say("sigwait %d: %d", sigwait(&set, &got), got);
	kill(getpid(), signal_number);
	told("sigwaitinfo", sigwaitinfo(&set, &about));
	kill(getpid(), signal_number);
	told("sigtimedwait", sigtimedwait(&set, &about, &time));
	told("sigtimedwait", sigtimedwait(&set, &about, &time));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	say("signalfd %d", fd >= 0);
	told("read", read(fd, &info, sizeof(info)));
	kill(getpid(), signal_number);
	told("read", read(fd, &info, sizeof(info)));
	say("signal %u", info.ssi_signo);
	close(fd);
	sigset_t pending;
	kill(getpid(), signal_number);
	sigpending(&pending);
	say("pending %d", sigismember(&pending, signal_number));
	sigwait(&set, &got);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void suspended(int signal_number)
{
	sigset_t all, none;

	sigemptyset(&none);
	sigfillset(&all);
	handled = 0;
	signal(signal_number, first);
	sigprocmask(SIG_SETMASK, &all, NULL);
	kill(getpid(), signal_number);
	say("handled %d", handled);
	told("sigsuspend", sigsuspend(&none));
	say("handled %d", handled);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGALRM, second);
	alarm_in_ms(200);
	told("pause", pause());
	say("handled %d", handled);
	signal(signal_number, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
}

/*
 * What comes by the signals that are flip's is left out: 61 where the program waits for it, or flip's
 * own kind of it keeps coming; SIGHUP and SIGQUIT in the bare face (`signals no-commands`). What the
 * program has set for them is told to it nonetheless.
 */
int main(int argc, char **argv)
{
	bool commands = argc == 1;
	static const int signals[] = { SIGUSR1, 60, 62, SIGHUP, SIGQUIT, 61 };
	size_t n = commands ? 5 : 3;

	for (int again = 0; again < 2; again++) {
		if (again || generation() == 2)
			for (size_t i = 0; i < 6; i++)
				actions(signals[i]);
		if (again)
			break;
		int listen_fd = listener(8080);
		settle(listen_fd);
		alarm(0);
		say("- as a server");
	}
	masks();
	for (size_t i = 0; i < (commands ? 6 : n); i++)
		delivered(signals[i]);
	for (size_t i = 0; i < n; i++)
		waited(signals[i]);
	for (size_t i = 0; i < n; i++)
		suspended(signals[i]);
	say("the end");
	return 0;
}
