#!/bin/bash
# A wrapper in front starts a static program: flip's library is not in it, it serves, and is never ready. The
# refusal of a restart says so, and which process it is.
. "$(dirname "$0")/lib.sh"

# The one that the wrapper has started.
worker() {
	pgrep -P "$(pgrep -P "$FLIP_PID")"
}

cat >"$TMP/main.c" <<-'END'
	#include <arpa/inet.h>
	#include <sys/socket.h>
	#include <unistd.h>
	int main(void)
	{
		struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(8080),
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_STREAM, 0), client;
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 100) != 0)
			return 1;
		while ((client = accept(fd, 0, 0)) >= 0) {
			char line[100];
			if (read(client, line, sizeof(line)) > 0)
				write(client, "v1 1 x\n", 7);
			close(client);
		}
	}
END
cc -w -static -o "$TMP/static" "$TMP/main.c" || fail "no compiler"
launch "$TMP/flip.log" "$FLIP" run -- sh -c '"$0" & wait' "$TMP/static"
FLIP_PID=$LAUNCHED_PID
wait_for 5 tag_is v1
restart_refused "not ready yet.*it does not listen on anything yet; flip's library is not in its process $(worker): that is static, or"
tag_is v1 || fail "it serves no more"
end_all

# As little is heard of a server in another network.
launch "$TMP/flip.log" "$FLIP" run -- unshare -n "$SERVER"
FLIP_PID=$LAUNCHED_PID
wait_for 5 log_has 'cannot reach the supervisor'
server=$(pgrep -P "$FLIP_PID")
restart_refused "it does not listen on anything yet; its process $server is in another network namespace"
kill -KILL "$server" # by its network end_all finds what is left, and this one is elsewhere
end_all

# A program that has it everywhere, and only is not ready yet: no process is named.
touch "$TMP/init"
launch "$TMP/flip.log" "$FLIP" run -- sh -c '"$@" & wait' sh "$SERVER" --init-before-bind-while="$TMP/init"
FLIP_PID=$LAUNCHED_PID
wait_for 5 worker
restart_refused 'it does not listen on anything yet\)$'
pass
