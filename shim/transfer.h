/*
 * Sends and receives messages with their descriptors, for shim and supervisor alike.
 * Async-signal-safe.
 */
#pragma once

#include "core/protocol.h"

#include <stdbool.h>

/*
 * Sends a message with its descriptors (which stay the caller's); waits a second at most for
 * room. 0 or a negative errno value.
 */
int transfer_send(int fd, const struct message *message, const int *fds, unsigned n_fds);

/* The same without waiting: -EAGAIN where there is no room. */
int transfer_try(int fd, const struct message *message, const int *fds, unsigned n_fds);

/*
 * Receives one well-formed message without waiting. The descriptors are the caller's to close;
 * fds has room for PROTOCOL_FDS_MAX.
 * 0, -EAGAIN: none is there; -EPIPE: the peer is gone; -EBADMSG: foreign, dropped whole; -EMFILE:
 * as much of its descriptors as there was room for was dropped, the message itself is there.
 */
int transfer_receive(int fd, struct message *message, int *fds, unsigned *n_fds);

void transfer_close(const int *fds, unsigned n_fds);
