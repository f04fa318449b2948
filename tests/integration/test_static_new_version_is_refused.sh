#!/bin/bash
# A new version that is a static program cannot be heard: with SO_REUSEPORT it would take clients at once. It is
# refused at the restart, in one sentence, and no client meets it; and so where a re-pointed symlink leads to one.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/static.c" <<'END'
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(8080) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, client;
	char text[100];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 512) != 0)
		return 1;
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (read(client, text, sizeof(text)) > 0)
			dprintf(client, "static %d hello\n", (int)getpid());
		close(client);
	}
	return 1;
}
END
mkdir -p "$TMP/releases/1" "$TMP/releases/2"
cc -static -o "$TMP/releases/2/server" "$TMP/static.c" || fail "no compiler"
cp "$SERVER" "$TMP/releases/1/server" || fail "no server"

point_to() {
	ln -s "releases/$1" "$TMP/next" && mv -T "$TMP/next" "$TMP/current"
}

install() {
	cp "$TMP/releases/$1/server" "$TMP/server.new" && mv "$TMP/server.new" "$TMP/server"
}

# refuses HOW PROGRAM: version 2 comes by this.
refuses() {
	export FLIP_READY_TIMEOUT=2s
	"$1" 1
	[ "$1" = install ] || cd "$TMP/current" || fail "no $TMP/current"
	serve "$2" --wait=epoll --reuseport=1 --listen="127.0.0.1:$PORT"
	before=$(pid_now)
	load_start --pause-ms=1
	"$1" 2
	restart_refused 'statically linked.*; generation 1 serves on$' "$SUPERVISOR_PID"
	expect_eq "$before" "$(pid_now)" "who serves"
	status_has '^generation 2 ' && fail "it was started: $OUTPUT"
	"$1" 1
	restart "$SUPERVISOR_PID"
	load_end
	expect_eq 0 "$(load_answers static)" "answers of the static program"
	cd "$ROOT/tests/integration" || fail "cd"
}

in_both_faces refuses install "$TMP/server"
in_both_faces refuses point_to ./server

# The control: beside the other one it does take clients.
start_server "$TMP/server" --reuseport=1 --listen="127.0.0.1:$PORT" --wait=epoll
launch "$TMP/static.log" "$TMP/releases/2/server"
wait_for 5 tag_is static
pass
