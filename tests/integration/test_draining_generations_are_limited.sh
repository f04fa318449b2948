#!/bin/bash
# Up to --max-draining generations may drain; one more restart is refused and names the oldest, and
# allowed again once one is gone.
. "$(dirname "$0")/lib.sh"

limits() {
	serve_versions server --wait=thread --keepalive
	oldest=$(pid_now)
	hold 7
	tag_set v2
	restart "$SUPERVISOR_PID"
	hold 8
	tag_set v3
	restart "$SUPERVISOR_PID"
	tag_set v4
	restart_refused "old generation has not exited: 2 .*generation 1 \\(pid $oldest\\)" \
		"$SUPERVISOR_PID"
	kill -HUP "$(signal_target)"
	wait_for 5 log_has 'refused: old generation has not exited'
	expect_eq v3 "$(tag_now)"
	for connection in 7 8; do
		hold_ask $connection
		expect_match "^v$((connection - 6)) " "$ANSWER" "a draining generation"
	done
	hold_end 7
	wait_for 5 not is_running "$oldest"
	wait_for 5 not status_has '^generation 1 ' "$SUPERVISOR_PID"
	restart "$SUPERVISOR_PID"
	expect_eq v4 "$(tag_now)"
	hold_ask 8
	expect_match '^v2 ' "$ANSWER" "generation 2"
	hold_end 8
}

in_both_faces limits

# --max-draining=1, and as many as one likes.
start_flip --max-draining=1 -- server --wait=thread --keepalive
hold 7
restart
restart_refused 'old generation has not exited: 1 .*--max-draining=1'
hold_end 7
end_all
start_flip --max-draining=6 -- server --wait=thread --keepalive
for connection in 3 4 5 6 7 8; do
	hold $connection
	restart
done
restart_refused 'old generation has not exited: 6 '
pass
