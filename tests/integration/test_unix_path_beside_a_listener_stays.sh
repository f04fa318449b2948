#!/bin/bash
# A Unix socket of datagrams that a server has beside its listener is each version's own. The old one removes the
# path when it ends: by then it is the new one's, and stays. At a stop it goes. One that no other version has goes
# with its own.
. "$(dirname "$0")/lib.sh"

# Who answers by the path.
tag_by_path() {
	/usr/bin/python3 - "$TMP/socket" <<-'END'
		import socket, sys
		asking = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		asking.settimeout(5)
		asking.bind("")
		asking.sendto(b"hello", sys.argv[1])
		print(asking.recv(512).split()[0].decode())
	END
}

path_stays() {
	local version former=v1
	tag_set v1
	serve "${server[@]}"
	expect_eq v1 "$(tag_by_path)" "who answers"
	for version in v2 v3; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		wait_for 10 old_are_gone
		expect_eq $version "$(tag_by_path)" "who answers when the old one has gone"
		[ -S "$TMP/socket.$version" ] || fail "the new one's own path is gone"
		[ ! -e "$TMP/socket.$former" ] || fail "the path of $former's own is still there"
		former=$version
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	[ -z "$(ls "$TMP" | grep socket)" ] || fail "a path is still there after the stop"
}

server=(/usr/bin/python3 "$ROOT/tests/integration/listeners.py" has_a_unix_socket_of_datagrams "$PORT" "$TMP/tag"
	"$TMP/socket")
in_both_faces path_stays
end_all

# Without flip the second server's path is gone when the first one has ended.
tag_set v1
launch "$TMP/server.log" "${server[@]}"
first=$LAUNCHED_PID
wait_for 10 tag_is v1
PORT=$((PORT + 1))
server[3]=$PORT
tag_set v2
launch "$TMP/server.log" "${server[@]}"
wait_for 10 tag_is v2
kill -TERM "$first"
wait_for 10 not is_running "$first"
[ ! -e "$TMP/socket" ] || fail "the control without flip lost nothing"
pass
