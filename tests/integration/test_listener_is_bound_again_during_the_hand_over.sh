#!/bin/bash
# A server that closes one of its listeners and binds its address again, as fast as it can, is
# restarted. Whatever moment of that the hand-over meets, none of its bind() fails. If it meets the one in
# which the address is free, and the old server has it again before the new one asks, that one fails: then
# nothing has happened, and the next try works. If the new one has bound it first, the old one fails instead
# (README, Limits).
FLIP_PROBATION=500ms	# as long as flip has the listeners, for who binds after it has let go
. "$(dirname "$0")/lib.sh"

# Sets pid, of the server that binds.
restart_at_last() {
	local try
	for try in {1..20}; do
		rm -f "$TMP/go.v$((round + 1)).own"
		! flip restart "$SUPERVISOR_PID" || return 0
		expect_match 'Address already in use.*generation [0-9]+ serves on$' "${OUTPUT//$'\n'/ }" "why it failed"
		is_running "$pid" || fail "the old server has ended: $OUTPUT"
	done
	fail "no restart of $try has worked: $OUTPUT"
}

servers_ended() {
	grep -c 'died during\|is gone: it exited with status 1' "$TMP/flip.log"
}

tag_set v0
handed_over=0 ended=0
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
	if [ ! -e "$TMP/go.v$((round + 1)).own" ]; then
		handed_over=$((handed_over + 1))
		expect_eq "$ended" "$(servers_ended)" "servers that have ended of bind() though they handed all over"
	fi
	ended=$(servers_ended)
done
load_end
[ "$handed_over" -gt 0 ] || fail "the second listener was never handed over"
echo "# handed over $handed_over times; ended where it was not: $ended"
pass
