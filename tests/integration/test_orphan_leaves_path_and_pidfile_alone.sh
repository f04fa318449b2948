#!/bin/bash
# The supervisor is killed while an old generation drains: when that ends, it leaves the path and the
# pid file of the new one alone, though there is nobody to ask.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pidfiles.sh"

path=$TMP/server.sock
PORT=unix:$path

orphaned() {
	serve_versions server --listen="$PORT" --wait=thread --term=graceful --unlink-at-exit --unlink-first \
		--pidfile="$file"
	old=$(pid_now)
	rm -f "$TMP/end"
	"$LOAD" --to="$PORT" --hold-ms=60000 --timeout-ms=20000 --stop-file="$TMP/end" >"$TMP/held" 2>&1 &
	held=$!
	wait_for 5 status_has '^generation 1 .* 1 connection,'
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 names "$(pid_now)"
	watch_start
	kill -KILL "$SUPERVISOR_PID"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	touch "$TMP/end"
	wait "$held" || fail "the connection was cut: $(cat "$TMP/held")"
	wait_for 10 not is_running "$old"
	expect_eq v2 "$(tag_now)" "who answers"
	watch_end "orphan"
	kill -TERM "$(pid_now)"
	wait_for 5 not ask
	[ ! -e "$path" ] && [ ! -e "$file" ] || fail "the new one did not remove them at its own end"
}

in_both_faces orphaned
pass
