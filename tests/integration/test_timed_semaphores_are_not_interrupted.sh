#!/bin/bash
# A server whose first thread waits by sem_timedwait() or sem_clockwait() while another one accepts: the wait times out
# when it is to, and tells of no interruption that the program does not know, neither when the server becomes
# ready nor at a restart, nor while it drains.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 700 };
static int listener;
static char tag[16];

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char line[100];
	ssize_t n;

	while ((n = read(fd, line, sizeof(line))) > 0)
		dprintf(fd, "%s %d %.*s", tag, (int)getpid(), (int)n, line);
	close(fd);
	return NULL;
}

static void *accept_clients(void *unused)
{
	pthread_t thread;
	int fd;

	(void)unused;
	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
	}
}

static long long now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void wait_on(sem_t *semaphore, clockid_t clock)
{
	long long until_ns = now_ns(clock) + WAIT_MS * 1000000ll;
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	int result = clock == CLOCK_REALTIME ? sem_timedwait(semaphore, &until) :
					       sem_clockwait(semaphore, clock, &until);

	if (result == -1 && errno == ETIMEDOUT && now_ns(clock) >= until_ns)
		fprintf(stderr, "%s timed out\n", tag);
	else
		fprintf(stderr, "wrong: %s: %d, %s\n", tag, result, strerror(errno));
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
	clockid_t clock = argc == 4 && strcmp(argv[3], "timedwait") == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	FILE *tag_file = fopen(argv[2], "r");
	pthread_t thread;
	sem_t semaphore;
	int on = 1;

	if (argc != 4 || !tag_file || fscanf(tag_file, "%15s", tag) != 1)
		return 2;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 100))
		return 2;
	sem_init(&semaphore, 0, 0);
	pthread_create(&thread, NULL, accept_clients, NULL);
	for (;;)
		wait_on(&semaphore, clock);
}
END
cc -O1 -pthread -o "$TMP/server" "$TMP/server.c" || fail "no compiler"

times_out() {
	expect_no_interruption
	wait_for 5 has_timed_out "$1" $(($(grep -c "^$1 timed out" "$TMP/flip.log") + 1))
	expect_no_interruption
}

has_timed_out() {
	[ "$(grep -c "^$1 timed out" "$TMP/flip.log")" -ge "$2" ]
}

expect_no_interruption() {
	log_has '^wrong:' && fail "$way: $(grep '^wrong:' "$TMP/flip.log" | head -n 1)"
	return 0
}

waits() {
	way=$1
	tag_set v1
	serve "$TMP/server" "$PORT" "$TMP/tag" "$way"
	times_out v1
	hold 7
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	times_out v1	# it drains
	times_out v2
	hold_ask 7
	expect_match '^v1 ' "$ANSWER" "the open connection"
	hold_end 7
	wait_for 10 old_are_gone
	expect_no_interruption
}

in_both_faces waits timedwait
in_both_faces waits clockwait
pass
