/*
 * The NOTIFY_SOCKET that each generation gets (sd_notify(3)): flip is to it what systemd is to flip.
 */
#pragma once

#include "service.h"

/*
 * Makes the socket of a generation that is about to start; generation->notify_name is what
 * NOTIFY_SOCKET is to say. Abstract, so that it is reached from within a chroot, too. 0 or -1 and
 * errno.
 */
int notify_listen(struct generation *generation);

/* Before the generation is freed. Without a socket it does nothing. */
void notify_close(struct generation *generation);
