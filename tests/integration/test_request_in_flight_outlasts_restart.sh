#!/bin/bash
# Requests that take longer than the hand-over are answered by the process that took them.
. "$(dirname "$0")/lib.sh"

control_without_flip control_stop_start --wait=thread --work-ms=200
keeps() {
	serve_versions server --wait="$1" --work-ms=200 "${@:2}"
	load_start
	tag_set v2
	restart "$SUPERVISOR_PID"
	seen=$OUTPUT
	tag_set v3
	restart "$SUPERVISOR_PID"
	seen+=$OUTPUT
	# Then all clients are with the third one, which has its listener from the second.
	wait_for 5 old_are_gone
	tag_set v4
	restart "$SUPERVISOR_PID"
	# All four may just have been answered, but hardly three times.
	expect_match 'generation [123] draining [1-4] connections?' "$seen$OUTPUT"
	wait_for 5 tag_is v4
	load_end
	wait_for 5 old_are_gone
	end_all
}
for mode in thread epoll poll accept; do
	keeps "$mode"
done
keeps epoll --listen-once
FACE=bare
keeps epoll
pass
