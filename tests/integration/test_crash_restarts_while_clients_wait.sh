#!/bin/bash
# --on-crash=restart: the server crashes under load; clients that come before the next one is ready
# wait, and none is refused. What the dead one was answering is lost, and nothing else.
. "$(dirname "$0")/lib.sh"

crash() {
	local pid
	pid=$(pid_now)
	kill -"${SIGNAL:-SEGV}" "$pid"
	wait_for 10 answers_another_than "$pid"
}

# Only a connection that the dead server had can have been lost: one a client and crash.
restarts() {
	serve_versions server --wait="$1" --init-before-bind-ms=200
	load_start --pause-ms=2
	tag_set v2
	crash
	tag_set v3
	SIGNAL=KILL crash
	load_stop
	echo "$TALLY" | cut -c 1-200
	expect_eq 0 "$(load_field refused)" "refused"
	expect_eq 0 "$(load_field timeout)" "timed out"
	[ "$LOAD_FAILED" -le 8 ] || fail "more lost than the dead were answering: $TALLY"
	rm "$TMP/load.log"
	log_has 'generation 2 \(pid [0-9]+\) ready in [0-9]+ ms; before, generation 1 .* was killed by SIGSEGV' ||
		fail "the log does not say why"
	status_has '^last: generation 3 .* was killed by SIGKILL' || fail "status: $OUTPUT"
	wait_for 5 old_are_gone
	# A restart, a stop: as ever.
	tag_set v4
	load_start
	restart "$FLIP_PID"
	load_end
	expect_eq v4 "$(tag_now)"
	crash
	flip stop "$FLIP_PID" || fail "stop: $OUTPUT"
	wait_for 5 not is_running "$FLIP_PID"
	wait_for 5 processes_are ''
}

export FLIP_ON_CRASH=restart
FACE=run
restarts epoll
end_all
restarts accept
end_all

# Exits in order are the service's end: 0, and what somebody asked for.
ends_with() {
	local code=$1 signal=$2 term=$3
	KEEP_JOB=1 serve server --term="$term"
	kill -"$signal" "$(pid_now)"
	expect_exit "$code" "$FLIP_PID"
}
ends_with 143 TERM default
ends_with 0 TERM graceful
KEEP_JOB=1 serve server
kill -TERM "$FLIP_PID"
expect_exit 143 "$FLIP_PID"
unset FLIP_ON_CRASH

# By default the crash is passed on, and clients are refused.
KEEP_JOB=1 serve server
kill -SEGV "$(pid_now)"
expect_exit 139 "$FLIP_PID"
ask && fail "the control still answers"
pass
