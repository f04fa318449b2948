/*
 * What flip cannot do it refuses here, before anything has happened: programs that would run
 * without the shim, and a library that does not belong to this launcher.
 *
 * All functions run in the launcher's only thread and read files. Every refusal is one sentence
 * in `error` that names the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The exit codes of flip, beside those of the server itself. */
enum {
	EXIT_FLIP = 125,	    /* flip could not do its own part */
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

/*
 * Whether `command`, looked up like execvp() does, is a program that can be started with our
 * library in it. Returns 0, or EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE, or EXIT_FLIP for one that
 * could be started but not preloaded (static, setuid, another libc or architecture).
 */
int target_check(const char *command, char *error, size_t size);

/* The file that execvp() would run for `command`, into path; false: none is found. */
bool target_find(const char *command, char *path, size_t size);

/* Whether this machine has what the shim needs: /proc. Returns 0 or EXIT_FLIP. */
int target_check_machine(char *error, size_t size);

/*
 * Finds libflip.so: $FLIP_LIBRARY, or else beside this executable in a build tree, or else where
 * it is installed. Loads it once, disabled, to see that it is the one of this version. Gives its
 * absolute path, fit for LD_PRELOAD. Returns 0 or EXIT_FLIP.
 */
int library_find(char *path, size_t size, char *error, size_t error_size);

/* The same of the one that was found, if it is another file by now: before a restart. Forks then, and waits. */
int library_check_again(char *error, size_t size);
