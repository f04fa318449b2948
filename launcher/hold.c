#include "hold.h"

#include "core/protocol.h"
#include "process.h"
#include "target.h"

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

/* True when the supervisor has ended, with its wait status. */
static bool reap(pid_t supervisor, int *status)
{
	int other;
	pid_t pid;

	while ((pid = waitpid(-1, &other, WNOHANG)) > 0)
		if (pid == supervisor) {
			*status = other;
			return true;
		}
	return pid < 0;
}

/* A timer of the program that we were, or the shim's own signal, is for nobody any more. */
static bool is_sent_by_somebody(const siginfo_t *info)
{
	return info->si_signo != SIGCHLD && info->si_signo != SESSION_SIGNAL &&
	       (info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL);
}

int hold_run(pid_t pid)
{
	int status = W_EXITCODE(EXIT_FLIP, 0);
	siginfo_t info;
	sigset_t all;

	if (pid <= 1)
		errx(EXIT_FLIP, "hold is for the library to call; use: flip run -- COMMAND");
	signal(SIGCHLD, SIG_DFL); /* ignored, it would not be told of */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	while (!reap(pid, &status)) {
		if (sigwaitinfo(&all, &info) > 0 && is_sent_by_somebody(&info))
			kill(pid, info.si_signo);
	}
	if (WIFSIGNALED(status))
		process_end_by(WTERMSIG(status));
	return process_exit_code(status);
}
