#!/bin/bash
# Twenty `flip restart` at once: each has its own answer, which is a generation or a refusal, and there are
# as many generations as answers that name one.
. "$(dirname "$0")/lib.sh"

ASKERS=20

ask_at_once() {
	local i pids=()
	for i in $(seq $ASKERS); do
		( "$FLIP" restart "$SUPERVISOR_PID" >"$TMP/answer.$i" 2>&1; echo $? >"$TMP/code.$i" ) &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait_for 20 not is_running "$i"
	done
	wait "${pids[@]}"
}

# The numbers of the generations that were answered, in MADE.
answers_check() {
	local i last
	MADE=()
	for i in $(seq $ASKERS); do
		last=$(tail -n 1 "$TMP/answer.$i")
		case $(cat "$TMP/code.$i") in
		0)
			expect_match '^generation ([0-9]+) \(pid [0-9]+\) ready in [0-9]+ ms' "$last" "answer"
			MADE+=("${BASH_REMATCH[1]}")
			;;
		1) expect_match '^(upgrade in progress: |old generation has not exited: )' "$last" "answer" ;;
		*) fail "answer $i: code $(cat "$TMP/code.$i"): $last" ;;
		esac
	done
}

answers_each() {
	local round restarts=0
	serve server --wait=epoll
	load_start --pause-ms=1
	for round in 1 2 3 4 5; do
		ask_at_once
		answers_check
		[ ${#MADE[@]} -gt 0 ] || fail "round $round: nobody got a generation"
		expect_eq "${#MADE[@]}" "$(printf '%s\n' "${MADE[@]}" | sort -u | wc -l)" \
			"generations of ${MADE[*]}"
		restarts=$((restarts + ${#MADE[@]}))
		wait_for 10 old_are_gone
		status_has ", $restarts restarts?\$" || fail "round $round, $restarts by the answers: $OUTPUT"
	done
	restart "$SUPERVISOR_PID"
	load_end
	echo "$restarts generations of $((ASKERS * 5)) requests"
	wait_for 10 old_are_gone
	expect_eq 2 "$(process_count)" "processes"
}

control_without_flip
in_both_faces answers_each
pass
