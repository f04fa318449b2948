/*
 * A load client that counts: how many requests were sent, what became of each, who answered.
 *
 * A thread per client runs a closed loop: connect, send a line, read the answer, see the server
 * close. The server closes first, always, so that TIME_WAIT is on its side and the ports here stay
 * free. For other protocols than that of tests/servers, options tell what to say, how far the answer
 * goes, and what in it tells who answered. Scripts see whom it has met, and when, in --answers-file:
 * a line for each who answers, at his first answer. The last line of output is the tally; the exit
 * code is 0 if nothing failed and something was answered.
 */
#include "dialogue.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct target targets[ADDRESSES_MAX];
	int target_count;
	long clients, requests, seconds_ms, pause_ms, hold_ms, timeout_ms;
	bool keepalive;
	const char *latency_path, *stop_path, *answers_path;
	bool has_dialogue;		/* and not the line protocol */
	struct dialogue dialogue;
} options = { .clients = 1, .timeout_ms = 5000 };

/* Who answered, and how often. Rows are added under the lock, and counted without it. */
struct responder {
	char name[80];			/* "TAG PID" */
	atomic_long count;
	struct responder *older;
};

static pthread_mutex_t responders_lock = PTHREAD_MUTEX_INITIALIZER;
static struct responder *responders;	/* the newest first */

struct client {
	pthread_t thread;
	unsigned number;
	unsigned sequence;		/* of its requests */
	int fd;				/* -1: not connected */
	const struct target *target;	/* where to */
	char *answer;			/* of a dialogue */
	struct responder *responder;	/* of the last answer: mostly of the next, too */
	long outcomes[OUTCOME_COUNT];
	uint32_t *latencies_us;
	size_t latency_count, latency_size;
};

static atomic_bool is_stopping;
static int stop_pipe[2];
static volatile sig_atomic_t was_told_to_stop;
static atomic_long requests_begun;
static atomic_int failures_shown;
static int64_t start_ns;
static FILE *latency_file, *answers_file;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *allocated(void *memory)
{
	if (memory == NULL)
		err(2, "cannot allocate");
	return memory;
}

/* A client with a long pause must not hold up the end: the closed end of a pipe wakes it. */
static void client_sleep(long ms)
{
	struct pollfd stop = { .fd = stop_pipe[0] };

	if (ms > 0)
		ppoll(&stop, 1, &(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static struct responder *responder_find(const char *name)
{
	struct responder *responder;

	pthread_mutex_lock(&responders_lock);
	for (responder = responders; responder != NULL; responder = responder->older) {
		if (strcmp(responder->name, name) == 0)
			break;
	}
	if (responder == NULL) {
		responder = allocated(calloc(1, sizeof(*responder)));
		snprintf(responder->name, sizeof(responder->name), "%s", name);
		responder->older = responders;
		responders = responder;
		if (answers_file != NULL)
			fprintf(answers_file, "%s\n", name);
	}
	pthread_mutex_unlock(&responders_lock);
	return responder;
}

/*
 * The answer is "TAG PID LINE", or from a server that only echoes, LINE. Cuts it down to "TAG PID".
 * False if it is the answer to something else.
 */
static bool answer_take(char *answer, const char *line, const char **name)
{
	size_t length = strcspn(line, "\n");
	char *echo = strchr(answer, ' ');

	*name = "- 0";
	if (strlen(answer) == length && strncmp(answer, line, length) == 0)
		return true;
	echo = echo == NULL ? NULL : strchr(echo + 1, ' ');
	if (echo == NULL || strncmp(echo + 1, line, length) != 0)
		return false;
	/* --handle-hup adds a word */
	if (echo[1 + length] != '\0' && echo[1 + length] != ' ')
		return false;
	*echo = '\0';
	*name = answer;
	return true;
}

static void latency_add(struct client *client, uint32_t latency_us)
{
	if (client->latency_count == client->latency_size) {
		client->latency_size = client->latency_size ? 2 * client->latency_size : 4096;
		client->latencies_us = allocated(realloc(client->latencies_us,
			sizeof(*client->latencies_us) * client->latency_size));
	}
	client->latencies_us[client->latency_count++] = latency_us;
}

static void failure_show(enum outcome outcome, unsigned number, int64_t begin_ns)
{
	struct timespec now;
	struct tm local;
	char when[16];

	if (atomic_fetch_add(&failures_shown, 1) >= 20)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&now.tv_sec, &local));
	fprintf(stderr, "load: %s.%03ld (t=%.3f ms, begun %.3f ms before) client %u: %s\n", when,
		now.tv_nsec / 1000000, (double)(now_ns() - start_ns) / 1e6,
		(double)(now_ns() - begin_ns) / 1e6, number, outcome_name(outcome));
}

static void client_count(struct client *client, enum outcome outcome, int64_t begin_ns,
			 int64_t end_ns, const char *name)
{
	uint32_t latency_us = (uint32_t)((end_ns - begin_ns) / 1000);

	client->outcomes[outcome]++;
	if (outcome != OUTCOME_OK) {
		failure_show(outcome, client->number, begin_ns);
		name = outcome_name(outcome);
	} else {
		latency_add(client, latency_us);
		if (client->responder == NULL || strcmp(client->responder->name, name) != 0)
			client->responder = responder_find(name);
		atomic_fetch_add_explicit(&client->responder->count, 1, memory_order_relaxed);
	}
	if (latency_file != NULL)
		fprintf(latency_file, "%.3f %u %s%s\n", (double)(begin_ns - start_ns) / 1e6,
			latency_us, outcome == OUTCOME_OK ? "" : "FAILED ", name);
}

static enum outcome client_connect_next(struct client *client)
{
	unsigned turn = client->number + client->sequence;
	enum outcome outcome = OUTCOME_OK;

	if (client->fd != -1)
		return OUTCOME_OK;
	client->target = &options.targets[turn % (unsigned)options.target_count];
	/* Clients start far from each other, so that no two come from one address for long. */
	client->fd = client_connect(client->target, client->number * 257 + client->sequence,
				    (int)options.timeout_ms, &outcome);
	return outcome;
}

static void client_disconnect(struct client *client)
{
	if (client->fd != -1)
		close(client->fd);
	client->fd = -1;
}

static enum outcome client_ask_line(struct client *client, char *name, size_t name_size)
{
	char line[64], answer[ANSWER_SIZE];
	const char *responder = "";
	enum outcome outcome;

	snprintf(line, sizeof(line), "r%u-%u\n", client->number, client->sequence);
	outcome = client_ask(client->fd, line, answer);
	if (outcome == OUTCOME_OK && !answer_take(answer, line, &responder))
		outcome = OUTCOME_OTHER;
	snprintf(name, name_size, "%s", responder);
	return outcome;
}

/* What came instead of the answer, for one who has to find out why. */
static void answer_show(const struct client *client, size_t length)
{
	char text[121];
	size_t end = length < sizeof(text) - 1 ? length : sizeof(text) - 1;

	for (size_t i = 0; i < end; i++)
		text[i] = isprint((unsigned char)client->answer[i]) ? client->answer[i] : '.';
	text[end] = '\0';
	if (atomic_load(&failures_shown) < 20)
		fprintf(stderr, "load: client %u was told '%s'\n", client->number, text);
}

static enum outcome client_talk(struct client *client, char *name, size_t name_size)
{
	size_t length;
	enum outcome outcome = dialogue_speak(&options.dialogue, client->target, client->fd,
					      options.keepalive, client->answer, &length);

	if (outcome == OUTCOME_OK &&
	    !dialogue_match(&options.dialogue, client->answer, length, name, name_size))
		outcome = OUTCOME_OTHER;
	if (outcome != OUTCOME_OK && length > 0)
		answer_show(client, length);
	return outcome;
}

static enum outcome client_request(struct client *client)
{
	char name[sizeof(client->responder->name)] = "";
	int64_t begin_ns = now_ns(), held_ns = 0, end_ns;
	enum outcome outcome = client_connect_next(client);

	if (outcome == OUTCOME_OK && options.hold_ms > 0) {
		held_ns = -now_ns();
		client_sleep(options.hold_ms);
		held_ns += now_ns();
	}
	if (outcome == OUTCOME_OK)
		outcome = options.has_dialogue ? client_talk(client, name, sizeof(name)) :
						 client_ask_line(client, name, sizeof(name));
	client->sequence++;
	end_ns = now_ns();
	if (outcome == OUTCOME_OK && !options.keepalive && !options.has_dialogue)
		outcome = client_expect_end(client->fd);
	if (outcome != OUTCOME_OK || !options.keepalive)
		client_disconnect(client);
	client_count(client, outcome, begin_ns + held_ns, end_ns, name);
	return outcome;
}

static bool client_may_go_on(void)
{
	if (atomic_load_explicit(&is_stopping, memory_order_relaxed))
		return false;
	return options.requests == 0 || atomic_fetch_add(&requests_begun, 1) < options.requests;
}

static void *client_run(void *argument)
{
	struct client *client = argument;

	while (client_may_go_on()) {
		/* A server that is gone must not be asked a million times a second. */
		long least_ms = client_request(client) == OUTCOME_OK ? 0 : 1;

		client_sleep(options.pause_ms > least_ms ? options.pause_ms : least_ms);
	}
	client_disconnect(client);
	return NULL;
}

static void on_stop(int signal_number)
{
	(void)signal_number;
	was_told_to_stop = 1;
}

static bool is_time_to_stop(void)
{
	if (options.seconds_ms > 0 && now_ns() - start_ns >= options.seconds_ms * 1000000)
		return true;
	if (options.stop_path != NULL && access(options.stop_path, F_OK) == 0)
		return true;
	return was_told_to_stop || (options.requests > 0 &&
	       atomic_load(&requests_begun) >= options.requests);
}

static void clients_stop(void)
{
	atomic_store(&is_stopping, true);
	close(stop_pipe[1]);
}

static void clients_run(struct client *clients)
{
	sigset_t all, before;
	pthread_attr_t attributes;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);	/* there may be 10,000 */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (long i = 0; i < options.clients; i++) {
		clients[i].number = (unsigned)i;
		clients[i].fd = -1;
		if (options.has_dialogue)
			clients[i].answer = allocated(malloc(DIALOGUE_SIZE));
		errno = pthread_create(&clients[i].thread, &attributes, client_run, &clients[i]);
		if (errno != 0)
			err(2, "cannot start client %ld", i);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	while (!is_time_to_stop())
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
	/* With a number of requests the clients end by themselves, each after its last one. */
	if (options.requests == 0 || was_told_to_stop ||
	    atomic_load(&requests_begun) < options.requests)
		clients_stop();
	for (long i = 0; i < options.clients; i++)
		pthread_join(clients[i].thread, NULL);
}

static void responders_print(const struct responder *responder)
{
	char name[sizeof(responder->name)];

	if (responder == NULL)
		return;
	responders_print(responder->older);
	snprintf(name, sizeof(name), "%s", responder->name);
	name[strcspn(name, " ")] = ':';
	printf("%s%s=%ld", responder->older == NULL ? "" : ",", name,
	       atomic_load(&responder->count));
}

static int compare_u32(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static void latencies_print(struct client *clients, size_t count)
{
	uint32_t *all = allocated(calloc(count + 1, sizeof(*all)));
	size_t length = 0;

	for (long i = 0; i < options.clients; i++) {
		if (clients[i].latency_count > 0)
			memcpy(all + length, clients[i].latencies_us,
			       sizeof(*all) * clients[i].latency_count);
		length += clients[i].latency_count;
		free(clients[i].latencies_us);
	}
	qsort(all, length, sizeof(*all), compare_u32);
	printf(" p50_us=%u p99_us=%u max_us=%u", all[length / 2], all[length * 99 / 100],
	       length > 0 ? all[length - 1] : 0);
	free(all);
}

/* Returns the exit code. */
static int tally_print(struct client *clients)
{
	double seconds = (double)(now_ns() - start_ns) / 1e9;
	long total[OUTCOME_COUNT] = { 0 }, sent = 0;

	for (long i = 0; i < options.clients; i++) {
		for (int j = 0; j < OUTCOME_COUNT; j++)
			total[j] += clients[i].outcomes[j];
	}
	for (int j = 0; j < OUTCOME_COUNT; j++)
		sent += total[j];
	printf("sent=%ld", sent);
	for (int j = 0; j < OUTCOME_COUNT; j++)
		printf(" %s=%ld", outcome_name((enum outcome)j), total[j]);
	printf(" failed=%ld by=", sent - total[OUTCOME_OK]);
	responders_print(responders);
	latencies_print(clients, (size_t)total[OUTCOME_OK]);
	printf(" seconds=%.3f per_second=%.0f\n", seconds, (double)sent / seconds);
	return sent == total[OUTCOME_OK] && sent > 0 ? 0 : 1;
}

static long number(const char *text, double scale)
{
	char *end;
	double value = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || value < 0 || value > 1e12)
		errx(2, "'%s' is no number", text);
	return (long)(value * scale);
}

static void targets_parse(char *list)
{
	for (char *word = strtok(list, ","); word != NULL; word = strtok(NULL, ",")) {
		if (options.target_count == ADDRESSES_MAX)
			errx(2, "more than %d addresses", ADDRESSES_MAX);
		if (!target_parse(&options.targets[options.target_count++], word))
			errx(2, "'%s' is no [udp:]ADDR:PORT, [udp:][ADDR]:PORT or unix:PATH", word);
	}
}

/* A stream needs an end of the answer; and there is one greeting, to the first request. */
static bool is_dialogue_complete(void)
{
	const struct dialogue *dialogue = &options.dialogue;

	if (options.keepalive && dialogue->greeting.length > 0)
		return false;
	return dialogue->until.length > 0 || options.targets[0].type == SOCK_DGRAM;
}

static void options_parse(int argc, char *argv[])
{
	static const struct option table[] = {
		{ "to", required_argument, NULL, 'a' },
		{ "clients", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "requests", required_argument, NULL, 'r' },
		{ "pause-ms", required_argument, NULL, 'p' },
		{ "keepalive", no_argument, NULL, 'k' },
		{ "hold-ms", required_argument, NULL, 'h' },
		{ "timeout-ms", required_argument, NULL, 't' },
		{ "latency-file", required_argument, NULL, 'l' },
		{ "stop-file", required_argument, NULL, 'f' },
		{ "answers-file", required_argument, NULL, 'A' },
		{ "greeting", required_argument, NULL, 'g' },
		{ "request", required_argument, NULL, 'q' },
		{ "request-file", required_argument, NULL, 'Q' },
		{ "until", required_argument, NULL, 'u' },
		{ "expect", required_argument, NULL, 'e' },
		{ "hang-up", no_argument, NULL, 'H' },
		{ NULL, 0, NULL, 0 },
	};
	struct dialogue *dialogue = &options.dialogue;
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 'a': targets_parse(optarg); break;
		case 'c': options.clients = number(optarg, 1); break;
		case 's': options.seconds_ms = number(optarg, 1000); break;
		case 'r': options.requests = number(optarg, 1); break;
		case 'p': options.pause_ms = number(optarg, 1); break;
		case 'k': options.keepalive = true; break;
		case 'h': options.hold_ms = number(optarg, 1); break;
		case 't': options.timeout_ms = number(optarg, 1); break;
		case 'l': options.latency_path = optarg; break;
		case 'f': options.stop_path = optarg; break;
		case 'A': options.answers_path = optarg; break;
		case 'g': dialogue->greeting = text_parse(optarg); break;
		case 'q': dialogue->request = text_parse(optarg); break;
		case 'Q': dialogue->request = text_read(optarg); break;
		case 'u': dialogue->until = text_parse(optarg); break;
		case 'e': dialogue_expect(dialogue, optarg); break;
		case 'H': dialogue->is_hang_up = true; break;
		default: exit(2);
		}
	}
	options.has_dialogue = dialogue->request.length + dialogue->until.length > 0;
	if (options.target_count == 0 || options.clients < 1 || optind < argc ||
	    (options.has_dialogue && !is_dialogue_complete()))
		errx(2, "usage: load --to=[udp:]ADDR:PORT|unix:PATH[,...] [--clients=N] "
		     "[--seconds=S | --requests=N] "
		     "[--pause-ms=P] [--keepalive] [--hold-ms=H] [--timeout-ms=T] "
		     "[--latency-file=FILE] [--stop-file=FILE] [--answers-file=FILE] "
		     "[[--request=TEXT|--request-file=FILE] [--greeting=TEXT] --until=TEXT "
		     "[--expect=REGEX] [--hang-up]]");
}

static FILE *file_open(const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		err(2, "cannot write %s", path);
	return file;
}

static void answers_file_open(void)
{
	if (options.answers_path == NULL)
		return;
	answers_file = file_open(options.answers_path);
	setvbuf(answers_file, NULL, _IOLBF, 0);
}

static void latency_file_open(void)
{
	struct timespec now;

	if (options.latency_path == NULL)
		return;
	latency_file = file_open(options.latency_path);
	setvbuf(latency_file, NULL, _IOFBF, 1 << 20);
	clock_gettime(CLOCK_REALTIME, &now);
	/* So that whoever restarts can mark on this scale when. */
	fprintf(latency_file, "# t_ms latency_us tag pid; t=0 at %ld.%03ld\n", (long)now.tv_sec,
		now.tv_nsec / 1000000);
}

int main(int argc, char *argv[])
{
	struct sigaction action = { .sa_handler = on_stop };
	struct rlimit limit;
	struct client *clients;
	int exit_code;

	options_parse(argc, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	clients = allocated(calloc((size_t)options.clients, sizeof(*clients)));
	if (pipe(stop_pipe) == -1)
		err(2, "pipe");
	latency_file_open();
	answers_file_open();
	start_ns = now_ns();
	clients_run(clients);
	exit_code = tally_print(clients);
	if (latency_file != NULL && fclose(latency_file) != 0)
		err(2, "cannot write %s", options.latency_path);
	free(clients);
	return exit_code;
}
