#!/bin/bash
# The time of day jumps by hours, forward and back, for flip and the server: at any moment of a restart, in
# a drain and in a probation. No deadline is missed or comes early, and no client notices.
. "$(dirname "$0")/lib.sh"

# libfaketime reads the time from this file at each call; the other clocks are left alone.
CLOCK=$TMP/clock
library=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
[ -e "$library" ] || fail "libfaketime is not installed"

jump() {
	echo "$1" >"$CLOCK.new"
	mv "$CLOCK.new" "$CLOCK"
}

faked=(LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$CLOCK" FAKETIME_NO_CACHE=1
	FAKETIME_DONT_FAKE_MONOTONIC=1)

# start_faked [FLIP OPTIONS] [-- SERVER OPTIONS]
start_faked() {
	local flip_options=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		flip_options+=("$1")
		shift
	done
	jump +0
	tag_set v1
	behave
	launch "$TMP/flip.log" "${faked[@]}" "$FLIP" run --ready-timeout=5s "${flip_options[@]}" -- \
		"$SERVER" --wait="$mode" --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour" "${@:2}"
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
	wait_for 10 status_has ': serving,'
	grep -q libfaketime "/proc/$FLIP_PID/maps" || fail "flip sees the true time"
	grep -q libfaketime "/proc/$(pid_now)/maps" || fail "the server sees the true time"
}

# The control: what is measured by the time of day does see the jumps.
jumps_are_seen() {
	local before after
	jump +0
	before=$(env "${faked[@]}" date +%s)
	jump +5h
	after=$(env "${faked[@]}" date +%s)
	[ $((after - before)) -ge 18000 ] || fail "the clock did not jump: $before, $after"
}

# Jumps while the new one starts: ready is ready, and what hangs is given up after its time, not before.
during_restart() {
	local to took n=1
	start_faked
	load_start --pause-ms=1
	for to in +5h -5h +300d -2h +0; do
		n=$((n + 1))
		tag_set "v$to"
		behave --init-ms=300
		"$FLIP" restart "$FLIP_PID" >"$TMP/restart.log" 2>&1 &
		wait_for 5 log_has "generation $n .*started"
		jump "$to"
		wait $! || fail "a restart with a jump of $to: $(cat "$TMP/restart.log")"
		expect_match 'ready in ([0-9]+) ms' "$(cat "$TMP/restart.log")" "jump of $to"
		took=${BASH_REMATCH[1]}
		[ "$took" -ge 300 ] && [ "$took" -lt 5000 ] || fail "jump of $to: ready in $took ms, not 300"
		wait_for 5 tag_is "v$to"
		wait_for 5 old_are_gone
	done
	load_end
	end_all
}

hangs_until_its_time() {
	local to=$1 began took
	start_faked --ready-timeout=1s
	behave --hang-at-start
	began=$(now_ms)
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart.log" 2>&1 &
	wait_for 5 log_has "generation 2 .*started"
	jump "$to"
	wait $! && fail "what hangs became ready: $(cat "$TMP/restart.log")"
	took=$(($(now_ms) - began))
	expect_match 'timed out: it was not ready within 1000 ms' "$(cat "$TMP/restart.log")"
	[ "$took" -ge 1000 ] && [ "$took" -lt 3000 ] || fail "jump of $to: given up after $took ms, not 1000"
	expect_eq v1 "$(tag_now)"
	end_all
}

# A connection is open: the old one drains, as long as --drain-timeout and no longer.
during_drain() {
	local to=$1 began took
	start_faked --drain-timeout=1s --stop-timeout=1s -- --keepalive
	hold 7
	tag_set v2
	began=$(now_ms)
	restart
	jump "$to"
	hold_ask 7
	expect_match '^v1 ' "$ANSWER" "an open connection after a jump of $to"
	wait_for 10 old_are_gone
	took=$(($(now_ms) - began))
	[ "$took" -ge 1000 ] && [ "$took" -lt 4000 ] || fail "jump of $to: the drain took $took ms, not 1000"
	hold_end 7
	jump "+0"
	tag_set v3
	restart
	wait_for 5 tag_is v3
	end_all
}

# Within the probation the new one dies, after a jump: the old one is still there to come back.
during_probation() {
	local to=$1
	start_faked --probation=5s
	load_start --pause-ms=1
	tag_set v2
	restart
	wait_for 5 status_has ': probation,'
	jump "$to"
	status_has ': probation,' || fail "a jump of $to ended the probation"
	kill -KILL "$(generation_pid 2)"
	wait_for 5 tag_is v1
	load_stop
	[ "$LOAD_FAILED" -le 4 ] && [ "$(load_field refused)" = 0 ] || fail "more than it had in hand was lost: $TALLY"
	end_all
}

jumps_are_seen
for mode in epoll thread; do
	during_restart
	for to in +5h -5h; do
		hangs_until_its_time $to
		during_drain $to
		during_probation $to
	done
done
pass
