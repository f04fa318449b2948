#!/bin/bash
# A new version that crashes or exits while it is on probation: the old one comes back, in every way to
# wait; no client is refused, and only those lose that the bad version had taken. Then the next restart
# works, and a version that stands the test lets the old one go.
FLIP_PROBATION=20s
. "$(dirname "$0")/lib.sh"

# In probation the process that answers is killed while four clients ask; each has one request under
# way at most that the dead one may have taken.
rolls_back() {
	local mode=$1 old bad
	serve_versions server --wait="$mode" --strict
	old=$(pid_now)
	tag_set v2
	load_start --pause-ms=1
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	flip status
	bad=$(generation_pid 2)
	kill "-${SIGNAL:-KILL}" "$bad"
	wait_for 5 tag_is v1
	wait_for 5 status_has 'within the probation; generation 1 serves again'
	tag_set v3
	expect_answers 20 'v1:[0-9]+' "who answers after the roll-back"
	load_stop
	echo "$mode: $TALLY" | cut -c 1-150
	expect_eq 0 "$(load_field refused)" "$mode: refused"
	[ "$LOAD_FAILED" -le 4 ] || fail "$mode: $LOAD_FAILED failed, more than the dead one had taken"
	expect_eq 0 "$(load_field timeout)" "$mode: timed out"
	load_start --pause-ms=1
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v3
	# Who asks for the next one is content with this one: the old one is not to come back any more.
	tag_set v4
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v4
	load_end
	wait_for 10 not is_running "$old"
	end_all
}

for mode in ${MODES:-$MODES_ALL prefork fork}; do
	rolls_back "$mode"
done
SIGNAL=SEGV rolls_back epoll
FACE=bare rolls_back threads
pass
