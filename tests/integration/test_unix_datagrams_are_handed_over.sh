#!/bin/bash
# A syslog server, by what it is: bound to a Unix socket of datagrams, which it removes and makes anew. No
# line is lost or written twice over restarts and a failed one, and at a stop the path goes.
. "$(dirname "$0")/lib.sh"

syslog=(/usr/bin/python3 "$ROOT/tests/integration/syslog.py")

# serve_syslog PATH: in the face FACE.
serve_syslog() {
	local server=("${syslog[@]}" serve "$1" "$TMP/log" "$TMP/tag" "$TMP/fail")
	tag_set v1
	rm -f "$TMP/log"
	launch_in_face "${server[@]}"
	wait_until_serving
}

# clients_start say|ask PATH
clients_start() {
	rm -f "$TMP/stop" "$TMP/sent"
	launch "$TMP/sent" "${syslog[@]}" "$1" "$2" "$TMP/stop"
	clients=$LAUNCHED_PID
	wait_for 5 has_more_than 10
}

clients_end() {
	local sent what
	touch "$TMP/stop"
	wait_for 10 not is_running "$clients"
	sent=$(cat "$TMP/sent")
	[[ $sent =~ ^[0-9]+$ ]] && [ "$sent" -gt 0 ] || fail "a client failed: $sent"
	for what in said asked; do
		expect_eq "$(seq -f "$what %.0f" 0 $((sent - 1)))" "$(sed -n "s/^v[0-9]* [0-9]* \($what .*\)/\1/p" "$TMP/log")" \
			"lines, in their order"
	done
}

# The last line was written by that version, and so is whatever comes from now on.
only_writes() {
	local seen
	seen=$(wc -l <"$TMP/log")
	wait_for 5 has_more_than $((seen + 20))
	expect_eq "$1" "$(tail -n "+$((seen + 2))" "$TMP/log" | head -n 20 | cut -d ' ' -f 1 | sort -u)" "who writes"
}

has_more_than() {
	[ "$(wc -l <"$TMP/log")" -gt "$1" ]
}

restarts() {
	local path=$1
	serve_syslog "$path"
	status_has "^listener unix:$path\$" || fail "status: $OUTPUT"
	clients_start ask "$path"
	tag_set v2
	restart "$SUPERVISOR_PID"
	only_writes v2
	touch "$TMP/fail"
	restart_refused 'exited with status 1 before it was ready.*; generation 2 serves on$' "$SUPERVISOR_PID"
	only_writes v2
	rm "$TMP/fail"
	tag_set v3
	restart "$SUPERVISOR_PID"
	only_writes v3
	clients_end
}

# Who says something when it has stopped hears that at once, though it may still answer for a while.
hears_of_the_stop() {
	serve_syslog "$TMP/socket"
	clients_start say "$TMP/socket"
	launch "$TMP/stopped" "$FLIP" stop "$SUPERVISOR_PID"
	stop_job=$LAUNCHED_PID
	wait_for 1 not is_running "$clients"
	is_running "$stop_job" || fail "the server has not stayed"
	grep -q '^BrokenPipeError' "$TMP/sent" || fail "the client: $(cat "$TMP/sent")"
	wait_for 10 not is_running "$stop_job"
	wait_for 10 processes_are ''
	[ ! -e "$TMP/socket" ] || fail "the path is still there after the stop"
}

in_both_faces restarts "$TMP/socket"
in_both_faces restarts @flip-test-syslog
FACE=run hears_of_the_stop
end_all

# Without flip the client hears that nobody is there.
tag_set v1
rm -f "$TMP/log"
server=("${syslog[@]}" serve "$TMP/socket" "$TMP/log" "$TMP/tag" "$TMP/fail")
launch "$TMP/server.log" "${server[@]}"
SERVER_PID=$LAUNCHED_PID
wait_for 5 test -S "$TMP/socket"
clients_start say "$TMP/socket"
stop_server
wait_for 10 not is_running "$clients" # it ends where it loses
launch "$TMP/server.log" "${server[@]}"
grep -q '^ConnectionRefusedError' "$TMP/sent" || fail "the control without flip lost nothing: $(cat "$TMP/sent")"
pass
