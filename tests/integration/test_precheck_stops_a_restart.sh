#!/bin/bash
# --precheck runs before a restart touches anything: if it fails or takes too long, that is the
# restart's failure, with its last output, and the server never hears of it.
. "$(dirname "$0")/lib.sh"

checks() {
	export FLIP_PRECHECK="sh $TMP/check" FLIP_CHECK_TIMEOUT=3s
	echo 'exit 0' >"$TMP/check"
	serve_versions server --wait=epoll
	before=$(pid_now)
	load_start --pause-ms=1

	# It fails: the last ten lines and the reason.
	printf 'seq 1 30\necho "line 31 is wrong" >&2\nexit 3\n' >"$TMP/check"
	restart_refused "^restart: precheck 'sh $TMP/check' runs" "$SUPERVISOR_PID"
	expect_match "precheck 'sh .*' exited with status 3; generation 1 serves on$" "$OUTPUT"
	expect_match '  \| line 31 is wrong' "$OUTPUT" "its output"
	expect_eq 10 "$(grep -c '^  | ' <<<"$OUTPUT")" "lines of it"

	# It hangs, with a child that holds its output.
	printf 'sleep 1000 &\necho begun\nsleep 1000\n' >"$TMP/check"
	restart_refused 'was not done within 3000 ms; generation 1 serves on$' "$SUPERVISOR_PID"
	expect_match '  \| begun' "$OUTPUT" "its output"
	wait_for 5 not pgrep -fx 'sleep 1000' --nslist net --ns $$

	# It is done, and what it has left behind does not matter.
	printf 'sleep 2 &\nexit 0\n' >"$TMP/check"
	expect_eq "$before" "$(pid_now)" "who serves"
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_eq v2 "$(tag_now)"

	# While it runs there is no second restart; a stop ends it.
	printf 'touch "%s"\nexec sleep 0.5\n' "$TMP/running" >"$TMP/check"
	kill -HUP "$(signal_target)"
	wait_for 5 test -e "$TMP/running"
	restart_refused 'upgrade in progress' "$SUPERVISOR_PID"
	load_end
	wait_for 5 status_has '3 \(pid [0-9]+\) serving'
	rm "$TMP/running"
	printf 'touch "%s"\nexec sleep 1000\n' "$TMP/running" >"$TMP/check"
	export FLIP_CHECK_TIMEOUT
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	wait_for 5 test -e "$TMP/running"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	rm "$TMP/running"
}

# It runs in the service's directory and environment, less the library, or that does nothing there.
sees() {
	local before=$PWD
	cd "$TMP" || fail "cd"
	export FLIP_PRECHECK='echo "$PWD $FLIPTEST $(readlink /proc/self/fd/0) $FLIP_DISABLE" >seen'
	export FLIPTEST=here
	serve server
	restart "$SUPERVISOR_PID"
	expect_eq "$TMP here /dev/null 1" "$(cat "$TMP/seen")" "what it sees"
	rm "$TMP/seen"
	cd "$before" || fail "cd"
}

in_both_faces checks
unset FLIP_CHECK_TIMEOUT
in_both_faces sees

# In place it matters most: without it, this version would have left nobody to serve.
export FLIP_PRECHECK=false FLIP_IN_PLACE=1
FACE=run
serve_versions server
behave --exit-at-start=3
restart_refused "precheck 'false' exited with status 1; generation 1 serves on$" "$FLIP_PID"
expect_eq v1 "$(tag_now)"
unset FLIP_PRECHECK
end_all
serve_versions server
behave --exit-at-start=3
restart_refused 'nobody serves' "$FLIP_PID"
pass
