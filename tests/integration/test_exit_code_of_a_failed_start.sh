#!/bin/bash
# The old server is killed during an upgrade, and the new one ends with 0 before it is ready: nobody serves,
# which is no success. flip restart and flip run say so by their exit codes.
. "$(dirname "$0")/lib.sh"

ends() {
	KEEP_JOB=1 serve_versions server --wait=epoll
	old=$(pid_now)
	touch "$TMP/init"
	behave "--init-before-bind-while=$TMP/init" --exit-at-start="$1" --at=bind
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	kill -KILL "$old"
	wait_for 5 not is_running "$old"
	wait_for 5 not status_has '^generation 1 '
	start_goes_on
	expect_exit "$2" "$FLIP_PID"
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job"
	expect_eq 1 $? "exit code of flip restart ($(cat "$TMP/restart"))"
	expect_match "exited with status $1 before it was ready" "$(cat "$TMP/restart")" "the answer"
	wait_for 5 processes_are ''
	end_all
}

ends 0 1
ends 3 3
pass
