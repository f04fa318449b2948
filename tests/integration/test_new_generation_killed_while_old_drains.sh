#!/bin/bash
# The current process dies while an older one drains: that still answers its open connection, flip
# ends with the current one's code once it is done.
. "$(dirname "$0")/lib.sh"

KEEP_JOB=1 serve_versions server --wait=thread --keepalive
old=$(pid_now)
hold 7
restart
kill -KILL "$(pid_now)"
wait_for 5 log_has 'generation 2 was killed by SIGKILL'
hold_ask 7
expect_match "^v1 $old " "$ANSWER" "the draining connection"
hold_end 7
expect_exit 137 "$FLIP_PID"
wait_for 5 processes_are ''
pass
