#!/bin/bash
# Processes of one server that talk with each other by a Unix listener of its own are not its
# clients: an old generation in which they do ends, and flip stop does not wait for them.
. "$(dirname "$0")/lib.sh"

ends() {
	local began
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" worker_talks_to_master "$PORT" \
		"$TMP/tag" "$TMP/talk"
	load_start --pause-ms=2
	restart_to v2 v3
	load_end
	began=$(now_ms)
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	[ "$(($(now_ms) - began))" -lt 10000 ] || fail "flip stop waited for the talk"
	wait_for 5 processes_are ''
	rm "$TMP"/talk.*
}

# Only what ends by itself ends in time.
export FLIP_STOP_TIMEOUT=30s
# Under flip run: the first server of the other face shares its process group with its clients.
ends
pass
