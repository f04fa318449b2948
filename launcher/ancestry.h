/*
 * A process and those above it, and which of some others is the nearest among them.
 * Pure: no system call, no errno. What a supervisor has written is not trusted.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define ANCESTORS_MAX 128

struct ancestry {
	pid_t pid[ANCESTORS_MAX]; /* nearest first */
	size_t count;
};

/* How far above the process `pid` is; `count` if nowhere. */
size_t ancestry_find(const struct ancestry *ancestry, pid_t pid);

/* The same for the nearest that this text names: "generation 3 (pid 4711) serving". */
size_t ancestry_find_in(const struct ancestry *ancestry, const char *text);
