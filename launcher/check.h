/*
 * A command of the administrator's that decides whether something goes on (--precheck): run beside
 * the service, in its directory and environment, without the library, for a limited time. One at
 * a time. What it writes is kept back and told only if it fails. One thread; nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Starts a shell command line. done(true) is called when it has ended with 0; done(false) otherwise,
 * with the reason in service.failure, and after its last lines were told to whoever waits. `what`
 * and `command` must live until then. `what` is what the sentence calls it ("precheck"). done() is
 * never called before this returns.
 */
void check_start(const char *what, const char *command, uint32_t timeout_ms, void (*done)(bool ok));

/* Ends it, if one runs; done() is not called. */
void check_abort(void);

/* A child of ours has ended: was it that? */
bool check_reaped(pid_t pid, int status);
