#!/bin/bash
# The pid file that a running server wrote names a running process at every moment: through restarts,
# upgrades that fail, and the end of the old ones, which would unlink it, in whatever way it is
# written. A stop removes it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pidfiles.sh"

FACE=run
for style in fopen creat excl rename keep link emptied; do
	writes "$style"
	end_all
done
FACE=bare writes fopen

# Without flip: what these servers do when a second one starts, fails, and the first one ends.
start_server server --term=graceful --pidfile="$file"
watch_start
"$SERVER" --listen="127.0.0.1:8081" --pidfile="$file" --exit-at-start=3 --at=written
wait_for 5 grep -q '^look ' "$TMP/watch"
stop_server
touch "$TMP/watch.stop"
wait "$watch" && fail "the control without flip saw nothing: $(tail -n 1 "$TMP/watch")"
echo "control without flip: $(tail -n 1 "$TMP/watch")"
pass
