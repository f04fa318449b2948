#!/bin/bash
# A new version begins while the old one still hands its listeners over: it has to wait for them, may end
# before they are there, and goes on alone if the old one dies meanwhile.
. "$(dirname "$0")/lib.sh"

# The old one answers nothing, not even flip, until it is sent SIGCONT.
halt_old() {
	old=$(pid_now)
	descriptors_before=$(descriptors_at_rest "$SUPERVISOR_PID")
	kill -STOP "$old"
	tag_set v2
}

restart_in_background() {
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
}

waits() {
	serve_versions server --wait=epoll
	halt_old
	restart_in_background
	sleep 1
	status_has '^generation 2 .*starting' || fail "it did not wait: $OUTPUT"
	kill -CONT "$old"
	load_start
	wait "$restart_job" || fail "flip restart failed: $(cat "$TMP/restart")"
	wait_for 5 tag_is v2
	load_end
}

# The listeners of who answers too late are not kept.
ends_before() {
	local began
	serve_versions server --wait=thread
	halt_old
	behave --exit-at-start=3 --at=start
	began=$(now_ms)
	restart_refused 'generation 2 .* exited with status 3 before it was ready.*; generation 1 serves on' \
		"$SUPERVISOR_PID"
	[ $(($(now_ms) - began)) -lt 4000 ] || fail "the refusal took $(($(now_ms) - began)) ms"
	kill -CONT "$old"
	wait_for 5 tag_is v1
	wait_for 5 descriptors_are "$SUPERVISOR_PID" "$descriptors_before"
	behave
	load_start
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	load_end
}

goes_on_alone() {
	serve_versions server --wait=epoll
	halt_old
	restart_in_background
	kill -KILL "$old"
	wait "$restart_job" || fail "flip restart failed: $(cat "$TMP/restart")"
	expect_match 'generation 2 \(pid [0-9]+\) ready in' "$(cat "$TMP/restart")"
	expect_eq v2 "$(tag_now)"
	tag_set v3
	load_start
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v3
	load_end
}

serve_two() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/two_listeners.py" "$PORT" "$TMP/tag" "$@"
	wait_for 10 ask $((PORT + 1))
	halt_old
}

both_are() {
	[[ "$(ask) $(ask $((PORT + 1)))" == "$1 "*" $1 "* ]]
}

# Each signal ends a wait for the supervisor early: it is the time that counts.
waits_among_signals() {
	serve_two timer
	restart_in_background
	sleep 1
	kill -CONT "$old"
	wait "$restart_job" || fail "flip restart failed: $(cat "$TMP/restart")"
	wait_for 5 both_are v2
}

# What is answered to `flip status` is not taken for the listeners of one who has not handed them over.
counts_meanwhile() {
	local second
	serve_two
	second=$(ask $((PORT + 1)) | cut -d ' ' -f 2)
	kill -STOP "$second"
	"$FLIP" status "$SUPERVISOR_PID" >"$TMP/status" 2>&1 &
	pause
	restart_in_background
	kill -STOP "$SUPERVISOR_PID"
	kill -CONT "$old" "$second"
	sleep 0.2
	kill -CONT "$SUPERVISOR_PID"
	wait "$restart_job" || fail "flip restart failed: $(cat "$TMP/restart")"
	wait_for 5 both_are v2
}

# A daemon that fails when its parent is yet to end: what it has left behind is not taken for the server.
daemon_fails() {
	tag_set v1
	behave
	serve sh -c '("$@" &); sleep 0.5' sh "$SERVER" --wait=prefork --listen="127.0.0.1:$PORT" \
		--tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	behave --orphan --exit-at-start=3 --at=listen
	restart_refused 'exited with status 3 before it was ready' "$SUPERVISOR_PID"
	wait_for 5 tag_is v1
	behave
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
}

in_both_faces waits
in_both_faces ends_before
in_both_faces goes_on_alone
in_both_faces waits_among_signals
in_both_faces counts_meanwhile
FACE=run daemon_fails
end_all
control_without_flip
pass
