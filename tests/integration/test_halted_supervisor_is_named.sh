#!/bin/bash
# A supervisor that is halted (^Z) answers nothing: no command waits for it, and each says how to go on.
. "$(dirname "$0")/lib.sh"

is_halted() {
	grep -q '^State:.T' "/proc/$SUPERVISOR_PID/status"
}

is_named() {
	local command
	serve_versions server --wait=thread
	kill -STOP "$SUPERVISOR_PID"
	wait_for 5 is_halted
	for command in restart stop status; do
		flip $command "$SUPERVISOR_PID" && fail "$command: $OUTPUT"
		expect_match "supervisor of server \\(pid $SUPERVISOR_PID\\) is halted; .*kill -CONT $SUPERVISOR_PID" \
			"$OUTPUT" "$command"
	done
	tag_is v1 || fail "it does not serve on"
	kill -CONT "$SUPERVISOR_PID"
	restart_to v2
}

in_both_faces is_named
pass
