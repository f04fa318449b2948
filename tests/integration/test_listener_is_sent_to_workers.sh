#!/bin/bash
# A master sends its listener to workers that came without one (SCM_RIGHTS): forked or started as programs
# before there was any, or later. They are waited for, let go of it and take over like others.
. "$(dirname "$0")/lib.sh"

worker_of() {
	tr ' ' '\n' <"/proc/$1/task/$1/children" | grep . | head -n 1
}

sent_to_workers() {
	local master worker
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" sends "$PORT" "$TMP/tag" "$1"
	status_has '^generation 1 \(pid ([0-9]+)\)'
	master=$(generation_pid 1)
	if [ "$1" = late ]; then
		worker=$(worker_of "$master")
		kill -KILL "$worker"
		wait_for 10 not is_running "$worker"
		expect_answers 20 'v1:[0-9]+' "$1: who answers when a worker is dead"
	fi
	load_start
	restart_to v2 v3
	load_stop
	echo "$FACE, $1: $TALLY" | cut -c 1-150
	expect_eq 0 "$LOAD_FAILED" "$1: failed requests"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	! grep -q Traceback "$TMP/flip.log" || fail "$1: a worker met an error"
	expect_no_settle_time "$1"
	end_all
}

# With the library alone such a worker cannot be told anything, which flip says.
is_said_where_it_cannot_be() {
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" sends "$PORT" "$TMP/tag" kept
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_match 'process [0-9]+ of generation 1 has its listener, too, and cannot be told' "$OUTPUT"
	end_all
}

control_without_flip
for when in forked executed kept late; do
	FACE=run sent_to_workers $when
done
FACE=bare is_said_where_it_cannot_be
pass
