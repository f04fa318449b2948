#!/bin/bash
# The first generation is not ready: a restart is refused, and it starts up undisturbed.
. "$(dirname "$0")/lib.sh"

FACE=run
command_resolve server --wait=epoll --init-before-bind-ms=2500 --init-ms=2500
launch "$TMP/flip.log" "$FLIP" run -- "${command[@]}"
FLIP_PID=$LAUNCHED_PID
wait_for 5 status_has '^generation 1 .*starting'
restart_refused 'not ready yet: the first generation is still starting \(it .*\)'
kill -HUP "$FLIP_PID"
wait_for 5 log_has 'refused: not ready yet'
wait_for 5 status_has 'listener'
restart_refused 'not ready yet'
wait_answer "$FLIP_PID"
status_has '^generation 1 .*serving' || fail "status: $OUTPUT"
restart
end_all

FACE=bare
launch "$TMP/flip.log" LD_PRELOAD="$LIBRARY" "$SERVER" --wait=epoll --init-ms=3000
FLIP_PID=$LAUNCHED_PID
wait_for 5 status_has '^generation 1 .*starting'
restart_refused 'not ready yet'
kill -HUP "$FLIP_PID"
wait_for 5 log_has 'refused: not ready yet.*'
wait_answer "$FLIP_PID"
restart
pass
