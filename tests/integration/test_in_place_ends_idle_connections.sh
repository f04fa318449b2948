#!/bin/bash
# In place nobody takes new clients while the old server drains: one that has idle connections is
# ended after a second, or after --drain-timeout, and by its own stop signal.
. "$(dirname "$0")/lib.sh"

ends_after() {
	local least=$1 most=$2
	serve_versions server --wait=epoll --keepalive
	old=$(pid_now)
	hold 7
	tag_set v2
	begun=$(now_ms)
	restart "$SUPERVISOR_PID"
	took=$(($(now_ms) - begun))
	[ "$took" -ge "$least" ] && [ "$took" -lt "$most" ] || fail "took $took ms"
	expect_match 'generation 1 draining 1 connection' "$OUTPUT" "progress"
	not is_running "$old" || fail "the old one is still there"
	expect_eq v2 "$(tag_now)" "who serves"
	hold_ask 7
	expect_eq '' "$ANSWER" "the idle connection afterwards"
	hold_end 7
}

# A request that is being answered is not cut.
finishes_request() {
	serve_versions server --wait=thread --work-ms=300
	ask "$PORT" slow >"$TMP/answer" &
	asker=$!
	wait_for 5 has_established
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait "$asker" || fail "the request in flight was cut"
	expect_match '^v1 [0-9]+ slow$' "$(cat "$TMP/answer")" "answer"
}

has_established() {
	ss -Htn state established "( dport = :$PORT )" | grep -q .
}

export FLIP_IN_PLACE=1
in_both_faces ends_after 990 3000
in_both_faces finishes_request
export FLIP_DRAIN_TIMEOUT=200ms
in_both_faces ends_after 190 900
unset FLIP_IN_PLACE FLIP_DRAIN_TIMEOUT

# Without flip a stop and start refuses whoever comes meanwhile.
control_without_flip
pass
