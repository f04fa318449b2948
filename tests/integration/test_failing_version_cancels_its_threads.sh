#!/bin/bash
# A new version whose thread waits for clients already, and that fails: it cancels that thread and joins it, as it can
# without flip, and says its own reason at once.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.c" <<'END2'
#include "answer.h"

#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener(int offset)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((unsigned short)(atoi(getenv("TEST_PORT")) + offset)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 100) != 0)
		err(1, "bind");
	return fd;
}

static void *take(void *fd)
{
	answer_for_ever(*(int *)fd);
	return NULL;
}

int main(int argc, char **argv)
{
	int first = listener(0), second = listener(1);
	pthread_t thread;

	pthread_create(&thread, NULL, take, &first);
	if (access(argv[argc - 1], F_OK) == 0) {
		usleep(300000);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		errx(3, "no configuration");
	}
	answer_for_ever(second);
}
END2
cc -I"$(dirname "$0")" -pthread -o "$TMP/server" "$TMP/server.c" || fail "cannot compile"
export TEST_PORT=$PORT

fails_at_once() {
	rm -f "$TMP/fails"
	FLIP_READY_TIMEOUT=20s serve "$TMP/server" "$TMP/fails"
	touch "$TMP/fails"
	restart_refused 'exited with status 3' "$SUPERVISOR_PID"
	ask >/dev/null || fail "nobody answers after a version that failed"
	rm "$TMP/fails"
	restart "$SUPERVISOR_PID"
}

in_both_faces fails_at_once
pass
