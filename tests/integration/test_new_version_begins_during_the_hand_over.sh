#!/bin/bash
# A new version begins while the old one still hands its listeners over: it has to wait for them, may end
# before they are there, and goes on alone if the old one dies meanwhile.
. "$(dirname "$0")/lib.sh"

# The old one answers nothing, not even flip, until it is sent SIGCONT.
halt_old() {
	old=$(pid_now)
	descriptors_before=$(descriptors "$SUPERVISOR_PID")
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

in_both_faces waits
in_both_faces ends_before
in_both_faces goes_on_alone
control_without_flip
pass
