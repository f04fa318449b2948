#!/bin/bash
# The command is a shell that does not exec the server: SIGTERM still ends the service.
. "$(dirname "$0")/lib.sh"

for restarts in 0 1; do
	KEEP_JOB=1 start_flip -- sh -c "$SERVER --listen=127.0.0.1:$PORT; exit \$?"
	[ "$restarts" = 0 ] || restart
	kill -TERM "$FLIP_PID"
	expect_exit 143 "$FLIP_PID"
	wait_for 5 processes_are ''
done
pass
