#!/bin/bash
# In place the old server ends first, and would remove the path of its Unix socket: it stays, clients
# wait there, and the next one gets it.
. "$(dirname "$0")/lib.sh"

path=$TMP/server.sock
PORT=unix:$path
export FLIP_IN_PLACE=1

stays() {
	serve_versions server --listen="$PORT" --wait="$1" --term=graceful --unlink-at-exit --unlink-first \
		--init-ms=50
	inode=$(stat -c %i "$path")
	load_start
	for version in v2 v3 v4; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		expect_eq $version "$(tag_now)"
		expect_eq "$inode" "$(stat -c %i "$path")" "the socket"
	done
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ ! -e "$path" ] || fail "the path is still there after the stop"
}

in_both_faces stays epoll
in_both_faces stays thread
CONTROL_PORT=$PORT
unset FLIP_IN_PLACE
control_without_flip control_stop_start --term=graceful --unlink-at-exit --unlink-first
pass
