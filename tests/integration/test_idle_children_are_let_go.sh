#!/bin/bash
# Children that have the listener and never touch it hold nothing up and let go of it, too: after a stop
# nobody is left who listens. A child that was cloned past every library also has its parent's line
# to flip: the parent's end is noticed all the same.
. "$(dirname "$0")/lib.sh"

listens() {
	ss -Htln "( sport = :$PORT )" | grep -q .
}

children_let_go() {
	local child children
	serve_versions server --strict --wait=idle-children --threads=3 --outlive "$@"
	children=$(pgrep -P "$(pid_now)")
	[ "$(wc -w <<<"$children")" = 3 ] || fail "these are no three children: $children"
	load_start --pause-ms=1
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_eq v2 "$(tag_now)"
	load_end
	wait_for 5 old_are_gone
	for child in $children; do
		wait_for 5 not is_running "$child"
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 not listens
	wait_for 5 processes_are ''
}

# SIGKILL to a server whose child goes on.
death_is_noticed() {
	local server children
	KEEP_JOB=1 serve server --wait=idle-children --threads=1 --raw-clone --outlive
	server=$(pid_now)
	children=$(pgrep -P "$server")
	kill -KILL "$server"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	is_running "$children" || fail "the child has ended as well"
}

control_without_flip
in_both_faces children_let_go
in_both_faces children_let_go --raw-clone
in_both_faces death_is_noticed
pass
