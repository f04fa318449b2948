#!/bin/bash
# flip restart streams what happens while it waits, and ends with the one line that counts.
. "$(dirname "$0")/lib.sh"

tells() {
	serve_versions server --wait=thread --keepalive
	hold 7
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/out" 2>"$TMP/err" 7>&- &
	job=$!
	wait_for 5 grep -q 'generation 2 (pid [0-9]*) started' "$TMP/out"
	is_running "$job" || fail "flip restart did not wait for the new process"
	grep -q ready "$TMP/out" && fail "ready is told too early"
	sleep 0.3
	start_goes_on
	wait "$job" || fail "flip restart failed"
	new=$(pid_now)
	expect_match "^generation 2 \\(pid $new\\) ready in ([0-9]+) ms; generation 1 draining 1 connection\$" \
		"$(tail -n 1 "$TMP/out")" "last line"
	[ "${BASH_REMATCH[1]}" -ge 300 ] || fail "it took longer than that: $(cat "$TMP/out")"
	expect_eq '' "$(cat "$TMP/err")" "standard error"
	hold_end 7

	# A failure: the reason is the last line, on standard error, and there is but one.
	behave --exit-at-start=3
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/out" 2>"$TMP/err"
	expect_eq 1 $? "exit code of a failed restart"
	expect_match '^generation 3 \(pid [0-9]+\) exited with status 3 before it was ready \(it is unchanged: .*\); generation 2 serves on$' \
		"$(cat "$TMP/err")" "the reason"
	expect_match '  \| server: told to fail here' "$(cat "$TMP/out")" "its last words"
}

in_both_faces tells
pass
