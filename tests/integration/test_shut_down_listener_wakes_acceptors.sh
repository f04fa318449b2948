#!/bin/bash
# A server that ends by shutdown() of its listener, for that wakes its thread in accept() or poll(), and joins it: at
# a restart, when the listener is no longer its own, it is woken as well, cleans up and ends in time.
FLIP_STOP_TIMEOUT=60s
export FLIP_STOP_TIMEOUT
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END'
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static int polls;
static char tag[16];

static void serve(int fd)
{
	char line[100];
	ssize_t n = read(fd, line, sizeof(line));

	if (n > 0)
		dprintf(fd, "%s %d %.*s", tag, (int)getpid(), (int)n, line);
	close(fd);
}

static void *accept_clients(void *unused)
{
	struct pollfd wanted = { .fd = listener, .events = POLLIN };
	int fd;

	(void)unused;
	for (;;) {
		if (polls && poll(&wanted, 1, -1) == 1 && wanted.revents & POLLHUP)
			return NULL;
		fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			serve(fd);
		else if (errno == EINVAL)
			return NULL;
		else if (errno != ECONNABORTED) /* after poll(): the client is the other generation's */
			fprintf(stderr, "accept: %s\n", strerror(errno));
	}
}

static void shut_down(int number)
{
	(void)number;
	shutdown(listener, SHUT_RDWR);
}

/* In a thread beside the one that takes the signal, or in the one that the handler interrupts. */
static void run(int has_handler)
{
	struct sigaction action = { .sa_handler = shut_down, .sa_flags = SA_RESTART };
	pthread_t thread;
	sigset_t term;
	int number;

	if (has_handler) {
		sigaction(SIGTERM, &action, NULL);
		accept_clients(NULL);
		return;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	pthread_create(&thread, NULL, accept_clients, NULL);
	sigwait(&term, &number);
	shut_down(number);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
	FILE *tag_file = fopen(argv[2], "r");
	int on = 1;

	if (argc != 5 || !tag_file || fscanf(tag_file, "%15s", tag) != 1)
		return 2;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	polls = strcmp(argv[3], "poll") == 0;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 100))
		return 2;
	run(strcmp(argv[4], "handler") == 0);
	fprintf(stderr, "%s cleans up\n", tag);
	return 0;
}
END
cc -O1 -pthread -o "$TMP/server" "$TMP/server.c" || fail "no compiler"

cleans_up() {
	local version
	tag_set v1
	serve "$TMP/server" "$PORT" "$TMP/tag" "$@"
	load_start --pause-ms=1
	for version in 2 3; do
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		wait_for 4 log_has "^v$((version - 1)) cleans up"
		wait_for 5 old_are_gone
	done
	load_meets v3
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 4 log_has '^v3 cleans up'
	wait_for 5 processes_are ''
	log_has 'did not end within|^accept:' && fail "$*: $(grep -E 'did not end|^accept:' "$TMP/flip.log" | head -n 1)"
	end_all
}

in_both_faces cleans_up accept thread
in_both_faces cleans_up accept handler
in_both_faces cleans_up poll thread
pass
