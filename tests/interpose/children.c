/* Children by every way there is, and what signals do to them. */
#include "observe.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int listen_fd;
static volatile int n_children;

static void say_status(const char *what, pid_t pid)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, 0);

	if (got != pid)
		say("%s: waitpid: %s", what, strerrorname_np(errno));
	else if (WIFSIGNALED(status))
		say("%s: killed by %d", what, WTERMSIG(status));
	else
		say("%s: exit code %d", what, WEXITSTATUS(status));
}

static void count_child(int signal)
{
	(void)signal;
	n_children = n_children + 1;
}

static void ways_to_start(void)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 5", NULL };
	pid_t pid;
	FILE *file;
	char text[64] = "";
	int status;

	say("- ways to start");
	told("wait for nobody", wait(NULL));
	told("wait for nobody", waitpid(-1, NULL, WNOHANG | __WALL));
	pid = fork();
	if (pid == 0)
		_exit(4);
	say_status("fork", pid);
	pid = vfork();
	if (pid == 0) {
		close(0);
		dup2(1, 63);
		execv("/bin/sh", argv);
		_exit(9);
	}
	say_status("vfork", pid);
	say("0 is open: %d, 63 is: %d", fcntl(0, F_GETFD) == 0, fcntl(63, F_GETFD) == 0);
	pid = vfork();
	if (pid == 0) {
		execl("/nonexistent", "x", NULL);
		_exit(errno == ENOENT ? 6 : 7);
	}
	say_status("vfork, no exec", pid);
	say("posix_spawn %d", posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ));
	say_status("posix_spawn", pid);
	status = system("exit 3");
	say("system %d", WEXITSTATUS(status));
	file = popen("echo from popen; ls /proc/self/fd | wc -l", "r");
	while (fgets(text, sizeof(text), file))
		say("popen: %.*s", (int)strcspn(text, "\n"), text);
	say("pclose %d", WEXITSTATUS(pclose(file)));
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(fcntl(listen_fd, F_GETFD) == 0 ? 8 : 9);
	say_status("clone", pid);
}

static void tidy(void)
{
	pid_t pid = fork();

	say_status("- nobody else is to be waited for", pid == 0 ? (_exit(0), 0) : pid);
	told("wait", waitpid(-1, NULL, __WALL));
	say("SIGCHLD came: %d", n_children > 0);
}

/* What children see of the environment, and of descriptors, that they would not see otherwise. */
static void executed(void)
{
	pid_t pid;

	say("- executed"); /* before there are two who write */
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exec ls /proc/self/fd", NULL);
		_exit(9);
	}
	say_status("descriptors", pid);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c",
		      "exec sed -n 's/^Sig[BIC][lgn][kntg]:/&/p' /proc/self/status", NULL);
		_exit(9);
	}
	say_status("signals", pid);
}

enum disposition { AS_PARENT, DEFAULT, IGNORE, HANDLER };

static void exit_by(int signal)
{
	_exit(50 + signal);
}

/* The child says by a pipe that it is set up, and ends by the signal or by the pipe's end. */
static void signalled(const char *what, int signal, enum disposition disposition, int raw)
{
	int ready[2], hold[2];
	char byte;
	pid_t pid;

	must(pipe(ready), "pipe");
	must(pipe(hold), "pipe");
	pid = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : fork();
	if (pid == 0) {
		close(hold[1]);
		if (disposition == DEFAULT)
			(void)!!sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		if (disposition == IGNORE)
			(void)!!sigaction(signal, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
		if (disposition == HANDLER)
			(void)!!sigaction(signal, &(struct sigaction){ .sa_handler = exit_by }, NULL);
		(void)!write(ready[1], "x", 1);
		_exit(read(hold[0], &byte, 1) == -1 && errno == EINTR ? 41 : 40);
	}
	close(hold[0]);
	(void)!read(ready[0], &byte, 1);
	kill(pid, signal);
	usleep(30000);
	close(hold[1]);
	say_status(what, pid);
	close(ready[0]);
	close(ready[1]);
}

static void signals_to_children(void)
{
	static const int signals[] = { SIGHUP, SIGQUIT, SIGTERM, SIGUSR1 };
	char what[64];

	say("- signals to children");
	for (size_t i = 0; i < 4; i++)
		for (int raw = 0; raw < 2; raw++) {
			static const char *const names[] = { "as parent", "default", "ignored", "handler" };

			for (int way = AS_PARENT; way <= HANDLER; way++) {
				snprintf(what, sizeof(what), "%s %s%s", sigabbrev_np(signals[i]),
					 names[way], raw ? ", by clone" : "");
				signalled(what, signals[i], (enum disposition)way, raw);
			}
		}
}

static void count_signal(int signal)
{
	(void)signal;
	handled = handled + 1;
}

/* A handler that the program has set is a child's as well, with all that was said of it. */
static void inherited_handlers(int signal)
{
	struct sigaction action = { .sa_handler = count_signal };
	int ready[2], hold[2];
	char byte;
	pid_t pid;

	must(pipe(ready), "pipe");
	must(pipe(hold), "pipe");
	must(sigaction(signal, &action, NULL), "sigaction");
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		handled = 0;
		(void)!write(ready[1], "x", 1);
		/* No SA_RESTART: interrupted. */
		if (read(hold[0], &byte, 1) == -1 && errno == EINTR)
			_exit(60 + handled);
		_exit(70 + handled);
	}
	close(hold[0]);
	(void)!read(ready[0], &byte, 1);
	usleep(30000);
	kill(pid, signal);
	usleep(50000);
	close(hold[1]);
	say_status("handler of the parent's", pid);
	action.sa_handler = SIG_IGN;
	must(sigaction(signal, &action, NULL), "sigaction");
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", signal == SIGHUP ? "kill -HUP $$; exit 7" : "kill -QUIT $$; exit 7",
		      NULL);
		_exit(9);
	}
	say_status("ignored by the parent", pid);
	action.sa_handler = SIG_DFL;
	must(sigaction(signal, &action, NULL), "sigaction");
	close(ready[0]);
	close(ready[1]);
}

static void separated(void)
{
	struct pollfd wait = { .fd = listen_fd, .events = POLLIN };
	int ends[2];
	char byte;
	pid_t pid;

	say("- separated"); /* once: before there are two to say it */
	pid = fork();
	if (pid == 0) {
		told("unshare files", unshare(CLONE_FILES));
		told("unshare", unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC));
		told("poll", poll(&wait, 1, 10));
		told("close", close(listen_fd));
		told("socket", socket(AF_INET, SOCK_STREAM, 0) - listen_fd);
		_exit(0);
	}
	say_status("unshare", pid);
	pid = fork();
	if (pid == 0) {
		told("chroot", chroot("/proc"));
		told("setuid", setgid(65534) | setuid(65534));
		told("poll", poll(&wait, 1, 10));
		told("accept4", accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK));
		_exit(0);
	}
	{
		int client_fd = client(port_of(listen_fd));

		say_status("chroot and setuid", pid);
		close(client_fd);
	}
	must(pipe(ends), "pipe");
	pid = fork();
	if (pid == 0) {
		int result = daemon(1, 1);

		/* Its turn comes when its parent's end has been told, and its own end tells that. */
		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		told("daemon", result);
		_exit(0);
	}
	say_status("daemon", pid);
	close(ends[1]);
	close(ends[0]);
	usleep(200000);
	pid = fork();
	if (pid == 0) {
		told("session", setsid() == getpid() ? 0 : -1);
		told("poll", poll(&wait, 1, 10));
		_exit(2);
	}
	say_status("setsid", pid);
}

int main(void)
{
	handle(SIGCHLD, SA_RESTART | SA_NOCLDSTOP);
	signal(SIGCHLD, count_child);
	listen_fd = listener(8080);
	settle(listen_fd);
	ways_to_start();
	executed();
	signals_to_children();
	inherited_handlers(SIGHUP);
	inherited_handlers(SIGQUIT);
	separated();
	tidy();
	say("the end");
	return 0;
}
