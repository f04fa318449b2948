#!/bin/bash
# A server that flip cannot see starts all the same, and nobody has to guess why it does not become ready or
# cannot be restarted: log, flip status and flip restart say which process it is, and why. It serves on.
. "$(dirname "$0")/lib.sh"

cd "$TMP" || fail "cannot enter $TMP"
cat >hello.c <<'END'
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1])),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), client;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 10))
		return 1;
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		write(client, "hello\n", 6);
		close(client);
	}
	return 2;
}
END
cc -w -o hello hello.c && cc -w -static -o static hello.c || fail "no compiler"
printf '#!/bin/sh\nexec ./static "$1"\n' >script && chmod +x script
# What it gets out of libc by itself is not what the library has put before it.
cat >itself.py <<'END'
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL("libc.so.6")
port = int(sys.argv[-1])
if "ready" in sys.argv:
    name = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", name)
fd = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
libc.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, b"\1\0\0\0", 4)
address = struct.pack("=H", socket.AF_INET) + struct.pack("!HI8x", port, 0x7f000001)
assert libc.bind(fd, address, len(address)) == 0 and libc.listen(fd, 10) == 0
while True:
    client = libc.accept(fd, None, None)
    libc.write(client, b"hello\n", 6)
    libc.close(client)
END

says_hello() {
	[ "$(timeout 5 cat <"/dev/tcp/127.0.0.1/$PORT" 2>/dev/null)" = hello ]
}

has_grandchild() {
	local child
	child=$(pgrep -P "$FLIP_PID") && pgrep -P "$child" >/dev/null
}

starts() {
	launch "$TMP/flip.log" "$@"
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 says_hello
}

# serves_on REGEX: a restart is refused with this reason, costs nothing, and the server can be stopped.
serves_on() {
	flip restart "$FLIP_PID" && fail "$1: restarted"
	expect_match "$1" "$OUTPUT" "restart"
	says_hello || fail "$1: it does not serve on"
	flip stop "$FLIP_PID" || fail "$1: stop: $OUTPUT"
	wait_for 5 processes_are ''
	end_all
}

# waits_in_vain REGEX COMMAND...
waits_in_vain() {
	local regex=$1
	shift
	starts "$FLIP" run -- "$@" "$PORT"
	status_has "^not ready yet: flip knows of no listener of it; $regex" || fail "status: $OUTPUT"
	wait_for 15 log_has "generation 1 is not ready; $regex"
	serves_on "not ready yet.*$regex"
}

waits_in_vain "flip's library is not in its process [0-9]+: that is static, or" ./script
# Started by a wrapper that stays, and may leave it behind.
starts "$FLIP" run -- sh -c './static "$0" & wait' "$PORT"
child=$(pgrep -P "$(pgrep -P "$FLIP_PID")")
restart_refused "not ready yet.*flip's library is not in its process $child: that is static, or"
end_all
waits_in_vain 'FLIP_DISABLE in the environment of its process [0-9]+ keeps flip out of it' \
	env FLIP_DISABLE=1 ./hello
unseen="its process [0-9]+ listens on 127.0.0.1:$PORT by system calls of its own"
waits_in_vain "$unseen" /usr/bin/python3 itself.py
# The control: the same server, seen.
starts "$FLIP" run -- ./hello "$PORT"
wait_for 5 status_has ': serving,'
flip restart "$FLIP_PID" || fail "the control: $OUTPUT"
end_all

starts "$FLIP" run -- /usr/bin/python3 itself.py ready "$PORT"
wait_for 5 status_has ': serving,'
wait_for 5 log_has 'generation 1 .* ready'
serves_on "generation 1 has no listener to hand over; $unseen.*; generation 1 serves on"

# As little is heard of a server in another network.
launch "$TMP/flip.log" "$FLIP" run -- unshare -n "$SERVER"
FLIP_PID=$LAUNCHED_PID
wait_for 5 log_has 'cannot reach the supervisor'
server=$(pgrep -P "$FLIP_PID")
restart_refused "flip knows of no listener of it; its process $server is in another network namespace"
kill -KILL "$server" # by its network end_all finds what is left, and this one is elsewhere
end_all

# A program that flip sees, and that only is not ready yet: no process is named. It was given a listener.
touch "$TMP/init"
launch "$TMP/flip.log" /usr/bin/python3 -c 'import os, socket, sys
listener = socket.create_server(("127.0.0.1", 8081))
listener.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])' "$FLIP" run -- sh -c '"$@" & wait' sh "$SERVER" --init-before-bind-while="$TMP/init"
FLIP_PID=$LAUNCHED_PID
wait_for 5 has_grandchild
restart_refused 'it does not listen on anything yet\)$'
start_goes_on
end_all

# In an incident, flip run with FLIP_DISABLE=1: ready at once, for whoever waits for that.
starts env FLIP_DISABLE=1 "$FLIP" run -- ./hello "$PORT"
wait_for 5 status_has ': serving,'
log_has 'FLIP_DISABLE is set: the server runs without flip' || fail "the log does not say so"
serves_on 'no listener to hand over; FLIP_DISABLE in the environment of its process [0-9]+ keeps flip out'
FLIP_ON_CRASH=restart starts env FLIP_DISABLE=1 "$FLIP" run -- ./hello "$PORT"
status_has '^generation 1 \(pid ([0-9]+)\)'
kill -KILL "$(generation_pid 1)"
wait_for 10 status_has ': serving, .*'
wait_for 10 says_hello
serves_on 'no listener to hand over; FLIP_DISABLE in the environment'
end_all

# What is seen is handed over; that the other program goes on as it is, is not to be guessed.
cat >guardian.py <<'END'
import socket, subprocess, sys
control = socket.create_server(("127.0.0.1", int(sys.argv[1])))
guarded = subprocess.Popen(sys.argv[2:])
while True:
    client, _ = control.accept()
    client.sendall(b"hello\n")
    client.close()
END
for guarded in "./hello $((PORT + 1))" ./script\ $((PORT + 1)); do
	launch "$TMP/flip.log" "$FLIP" run -- /usr/bin/python3 guardian.py "$PORT" $guarded
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 says_hello
	wait_for 5 status_has ': serving,'
	PORT=$((PORT + 1)) wait_for 5 says_hello
	flip restart "$FLIP_PID" || fail "guardian: $OUTPUT"
	expect_match "process [0-9]+ of generation 1 is another program than its server, and listens on 127.0.0.1:$((PORT + 1)), which" \
		"$OUTPUT" "what is not handed over"
	end_all
done
# The control: where it listens alone, nothing is said.
launch "$TMP/flip.log" "$FLIP" run -- /usr/bin/python3 guardian.py "$PORT" sleep 60
FLIP_PID=$LAUNCHED_PID
wait_for 10 says_hello
wait_for 5 status_has ': serving,'
flip restart "$FLIP_PID" || fail "alone: $OUTPUT"
[[ $OUTPUT != *'another program'* ]] || fail "alone: $OUTPUT"
pass
