#!/bin/bash
# TERM to flip run ends the service, whatever is asked for at the same time: a restart right behind it, a hand-over that
# is under way, whose new version finishes what it has taken, or a stop, which is answered with success.
. "$(dirname "$0")/lib.sh"

restart_behind_it() {
	for pause in 0 0 0.0005 0.001 0.0015 0.002 0 0.0005 0.001 0.0015 0.002 0.003; do
		KEEP_JOB=1 start_flip --probation=0 -- server --wait=epoll "$@"
		kill -TERM "$FLIP_PID"
		[ "$pause" = 0 ] || sleep "$pause"
		kill -HUP "$FLIP_PID" 2>/dev/null
		wait_for 5 not is_running "$FLIP_PID"
		wait_for 5 processes_are ''
		end_all
	done
}

in_the_hand_over() {
	local old clients=()
	behave
	tag_set v1
	KEEP_JOB=1 start_flip -v -- server --wait=thread --term=graceful --work-ms=300 --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour"
	old=$(pid_now)
	tag_set v2
	start_is_held
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart" 2>&1 &
	wait_for 5 log_has 'generation 2 .* started'
	kill -STOP "$old"
	start_goes_on
	wait_for 10 log_has 'upgrading, ready: retiring'
	for number in 1 2 3 4; do
		ask >"$TMP/answer.$number" &
		clients+=($!)
	done
	sleep 0.1	# the new version has them
	kill -TERM "$FLIP_PID"
	sleep 0.05
	kill -CONT "$old"
	wait "${clients[@]}"
	expect_eq 4 "$(cat "$TMP"/answer.* | grep -c '^v2 ')" "clients that the new version answered"
	wait_for 5 not is_running "$FLIP_PID"
	wait_for 5 processes_are ''
	end_all
}

with_a_stop() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		KEEP_JOB=1 start_flip -- server --wait=epoll
		rm -f "$TMP/stop"
		"$FLIP" stop "$FLIP_PID" >"$TMP/stop" 2>&1 &
		stop_job=$!
		wait_for 5 stop_has_begun
		kill -TERM "$FLIP_PID" 2>/dev/null
		wait "$stop_job"
		expect_eq 0 $? "exit code of flip stop ($(cat "$TMP/stop"))"
		wait_for 5 processes_are ''
		end_all
	done
}

stop_has_begun() {
	[ -s "$TMP/stop" ]
}

restart_behind_it
restart_behind_it --term=graceful
in_the_hand_over
with_a_stop
pass
