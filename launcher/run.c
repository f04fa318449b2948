/*
 * How a supervisor comes to life and what the kernel tells it: signals, the ends of processes.
 */
#include "run.h"

#include "check.h"
#include "control.h"
#include "log.h"
#include "manager.h"
#include "migration.h"
#include "service.h"
#include "spare.h"
#include "target.h"

#include <bsd/libutil.h>
#include <bsd/unistd.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the heir of a first process is looked at, and how many times. */
#define HEIR_LOOK_MS 50
#define HEIR_LOOKS 60
#define HEIR_WAIT_MS 500 /* until it serves */
#define HEIR_BEGINS_MS 10000 /* one that has served by itself has none after that */

static struct timer heir_timer;
static unsigned heir_looks;

static void first_process_exited(struct generation *generation, int status);

static void pidfd_ready(struct source *source, short revents)
{
	struct generation *generation = (void *)((char *)source - offsetof(struct generation, pidfd));

	(void)revents;
	loop_close(source);
	first_process_exited(generation, -1);
}

/* Of a process that is no child of ours. */
static void watch(struct generation *generation)
{
	int pidfd = process_pidfd(generation->pid);

	if (pidfd >= 0)
		loop_add(&generation->pidfd, pidfd, POLLIN, pidfd_ready);
	else
		first_process_exited(generation, -1);
}

/*
 * Its workers wait, and one of them has told so: the heir itself, a mere master, that has the listener from
 * before it was forked, tells nothing. But that is whom signals are sent to.
 */
static void look_at_heir(struct timer *timer)
{
	struct generation *generation = service.current;
	bool is_serving = generation && !service.new && generation->phase == PHASE_SERVING;

	if (is_serving && (!generation->has_heir || generation_member(generation, generation->pid) ||
			   heir_looks++ == HEIR_LOOKS))
		return;
	if (generation && !service.new && generation->phase >= PHASE_RETIRING)
		return; /* and not for the one whose heir it is */
	if (is_serving)
		generation_call(generation, generation->pid);
	timer_set(timer, is_serving ? HEIR_LOOK_MS : HEIR_WAIT_MS, look_at_heir);
}

/* A daemon goes on in the background, and so does this generation. */
static void adopt(struct generation *generation, pid_t heir)
{
	log_line(LOG_LEVEL_DEBUG, "generation %u goes on in the background: process %d for %d",
		 generation->number, (int)heir, (int)generation->pid);
	generation->pid = heir;
	generation->has_heir = true;
	generation->kin.root = heir;
	kin_note(&generation->kin, heir);
	generation->was_member = generation_member(generation, heir);
	heir_looks = 0;
	timer_set(&heir_timer, HEIR_LOOK_MS, look_at_heir);
	if (!generation->kin.is_ours)
		watch(generation);
}

/* A daemon goes into the background when it listens, and its workers may be quicker than the end of its first process. */
static bool has_just_begun(const struct generation *generation)
{
	const struct member *member;

	if (clock_elapsed_ms(generation->started_ns) < HEIR_BEGINS_MS)
		TAILQ_FOREACH(member, &generation->members, link)
			if (member->pid != generation->pid)
				return true;
	return false;
}

/* Nothing that it began goes wrong when its first process ends so. */
static bool may_have_heir(const struct generation *generation, int status)
{
	return (status == 0 || status == -1) &&
	       (generation->phase == PHASE_STARTING ||
		(generation->phase == PHASE_SERVING &&
		 (!generation->was_member || has_just_begun(generation))));
}

static void first_process_exited(struct generation *generation, int status)
{
	pid_t heir;

	if (generation->phase == PHASE_STARTING && generation->orphan_status)
		status = generation->orphan_status;
	heir = may_have_heir(generation, status) ? kin_heir(&generation->kin) : 0;
	if (heir) {
		adopt(generation, heir);
		return;
	}
	generation->exited = true;
	generation->status = status;
	generation->kin.root_ended = true;
	if (generation == service.current && vacancy_is_crash(generation))
		vacancy_orphaned();
	if (status != 0 && (generation == service.new ||
			    (generation == service.current && service.state == SERVICE_PROBATION)))
		service_exited(generation); /* whatever its children do */
	else
		generation_check_gone(generation);
}

/* The terminal speaks to all of its foreground's group: npm has Ctrl-C for its server's, and does nothing itself. */
static void pass_to_group(const struct generation *generation, int signal)
{
	if (generation->exited || kill(-generation->pid, signal) != 0)
		generation_signal(generation, signal);
}

void service_pass_on(int signal, bool is_terminals)
{
	void (*pass)(const struct generation *, int) = is_terminals ? pass_to_group : generation_signal;
	const struct generation *generation;
	bool is_end = signal == SIGTERM || signal == SIGINT;

	/* The new one serves already, and what it has taken is not to be lost. */
	if (is_end && service.state == SERVICE_RETIRING) {
		service.end_pending = signal;
		service.end_is_terminals = is_terminals;
		return;
	}
	if (is_end && service_is_vacant())
		service_event(EVENT_STOP); /* what it ends must not be started again */
	/* Before what follows says anything to the server: at the end of our handler's work it would interrupt no call. */
	if (service.current) {
		service.current->told_to_end |= is_end;
		pass(service.current, signal);
	}
	TAILQ_FOREACH(generation, &service.retired, link)
		pass(generation, signal);
	if (is_end && service.state == SERVICE_PROBATION) {
		service_event(EVENT_CONFIRMED); /* what ends now ends because it was told to */
	} else if (is_end && service_is_restarting()) {
		service_set_failure("signal %d ended the upgrade", signal);
		service_event(EVENT_NEW_FAILED);
	}
}

static struct generation *generation_with(pid_t pid)
{
	struct generation *generation;

	if (service.current && service.current->pid == pid)
		return service.current;
	if (service.new && service.new->pid == pid)
		return service.new;
	TAILQ_FOREACH(generation, &service.retired, link)
		if (generation->pid == pid)
			return generation;
	return NULL;
}

/*
 * A daemon that fails at its start may be reaped before the first process, which has left it to us and is
 * about to end, too, or after what it leaves behind was taken for its heir.
 */
static void orphan_reaped(pid_t pid, int status)
{
	struct generation *starting = service.new ? service.new : service.current;

	if (!starting || starting->phase != PHASE_STARTING || starting->first_heard != pid || !status)
		return;
	starting->orphan_status = status;
	if (starting->has_heir)
		first_process_exited(starting, status);
}

/* In the background of a terminal, who reads it or sets it is halted. A version in whose place another one can serve fails. */
static void first_process_halted(struct generation *generation)
{
	log_line(LOG_LEVEL_ERROR, "generation %u (pid %d) is halted, for it reads or sets its terminal; start it with </dev/null",
		 generation->number, (int)generation->pid);
	if (generation != service.new && !(generation == service.current && service.reserve))
		return;
	service_set_failure("generation %u (pid %d) reads or sets its terminal, and was halted by that; start it with </dev/null",
			    generation->number, (int)generation->pid);
	if (generation == service.new)
		service_event(EVENT_NEW_FAILED);
	else
		kill(generation->pid, SIGKILL);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		struct generation *generation = generation_with(pid);

		if (WIFSTOPPED(status)) {
			if (generation && (WSTOPSIG(status) == SIGTTIN || WSTOPSIG(status) == SIGTTOU))
				first_process_halted(generation);
			continue;
		}
		if (check_reaped(pid, status))
			continue;
		if (generation)
			first_process_exited(generation, status);
		else
			orphan_reaped(pid, status);
	}
}

static void signal_ready(struct source *source, short revents)
{
	struct signalfd_siginfo info;
	int signal;

	(void)revents;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	signal = (int)info.ssi_signo;
	if (signal == SIGCHLD)
		reap();
	else if (signal == (int)service.settings->restart_signal && info.ssi_code <= 0)
		service_request_restart();
	else if (signal == (service.settings->stop_signal ? (int)service.settings->stop_signal : SIGQUIT))
		service_event(EVENT_STOP);
	else if (signal != SESSION_SIGNAL) /* a stray one of the shim's is nobody's */
		service_pass_on(signal, info.ssi_code == SI_KERNEL);
}

/* Whatever the service is sent, we are sent: none of it may end us by its default action. */
static void take_signals(void)
{
	static struct source source;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (signal_is_command(signal))
			sigaddset(&set, signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err(EXIT_FLIP, "cannot take signals");
	loop_add(&source, fd, POLLIN, signal_ready);
}

/* Setting up. */

static void listen_for_control(const char *command)
{
	char error[300], name[CONTROL_NAME_MAX + 1];
	int fd;

	control_name_make(command, name);
	snprintf(service.name, sizeof(service.name), "%s",
		 service.settings->name ? service.settings->name : name);
	fd = control_listen(service.name, error, sizeof(error));
	if (fd == -2 && !service.settings->name) {
		snprintf(service.name, sizeof(service.name), "%.40s-%d", name, (int)getpid());
		fd = control_listen(service.name, error, sizeof(error));
	}
	if (fd < 0)
		errx(EXIT_FLIP, "%s", error);
	asker_listen(fd);
}

static struct pidfh *write_pid_file(void)
{
	const char *path = service.settings->pid_file;
	struct pidfh *file;
	pid_t other = 0;

	if (!path)
		return NULL;
	file = pidfile_open(path, 0644, &other);
	if (!file && errno == EEXIST)
		errx(EXIT_FLIP, "the pid file %s belongs to a running process (pid %d); stop that first",
		     path, (int)other);
	if (!file)
		err(EXIT_FLIP, "cannot write the pid file %s", path);
	fcntl(pidfile_fileno(file), F_SETFD, FD_CLOEXEC);
	if (pidfile_write(file) != 0) /* which has removed it */
		err(EXIT_FLIP, "cannot write the pid file %s", path);
	return file;
}

static int run_loop(struct pidfh *pid_file)
{
	/* Older ones finish by themselves. Whoever is to start a service that has died is not to wait for them. */
	while (service.state != SERVICE_ENDED || !(service.has_died || TAILQ_EMPTY(&service.retired))) {
		loop_turn();
		manager_tell_result();
	}
	migration_end_now();
	if (pid_file)
		pidfile_remove(pid_file);
	if (service.exit_signal)
		process_end_by(service.exit_signal);
	return service.exit_code;
}

/* main_pid: whom WATCHDOG_PID names, and a service manager takes for the service. */
static void prepare(const struct settings *settings, const char *program, char **argv, pid_t main_pid)
{
	static char library[4096], shell[] = "/bin/sh", option[] = "-c";
	static char *fallback[] = { shell, option, NULL, NULL };
	char error[4400];
	sigset_t blocked;

	service.settings = settings;
	log_set_level(settings->verbosity);
	if (target_check_machine(error, sizeof(error)) != 0 ||
	    library_find(library, sizeof(library), error, sizeof(error)) != 0)
		errx(EXIT_FLIP, "%s", error);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	start_init(&service.start, program, argv, library, &blocked);
	service.start.main_pid = main_pid;
	service.fallback = service.start;
	service.fallback.program = shell;
	service.fallback.argv = fallback;
	fallback[2] = (char *)settings->fallback;
	/* A server that forks into the background stays ours, and orphans are reaped. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	spare_keep();
	take_signals();
	manager_init(getenv("NOTIFY_SOCKET"), main_pid);
}

int supervisor_run(const struct settings *settings, char **argv)
{
	struct pidfh *pid_file;

	prepare(settings, argv[0], argv, getpid());
	listen_for_control(argv[0]);
	pid_file = write_pid_file();
	if (!service_start()) {
		int error = errno;

		if (pid_file)
			pidfile_remove(pid_file);
		errx(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, "%s", service.failure);
	}
	return run_loop(pid_file);
}

int supervisor_attach(const struct settings *settings, const char *program, char **argv)
{
	const char *origin = getenv("FLIP_ORIGIN"), *preload = getenv("FLIP_PRELOAD");
	int root, summoner, group, session;
	struct pidfh *pid_file;

	if (!origin || sscanf(origin, "%d/%d/%d/%d", &root, &summoner, &group, &session) != 4)
		errx(EXIT_FLIP, "attach is for the library to call; use: flip run -- COMMAND");
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	unsetenv("FLIP_ORIGIN");
	unsetenv("FLIP_PRELOAD");
	unsetenv("FLIP_PROGRAM");
	closefrom(4);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	setpgid(0, 0); /* the terminal's signals are the server's */
	service.bare = true;
	prepare(settings, program, argv, root);
	listen_for_control(argv[0]);
	pid_file = write_pid_file();
	service.current = generation_new(++service.last_number, 3, "");
	if (!service.current)
		err(EXIT_FLIP, "cannot look after a server");
	service.current->pid = root;
	kin_init_summoner(&service.current->kin, root, group, session);
	kin_note(&service.current->kin, summoner);
	if (manager_is_deaf(root))
		log_line(LOG_LEVEL_INFO, "systemd will not hear of the process that follows this one at a restart, and"
			 " may take the service for ended: give the unit NotifyAccess=all");
	watch(service.current);
	return run_loop(pid_file);
}
