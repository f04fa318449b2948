#!/bin/bash
# The current process dies while an older one drains: flip ends at once with its code, so that whoever is to
# start the service can; the older one still answers its open connection, and ends with it.
. "$(dirname "$0")/lib.sh"

KEEP_JOB=1 serve_versions server --wait=thread --keepalive
old=$(pid_now)
hold 7
restart
kill -KILL "$(pid_now)"
expect_exit 137 "$FLIP_PID"
log_has 'generation 2 was killed by SIGKILL' || fail "nothing is said of it"
hold_ask 7
expect_match "^v1 $old " "$ANSWER" "the draining connection"
hold_end 7
wait_for 5 processes_are ''
pass
