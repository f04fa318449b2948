#!/bin/bash
# A server that may not look at its own descriptors any more (landlock(7)) cannot let go of its listeners: a restart is
# refused and costs nothing, and a stop does not wait for a drain that would never be over.
. "$(dirname "$0")/lib.sh"

stops() {
	serve "${server[@]}"
	load_start
	restart_refused 'process [0-9]+ of generation 1 cannot hand over its listeners: Permission denied'
	tag_is v1 || fail "the old one serves no longer"
	load_stop
	expect_eq 0 "$LOAD_FAILED" "failed requests"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	expect_match 'generation 1 may not look at its own descriptors: it is sent the stop signal' "$OUTPUT" "stop"
	wait_for 5 processes_are ''
}

has_landlock() {
	/usr/bin/python3 -c 'import ctypes; exit(ctypes.CDLL(None).syscall(444, 0, 0, 1) < 1)' # the version it has
}

if ! has_landlock; then
	echo "this kernel has no Landlock: nothing can be confined by it"
	pass
fi
tag_set v1
server=(/usr/bin/python3 "$ROOT/tests/integration/listeners.py" confines_its_access_to_files "$PORT" "$TMP/tag")
in_both_faces stops
pass
