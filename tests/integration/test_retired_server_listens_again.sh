#!/bin/bash
# A server that closes its listener while it is busy opens it again when it is not. It may have been
# replaced meanwhile: its bind() succeeds, and clients come to the new version.
. "$(dirname "$0")/lib.sh"

second_is() {
	local word=''
	read -r -t 1 word _ <"/dev/tcp/127.0.0.1/$((PORT + 1))" && [ "$word" = "$1" ]
}

tag_set v1
serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" one_at_a_time "$PORT" "$TMP/tag"
load_start --pause-ms=2
exec 8<>"/dev/tcp/127.0.0.1/$((PORT + 1))"
read -r -t 5 word old <&8
expect_eq v1 "$word" "version of the first client"
tag_set v2
restart "$SUPERVISOR_PID"
wait_for 5 second_is v2
is_running "$old" || fail "the old server has left its client"
exec 8>&-
wait_for 10 old_are_gone
for round in {1..20}; do
	wait_for 5 second_is v2
done
load_end
! log_has 'Address already in use' || fail "bind() of the old server has failed"
pass
