#!/bin/bash
# The old process is killed before the new one is ready: the new one goes on and serves, and the
# clients that come meanwhile are answered by it.
. "$(dirname "$0")/lib.sh"

goes_on() {
	serve_versions server --wait=epoll
	old=$(pid_now)
	tag_set v2
	start_is_held "$1"
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	kill -KILL "$old"
	wait_for 5 not is_running "$old"
	# Nobody serves now, but the listener lives: these wait, and lose nothing.
	(wait_for 5 has_queued 1 && start_goes_on) &
	load_start --timeout-ms=8000
	load_end
	expect_eq 0 "$(load_answers v1)" "answers of the dead"
	wait "$restart_job" || fail "flip restart failed: $(cat "$TMP/restart")"
	expect_match 'generation 2 \(pid [0-9]+\) ready in' "$(cat "$TMP/restart")"
	tag_set v3
	restart "$SUPERVISOR_PID"
	expect_eq v3 "$(tag_now)"
}

in_both_faces goes_on --init-while
in_both_faces goes_on --init-before-bind-while

# Without flip the second instance cannot even be there.
start_server server --wait=epoll
kill -KILL "$SERVER_PID"
wait_for 5 not is_running "$SERVER_PID"
ask && fail "the control without flip still answers"
pass
