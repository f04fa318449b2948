/*
 * Messages between this process and its supervisor, and the signal that brings them.
 * All async-signal-safe.
 */
#pragma once

#include "core/protocol.h"

#include <stdbool.h>

/* Connects to the supervisor; blocks for 5 s at most. Returns a close-on-exec descriptor or a negative errno value. */
int channel_connect(void);

/* As transfer_receive, but waits; -ETIMEDOUT. */
int channel_receive_wait(int channel_fd, struct message *message, int *fds, unsigned *n_fds,
			 int timeout_ms);

/*
 * Sends a request with its descriptors on a connection of its own and waits for the answer, 15 s at
 * most. *answer_fd is the one descriptor that came with it, the caller's to close, or -1. 0 or a
 * negative errno value.
 */
int channel_request(const struct message *request, const int *request_fds, unsigned n_request_fds,
		    struct message *answer, int *answer_fd);

/* Looks after every message that waits. Called by the signal's handler; any thread. */
void channel_process(void);
