#!/bin/bash
# SIGTERM to flip run while --precheck runs, and the server takes a moment to end: that is the end of the
# restart, which says so; no new generation comes, and flip ends with the server.
. "$(dirname "$0")/lib.sh"

ends() {
	printf 'touch "%s"\nwhile [ -e "%s" ]; do sleep 0.02; done\n' "$TMP/begun" "$TMP/runs" >"$TMP/check"
	touch "$TMP/runs" "$TMP/saves"
	rm -f "$TMP/begun" "$TMP"/told.*
	KEEP_JOB=1 start_flip --precheck="sh $TMP/check" "$@" -- \
		/usr/bin/python3 "$ROOT/tests/integration/saves.py" "$PORT" "$TMP" 7
	wait_until_serving
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 test -e "$TMP/begun"
	kill -TERM "$FLIP_PID"
	wait_for 5 compgen -G "$TMP/told.*"
	rm "$TMP/runs"	# if it still ran, the restart would go on
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job"
	expect_eq 1 $? "exit code of flip restart ($(cat "$TMP/restart"))"
	expect_match 'signal 15 ended the upgrade' "$(cat "$TMP/restart")" "the answer"
	rm "$TMP/saves"
	expect_exit 7 "$FLIP_PID"
	wait_for 5 processes_are ''
	log_has 'generation 2' && fail "$*: a new generation came: $(grep 'generation 2' "$TMP/flip.log")"
	end_all
}

ends --overlap
ends --in-place
pass
