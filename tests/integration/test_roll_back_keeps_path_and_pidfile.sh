#!/bin/bash
# A new version that crashes within the probation has not touched the path of the Unix socket nor the
# pid file: the old one comes back, and both have been its own all the time. One that stays gets both.
FLIP_PROBATION=${1:-4s}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pidfiles.sh"

path=$TMP/server.sock
PORT=unix:$path

socket_of() {
	stat -c '%d:%i %a' "$path"
}

rolls_back() {
	local how=$1 before old
	shift
	serve_versions server --listen="$PORT" --wait=epoll --term=graceful --unlink-at-exit --mode=660 \
		--pidfile="$file" --pidfile-style="$how" "$@"
	old=$(pid_now)
	wait_for 5 names "$old"
	before="$(socket_of) $(file_of)"
	watch_start
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	expect_eq "$before" "$(socket_of_old) $(file_of)" "$how: on probation"
	kill -KILL "$(pid_now)"
	wait_for 5 status_has 'within the probation; generation 1 serves again'
	wait_for 5 answered_by "$old"
	expect_eq "$before" "$(socket_of) $(file_of)" "$how: after the roll-back"
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	wait_for 5 names "$(pid_now)"
	wait_for 5 old_are_gone
	names "$(pid_now)" || fail "$how: the pid file names $(cat "$file")"
	watch_end "$how $*"
	expect_eq '' "$(find "$TMP" -name '.flip*' -o -name '*.tmp' -o -name 'server.pid?*')" "left over"
	rm -f "$path"
}

# With --rename-into-place the old one's has another name for the time being.
socket_of_old() {
	local other
	for other in "$path" "$path".*; do
		stat -c '%d:%i %a' "$other" 2>/dev/null | grep -F "${before%% *}"
	done
}

answered_by() {
	[ "$(pid_now)" = "$1" ]
}

in_both_faces rolls_back fopen --unlink-first
in_both_faces rolls_back rename --unlink-first
in_both_faces rolls_back excl --rename-into-place

# Without flip there is nothing to come back to.
start_server server --term=graceful --unlink-at-exit --unlink-first
old=$SERVER_PID
start_server server --term=graceful --unlink-first
wait_for 5 answers_another_than "$old"
kill -KILL "$SERVER_PID"
wait_for 5 not is_running "$SERVER_PID"
is_running "$old" || fail "the first one has ended"
ask && fail "the control without flip answers"
pass
