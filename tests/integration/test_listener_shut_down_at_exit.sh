#!/bin/bash
# A server that shuts its listener down when told to end: the new one's clients do not notice.
. "$(dirname "$0")/lib.sh"

keeps() {
	serve_versions server --wait="$1" --term=shutdown
	load_start --pause-ms=1
	restart_to v2 v3 v4
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
}

in_both_faces keeps epoll
in_both_faces keeps threads
in_both_faces keeps accept
pass
