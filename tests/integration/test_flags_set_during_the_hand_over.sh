#!/bin/bash
# A server sets and clears O_NONBLOCK of its listener round each accept(), and its first hand-over comes in
# the midst of that: what the program has said last is what its accept() does. It would wait there for a
# second client otherwise, while it has the only one.
. "$(dirname "$0")/lib.sh"

slow=$BUILD/tests/servers/libslow_flags.so

toggles() {
	LD_PRELOAD=$slow FACE=run serve_versions server --wait="$1" --toggle
	load_start --clients=1 --hold-ms=20
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	wait_for 10 old_are_gone
	load_end
	end_all
}

[ -e "$slow" ] || fail "there is no $slow"
control_without_flip
for n in $(seq 8); do
	toggles epoll
	toggles epoll-exclusive
done
pass
