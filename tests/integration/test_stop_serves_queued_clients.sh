#!/bin/bash
# Clients that are connected, but not yet accepted, when a stop comes are answered as well.
. "$(dirname "$0")/lib.sh"

# Five clients of a server that takes one at a time; $1 stops it; ANSWERED counts.
five_and() {
	# All at once, by one process: five that are started on a busy machine come one after the other.
	"$LOAD" --to="$(target)" --clients=5 --requests=5 --timeout-ms=10000 >"$TMP/tally" 2>>"$TMP/ask.log" &
	job=$!
	wait_for 5 five_connected
	"$@"
	wait "$job"
	TALLY=$(cat "$TMP/tally")
	echo "$TALLY" | cut -c 1-150
	ANSWERED=$(load_field ok)
}

five_connected() {
	[ "$(ss -Htn state established "( dport = :$PORT )" | grep -c .)" = 5 ]
}

start_server server --wait=accept --work-ms=300
five_and kill -TERM "$SERVER_PID"
[ "$ANSWERED" -lt 5 ] || fail "the control without flip answered all"
wait_for 5 not is_running "$SERVER_PID"

serves_all() {
	KEEP_JOB=1 serve server --wait=accept --work-ms=300
	five_and kill -QUIT "$FLIP_PID"
	expect_eq 5 "$ANSWERED" "answered clients"
	expect_exit 0 "$FLIP_PID"
}

in_both_faces serves_all
pass
