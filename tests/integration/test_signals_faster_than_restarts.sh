#!/bin/bash
# SIGHUP again and again, faster than any restart: each makes a generation or is refused, no client
# notices, and afterwards everything is as before. So with requests, one as soon as the other is answered.
. "$(dirname "$0")/lib.sh"

storm_without_flip() {
	for _ in 1 2 3; do
		control_stop_start
	done
}

restarts_made() {
	flip status "$SUPERVISOR_PID" && sed -n 's/.*, \([0-9]*\) restarts\{0,1\}$/\1/p' <<<"$OUTPUT"
}

has_made() {
	[ "$(restarts_made)" -ge "$1" ]
}

# Several in a row, many times a second, until so many generations were made.
storm() {
	signals &
	wait_for 20 has_made "$1"
	kill "$!"
	wait "$!"
}

signals() {
	local pid=$FLIP_PID
	while is_running $$; do
		[ "$FACE" = run ] || pid=$(pid_now)
		for _ in 1 2 3 4 5; do
			kill -HUP "$pid" 2>/dev/null
		done
		pause
	done
}

ends_clean() {
	load_end
	wait_for 10 old_are_gone
	restart "$SUPERVISOR_PID"
	wait_for 10 old_are_gone
	wait_for 5 descriptors_are "$SUPERVISOR_PID" "$descriptors_before"
	expect_eq 2 "$(process_count)" "processes"
}

survives() {
	local made
	serve server --wait=epoll
	restart "$SUPERVISOR_PID"
	wait_for 10 old_are_gone
	descriptors_before=$(descriptors_at_rest "$SUPERVISOR_PID")
	load_start --pause-ms=1
	storm 20
	log_has 'refused: ' || fail "the storm was none: nothing was refused"
	made=$(restarts_made)
	for _ in $(seq 100); do
		flip restart "$SUPERVISOR_PID" && continue
		expect_match 'upgrade in progress|old generation has not exited' "$OUTPUT" "refusal"
		wait_for 5 old_are_gone
	done
	echo "$FACE: $made by signals, $(($(restarts_made) - made)) of 100 requests"
	[ $(($(restarts_made) - made)) -ge 60 ] || fail "of 100 requests too many were refused"
	ends_clean
}

control_without_flip storm_without_flip
in_both_faces survives
pass
