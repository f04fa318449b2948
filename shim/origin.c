#include "origin.h"

#include "core/procfs.h"
#include "log.h"
#include "session.h"
#include "sys.h"

#include <dlfcn.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#define STACK_SIZE 65536
#define ORIGIN_SIZE 64 /* FLIP_ORIGIN=ROOT/SUMMONER/GROUP/SESSION */
#define ATTACH_FD 3 /* where `flip attach` expects the channel's listening socket */

/* Shared by all that came of this image by fork: whoever listens first summons for the others. */
struct summons {
	_Atomic uint32_t state;
	socklen_t length;
	struct sockaddr_storage address; /* of the channel, when SUMMONED */
};
enum { NOT_SUMMONED, SUMMONING, SUMMONED, SUMMONS_FAILED };

static struct {
	pid_t pid, group, session;
	struct summons *summons;
	char **argv; /* flip, attach, --, then the program's own */
	char **environment;
	const char *directory;
	mode_t umask;
	uint64_t blocked, ignored;
	struct rlimit limits[RLIM_NLIMITS];
	uint64_t stdio[3]; /* inodes; 0: closed */
	char library[PATH_MAX];
	char launcher[PATH_MAX + 16];
} origin APART;

/* The program's LD_PRELOAD is for its next start, not for the helper that arranges it. */
#define PRELOAD_VARIABLE "LD_PRELOAD="
#define PRELOAD_RENAMED "FLIP_PRELOAD="
#define PROGRAM_VARIABLE "FLIP_PROGRAM="

struct arena {
	char *at;
};

static char *arena_copy(struct arena *arena, const char *prefix, const char *text)
{
	char *copy = arena->at;

	arena->at = stpcpy(stpcpy(copy, prefix), text) + 1;
	return copy;
}

static size_t vector_size(char **vector, unsigned *n)
{
	size_t size = 0;

	for (*n = 0; vector[*n]; (*n)++)
		size += strlen(vector[*n]) + 1 + sizeof(PRELOAD_RENAMED);
	return size;
}

static char *copy_variable(struct arena *arena, const char *variable)
{
	size_t length = strlen(PRELOAD_VARIABLE);

	if (strncmp(variable, PRELOAD_VARIABLE, length) == 0)
		return arena_copy(arena, PRELOAD_RENAMED, variable + length);
	return arena_copy(arena, "", variable);
}

/* The file that execvp(3) runs for this name, as the supervisor will at each restart; NULL: none. */
static const char *look_up(const char *name, char path[static PATH_MAX])
{
	const char *list = getenv("PATH");
	struct stat status;

	if (strchr(name, '/'))
		return name;
	for (const char *at = list ? list : "/bin:/usr/bin";; at++) {
		int length = (int)strcspn(at, ":");
		int written = snprintf(path, PATH_MAX, "%.*s%s%s", length, at, length ? "/" : "", name);

		if (written < PATH_MAX && sys_stat(AT_FDCWD, path, &status, 0) == 0 && S_ISREG(status.st_mode) &&
		    SYS_CALL(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
			return path;
		at += length;
		if (!*at)
			return NULL;
	}
}

/* Where the program's own file is by /proc/self/exe, be it gone or another one by now. */
static bool own_file(char file[static PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	size_t length = sizeof(deleted) - 1;
	long n = sys_readlinkat(AT_FDCWD, "/proc/self/exe", file, PATH_MAX - 1);

	if (n <= 0)
		return false;
	file[n] = '\0';
	if ((size_t)n > length && strcmp(file + n - length, deleted) == 0)
		file[n - (long)length] = '\0';
	return true;
}

/* In the supervisor these lead elsewhere: /proc/self/exe is flip there. */
static bool is_of_process(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/fd/", 8) == 0;
}

static bool is_same_file(const char *path, const char *other)
{
	struct stat one, two;

	return !is_of_process(path) && sys_stat(AT_FDCWD, path, &one, 0) == 0 &&
	       sys_stat(AT_FDCWD, other, &two, 0) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/*
 * What the next generation is to be run from, or "": what argv[0] leads to then. That may be no name of the program
 * (exec -a, an @ in systemd's ExecStart=). Then it is the path that was executed, whose symbolic links may be
 * re-pointed, or where that is of no use later (fexecve(3), /proc/self/exe), the file itself.
 *
 * The text is compared first: a program that was replaced between its start and this moment is another inode at the
 * same path. The inode tells where the texts differ: of a script argv[0] is the interpreter, and AT_EXECFN the script.
 * Without AT_BASE it was the dynamic loader that was executed: /proc/self/exe is that, and glibc has put the
 * program's path into AT_EXECFN.
 */
static const char *program_find(const char *name, char file[static PATH_MAX])
{
	const char *executed = (const char *)getauxval(AT_EXECFN);
	char path[PATH_MAX];
	const char *found = look_up(name, path);

	if (!executed || (found && !is_of_process(found) && strcmp(found, executed) == 0) || !own_file(file) ||
	    (found && is_same_file(found, file)))
		return "";
	return strchr(executed, '/') && (!getauxval(AT_BASE) || is_same_file(executed, file)) ? executed : file;
}

static bool copy_start(char **argv, char **environment)
{
	static const char *const helper[] = { "flip", "attach", "--" };
	char file[PATH_MAX];
	const char *program = program_find(argv[0], file);
	unsigned n_argv, n_environment;
	size_t size = vector_size(argv, &n_argv) + vector_size(environment, &n_environment) + ORIGIN_SIZE +
		      sizeof(PROGRAM_VARIABLE) + strlen(program);
	size_t pointers = (n_argv + 4 + n_environment + 3) * sizeof(char *);
	char *memory = sys_map(sizeof(struct summons) + pointers + size, MAP_SHARED);
	char **table = (char **)(memory + sizeof(struct summons));
	struct arena arena = { (char *)table + pointers };

	if (!memory)
		return false;
	origin.summons = (struct summons *)memory;
	origin.argv = table;
	for (unsigned i = 0; i < 3; i++)
		*table++ = (char *)(uintptr_t)helper[i];
	for (unsigned i = 0; i < n_argv; i++)
		*table++ = arena_copy(&arena, "", argv[i]);
	*table++ = NULL;
	origin.environment = table;
	*table = arena.at; /* FLIP_ORIGIN, known later */
	arena.at += ORIGIN_SIZE;
	table++;
	*table++ = arena_copy(&arena, PROGRAM_VARIABLE, program);
	for (unsigned i = 0; i < n_environment; i++)
		*table++ = copy_variable(&arena, environment[i]);
	return true;
}

/* One look at /proc, where there is one, is quicker than to ask for each. */
static uint64_t ignored_signals(void)
{
	struct sigaction action;
	uint64_t ignored = 0;
	char text[2048];
	int fd = sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY);
	long n = fd < 0 ? -1 : sys_read(fd, text, sizeof(text));

	if (fd >= 0)
		sys_close(fd);
	if (n > 0 && procfs_parse_signals(text, (size_t)n, "SigIgn:\t", &ignored))
		return ignored;
	for (int signal = 1; signal < NSIG; signal++)
		if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			ignored |= sys_signal_bit(signal);
	return ignored;
}

void origin_note(char **argv, char **environment)
{
	static char directory[PATH_MAX] APART;

	if (!argv || !argv[0] || !environment || !copy_start(argv, environment))
		return;
	origin.pid = sys_getpid();
	origin.group = getpgid(0);
	origin.session = getsid(0);
	origin.directory = getcwd(directory, sizeof(directory));
	origin.umask = umask(0); /* no thread of the program's runs yet */
	umask(origin.umask);
	sys_sigmask(SIG_BLOCK, 0, &origin.blocked);
	origin.ignored = ignored_signals();
	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit(i, &origin.limits[i]);
	for (int fd = 0; fd < 3; fd++)
		origin.stdio[fd] = sys_inode(fd);
}

/* The helper's process: descriptors, directory and limits are its own, memory is still ours. */
struct start {
	int listen_fd;
	int error; /* of the exec, told through the shared memory; 0 where a tool has made it a copy */
	char *stack;
};

static void restore_signals(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		struct {
			uintptr_t handler, flags, restorer, mask;
		} action = { 0 }; /* the kernel's own form: glibc's refuses its two internal signals */

		action.handler = origin.ignored & sys_signal_bit(signal) ? 1 : 0;
		SYS_CALL(SYS_rt_sigaction, signal, &action, NULL, SYS_SIGSET_SIZE);
	}
}

/*
 * Standard input, output and error of generations to come. A number that the program had closed,
 * or closed since, may be its listener by now, or its data: nobody else's, and not to be passed on.
 */
static void restore_stdio(void)
{
	for (int fd = 0; fd < 3; fd++) {
		bool is_socket = sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE) >= 0;

		if (!origin.stdio[fd] || (is_socket && sys_inode(fd) != origin.stdio[fd]) ||
		    log_is_data(fd, origin.stdio[fd]))
			sys_close(fd);
	}
}

static int exec_launcher(void *argument)
{
	struct start *start = argument;

	if (start->listen_fd == ATTACH_FD)
		sys_fcntl(ATTACH_FD, F_SETFD, 0);
	else
		sys_dup3(start->listen_fd, ATTACH_FD, 0);
	if (origin.directory)
		(void)SYS_CALL(SYS_chdir, origin.directory);
	umask(origin.umask);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		(void)SYS_CALL(SYS_prlimit64, 0, i, &origin.limits[i], NULL);
	restore_signals();
	restore_stdio();
	sys_sigmask(SIG_SETMASK, origin.blocked, NULL);
	start->error = -(int)SYS_CALL(SYS_execve, origin.launcher, origin.argv, origin.environment);
	_exit(127);
}

/* Between: it ends at once, so that the helper is nobody's child here. */
static int start_detached(void *argument)
{
	struct start *start = argument;

	clone(exec_launcher, start->stack + STACK_SIZE / 2, CLONE_VM | CLONE_VFORK, start);
	_exit(0);
}

static void run_launcher(struct start *start)
{
	uint64_t mask;
	pid_t pid;

	start->stack = sys_map(STACK_SIZE, MAP_PRIVATE);
	if (!start->stack) {
		start->error = ENOMEM;
		return;
	}
	sys_sigmask(SIG_SETMASK, ~0ull, &mask); /* the program's handlers are not for these two */
	/* No exit signal: no SIGCHLD, and only __WALL sees it. */
	pid = clone(start_detached, start->stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, start);
	if (pid < 0)
		start->error = errno;
	else
		SYS_CALL(SYS_wait4, pid, NULL, __WALL, NULL);
	sys_sigmask(SIG_SETMASK, mask, NULL);
	munmap(start->stack, STACK_SIZE);
}

static void library_locate(void)
{
	Dl_info info;
	size_t length = 0;

	if (!dladdr(&origin, &info) || !info.dli_fname)
		return;
	if (info.dli_fname[0] != '/' && origin.directory)
		length = (size_t)snprintf(origin.library, sizeof(origin.library), "%s/", origin.directory);
	if (length < sizeof(origin.library))
		snprintf(origin.library + length, sizeof(origin.library) - length, "%s", info.dli_fname);
}

/* Beside the library: the build tree's layout, then those of installations. */
static bool launcher_locate(void)
{
	static const char *const places[] = { "../launcher/flip", "../bin/flip", "../../bin/flip",
					      "../../../bin/flip", "flip" };
	char *slash;

	library_locate();
	slash = strrchr(origin.library, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(origin.launcher, sizeof(origin.launcher), "%s/%s", origin.library, places[i]);
		if (access(origin.launcher, X_OK) == 0)
			return true;
	}
	return false;
}

/* The channel's listening socket, under a name that nobody guesses by accident. */
static int channel_listen(void)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&session.channel_address;
	int fd = sys_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned char random[8] = { 0 };
	socklen_t length;

	if (fd < 0)
		return fd;
	(void)getrandom(random, sizeof(random), GRND_NONBLOCK);
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	length = (socklen_t)snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
				     "flip-%d-%02x%02x%02x%02x%02x%02x%02x%02x", sys_getpid(), random[0],
				     random[1], random[2], random[3], random[4], random[5], random[6],
				     random[7]);
	length += (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	if (sys_bind(fd, address, length) != 0 || sys_listen(fd, 512) != 0) {
		sys_close(fd);
		return -EADDRINUSE;
	}
	session.channel_length = length;
	session.generation = 1;
	return fd;
}

/* This process is the one to do it. */
static bool summon(void)
{
	struct start start = { 0 };
	pid_t root = origin.pid;

	if (!launcher_locate()) {
		log_once("cannot find the program flip beside", origin.library, ENOENT);
		return false;
	}
	start.listen_fd = channel_listen();
	if (start.listen_fd < 0) {
		log_once("this server cannot be restarted: it may not make a Unix socket", NULL, -start.listen_fd);
		return false;
	}
	/* A daemon's first process has ended; then the one that listens is the service's root. */
	if (root != sys_getpid() && sys_kill(root, 0) != 0)
		root = sys_getpid();
	snprintf(origin.environment[0], ORIGIN_SIZE, "FLIP_ORIGIN=%d/%d/%d/%d", (int)root,
		 sys_getpid(), (int)origin.group, (int)origin.session);
	run_launcher(&start);
	sys_close(start.listen_fd);
	if (start.error) {
		session.channel_length = 0;
		log_once("cannot start the supervisor", origin.launcher, start.error);
	}
	return start.error == 0;
}

/* Another process of this image is at it, or was. */
static bool take_summoned(struct summons *summons)
{
	for (int i = 0; i < 2000 && atomic_load(&summons->state) == SUMMONING; i++)
		(void)sys_poll_wait(-1, 0, 1);
	if (atomic_load(&summons->state) != SUMMONED)
		return false;
	session.channel_address = summons->address;
	session.channel_length = summons->length;
	session.generation = 1;
	return true;
}

bool origin_summon(void)
{
	struct summons *summons = origin.summons;
	uint32_t state = NOT_SUMMONED;
	bool done;

	if (!summons)
		return false;
	if (!atomic_compare_exchange_strong(&summons->state, &state, SUMMONING))
		return take_summoned(summons);
	done = summon();
	summons->address = session.channel_address;
	summons->length = session.channel_length;
	atomic_store(&summons->state, done ? SUMMONED : SUMMONS_FAILED);
	return done;
}

void origin_hold(int supervisor_pid)
{
	char pid[12];
	char name[] = "flip", command[] = "hold";
	char *argv[] = { name, command, pid, NULL };
	char *environment[] = { NULL };

	procfs_format_number(pid, (unsigned)supervisor_pid);
	SYS_CALL(SYS_execve, origin.launcher, argv, environment);
}
