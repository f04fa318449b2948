#include "check.h"

#include "log.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of its output the last so many bytes are kept, and of these the last lines are told. */
#define OUTPUT_BYTES 4096
#define OUTPUT_LINES 10

static struct {
	pid_t pid; /* 0: none runs */
	const char *what, *command;
	uint32_t timeout_ms;
	bool timed_out;
	void (*done)(bool ok);
	struct timer deadline;
	struct source output;
	char text[OUTPUT_BYTES];
	size_t length;
} check;

/* Reads what there is; true while more may come. */
static bool read_output(void)
{
	char text[OUTPUT_BYTES / 2];
	ssize_t n = read(check.output.fd, text, sizeof(text));
	size_t spare = sizeof(check.text) - 1 - check.length;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if ((size_t)n > spare) {
		memmove(check.text, check.text + (size_t)n - spare, check.length - ((size_t)n - spare));
		check.length -= (size_t)n - spare;
	}
	output_clean(text, (size_t)n);
	memcpy(check.text + check.length, text, (size_t)n);
	check.length += (size_t)n;
	return true;
}

static void output_ready(struct source *source, short revents)
{
	(void)source;
	(void)revents;
	if (!read_output())
		loop_close(&check.output);
}

static void tell_output(void)
{
	unsigned lines = 0;
	char *at;

	while (check.length > 0 && check.text[check.length - 1] == '\n')
		check.length--;
	check.text[check.length] = '\0';
	for (at = check.text + check.length; at > check.text; at--)
		if (at[-1] == '\n' && ++lines == OUTPUT_LINES)
			break;
	for (char *line = strsep(&at, "\n"); line && check.length > 0; line = strsep(&at, "\n"))
		service_tell("  | %s", line);
}

static void conclude(int status)
{
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char text[80];

	if (check.timed_out)
		service_set_failure("%s '%.100s' was not done within %u ms", check.what, check.command,
				    check.timeout_ms);
	else if (!ok)
		service_set_failure("%s '%.100s' %s", check.what, check.command,
				    process_status_text(status, text, sizeof(text)));
	if (!ok)
		tell_output();
	check.done(ok);
}

bool check_reaped(pid_t pid, int status)
{
	if (pid != check.pid || !pid)
		return false;
	check.pid = 0;
	timer_clear(&check.deadline);
	/* What it has left running may hold the pipe: what there is by now is its output. */
	while (check.output.active && read_output())
		;
	loop_close(&check.output);
	conclude(status);
	return true;
}

static void check_timeout(struct timer *timer)
{
	(void)timer;
	check.timed_out = true;
	kill(-check.pid, SIGKILL);
}

void check_abort(void)
{
	if (check.pid)
		kill(-check.pid, SIGKILL);
	check.pid = 0;
	timer_clear(&check.deadline);
	loop_close(&check.output);
}

static _Noreturn void run_child(const char *command, int output_fd)
{
	const struct start *start = &service.start;

	setpgid(0, 0);
	setrlimit(RLIMIT_NOFILE, &start->files);
	/* It may listen, as nginx -t does, but it is no server of ours, nor of systemd's. */
	setenv("FLIP_DISABLE", "1", 1);
	unsetenv("NOTIFY_SOCKET");
	if (dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0 ||
	    !start_enter_directory(start)) {
		(void)!write(output_fd, strerror(errno), strlen(strerror(errno)));
		_exit(127);
	}
	start_restore_signals(start);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Returns the pipe that its output comes from, or -1 and errno. */
static int start_process(const char *command)
{
	int fds[2], error;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	check.pid = fork();
	if (check.pid == 0)
		run_child(command, fds[1]);
	error = errno;
	close(fds[1]);
	if (check.pid > 0)
		return fds[0];
	close(fds[0]);
	check.pid = 0;
	errno = error;
	return -1;
}

/* service.failure says why. */
static void not_started(struct timer *timer)
{
	(void)timer;
	check.done(false);
}

void check_start(const char *what, const char *command, uint32_t timeout_ms, void (*done)(bool ok))
{
	int fd;

	check.what = what;
	check.command = command;
	check.timeout_ms = timeout_ms;
	check.timed_out = false;
	check.done = done;
	check.length = 0;
	fd = start_process(command);
	if (fd < 0) {
		service_set_failure("cannot run %s '%.100s': %s", what, command, strerror(errno));
		timer_set(&check.deadline, 0, not_started);
		return;
	}
	setpgid(check.pid, check.pid);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	loop_add(&check.output, fd, POLLIN, output_ready);
	timer_set(&check.deadline, timeout_ms, check_timeout);
}
