#!/bin/bash
# A new version that has unlinked, bound and changed the path of the Unix socket, and then fails,
# leaves it as it was: same file, mode and owner, and the old one answers there all the time.
. "$(dirname "$0")/lib.sh"

path=$TMP/server.sock
PORT=unix:$path

file_of() {
	stat -c '%d:%i %a %u:%g' "$1"
}

fails() {
	serve_versions server --listen="$PORT" --wait=epoll --unlink-first --mode=640
	file=$(file_of "$path")
	load_start --pause-ms=1
	tag_set v2
	behave --exit-at-start=3 --at="$1" --mode=606 --unlink-at-exit
	restart_refused 'exited with status 3' "$SUPERVISOR_PID"
	expect_eq "$file" "$(file_of "$path")" "the path after a failure at $1"
	behave --crash-at-start --at="$1" --mode=602
	restart_refused 'killed by SIGSEGV' "$SUPERVISOR_PID"
	expect_eq "$file" "$(file_of "$path")" "the path after a crash at $1"
	expect_eq v1 "$(tag_now)"
	behave
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	expect_eq "$file" "$(file_of "$path")" "the path after the repair"
	load_end
	expect_eq 0 "$(load_answers v3)"
}

in_both_faces fails bind
in_both_faces fails listen

# Without flip, one that fails after its unlink() cuts the first one off.
start_server server --unlink-first
"$SERVER" --listen="$PORT" --unlink-first --exit-at-start=3 --at=listen
ask && fail "the control without flip still answers"
pass
