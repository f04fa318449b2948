#!/bin/bash
# An event loop whose listener blocks, and that is about to accept when its generation lets go, goes
# on with its connections: it is not left waiting in accept().
. "$(dirname "$0")/lib.sh"

goes_on() {
	serve_versions server --wait="$1" --strict
	load_start --timeout-ms=1500
	for number in $(seq 2 15); do
		tag_set "v$number"
		restart "$SUPERVISOR_PID"
		wait_for 5 old_are_gone
		load_meets "v$number"
	done
	load_end
	expect_eq 15 "$(load_responders)" "processes that answered"
	end_all
}

FACE=run
for mode in epoll-blocking poll-blocking select-blocking; do
	goes_on $mode
done
pass
