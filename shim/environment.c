#include "environment.h"

#include "real.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LIBRARY "libflip.so"
#define PRELOAD "LD_PRELOAD="
#define CHANNEL "FLIP_CHANNEL="

static bool is_library(const char *path, size_t length)
{
	const char *name = memrchr(path, '/', length);
	size_t name_length = name ? length - (size_t)(name + 1 - path) : length;

	return name_length == strlen(LIBRARY) &&
	       memcmp(name ? name + 1 : path, LIBRARY, name_length) == 0;
}

/* Copies the list without us, and returns its length; -1: it does not fit. None: nothing is written. */
static ssize_t copy_others(char *to, size_t room, const char *list)
{
	size_t used = 0;

	while (*list) {
		size_t length = strcspn(list, ": ");

		if (length && !is_library(list, length)) {
			if (used + length + 2 > room)
				return -1;
			if (used)
				to[used++] = ':';
			memcpy(to + used, list, length);
			used += length;
			to[used] = '\0';
		}
		list += length + (list[length] != '\0');
	}
	return (ssize_t)used;
}

/*
 * Without unsetenv() and putenv(), whose lock a child of fork() finds taken for ever if another thread of its parent
 * was just in one of these.
 */
static char **variable_find(const char *name)
{
	char **at = environ;

	while (at && *at && strncmp(*at, name, strlen(name)) != 0)
		at++;
	return at && *at ? at : NULL;
}

static void variable_remove(char **at)
{
	for (; at && *at; at++)
		*at = at[1];
}

void environment_hide(void)
{
	static atomic_bool done;
	static char kept[4096] APART;
	char **preload;
	ssize_t length;

	if (atomic_exchange(&done, true))
		return;
	variable_remove(variable_find(CHANNEL));
	preload = variable_find(PRELOAD);
	if (!preload)
		return;
	length = copy_others(kept + strlen(PRELOAD), sizeof(kept) - strlen(PRELOAD), *preload + strlen(PRELOAD));
	if (length == 0)
		variable_remove(preload);
	if (length <= 0)
		return;
	memcpy(kept, PRELOAD, strlen(PRELOAD));
	*preload = kept;
}
