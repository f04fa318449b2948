/*
 * Texts of /proc, as proc(5) describes them. Pure, async-signal-safe; trusts no text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A non-negative decimal number that is all of the text, or -1. */
int procfs_parse_number(const char *text);

/*
 * What a pid file contains: a positive decimal number, white space around it (some write the NUL behind it, too) and
 * nothing else. -1: it contains something else, or more than PROCFS_PID_FILE_MAX bytes.
 */
int procfs_parse_pid(const char *text, size_t length);
#define PROCFS_PID_FILE_MAX 32

/* Writes the number and a NUL; buffer has 12 bytes or more. */
void procfs_format_number(char *buffer, unsigned number);

/*
 * A line of an epoll set's fdinfo:
 * "tfd:        5 events:       19 data:                5  pos:0 ino:2b sdev:8", the numbers
 * but tfd and pos in hexadecimal. False: another line, or one without an inode.
 */
bool procfs_parse_epoll(const char *line, size_t length, int *fd, uint32_t *events, uint64_t *data,
			uint64_t *inode);

/*
 * /proc/PID/task/TID/syscall: "running", "-1 ..." or "NUMBER 0xARGUMENT ...". Returns the number
 * and the first argument; -1 for blocked outside a call, -2 for running, -3 for no such text.
 */
long procfs_parse_syscall(const char *text, size_t length, uint64_t *argument);

/* What /proc/PID/stat tells of a process. */
struct procfs_stat {
	char state; /* 'Z': a zombie */
	bool is_ending; /* it lets go of all that it has, one by one (PF_EXITING of linux/sched.h) */
	int parent, group, session, threads;
	uint64_t started; /* in clock ticks since the machine did */
	/*
	 * Where its memory begins, stirred into one number: the same in a process and in all that
	 * came of it by fork, another one after an exec (of address space layout randomization). 0:
	 * not to be told to us.
	 */
	uint64_t image;
};

/* The text ends with a NUL. False: it is another one, or cut off. */
bool procfs_parse_stat(const char *text, struct procfs_stat *stat);

/*
 * A set of signals, in hexadecimal on a line of its own behind its label: "sigmask:\t" in the fdinfo of a
 * signalfd, "SigIgn:\t" in the status of a process. False: there is no such line.
 */
bool procfs_parse_signals(const char *text, size_t length, const char *label, uint64_t *signals);
