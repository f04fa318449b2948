#!/bin/bash
# A server of several threads that has no handler for SIGTERM is ended by that signal, and not by exit() beside
# threads that go on: what it does at exit may destroy what they use (C++'s static objects), and would crash it. One
# of a single thread is ended by exit(), and does what it has to do then.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END'
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener, is_threaded;
static char tag[16];

/* As the destructor of a joinable std::thread. */
static void at_exit(void)
{
	fprintf(stderr, "%s at exit\n", tag);
	if (is_threaded)
		abort();
}

static void *work(void *unused)
{
	struct pollfd wanted = { .fd = listener, .events = POLLIN };
	char line[100];
	ssize_t n;
	int fd;

	(void)unused;
	for (;;) {
		poll(&wanted, 1, -1);
		fd = accept(listener, NULL, NULL);
		n = fd >= 0 ? read(fd, line, sizeof(line)) : 0;
		if (n > 0)
			dprintf(fd, "%s %d %.*s", tag, (int)getpid(), (int)n, line);
		if (fd >= 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
	FILE *tag_file = fopen(argv[2], "r");
	pthread_t threads[2];
	int on = 1;

	if (argc != 4 || !tag_file || fscanf(tag_file, "%15s", tag) != 1)
		return 2;
	is_threaded = strcmp(argv[3], "threads") == 0;
	atexit(at_exit);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 100))
		return 2;
	if (!is_threaded)
		work(NULL);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
END
cc -O1 -pthread -o "$TMP/server" "$TMP/server.c" || fail "no compiler"

serves_and_ends() {
	tag_set v1
	KEEP_JOB=1 serve "$TMP/server" "$PORT" "$TMP/tag" "$1"
	load_start --pause-ms=1
	restart_to v2 v3
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ "$FACE" = bare ] || expect_exit 0 "$FLIP_PID"
}

is_not_ended_by_exit() {
	serves_and_ends threads
	log_has 'at exit' && fail "exit() beside other threads: $(grep -c 'at exit' "$TMP/flip.log") times"
	log_has 'SIGABRT' && fail "a generation crashed: $(grep SIGABRT "$TMP/flip.log" | head -n 1)"
}

is_ended_by_exit() {
	serves_and_ends single
	expect_eq 'v1 at exit v2 at exit v3 at exit' "$(grep 'at exit' "$TMP/flip.log" | xargs)" "who did what is to do at exit"
}

in_both_faces is_not_ended_by_exit
in_both_faces is_ended_by_exit
pass
