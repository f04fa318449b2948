/*
 * Whoever supervises flip itself: systemd, or another that reads NOTIFY_SOCKET (sd_notify(3)). It is
 * told how the service is; without that variable nothing is sent.
 *
 * The functions look at the service as it is, send what is new to whom it concerns, and do not block.
 */
#pragma once

#include "notification.h"

#include <sys/types.h>

/*
 * `address` is what NOTIFY_SOCKET says, or NULL. main_pid is the process that the manager takes for
 * the service's: flip itself, or in the bare face the server.
 */
void manager_init(const char *address, pid_t main_pid);

/*
 * Systemd has started this process, or one that has left it in the background, and will not hear of the next one:
 * SYSTEMD_EXEC_PID (systemd.exec(5), v248) without NOTIFY_SOCKET.
 */
bool manager_is_deaf(pid_t pid);

/* And it takes this process for the service, which is over for it with that one. */
bool manager_would_end(pid_t pid);

/* The state has changed, and nothing has been done about it yet: RELOADING=1, STOPPING=1. */
void manager_tell_begin(void);

/* It has been done: READY=1, MAINPID, and STATUS where that reads otherwise than before. */
void manager_tell_result(void);

/* The current generation has said this. */
void manager_pass_on(const struct notification *said);
