/*
 * Processes: how a generation is started, and who belongs to it, as /proc tells. Functions read
 * files of /proc and do not block otherwise. One thread.
 */
#pragma once

#include "core/address.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* A variable of the environment that names a process. */
struct start_pid {
	char *variable; /* with room for another pid; NULL: there is none */
	pid_t meant;
};

/* How the first generation was started; every later one is started alike. */
struct start {
	char **argv;
	const char *directory; /* as $PWD has it, if that is where we are: links are followed anew */
	sigset_t blocked;      /* the signal mask at our own start */
	pid_t main_pid;	       /* whom WATCHDOG_PID may name: flip or, in the bare face, the server */
	struct rlimit files;   /* RLIMIT_NOFILE then; ours is raised to hold any number of listeners */
	char **environment;    /* ours, with the library in LD_PRELOAD before what is there */
	char *channel, *notify; /* in it, FLIP_CHANNEL= and NOTIFY_SOCKET=, with room for names */
	struct start_pid listen_pid, watchdog_pid;
};

/*
 * Notes the directory and the environment, and raises our limit of descriptors; `argv` stays the
 * caller's, and main_pid is left to it. Ends the program if there is no memory.
 */
void start_init(struct start *start, char **argv, const char *library, const sigset_t *blocked);

/*
 * Starts the command in a process group of its own, with FLIP_CHANNEL=channel and
 * NOTIFY_SOCKET=notify. Returns its pid, or -errno with what failed in `step` ("cannot run",
 * "cannot change to the directory").
 */
pid_t process_start(const struct start *start, const char *channel, const char *notify,
		    const char **step);

/* 0 if there is no such process. */
pid_t process_parent(pid_t pid);

/* Does it live, and is no zombie? */
bool process_is_alive(pid_t pid);

/* When it was started, in clock ticks since the machine was; 0 if there is no such process. */
uint64_t process_started(pid_t pid);

/* Is `pid` this root, or a process that came of it: by its ancestors, or by its process group? */
bool process_belongs(pid_t pid, pid_t root);

/* Calls found() for every living process that belongs to root, children first. */
void process_each(pid_t root, void (*found)(pid_t pid, void *argument), void *argument);

/* A bit for each port or, above all ports, Unix name: address_key(). */
struct ports {
	uint64_t word[ADDRESS_KEYS / 64];
};

/* How many connections with one of these local ports it has open. */
uint64_t process_connections(pid_t pid, const struct ports *ports);

/* Has it a handler for this signal? */
bool process_catches(pid_t pid, int signal);

/* Has any process of root a descriptor of the socket with this inode? */
bool process_tree_holds(pid_t root, uint64_t inode);

/* SIGKILL to every process of root until none is left, 20 rounds at most. */
void process_kill_tree(pid_t root);

/* "exited with status 3", "was killed by SIGSEGV (Segmentation fault)". Returns text. */
const char *process_status_text(int status, char *text, size_t size);
