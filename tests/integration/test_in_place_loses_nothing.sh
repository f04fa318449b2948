#!/bin/bash
# A program that must not run twice, restarted in place under load: its lock is never asked for while
# the old one has it, and clients wait for the next one instead of being refused.
. "$(dirname "$0")/lib.sh"

# flock keeps the lock in the process that it becomes, and exits with 9 if another has it.
locked=(flock --no-fork --nonblock --conflict-exit-code=9 "$TMP/lock")

heavy=()

in_place() {
	local i
	export FLIP_IN_PLACE=1
	tag_set v1
	# What was killed at the end of the one before may have it yet.
	flock --timeout 10 "$TMP/lock" true || fail "the lock is not free"
	serve "${locked[@]}" "${heavy[@]}" "$SERVER" --listen=127.0.0.1:"$PORT" --wait="$1" --strict \
		--term="$2" --tag-file="$TMP/tag"
	load_start
	for i in 2 3 4; do
		tag_set "v$i"
		restart "$SUPERVISOR_PID"
		expect_match "generation $i \(pid [0-9]+\) ready in [0-9]+ ms, in place" "$OUTPUT"
		wait_for 5 tag_is "v$i"
		load_meets "v$i"
	done
	load_end
	[ "$(load_field max_us)" -lt $((2000000 * PATIENCE)) ] || fail "a client waited too long: $TALLY"
	wait_for 5 old_are_gone
}

in_both_faces in_place epoll graceful
in_both_faces in_place accept default
in_both_faces in_place threads graceful
in_both_faces in_place prefork default

# The lock is the last of its files that a worker closes, and that takes its time.
heavy=(/usr/bin/python3 "$ROOT/tests/integration/heavy.py")
in_both_faces in_place prefork default
unset FLIP_IN_PLACE

# The same beside the old one: the lock refuses it.
FACE=run serve "${locked[@]}" "$SERVER" --listen=127.0.0.1:"$PORT"
restart_refused 'exited with status 9 before it was ready'
end_all
# And without flip the clients of the time in between are refused.
control_without_flip
pass
