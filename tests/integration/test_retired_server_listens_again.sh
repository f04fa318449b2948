#!/bin/bash
# A server that closes its listener while it is busy opens it again when it is not. It may have been
# replaced meanwhile: its bind() succeeds, and clients come to the new version; or, if that fails
# in its probation, to the old one again.
FLIP_PROBATION=60s
. "$(dirname "$0")/lib.sh"

second_is() {
	local word=''
	read -r -t 1 word _ <"/dev/tcp/127.0.0.1/$((PORT + 1))" && [ "$word" = "$1" ]
}

# The old server is busy, replaced, and not busy any more.
replaced_while_busy() {
	local word
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
	for _ in {1..20}; do
		wait_for 5 second_is v2
	done
	is_running "$old" || fail "the old server ended in the probation"
}

no_call_has_failed() {
	! log_has 'Traceback|lost' || fail "bind() or accept() of the old server has failed"
	end_all
}

replaced_while_busy
kill -KILL "$(pid_now)"
wait_for 5 tag_is v1
for _ in {1..20}; do
	wait_for 5 second_is v1
done
load_stop
[ "$LOAD_FAILED" -le 4 ] || fail "$LOAD_FAILED requests failed, more than the killed one had"
no_call_has_failed

FLIP_PROBATION=2s
replaced_while_busy
wait_for 10 old_are_gone
wait_for 5 second_is v2
load_end
no_call_has_failed
pass
