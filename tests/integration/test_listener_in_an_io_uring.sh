#!/bin/bash
# A server that accepts by io_uring, which no hook sees: from a restart's end the old one takes no client, and
# when the new version fails, it goes on. (Docker's own rules allow no io_uring: there is nothing to test then.)
# Takes long.
. "$(dirname "$0")/lib.sh"

in_a_ring() {
	serve_versions server --strict --wait=$1
	load_start
	for version in v2 v3; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		expect_answers 100 "$version:[0-9]+" "$1: who answers"
		wait_for 10 old_are_gone
	done
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	! grep -q 'accept:' "$TMP/flip.log" || fail "$1: accept failed: $(grep 'accept:' "$TMP/flip.log" | head -n 1)"
	end_all
}

# Within the probation the new version ends: the old one takes its listener back.
rolls_back() {
	FLIP_PROBATION=20s serve_versions server --strict --wait=$1
	load_start
	tag_set v2
	restart "$SUPERVISOR_PID"
	status_has '^generation 2 \(pid ([0-9]+)\)'
	kill -KILL "$(generation_pid 2)"
	wait_for 10 tag_is v1
	expect_answers 100 'v1:[0-9]+' "$1: who answers when the new version has ended"
	load_stop
	end_all
}

timeout 0.5 "$SERVER" --wait=uring --listen="127.0.0.1:$PORT" 2>"$TMP/try.log"
if [ $? = 77 ]; then
	cat "$TMP/try.log"
	pass
fi
wait_for 10 all_killed	# a ring keeps its listener for a moment after the process
control_without_flip control_stop_start --wait=uring
for face in run bare; do
	FACE=$face in_a_ring uring
	FACE=$face in_a_ring uring-multishot
done
FACE=run
rolls_back uring
rolls_back uring-multishot
pass
