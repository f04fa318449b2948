#!/bin/bash
# The supervisor is killed while the old process drains: the new one serves, and the old one finishes
# what it has and ends.
. "$(dirname "$0")/lib.sh"

serves_on() {
	serve_versions server --wait="$1" --keepalive
	old=$(pid_now)
	hold 7
	tag_set v2
	restart "$SUPERVISOR_PID"
	kill -KILL "$SUPERVISOR_PID"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	expect_answers 50 'v2:[0-9]+'
	hold_ask 7
	expect_match "^v1 $old " "$ANSWER" "the open connection"
	hold_end 7
	wait_for 10 not is_running "$old"
	expect_eq v2 "$(tag_now)"
}

in_both_faces serves_on epoll
in_both_faces serves_on thread
pass
