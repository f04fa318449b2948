#!/bin/bash
# A stop while a new process starts: that is killed, the old one drains, the exit code is 0.
. "$(dirname "$0")/lib.sh"

stops() {
	KEEP_JOB=1 serve_versions server --wait=thread --keepalive --work-ms=300
	hold 7
	tag_set v2
	behave --init-ms=20000
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 7>&- &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	new=$(generation_pid 2)
	"$FLIP" stop "$SUPERVISOR_PID" >"$TMP/stop" 2>&1 7>&- &
	stop_job=$!
	wait_for 5 not is_running "$new"
	wait_for 5 not ask
	hold_ask 7
	expect_match '^v1 ' "$ANSWER" "the open connection"
	restart_refused 'terminating' "$SUPERVISOR_PID"
	hold_end 7
	expect_exit 0 "$FLIP_PID"
	wait "$stop_job" || fail "flip stop failed: $(cat "$TMP/stop")"
	wait "$restart_job" && cat "$TMP/restart" &&
		fail "flip restart claims success, but the service was stopped"
	wait_for 5 processes_are ''
}

in_both_faces stops
pass
