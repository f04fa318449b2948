#!/bin/bash
# A program that listens, but waits by system calls of its own, is ready after a settle time; one that
# waits late is not taken for such a one: its successor takes over when it does wait.
. "$(dirname "$0")/lib.sh"

settles() {
	serve_versions server --wait=raw --strict
	log_has 'generation 1 listens, but was not seen to wait for clients; taken for ready' ||
		fail "generation 1 is ready without that being told"
	load_start
	tag_set v2
	began=$(now_ms)
	restart "$SUPERVISOR_PID"
	took=$(($(now_ms) - began))
	[ "$took" -ge 1900 ] || fail "ready after $took ms"
	wait_for 5 tag_is v2
	wait_for 5 old_are_gone
	load_meets v2
	load_end
}

# Generation 1 is taken for ready before it waits; that it does wait is noticed afterwards.
waits_late() {
	serve_versions server --wait=epoll --strict --init-ms=3000
	log_has 'generation 1 listens, but was not seen to wait' || fail "generation 1 waited too soon"
	load_start
	tag_set v2
	began=$(now_ms)
	restart "$SUPERVISOR_PID"
	took=$(($(now_ms) - began))
	[ "$took" -ge 2950 ] || fail "ready after $took ms, while it could not answer"
	wait_for 5 tag_is v2
	load_end
}

in_both_faces settles
FACE=run
waits_late
end_all
control_without_flip control_stop_start --wait=raw
pass
