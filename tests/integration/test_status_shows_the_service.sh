#!/bin/bash
# flip status: generations with pid, state and connections, listeners, restarts, the last result.
. "$(dirname "$0")/lib.sh"

shows() {
	serve_versions server --wait=thread --keepalive --listen="127.0.0.1:$PORT" \
		--listen='[::1]:8081'
	one=$(pid_now)
	expect_eq "server: serving, supervisor (pid $SUPERVISOR_PID), 0 restarts" \
		"$(head -n 1 <<<"$OUTPUT")" "first line"
	hold 7
	hold 8
	status_has "^generation 1 \\(pid $one\\) serving, 2 connections" || fail "status: $OUTPUT"
	status_has '^listener 127.0.0.1:8080$' || fail "status: $OUTPUT"
	status_has '^listener \[::1\]:8081$' || fail "status: $OUTPUT"
	restart "$SUPERVISOR_PID"
	two=$(pid_now)
	status_has ': serving, .*, 1 restart$' || fail "status: $OUTPUT"
	status_has "^generation 1 \\(pid $one\\) draining, 2 connections" || fail "status: $OUTPUT"
	status_has "^generation 2 \\(pid $two\\) serving, 0 connections" || fail "status: $OUTPUT"
	status_has "^last: generation 2 \\(pid $two\\) ready in" || fail "status: $OUTPUT"
	hold_end 7
	wait_for 5 status_has '^generation 1 .*draining, 1 connection,'
	behave --exit-at-start=3
	restart_refused 'exited with status 3' "$SUPERVISOR_PID"
	status_has "^last: generation 3 .* exited with status 3 .* generation 2 serves on" ||
		fail "status: $OUTPUT"
	status_has ', 1 restart$' || fail "a failure counts as no restart: $OUTPUT"
}

in_both_faces shows
pass
