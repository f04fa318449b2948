#!/bin/bash
# A server that, told to end, closes its listener and binds and listens anew at the same address, as a
# master does for a worker that it replaces: it must succeed as it would alone, and take no client.
. "$(dirname "$0")/lib.sh"

listened_again() {
	[ "$(grep -c 'server: listens again' "$TMP/$1")" = "$2" ]
}

keeps() {
	serve_versions server --wait="$1" --term=graceful --bind-at-exit --reuseaddr=1
	load_start --pause-ms=1
	restart_to v2 v3 v4
	load_end
	wait_for 5 listened_again flip.log 3
}

in_both_faces keeps epoll
in_both_faces keeps threads
FLIP_IN_PLACE=1 keeps poll
end_all
# Alone it does succeed: what it is to see.
start_server server --term=graceful --bind-at-exit --reuseaddr=1
kill -TERM "$SERVER_PID"
wait_for 5 listened_again server.log 1
pass
