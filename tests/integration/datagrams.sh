# What the tests of datagrams share. Source it after lib.sh.

DATAGRAM=$BUILD/tests/servers/datagram
UDP=(--to="udp:127.0.0.1:$PORT" --request=hello --expect='^(v[0-9]+) ([0-9]+) hello$')

# ask_datagram: print the answer's "TAG PID", or nothing.
ask_datagram() {
	"$LOAD" "${UDP[@]}" --clients=1 --requests=1 --timeout-ms=1000 2>>"$TMP/ask.log" |
		sed -n 's/.* by=\([^:]*\):\([0-9]*\)=1 .*/\1 \2/p'
}

datagram_tag_is() {
	[[ $(ask_datagram) == "$1 "* ]]
}

# serve_datagrams OPTIONS: in the face FACE, with a tag file (v1).
serve_datagrams() {
	tag_set "${FIRST_TAG:-v1}"
	set -- "$DATAGRAM" --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" --fail-file="$TMP/fail" "$@"
	launch_in_face "$@"
	wait_for 10 datagram_tag_is v1
	wait_until_serving
}

# only_new_reads TAG [COUNT]: of that many queries none is answered by another version.
only_new_reads() {
	for _ in $(seq "${2:-15}"); do
		datagram_tag_is "$1" || fail "an old version answered, or none: $(ask_datagram)"
	done
}

control_datagrams() {
	tag_set v1
	launch "$TMP/server.log" "$DATAGRAM" --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" "$@"
	SERVER_PID=$LAUNCHED_PID
	wait_for 10 datagram_tag_is v1
	load_start "${UDP[@]}" --timeout-ms=1000
	stop_server
	load_meets_nobody
	launch "$TMP/server.log" "$DATAGRAM" --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" "$@"
	SERVER_PID=$LAUNCHED_PID
	wait_for 10 datagram_tag_is v1
	load_stop
	stop_server
	[ "$LOAD_FAILED" -gt 0 ] || fail "the control without flip lost nothing: $TALLY"
	echo "control without flip: $LOAD_FAILED of $(load_field sent) failed"
	rm -f "$TMP/load.log"
}
