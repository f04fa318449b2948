/*
 * What an epoll set holds, read from fdinfo in /proc (proc(5): tfd, events, data; ino since
 * Linux 4.11). Async-signal-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct registration {
	int set; /* the epoll set's descriptor */
	int fd;	 /* the number it was registered under, which may mean something else by now */
	uint32_t events;
	uint64_t data;
	uint64_t inode;
};

/*
 * Calls found() for each until it returns false. proc_fd: a descriptor of /proc/PID/task/TID, of a
 * thread that lives (the first one may have ended by pthread_exit(3), and shows no descriptors then),
 * or -1 for /proc/thread-self by name. 0, or a negative errno value: it cannot be read (no epoll set, no /proc).
 */
int registration_each(int proc_fd, int set,
		       bool (*found)(const struct registration *registration, void *argument),
		       void *argument);

/* Calls found() for every open descriptor of this process below the highest. */
int descriptor_each(int proc_fd, bool (*found)(int fd, void *argument), void *argument);

/* The same for every thread of this process. */
int task_each(int proc_fd, bool (*found)(int tid, void *argument), void *argument);

/* The number of the system call that a thread is in, or less than 0 (procfs_parse_syscall). */
long task_call(int proc_fd, int tid);

/* What this descriptor is, if that is one of these. proc_fd as above. */
enum descriptor_kind { DESCRIPTOR_OTHER, DESCRIPTOR_EPOLL, DESCRIPTOR_RING, DESCRIPTOR_SIGNALS };
enum descriptor_kind descriptor_kind(int proc_fd, int fd);

/* Is it a signalfd? Then *mask is what it takes. proc_fd is not -1. */
bool descriptor_signals(int proc_fd, int fd, uint64_t *mask);
