#!/bin/bash
# UDP: no query is lost over restarts, in every way to read; from a restart's end only the new version
# reads; one that fails costs nothing; flip status shows the listener.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/datagrams.sh"

restarts() {
	serve_datagrams --wait="$1"
	status_has "^listener udp:127.0.0.1:$PORT\$" || fail "status: $OUTPUT"
	load_start "${UDP[@]}"
	tag_set v2
	restart "$SUPERVISOR_PID"
	only_new_reads v2
	load_meets v2
	touch "$TMP/fail"
	tag_set v3
	restart_refused 'exited with status 1 before it was ready.*; generation 2 serves on$' "$SUPERVISOR_PID"
	datagram_tag_is v2 || fail "who serves after a failure: $(ask_datagram)"
	rm "$TMP/fail"
	restart "$SUPERVISOR_PID"
	only_new_reads v3
	load_meets v3
	load_end
}

# What poll() has said of another descriptor with its number is not said of it. Without a client, for what is read
# makes itself noticed.
polls_first() {
	serve_datagrams --wait=recv --poll-first
	for version in v2 v3; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		wait_for 10 log_has "generation ${version#v} .* ready"
		! log_has 'recvfrom|cannot read|died' || fail "it met an error: $(grep -E 'recvfrom|cannot read|died' "$TMP/flip.log")"
	done
	only_new_reads v3
}

control_datagrams
for mode in recv poll epoll mmsg; do
	echo "# $mode"
	FACE=run restarts "$mode"
	end_all
done
FACE=run polls_first
end_all
FACE=bare restarts recv
wait_for 15 old_are_gone
end_all
pass
