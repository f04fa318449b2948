#include "environment.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libflip.so"
#define PRELOAD "LD_PRELOAD="

static bool is_library(const char *path, size_t length)
{
	const char *name = memrchr(path, '/', length);
	size_t name_length = name ? length - (size_t)(name + 1 - path) : length;

	return name_length == strlen(LIBRARY) &&
	       memcmp(name ? name + 1 : path, LIBRARY, name_length) == 0;
}

/* Copies the list without us. False: it does not fit. */
static bool copy_others(char *to, size_t room, const char *list)
{
	size_t used = 0;

	while (*list) {
		size_t length = strcspn(list, ": ");

		if (length && !is_library(list, length)) {
			if (used + length + 2 > room)
				return false;
			if (used)
				to[used++] = ':';
			memcpy(to + used, list, length);
			used += length;
		}
		list += length + (list[length] != '\0');
	}
	to[used] = '\0';
	return true;
}

void environment_hide(void)
{
	static atomic_bool done;
	static char kept[4096] = PRELOAD;
	const char *list = getenv("LD_PRELOAD");

	if (atomic_exchange(&done, true))
		return;
	unsetenv("FLIP_CHANNEL");
	if (!list || !copy_others(kept + strlen(PRELOAD), sizeof(kept) - strlen(PRELOAD), list))
		return;
	/* The variable is there: putenv() then only exchanges a pointer. */
	if (kept[strlen(PRELOAD)])
		putenv(kept);
	else
		unsetenv("LD_PRELOAD");
}
