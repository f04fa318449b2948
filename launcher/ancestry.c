#include "ancestry.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t ancestry_find(const struct ancestry *ancestry, pid_t pid)
{
	size_t i = 0;

	while (i < ancestry->count && ancestry->pid[i] != pid)
		i++;
	return i;
}

size_t ancestry_find_in(const struct ancestry *ancestry, const char *text)
{
	size_t nearest = ancestry->count;

	for (const char *at = text; (at = strstr(at, "pid ")); at += 4) {
		bool word = at == text || !isalnum((unsigned char)at[-1]);
		long pid = strtol(at + 4, NULL, 10);
		bool is_pid = pid > 0 && pid <= INT_MAX;
		size_t distance = is_pid ? ancestry_find(ancestry, (pid_t)pid) : ancestry->count;

		if (word && distance < nearest)
			nearest = distance;
	}
	return nearest;
}
