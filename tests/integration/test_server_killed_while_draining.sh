#!/bin/bash
# A draining process is killed: that concerns its own connections only, and it is forgotten.
. "$(dirname "$0")/lib.sh"

is_forgotten() {
	serve_versions server --wait="$1" --keepalive
	old=$(pid_now)
	hold 7
	tag_set v2
	restart "$SUPERVISOR_PID"
	status_has '^generation 1 .*draining, 1 connection' || fail "status: $OUTPUT"
	kill -KILL "$old"
	wait_for 5 old_are_gone
	hold_ask 7
	expect_eq '' "$ANSWER" "answer of the killed"
	hold_end 7
	for _ in 1 2 3; do
		tag_set v3
		restart "$SUPERVISOR_PID"
		expect_eq v3 "$(tag_now)"
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
}

in_both_faces is_forgotten epoll
in_both_faces is_forgotten thread
pass
