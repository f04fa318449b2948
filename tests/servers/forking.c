/* The ways of waiting in which processes share the work: workers, or a process per connection. */
#include "common.h"

#include <err.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fork_or_end(void)
{
	pid_t pid = fork();

	if (pid == -1)
		err(1, "fork");
	return pid;
}

static void work(struct server *server)
{
	while (!server_is_stopping()) {
		int fd = server_accept(server, server->listen_fds[0], 0);

		if (fd >= 0)
			connection_serve(server, fd);
	}
	_exit(0);
}

/* A master that only looks after its workers, each of them blocked in accept(). */
void run_prefork(struct server *server)
{
	for (int i = 0; i < server->options.threads; i++)
		if (fork_or_end() == 0)
			work(server);
	while (wait(NULL) > 0)
		;
}

void run_fork(struct server *server)
{
	signal(SIGCHLD, SIG_IGN);
	while (!server_is_stopping()) {
		int fd = server_accept(server, server->listen_fds[0], 0);

		if (fd < 0)
			continue;
		if (fork_or_end() == 0) {
			connection_serve(server, fd);
			_exit(0);
		}
		server_close(fd);
	}
}
