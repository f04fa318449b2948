#!/bin/bash
# A listener on port 0 has a port of its own in each generation and holds no restart up.
. "$(dirname "$0")/lib.sh"

port_0() {
	tag_set v1
	serve server --wait=epoll --listen="127.0.0.1:$PORT" --listen=127.0.0.1:0 \
		--tag-file="$TMP/tag"
	load_start --pause-ms=1
	for number in 2 3; do
		tag_set v$number
		restart "$SUPERVISOR_PID"
		port=$(sed -n 's/^listener 127.0.0.1:\([0-9]*\)$/\1/p' <<<"$("$FLIP" status)" |
			grep -v "^$PORT\$")
		expect_match "^v$number " "$(ask "$port")" "the ephemeral port $port"
	done
	load_end
	wait_for 5 old_are_gone
	expect_no_settle_time
	expect_eq 2 "$(ss -Htln | wc -l)" "listening sockets"
}

# It has no other: that is for clients, and a stop closes it.
port_0_alone() {
	launch "$TMP/flip.log" "$FLIP" run -- "$SERVER" --wait=thread --work-ms=50 --listen=127.0.0.1:0
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 status_has '^listener 127.0.0.1:[0-9]+$'
	port=$(sed -n 's/^listener 127.0.0.1:\([0-9]*\)$/\1/p' <<<"$OUTPUT")
	load_start --to="127.0.0.1:$port"
	timeout 5 "$FLIP" stop "$FLIP_PID" || fail "it is not stopped while clients come"
	load_stop
	[ "$(load_field refused)" -gt 0 ] || fail "clients are not refused after the stop: $TALLY"
	rm -f "$TMP/load.log"
}

in_both_faces port_0
port_0_alone
pass
