/* A variable of the environment that is yes or no, as systemd's are. Pure. */
#pragma once

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* "0", "no", "false" or "off", in whatever letters. */
static inline bool flag_is_off(const char *text)
{
	return strcasecmp(text, "0") == 0 || strcasecmp(text, "no") == 0 || strcasecmp(text, "false") == 0 ||
	       strcasecmp(text, "off") == 0;
}

/* "1" or a larger number, "yes", "true" or "on". */
static inline bool flag_is_on(const char *text)
{
	return (*text >= '1' && *text <= '9' && text[strspn(text, "0123456789")] == '\0') || strcasecmp(text, "yes") == 0 ||
	       strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0;
}
