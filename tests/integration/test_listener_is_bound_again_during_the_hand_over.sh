#!/bin/bash
# A server that closes one of its listeners and binds its address again, as fast as it can, is
# restarted. Whatever moment of that the hand-over meets, none of its bind() fails. If it meets the one in
# which the address is free, and the old server has it again before the new one asks, that one fails: then
# nothing has happened, and the next try works. If the new one has it first, the old one fails instead
# (README, Limits): once in some hundred restarts of this one.
FLIP_PROBATION=500ms	# as long as flip has the listeners, for who binds after it has let go
. "$(dirname "$0")/lib.sh"

# Sets pid, of the server that binds.
restart_at_last() {
	local try
	for try in {1..20}; do
		! flip restart "$SUPERVISOR_PID" || return 0
		expect_match 'Address already in use.*generation [0-9]+ serves on$' "${OUTPUT//$'\n'/ }" "why it failed"
		is_running "$pid" || fail "the old server has ended: $OUTPUT"
	done
	fail "no restart of $try has worked: $OUTPUT"
}

tag_set v0
serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" binds_again_at_once "$PORT" "$TMP/tag" "$TMP/go"
load_start --pause-ms=2
for round in {0..11}; do
	pid=$(pid_now)
	touch "$TMP/go.v$round"
	wait_for 5 test -e "$TMP/go.v$round.begun"
	tag_set "v$((round + 1))"
	restart_at_last
	wait_for 5 tag_is "v$((round + 1))"
	wait_for 10 old_are_gone
done
load_end
ended=$(grep -c 'died during\|is gone: it exited with status 1' "$TMP/flip.log")
[ "$ended" -le 1 ] || fail "$ended of 12 servers have ended of bind()"
pass
