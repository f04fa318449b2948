#!/bin/bash
# An open connection goes on with the process it belongs to; new ones go to the new process.
. "$(dirname "$0")/lib.sh"

stays() {
	local old
	serve_versions server --wait="$1" --keepalive
	old=$(pid_now)
	hold 7
	expect_match "^v1 $old held" "$ANSWER"
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_match 'generation 1 draining 1 connection$' "$OUTPUT"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		expect_eq v2 "$(tag_now)" "new connection"
		hold_ask 7
		expect_match "^v1 $old held" "$ANSWER" "open connection"
	done
	status_has '^generation 1 .*draining, 1 connection' || fail "status: $OUTPUT"
	hold_end 7
	wait_for 5 old_are_gone
	wait_for 5 not is_running "$old"
}

in_both_faces stays epoll
in_both_faces stays thread
in_both_faces stays select

# Without flip a restart ends the connection.
start_server server --wait=epoll --keepalive
hold 7
stop_server
hold_ask 7
expect_eq '' "$ANSWER" "answer without flip"
pass
