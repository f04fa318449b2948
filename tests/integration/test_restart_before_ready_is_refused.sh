#!/bin/bash
# The first generation is not ready: a restart is refused, and it starts up undisturbed.
. "$(dirname "$0")/lib.sh"

FACE=run
touch "$TMP/unbound" "$TMP/init"
command_resolve server --wait=epoll --init-before-bind-while="$TMP/unbound" --init-while="$TMP/init"
launch "$TMP/flip.log" "$FLIP" run -- "${command[@]}"
FLIP_PID=$LAUNCHED_PID
wait_for 5 status_has '^generation 1 .*starting'
restart_refused 'not ready yet: the first generation is still starting \(it .*\)'
kill -HUP "$FLIP_PID"
wait_for 5 log_has 'refused: not ready yet'
rm "$TMP/unbound"
wait_for 5 status_has 'listener'
restart_refused 'not ready yet'
start_goes_on
wait_answer "$FLIP_PID"
status_has '^generation 1 .*serving' || fail "status: $OUTPUT"
restart
end_all

FACE=bare
touch "$TMP/init"
launch "$TMP/flip.log" LD_PRELOAD="$LIBRARY" "$SERVER" --wait=epoll --init-while="$TMP/init"
FLIP_PID=$LAUNCHED_PID
wait_for 5 status_has '^generation 1 .*starting'
restart_refused 'not ready yet'
kill -HUP "$FLIP_PID"
wait_for 5 log_has 'refused: not ready yet.*'
start_goes_on
wait_answer "$FLIP_PID"
restart
pass
