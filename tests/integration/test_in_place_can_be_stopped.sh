#!/bin/bash
# In every moment in which nobody serves, a stop or a signal to end ends the service, and nothing is
# started any more.
. "$(dirname "$0")/lib.sh"

# in_state STATE: a restart in place that stays in that state for a while.
in_state() {
	KEEP_JOB=1 serve_versions server --wait=epoll --keepalive
	case $1 in
	vacating)
		hold 7
		;;
	filling)
		behave --init-before-bind-ms=20000
		;;
	waiting)
		behave --exit-at-start=3
		;;
	esac
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has ": $1,"
	[ "$1" != waiting ] || wait_for 5 log_has 'tried again in 400 ms'
}


export FLIP_IN_PLACE=1 FLIP_DRAIN_TIMEOUT=3s
FACE=run
for how in stop TERM QUIT; do
	for state in vacating filling waiting; do
		echo "# $how while $state"
		in_state "$state"
		generations=$(grep -c 'generation [0-9]* (pid [0-9]*) started' "$TMP/flip.log")
		case $how in
		stop) flip stop "$FLIP_PID" || fail "stop while $state: $OUTPUT" ;;
		*) kill -"$how" "$FLIP_PID" ;;
		esac
		wait_for 5 not is_running "$FLIP_PID"
		expect_eq "$generations" \
			"$(grep -c 'generation [0-9]* (pid [0-9]*) started' "$TMP/flip.log")" "starts"
		code=0
		[ "$how" != TERM ] || code=143
		case $state in
		vacating) hold_end 7 ;;
		waiting) code=3 ;;
		esac
		expect_exit "$code" "$FLIP_PID"
		wait_for 5 processes_are ''
		wait "$restart_job"
		expect_eq 1 $? "exit code of the restart: $(cat "$TMP/restart")"
		rm -f "$TMP/flip.log"
	done
done
unset FLIP_IN_PLACE

# The control: a restart that is not disturbed starts one.
in_state serving
wait "$restart_job" || fail "the control failed: $(cat "$TMP/restart")"
log_has 'generation 2 \(pid [0-9]+\) started' || fail "nothing was started"
pass
