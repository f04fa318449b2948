#!/bin/bash
# SIGQUIT: the request under way is answered, new clients are refused, the exit code is 0.
. "$(dirname "$0")/lib.sh"

listens() {
	ss -Htln "( sport = :$PORT )" | grep -q .
}

accepts_one() {
	status_has '^generation 1 .*, 1 connection,'
}

# The client on descriptor 7 has begun to ask, and goes on when the listener is gone, however long that takes.
drains_and_stops() {
	KEEP_JOB=1 serve server --wait="$1"
	exec 7<>"/dev/tcp/127.0.0.1/$PORT" || fail "cannot connect"
	printf 'slow ' >&7
	wait_for 5 accepts_one
	kill -QUIT "$FLIP_PID"
	wait_for 3 not listens
	ask && fail "a new client is answered"
	hold_ask 7
	expect_match '^v1 [0-9]+ slow held$' "$ANSWER" "answer"
	hold_end 7
	expect_exit 0 "$FLIP_PID"
	wait_for 5 processes_are ''
}

# Without flip the client loses.
start_server server --wait=thread
exec 7<>"/dev/tcp/127.0.0.1/$PORT" || fail "cannot connect"
kill -QUIT "$SERVER_PID"
wait_for 5 not listens
hold_ask 7
[ -z "$ANSWER" ] || fail "the control without flip lost nothing"
hold_end 7
rm -f "$TMP/server.log"
in_both_faces drains_and_stops thread
in_both_faces drains_and_stops epoll
pass
