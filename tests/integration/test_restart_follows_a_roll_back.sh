#!/bin/bash
# The old version is back, by a roll-back or because the new one died while it let go. However it is
# with the processes that it forks, the next restart works at once, and a crash is survived as ever.
FLIP_PROBATION=10s
. "$(dirname "$0")/lib.sh"

# A process for each connection, so short-lived that flip leaves it in peace; always there is one.
with_short_sessions() {
	serve_versions server --wait=fork --work-ms=20
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	flip status
	load_start --clients=64
	kill -KILL "$(generation_pid 2)"
	wait_for 5 tag_is v1
	sleep 2
	load_stop
	tag_set v3
	load_start
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v3
	load_end
}

# One of the workers is halted, so that flip is still waiting for it when the server crashes.
crashes_on_its_way_back() {
	local old worker
	FLIP_ON_CRASH=restart FLIP_CRASH_WINDOW=1s serve_versions server --wait=prefork
	flip status
	old=$(generation_pid 1)
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	flip status
	worker=$(pgrep -P "$old" | head -n 1)
	[ -n "$worker" ] || fail "no worker of $old: $(processes)"
	kill -STOP "$worker"
	tag_set v3
	kill -KILL "$(generation_pid 2)"
	wait_for 5 tag_is v1
	kill -KILL "$old" $(pgrep -P "$old")
	wait_for 10 tag_is v3
	sleep 1
	expect_answers 20 'v3:[0-9]+' "who answers after the crash"
	status_has '^last: generation 3 .* was killed by SIGKILL' || fail "status: $OUTPUT"
}

# The new version dies while the old one lets go, which a halted worker draws out: a worker that was
# forked then, without listeners, has to get them back as well. The supervisor is halted meanwhile, for it
# waits for a halted worker no longer than two seconds.
forks_on_its_way_out() {
	local old new halted killed forked
	serve_versions server --wait=prefork --respawn
	flip status
	old=$(generation_pid 1)
	read -r halted killed _ <<<"$(pgrep -P "$old" | tr '\n' ' ')"
	[ -n "$killed" ] || fail "no workers of $old: $(processes)"
	tag_set v2
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart.log" 2>&1 &
	wait_for 5 status_has '^generation 2 .*starting'
	kill -STOP "$halted"
	start_goes_on
	wait_for 5 status_has ': retiring,'
	kill -STOP "$SUPERVISOR_PID"
	new=$(generation_pid 2)
	kill -KILL "$killed"
	wait_for 5 has_forked_again
	forked=$(pgrep -n -P "$old")
	kill -KILL "$new"
	kill -CONT "$SUPERVISOR_PID"
	wait_for 5 status_has '^last: .*generation 1 serves on'
	kill -CONT "$halted"
	behave
	wait_for 5 answers "$forked"
	load_start
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	load_end
}

# By the end of it, there are as many as at first.
has_forked_again() {
	[ "$(pgrep -c -P "$old")" -eq 4 ] && ! is_running "$killed"
}

answers() {
	[ "$(pid_now)" = "$1" ]
}

in_both_faces with_short_sessions
FACE=run forks_on_its_way_out
end_all
FACE=run crashes_on_its_way_back
pass
