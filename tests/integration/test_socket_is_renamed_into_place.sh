#!/bin/bash
# A server that binds its Unix socket under another name and renames that (as haproxy does): clients
# come to the old one until the new one has taken over, and a version that fails in between has
# replaced nothing.
. "$(dirname "$0")/lib.sh"

path=$TMP/server.sock
PORT=unix:$path

file_of() {
	stat -c '%d:%i %a %u:%g' "$1"
}

nothing_else() {
	expect_eq server.sock "$(cd "$TMP" && echo server.sock*)" "what is there"
	[ -z "$(find "$TMP" -name '.flip*')" ] || fail "left over: $(ls -A "$TMP")"
}

renames() {
	local before n
	serve_versions server --listen="$PORT" --wait="$1" --rename-into-place --mode=660 --strict
	load_start
	for ((n = 2; n <= 6; n++)); do
		before=$(file_of "$path")
		tag_set "v$n"
		behave --crash-at-start --at=written
		restart_refused 'killed by SIGSEGV' "$SUPERVISOR_PID"
		expect_eq "$before" "$(file_of "$path")" "the path after a failure"
		nothing_else
		behave
		restart "$SUPERVISOR_PID"
		expect_eq "v$n" "$(tag_now)"
		[ "$before" != "$(file_of "$path")" ] || fail "it is still the old one's socket"
		expect_match ' 660 ' "$(file_of "$path")" "mode"
		nothing_else
	done
	load_end
	wait_for 5 old_are_gone
	expect_eq v6 "$(tag_now)"
	rm "$path"
}

in_both_faces renames epoll
in_both_faces renames thread

# Without flip the second one takes the path at once, and when it fails nobody is there.
start_server server --rename-into-place
"$SERVER" --listen="$PORT" --rename-into-place --exit-at-start=3 --at=written
ask && fail "the control without flip still answers"
pass
