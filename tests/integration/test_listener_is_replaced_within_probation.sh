#!/bin/bash
# A SO_REUSEPORT server that goes over to a fresh listener every 0.3 s, as one that re-reads its
# configuration: after a restart none of its clients is left in the copy of one that it has closed.
. "$(dirname "$0")/lib.sh"

# Nor would any be lost to the server itself when it closes one that a client has just come to.
echo 1 >/proc/sys/net/ipv4/tcp_migrate_req || fail "cannot set tcp_migrate_req"

replaced_twice_by() {
	[ "$(grep -c "^$1\$" "$TMP/replaced")" -ge 2 ]
}

# The probation, in which there are copies, outlasts the patience of the clients.
restarts() {
	tag_set v1
	: >"$TMP/replaced"
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" replaces "$PORT" "$TMP/tag" \
		"$TMP/replaced"
	load_start --pause-ms=2 --timeout-ms=2000
	for tag in v2 v3; do
		tag_set $tag
		restart "$SUPERVISOR_PID"
		wait_for 10 replaced_twice_by $tag
		wait_for 5 tag_is $tag
	done
	load_end
}

export FLIP_PROBATION=4s
restarts
pass
