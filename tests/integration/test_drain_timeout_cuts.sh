#!/bin/bash
# --drain-timeout ends an old server that still has connections by then; new ones lose nothing.
. "$(dirname "$0")/lib.sh"

cuts() {
	export FLIP_DRAIN_TIMEOUT=600ms
	serve_versions server --wait="$1" --keepalive
	old=$(pid_now)
	hold 7
	hold_ask 7
	begun=$(now_ms)
	restart "$SUPERVISOR_PID"
	hold_ask 7
	expect_match "^v1 $old " "$ANSWER" "before the timeout"
	wait_for 3 not is_running "$old"
	took=$(($(now_ms) - begun))
	[ "$took" -ge 590 ] || fail "cut after $took ms already"
	log_has 'generation 1 still has connections after 600 ms' || fail "the log does not say so"
	hold_ask 7
	expect_eq '' "$ANSWER" "after the timeout"
	hold_end 7
	wait_for 5 old_are_gone
}

in_both_faces cuts epoll
in_both_faces cuts thread
pass
