#include "process.h"

#include "allowed.h"
#include "cleanup.h"
#include "core/flag.h"
#include "core/procfs.h"
#include "core/protocol.h"
#include "spare.h"

#include <bsd/string.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* For FLIP_CHANNEL=NAME/NUMBER, or a pid. */
#define VARIABLE_ROOM 80
/* Listeners that a service manager has opened for us (sd_listen_fds(3)); of one more we know nothing. */
#define LISTEN_FDS_MAX 64
#define LISTEN_FDS_START 3
#define INODE_ROOM 21

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		err(125, "no memory to start a server");
	return memory;
}

static const char *logical_directory(void)
{
	const char *logical = getenv("PWD");
	struct stat here, there;

	if (logical && logical[0] == '/' && stat(".", &here) == 0 && stat(logical, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return strdup(logical);
	return getcwd(NULL, 0);
}

static bool is_our_library(const char *path, size_t length)
{
	static const char name[] = "libflip.so";
	size_t at = length;

	while (at > 0 && path[at - 1] != '/')
		at--;
	return length - at == sizeof(name) - 1 && memcmp(path + at, name, sizeof(name) - 1) == 0;
}

/* LD_PRELOAD= with ours before what `rest` has, less an earlier mention of it. */
static char *preload_new(const char *library, const char *rest)
{
	size_t room = strlen("LD_PRELOAD=") + strlen(library) + strlen(rest) + 2;
	char *text = allocate(room);

	snprintf(text, room, "LD_PRELOAD=%s", library);
	while (*rest) {
		size_t length = strcspn(rest, ": ");

		if (length && !is_our_library(rest, length)) {
			strlcat(text, ":", room);
			strncat(text, rest, length);
		}
		rest += length + (rest[length] != '\0');
	}
	return text;
}

/* Where the variable is, or the end of the list. */
static char **variable_find(char **environment, const char *name)
{
	size_t length = strlen(name);

	while (*environment &&
	       (strncmp(*environment, name, length) != 0 || (*environment)[length] != '='))
		environment++;
	return environment;
}

/*
 * ",INODE" for each inherited listener that blocks: once generations share it, that is to be seen no
 * more, and the shim is told (shim/inherit.c).
 */
static char *blocking_listeners(void)
{
	const char *text = getenv("LISTEN_FDS");
	long n = text ? strtol(text, NULL, 10) : 0;
	char *list = allocate(LISTEN_FDS_MAX * INODE_ROOM + 1), *at = list;
	struct stat status;

	for (int fd = LISTEN_FDS_START; fd < LISTEN_FDS_START + n && fd < LISTEN_FDS_START + LISTEN_FDS_MAX;
	     fd++)
		if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) &&
		    !(fcntl(fd, F_GETFL) & O_NONBLOCK))
			at += sprintf(at, ",%llu", (unsigned long long)status.st_ino);
	return list;
}

/* Room in the environment for a value that each generation has anew. */
static char *variable_reserve(char **environment, const char *name)
{
	char **place = variable_find(environment, name);

	*place = allocate(VARIABLE_ROOM);
	snprintf(*place, VARIABLE_ROOM, "%s=", name);
	return *place;
}

/* What names a process and may have to name the child instead: LISTEN_PID, WATCHDOG_PID. */
static struct start_pid pid_reserve(char **environment, const char *name)
{
	const char *value = getenv(name);
	struct start_pid pid = { .meant = value ? (pid_t)strtol(value, NULL, 10) : 0 };

	if (value) {
		pid.variable = variable_reserve(environment, name);
		snprintf(pid.variable, VARIABLE_ROOM, "%s=%.32s", name, value);
	}
	return pid;
}

/* Made once: a child that shares our memory until it is another program can make nothing. */
static void environment_init(struct start *start, const char *library)
{
	const char *preload = getenv("LD_PRELOAD");
	size_t n = 0;

	while (environ[n])
		n++;
	start->environment = allocate((n + 4) * sizeof(*start->environment));
	memcpy(start->environment, environ, n * sizeof(*environ));
	*variable_find(start->environment, "LD_PRELOAD") = preload_new(library, preload ? preload : "");
	start->blocking = blocking_listeners();
	start->channel = allocate(VARIABLE_ROOM + strlen(start->blocking));
	*variable_find(start->environment, "FLIP_CHANNEL") = start->channel;
	start->notify = variable_reserve(start->environment, "NOTIFY_SOCKET");
	start->listen_pid = pid_reserve(start->environment, "LISTEN_PID");
	start->watchdog_pid = pid_reserve(start->environment, "WATCHDOG_PID");
}

/* Whatever we were started with: who has SIGCHLD ignored hears of no end. */
static const struct {
	int signal;
	void (*handler)(int);
} own_signals[] = { { SIGCHLD, SIG_DFL }, { SIGPIPE, SIG_IGN }, { SIGXFSZ, SIG_IGN }, { SIGTTOU, SIG_IGN } };

_Static_assert(sizeof(own_signals) / sizeof(*own_signals) ==
		       sizeof(((struct start *)NULL)->handlers) / sizeof(*((struct start *)NULL)->handlers),
	       "each has a place for what it was");

void start_restore_signals(const struct start *start)
{
	for (size_t i = 0; i < sizeof(own_signals) / sizeof(*own_signals); i++)
		signal(own_signals[i].signal, start->handlers[i]);
	sigprocmask(SIG_SETMASK, &start->blocked, NULL);
}

void start_init(struct start *start, const char *program, char **argv, const char *library,
		const sigset_t *blocked)
{
	start->program = program;
	start->argv = argv;
	start->directory = logical_directory();
	start->blocked = *blocked;
	for (size_t i = 0; i < sizeof(own_signals) / sizeof(*own_signals); i++)
		start->handlers[i] = signal(own_signals[i].signal, own_signals[i].handler);
	environment_init(start, library);
	getrlimit(RLIMIT_NOFILE, &start->files);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ start->files.rlim_max, start->files.rlim_max });
}

struct failure {
	int error;
	int step;
};

static const char *const steps[] = { "cannot run", "cannot change to the directory" };

/* What the variable says was meant for this process, and now for the child that we are. */
static void pid_pass_on(const struct start_pid *pid, pid_t meant)
{
	if (pid->variable && pid->meant == meant)
		snprintf(strchr(pid->variable, '=') + 1, VARIABLE_ROOM / 2, "%d", (int)getpid());
}

bool start_enter_directory(const struct start *start)
{
	/* Without the rights for what lies above it, it cannot be found; but we have been there since we were started. */
	return !start->directory || chdir(start->directory) == 0 || errno == EACCES;
}

/* In our memory: nothing is allocated, and nothing is changed but what the child is to tell. */
static _Noreturn void run_child(const struct start *start, volatile struct failure *failure)
{
	setpgid(0, 0);
	setrlimit(RLIMIT_NOFILE, &start->files);
	pid_pass_on(&start->listen_pid, getppid()); /* the descriptors pass through: sd_listen_fds(3) */
	pid_pass_on(&start->watchdog_pid, start->main_pid); /* sd_watchdog_enabled(3) */
	if (!start_enter_directory(start)) {
		failure->step = 1;
	} else {
		start_restore_signals(start);
		execvpe(start->program, start->argv, start->environment);
	}
	failure->error = errno;
	_exit(127);
}

pid_t process_start(const struct start *start, const char *channel, const char *notify,
		    const char **step)
{
	volatile struct failure failure = { 0, 0 };
	pid_t pid;

	snprintf(start->channel, VARIABLE_ROOM + strlen(start->blocking), "FLIP_CHANNEL=%s%s", channel,
		 start->blocking);
	snprintf(start->notify, VARIABLE_ROOM, "NOTIFY_SOCKET=%s", notify);
	/* Not fork(): to copy our memory would be a tenth of what a restart costs the machine. */
	pid = vfork();
	if (pid == 0)
		run_child(start, &failure);
	*step = steps[failure.step];
	if (pid < 0)
		return -errno;
	if (failure.error == 0)
		return pid;
	waitpid(pid, NULL, 0);
	return -failure.error;
}

int process_open(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	do
		fd = open(path, flags | O_CLOEXEC);
	while (fd < 0 && spare_lend());
	return fd;
}

/* Has it descriptors, a current directory and so on? */
static bool is_whole(pid_t pid)
{
	char path[32], target[1];

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	return readlink(path, target, sizeof(target)) >= 0 || errno != ENOENT;
}

pid_t process_thread(pid_t pid)
{
	int fd = is_whole(pid) ? -1 : process_open(pid, "task", O_RDONLY | O_DIRECTORY);
	DIR *tasks = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	pid_t thread = pid;

	while (tasks && thread == pid && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.' && is_whole(procfs_parse_number(entry->d_name)))
			thread = procfs_parse_number(entry->d_name);
	if (tasks)
		closedir(tasks);
	else if (fd >= 0)
		close(fd);
	return thread;
}

int process_pidfd(pid_t pid)
{
	int fd;

	do
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (fd < 0 && spare_lend());
	return fd;
}

ssize_t process_read(pid_t pid, const char *name, char *text, size_t size)
{
	int fd = process_open(pid, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return n;
}

bool process_stat(pid_t pid, struct procfs_stat *stat)
{
	char text[1024];

	if (process_read(pid, "stat", text, sizeof(text)) <= 0 || !procfs_parse_stat(text, stat))
		return false;
	if (stat->state != 'Z' || stat->threads == 1)
		return true;
	return process_read(process_thread(pid), "stat", text, sizeof(text)) > 0 &&
	       procfs_parse_stat(text, stat);
}

FILE *process_file(pid_t pid, const char *name)
{
	int fd = process_open(pid, name, O_RDONLY);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

bool process_is_ending(pid_t pid)
{
	struct procfs_stat stat;

	return process_stat(pid, &stat) && stat.is_ending;
}

bool process_is_program_of(pid_t pid, pid_t other)
{
	struct stat mine, its;
	char path[32], other_path[32];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	snprintf(other_path, sizeof(other_path), "/proc/%d/exe", (int)other);
	return stat(path, &mine) == 0 && stat(other_path, &its) == 0 && mine.st_dev == its.st_dev &&
	       mine.st_ino == its.st_ino;
}

/* A line of /proc/PID/status. */
static uint64_t status_number(const char *text, const char *label, int base)
{
	const char *line = strstr(text, label);

	return line ? strtoull(line + strlen(label), NULL, base) : 0;
}

/*
 * One that has had it pending and still sleeps keeps it out, or sleeps where no signal wakes it (vfork(2)): the
 * next one is for any thread. One that runs may be in a handler, which blocks all signals until it ends.
 */
static bool first_takes(const char *status, int signal)
{
	const char *state = strstr(status, "\nState:\t");
	uint64_t bit = 1ull << (signal - 1);

	if (!state || state[sizeof("\nState:\t") - 1] == 'Z')
		return false;
	return state[sizeof("\nState:\t") - 1] == 'R' || !(status_number(status, "\nSigPnd:", 16) & bit);
}

bool process_catches(pid_t pid, int signal, struct process_marks *marks)
{
	char text[4096];

	if (process_read(pid, "status", text, sizeof(text)) <= 0)
		return false;
	marks->is_filtered = status_number(text, "\nSeccomp:", 10) != 0;
	marks->has_waited = status_number(text, "\nvoluntary_ctxt_switches:", 10) != 0;
	marks->first_takes = first_takes(text, signal);
	marks->first_blocks = status_number(text, "\nSigBlk:", 16) >> (signal - 1) & 1;
	return status_number(text, "\nSigCgt:", 16) >> (signal - 1) & 1;
}

bool process_has_user(pid_t pid, uid_t uid)
{
	unsigned real, effective;
	char text[4096], *line;

	return process_read(pid, "status", text, sizeof(text)) > 0 && (line = strstr(text, "\nUid:")) &&
	       sscanf(line, "\nUid: %u %u", &real, &effective) == 2 && effective == uid;
}

int64_t process_age_ms(const struct procfs_stat *stat)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return 0;
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000 -
	       (int64_t)(stat->started * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

char *process_variable(pid_t pid, const char *name, bool *has_none)
{
	CLEANUP_FILE FILE *file = process_file(pid, "environ");
	CLEANUP_FREE char *variable = NULL;
	size_t length = strlen(name), size = 0;

	*has_none = file != NULL;
	while (file && getdelim(&variable, &size, '\0', file) > 0) {
		*has_none = false;
		if (strncmp(variable, name, length) == 0 && variable[length] == '=')
			return strdup(variable + length + 1);
	}
	return NULL;
}

bool process_is_disabled_by(const char *value)
{
	return value && *value && !flag_is_off(value);
}

bool process_has_mapped(pid_t pid, const char *ending)
{
	CLEANUP_FILE FILE *file = process_file(process_thread(pid), "maps");
	size_t length = strlen(ending);
	bool found = !file;
	char line[4096];

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, ending);

		/* " (deleted)" follows where another version lies there by now. */
		found = at && (at[length] == '\n' || at[length] == ' ');
	}
	return found;
}

bool process_shares_network(pid_t pid)
{
	struct stat ours, its;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return stat("/proc/self/ns/net", &ours) != 0 || stat(path, &its) != 0 || ours.st_ino == its.st_ino;
}

/* What such a link of /proc leads to, as seen from this directory. */
static bool is_socket(int directory_fd, const char *link, uint64_t *inode)
{
	static const char prefix[] = "socket:[";
	char target[64];
	ssize_t n = readlinkat(directory_fd, link, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	if (strncmp(target, prefix, sizeof(prefix) - 1) != 0)
		return false;
	*inode = strtoull(target + sizeof(prefix) - 1, NULL, 10);
	return true;
}

/*
 * Calls found() for each socket that a thread has open, until it returns false. Returns how many descriptors
 * were looked at, or -1: it does not let us look.
 */
static int socket_each(pid_t thread, bool (*found)(int fd, uint64_t inode, void *argument), void *argument)
{
	int fd = process_open(thread, "fd", O_RDONLY | O_DIRECTORY);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool more = true;
	uint64_t inode;
	int seen = 0;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (more && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		seen++;
		if (is_socket(fd, entry->d_name, &inode))
			more = found(procfs_parse_number(entry->d_name), inode, argument);
	}
	closedir(directory);
	return seen;
}

/* As socket_each(), of a process; the thread that it is looked at by is there when found() is called. */
static bool socket_each_of(pid_t pid, pid_t *thread, bool (*found)(int fd, uint64_t inode, void *argument),
			   void *argument)
{
	int seen;

	*thread = pid;
	seen = socket_each(pid, found, argument);
	if (seen > 0)
		return true;
	*thread = process_thread(pid);
	return (*thread == pid ? seen : socket_each(*thread, found, argument)) >= 0;
}

struct search {
	bool (*is_wanted)(uint64_t inode, const void *argument);
	const void *argument;
	bool found;
};

static bool search_socket(int fd, uint64_t inode, void *argument)
{
	struct search *search = argument;

	(void)fd;
	search->found = search->is_wanted(inode, search->argument);
	return !search->found;
}

bool process_holds(pid_t pid, bool (*is_wanted)(uint64_t inode, const void *argument),
		   const void *argument)
{
	struct search search = { is_wanted, argument, false };
	pid_t thread;

	socket_each_of(pid, &thread, search_socket, &search);
	return search.found;
}

bool process_holds_at(pid_t pid, int fd, bool (*is_wanted)(uint64_t inode, const void *argument),
		      const void *argument)
{
	char path[48];
	uint64_t inode;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	return is_socket(AT_FDCWD, path, &inode) && is_wanted(inode, argument);
}

/* Descriptors that lie in the queue of a Unix socket, unread (Linux 5.6). */
static unsigned in_flight(pid_t pid, int fd)
{
	static const char label[] = "scm_fds:";
	char name[32], text[512];
	const char *line;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	if (process_read(pid, name, text, sizeof(text)) <= 0)
		return 0;
	line = strstr(text, label);
	return line ? (unsigned)strtoul(line + sizeof(label) - 1, NULL, 10) : 0;
}

struct view {
	pid_t pid, thread; /* that it is looked at by */
	int pidfd;	   /* -1: nothing was to be copied yet */
	const struct ports *ports;
	bool (*is_listener)(uint64_t inode, const void *argument);
	const void *argument;
	struct process_view seen;
	struct sockaddr_storage *address; /* of the listener that is looked for */
	uint64_t last; /* the connection that was counted last: a program may have it as 0, 1 and 2 */
};

/* Does a process of the same server sit at its other end? As in shim/retire.c. */
static bool is_from_within(int fd, const struct sockaddr_storage *address, pid_t group)
{
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);

	return group && address->ss_family == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid > 0 &&
	       getpgid(peer.pid) == group;
}

static bool is_connection(int fd, const struct sockaddr_storage *address, const struct ports *ports)
{
	uint32_t key = address_key(address);
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	return ports && key && ports->word[key / 64] >> (key % 64) & 1 &&
	       getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
	       !is_from_within(fd, address, ports->group);
}

/* Its line to a supervisor, whose messages carry descriptors, too. */
static bool is_channel(int fd)
{
	static const char name[] = "\0flip-";
	struct sockaddr_un peer = { 0 };
	socklen_t length = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
	       memcmp(peer.sun_path, name, sizeof(name) - 1) == 0;
}

static bool is_placeholder(int fd)
{
	int mark = 0;
	socklen_t length = sizeof(mark);

	return getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, &length) == 0 &&
	       mark == PLACEHOLDER_MARK;
}

/* Before Linux 6.9 the descriptors of a process whose first thread has ended cannot be had. */
static int pidfd_of(pid_t pid, pid_t thread)
{
	int fd = thread == pid ? -1 : (int)syscall(SYS_pidfd_open, thread, O_EXCL); /* PIDFD_THREAD */

	return fd >= 0 ? fd : process_pidfd(pid);
}

/* A copy of its descriptor (pidfd_getfd, Linux 5.6), or -1. */
static int copy_of(struct view *view, int fd)
{
	int copy;

	if (!call_is_allowed(OPTIONAL_PIDFD_GETFD))
		return -1;
	if (view->pidfd < 0)
		view->pidfd = pidfd_of(view->pid, view->thread);
	do
		copy = (int)syscall(SYS_pidfd_getfd, view->pidfd, fd, 0);
	while (copy < 0 && spare_lend());
	return copy;
}

/* The process is not disturbed by it. */
static bool view_socket(int fd, uint64_t inode, void *argument)
{
	struct view *view = argument;
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	int copy;

	if (view->is_listener(inode, view->argument)) {
		view->seen.holds = true;
		view->seen.listener_fd = fd;
		return view->ports;
	}
	copy = copy_of(view, fd);
	if (copy < 0)
		return true;
	if (getsockname(copy, (struct sockaddr *)&address, &length) == 0) {
		if (inode != view->last && is_connection(copy, &address, view->ports)) {
			view->seen.connections++;
			view->last = inode;
		}
		if (address.ss_family == AF_UNIX && is_placeholder(copy))
			view->seen.holds = true;
		else if (address.ss_family == AF_UNIX && view->ports && !is_channel(copy))
			view->seen.in_flight += in_flight(view->thread, fd);
	}
	close(copy);
	return true;
}

/* False: it does not let us look. */
static bool view_sockets(struct view *view, bool (*found)(int fd, uint64_t inode, void *argument))
{
	bool is_seen;

	view->pidfd = -1;
	is_seen = socket_each_of(view->pid, &view->thread, found, view);
	if (view->pidfd >= 0)
		close(view->pidfd);
	return is_seen;
}

void process_look(pid_t pid, const struct ports *ports,
		  bool (*is_listener)(uint64_t inode, const void *argument), const void *argument,
		  struct process_view *seen)
{
	struct view view = {
		.pid = pid,
		.ports = ports,
		.is_listener = is_listener,
		.argument = argument,
		.seen.listener_fd = -1,
	};

	view.seen.is_hidden = !view_sockets(&view, view_socket);
	*seen = view.seen;
}

static bool view_listener(int fd, uint64_t inode, void *argument)
{
	struct view *view = argument;
	socklen_t length = sizeof(int), room = sizeof(*view->address);
	int copy = copy_of(view, fd), accepts = 0;

	if (copy < 0)
		return true;
	accepts = getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts &&
		  getsockname(copy, (struct sockaddr *)view->address, &room) == 0;
	close(copy);
	/* Last: most are connections, and it may take long to say, for one that we have ourselves may be known by that. */
	view->seen.holds = accepts && !view->is_listener(inode, view->argument);
	return !view->seen.holds;
}

bool process_listens(pid_t pid, bool (*is_known)(uint64_t inode, const void *argument), const void *argument,
		     struct sockaddr_storage *address)
{
	struct view view = { .pid = pid, .is_listener = is_known, .argument = argument, .address = address };

	*address = (struct sockaddr_storage){ 0 };
	(void)view_sockets(&view, view_listener);
	return view.seen.holds;
}

static bool is_none(uint64_t inode, const void *argument)
{
	(void)inode;
	(void)argument;
	return false;
}

static bool view_until_connected(int fd, uint64_t inode, void *argument)
{
	const struct view *view = argument;

	view_socket(fd, inode, argument);
	return view->seen.connections == 0;
}

bool process_is_connected(pid_t pid, const struct ports *ports)
{
	struct view view = { .pid = pid, .ports = ports, .is_listener = is_none };

	(void)view_sockets(&view, view_until_connected);
	return view.seen.connections > 0;
}

int process_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void process_end_by(int number)
{
	sigset_t set;

	fflush(stdout);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

const char *process_status_text(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by SIG%s (%s)%s%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?",
			 strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "",
			 WTERMSIG(status) == SIGSYS ? "; a server that allows itself only some system calls "
						      "(seccomp) has to allow those of flip's library" :
						      "");
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
	return text;
}
