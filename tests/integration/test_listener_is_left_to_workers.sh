#!/bin/bash
# A master closes its listener when its workers have it, and of those the one dies that flip knows: the
# listener is handed over all the same, and at a stop no worker meets an error.
. "$(dirname "$0")/lib.sh"

# N: kills those workers of generation N that have joined; one that has not is left.
lose_members() {
	local master pid victims=''
	status_has "^generation $1 "
	master=$(generation_pid "$1")
	for pid in $(sed -n "s/.*process \([0-9]*\) joins generation $1\$/\1/p" "$TMP/flip.log"); do
		[ "$pid" = "$master" ] || victims+=" $pid"
	done
	[ -n "$victims" ] || fail "generation $1: no worker has joined"
	kill -KILL $victims
	# One that is just woken for a client takes it along.
	for pid in $victims; do
		wait_for 10 not is_running "$pid"
	done
	expect_answers 20 "v$1:[0-9]+" "who answers when a worker is dead"
}

left_to_workers() {
	FLIP_VERBOSE=2 serve_versions server --strict --threads=4 --close-listener "$@"
	for n in 1 2; do
		lose_members $n
		load_start
		restart_to v$((n + 1))
		load_stop
		expect_eq 0 "$LOAD_FAILED" "$*: failed requests"
	done
	lose_members 3
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	! grep -q 'temporarily unavailable' "$TMP/flip.log" || fail "$*: a worker met an error"
}

control_without_flip
for mode in prefork prefork-epoll prefork-poll; do
	in_both_faces left_to_workers --wait=$mode
done
pass
