#!/bin/bash
# flip stop while the old server of a restart is to let go of its listeners: it waits for the end of the hand-over,
# however that goes, and is answered when the service has stopped, and not with the result of the restart.
. "$(dirname "$0")/lib.sh"

# The old one is halted in the hand-over, and flip stop asked: false if that came too late.
is_asked_in_time() {
	KEEP_JOB=1 serve /usr/bin/python3 "$ROOT/tests/integration/saves.py" "$PORT" "$TMP" 0
	old=$(pid_now)
	touch "$TMP/init" "$TMP/saves"
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	new=$(generation_pid 2)
	kill -STOP "$old"
	start_goes_on
	wait_for 5 log_has 'upgrading, ready: retiring'
	"$FLIP" stop "$SUPERVISOR_PID" >"$TMP/stop" 2>&1 &
	stop_job=$!
	wait_for 5 log_has '[a-z]+, stop: '
	log_has 'retiring, stop: retiring'
}

# The new one is killed as well, before the hand-over is over.
is_killed_in_time() {
	is_asked_in_time || return
	kill -KILL "$new"
	wait_for 5 log_has 'retiring, (new-failed|retired): '
	log_has 'retiring, new-failed: serving'
}

# flip waits for the halted one for two seconds.
in_time() {
	for _ in {1..10}; do
		"$1" && return
		end_all
	done
	fail "not within the time of the hand-over: $1"
}

# expect_stopped SERVER: it is the last one. flip stop waits for its end.
expect_stopped() {
	wait_for 5 test -e "$TMP/told.$1"
	is_running "$stop_job" || fail "flip stop did not wait for the end of the service: $(cat "$TMP/stop")"
	rm "$TMP/saves"
	wait_for 5 not is_running "$stop_job"
	wait "$stop_job"
	expect_eq 0 $? "exit code of flip stop ($(cat "$TMP/stop"))"
	expect_match '^stopped: ' "$(tail -n 1 "$TMP/stop")" "what flip stop says"
	[ "$FACE" = bare ] || expect_exit 0 "$FLIP_PID"
	wait_for 5 processes_are ''
}

restarted() {
	in_time is_asked_in_time
	kill -CONT "$old"
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job" || fail "flip restart: $(cat "$TMP/restart")"
	expect_match "^generation 2 \\(pid $new\\) ready in" "$(tail -n 1 "$TMP/restart")" "what flip restart says"
	expect_stopped "$new"
}

new_one_fails() {
	in_time is_killed_in_time
	kill -CONT "$old"
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job" && fail "flip restart claims success: $(cat "$TMP/restart")"
	expect_stopped "$old"
}

export FLIP_VERBOSE=1
in_both_faces restarted
in_both_faces new_one_fails
pass
