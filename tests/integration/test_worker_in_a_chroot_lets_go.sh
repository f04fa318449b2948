#!/bin/bash
# A worker that inherits its listener by exec, and changes its root to an empty directory before it
# waits: after a restart it takes no client, though none has come to it before.
. "$(dirname "$0")/lib.sh"

mkdir "$TMP/empty"
[ "$(id -u)" = 0 ] && chroot "$TMP/empty" /nothing 2>/dev/null
[ $? = 127 ] || { echo "cannot change the root directory here"; pass; }

# The first generation is asked by serve(); the second one is replaced before a client comes.
restarts() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" worker_in_a_chroot "$PORT" \
		"$TMP/tag" "$TMP/empty"
	restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_answers 50 'v2:[0-9]+'
	load_start --pause-ms=1
	restart_to v3
	load_end
}

export FLIP_READY_TIMEOUT=8s
in_both_faces restarts
pass
