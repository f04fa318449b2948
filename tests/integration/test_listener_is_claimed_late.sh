#!/bin/bash
# A new version that is ready by one listener and asks for another one only while the old one is about to
# let go: it gets that, and all clients who come by it are served from then on.
. "$(dirname "$0")/lib.sh"

export FLIP_VERBOSE=1
tag_set v1
serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" late "$PORT" "$TMP/tag" "$TMP/go"
# A client that waits in the queue keeps the old one from letting go.
exec 8<>"/dev/tcp/127.0.0.1/$((PORT + 1))"
printf 'queued\n' >&8
tag_set v2
"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart.log" 2>&1 &
job=$!
wait_for 10 log_has 'upgrading, ready: retiring'
touch "$TMP/go.v2"
wait "$job" || fail "the restart has failed"
word=''
read -r -t 5 word _ <&8
expect_eq v2 "$word" "who has answered the client that waited"
expect_eq v2 "$(tag_now)" "who answers"
wait_for 10 old_are_gone
for _ in {1..10}; do
	expect_eq v2 "$(tag_now "$((PORT + 1))")" "who answers on the second"
done
pass
