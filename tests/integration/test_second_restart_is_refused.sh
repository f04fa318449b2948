#!/bin/bash
# While an upgrade runs a second one is refused, and the first goes on.
. "$(dirname "$0")/lib.sh"

refuses() {
	serve_versions server --wait=epoll
	load_start --pause-ms=1
	tag_set v2
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/first" 2>&1 &
	first=$!
	wait_for 5 status_has '^generation 2 .*starting' "$SUPERVISOR_PID"
	restart_refused 'upgrade in progress' "$SUPERVISOR_PID"
	expect_eq v1 "$(tag_now)"
	# A signal is refused as well, and said to be.
	kill -HUP "$(signal_target)"
	wait_for 5 log_has 'refused: upgrade in progress'
	start_goes_on
	wait "$first" || fail "the first restart failed: $(cat "$TMP/first")"
	expect_match 'generation 2 \(pid [0-9]+\) ready in [0-9]+ ms' "$(cat "$TMP/first")"
	load_end
	expect_eq v2 "$(tag_now)"
	status_has ', 1 restart$' || fail "status: $OUTPUT"
}

in_both_faces refuses
pass
