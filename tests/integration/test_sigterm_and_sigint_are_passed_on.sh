#!/bin/bash
# SIGTERM and SIGINT reach the server, and its way to end is the exit code: 143, 130, or its own.
. "$(dirname "$0")/lib.sh"

ends_by() {
	local signal=$1 code=$2
	shift 2
	KEEP_JOB=1 serve server --wait=poll "$@"
	kill "-$signal" "$FLIP_PID"
	expect_exit "$code" "$FLIP_PID"
	wait_for 5 processes_are ''
}

in_both_faces ends_by TERM 143
in_both_faces ends_by INT 130
in_both_faces ends_by TERM 0 --term=graceful

# Of a later generation, too: flip run stands for whoever serves.
ends_by_after_restart() {
	KEEP_JOB=1 serve server --wait=poll
	restart
	kill "-$1" "$FLIP_PID"
	expect_exit "$2" "$FLIP_PID"
	wait_for 5 processes_are ''
}
FACE=run
ends_by_after_restart TERM 143
ends_by_after_restart INT 130
pass
