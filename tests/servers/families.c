/*
 * The families of processes that servers are made of: a master with workers in every way to share
 * the listener or the connections, a process or a program for each connection. One listener only.
 */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 256, WORDS = 6 };

static pid_t fork_or_end(const struct server *server)
{
	/* As vsftpd does: nothing that was registered for fork() hears of it. */
	pid_t pid = server->options.raw_clone ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();

	if (pid == -1)
		err(1, "fork");
	return pid;
}

/* A master that only looks after its workers. */

typedef void (*worker_fn)(struct server *server);

static void worker_start(struct server *server, worker_fn body)
{
	if (fork_or_end(server) != 0)
		return;
	server->options.threads = 1;
	body(server);
	_exit(0);
}

static void master_run(struct server *server, worker_fn body)
{
	for (int i = 0; i < server->options.threads; i++)
		worker_start(server, body);
	if (server->options.close_listener)
		close(server->listen_fds[0]);
	for (;;) {
		if (wait(NULL) == -1 && errno == ECHILD)
			return;
		if (server->options.respawn && !server_is_stopping())
			worker_start(server, body);
	}
}

static void worker_accept(struct server *server)
{
	while (!server_is_stopping()) {
		int fd = server_accept(server, server->listen_fds[0], 0);

		if (fd >= 0)
			connection_serve(server, fd);
	}
}

void run_prefork(struct server *server)
{
	master_run(server, worker_accept);
}

void run_prefork_poll(struct server *server)
{
	master_run(server, run_poll);
}

void run_prefork_epoll(struct server *server)
{
	master_run(server, run_epoll);
}

void run_prefork_exclusive(struct server *server)
{
	master_run(server, run_epoll_exclusive);
}

/* All workers wait on the one set that the master has made. */

static int shared_set;

static void worker_shared(struct server *server)
{
	while (!server_is_stopping()) {
		struct epoll_event event;
		int fd;

		if (epoll_wait(shared_set, &event, 1, -1) == -1)
			server_wait_failed(server, "epoll_wait");
		else if ((fd = server_accept(server, event.data.fd, 0)) >= 0)
			connection_serve(server, fd);
	}
}

void run_prefork_shared(struct server *server)
{
	struct epoll_event event = { .events = EPOLLIN };

	shared_set = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = server->listen_fds[0];
	if (shared_set == -1 || epoll_ctl(shared_set, EPOLL_CTL_ADD, event.data.fd, &event) == -1)
		err(1, "epoll");
	master_run(server, worker_shared);
}

/* The master holds no listener: each worker makes its own. */

static void worker_listen(struct server *server)
{
	server_listen(server);
	worker_accept(server);
}

void run_worker_listens(struct server *server)
{
	master_run(server, worker_listen);
}

/* Programs: this one again, with words of its own. */

static const struct {
	const char *name;
	bool is_spawn;
} ways[] = {
	{ "execve", false }, { "execv", false }, { "execvp", false }, { "execvpe", false },
	{ "fexecve", false }, { "execl", false }, { "execle", false }, { "execlp", false },
	{ "vfork", false }, { "posix_spawn", true }, { "posix_spawnp", true },
};

static int way_find(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].name, name) == 0)
			return (int)i;
	errx(2, "nobody can exec by '%s'", name);
}

static char *const no_environment[] = { (char *)"FAMILY=yes", NULL };

/* Those without an environment of their own take ours, which has nothing in it but that. */
static void environment_strip(void)
{
	clearenv();
	putenv(no_environment[0]);
}

static void program_exec(const char *way, char *words[])
{
	const char *path = words[0];
	int fd;

	if (strcmp(way, "execve") == 0 || strcmp(way, "vfork") == 0)
		execve(path, words, no_environment);
	if (strcmp(way, "execvpe") == 0)
		execvpe(path, words, no_environment);
	if (strcmp(way, "fexecve") == 0 && (fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0)
		fexecve(fd, words, no_environment);
	if (strcmp(way, "execle") == 0)
		execle(path, words[0], words[1], words[2], words[3], NULL, no_environment);
	environment_strip();
	if (strcmp(way, "execv") == 0)
		execv(path, words);
	if (strcmp(way, "execvp") == 0)
		execvp(path, words);
	if (strcmp(way, "execl") == 0)
		execl(path, words[0], words[1], words[2], words[3], words[4], NULL);
	if (strcmp(way, "execlp") == 0)
		execlp(path, words[0], words[1], words[2], words[3], words[4], NULL);
	err(127, "%s", way);
}

static pid_t program_spawn(const char *way, char *words[], int stdin_fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	if (stdin_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, stdin_fd, 0);
	errno = (strcmp(way, "posix_spawnp") == 0 ? posix_spawnp : posix_spawn)
		(&pid, words[0], &actions, NULL, words, no_environment);
	if (errno != 0)
		err(1, "%s", way);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* stdin_fd: what the program is to find at 0; -1 leaves that as it is. */
static pid_t program_start(const struct server *server, char *words[], int stdin_fd)
{
	const char *way = server->options.exec;
	pid_t pid;

	if (ways[way_find(way)].is_spawn)
		return program_spawn(way, words, stdin_fd);
	pid = strcmp(way, "vfork") == 0 ? vfork() : fork_or_end(server);
	if (pid == 0) {
		if (stdin_fd >= 0)
			dup2(stdin_fd, 0);
		program_exec(way, words);
	}
	return pid;
}

/* The words of a worker, as many as the variadic ways pass on. */
static void words_make(const struct server *server, char *words[WORDS], const char *wait_word)
{
	static char path[4096], wait[64], rest[320], tag[300];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[length > 0 ? length : 0] = '\0';
	snprintf(wait, sizeof(wait), "--wait=%s", wait_word);
	snprintf(rest, sizeof(rest), "--listen-fd=%d", server->listen_fds[0]);
	snprintf(tag, sizeof(tag), "--tag=%.256s", server->options.tag);
	words[0] = path;
	words[1] = wait;
	words[2] = rest;
	words[3] = tag;
	words[4] = server->options.keepalive ? (char *)"--keepalive" : NULL;
	words[5] = NULL;
}

/* Workers that are programs of their own: they find the listener among their descriptors. */
void run_prefork_exec(struct server *server)
{
	char *words[WORDS];

	fcntl(server->listen_fds[0], F_SETFD, 0);
	words_make(server, words, server->nonblocking ? "epoll" : "accept");
	for (int i = 0; i < server->options.threads; i++)
		program_start(server, words, -1);
	for (;;) {
		if (wait(NULL) == -1 && errno == ECHILD)
			return;
		if (server->options.respawn)
			program_start(server, words, -1);
	}
}

/* A process for each connection. */

static void serve_each(struct server *server, void (*serve)(struct server *server, int fd))
{
	signal(SIGCHLD, SIG_IGN);
	while (!server_is_stopping()) {
		int fd = server_accept(server, server->listen_fds[0], 0);

		if (fd < 0)
			continue;
		serve(server, fd);
		server_close(fd);
	}
}

static void serve_by_fork(struct server *server, int fd)
{
	if (fork_or_end(server) != 0)
		return;
	connection_serve(server, fd);
	_exit(0);
}

void run_fork(struct server *server)
{
	serve_each(server, serve_by_fork);
}

/* A program for each connection, which it finds at 0, 1 and 2, as from inetd. */

static void serve_by_program(struct server *server, int fd)
{
	static char *words[WORDS];

	if (words[0] == NULL)
		words_make(server, words, "stdio");
	if (ways[way_find(server->options.exec)].is_spawn) {
		program_spawn(server->options.exec, words, fd);
		return;
	}
	if (fork_or_end(server) != 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	close(fd);
	program_exec(server->options.exec, words);
}

void run_fork_exec(struct server *server)
{
	serve_each(server, serve_by_program);
}

void run_stdio(struct server *server)
{
	connection_serve(server, 0);
}

/*
 * A child that computes for --work-ms, and is killed then at any system call that is not one of these. It makes
 * all of them between one request and the next, as those for an FTP session do.
 */

#define ALLOW(number)                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),    \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void filter_install(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_fcntl),
		ALLOW(SYS_ioctl),
		ALLOW(SYS_socket),
		ALLOW(SYS_bind),
		ALLOW(SYS_listen),
		ALLOW(SYS_accept),
		ALLOW(SYS_getsockname),
		ALLOW(SYS_shutdown),
		ALLOW(SYS_close),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(rules) / sizeof(*rules), rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		err(1, "seccomp");
}

/* A listener for a connection of the session's own, which nobody opens. */
static void listen_in_a_cage(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd == -1 || bind(fd, (struct sockaddr *)&address, length) == -1 || listen(fd, 1) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) == -1 || ioctl(fd, FIONBIO, &on) == -1 ||
	    accept(fd, NULL, NULL) != -1 || errno != EAGAIN || shutdown(fd, SHUT_RDWR) == -1 || close(fd) == -1)
		_exit(1);
}

static void serve_in_a_cage(struct server *server, int fd)
{
	char line[LINE_SIZE], answer[2 * LINE_SIZE];
	int64_t begun;
	int pid;
	ssize_t length;

	if (fork_or_end(server) != 0)
		return;
	for (begun = now_ms(); now_ms() - begun < server->options.work_ms;)
		;
	close(server->listen_fds[0]);
	pid = getpid();
	filter_install();
	do {
		length = read(fd, line, sizeof(line));
		if (length <= 0)
			break;
		listen_in_a_cage();
		if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == -1)
			_exit(1);
		length = snprintf(answer, sizeof(answer), "%.256s %d %.*s", server->options.tag, pid,
				  (int)length, line);
	} while (write(fd, answer, (size_t)length) == length && server->options.keepalive);
	shutdown(fd, SHUT_RDWR);
	_exit(0);
}

void run_fork_seccomp(struct server *server)
{
	serve_each(server, serve_in_a_cage);
}

/* A master that accepts and hands the connections round. */

struct envelope {
	struct iovec vector;
	struct msghdr header;
	char byte;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
};

static void envelope_init(struct envelope *envelope)
{
	memset(envelope, 0, sizeof(*envelope));
	envelope->vector = (struct iovec){ &envelope->byte, 1 };
	envelope->header.msg_iov = &envelope->vector;
	envelope->header.msg_iovlen = 1;
	envelope->header.msg_control = &envelope->control;
	envelope->header.msg_controllen = sizeof(envelope->control);
}

static void connection_pass(int to, int fd)
{
	struct envelope envelope;
	struct cmsghdr *rights;

	envelope_init(&envelope);
	rights = CMSG_FIRSTHDR(&envelope.header);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(int));
	if (sendmsg(to, &envelope.header, MSG_NOSIGNAL) == -1)
		err(3, "sendmsg");
}

static int connection_receive(int from)
{
	struct envelope envelope;
	int fd;

	envelope_init(&envelope);
	if (recvmsg(from, &envelope.header, 0) <= 0)
		exit(0);	/* the master has gone */
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&envelope.header)), sizeof(int));
	return fd;
}

static void receive_from(struct server *server, int from)
{
	for (;;)
		connection_serve(server, connection_receive(from));
}

/* The worker's end is its standard input, also for one that is no program of its own. */
void run_receive(struct server *server)
{
	receive_from(server, 0);
}

static void pass_to_workers(struct server *server, const int *workers)
{
	for (unsigned next = 0; !server_is_stopping(); next++) {
		int fd = server_accept(server, server->listen_fds[0], SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		connection_pass(workers[next % (unsigned)server->options.threads], fd);
		server_close(fd);
	}
}

static void workers_start(struct server *server, int *workers, char *words[])
{
	for (int i = 0; i < server->options.threads; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
			err(1, "socketpair");
		workers[i] = ends[0];
		if (words != NULL) {
			program_start(server, words, ends[1]);
		} else if (fork_or_end(server) == 0) {
			/* Or the workers would keep each other's ends open, and nobody sees the end. */
			for (int j = 0; j <= i; j++)
				close(workers[j]);
			receive_from(server, ends[1]);
		}
		close(ends[1]);
	}
}

void run_pass(struct server *server)
{
	int workers[WORKERS_MAX];

	workers_start(server, workers, NULL);
	pass_to_workers(server, workers);
}

void run_pass_exec(struct server *server)
{
	int workers[WORKERS_MAX];
	char *words[WORDS];

	words_make(server, words, "receive");
	workers_start(server, workers, words);
	pass_to_workers(server, workers);
}

/* Children that hold the listener and never touch it. They end with their master, or at a signal. */
void run_idle_children(struct server *server)
{
	int ends[2];
	char byte;

	if (pipe(ends) == -1)
		err(1, "pipe");
	for (int i = 0; i < server->options.threads; i++) {
		if (fork_or_end(server) == 0) {
			close(ends[1]);
			while (read(ends[0], &byte, 1) == -1 && errno == EINTR && !server->options.strict)
				;
			while (server->options.outlive)
				pause();
			_exit(0);
		}
	}
	worker_accept(server);
}

/* A process of the program's that nobody is the parent of any more, in a session of its own. */
void server_leave_orphan(const struct server *server)
{
	if (!server->options.orphan)
		return;
	if (fork_or_end(server) != 0) {
		wait(NULL);
		return;
	}
	setsid();
	if (fork_or_end(server) != 0)
		_exit(0);
	for (;;)
		pause();
}

/* Into the background. */

void server_daemonize(const struct server *server)
{
	const char *how = server->options.daemon;

	if (how == NULL)
		return;
	/* As one that is slow to end, or waits for what it has started. */
	if (strcmp(how, "slow") == 0) {
		if (fork_or_end(server) != 0) {
			sleep_ms(300);
			_exit(0);
		}
		setsid();
		return;
	}
	if (strcmp(how, "double") != 0) {
		if (daemon(1, 1) == -1)
			err(1, "daemon");
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (fork_or_end(server) != 0)
			_exit(0);
		if (i == 0)
			setsid();
	}
}
