#!/bin/bash
# A command without a slash is looked for in PATH at each restart.
. "$(dirname "$0")/lib.sh"

mkdir "$TMP/first" "$TMP/second"
cp "$SERVER" "$TMP/second/flip-test-server"
PATH=$TMP/first:$TMP/second:$PATH
looks_up() {
	rm -f "$TMP/first/flip-test-server"
	serve flip-test-server --wait=epoll
	expect_eq "$TMP/second/flip-test-server" "$(readlink "/proc/$(pid_now)/exe")"
	load_start --pause-ms=1
	cp "$SERVER" "$TMP/first/new" && mv "$TMP/first/new" "$TMP/first/flip-test-server"
	restart "$SUPERVISOR_PID"
	expect_eq "$TMP/first/flip-test-server" "$(readlink "/proc/$(pid_now)/exe")"
	rm "$TMP/first/flip-test-server"
	restart "$SUPERVISOR_PID"
	load_end
	expect_eq "$TMP/second/flip-test-server" "$(readlink "/proc/$(pid_now)/exe")"
}

in_both_faces looks_up
pass
