#include "process.h"

#include "core/procfs.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* For FLIP_CHANNEL=NAME/NUMBER, or a pid. */
#define VARIABLE_ROOM 80

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
	start->channel = variable_reserve(start->environment, "FLIP_CHANNEL");
	start->notify = variable_reserve(start->environment, "NOTIFY_SOCKET");
	start->listen_pid = pid_reserve(start->environment, "LISTEN_PID");
	start->watchdog_pid = pid_reserve(start->environment, "WATCHDOG_PID");
}

void start_init(struct start *start, char **argv, const char *library, const sigset_t *blocked)
{
	start->argv = argv;
	start->directory = logical_directory();
	start->blocked = *blocked;
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

/* In our memory: nothing is allocated, and nothing is changed but what the child is to tell. */
static _Noreturn void run_child(const struct start *start, volatile struct failure *failure)
{
	setpgid(0, 0);
	setrlimit(RLIMIT_NOFILE, &start->files);
	pid_pass_on(&start->listen_pid, getppid()); /* the descriptors pass through: sd_listen_fds(3) */
	pid_pass_on(&start->watchdog_pid, start->main_pid); /* sd_watchdog_enabled(3) */
	if (start->directory && chdir(start->directory) != 0) {
		failure->step = 1;
	} else {
		sigprocmask(SIG_SETMASK, &start->blocked, NULL);
		execvpe(start->argv[0], start->argv, start->environment);
	}
	failure->error = errno;
	_exit(127);
}

pid_t process_start(const struct start *start, const char *channel, const char *notify,
		    const char **step)
{
	volatile struct failure failure = { 0, 0 };
	pid_t pid;

	snprintf(start->channel, VARIABLE_ROOM, "FLIP_CHANNEL=%s", channel);
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

/* The fields behind the name, which may contain anything (proc(5)): state, ppid, pgrp. */
static bool read_stat(pid_t pid, pid_t *parent, pid_t *group, char *state)
{
	char path[32], text[512], *fields;
	int fd, parent_read, group_read;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	fields = strrchr(text, ')');
	if (!fields || sscanf(fields + 1, " %c %d %d", state, &parent_read, &group_read) != 3)
		return false;
	*parent = parent_read;
	*group = group_read;
	return true;
}

pid_t process_parent(pid_t pid)
{
	pid_t parent, group;
	char state;

	return read_stat(pid, &parent, &group, &state) ? parent : 0;
}

bool process_is_alive(pid_t pid)
{
	pid_t parent, group;
	char state;

	return read_stat(pid, &parent, &group, &state) && state != 'Z' && state != 'X';
}

uint64_t process_started(pid_t pid)
{
	char path[32], text[1024] = { 0 }, *fields;
	unsigned long long started = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	fields = file && fread(text, 1, sizeof(text) - 1, file) > 0 ? strrchr(text, ')') : NULL;
	/* The 22nd field; the name, which may contain anything, is the second. */
	if (fields)
		(void)!sscanf(fields + 1,
			      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			      " %*d %*d %llu",
			      &started);
	if (file)
		fclose(file);
	return started;
}

bool process_belongs(pid_t pid, pid_t root)
{
	pid_t parent, group, at = pid;
	char state;

	/* A group outlives its leader: an orphan that the supervisor adopted still has it. */
	for (int depth = 0; depth < 64 && at > 1; depth++) {
		if (at == root)
			return true;
		if (!read_stat(at, &parent, &group, &state))
			return false;
		if (group == root)
			return true;
		at = parent;
	}
	return at == root;
}

/* A walk through the children that /proc tells of (CONFIG_PROC_CHILDREN, Linux 3.5). */
struct walk {
	pid_t root;
	void (*found)(pid_t pid, void *argument);
	void *argument;
	unsigned depth;
};

static void walk_process(struct walk *walk, pid_t pid);

static void walk_children(struct walk *walk, pid_t pid, const char *task, bool orphans_only)
{
	char path[64];
	pid_t parent, group;
	char state;
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)pid, task);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1) {
		if (orphans_only && (child == walk->root || !read_stat(child, &parent, &group, &state) ||
				     group != walk->root))
			continue;
		walk_process(walk, child);
	}
	if (file)
		fclose(file);
}

static void walk_process(struct walk *walk, pid_t pid)
{
	pid_t parent, group;
	char path[32], state;
	DIR *tasks;
	struct dirent *entry;

	/* Beneath process 1 of a namespace there are we, and the generations that we started. */
	if (pid == getpid() || walk->depth > 32 || !read_stat(pid, &parent, &group, &state))
		return;
	walk->depth++;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			walk_children(walk, pid, entry->d_name, false);
	if (tasks)
		closedir(tasks);
	walk->depth--;
	if (state != 'Z' && state != 'X')
		walk->found(pid, walk->argument);
}

void process_each(pid_t root, void (*found)(pid_t pid, void *argument), void *argument)
{
	struct walk walk = { root, found, argument, 0 };
	char self[16];

	walk_process(&walk, root);
	/* Those whose parents have ended are our own children now: a process group outlives that. */
	snprintf(self, sizeof(self), "%d", (int)getpid());
	walk_children(&walk, getpid(), self, true);
}

bool process_catches(pid_t pid, int signal)
{
	char path[32], line[128];
	unsigned long long caught = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SigCgt: %llx", &caught) == 1)
			break;
	if (file)
		fclose(file);
	return caught >> (signal - 1) & 1;
}

/* Calls found() for each socket that the process has open, until that returns false. */
static void socket_each(pid_t pid, bool (*found)(int fd, uint64_t inode, void *argument),
			void *argument)
{
	char path[32], target[64];
	unsigned long long inode;
	DIR *directory;
	struct dirent *entry;
	bool more = true;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	while (directory && more && (entry = readdir(directory))) {
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		if (sscanf(target, "socket:[%llu]", &inode) == 1)
			more = found(procfs_parse_number(entry->d_name), inode, argument);
	}
	if (directory)
		closedir(directory);
}

struct search {
	uint64_t inode;
	bool found;
};

static bool search_socket(int fd, uint64_t inode, void *argument)
{
	struct search *search = argument;

	(void)fd;
	search->found = inode == search->inode;
	return !search->found;
}

static bool process_holds(pid_t pid, uint64_t inode)
{
	struct search search = { .inode = inode };

	socket_each(pid, search_socket, &search);
	return search.found;
}

static void search_process(pid_t pid, void *argument)
{
	struct search *search = argument;

	search->found = search->found || process_holds(pid, search->inode);
}

bool process_tree_holds(pid_t root, uint64_t inode)
{
	struct search search = { .inode = inode };

	process_each(root, search_process, &search);
	return search.found;
}

struct count {
	int pidfd;
	const struct ports *ports;
	uint64_t n;
};

static bool is_connection(int fd, const struct ports *ports)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	uint32_t key;

	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		return false;
	key = address_key(&address);
	length = sizeof(address);
	return key && ports->word[key / 64] >> (key % 64) & 1 &&
	       getpeername(fd, (struct sockaddr *)&address, &length) == 0;
}

/* A look at a copy of the descriptor (pidfd_getfd, Linux 5.6): the process is not disturbed. */
static bool count_connection(int fd, uint64_t inode, void *argument)
{
	struct count *count = argument;
	int copy = (int)syscall(SYS_pidfd_getfd, count->pidfd, fd, 0);

	(void)inode;
	if (copy < 0)
		return true;
	count->n += is_connection(copy, count->ports);
	close(copy);
	return true;
}

uint64_t process_connections(pid_t pid, const struct ports *ports)
{
	struct count count = { (int)syscall(SYS_pidfd_open, pid, 0), ports, 0 };

	if (count.pidfd < 0)
		return 0;
	if (ports)
		socket_each(pid, count_connection, &count);
	close(count.pidfd);
	return count.n;
}

static void kill_one(pid_t pid, void *argument)
{
	unsigned *n = argument;

	kill(pid, SIGKILL);
	++*n;
}

void process_kill_tree(pid_t root)
{
	for (int round = 0; round < 20; round++) {
		unsigned n = 0;

		process_each(root, kill_one, &n);
		if (n == 0)
			return;
	}
}

const char *process_status_text(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by SIG%s (%s)%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?",
			 strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
	return text;
}
