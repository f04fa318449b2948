#!/bin/bash
# A new version starts a helper, which is another program, passes it a listener that it has just
# made, and waits for its answer before it serves: nobody takes that listener for one of the old
# version, whose clients have to wait. (Python's multiprocessing, method forkserver.)
. "$(dirname "$0")/lib.sh"

restarts() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" asks_its_helper "$PORT" "$TMP/tag"
	load_start --pause-ms=2
	for tag in v2 v3; do
		tag_set $tag
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is $tag
	done
	load_end
}

export FLIP_READY_TIMEOUT=8s TMPDIR=$TMP # what a killed server leaves goes with it
in_both_faces restarts
pass
