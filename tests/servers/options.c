/* The options of the test servers. One table, so that a behaviour file can hold the same words. */
#include "common.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
	OPT_WAIT = 1, OPT_LISTEN, OPT_LISTEN_COUNT, OPT_BLOCKING, OPT_NONBLOCKING, OPT_TOGGLE,
	OPT_WORK, OPT_INIT, OPT_INIT_WHILE, OPT_INIT_BEFORE_BIND, OPT_INIT_BEFORE_BIND_WHILE,
	OPT_TAG, OPT_BACKLOG, OPT_V6ONLY, OPT_REUSEADDR,
	OPT_REUSEPORT, OPT_RCVTIMEO, OPT_EXIT, OPT_CRASH, OPT_HANG, OPT_STAGE, OPT_TAG_FILE,
	OPT_BEHAVIOUR, OPT_PRINT_START, OPT_LOG, OPT_KEEPALIVE, OPT_TERM, OPT_HANDLE_HUP,
	OPT_PIDFILE, OPT_THREADS, OPT_STRICT, OPT_NOTIFY, OPT_LISTEN_ONCE, OPT_UNLINK_FIRST,
	OPT_PROBE_FIRST, OPT_RENAME, OPT_UNLINK_AT_EXIT, OPT_SEQPACKET, OPT_MODE, OPT_PID_STYLE,
	OPT_PID_FIRST, OPT_PID_CHECK,
	OPT_DAEMON, OPT_EXEC, OPT_LISTEN_FD, OPT_RAW_CLONE, OPT_RESPAWN, OPT_CLOSE_LISTENER,
	OPT_ORPHAN, OPT_OUTLIVE, OPT_SIGNALS, OPT_FULL_MASK, OPT_BIND_AT_EXIT, OPT_ONE_STACK, OPT_ASKS,
	OPT_MAIN_THREAD,
};

static const struct option table[] = {
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "listen-count", required_argument, NULL, OPT_LISTEN_COUNT },
	{ "blocking", no_argument, NULL, OPT_BLOCKING },
	{ "nonblocking", no_argument, NULL, OPT_NONBLOCKING },
	{ "toggle", no_argument, NULL, OPT_TOGGLE },
	{ "work-ms", required_argument, NULL, OPT_WORK },
	{ "init-ms", required_argument, NULL, OPT_INIT },
	{ "init-while", required_argument, NULL, OPT_INIT_WHILE },
	{ "init-before-bind-ms", required_argument, NULL, OPT_INIT_BEFORE_BIND },
	{ "init-before-bind-while", required_argument, NULL, OPT_INIT_BEFORE_BIND_WHILE },
	{ "tag", required_argument, NULL, OPT_TAG },
	{ "tag-file", required_argument, NULL, OPT_TAG_FILE },
	{ "behaviour-file", required_argument, NULL, OPT_BEHAVIOUR },
	{ "backlog", required_argument, NULL, OPT_BACKLOG },
	{ "v6only", required_argument, NULL, OPT_V6ONLY },
	{ "reuseaddr", required_argument, NULL, OPT_REUSEADDR },
	{ "reuseport", required_argument, NULL, OPT_REUSEPORT },
	{ "rcvtimeo-ms", required_argument, NULL, OPT_RCVTIMEO },
	{ "exit-at-start", required_argument, NULL, OPT_EXIT },
	{ "crash-at-start", no_argument, NULL, OPT_CRASH },
	{ "hang-at-start", no_argument, NULL, OPT_HANG },
	{ "at", required_argument, NULL, OPT_STAGE },
	{ "print-start", no_argument, NULL, OPT_PRINT_START },
	{ "log", no_argument, NULL, OPT_LOG },
	{ "keepalive", no_argument, NULL, OPT_KEEPALIVE },
	{ "term", required_argument, NULL, OPT_TERM },
	{ "handle-hup", no_argument, NULL, OPT_HANDLE_HUP },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "notify-ms", required_argument, NULL, OPT_NOTIFY },
	{ "listen-once", no_argument, NULL, OPT_LISTEN_ONCE },
	{ "unlink-first", no_argument, NULL, OPT_UNLINK_FIRST },
	{ "probe-first", no_argument, NULL, OPT_PROBE_FIRST },
	{ "rename-into-place", no_argument, NULL, OPT_RENAME },
	{ "unlink-at-exit", no_argument, NULL, OPT_UNLINK_AT_EXIT },
	{ "seqpacket", no_argument, NULL, OPT_SEQPACKET },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "pidfile-style", required_argument, NULL, OPT_PID_STYLE },
	{ "pidfile-first", no_argument, NULL, OPT_PID_FIRST },
	{ "pidfile-check", no_argument, NULL, OPT_PID_CHECK },
	{ "daemon", required_argument, NULL, OPT_DAEMON },
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ "listen-fd", required_argument, NULL, OPT_LISTEN_FD },
	{ "raw-clone", no_argument, NULL, OPT_RAW_CLONE },
	{ "respawn", no_argument, NULL, OPT_RESPAWN },
	{ "close-listener", no_argument, NULL, OPT_CLOSE_LISTENER },
	{ "orphan", no_argument, NULL, OPT_ORPHAN },
	{ "outlive", no_argument, NULL, OPT_OUTLIVE },
	{ "signals", required_argument, NULL, OPT_SIGNALS },
	{ "full-mask", no_argument, NULL, OPT_FULL_MASK },
	{ "bind-at-exit", no_argument, NULL, OPT_BIND_AT_EXIT },
	{ "one-stack", no_argument, NULL, OPT_ONE_STACK },
	{ "asks", no_argument, NULL, OPT_ASKS },
	{ "main-thread", required_argument, NULL, OPT_MAIN_THREAD },
	{ NULL, 0, NULL, 0 },
};

static int number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < 0 || value > 1000000)
		errx(2, "'%s' is no number from 0 to 1000000", text);
	return (int)value;
}

static int choice(const char *text, const char *const words[])
{
	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
	}
	errx(2, "'%s' is not among '%s', '%s', ...", text, words[0], words[1]);
}

/* "127.0.0.1:80", "[::1]:80", "unix:/run/path" or "unix:@name" */
static struct sockaddr_storage address_parse(const char *text)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
	struct sockaddr_un *local = (struct sockaddr_un *)&address;
	char host[ADDRESS_TEXT_SIZE];
	int port;

	if (strncmp(text, "unix:", 5) == 0 && strlen(text + 5) < sizeof(local->sun_path)) {
		local->sun_family = AF_UNIX;
		strcpy(local->sun_path, text + 5);
		if (local->sun_path[0] == '@')
			local->sun_path[0] = '\0';
		return address;
	}
	if (sscanf(text, "[%47[^]]]:%d", host, &port) == 2) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1)
			return address;
	} else if (sscanf(text, "%47[^:]:%d", host, &port) == 2) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		if (inet_pton(AF_INET, host, &in->sin_addr) == 1)
			return address;
	}
	errx(2, "'%s' is none of ADDR:PORT, [ADDR]:PORT and unix:PATH", text);
}

static void listen_add(struct options *options, struct sockaddr_storage address)
{
	size_t size = sizeof(address) * ((size_t)options->address_count + 1);

	if (options->address_count == LISTENERS_MAX)
		errx(2, "more than %d listeners", LISTENERS_MAX);
	options->addresses = realloc(options->addresses, size);
	if (options->addresses == NULL)
		err(2, "realloc");
	options->addresses[options->address_count++] = address;
}

/* As many listeners as the bench wants, on the ports that follow the first one's. */
static void listen_add_rising(struct options *options, int count)
{
	if (options->address_count == 0)
		errx(2, "--listen-count comes after a --listen");
	for (int i = 1; i < count; i++) {
		struct sockaddr_storage address = options->addresses[0];
		/* sin_port and sin6_port are at the same place. */
		struct sockaddr_in *in = (struct sockaddr_in *)&address;

		in->sin_port = htons((uint16_t)(ntohs(in->sin_port) + i));
		listen_add(options, address);
	}
}

/* The whole file as a string that lives as long as the program; NULL if there is no such file. */
static char *file_read(const char *path)
{
	static const size_t size_max = 4096;
	FILE *file = fopen(path, "re");
	char *text = calloc(1, size_max);

	if (text == NULL || (file == NULL && errno != ENOENT))
		err(2, "cannot read %s", path);
	if (file == NULL) {
		free(text);
		return NULL;
	}
	(void)!fread(text, 1, size_max - 1, file);
	fclose(file);
	return text;
}

static const char *tag_read(const char *path)
{
	char *text = file_read(path);

	if (text == NULL)
		err(2, "cannot read %s", path);
	text[strcspn(text, " \n")] = '\0';
	return text;
}

/* libc, double, slow: before anything else; late: with the listener, which the child then has. */
static void daemon_choose(struct options *options, const char *how)
{
	static const char *const ways[] = { "libc", "double", "slow", "late", NULL };

	options->daemon = ways[choice(how, ways)];
	options->daemon_late = strcmp(how, "late") == 0;
}

static const char *option_apply(struct options *options, int option, const char *value)
{
	static const char *const terms[] = { "default", "graceful", "shutdown", "ignore", NULL };
	static const char *const stages[] = { "start", "bind", "listen", "written", NULL };
	static const char *const styles[] = {
		"fopen", "creat", "excl", "rename", "keep", "link", "shell", "lock", "emptied",
		NULL,
	};
	static const char *const signals[] = {
		"none", "block", "block-raw", "block-raw-late", "handlers", "handlers-raw-late",
		"sigwait", "sigwaitinfo", "sigtimedwait", "signalfd", NULL };
	static const char *const main_threads[] = { "stays", "ends-early", "ends-late", NULL };

	switch (option) {
	case OPT_WAIT: options->wait = value; break;
	case OPT_LISTEN: listen_add(options, address_parse(value)); break;
	case OPT_LISTEN_COUNT: listen_add_rising(options, number(value)); break;
	case OPT_BLOCKING: options->blocking = 1; break;
	case OPT_NONBLOCKING: options->blocking = 0; break;
	case OPT_TOGGLE: options->toggle = true; break;
	case OPT_WORK: options->work_ms = number(value); break;
	case OPT_INIT: options->init_ms = number(value); break;
	case OPT_INIT_WHILE: options->init_while = value; break;
	case OPT_INIT_BEFORE_BIND: options->init_before_bind_ms = number(value); break;
	case OPT_INIT_BEFORE_BIND_WHILE: options->init_before_bind_while = value; break;
	case OPT_TAG: options->tag = value; break;
	case OPT_TAG_FILE: options->tag = tag_read(value); break;
	case OPT_BEHAVIOUR: return value;
	case OPT_BACKLOG: options->backlog = number(value); break;
	case OPT_V6ONLY: options->v6only = number(value); break;
	case OPT_REUSEADDR: options->reuseaddr = number(value); break;
	case OPT_REUSEPORT: options->reuseport = number(value); break;
	case OPT_RCVTIMEO: options->rcvtimeo_ms = number(value); break;
	case OPT_EXIT:
		options->mishap = MISHAP_EXIT;
		options->exit_code = number(value);
		break;
	case OPT_CRASH: options->mishap = MISHAP_CRASH; break;
	case OPT_HANG: options->mishap = MISHAP_HANG; break;
	case OPT_STAGE: options->mishap_stage = (enum stage)choice(value, stages); break;
	case OPT_PRINT_START: options->print_start = true; break;
	case OPT_LOG: options->log = true; break;
	case OPT_KEEPALIVE: options->keepalive = true; break;
	case OPT_TERM: options->term = (enum term)choice(value, terms); break;
	case OPT_HANDLE_HUP: options->handle_hup = true; break;
	case OPT_PIDFILE: options->pid_file = value; break;
	case OPT_THREADS: options->threads = number(value); break;
	case OPT_STRICT: options->strict = true; break;
	case OPT_NOTIFY: options->notify_ms = number(value); break;
	case OPT_LISTEN_ONCE: options->listen_once = true; break;
	case OPT_UNLINK_FIRST: options->unlink_first = true; break;
	case OPT_PROBE_FIRST: options->probe_first = true; break;
	case OPT_RENAME: options->rename_into_place = true; break;
	case OPT_UNLINK_AT_EXIT: options->unlink_at_exit = true; break;
	case OPT_SEQPACKET: options->seqpacket = true; break;
	case OPT_MODE: options->mode = (int)strtol(value, NULL, 8); break;
	case OPT_PID_STYLE:
		options->pid_style = (enum pid_style)choice(value, styles);
		break;
	case OPT_PID_FIRST: options->pid_first = true; break;
	case OPT_PID_CHECK: options->pid_check = true; break;
	case OPT_DAEMON: daemon_choose(options, value); break;
	case OPT_EXEC: options->exec = value; break;
	case OPT_LISTEN_FD: options->listen_fd = number(value); break;
	case OPT_ASKS: options->asks = true; break;
	case OPT_RAW_CLONE: options->raw_clone = true; break;
	case OPT_RESPAWN: options->respawn = true; break;
	case OPT_CLOSE_LISTENER: options->close_listener = true; break;
	case OPT_ORPHAN: options->orphan = true; break;
	case OPT_OUTLIVE: options->outlive = true; break;
	case OPT_SIGNALS: options->signals = (enum signals)choice(value, signals); break;
	case OPT_FULL_MASK: options->full_mask = true; break;
	case OPT_BIND_AT_EXIT: options->bind_at_exit = true; break;
	case OPT_ONE_STACK: options->one_stack = true; break;
	case OPT_MAIN_THREAD:
		options->main_thread = (enum main_thread)choice(value, main_threads);
		break;
	default: exit(2);	/* getopt_long() has told why */
	}
	return NULL;
}

/*
 * Words that are no options are let pass: a test of argv must be able to pass any. They are moved
 * to the end by getopt_long(), of a copy, for --print-start is to tell the order that was given.
 */
static const char *words_parse(struct options *options, int argc, char *argv[])
{
	char **words = calloc((size_t)argc + 1, sizeof(*words));
	const char *behaviour_file = NULL;
	int option;

	if (words == NULL)
		err(2, "calloc");
	memcpy(words, argv, sizeof(*words) * (size_t)argc);
	optind = 0;	/* glibc's way to start afresh */
	while ((option = getopt_long(argc, words, "", table, NULL)) != -1) {
		const char *path = option_apply(options, option, optarg);

		if (path != NULL)
			behaviour_file = path;
	}
	free(words);
	return behaviour_file;
}

static void behaviour_parse(struct options *options, const char *path)
{
	char name[] = "behaviour", *words[64] = { name };
	int count = 1;
	char *text = file_read(path);

	if (text == NULL)
		return;
	for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n")) {
		if (count == 63)
			errx(2, "more than 62 words in %s", path);
		words[count++] = word;
	}
	words_parse(options, count, words);
}

void options_parse(struct options *options, int argc, char *argv[])
{
	const char *behaviour_file;

	*options = (struct options){
		.wait = "accept", .blocking = -1, .v6only = -1, .reuseaddr = 1, .backlog = 4096,
		.threads = 4, .mode = -1, .tag = "v1", .notify_ms = -1, .exec = "execve", .listen_fd = -1,
	};
	behaviour_file = words_parse(options, argc, argv);
	if (behaviour_file != NULL)
		behaviour_parse(options, behaviour_file);
	if (options->address_count == 0)
		listen_add(options, address_parse("127.0.0.1:8080"));
}
