#!/bin/bash
# A server that has let go of its listener asks what kind of socket that is, as Net::Server of perl does before
# each accept(): it hears what it has made, and what a program hears without flip.
. "$(dirname "$0")/lib.sh"

asks() {
	serve_versions server --strict --keepalive --asks "$@"
	hold 7
	expect_match '^v1 ' "$ANSWER" "$*: before the restart"
	tag_set v2
	restart "$SUPERVISOR_PID"
	hold_ask 7
	expect_match '^v1 .* held' "$ANSWER" "$*: open connection of the old one"
	hold_end 7
	wait_for 10 old_are_gone
	expect_answers 20 'v2:[0-9]+' "$*: who answers"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
}

control_without_flip
for mode in thread epoll prefork; do
	in_both_faces asks --wait=$mode
done
pass
