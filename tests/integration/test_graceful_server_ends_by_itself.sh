#!/bin/bash
# A server that ends gracefully at TERM does so in its own way: at a restart, and at a stop.
. "$(dirname "$0")/lib.sh"

ends() {
	serve_versions server --wait="$1" --term=graceful --work-ms=50 --pidfile="$TMP/server.pid"
	load_start
	restart_to v2 v3
	load_end
	log_has 'generation 1 .* is gone: it (exited with status 0|ended)' || fail "its end"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ ! -e "$TMP/server.pid" ] || fail "it did not get to remove its pid file"
}

in_both_faces ends epoll
in_both_faces ends thread
pass
