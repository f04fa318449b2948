/* exec and posix_spawn in all their forms: what the next program gets, and what failing says. */
#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const environment[] = { (char *)"ONE=1", (char *)"TWO=2", NULL };
static char *words[] = { (char *)"sh", (char *)"-c", (char *)"echo \"$0 $1: $ONE $TWO $(env | grep -c .)\"",
			 (char *)"zero", (char *)"first", NULL };

enum way { EXECVE, EXECVPE, FEXECVE, EXECVEAT, EXECL, EXECLE, EXECLP, EXECV, EXECVP, WAYS };
static const char *const names[] = { "execve", "execvpe", "fexecve", "execveat", "execl", "execle",
				     "execlp", "execv", "execvp" };

static void go(enum way way)
{
	switch (way) {
	case EXECVE: execve("/bin/sh", words, environment); break;
	case EXECVPE: execvpe("sh", words, environment); break;
	case FEXECVE: fexecve(open("/bin/sh", O_RDONLY | O_CLOEXEC), words, environment); break;
	case EXECVEAT: execveat(AT_FDCWD, "/bin/sh", words, environment, 0); break;
	case EXECL: execl("/bin/sh", words[0], words[1], words[2], words[3], words[4], NULL); break;
	case EXECLE:
		execle("/bin/sh", words[0], words[1], words[2], words[3], words[4], NULL, environment);
		break;
	case EXECLP: execlp("sh", words[0], words[1], words[2], words[3], words[4], NULL); break;
	case EXECV: execv("/bin/sh", words); break;
	default: execvp("sh", words); break;
	}
	_exit(9);
}

static void wait_for(pid_t pid)
{
	int status = -1;

	must(waitpid(pid, &status, 0), "waitpid");
	say("status %x", (unsigned)status);
}

static void works(void)
{
	pid_t pid;
	int result;

	for (volatile enum way way = 0; way < WAYS; way++) {
		say("- %s", names[way]);
		pid = fork();
		if (pid == 0) {
			clearenv();
			setenv("ONE", "own", 1);
			setenv("PATH", "/bin:/usr/bin", 1);
			go(way);
		}
		wait_for(pid);
		pid = vfork();
		if (pid == 0) {
			if (way == EXECVE || way == EXECVPE || way == FEXECVE || way == EXECLE)
				go(way);
			_exit(3);
		}
		wait_for(pid);
	}
	/* What the child says comes first. */
	result = posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environment);
	wait_for(pid);
	told("posix_spawn", result);
	result = posix_spawnp(&pid, "sh", NULL, NULL, words, environment);
	wait_for(pid);
	told("posix_spawnp", result);
}

static void fails(void)
{
	char *none[] = { NULL };
	const void *volatile bad = (void *)1;
	pid_t pid = 1;

	say("- failing");
	told("execve, none", execve("/nonexistent", words, environment));
	told("execve, directory", execve("/tmp", words, environment));
	told("execve, not executable", execve("/etc/passwd", words, environment));
	told("execve, bad path", execve(bad, words, environment));
	told("execve, bad argv", execve("/bin/sh", bad, environment));
	told("execve, empty", execve("", words, environment));
	told("execv, none", execv("/nonexistent", words));
	told("execvp, none", execvp("nonexistent", words));
	told("execvpe, none", execvpe("nonexistent", words, environment));
	told("execl, none", execl("/nonexistent", "sh", NULL));
	told("execle, none", execle("/nonexistent", "sh", NULL, environment));
	told("execlp, none", execlp("nonexistent", "sh", NULL));
	told("fexecve, bad", fexecve(-1, words, environment));
	told("execveat, bad", execveat(-1, "x", words, environment, 0));
	errno = 0;
	say("posix_spawn, none: %d, errno %d", posix_spawn(&pid, "/nonexistent", NULL, NULL, words, none), errno);
	say("posix_spawnp, none: %d", posix_spawnp(&pid, "nonexistent", NULL, NULL, words, none));
	say("pid %d", pid == 1);
}

/* Of the signals that are flip's in the bare face, too, the next program gets what this one has set. */
static void inherits(void)
{
	static char *look[] = { (char *)"grep", (char *)"-E", (char *)"SigBlk|SigIgn", (char *)"/proc/self/status", NULL };
	sigset_t set;
	struct pollfd wait = { .fd = listener(8080), .events = POLLIN };

	(void)poll(&wait, 1, 300); /* in the bare face it is a server from here on */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGQUIT, SIG_IGN);
	say("- signals");
	told("execv, none", execv("/nonexistent", look));
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("HUP blocked %d", sigismember(&set, SIGHUP));
	say("the end");
	execv("/bin/grep", look);
}

int main(void)
{
	works();
	fails();
	inherits();
	return 1;
}
