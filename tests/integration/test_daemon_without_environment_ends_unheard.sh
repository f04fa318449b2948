#!/bin/bash
# A daemon that leaves its parent, its group, its session and its environment (setproctitle) before flip has heard
# anything of it, and binds later: it is found as what is left of the first process, at the start and at restarts.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/daemon.c" <<'END2'
#include "answer.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	int listener, one = 1;

	for (int i = 0; environ[i]; i++) {
		end = environ[i] + strlen(environ[i]) + 1;
		environ[i] = strdup(environ[i]);
	}
	usleep(20000);
	if (fork())
		_exit(0);
	setsid();
	memset(argv[0], 0, (size_t)(end - argv[0]));
	usleep(50000);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 100) != 0)
		err(1, "listen");
	answer_for_ever(listener);
}
END2
cc -I"$(dirname "$0")" -o "$TMP/daemon" "$TMP/daemon.c" || fail "cannot compile"

is_found() {
	local before
	launch_in_face "$TMP/daemon" "$PORT"
	wait_for 10 ask "$PORT"
	wait_until_serving
	load_start --pause-ms=1
	for _ in 1 2 3; do
		before=$(pid_now)
		restart "$SUPERVISOR_PID"
		[ "$(pid_now)" != "$before" ] || fail "the old one answers"
		wait_for 15 old_are_gone
	done
	load_end
	flip stop "$SUPERVISOR_PID" || fail "flip stop: $OUTPUT"
	not ask "$PORT" || fail "a server was left"
}

in_both_faces is_found
pass
