#!/bin/bash
# A child listens that was forked while another thread changed the environment: libc's lock of that is not free in it.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/program.c" <<'END2'
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *change(void *unused)
{
	(void)unused;
	for (;;) {
		setenv("CHANGED", "1", 1);
		unsetenv("CHANGED");
	}
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(getenv("TEST_PORT"))) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), status;
	pthread_t thread;

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "bind");
	pthread_create(&thread, NULL, change, NULL);
	for (int i = 0; i < 300; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20); /* ends it if it hangs */
			listen(fd, 5);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			errx(1, "child %d did not listen: %x", i, status);
	}
	puts("all have listened");
}
END2
cc -pthread -o "$TMP/program" "$TMP/program.c" || fail "cannot compile"
export TEST_PORT=$PORT
"$TMP/program" | grep -q 'all have' || fail "the program itself does not work"
"$FLIP" run -q -- "$TMP/program" | grep -q 'all have' || fail "with flip run a child did not listen"
LD_PRELOAD=$LIBRARY "$TMP/program" | grep -q 'all have' || fail "with the library alone a child did not listen"
pass
