/* The test server: a table of the ways to wait, and what happens before the first wait. */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct mode {
	const char *name;
	void (*run)(struct server *server);
	bool blocking;			/* unless --blocking or --nonblocking say otherwise */
} modes[] = {
	{ "accept", run_accept, true },
	{ "accept4", run_accept4, true },
	{ "epoll", run_epoll, false },
	{ "epoll-blocking", run_epoll, true },
	{ "epoll-et", run_epoll_et, false },
	{ "epoll-exclusive", run_epoll_exclusive, false },
	{ "epoll-many", run_epoll_many, false },
	{ "epoll-nested", run_epoll_nested, false },
	{ "epoll-pwait", run_epoll_pwait, false },
	{ "epoll-pwait2", run_epoll_pwait2, false },
	{ "fork", run_fork, true },
	{ "fork-exec", run_fork_exec, true },
	{ "fork-seccomp", run_fork_seccomp, true },
	{ "idle-children", run_idle_children, true },
	{ "pass", run_pass, true },
	{ "pass-exec", run_pass_exec, true },
	{ "poll", run_poll, false },
	{ "poll-blocking", run_poll_blocking, true },
	{ "poll-elsewhere", run_poll_elsewhere, true },
	{ "poll-nested", run_poll_nested, false },
	{ "ppoll", run_ppoll, false },
	{ "prefork", run_prefork, true },
	{ "prefork-epoll", run_prefork_epoll, false },
	{ "prefork-exclusive", run_prefork_exclusive, false },
	{ "prefork-exec", run_prefork_exec, true },
	{ "prefork-poll", run_prefork_poll, false },
	{ "prefork-shared", run_prefork_shared, false },
	{ "pselect", run_pselect, false },
	{ "raw", run_raw, false },
	{ "receive", run_receive, true },
	{ "select", run_select, false },
	{ "select-blocking", run_select_blocking, true },
	{ "select-nested", run_select_nested, false },
	{ "stdio", run_stdio, true },
	{ "thread", run_thread, true },
	{ "threads", run_threads, true },
	{ "uring", run_uring, true },
	{ "uring-multishot", run_uring_multishot, true },
	{ "worker-listens", run_worker_listens, true },
};

/* The others come by theirs, or by connections, on a way of their own. */
static bool has_listener(const struct mode *mode)
{
	return mode->run != run_receive && mode->run != run_stdio && mode->run != run_worker_listens;
}

static const struct mode *mode_find(const char *name)
{
	size_t count = sizeof(modes) / sizeof(*modes);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	}
	fprintf(stderr, "server: no way to wait is called '%s'; there are:", name);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, " %s", modes[i].name);
	fputc('\n', stderr);
	exit(2);
}

static void signals_print(const char *title, const sigset_t *set)
{
	printf("%s:", title);
	for (int i = 1; i <= SIGRTMAX; i++) {
		if (sigismember(set, i) == 1)
			printf(" %d", i);
	}
	putchar('\n');
}

static void ignored_get(sigset_t *set)
{
	sigemptyset(set);
	for (int i = 1; i <= SIGRTMAX; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigaddset(set, i);
	}
}

/* What a process has from the one that started it. */
static void start_print(int argc, char *argv[])
{
	const char *variable = getenv("FLIPTEST");
	mode_t mask = umask(0);
	char directory[4096] = "?";
	struct rlimit limit;
	sigset_t set;

	umask(mask);
	for (int i = 0; i < argc; i++)
		printf("argv[%d]: '%s'\n", i, argv[i]);
	printf("cwd: %s\n", getcwd(directory, sizeof(directory)) ? directory : "?");
	printf("FLIPTEST: %s\n", variable ? variable : "unset");
	printf("umask: %03o\n", (unsigned)mask);
	getrlimit(RLIMIT_NOFILE, &limit);
	printf("nofile: %ju %ju\n", (uintmax_t)limit.rlim_cur, (uintmax_t)limit.rlim_max);
	sigprocmask(SIG_BLOCK, NULL, &set);
	signals_print("blocked", &set);
	ignored_get(&set);
	signals_print("ignored", &set);
	fflush(stdout);
}

static struct server server;
static const struct mode *mode;

static void prepare(void)
{
	if (!server.options.daemon_late)
		server_daemonize(&server);
	server_leave_orphan(&server);
	signals_begin(&server);
	if (has_listener(mode))
		server_listen(&server);
	if (server.options.daemon_late)
		server_daemonize(&server);
	server_catch_signals(&server);
	if (!server.options.pid_first)
		pid_file_write(&server.options);
	server_mishap(&server, STAGE_WRITTEN);
	sleep_ms(server.options.init_ms);
	sleep_while_exists(server.options.init_while);
	server_notify(&server);
}

static void *serve(void *unused)
{
	(void)unused;
	if (server.options.main_thread == MAIN_ENDS_EARLY) {
		sleep_ms(10);
		prepare();
	}
	signals_run(&server, mode->run);
	server_finish(&server);
}

/* While this thread ends, or when it has. */
static _Noreturn void serve_elsewhere(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, serve, NULL);
	if (errno != 0)
		err(1, "pthread_create");
	pthread_exit(NULL);
}

int main(int argc, char *argv[])
{
	options_parse(&server.options, argc, argv);
	mode = mode_find(server.options.wait);
	if (server.options.print_start)
		start_print(argc, argv);
	pid_file_check(&server.options);
	if (server.options.pid_first)
		pid_file_write(&server.options);
	server_mishap(&server, STAGE_START);
	sleep_ms(server.options.init_before_bind_ms);
	sleep_while_exists(server.options.init_before_bind_while);
	if (server.options.blocking == -1)
		server.options.blocking = mode->blocking;
	server.nonblocking = !server.options.blocking;
	if (server.options.main_thread != MAIN_ENDS_EARLY)
		prepare();
	if (server.options.main_thread != MAIN_STAYS)
		serve_elsewhere();
	serve(NULL);
}
