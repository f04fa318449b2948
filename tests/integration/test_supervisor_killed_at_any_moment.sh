#!/bin/bash
# The supervisor is killed at another moment of the hand-over each time: no request is lost.
. "$(dirname "$0")/lib.sh"

for moment_ms in 0 1 2 3 4 5 6 7 8 10 12 15; do
	serve_versions server --wait=epoll
	load_start
	tag_set v2
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	sleep "0.$(printf %03d "$moment_ms")"	# a moment, not a condition
	kill -KILL "$SUPERVISOR_PID"
	wait $!
	expect_answers 30 'v[0-9]+:[0-9]+' "after the kill at $moment_ms ms"
	load_stop
	echo "$moment_ms ms: $TALLY" | cut -c 1-200
	expect_eq 0 "$LOAD_FAILED" "failed requests with the kill at $moment_ms ms"
	end_all
done
pass
