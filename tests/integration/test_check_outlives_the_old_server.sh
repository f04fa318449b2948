#!/bin/bash
# While --check runs the old server is killed: flip restart waits for the check all the same, and says how it went;
# a second restart meanwhile is refused, and the next one afterwards works.
FLIP_PROBATION=3s
. "$(dirname "$0")/lib.sh"

# outlives CODE REGEX: the check ends with this code, and flip restart says so.
outlives() {
	export FLIP_CHECK="sh $TMP/check"
	echo 'exit 0' >"$TMP/check"
	serve_versions server --wait=epoll
	old=$(pid_now)
	touch "$TMP/runs"
	printf 'touch "%s"\nwhile [ -e "%s" ]; do sleep 0.02; done\nexit %d\n' \
		"$TMP/begun" "$TMP/runs" "$1" >"$TMP/check"
	tag_set v2
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 test -e "$TMP/begun"
	kill -KILL "$old"
	wait_for 5 old_are_gone
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/second" 2>&1 &
	second_job=$!
	wait_for 5 not is_running "$second_job"
	wait "$second_job" && fail "a second restart while the check runs: $(cat "$TMP/second")"
	expect_match 'upgrade in progress' "$(cat "$TMP/second")" "the second restart"
	is_running "$restart_job" || fail "flip restart did not wait for the check: $(cat "$TMP/restart")"
	rm "$TMP/runs"
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job"
	expect_eq "$1" $? "exit code of flip restart ($(cat "$TMP/restart"))"
	expect_match "$2" "$(tail -n 1 "$TMP/restart")" "the answer"
	expect_eq v2 "$(tag_now)" "who serves"
	rm "$TMP/begun"
	echo 'exit 0' >"$TMP/check"
	tag_set v3
	restart "$SUPERVISOR_PID"
	expect_eq v3 "$(tag_now)" "who serves after the next restart"
}

in_both_faces outlives 1 \
	"check 'sh .*' exited with status 1; generation 2 serves on, for the one before has ended\$"
in_both_faces outlives 0 '^generation 2 \(pid [0-9]+\) ready in [0-9]+ ms'
pass
