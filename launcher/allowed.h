/*
 * May we make a system call that flip can do without? A filter (seccomp(2)), as systemd's SystemCallFilter= makes
 * one, kills who tries what it does not allow. So under a filter a child does, once for each call.
 *
 * Forks and waits then; any errno afterwards.
 */
#pragma once

#include <stdbool.h>

enum optional_call {
	OPTIONAL_PIDFD_GETFD, /* to look at sockets of processes that tell us nothing */
	OPTIONAL_BPF,	      /* to steer new clients within a group */
	OPTIONAL_CALLS
};

bool call_is_allowed(enum optional_call call);
