#include "settings.h"

#include "flag.h"
#include "protocol.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* poll(2) counts its timeout in an int of milliseconds: a longer one could not be waited for. */
#define DURATION_MAX INT32_MAX
#define FIELD(name) offsetof(struct settings, name)

const struct setting settings_table[] = {
	{ "name", "FLIP_NAME", 0, SETTING_TEXT, FIELD(name), 0, 0, "NAME",
	  "call the service NAME in flip status, restart and stop (default: after the command)" },
	{ "ready-timeout", "FLIP_READY_TIMEOUT", 0, SETTING_DURATION, FIELD(ready_timeout_ms), 1,
	  DURATION_MAX, "TIME", "kill a new server that is not ready by then (default: 60s)" },
	{ "drain-timeout", "FLIP_DRAIN_TIMEOUT", 0, SETTING_DURATION, FIELD(drain_timeout_ms), 0,
	  DURATION_MAX, "TIME",
	  "end an old server that still has connections by then (default: 0, never; in place: 1s)" },
	{ "stop-timeout", "FLIP_STOP_TIMEOUT", 0, SETTING_DURATION, FIELD(stop_timeout_ms), 0,
	  DURATION_MAX, "TIME",
	  "kill a server this long after it was told to end (default: 10s; in place: 90s)" },
	{ "max-draining", "FLIP_MAX_DRAINING", 0, SETTING_COUNT, FIELD(max_draining), 1, 64, "N",
	  "servers that may drain at a time; one more restart is refused (default: 2)" },
	{ "in-place", "FLIP_IN_PLACE", 0, SETTING_FLAG, FIELD(in_place), 1, 0, NULL,
	  "end the old server before the new one is started, while clients wait: for programs that "
	  "must not run twice" },
	{ "overlap", "FLIP_OVERLAP", 0, SETTING_FLAG, FIELD(in_place), 0, 0, NULL,
	  "start the new server beside the old one, whatever the profile of the program says" },
	{ "fallback", "FLIP_FALLBACK", 0, SETTING_TEXT, FIELD(fallback), 0, 0, "CMD",
	  "a shell command to start if, while nobody serves, the new server fails" },
	{ "precheck", "FLIP_PRECHECK", 0, SETTING_TEXT, FIELD(precheck), 0, 0, "CMD",
	  "a shell command that must succeed before a restart begins, such as 'nginx -t'" },
	{ "check", "FLIP_CHECK", 0, SETTING_TEXT, FIELD(check), 0, 0, "CMD",
	  "a shell command that must succeed once the new server serves, or else the old one comes "
	  "back; FLIP_CHECK_PID and FLIP_CHECK_ADDRESSES tell it of the new one" },
	{ "check-timeout", "FLIP_CHECK_TIMEOUT", 0, SETTING_DURATION,
	  FIELD(check_timeout_ms), 1, DURATION_MAX, "TIME",
	  "kill --precheck or --check if it takes longer; it has failed then (default: 30s)" },
	{ "probation", "FLIP_PROBATION", 0, SETTING_DURATION, FIELD(probation_ms), 0, DURATION_MAX,
	  "TIME",
	  "if the new server ends within this time, the old one comes back (default: 3s; 0: never)" },
	{ "on-crash", "FLIP_ON_CRASH", 0, SETTING_CHOICE, FIELD(on_crash), 0, 0, "exit|restart",
	  "if the server crashes: end with its exit code, or start it again while clients wait "
	  "(default: exit)" },
	{ "max-crashes", "FLIP_MAX_CRASHES", 0, SETTING_COUNT, FIELD(max_crashes), 0,
	  SETTINGS_CRASHES_MAX, "N",
	  "after this many crashes within --crash-window end all the same; 0: never (default: 5)" },
	{ "crash-window", "FLIP_CRASH_WINDOW", 0, SETTING_DURATION, FIELD(crash_window_ms), 1,
	  DURATION_MAX, "TIME", "see --max-crashes (default: 60s)" },
	{ "profiles", "FLIP_PROFILES", 0, SETTING_TEXT, FIELD(profiles), 0, 0, "FILE",
	  "how programs are to be run, before what flip profiles shows (default: "
	  "/etc/flip/profiles)" },
	{ "restart-signal", "FLIP_RESTART_SIGNAL", 0, SETTING_SIGNAL, FIELD(restart_signal), 0, 0,
	  "SIGNAL", "restart at this signal (default: HUP)" },
	{ "stop-signal", "FLIP_STOP_SIGNAL", 0, SETTING_SIGNAL, FIELD(stop_signal), 0, 0, "SIGNAL",
	  "drain and stop at this signal, and end the drained server with it "
	  "(default: QUIT, and TERM for the server)" },
	{ "pid-file", "FLIP_PID_FILE", 0, SETTING_TEXT, FIELD(pid_file), 0, 0, "FILE",
	  "write the pid of flip, which no restart changes, to FILE" },
	{ "verbose", "FLIP_VERBOSE", 'v', SETTING_FLAG, FIELD(verbosity), 1, 0, NULL,
	  "say what flip does and why" },
	{ "quiet", "FLIP_QUIET", 'q', SETTING_FLAG, FIELD(verbosity), (uint32_t)-1, 0, NULL,
	  "say only what went wrong" },
	{ .option = NULL },
};

struct signal_entry {
	const char *name;
	int number;
	bool reserved; /* no choice: cannot be caught, tells of a fault, or flip waits for it */
};

static const struct signal_entry signals[] = {
	{ "HUP", SIGHUP, false },	{ "INT", SIGINT, false },
	{ "QUIT", SIGQUIT, false },	{ "ILL", SIGILL, true },
	{ "TRAP", SIGTRAP, true },	{ "ABRT", SIGABRT, true },
	{ "BUS", SIGBUS, true },	{ "FPE", SIGFPE, true },
	{ "KILL", SIGKILL, true },	{ "USR1", SIGUSR1, false },
	{ "SEGV", SIGSEGV, true },	{ "USR2", SIGUSR2, false },
	{ "PIPE", SIGPIPE, true },	{ "ALRM", SIGALRM, false },
	{ "TERM", SIGTERM, false },	{ "STKFLT", SIGSTKFLT, true },
	{ "CHLD", SIGCHLD, true },	{ "CONT", SIGCONT, true },
	{ "STOP", SIGSTOP, true },	{ "TSTP", SIGTSTP, true },
	{ "TTIN", SIGTTIN, true },	{ "TTOU", SIGTTOU, true },
	{ "URG", SIGURG, false },	{ "XCPU", SIGXCPU, false },
	{ "XFSZ", SIGXFSZ, true },	{ "VTALRM", SIGVTALRM, false },
	{ "PROF", SIGPROF, false },	{ "WINCH", SIGWINCH, false },
	{ "IO", SIGIO, false },		{ "PWR", SIGPWR, false },
	{ "SYS", SIGSYS, true },	{ .name = NULL },
};

void settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.ready_timeout_ms = 60 * 1000,
		.stop_timeout_ms = 10 * 1000,
		.max_draining = 2,
		.check_timeout_ms = 30 * 1000,
		.probation_ms = 3 * 1000,
		.max_crashes = 5,
		.crash_window_ms = 60 * 1000,
		.restart_signal = SIGHUP,
	};
}

_Static_assert(sizeof(settings_table) / sizeof(*settings_table) <= 64, "a bit for each setting");

bool settings_has(const struct settings *settings, size_t offset)
{
	for (size_t i = 0; settings_table[i].option; i++)
		if (settings_table[i].offset == offset && settings->given >> i & 1)
			return true;
	return false;
}

/*
 * In place nobody takes new clients during the drain, and many clients of databases never hang up:
 * a second is enough for a request in flight, and less than clients wait for an answer. Saving the
 * data may take its time; 90 s is what systemd allows, too.
 */
void settings_complete(struct settings *settings)
{
	if (!settings->in_place)
		return;
	if (!settings_has(settings, FIELD(drain_timeout_ms)))
		settings->drain_timeout_ms = 1000;
	if (!settings_has(settings, FIELD(stop_timeout_ms)))
		settings->stop_timeout_ms = 90 * 1000;
}

/*
 * Reads digits only: no sign, no blank, no locale. What does not fit stays at UINT32_MAX, which
 * every caller's upper bound refuses. Returns the first character that is no digit, or NULL if
 * there is no digit at all.
 */
static const char *number_parse(const char *text, uint32_t *value)
{
	uint64_t sum = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		sum = sum * 10 + (uint64_t)(*at - '0');
		if (sum > UINT32_MAX)
			sum = UINT32_MAX;
	}
	*value = (uint32_t)sum;
	return at == text ? NULL : at;
}

static uint32_t unit_parse(const char *text)
{
	static const struct {
		const char *name;
		uint32_t ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text, units[i].name) == 0)
			return units[i].ms;
	return 0;
}

/* Rounds up: "0.1ms" must not turn into 0, which means "never" to some settings. */
static bool duration_parse(const char *text, uint64_t *ms)
{
	uint32_t whole, fraction = 0, unit;
	uint64_t scale = 1;
	const char *at = number_parse(text, &whole);

	if (at && *at == '.') {
		const char *digits = at + 1;

		at = number_parse(digits, &fraction);
		if (!at || at - digits > 9)
			return false;
		for (ptrdiff_t i = at - digits; i > 0; i--)
			scale *= 10;
	}
	if (!at || !(unit = unit_parse(at)))
		return false;
	*ms = (uint64_t)whole * unit + ((uint64_t)fraction * unit + scale - 1) / scale;
	return true;
}

static bool realtime_parse(const char *text, int *signal)
{
	bool from_min = strncmp(text, "RTMIN", 5) == 0;
	uint32_t distance = 0;

	if (!from_min && strncmp(text, "RTMAX", 5) != 0)
		return false;
	text += 5;
	if (*text != '\0') {
		const char *end = *text == (from_min ? '+' : '-') ?
					  number_parse(text + 1, &distance) :
					  NULL;

		if (!end || *end != '\0')
			return false;
	}
	if (distance > (uint32_t)(SIGRTMAX - SIGRTMIN))
		return false;
	*signal = from_min ? SIGRTMIN + (int)distance : SIGRTMAX - (int)distance;
	return true;
}

static const struct signal_entry *signal_find(const char *name, uint32_t number)
{
	for (const struct signal_entry *entry = signals; entry->name; entry++)
		if (strcmp(entry->name, name) == 0 || (uint32_t)entry->number == number)
			return entry;
	return NULL;
}

int signal_parse(const char *text)
{
	char name[16] = "";
	uint32_t number = 0;
	size_t length = 0;
	int signal;

	for (; text[length] != '\0' && length < sizeof(name) - 1; length++) {
		char c = text[length];

		name[length] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	if (text[length] != '\0')
		return 0;

	const char *bare = memcmp(name, "SIG", 3) == 0 ? name + 3 : name;
	const char *end = number_parse(name, &number);

	if (realtime_parse(bare, &signal))
		return signal == SESSION_SIGNAL ? 0 : signal;
	if (end && *end != '\0')
		return 0;
	/* 32 and 33 are glibc's own, and one is flip's. */
	if (end && number >= (uint32_t)SIGRTMIN && number <= (uint32_t)SIGRTMAX)
		return number == SESSION_SIGNAL ? 0 : (int)number;

	const struct signal_entry *entry = signal_find(bare, number);

	return entry && !entry->reserved ? entry->number : 0;
}

bool signal_is_command(int signal)
{
	const struct signal_entry *entry = signal > 0 ? signal_find("", (uint32_t)signal) : NULL;

	return entry ? !entry->reserved : signal >= SIGRTMIN && signal <= SIGRTMAX;
}

const char *signal_name(int signal, char *buffer, size_t buffer_size)
{
	const struct signal_entry *entry = signal > 0 ? signal_find("", (uint32_t)signal) : NULL;

	if (entry)
		return entry->name;
	snprintf(buffer, buffer_size, "signal %d", signal);
	return buffer;
}

static bool set_text(const char **field, const char *text)
{
	if (*text == '\0')
		return false;
	*field = text;
	return true;
}

static bool set_duration(uint32_t *field, const struct setting *setting, const char *text)
{
	uint64_t ms;

	if (!duration_parse(text, &ms) || ms < setting->min || ms > setting->max)
		return false;
	*field = (uint32_t)ms;
	return true;
}

static bool set_count(uint32_t *field, const struct setting *setting, const char *text)
{
	uint32_t value;
	const char *end = number_parse(text, &value);

	if (!end || *end != '\0' || value < setting->min || value > setting->max)
		return false;
	*field = value;
	return true;
}

static bool set_signal(uint32_t *field, const char *text)
{
	int signal = signal_parse(text);

	if (signal != 0)
		*field = (uint32_t)signal;
	return signal != 0;
}

static bool set_choice(uint32_t *field, const struct setting *setting, const char *text)
{
	size_t length = strlen(text);
	uint32_t number = 0;

	for (const char *word = setting->placeholder;; word++, number++) {
		if (length > 0 && strcspn(word, "|") == length && memcmp(word, text, length) == 0) {
			*field = number;
			return true;
		}
		word += strcspn(word, "|");
		if (*word == '\0')
			return false;
	}
}

/* An option gives NULL. */
static bool set_flag(int32_t *field, const struct setting *setting, const char *text)
{
	if (text && flag_is_off(text))
		return true;
	if (text && !flag_is_on(text))
		return false;
	*field = (int32_t)setting->min;
	return true;
}

/* A variable that is empty. FLIP_IN_PLACE=0 is as good as --overlap, but FLIP_OVERLAP=0 says nothing. */
static bool is_none(const struct setting *setting, const char *text)
{
	return setting->kind == SETTING_FLAG && text && (*text == '\0' || (flag_is_off(text) && setting->min == 0));
}

/* What is wrong with a text that was refused; it is shown shortened, so that the hint fits. */
static void explain(const struct setting *setting, const char *text, char *error, size_t size)
{
	const char *name = setting->option;
	uint64_t ms;

	if (setting->kind == SETTING_FLAG)
		snprintf(error, size, "%s: '%.40s' is neither yes nor no; try 1 or 0", name, text);
	else if (setting->kind == SETTING_TEXT)
		snprintf(error, size, "%s: needs a text that is not empty", name);
	else if (setting->kind == SETTING_COUNT)
		snprintf(error, size, "%s: '%.40s' is not a number from %u to %u", name, text,
			 setting->min, setting->max);
	else if (setting->kind == SETTING_CHOICE)
		snprintf(error, size, "%s: '%.40s' is not among %s", name, text,
			 setting->placeholder);
	else if (setting->kind == SETTING_SIGNAL)
		snprintf(error, size,
			 "%s: '%.40s' is not a signal that flip can take; try HUP, USR2 or RTMIN+3",
			 name, text);
	else if (!duration_parse(text, &ms))
		snprintf(error, size, "%s: '%.40s' is not a time; try 500ms, 30s or 2m", name,
			 text);
	else if (ms > setting->max)
		snprintf(error, size, "%s: '%.40s' is too long; the longest is %uh", name, text,
			 setting->max / 3600000);
	else
		snprintf(error, size, "%s: '%.40s' is too short; the shortest is %ums", name, text,
			 setting->min);
}

bool settings_set(struct settings *settings, const struct setting *setting, const char *text,
		  char *error, size_t error_size)
{
	void *field = (char *)settings + setting->offset;
	bool ok = false;

	if (is_none(setting, text))
		return true;
	switch (setting->kind) {
	case SETTING_TEXT:
		ok = set_text(field, text);
		break;
	case SETTING_DURATION:
		ok = set_duration(field, setting, text);
		break;
	case SETTING_COUNT:
		ok = set_count(field, setting, text);
		break;
	case SETTING_SIGNAL:
		ok = set_signal(field, text);
		break;
	case SETTING_CHOICE:
		ok = set_choice(field, setting, text);
		break;
	case SETTING_FLAG:
		ok = set_flag(field, setting, text);
		break;
	}
	if (ok)
		settings->given |= 1ull << (setting - settings_table);
	else
		explain(setting, text, error, error_size);
	return ok;
}
