/*
 * The profiles that there are: those that come with flip, and before them an administrator's (the
 * file of --profiles, or /etc/flip/profiles if that is there). One thread; reads files. A file that
 * cannot be read or has a bad line ends the process with one sentence (err.h).
 */
#pragma once

#include "core/settings.h"

/*
 * Sets what the command's profile says and nobody has set. A command is known by the name of its
 * file, as it is called or as its links lead to it. Says in the log what it has found.
 */
void profiles_apply(struct settings *settings, const char *command);

/* `flip profiles`: prints all, in the format of the file. Returns the exit code. */
int profiles_print(const char *path);
