#!/bin/bash
# A Unix listener goes from one generation to the next, whatever the server does about its path
# before bind(): nothing, unlink it, probe it. Its file stays the same one.
. "$(dirname "$0")/lib.sh"

path=$TMP/server.sock
PORT=unix:$path

file_of() {
	stat -c '%d:%i %a %u:%g' "$1" 2>/dev/null
}

habit() {
	local restarts=6 n
	serve_versions server --listen="$PORT" --mode=660 --strict "$@"
	file=$(file_of "$path")
	expect_match ' 660 ' "$file" "mode of the path"
	load_start
	for ((n = 2; n <= restarts; n++)); do
		tag_set "v$n"
		restart "$SUPERVISOR_PID"
		expect_eq "v$n" "$(tag_now)" "$*"
		load_meets "v$n"
		expect_eq "$file" "$(file_of "$path")" "$*: the file after restart $n"
	done
	load_end
	[ "$(load_responders)" = "$restarts" ] || fail "$*: answered by $(load_field by)"
	status_has "^listener unix:$path\$" || fail "status: $OUTPUT"
	wait_for 5 old_are_gone
	expect_eq "$file" "$(file_of "$path")" "$*: the file when the old ones are gone"
}

# Without flip the second one would find the path taken, or the other one alive.
serve_once() {
	habit --wait="$1"
	end_all
	rm "$path"
	habit --wait="$1" --unlink-first
	end_all
	rm "$path"
	habit --wait="$1" --probe-first --unlink-first
	rm "$path"
}

FACE=run serve_once epoll
end_all
FACE=bare serve_once thread
end_all
habit --wait=poll-blocking --seqpacket --unlink-first
end_all
rm "$path"
PORT=unix:@flip-test CONTROL_PORT=unix:@flip-control
serve_versions server --listen="$PORT" --wait=epoll-exclusive
load_start
for version in v2 v3 v4; do
	tag_set $version
	restart "$SUPERVISOR_PID"
	expect_eq $version "$(tag_now)" "abstract name"
	load_meets $version
done
load_end
expect_eq 4 "$(load_responders)" "abstract name: who answered"
status_has '^listener unix:@flip-test$' || fail "status: $OUTPUT"
control_without_flip
CONTROL_PORT=unix:$path
control_without_flip control_stop_start --unlink-first
pass
