#!/bin/bash
# A server on MPTCP, whose clients may use TCP as well, is restarted as any other.
. "$(dirname "$0")/lib.sh"

multipath=$(python3 -c 'import socket; socket.socket(proto=socket.IPPROTO_MPTCP)' 2>&1) ||
	{ echo "no MPTCP here: ${multipath##*$'\n'}"; pass; }

restarts() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" multipath "$PORT" "$TMP/tag"
	load_start --pause-ms=2
	restart_to v2 v3
	load_end
}

in_both_faces restarts
pass
