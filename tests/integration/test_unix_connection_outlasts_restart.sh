#!/bin/bash
# A connection that came by a Unix listener counts in the drain, of whatever kind: the old
# generation stays until it is answered.
. "$(dirname "$0")/lib.sh"

# A line of /proc/net/unix with its name and state 03: connected.
is_held() {
	awk -v name="${PORT#unix:}" '$6 == "03" && $8 == name { found = 1 } END { exit !found }' /proc/net/unix
}

outlasts() {
	PORT=$1
	shift
	serve_versions server --listen="$PORT" "$@"
	rm -f "$TMP/end"
	"$LOAD" --to="$PORT" --hold-ms=60000 --timeout-ms=20000 --stop-file="$TMP/end" >"$TMP/held" 2>&1 &
	held=$!
	wait_for 5 is_held
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_match 'generation 1 draining 1 connection$' "$OUTPUT" "result"
	expect_eq v2 "$(tag_now)"
	status_has '^generation 1 .* draining, 1 connection,' || fail "status: $OUTPUT"
	touch "$TMP/end"
	wait "$held" || fail "the connection was cut: $(cat "$TMP/held")"
	grep -q ' by=v1:[0-9]*=1 ' "$TMP/held" || fail "answered by another: $(cat "$TMP/held")"
	wait_for 5 old_are_gone
	rm -f "$TMP/server.sock"
}

in_both_faces outlasts "unix:$TMP/server.sock" --wait=epoll
in_both_faces outlasts "unix:@flip-test" --wait=thread
FACE=run outlasts "unix:$TMP/server.sock" --wait=fork
end_all
FACE=run outlasts "unix:$TMP/server.sock" --wait=thread --seqpacket
pass
