#include "hold.h"

#include "target.h"

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

/* True when the supervisor has ended, with its exit code. */
static bool reap(pid_t supervisor, int *exit_code)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == supervisor) {
			*exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			return true;
		}
	return pid < 0;
}

int hold_run(pid_t pid)
{
	int exit_code = EXIT_FLIP;
	sigset_t all;

	if (pid <= 1)
		errx(EXIT_FLIP, "hold is for the library to call; use: flip run -- COMMAND");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	while (!reap(pid, &exit_code)) {
		int signal = sigwaitinfo(&all, NULL);

		if (signal > 0 && signal != SIGCHLD)
			kill(pid, signal);
	}
	return exit_code;
}
