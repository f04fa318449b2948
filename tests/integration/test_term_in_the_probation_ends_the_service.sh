#!/bin/bash
# Somebody sends SIGTERM or SIGINT to the new server itself while it is on probation, as start-stop-daemon does by
# the pid file: that is the end of the service, and the old one does not come back.
FLIP_PROBATION=300s
. "$(dirname "$0")/lib.sh"

is_over_or_back() {
	[ -z "$(processes)" ] || tag_is v1
}

ends() {
	local signal=$1 code=$2 old
	KEEP_JOB=1 serve_versions server --strict --wait="${3:-epoll}"
	old=$(pid_now)
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	is_running "$old" || fail "there was no way back: the old one is gone"
	kill "-$signal" "$(pid_now)"
	wait_for 10 is_over_or_back
	tag_is v1 && fail "$signal: the old one came back"
	log_has 'serves again' && fail "$signal: $(grep 'serves again' "$TMP/flip.log")"
	wait_for 5 processes_are ''
	[ "$FACE" = bare ] || expect_exit "$code" "$FLIP_PID"
	end_all
}

in_both_faces ends TERM 143
in_both_faces ends INT 130
in_both_faces ends TERM 143 threads
pass
