#!/bin/bash
# SIGQUIT: the request in flight is answered, new clients are refused, the exit code is 0.
. "$(dirname "$0")/lib.sh"

# one_request_and_quit PID: the client's exit code goes to $TMP/code.
one_request_and_quit() {
	rm -f "$TMP/code" "$TMP/answer"
	{ ask "$PORT" slow >"$TMP/answer"; echo $? >"$TMP/code"; } &
	wait_for 5 has_established
	kill -QUIT "$1"
}

listens() {
	ss -Htln "( sport = :$PORT )" | grep -q .
}

has_established() {
	ss -Htn state established "( dport = :$PORT )" | grep -q .
}

control_quit() {
	one_request_and_quit "$SERVER_PID"
	wait_for 10 test -s "$TMP/code"
	[ "$(cat "$TMP/code")" != 0 ] || fail "the control without flip lost nothing"
}

drains_and_stops() {
	KEEP_JOB=1 serve server --wait="$1" --work-ms=1000
	one_request_and_quit "$FLIP_PID"
	wait_for 3 not listens
	ask && fail "a new client is answered"
	[ ! -e "$TMP/code" ] || fail "the listener was there until the request was answered"
	wait_for 10 test -s "$TMP/code"
	expect_eq 0 "$(cat "$TMP/code")" "the client's exit code"
	expect_match '^v1 [0-9]+ slow$' "$(cat "$TMP/answer")" "answer"
	expect_exit 0 "$FLIP_PID"
	wait_for 5 processes_are ''
}

start_server server --wait=thread --work-ms=1000
control_quit
rm -f "$TMP/server.log"
in_both_faces drains_and_stops thread
in_both_faces drains_and_stops epoll
pass
