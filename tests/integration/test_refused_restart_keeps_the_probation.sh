#!/bin/bash
# A restart that is refused, because as many old generations drain as may, does not end the probation of the
# new one: when that crashes afterwards, the old one comes back.
FLIP_PROBATION=300s
. "$(dirname "$0")/lib.sh"

keeps() {
	export FLIP_MAX_DRAINING=1
	serve_versions server --wait=thread --keepalive
	old=$(pid_now)
	hold 7
	tag_set v2
	restart "$SUPERVISOR_PID"
	tag_set v3
	restart_refused "old generation has not exited: 1 .*--max-draining=1.*generation 1 \\(pid $old\\)" \
		"$SUPERVISOR_PID"
	kill -HUP "$(signal_target)"
	wait_for 5 log_has 'refused: old generation has not exited'
	expect_eq v2 "$(tag_now)" "who serves"
	kill -SEGV "$(pid_now)"
	wait_for 5 tag_is v1
	expect_eq "$old" "$(pid_now)" "who serves again"
	log_has 'within the probation; generation 1 serves again' || fail "nothing is said of it"
	hold_ask 7
	expect_match "^v1 $old " "$ANSWER" "the open connection"
	hold_end 7
}

in_both_faces keeps
pass
