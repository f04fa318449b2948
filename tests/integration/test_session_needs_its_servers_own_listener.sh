#!/bin/bash
# Processes of a server talk with each other by a listener on a port or path that is another one in each
# generation: who is served over a restart needs it yet when the others were let go of. With the old server it goes.
. "$(dirname "$0")/lib.sh"

# TAG: who answers in the session on descriptor 7.
session_says() {
	local tag
	printf 'hello\n' >&7
	read -r -t 5 tag _ <&7 || fail "no answer in an open connection"
	expect_eq "$1" "$tag" "who answers in an open connection"
}

own_listener() {
	local n
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" asks_itself "$PORT" "$TMP/tag" "$1"
	n=$(listeners)
	for number in 1 2; do
		exec 7<>"/dev/tcp/127.0.0.1/$PORT"
		session_says v$number
		tag_set v$((number + 1))
		restart "$SUPERVISOR_PID"
		session_says v$number
		expect_eq v$((number + 1)) "$(tag_now)" "who answers a new client"
		session_says v$number
		exec 7>&-
		wait_for 10 old_are_gone
		expect_eq "$n" "$(listeners)" "$1: listening sockets"
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	end_all
}

# Those of this test.
listeners() {
	ss -Hltn | wc -l
	ss -Hlxn | grep -c "$TMP/tag"
}

for face in run bare; do
	FACE=$face own_listener port
	FACE=$face own_listener path
done
pass
