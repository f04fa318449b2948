#!/bin/bash
# Clients that are connected, but not yet accepted, when a stop comes are answered as well.
. "$(dirname "$0")/lib.sh"

# Five clients of a server that takes one at a time; $1 stops it; ANSWERED counts.
five_and() {
	local number
	rm -f "$TMP"/answer.*
	jobs=()
	for number in 1 2 3 4 5; do
		ask "$PORT" "n$number" >"$TMP/answer.$number" &
		jobs+=($!)
	done
	wait_for 5 five_connected
	"$@"
	wait "${jobs[@]}"
	ANSWERED=$(cat "$TMP"/answer.* | grep -c '^v1 ')
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
