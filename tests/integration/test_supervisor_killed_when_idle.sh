#!/bin/bash
# The supervisor is killed: the server serves on as if there had never been one.
. "$(dirname "$0")/lib.sh"

serves_on() {
	serve_versions server --wait="$1"
	load_start --pause-ms=1
	[ "$2" = 0 ] || restart "$SUPERVISOR_PID"
	server=$(pid_now)
	kill -KILL "$SUPERVISOR_PID"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	expect_answers 50 "v[0-9]+:$server"
	load_end
	kill -TERM "$server"
	wait_for 5 not is_running "$server"
}

for mode in epoll threads poll accept; do
	in_both_faces serves_on $mode 0
	in_both_faces serves_on $mode 1
done
pass
