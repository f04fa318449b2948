#!/bin/bash
# Workers that are programs of their own: the master passes them its listener as a descriptor, and an
# environment with nothing of ours in it, in every way to exec. And programs that find their listener
# open at the start, as from a service manager.
# Takes long.
. "$(dirname "$0")/lib.sh"

restart_twice() {
	serve_versions server "$@"
	load_start
	restart_to v2 v3
	load_stop
	echo "$FACE, $*: $TALLY" | cut -c 1-150
	expect_eq 0 "$LOAD_FAILED" "$*: failed requests"
	expect_no_settle_time "$*"
	end_all
}

control_without_flip
for way in execve execv execvp execvpe fexecve execl execle execlp vfork posix_spawn posix_spawnp; do
	FACE=run restart_twice --wait=prefork-exec --exec=$way
done
FACE=run restart_twice --wait=prefork-exec --nonblocking
FACE=bare restart_twice --wait=prefork-exec
pass
