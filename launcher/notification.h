/*
 * What a program says to its NOTIFY_SOCKET (sd_notify(3)): lines NAME=VALUE in one datagram.
 *
 * Pure: no system call, no lock, no errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* As with systemd itself: PIPE_BUF. */
#define NOTIFICATION_MAX 4096
#define NOTIFICATION_STATUS_MAX 300

struct notification {
	bool ready;
	bool has_status;
	char status[NOTIFICATION_STATUS_MAX]; /* a longer one ends behind a whole character */
	/*
	 * The other lines that concern whoever supervises flip, as they came, "\n" between them: the
	 * watchdog, the time to start or stop, ERRNO. Not what flip says itself: READY, RELOADING,
	 * STOPPING, MAINPID; nor what goes with descriptors: FDSTORE, BARRIER.
	 */
	char pass_on[NOTIFICATION_MAX + 1];
};

/*
 * Reads `length` bytes of a datagram. Returns NULL, or the reason why they are no message, in words
 * for the log. Lines that are not known, or have no sensible value, are left out.
 */
const char *notification_parse(const void *bytes, size_t length, struct notification *notification);
