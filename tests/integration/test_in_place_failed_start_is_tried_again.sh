#!/bin/bash
# In place the next one fails to start: the restart says so, the sockets stay open, clients wait and
# are not refused, and it is tried again until it works.
. "$(dirname "$0")/lib.sh"

tries_again() {
	serve_versions server --wait=epoll
	behave "$@"
	tag_set v2
	load_start --pause-ms=5 --timeout-ms=20000
	restart_refused 'before it was ready|not ready within 300 ms' "$SUPERVISOR_PID"
	expect_match 'nobody serves, clients wait, and it is tried again in 100 ms$' "$OUTPUT"
	wait_for 10 log_has 'nobody serves, clients wait, and it is tried again in 400 ms$'
	wait_for 5 status_has '^nobody serves for [0-9]+ ms: clients wait; the next try follows in'
	expect_match ': waiting, ' "$OUTPUT" "state"
	expect_match 'last: generation [0-9]+ ' "$OUTPUT" "reason"
	# A client that comes now is not refused: it waits.
	ask "$PORT" patient >"$TMP/patient" &
	patient=$!
	wait_for 5 has_queued 5 # more than the load's own four
	behave
	# Repaired, it comes by itself.
	wait_for 15 status_has ': serving,'
	wait "$patient" || fail "the client that waited lost its request"
	expect_match '^v2 [0-9]+ patient$' "$(cat "$TMP/patient")" "its answer"
	load_meets v2
	load_end
	tag_set v3
	restart "$SUPERVISOR_PID"
	expect_eq v3 "$(tag_now)"
	rm -f "$TMP/flip.log.seen"
}

# Nobody need wait for the next try: a restart is one.
tries_at_once() {
	serve_versions server --wait=epoll
	behave --exit-at-start=3
	restart_refused 'exited with status 3' "$SUPERVISOR_PID"
	wait_for 20 log_has 'tried again in 3200 ms$'
	behave
	tag_set v2
	begun=$(now_ms)
	restart "$SUPERVISOR_PID"
	[ $(($(now_ms) - begun)) -lt 2000 ] || fail "the restart waited"
	expect_eq v2 "$(tag_now)"
}

export FLIP_IN_PLACE=1
FACE=run
tries_again --exit-at-start=3
end_all
tries_again --crash-at-start --at=listen
end_all
FLIP_READY_TIMEOUT=300ms tries_again --hang-at-start --at=bind
end_all
FACE=bare
tries_again --exit-at-start=0
end_all
in_both_faces tries_at_once
unset FLIP_IN_PLACE

# Without flip: a server that was stopped and does not start leaves clients refused.
start_server server
stop_server
ask && fail "the control without flip still answers"
pass
