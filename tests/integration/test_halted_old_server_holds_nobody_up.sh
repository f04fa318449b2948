#!/bin/bash
# The old process is halted (SIGSTOP) when it is to let go: flip restart answers all the same, the new one
# serves, and when the old one goes on it finishes what it has.
. "$(dirname "$0")/lib.sh"

holds_nobody_up() {
	serve_versions server --wait="$1" --keepalive
	old=$(pid_now)
	hold 7
	tag_set v2
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 7>&- &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	kill -STOP "$old"
	start_goes_on
	wait_for 10 not is_running "$restart_job"
	wait "$restart_job" || fail "flip restart: $(cat "$TMP/restart")"
	expect_match 'generation 2 \(pid [0-9]+\) ready in [0-9]+ ms; generation 1 draining' \
		"$(tail -n 1 "$TMP/restart")" "the answer"
	expect_answers 20 'v2:[0-9]+' "who answers meanwhile"
	flip status || fail "status: $OUTPUT"
	kill -CONT "$old"
	hold_ask 7
	expect_match "^v1 $old " "$ANSWER" "the open connection"
	hold_end 7
	wait_for 10 not is_running "$old"
	wait_for 5 old_are_gone
}

# Workers that are no members of the generation yet are, until it has ended without them. When they go
# on they take no client any more, and end by themselves.
workers_end_by_themselves() {
	local worker workers=''
	serve_versions server --wait=prefork
	flip status
	old=$(generation_pid 1)
	for worker in $(pgrep -P "$old"); do
		[ -e "/proc/$worker/fd/63" ] || workers+=" $worker"	# the channel of a member
	done
	[ -n "$workers" ] || fail "all workers are members: $(processes)"
	tag_set v2
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	kill -STOP $workers
	start_goes_on
	wait_for 10 not is_running "$restart_job"
	wait_for 10 old_are_gone
	not is_running "$old" || fail "the old master is still there"
	kill -CONT $workers
	expect_answers 100 'v2:[0-9]+' "who answers when they go on"
	for worker in $workers; do
		wait_for 10 not is_running "$worker"
	done
}

in_both_faces holds_nobody_up epoll
in_both_faces holds_nobody_up thread
in_both_faces workers_end_by_themselves
pass
