#!/bin/bash
# A server that closes one of its listeners and binds its address again, as fast as it can, is
# restarted. Whatever moment of that the hand-over meets, none of its bind() fails.
. "$(dirname "$0")/lib.sh"

tag_set v0
serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" binds_again_at_once "$PORT" "$TMP/tag" "$TMP/go"
load_start --pause-ms=2
for round in {0..11}; do
	touch "$TMP/go.v$round"
	wait_for 5 test -e "$TMP/go.v$round.begun"
	restart_to "v$((round + 1))"
	! output_has 'died during' || fail "restart $round: $OUTPUT"
done
load_end
! log_has 'Address already in use|died during' || fail "a bind() has failed"
pass
