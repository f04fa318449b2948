#!/bin/bash
# No descriptor, process, variable or file is left over after 200 restarts.
. "$(dirname "$0")/lib.sh"

server_descriptors() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		echo "${fd##*/} $(readlink "$fd" | sed 's/[0-9]\{3,\}/N/')"
	done
}

server_mappings() {
	awk '{ print $6 }' "/proc/$1/maps" | grep -c .
}

environment_names() {
	tr '\0' '\n' <"/proc/$1/environ" | sed 's/^\(FLIP_CHANNEL\|NOTIFY_SOCKET\)=.*/\1/' | sort
}

files() {
	ls -A /dev/shm
	ls -A "$TMP" | grep -v -e '\.log$' -e '^load'
}

unix_sockets() {
	grep -c . /proc/net/unix
}

leaves_nothing() {
	serve server --wait=epoll
	restart "$SUPERVISOR_PID"
	restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	before=$(descriptors_at_rest "$SUPERVISOR_PID")
	server_before=$(server_descriptors "$(pid_now)")
	environment_before=$(environment_names "$(pid_now)")
	mappings_before=$(server_mappings "$(pid_now)")
	files_before=$(files)
	unix_before=$(unix_sockets)
	load_start --pause-ms=2 --clients=2
	for _ in $(seq 200); do
		flip restart "$SUPERVISOR_PID" && continue
		expect_match 'old generation has not exited' "$OUTPUT" "refusal"
		wait_for 5 old_are_gone
		restart "$SUPERVISOR_PID"
	done
	load_end
	wait_for 5 old_are_gone
	status_has ', 202 restarts$' || fail "status: $OUTPUT"
	wait_for 5 descriptors_are "$SUPERVISOR_PID" "$before"
	expect_eq "$server_before" "$(server_descriptors "$(pid_now)")" "descriptors of the server"
	expect_eq "$environment_before" "$(environment_names "$(pid_now)")" "environment"
	expect_eq "$mappings_before" "$(server_mappings "$(pid_now)")" "mappings"
	expect_eq "$files_before" "$(files)" "files"
	expect_eq "$unix_before" "$(unix_sockets)" "Unix sockets"
	expect_eq 2 "$(process_count)" "processes"
}

in_both_faces leaves_nothing
pass
