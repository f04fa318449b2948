#!/bin/bash
# The supervisor is killed while the old process drains: the new one serves, and the old one finishes
# what it or its children have, and ends.
. "$(dirname "$0")/lib.sh"

serves_on() {
	local master session
	serve_versions server --keepalive "$@"
	status_has '^generation 1 '
	master=$(generation_pid 1)
	hold 7
	session=$ANSWER
	tag_set v2
	restart "$SUPERVISOR_PID"
	kill -KILL "$SUPERVISOR_PID"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	expect_answers 50 'v2:[0-9]+'
	sleep 0.5	# some looks of the old one at what it has
	hold_ask 7
	expect_eq "$session" "$ANSWER" "the open connection"
	is_running "$master" || fail "$*: the old server has left its session alone"
	hold_end 7
	wait_for 10 not is_running "$master"
	expect_eq v2 "$(tag_now)"
}

in_both_faces serves_on --wait=epoll
in_both_faces serves_on --wait=thread
in_both_faces serves_on --wait=fork
in_both_faces serves_on --wait=fork --main-thread=ends-early
pass
