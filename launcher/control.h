/*
 * `flip restart`, `stop` and `status`: find the supervisor of a service, ask it, show its answer.
 *
 * A supervisor listens on the abstract address "@flip/UID/NAME". Everybody may bind any abstract
 * name, so either side believes only what the kernel says of the other (SO_PEERCRED).
 *
 * All functions run in the launcher's only thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/protocol.h"
#include "peer_name.h"

/*
 * Sends a request of `type` (MESSAGE_CONTROL_*) to the service that `target` means: a name, the
 * pid of a supervisor or of any process under one, or NULL for the only one there is (for
 * MESSAGE_CONTROL_STATUS: for all). Prints the answer as it comes; blocks until it is complete.
 * Returns the exit code.
 */
int control_command(enum message_type type, const char *target);

/*
 * Creates the listening socket of our user's service `name`, non-blocking and close-on-exec.
 * Returns it, or with a sentence in `error`: -2 if the name is taken, -1 for any other reason.
 */
int control_listen(const char *name, char *error, size_t size);
