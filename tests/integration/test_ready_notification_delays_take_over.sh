#!/bin/bash
# A program that has sent READY=1 (sd_notify) is ready when it sends it, not when it first waits: until
# then the old one serves, alone. One that never did is ready at its first wait.
. "$(dirname "$0")/lib.sh"

export FLIP_VERBOSE=1

# waits N: generation N waits for clients, and that was told.
waits() {
	log_has "^flip.* of generation $1: WAITING"
}

# upgrade N WHEN MS: to v2, generation N, that sends READY=1 only MS after it is able to wait. Sets
# took.
upgrade() {
	local generation=$1 began
	behave --notify-ms="$3"
	tag_set v2
	began=$(now_ms)
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart.log" 2>&1 &
	restart_job=$!
	wait_for 5 waits "$generation"
	if [ "$2" = delayed ]; then
		# Not later: it was started after 'began'.
		while [ "$(($(now_ms) - began))" -lt 700 ]; do
			expect_eq v1 "$(tag_now)" "who answers before READY=1"
			sleep 0.02
		done
	fi
	wait "$restart_job" || fail "restart: $(cat "$TMP/restart.log")"
	took=$(($(now_ms) - began))
	wait_for 5 tag_is v2
}

follows() {
	serve_versions server --wait=epoll --strict "$@"
	behave --notify-ms=0
	# In the bare face the first server has no socket of flip's to say it to.
	[ "$FACE" = run ] || restart "$SUPERVISOR_PID"
	restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	load_start
	upgrade "$([ "$FACE" = run ] && echo 3 || echo 4)" delayed 900
	load_meets v2
	load_end
	[ "$took" -ge 850 ] || fail "ready after $took ms, before it said so"
}

# The control: the same version after one that says nothing.
does_not_wait() {
	serve_versions server --wait=epoll --strict
	load_start
	upgrade 2 at-once 3000
	load_end
	[ "$took" -lt 2800 ] || fail "ready after $took ms, though it waited long before"
	wait_for 5 log_has 'generation 2 notifies: ready'
	# It was noted nonetheless: from now on that counts.
	upgrade 3 at-once 900
	[ "$took" -ge 850 ] || fail "ready after $took ms, before it said so"
}

in_both_faces follows
in_both_faces does_not_wait
control_without_flip
pass
