#!/bin/bash
# Workers that are forked between bind() and listen(), or between bind() and the first recv(): from a restart's
# end none of the old ones serves, whoever of them has told flip anything.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/datagrams.sh"

start_habit() {
	tag_set v1
	launch "$TMP/flip.log" "$FLIP" run -- /usr/bin/python3 "$ROOT/tests/integration/listeners.py" \
		"$1" "$PORT" "$TMP/tag"
	FLIP_PID=$LAUNCHED_PID SUPERVISOR_PID=$LAUNCHED_PID
	wait_for 10 "$2" v1
	wait_for 10 status_has ': serving,'
}

is_answered_by() {
	[ "$(tag_now)" = "$1" ]
}

control_without_flip
start_habit forks_when_bound is_answered_by
load_start
for version in v2 v3 v4; do
	sleep 0.2	# the second worker comes later
	tag_set $version
	restart "$SUPERVISOR_PID"
	[[ $OUTPUT != *'cannot be told'* ]] || fail "restart: $OUTPUT"
	expect_answers 100 "$version:[0-9]+" 'who answers'
	wait_for 10 old_are_gone
done
load_stop
expect_eq 0 "$LOAD_FAILED" 'failed requests'
end_all

start_habit forks_when_bound_udp datagram_tag_is
load_start "${UDP[@]}"
for version in v2 v3; do
	sleep 0.3
	tag_set $version
	restart "$SUPERVISOR_PID"
	only_new_reads $version 60
done
load_end
pass
