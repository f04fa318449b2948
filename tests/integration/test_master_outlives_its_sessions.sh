#!/bin/bash
# A session whose connection is closed goes on for a moment, and its master cleans up after it: an old
# master that is let go is there for that, after a restart and at a stop.
. "$(dirname "$0")/lib.sh"

# What no master has cleaned up after.
sessions() {
	find "$TMP" -name 'session.*' | wc -l
}

has_sessions() {
	[ "$(sessions)" -gt 0 ]
}

cleans_up() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/sessions.py" "$PORT" "$TMP/tag" "$TMP" "$@"
	load_start --pause-ms=10
	restart_to v2 v3
	wait_for 5 has_sessions
	restart_to v4
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	expect_eq 0 "$(sessions)" "sessions that nobody has cleaned up after"
}

control_without_flip
in_both_faces cleans_up
in_both_faces cleans_up keep
pass
