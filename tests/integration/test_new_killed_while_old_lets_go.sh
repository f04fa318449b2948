#!/bin/bash
# The new process dies after it was ready, while the old one lets go of its listeners: the old one
# takes them back and serves on.
. "$(dirname "$0")/lib.sh"

takes_back() {
	serve_versions server --wait="$1" --threads=2
	old=$(pid_now)
	tag_set v2
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	# Stopped, it cannot answer: what takes a millisecond else takes until it is continued.
	kill -STOP "$old"
	start_goes_on
	wait_for 5 status_has ': retiring,'
	kill -KILL "$(generation_pid 2)"
	wait_for 5 status_has ': serving,'
	kill -CONT "$old"
	wait "$restart_job" && fail "flip restart claims success: $(cat "$TMP/restart")"
	expect_match 'killed by SIGKILL.*generation 1 serves on' "$(cat "$TMP/restart")"
	load_start
	expect_answers 20 "v1:$old"
	behave
	restart "$SUPERVISOR_PID"
	expect_eq v2 "$(tag_now)"
	load_end
}

in_both_faces takes_back epoll
in_both_faces takes_back threads
in_both_faces takes_back poll
in_both_faces takes_back select-blocking
pass
