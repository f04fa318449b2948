#!/bin/bash
# What servers do before they serve (close loops, a cleared environment, chroot, setuid, probes, epoll
# before bind, ...): each is restarted under load, and loses nothing.
. "$(dirname "$0")/lib.sh"

HABITS_SERVER=$BUILD/tests/servers/habits

restarts() {
	tag_set v1
	serve "$HABITS_SERVER" "$habit" "$PORT" "$TMP/tag"
	# Without a client, for one would make itself noticed.
	tag_set v1b
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v1b
	load_start --pause-ms=1
	for tag in v2 v3; do
		tag_set $tag
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is $tag
	done
	load_stop
	echo "$FACE, $habit: $TALLY" | cut -c 1-150
	expect_eq 0 "$LOAD_FAILED" "$habit: failed requests"
	expect_no_settle_time "$habit"
	wait_for 10 old_are_gone
	end_all
}

control_without_flip
for habit in $("$HABITS_SERVER"); do
	FACE=run restarts
done
for habit in close-loop clear-environment chroot-after-listen setuid-after-listen; do
	FACE=bare restarts
done
pass
