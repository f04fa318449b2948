#!/bin/bash
# A server that locks its pid file will not have a second one beside it: flip does not get round that.
# The reason is told, and the file is as it was, though it was opened to be truncated.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pidfiles.sh"

refuses() {
	serve_versions server --wait=epoll --term=graceful --pidfile="$file" --pidfile-style=lock
	wait_for 5 names "$(pid_now)"
	watch_start
	restart_refused 'exited with status 4 before it was ready.*generation 1 serves on' "$SUPERVISOR_PID"
	watch_end lock
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ ! -e "$file" ] || fail "lock: still there after the stop"
}

in_both_faces refuses

# One that waits for the lock is never ready: what it waits for is told.
tag_set v1
FLIP_READY_TIMEOUT=1s serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" waits_for_its_lock "$PORT" "$TMP/tag"
restart_refused 'timed out.*has locked their pid file.*use --in-place' "$SUPERVISOR_PID"
end_all

# Without flip the second one empties it before it finds the lock.
start_server server --pidfile="$file" --pidfile-style=lock
"$SERVER" --listen=127.0.0.1:8081 --pidfile="$file" --pidfile-style=lock 2>>"$TMP/second.log"
expect_eq 4 $? "exit code of the second"
[ ! -s "$file" ] || fail "the control without flip did not empty it"
pass
