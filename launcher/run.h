/*
 * The supervisor: starts the generations of one service and decides which of them serves.
 *
 * Both functions may block for as long as the service lives, are called once, by main(), in a
 * process with one thread, and return the exit code of the flip process: the server's, 128+signal,
 * or 125 after a sentence on standard error.
 */
#pragma once

#include "core/settings.h"

/*
 * `flip run`: starts argv as the first generation and stays in the foreground until the service
 * ends. argv ends with NULL and is kept exactly, empty words included; it and what `settings`
 * points to must live until the return. The caller has checked the settings (settings->name is
 * NULL or passes control_name_ok()), the machine and the command (target.h), but not looked for
 * the library.
 */
int supervisor_run(const struct settings *settings, char **argv);

/*
 * `flip attach`: takes over the server that summoned us (LD_PRELOAD=libflip.so without flip run)
 * as the first generation. argv is that server's, for the generations to come, and `program` what they
 * are run from. Nothing but the settings has been checked: the server runs already.
 */
int supervisor_attach(const struct settings *settings, const char *program, char **argv);
