#!/bin/bash
# Each option of run is a FLIP_ variable as well, in both faces; an option wins.
. "$(dirname "$0")/lib.sh"

obeys() {
	export FLIP_NAME=named FLIP_READY_TIMEOUT=700ms FLIP_RESTART_SIGNAL=USR2 \
		FLIP_STOP_SIGNAL=USR1 FLIP_PID_FILE=$TMP/pid FLIP_MAX_DRAINING=1 FLIP_VERBOSE=1
	serve_versions server --wait=thread --keepalive --term=default
	expect_eq "$SUPERVISOR_PID" "$(cat "$TMP/pid")" "the pid file"
	status_has '^named: ' || fail "FLIP_NAME: $OUTPUT"
	log_has 'starting, ready: serving' || fail "FLIP_VERBOSE has no effect"
	behave --init-ms=20000
	restart_refused 'not ready within 700 ms' named
	behave
	tag_set v2
	hold 7
	kill -USR2 "$(signal_target)"
	wait_for 5 tag_is v2
	wait_until_serving
	restart_refused 'old generation has not exited: 1' named
	hold_end 7
	wait_for 5 old_are_gone
	kill -USR1 "$(signal_target)"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	wait_for 5 processes_are ''
	[ ! -e "$TMP/pid" ] || fail "the pid file is still there"
}

in_both_faces obeys
unset FLIP_RESTART_SIGNAL FLIP_STOP_SIGNAL FLIP_PID_FILE FLIP_VERBOSE
FACE=run
start_flip --name=other -- server
status_has '^other: ' || fail "the option should win over the variable: $OUTPUT"
pass
