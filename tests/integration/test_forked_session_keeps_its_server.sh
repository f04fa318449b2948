#!/bin/bash
# An open connection in a forked process goes on over a restart; its server stays as long.
. "$(dirname "$0")/lib.sh"

for mode in fork 'fork --raw-clone' fork-exec fork-seccomp prefork; do
	in_both_faces session_outlasts_restart --wait=$mode
done

# Without flip a restart ends the connection.
start_server server --wait=epoll --keepalive
hold 7
stop_server
hold_ask 7
expect_eq '' "$ANSWER" "answer without flip"
pass
