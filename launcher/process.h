/*
 * Processes: how a generation's first one is started, and what /proc tells of any (who belongs to
 * which generation: kin.h). Functions read files of /proc and do not block otherwise. One thread.
 */
#pragma once

#include "core/address.h"
#include "core/procfs.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

/* A variable of the environment that names a process. */
struct start_pid {
	char *variable; /* with room for another pid; NULL: there is none */
	pid_t meant;
};

/* How the first generation was started; every later one is started alike. */
struct start {
	const char *program; /* what is run: argv[0], or in the bare face a path where that is another name */
	char **argv;
	const char *directory; /* as $PWD has it, if that is where we are: links are followed anew */
	sigset_t blocked;      /* the signal mask at our own start */
	void (*handlers[4])(int); /* and what we have changed for ourselves then: ignored or not */
	pid_t main_pid;	       /* whom WATCHDOG_PID may name: flip or, in the bare face, the server */
	struct rlimit files;   /* RLIMIT_NOFILE then; ours is raised to hold any number of listeners */
	char **environment;    /* ours, with the library in LD_PRELOAD before what is there */
	char *blocking;	       /* inherited listeners, as FLIP_CHANNEL names them */
	char *channel, *notify; /* in it, FLIP_CHANNEL= and NOTIFY_SOCKET=, with room for names */
	struct start_pid listen_pid, watchdog_pid;
};

/*
 * Notes the directory and the environment, and raises our limit of descriptors; `program` and `argv` stay
 * the caller's, and main_pid is left to it. From then on we hear of children that end, and neither a log that
 * nobody reads nor one that is full or a terminal's ends or stops us. Ends the program if there is no memory.
 */
void start_init(struct start *start, const char *program, char **argv, const char *library,
		const sigset_t *blocked);

/* True: we are where the server is to be started. Else errno says why not. Async-signal-safe. */
bool start_enter_directory(const struct start *start);

/* In a child that is to become another program: signals are as they were at our own start. May be one of vfork(2). */
void start_restore_signals(const struct start *start);

/*
 * Starts the command in a process group of its own, with FLIP_CHANNEL=channel and
 * NOTIFY_SOCKET=notify. Returns its pid, or -errno with what failed in `step` ("cannot run",
 * "cannot change to the directory").
 */
pid_t process_start(const struct start *start, const char *channel, const char *notify,
		    const char **step);

/* A file or directory of /proc/PID, close-on-exec; or -1. */
int process_open(pid_t pid, const char *name, int flags);

/*
 * The thread to look at in /proc: the process itself, or if its first thread has ended, by
 * pthread_exit(3), one that goes on. Of the former /proc shows no memory, descriptors or network.
 */
pid_t process_thread(pid_t pid);

/* A descriptor of the process itself (pidfd_open(2)), or -1. */
int process_pidfd(pid_t pid);

/* One of the files of a process, for reading; the caller closes it. NULL: there is none, or no memory. */
FILE *process_file(pid_t pid, const char *name);

/* Reads the beginning of one; text ends with a NUL. As read(2), or -1. */
ssize_t process_read(pid_t pid, const char *name, char *text, size_t size);

/* False: there is no such process. */
bool process_stat(pid_t pid, struct procfs_stat *stat);

/*
 * Has it begun to end? It closes its files one by one then, those with the lowest numbers last (Linux 6.18): a
 * lock of flock(2) may outlive its channel, but not its pidfd.
 */
bool process_is_ending(pid_t pid);

/* Do both run the same program? */
bool process_is_program_of(pid_t pid, pid_t other);

struct process_marks {
	bool is_filtered; /* confined to some system calls (seccomp(2)) */
	bool has_waited;  /* its first thread has, for anything, since it was forked */
	bool first_takes; /* its first thread is there, and does not keep the signal out for good */
	bool first_blocks; /* it does right now: as one of flip's it is being handled */
};

/* Has it a handler for this signal? Fills `marks` in. */
bool process_catches(pid_t pid, int signal, struct process_marks *marks);

/* Has it the rights of this user, by its effective uid? */
bool process_has_user(pid_t pid, uid_t uid);

/* How long ago a process was forked, 10 ms too much at most. */
int64_t process_age_ms(const struct procfs_stat *stat);

/*
 * The value that a variable had when its program was started, to be freed; NULL: none, or we may not look.
 * has_none: it has no variable at all, which is so while it becomes another program.
 */
char *process_variable(pid_t pid, const char *name, bool *has_none);

/* Does a value of FLIP_DISABLE switch the library off, as it sees it? NULL: not set. */
bool process_is_disabled_by(const char *value);

/* Is a file mapped in it whose path ends so? True, too, if it does not let us look. */
bool process_has_mapped(pid_t pid, const char *ending);

/* Is it in our network namespace? True, too, if it does not let us look. */
bool process_shares_network(pid_t pid);

/* Has it a descriptor of a socket that is wanted? */
bool process_holds(pid_t pid, bool (*is_wanted)(uint64_t inode, const void *argument),
		   const void *argument);

/* Is one that is wanted at this number of its? */
bool process_holds_at(pid_t pid, int fd, bool (*is_wanted)(uint64_t inode, const void *argument),
		      const void *argument);

/* A bit for each port or, above all ports, Unix name: address_key(). */
struct ports {
	uint64_t word[ADDRESS_KEYS / 64];
	pid_t group; /* what its processes connect to these themselves does not count; 0: all does */
};

/* What a process has open, as seen from outside: it is not disturbed, and need not have the shim. */
struct process_view {
	bool is_hidden;		/* it does not let us look */
	bool holds;		/* a listener, or what a retired process has in its place */
	int listener_fd;	/* the number of a listener; -1: none was seen */
	uint64_t connections;	/* that have one of these local ports */
	uint64_t in_flight;	/* descriptors that are on their way to it */
};

/* Fills `seen` in. Without ports nothing is counted, and the look ends with the first listener. */
void process_look(pid_t pid, const struct ports *ports,
		  bool (*is_listener)(uint64_t inode, const void *argument), const void *argument,
		  struct process_view *seen);

/* Has it a listener, streams', that is not known? Then where. False, too, if it does not let us look. */
bool process_listens(pid_t pid, bool (*is_known)(uint64_t inode, const void *argument), const void *argument,
		     struct sockaddr_storage *address);

/* Has it such a connection? False, too, if it does not let us look. */
bool process_is_connected(pid_t pid, const struct ports *ports);

/* What a shell makes of a wait status: 128 + N for signal N. */
int process_exit_code(int status);

/*
 * Ends us as the signal has ended the server: to who waits for us an end by TERM is none of a failure (systemd, s6).
 * Returns in the first process of a container, whom its default action does not end. Writes no core file.
 */
void process_end_by(int signal);

/* "exited with status 3", "was killed by SIGSEGV (Segmentation fault)". Returns text. */
const char *process_status_text(int status, char *text, size_t size);
