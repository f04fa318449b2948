#!/bin/bash
# More listeners than fit into a message, and more than the usual limit of open files.
. "$(dirname "$0")/lib.sh"

ulimit -S -n 1024
hands_over() {
	serve_versions server --wait=epoll --listen="127.0.0.1:$PORT" --listen-count="$1"
	wait_for 10 status_has ': serving,'
	tag_set v2
	load_start --pause-ms=1 --to="127.0.0.1:$PORT" --to="127.0.0.1:$((PORT + $1 - 1))"
	restart "$SUPERVISOR_PID"
	load_end
	for port in $PORT $((PORT + $1 / 2)) $((PORT + $1 - 1)); do
		expect_match '^v2 ' "$(ask "$port")" "port $port"
	done
	wait_for 5 old_are_gone
}

in_both_faces hands_over 100
FACE=run
hands_over 1200
pass
