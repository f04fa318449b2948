#!/bin/bash
# flip run ends with the exit code of the server, and by the signal that ended it: to a shell, 128+n.
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

# What a service manager sees, who takes an end by TERM for none of a failure.
ended_by() {
	/usr/bin/python3 -c '
import subprocess, sys
print(subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode)' "$@"
}
expect_eq -15 "$(ended_by "$FLIP" run -q -- sh -c 'kill -TERM $$')" "end by TERM"
expect_eq -11 "$(ended_by "$FLIP" run -q -- sh -c 'kill -SEGV $$')" "end by SEGV"
expect_eq 143 "$(ended_by "$FLIP" run -q -- sh -c 'exit 143')" "end with 143"

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
