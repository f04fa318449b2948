#!/bin/bash
# An open connection in a forked process goes on over a restart; its server stays as long.
. "$(dirname "$0")/lib.sh"

for mode in fork 'fork --raw-clone' fork-exec fork-seccomp prefork; do
	in_both_faces session_outlasts_restart --wait=$mode
done

# One computes for so long that it is told to let go of the listener, which it has yet, and confines itself then.
confined_late() {
	serve_versions server --strict --keepalive --wait=fork-seccomp --work-ms=2500
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	wait_for 5 computes
	tag_set v2
	restart "$SUPERVISOR_PID"
	for _ in 1 2; do
		hold_ask 7
		expect_match '^v1 ' "$ANSWER" "a session that was confined after the hand-over"
	done
	status_has '^generation 1 .*draining, 1 connection' || fail "$OUTPUT"
	hold_end 7
	wait_for 10 old_are_gone
	end_all
}

computes() {
	[ -n "$(pgrep -P "$(generation_pid 1)")" ]
}

FACE=run
confined_late

# Without flip a restart ends the connection.
start_server server --wait=epoll --keepalive
hold 7
stop_server
hold_ask 7
expect_eq '' "$ANSWER" "answer without flip"
pass
