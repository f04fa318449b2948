#!/bin/bash
# A server that unlinks the path of its Unix socket when it ends leaves the next generation's alone;
# when the service is stopped, its path goes.
. "$(dirname "$0")/lib.sh"

path=$TMP/server.sock
PORT=unix:$path

leaves() {
	serve_versions server --listen="$PORT" --wait="$1" --term=graceful \
		--unlink-at-exit --unlink-first
	load_start --pause-ms=1
	restart_to v2 v3 v4
	load_end
	log_has 'generation 3 .* is gone: it (exited with status 0|ended)' || fail "the old one did not end by itself"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ ! -e "$path" ] || fail "the path is still there after the stop"
}

in_both_faces leaves epoll
in_both_faces leaves poll

# The same server without flip does remove it: two of them show what is hidden.
start_server server --term=graceful --unlink-at-exit --unlink-first
old=$SERVER_PID
start_server server --term=graceful --unlink-at-exit --unlink-first
wait_for 5 answers_another_than "$old"
kill -TERM "$old"
wait_for 5 not is_running "$old"
ask && fail "the control without flip still answers"
pass
