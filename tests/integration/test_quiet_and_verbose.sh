#!/bin/bash
# -q: nothing is said as long as nothing goes wrong. -v says more than the default.
. "$(dirname "$0")/lib.sh"

lines_with() {
	KEEP_JOB=1 start_flip "$@" -- server
	restart
	wait_for 5 old_are_gone
	kill -QUIT "$FLIP_PID"
	expect_exit 0 "$FLIP_PID"
	LINES_SAID=$(wc -l <"$TMP/flip.log")
	rm "$TMP/flip.log"
}

lines_with -q
expect_eq 0 "$LINES_SAID" "lines with -q"
lines_with
normal=$LINES_SAID
lines_with -v
[ "$LINES_SAID" -gt "$normal" ] || fail "-v said $LINES_SAID lines, the default $normal"

# A failure is said also with -q.
tag_set v1
behave
start_flip -q -- server --behaviour-file="$TMP/behaviour"
behave --exit-at-start=3
restart_refused 'exited with status 3'
wait_for 5 log_has 'exited with status 3'
pass
