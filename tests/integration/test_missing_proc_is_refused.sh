#!/bin/bash
# Without /proc flip run refuses, and the bare face serves on without hot restart.
. "$(dirname "$0")/lib.sh"

without_proc() {
	unshare -m -- sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$@"
}

OUTPUT=$(without_proc "$FLIP" run -- touch "$TMP/was-run" 2>&1)
expect_eq 125 $? "exit code ($OUTPUT)"
expect_match '/proc' "$OUTPUT" "sentence"
expect_eq 1 "$(wc -l <<<"$OUTPUT")" "lines: $OUTPUT"
[ ! -e "$TMP/was-run" ] || fail "the command was started"

launch "$TMP/flip.log" unshare -m -- sh -c 'mount -t tmpfs none /proc && exec "$@"' sh \
	env LD_PRELOAD="$LIBRARY" "$SERVER" --listen="127.0.0.1:$PORT"
wait_answer "$LAUNCHED_PID"
[ "$(grep -c . "$TMP/flip.log")" -le 2 ] || fail "more than a sentence or two about it"
log_has '/proc|supervisor' || fail "nothing is said about it"
load_start --pause-ms=1 --requests=500
wait_for 5 not is_running "$LOAD_PID"
load_end
pass
