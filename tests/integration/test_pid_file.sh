#!/bin/bash
# --pid-file holds the pid of flip while it runs, no restart changes it, a second flip is refused.
. "$(dirname "$0")/lib.sh"

KEEP_JOB=1 start_flip --pid-file="$TMP/pid" -- server
expect_eq "$FLIP_PID" "$(cat "$TMP/pid")"
restart
expect_eq "$FLIP_PID" "$(cat "$TMP/pid")"
flip run --name=other --pid-file="$TMP/pid" -- "$SERVER" --listen=127.0.0.1:8081
expect_eq 125 $? "exit code of the second"
expect_match "$TMP/pid.*$FLIP_PID" "$OUTPUT"
ask 8081 && fail "the second one was started"
expect_eq "$FLIP_PID" "$(cat "$TMP/pid")"
kill -QUIT "$FLIP_PID"
expect_exit 0 "$FLIP_PID"
[ ! -e "$TMP/pid" ] || fail "the pid file is still there"

# A stale one of a killed flip is no hindrance; the server, which lives on, does not hold it.
start_flip --pid-file="$TMP/pid" -- server
kill -KILL "$FLIP_PID"
wait_for 5 not is_running "$FLIP_PID"
PORT=8081 start_flip --pid-file="$TMP/pid" -- server
expect_eq "$FLIP_PID" "$(cat "$TMP/pid")"

flip run --pid-file="$TMP/none/pid" -- "$SERVER" --listen=127.0.0.1:8082
expect_eq 125 $? "exit code for a path that cannot be"
ask 8082 && fail "started without its pid file"
pass
