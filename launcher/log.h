/*
 * What the supervisor says on standard error: "flip[pid]: sentence". One write(2) a line.
 */
#pragma once

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR = -1, LOG_LEVEL_INFO = 0, LOG_LEVEL_DEBUG = 1 };

/* Lines above this level are dropped. */
void log_set_level(int level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_line_v(enum log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
