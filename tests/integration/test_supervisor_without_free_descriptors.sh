#!/bin/bash
# The supervisor has no free descriptor, or only a few: a restart fails with the reason, or works; the old
# generation serves on, nobody is lost, and nothing is left; flip does not turn round and round meanwhile.
# When there are some again all is as before. And so for the `flip restart` that asks.
. "$(dirname "$0")/lib.sh"

limit() {
	prlimit --pid "$FLIP_PID" --nofile="$1:" || fail "cannot limit the descriptors"
}

# The lowest limit under which nothing more can be opened, plus so many.
limit_to_spare() {
	local spare=$1 fd=0
	while [ -e "/proc/$FLIP_PID/fd/$fd" ] || [ $((spare--)) -gt 0 ]; do
		fd=$((fd + 1))
	done
	limit "$fd"
}

# clock ticks of the processor that it has used.
ticks() {
	awk '{ print $14 + $15 }' "/proc/$FLIP_PID/stat"
}

asks_nothing() {
	local began
	limit_to_spare 0
	began=$(ticks)
	timeout 1 "$FLIP" restart "$FLIP_PID" >"$TMP/answer" 2>&1
	expect_eq 124 $? "a restart that cannot be taken: $(cat "$TMP/answer")"
	wait_for 5 log_has 'cannot take a connection: Too many open files; trying again'
	[ $(($(ticks) - began)) -lt 50 ] || fail "flip turned round and round: $(($(ticks) - began)) ticks a second"
	limit 1024
	wait_for 10 status_has ': serving,'
	wait_for 10 old_are_gone
}

few() {
	local spare made=0 refused=0 version=v1 descriptors_before
	tag_set v1
	behave
	start_flip --ready-timeout=5s "$@" -- server --wait=epoll --tag-file="$TMP/tag"
	wait_for 10 status_has ': serving,'
	restart
	wait_for 10 old_are_gone
	descriptors_before=$(descriptors_at_rest "$FLIP_PID")
	load_start --pause-ms=1
	asks_nothing
	for spare in $(seq 1 2 30); do
		tag_set "v$spare"
		limit_to_spare "$spare"
		if timeout 30 "$FLIP" restart "$FLIP_PID" >"$TMP/answer.log" 2>&1; then
			expect_match 'generation [0-9]+ \(pid [0-9]+\) ready' "$(cat "$TMP/answer.log")" "$spare spare"
			version=v$spare
			made=$((made + 1))
		else
			expect_match 'serves on$' "$(tail -n 1 "$TMP/answer.log")" "$spare spare: refusal"
			expect_eq "$version" "$(tag_now)" "$spare spare: who serves"
			refused=$((refused + 1))
			echo "$spare spare: $(tail -n 1 "$TMP/answer.log")"
		fi
		limit 1024
		wait_for 10 old_are_gone
		wait_for 5 tag_is "$version"
	done
	echo "$*: $made restarts, $refused refused"
	tag_set last
	restart
	wait_for 5 tag_is last
	wait_for 10 old_are_gone
	load_end
	wait_for 5 descriptors_are "$FLIP_PID" "$descriptors_before"
	expect_eq 2 "$(process_count)" "processes"
	end_all
}

# They are taken away in the midst of a restart, and given back later.
any_moment() {
	local n made=0 pid
	tag_set v0
	start_flip --ready-timeout=5s -- server --wait=epoll --tag-file="$TMP/tag"
	wait_for 10 status_has ': serving,'
	load_start --pause-ms=1
	for n in $(seq 30); do
		tag_set "v$n"
		"$FLIP" restart "$FLIP_PID" >"$TMP/answer.log" 2>&1 &
		pid=$!
		sleep 0.00$((n % 10))
		limit_to_spare $((n % 3))
		sleep 0.05
		limit 1024
		if wait "$pid"; then
			made=$((made + 1))
			wait_for 5 tag_is "v$n"
		else
			expect_match 'serves on$' "$(tail -n 1 "$TMP/answer.log")" "refusal"
		fi
		wait_for 10 old_are_gone
	done
	echo "any moment: $made of 30 restarts"
	load_end
	expect_eq 2 "$(process_count)" "processes"
	end_all
}

# Who asks has none itself.
asker_has_none() {
	tag_set v1
	start_flip -- server --wait=epoll --tag-file="$TMP/tag"
	wait_for 10 status_has ': serving,'
	# The loader needs one; to find the services and to ask one takes two.
	(ulimit -n 4; "$FLIP" restart "$FLIP_PID") >"$TMP/answer" 2>&1
	expect_eq 125 $? "without descriptors: $(cat "$TMP/answer")"
	expect_match '^flip: cannot ask the service server: Too many open files$' "$(cat "$TMP/answer")"
	status_has ', 0 restarts$' || fail "status: $OUTPUT"
	restart
	end_all
}

control_without_flip
asker_has_none
any_moment
few
few --on-crash=restart
pass
