#!/bin/bash
# In place, a program that says itself when it is ready (READY=1) takes no client before: postgres, for
# one, turns them away until then.
. "$(dirname "$0")/lib.sh"

waits() {
	log_has "^flip.* of generation 2: WAITING"
}

export FLIP_IN_PLACE=1 FLIP_VERBOSE=1
FACE=run
for mode in accept epoll poll-blocking threads; do
	tag_set v1
	behave --notify-ms=0
	serve server --wait="$mode" --strict --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	wait_for 5 log_has 'generation 1 notifies: ready'
	behave --notify-ms=1500
	tag_set v2
	load_start
	began=$(now_ms)
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart.log" 2>&1 &
	restart_job=$!
	wait_for 5 waits
	# It could, but whoever asks now waits until it is ready.
	expect_eq v2 "$(tag_now)" "$mode: who answers"
	took=$(($(now_ms) - began))
	wait "$restart_job" || fail "$mode: restart: $(cat "$TMP/restart.log")"
	load_end
	[ "$(load_field max_us)" -lt 8000000 ] || fail "$mode: a client waited too long: $TALLY"
	[ "$took" -ge 1450 ] || fail "$mode: answered after $took ms, before it was ready"
	end_all
done

# The control: one that has never said so serves as soon as it waits.
serve_versions server --wait=epoll
tag_set v2
behave --notify-ms=1500
began=$(now_ms)
restart "$FLIP_PID"
expect_eq v2 "$(tag_now)"
[ $(($(now_ms) - began)) -lt 1400 ] || fail "the control waited, too"
pass
