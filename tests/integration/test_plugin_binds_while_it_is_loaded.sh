#!/bin/bash
# One thread loads a library whose constructor binds, while another one binds the service's port: they have the
# dynamic linker's lock and flip's beginning in between, in the one order and in the other.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/plugin.c" <<'END2'
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((unsigned short)(atoi(getenv("TEST_PORT")) + 1)) };

	usleep(300000);
	close(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}
END2
cc -shared -fPIC -o "$TMP/plugin.so" "$TMP/plugin.c" || fail "cannot compile"
cat >"$TMP/server.c" <<'END2'
#include "answer.h"

#include <dlfcn.h>
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *load(void *path)
{
	if (!dlopen(path, RTLD_NOW))
		errx(1, "%s", dlerror());
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((unsigned short)atoi(getenv("TEST_PORT"))) };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t loader;

	pthread_create(&loader, NULL, load, argv[argc - 1]);
	usleep(100000);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "bind");
	pthread_join(loader, NULL);
	listen(listener, 100);
	answer_for_ever(listener);
}
END2
cc -I"$(dirname "$0")" -o "$TMP/server" "$TMP/server.c" || fail "cannot compile"
export TEST_PORT=$PORT
FLIP_READY_TIMEOUT=10s serve "$TMP/server" "$TMP/plugin.so"
for _ in 1 2 3; do
	restart
	wait_for 15 old_are_gone
done
pass
