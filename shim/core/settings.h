/*
 * What an administrator may set, as an option of `flip run` or as a variable of the environment.
 * One table; the launcher prints its help from it. Pure: no system call, no lock, no errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
	const char *name;	   /* of the service; NULL: made from the command */
	const char *pid_file;	   /* NULL: none */
	uint32_t ready_timeout_ms; /* a new generation that is not ready by then is killed */
	uint32_t drain_timeout_ms; /* connections left by then are cut; 0: wait for ever */
	uint32_t stop_timeout_ms;  /* from the stop signal to SIGKILL */
	uint32_t max_draining;	   /* generations that may drain while another restart begins */
	uint32_t restart_signal;   /* SIGHUP */
	uint32_t stop_signal;	   /* 0: flip drains at SIGQUIT and ends the server with SIGTERM */
	int32_t verbosity;	   /* -1 quiet, 0, 1 */
	const char *profiles;	   /* an administrator's file; NULL: the usual one */
	int32_t in_place;	   /* the old generation ends before the next one is started */
	const char *fallback;	   /* a shell command line; NULL: none */
	const char *precheck;	   /* the same */
	const char *check;	   /* the same */
	uint32_t check_timeout_ms;
	uint32_t probation_ms; /* after ready, in which the generation before can still come back */
	uint32_t on_crash;	   /* enum on_crash */
	uint32_t max_crashes;	   /* within crash_window_ms; 0: any number */
	uint32_t crash_window_ms;
	uint64_t given;		   /* a bit for each entry of the table that was set */
};

enum on_crash { ON_CRASH_EXIT, ON_CRASH_RESTART };

/* No more crashes than that can be counted. */
#define SETTINGS_CRASHES_MAX 64

enum setting_kind {
	SETTING_TEXT,
	SETTING_DURATION,
	SETTING_COUNT,
	SETTING_SIGNAL,
	SETTING_CHOICE, /* one of the words of the placeholder, "this|that", as its number from 0 */
	SETTING_FLAG,
};

struct setting {
	const char *option;   /* long option, without dashes */
	const char *variable; /* environment variable */
	int short_option;     /* a letter, or 0 */
	enum setting_kind kind;
	size_t offset;	    /* of the field in struct settings */
	uint32_t min, max;  /* of a number; for a flag, min is the value it sets (as int32_t) */
	const char *placeholder; /* TIME, N, SIGNAL, NAME, FILE, CMD, words; NULL for a flag */
	const char *help;   /* one line, with the default */
};

/* Ends with an entry whose option is NULL. Sorted as --help shows it. */
extern const struct setting settings_table[];

void settings_init(struct settings *settings);

/* Was the field at this offset set, by whichever entry of the table? */
bool settings_has(const struct settings *settings, size_t offset);

/* Once everything is set: fields whose default depends on others. */
void settings_complete(struct settings *settings);

/*
 * Sets one field from text. The text must outlive `settings` (it is kept for SETTING_TEXT).
 * Returns true, or false with one sentence in `error`: "ready-timeout: '5 parsecs' is not a
 * time; try 500ms, 30s or 2m".
 */
bool settings_set(struct settings *settings, const struct setting *setting, const char *text,
		  char *error, size_t error_size);

/*
 * The signal named by text ("HUP", "SIGHUP", "hup", "1", "RTMIN+3"), or 0. KILL, STOP and the
 * signals that report a fault of the program itself (SEGV, BUS, FPE, ILL, ...) are no choice.
 */
int signal_parse(const char *text);

/* Whether somebody may send it to a server: none of those that signal_parse() refuses. */
bool signal_is_command(int signal);

/* Its short name ("HUP"), or "signal 61"-style text in buffer. Never NULL. */
const char *signal_name(int signal, char *buffer, size_t buffer_size);
