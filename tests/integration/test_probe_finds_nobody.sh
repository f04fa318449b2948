#!/bin/bash
# Servers that refuse to start while somebody answers at their port, or while the process lives that ran before:
# a new generation finds nobody there, until it has bound the address itself; its pid file is what it has written.
. "$(dirname "$0")/lib.sh"

probes() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" finds_its_port_free "$PORT" "$TMP/tag" "$1"
	load_start
	restart_to v2 v3
	load_stop
	expect_eq 0 "$LOAD_FAILED" "$1: failed requests"
	expect_eq "$(pid_now)" "$(cat "$TMP/tag.pid")" "$1: pid file"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	rm -f "$TMP"/tag.{pid,note}
	end_all
}

control_without_flip
for face in run bare; do
	for address in 127.0.0.1 0.0.0.0 ::; do
		FACE=$face probes $address
	done
done
export FLIP_IN_PLACE=1
FACE=run probes 0.0.0.0
pass
