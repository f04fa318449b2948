#!/bin/bash
# An epoll set that lies in another one, or that poll() or select() waits for (Ruby's EventMachine, libraries
# in somebody else's loop): waiting is seen at once, though there is no client who would make it ask the set.
. "$(dirname "$0")/lib.sh"

restarts() {
	local version
	serve_versions server --wait="$1" --strict
	for version in v2 v3; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		expect_eq $version "$(tag_now)" "$1: who answers"
		wait_for 10 old_are_gone
	done
	! log_has 'was not seen to wait' || fail "$1: it was not seen to wait"
	end_all
}

export FLIP_READY_TIMEOUT=8s
for mode in epoll-nested poll-nested select-nested; do
	restarts $mode
done
FACE=bare restarts poll-nested
pass
