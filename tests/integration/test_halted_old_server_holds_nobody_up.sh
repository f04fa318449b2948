#!/bin/bash
# The old process is halted (SIGSTOP) when it is to let go: flip restart answers all the same, the new one
# serves, and when the old one goes on it finishes what it has.
. "$(dirname "$0")/lib.sh"

holds_nobody_up() {
	serve_versions server --wait="$1" --keepalive
	old=$(pid_now)
	hold 7
	tag_set v2
	behave --init-ms=1000
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 7>&- &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	kill -STOP "$old"
	wait_for 10 not is_running "$restart_job"
	wait "$restart_job" || fail "flip restart: $(cat "$TMP/restart")"
	expect_match 'generation 2 \(pid [0-9]+\) ready in [0-9]+ ms; generation 1 draining' \
		"$(tail -n 1 "$TMP/restart")" "the answer"
	expect_answers 20 'v2:[0-9]+' "who answers meanwhile"
	flip status || fail "status: $OUTPUT"
	kill -CONT "$old"
	hold_ask 7
	expect_match "^v1 $old " "$ANSWER" "the open connection"
	hold_end 7
	wait_for 10 not is_running "$old"
	wait_for 5 old_are_gone
}

in_both_faces holds_nobody_up epoll
in_both_faces holds_nobody_up thread
pass
