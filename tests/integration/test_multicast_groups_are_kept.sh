#!/bin/bash
# UDP servers that join multicast groups, in every way there is, before bind() or after it: no query to a group
# is lost over restarts and a failed one, and a group that only the new version has joined is heard, too.
. "$(dirname "$0")/lib.sh"

multicast=(/usr/bin/python3 "$ROOT/tests/integration/multicast.py")
ways=7
# The loopback has none by itself.
ip -6 route add local ff00::/8 dev lo table local || fail "no route to the groups of IPv6"

# own_is TAG: in the group of this version it answers, whatever the way.
own_is() {
	[ "$("${multicast[@]}" own "${1#v}" 2>>"$TMP/ask.log")" = "$(yes "$1" | head -n "$ways" | paste -sd ' ')" ]
}

# serve_groups early|late: in the face FACE.
serve_groups() {
	local server=("${multicast[@]}" serve "$1" "$TMP/tag" "$TMP/fail")
	tag_set v1
	launch_in_face "${server[@]}"
	wait_for 10 own_is v1
	wait_until_serving
}

# clients_start TIMEOUT
clients_start() {
	rm -f "$TMP/stop" "$TMP/tally"
	launch "$TMP/tally" "${multicast[@]}" ask "$TMP/stop" "$1"
	clients=$LAUNCHED_PID
	clients_hear v1
}

# clients_hear TAG: this version answers the clients, too.
clients_hear() {
	wait_for 5 grep -qx "$1" "$TMP/tally"
}

clients_end() {
	touch "$TMP/stop"
	wait_for 10 not is_running "$clients"
	tail -n 1 "$TMP/tally"
}

restarts() {
	serve_groups "$1"
	clients_start 5
	tag_set v2
	restart "$SUPERVISOR_PID"
	own_is v2 || fail "$1: nobody, or another one, answers in the groups of v2"
	clients_hear v2
	touch "$TMP/fail"
	tag_set v3
	restart_refused 'exited with status 1 before it was ready.*; generation 2 serves on$' "$SUPERVISOR_PID"
	rm "$TMP/fail"
	own_is v2 || fail "$1: after a failure v2 does not answer in its groups"
	tag_set v4
	restart "$SUPERVISOR_PID"
	own_is v4 || fail "$1: nobody, or another one, answers in the groups of v4"
	clients_hear v4
	clients_end
	expect_eq $'v1\nv2\nv4' "$(grep -v '^answered' "$TMP/tally")" "$1: who answers, one after the other"
	grep -q '^answered' "$TMP/tally" || fail "$1: a client failed: $(cat "$TMP/tally")"
}

for when in early late; do
	echo "# groups are joined: $when"
	in_both_faces restarts "$when"
done

# Without flip queries are lost.
tag_set v1
server=("${multicast[@]}" serve late "$TMP/tag" "$TMP/fail")
launch "$TMP/server.log" "${server[@]}"
SERVER_PID=$LAUNCHED_PID
wait_for 10 own_is v1
clients_start 0.5
stop_server
wait_for 10 not is_running "$clients" # it ends where it loses
launch "$TMP/server.log" "${server[@]}"
wait_for 10 own_is v1
grep -q '^TimeoutError' "$TMP/tally" || fail "the control without flip lost nothing: $(cat "$TMP/tally")"
pass
