#!/bin/bash
# The supervisor is killed in the middle of an upgrade: the server serves on, no request is lost.
. "$(dirname "$0")/lib.sh"

serves_on() {
	serve_versions server --wait="$1"
	load_start --pause-ms=1
	tag_set v2
	start_is_held "$2"
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	new=$(generation_pid 2)
	kill -KILL "$SUPERVISOR_PID"
	start_goes_on
	wait "$restart_job" && fail "flip restart claims success: $(cat "$TMP/restart")"
	# Either it gave up, or it got its listener before and begins to serve: both are fine.
	wait_for 10 new_is_settled
	expect_answers 50 'v[0-9]+:[0-9]+'
	load_end
}

new_is_settled() {
	! is_running "$new" || [ "$(pid_now)" = "$new" ]
}

FACE=run
serves_on epoll --init-while
end_all
serves_on threads --init-before-bind-while
end_all
FACE=bare
serves_on epoll --init-while
pass
