#!/bin/bash
# flip run ends with the exit code of the server, and with 128+n if signal n ended it.
. "$(dirname "$0")/lib.sh"

exits_with() {
	local code=$1
	shift
	"$FLIP" run -q -- "$@" >>"$TMP/flip.log" 2>&1
	expect_eq "$code" $? "exit code of: $*"
}

ulimit -c 0
exits_with 0 true
exits_with 1 false
exits_with 7 "$SERVER" --exit-at-start=7
exits_with 9 "$SERVER" --exit-at-start=9 --at=listen
exits_with 139 "$SERVER" --crash-at-start --at=listen
exits_with 255 sh -c 'exit 255'

# One that serves, ended from outside, before and after a restart.
KEEP_JOB=1 start_flip -- server --wait=epoll
kill -KILL "$(pid_now)"
expect_exit 137 "$FLIP_PID"
KEEP_JOB=1 start_flip -- server --wait=epoll
restart
kill -ABRT "$(pid_now)"
expect_exit 134 "$FLIP_PID"
wait_for 5 processes_are ''
pass
