#!/bin/bash
# Garbage on the channel and on the control socket is rejected and logged; nothing is lost by it.
. "$(dirname "$0")/lib.sh"

unix_names() {
	grep -o "@$1.*" /proc/net/unix | sort -u | cut -c 2-
}

annoy() {
	timeout 20 /usr/bin/python3 "$ROOT/tests/integration/peer.py" "$1" >>"$TMP/peer.log" 2>&1 \
		< <(sleep 15) &
	wait_for 10 grep -q '^done' "$TMP/peer.log"
	: >"$TMP/peer.log"
}

rejects() {
	serve_versions server --wait=epoll
	server=$(pid_now)
	descriptors_before=$(descriptors_at_rest "$SUPERVISOR_PID")
	load_start --pause-ms=1
	annoy "$(unix_names flip/)"
	annoy "$(unix_names flip-)"
	log_has 'rejected a message on the control socket' || fail "control socket: nothing logged"
	log_has 'rejected a message on the channel' || fail "channel: nothing logged"
	expect_eq "$server" "$(pid_now)" "who serves"
	status_has ', 0 restarts$' || fail "status: $OUTPUT"
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_eq v2 "$(tag_now)"
	load_end
	wait_for 5 old_are_gone
	[ "$(descriptors "$SUPERVISOR_PID")" -le $((descriptors_before + 3)) ] ||
		fail "descriptors: $descriptors_before, now $(descriptors "$SUPERVISOR_PID")"
}

in_both_faces rejects
pass
