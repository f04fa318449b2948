#!/bin/bash
# --stop-timeout kills a server that waits for its connections when told to end.
. "$(dirname "$0")/lib.sh"

kills() {
	export FLIP_STOP_TIMEOUT=500ms FLIP_DRAIN_TIMEOUT=200ms
	KEEP_JOB=1 serve_versions server --wait=thread --keepalive --term=graceful
	old=$(pid_now)
	hold 7
	restart "$SUPERVISOR_PID"
	wait_for 4 not is_running "$old"
	log_has 'generation 1 did not end within 500 ms of the stop signal: killing it' ||
		fail "the log does not say so"
	wait_for 5 old_are_gone
	hold_end 7
	hold 8
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	hold_end 8
}

in_both_faces kills
pass
