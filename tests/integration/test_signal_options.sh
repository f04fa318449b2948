#!/bin/bash
# --restart-signal and --stop-signal: these restart and stop; HUP is then passed on like TERM.
. "$(dirname "$0")/lib.sh"

KEEP_JOB=1 start_flip --restart-signal=USR2 --stop-signal=SIGUSR1 -- server --wait=epoll
load_start --pause-ms=1
restart_by_signal_usr2() {
	before=$(pid_now)
	kill -USR2 "$FLIP_PID"
	wait_for 5 answers_another_than "$before"
}
restart_by_signal_usr2
restart_by_signal_usr2
load_end
kill -USR1 "$FLIP_PID"
expect_exit 0 "$FLIP_PID"

# QUIT is then the server's, too.
KEEP_JOB=1 start_flip --stop-signal=USR1 -- server --wait=epoll
kill -QUIT "$FLIP_PID"
expect_exit 131 "$FLIP_PID"

KEEP_JOB=1 start_flip --restart-signal=12 -- server --wait=epoll
kill -HUP "$FLIP_PID"
expect_exit 129 "$FLIP_PID"

for options in --restart-signal=KILL --stop-signal=CHLD --restart-signal=TERM \
	'--restart-signal=USR1 --stop-signal=USR1' --restart-signal=NONE; do
	flip run $options -- "$SERVER"
	expect_eq 125 $? "exit code with $options"
done
pass
