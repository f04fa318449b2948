#!/bin/bash
# WATCHDOG_PID (sd_watchdog_enabled) and LISTEN_PID name the server where they named flip; another
# process's stays what it is.
. "$(dirname "$0")/lib.sh"

server=(/usr/bin/python3 "$ROOT/tests/integration/notifier.py" "$PORT" "$TMP/tag")
tag_set v1

names_server() {
	expect_eq "$(pid_now)" "$(ask "$PORT" "env $1")" "$FACE: $1"
}

FACE=run
launch "$TMP/flip.log" bash -c 'export WATCHDOG_PID=$$ LISTEN_PID=$$; exec "$@"' - \
	"$FLIP" run -- "${server[@]}"
wait_answer "$LAUNCHED_PID"
for _ in 1 2 3; do
	names_server WATCHDOG_PID
	names_server LISTEN_PID
	restart "$LAUNCHED_PID"
	wait_for 5 old_are_gone
done
end_all

FACE=bare
launch "$TMP/flip.log" bash -c 'export WATCHDOG_PID=$$ LD_PRELOAD="$1"; shift; exec "$@"' - \
	"$LIBRARY" "${server[@]}"
wait_answer "$LAUNCHED_PID"
for _ in 1 2 3; do
	names_server WATCHDOG_PID
	restart "$(pid_now)"
	wait_for 5 old_are_gone
done
end_all

export WATCHDOG_PID=1
FACE=run serve "${server[@]}"
expect_eq 1 "$(ask "$PORT" 'env WATCHDOG_PID')" "another process's WATCHDOG_PID"
pass
